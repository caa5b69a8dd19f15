#include "frontd/status.h"

#include <string.h>

#include "base/algorithm.h"
#include "base/text.h"
#include "base/time.h"
#include "frontd/authz.h"
#include "frontd/crls.h"
#include "frontd/front.h"
#include "frontd/pki.h"
#include "frontd/scheduler.h"
#include "frontd/profile_view.h"
#include "frontd/rules.h"
#include "frontd/signer.h"
#include "frontd/view.h"
#include "wire/inner_ask.h"

static json_t *slice_json(struct slice s)
{
	return json_stringn(s.len ? (const char *)s.at : "", s.len);
}

static json_t *algorithms_json(unsigned mask)
{
	json_t *out = json_array();
	const struct algorithm *a;
	for (size_t i = 0; out && (a = algorithm_at(i)); i++)
		if (mask & (1u << a->number))
			json_array_append_new(out, json_string(a->name));
	return out;
}

static json_t *driver_json(uint8_t state, const struct driver_report *report)
{
	static const char *const states[] = { "unknown", "ready", "away", "latched" };
	char since[TIME_TEXT_SIZE];
	time_text(report->since, since);
	return json_pack("{s:o, s:s, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:{s:o, s:o, s:o, s:o, s:I, s:o}}", "name",
			 slice_json(report->name), "state", states[state < 4 ? state : 0], "detail",
			 slice_json(report->detail), "since", since, "workers", (json_int_t)report->workers, "waiting",
			 (json_int_t)report->waiting, "signatures", (json_int_t)report->signatures, "failures",
			 (json_int_t)report->failures, "recoveries", (json_int_t)report->recoveries, "token", "label",
			 slice_json(report->label), "serial", slice_json(report->serial), "manufacturer",
			 slice_json(report->manufacturer), "model", slice_json(report->model), "flags",
			 (json_int_t)report->token_flags, "algorithms", algorithms_json(report->algorithms));
}

static json_t *drivers_json(struct list list)
{
	json_t *out = json_array();
	uint8_t state;
	struct slice item;
	struct driver_report report;
	while (out && list_next(&list, &state, &item))
		if (report_driver_get(item, &report))
			json_array_append_new(out, driver_json(state, &report));
	return out;
}

static json_t *latches_json(struct list list)
{
	json_t *out = json_array();
	uint8_t tag;
	struct slice item;
	while (out && list_next(&list, &tag, &item))
		json_array_append_new(out, slice_json(item));
	return out;
}

static json_t *signer_json(struct front *f)
{
	char why[160] = "";
	bool ready = signer_ready(f->signer, why);
	json_t *out = json_pack("{s:b, s:s?}", "ready", ready, "why", ready ? NULL : why);
	struct status_request request;
	memset(&request, 0, sizeof(request));
	struct status_reply r;
	scoped_answer answer = { .body = { NULL, 0 } };
	if (!out || !ready || signer_status(f->signer, &request, &r, &answer) != SIGNER_DONE)
		return out;
	char id[2 * LEDGER_ID_SIZE + 1], now[TIME_TEXT_SIZE];
	hex_encode(r.ledger_id, LEDGER_ID_SIZE, id);
	time_text(r.now, now);
	json_t *more = json_pack("{s:s, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:o, s:o}", "ledger_id", id, "head",
				 (json_int_t)r.head, "checkpoint_size", (json_int_t)r.checkpoint_size, "time", now,
				 "bound_keys", (json_int_t)r.bound_keys, "unbound_keys", (json_int_t)r.unbound_keys,
				 "in_flight", (json_int_t)r.in_flight, "disk_free", (json_int_t)r.disk_free, "drivers",
				 drivers_json(r.drivers), "latches", latches_json(r.latches));
	json_object_update(out, more);
	json_decref(more);
	return out;
}

int status_get(struct front *f, struct call *c)
{
	char started[TIME_TEXT_SIZE];
	time_text(f->started, started);
	return call_reply(c, 200,
			  json_pack("{s:{s:s, s:s, s:I}, s:o, s:o, s:o, s:{s:b}}", "frontend", "version",
				    CHANCERY_VERSION, "started_at", started, "uptime_seconds",
				    (json_int_t)(time_now() - f->started), "signer", signer_json(f), "rotation",
				    scheduler_json(f->scheduler), "crls", crls_json(f->crls), "store", "writable",
				    pki_store_writable(f)));
}

int whoami_get(struct front *f, struct call *c)
{
	(void)f;
	return call_reply(c, 200,
			  json_pack("{s:s, s:I, s:I, s:o}", "actor", c->who->actor, "uid", (json_int_t)c->who->peer.uid,
				    "gid", (json_int_t)c->who->peer.gid, "roles", authz_roles_json(c->who->roles)));
}

int profiles_list(struct front *f, struct call *c)
{
	scoped_rules *rules = rules_hold(f->rules);
	json_t *data = json_array();
	const struct profile *p;
	for (size_t i = 0; data && (p = profile_at(rules->profiles, i)); i++)
		json_array_append_new(data, profile_view(p, f->pki_base_url));
	return call_reply(c, 200, data ? json_pack("{s:o}", "data", data) : NULL);
}

int profiles_get(struct front *f, struct call *c)
{
	scoped_rules *rules = rules_hold(f->rules);
	const struct profile *p = profile_find(rules->profiles, c->param[0]);
	if (!p)
		return call_refuse(c, 404, "profile_unknown", NULL, "There is no such profile.");
	return call_reply(c, 200, profile_view(p, f->pki_base_url));
}

int templates_list(struct front *f, struct call *c)
{
	scoped_rules *rules = rules_hold(f->rules);
	json_t *data = json_array();
	const struct template *t;
	for (size_t i = 0; data && (t = template_at(rules->templates, i)); i++)
		json_array_append_new(data, json_pack("{s:s, s:s, s:o}", "name", t->name, "description", t->description,
						      "name_constraints", view_constraints(&t->constraints)));
	return call_reply(c, 200, data ? json_pack("{s:o}", "data", data) : NULL);
}
