#include "frontd/tokens.h"

#include <pthread.h>
#include <string.h>

#include "base/time.h"
#include "frontd/front.h"
#include "frontd/metrics.h"
#include "frontd/signer.h"
#include "frontd/view.h"
#include "wire/inner_ask.h"

#define KEPT_MS 1000

/* The last answer; its lists point into bytes. Of a signer that has ended since it says nothing. */
static struct {
	pthread_mutex_t lock;
	int64_t asked; /* boot milliseconds; 0: never */
	unsigned link; /* over which */
	bool known;
	struct status_reply reply;
	struct signer_answer answer;
	uint64_t signed_size; /* of the newest signed head that was seen, */
	int64_t signed_at;    /* and when it was first seen, or last seen to cover every record */
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* With the lock held: whether the signer says how it is. */
static bool kept_look(struct front *f)
{
	struct status_request request;
	unsigned link = signer_link(f->signer);
	int64_t now = time_boot_ms();
	if (kept.asked && now - kept.asked < KEPT_MS && kept.link == link && kept.known == (link != 0))
		return kept.known;
	signer_answer_free(&kept.answer);
	memset(&request, 0, sizeof(request));
	kept.asked = now;
	kept.link = link;
	kept.known = link && signer_status(f->signer, &request, &kept.reply, &kept.answer) == SIGNER_DONE;
	if (kept.known && (kept.reply.checkpoint_size != kept.signed_size || kept.reply.head == kept.signed_size)) {
		kept.signed_size = kept.reply.checkpoint_size;
		kept.signed_at = now;
	}
	return kept.known;
}

static bool next_driver(struct list *l, uint8_t *state, struct driver_report *driver)
{
	struct slice item;
	while (list_next(l, state, &item))
		if (report_driver_get(item, driver))
			return true;
	return false;
}

json_t *tokens_json(struct front *f, bool *any)
{
	json_t *out = json_array();
	struct driver_report driver;
	uint8_t state;
	*any = false;
	pthread_mutex_lock(&kept.lock);
	struct list l = kept_look(f) ? kept.reply.drivers : (struct list){ 0 };
	while (out && next_driver(&l, &state, &driver)) {
		bool ready = state == DRIVER_READY;
		*any = *any || ready;
		json_array_append_new(out, json_pack("{s:o, s:b, s:o}", "name", view_text(driver.name), "ready", ready,
						     "why", ready ? json_null() : view_text(driver.detail)));
	}
	pthread_mutex_unlock(&kept.lock);
	return out;
}

static uint64_t is_ready(uint8_t state, const struct driver_report *d)
{
	(void)d;
	return state == DRIVER_READY;
}
#define COUNT(name)                                                                                                    \
	static uint64_t get_##name(uint8_t state, const struct driver_report *d)                                       \
	{                                                                                                              \
		(void)state;                                                                                           \
		return d->name;                                                                                        \
	}
COUNT(waiting)
COUNT(signatures)
COUNT(failures)
COUNT(recoveries)

static const struct {
	const char *name, *type, *help;
	uint64_t (*get)(uint8_t state, const struct driver_report *d);
} families[] = {
	{ "chancery_token_ready", "gauge", "1 while the token's driver answers and is logged in.", is_ready },
	{ "chancery_token_waiting", "gauge", "Requests that wait for the token.", get_waiting },
	{ "chancery_token_signatures_total", "counter", "Signatures since its driver started.", get_signatures },
	{ "chancery_token_failures_total", "counter", "Failed calls since its driver started.", get_failures },
	{ "chancery_token_recoveries_total", "counter",
	  "Sessions or handles lost and made anew since its driver started.", get_recoveries },
};

static void signer_print(const struct status_reply *r, struct buf *out)
{
	const struct {
		const char *name, *help;
		uint64_t value;
	} gauges[] = {
		{ "chancery_signer_latches", "Reasons why the signer, or a key, has stopped signing.",
		  r->latches.count },
		{ "chancery_ledger_records", "Records on the ledger.", r->head },
		{ "chancery_ledger_unsigned_records", "Records after the newest signed checkpoint.",
		  r->head - r->checkpoint_size },
		{ "chancery_ledger_head_age_seconds",
		  "Since when records have waited for a signed head, as seen by who asks; 0: none waits.",
		  (uint64_t)(time_boot_ms() - kept.signed_at) / 1000 },
		{ "chancery_signer_in_flight", "Requests that the signer works on.", r->in_flight },
		{ "chancery_signer_keys_bound", "Keys of CAs that the signer knows.", r->bound_keys },
		{ "chancery_ledger_free_bytes", "Bytes left on the ledger's disk.", r->disk_free },
		{ "chancery_signer_keys_unbound", "Keys that wait for their first certificate.", r->unbound_keys },
	};
	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
		buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %llu\n", gauges[i].name, gauges[i].help,
			   gauges[i].name, gauges[i].name, (unsigned long long)gauges[i].value);
}

void tokens_metrics(struct front *f, struct buf *out)
{
	struct driver_report driver;
	uint8_t state;
	pthread_mutex_lock(&kept.lock);
	bool known = kept_look(f);
	for (size_t i = 0; known && i < sizeof(families) / sizeof(families[0]); i++) {
		struct list l = kept.reply.drivers;
		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", families[i].name, families[i].help, families[i].name,
			   families[i].type);
		while (next_driver(&l, &state, &driver)) {
			char name[65];
			scoped_buf label = { .max = 256 };
			slice_to_text(driver.name, name, sizeof(name));
			metrics_label(&label, "token", name);
			buf_printf(out, "%s{%.*s} %llu\n", families[i].name, (int)label.len, (const char *)label.at,
				   (unsigned long long)families[i].get(state, &driver));
		}
	}
	if (known)
		signer_print(&kept.reply, out);
	pthread_mutex_unlock(&kept.lock);
}
