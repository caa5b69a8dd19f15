#include "frontd/plan.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/ceiling.h"
#include "frontd/check.h"
#include "frontd/context.h"
#include "frontd/default_algorithm.h"
#include "frontd/input.h"
#include "frontd/subject.h"
#include "frontd/urls.h"
#include "frontd/view.h"
#include "wire/inner.h"

#define DAY 86400
#define MAX_CA_NAME 64	   /* characters: with the issuer's it must fit the ledger's context */
#define MAX_METADATA 384   /* bytes of compact JSON: likewise */
#define MAX_TTL_DAYS 36500 /* a hundred years */
#define MAX_URL 512
#define MAX_PACKED_LISTS (1024 * 1024)

static void read_ids(struct call *c, struct plan *p)
{
	context_request_id(c, p->request_id);
	memcpy(p->key_request_id, p->request_id, sizeof(p->key_request_id));
	p->key_request_id[15] ^= 0xff; /* key and certificate are two requests of one operation */
	context_id("ica-", p->request_id, p->id);
}

void plan_init(struct call *c, struct plan *p)
{
	*p = (struct plan){ .token = "", .key_uri = "", .predecessor_id = "", .asked_path_len = PATH_LEN_UNASKED };
	items_init(&p->subject);
	items_init(&p->urls);
	buf_init(&p->fold, MAX_PACKED_LISTS);
	constraints_buf_init(&p->asked);
	constraints_buf_init(&p->stated);
	constraints_buf_init(&p->effective);
	buf_init(&p->metadata, MAX_METADATA + 1);
	buf_init(&p->context, MAX_CONTEXT);
	buf_init(&p->packed_stated, MAX_PACKED_LISTS);
	buf_init(&p->packed_effective, MAX_PACKED_LISTS);
	read_ids(c, p);
}

void plan_free(struct plan *p)
{
	issuer_row_free(&p->issuer);
	chain_free(&p->above);
	csr_free(&p->csr);
	items_free(&p->subject);
	items_free(&p->urls);
	buf_free(&p->fold);
	constraints_buf_free(&p->asked);
	constraints_buf_free(&p->stated);
	constraints_buf_free(&p->effective);
	buf_free(&p->metadata);
	buf_free(&p->context);
	buf_free(&p->packed_stated);
	buf_free(&p->packed_effective);
}

static const char *parent_id(const struct plan *p)
{
	return p->above.count ? row_text(p->above.ca[0].id) : "";
}

bool plan_outside(const struct plan *p)
{
	return p->above.count && ca_offline(&p->above.ca[0]);
}

/* A second request with one Idempotency-Key finds the row of the first, which is no stranger. */
static bool is_own(const struct plan *p, const struct ca_row *row)
{
	return slice_equal(row->id, slice_text(p->id));
}

static int count_live(void *with, const struct ca_row *row)
{
	int *live = with;
	const char *state = row_text(row->state);
	*live += strcmp(state, "retired") != 0 && strcmp(state, "revoked") != 0;
	return 0;
}

/* One successor, to a CA that is in use; in single mode too, where the two are the one CA. */
static int check_predecessor(struct store_session *s, const struct plan *p)
{
	scoped_row(ca) before = { 0 }, successor = { 0 };
	int r = store_ca_find(s, p->predecessor_id, &before);
	if (r || !slice_equal(before.state, slice_text("active")))
		return r < 0 ? r : PLAN_PREDECESSOR;
	r = store_ca_find_successor(s, p->predecessor_id, &successor);
	bool live = r == STORE_DONE && (slice_equal(successor.state, slice_text("created")) ||
					slice_equal(successor.state, slice_text("active")));
	return r < 0 ? r : live && !is_own(p, &successor) ? PLAN_SUCCEEDED : 0;
}

int plan_check(struct store_session *s, const struct plan *p)
{
	scoped_row(ca) named = { 0 }, subject = { 0 }, parent = { 0 };
	int r = *p->predecessor_id ? check_predecessor(s, p) : 0;
	if (r)
		return r;
	r = store_ca_find_name(s, row_text(p->issuer.id), p->name, &named);
	if (r == STORE_DONE && !is_own(p, &named))
		return PLAN_NAME_TAKEN;
	if (r >= 0)
		r = store_ca_find_subject(s, buf_slice(&p->fold), &subject);
	if (r == STORE_DONE && !is_own(p, &subject))
		return PLAN_SUBJECT_TAKEN;
	if (r >= 0 && p->above.count) {
		r = store_ca_find(s, parent_id(p), &parent);
		if (r == STORE_DONE && !slice_equal(parent.state, slice_text("active")))
			return PLAN_PARENT_STATE;
		if (r == STORE_DONE && parent.held.len)
			return PLAN_PARENT_HELD;
	}
	if (r < 0 || *p->predecessor_id || !slice_equal(p->issuer.hierarchy_mode, slice_text("single")))
		return r < 0 ? r : 0;
	int live = 0;
	r = store_ca_list(s, row_text(p->issuer.id), count_live, &live);
	return r ? r : live ? PLAN_SINGLE : 0;
}

int plan_refuse(struct call *c, int answer)
{
	switch (answer) {
	case PLAN_NAME_TAKEN:
		return call_refuse(c, 409, "duplicate_name", "name",
				   "A CA of this name that is not retired exists in this issuer already.");
	case PLAN_SUBJECT_TAKEN:
		return call_refuse(
			c, 400, "subject_taken", "subject",
			"A CA with this subject is known already; a subject is never used with another key.");
	case PLAN_PARENT_STATE:
		return call_refuse(c, 409, "parent_not_active", "parent_ca_id",
				   "The parent CA is not active; only an active CA signs new ones.");
	case PLAN_PARENT_HELD:
		return call_refuse(c, 409, "ca_held", "parent_ca_id",
				   "The parent CA issues nothing until an administrator lifts what holds it.");
	case PLAN_SINGLE:
		return call_refuse(
			c, 409, "single_mode", NULL,
			"This issuer is in single mode and has its one CA; set hierarchy_mode to \"tree\" first.");
	case PLAN_SUCCEEDED:
		return call_refuse(c, 409, "successor_exists", NULL, "The CA has a successor already.");
	case PLAN_PREDECESSOR:
		return call_refuse(c, 409, "ca_not_active", NULL,
				   "The CA is not active any more; only an active CA gets a successor.");
	}
	return answer_store(c);
}

struct ca_row plan_row(const struct plan *p, const struct call *c, const char *state)
{
	struct ca_row row = { .id = slice_text(p->id),
			      .issuer_id = p->issuer.id,
			      .parent_id = slice_text(parent_id(p)),
			      .name = slice_text(p->name),
			      .state = slice_text(state),
			      .subject = buf_slice(&p->subject.raw),
			      .subject_fold = buf_slice(&p->fold),
			      .token = slice_text(p->token),
			      .key_uri = slice_text(p->key_uri),
			      .algorithm = p->algorithm->number,
			      .path_len = p->path_len,
			      .constraints = buf_slice(&p->packed_stated),
			      .effective = buf_slice(&p->packed_effective),
			      .metadata = buf_slice(&p->metadata),
			      .actor = slice_text(c->who->actor),
			      .not_before = p->not_before,
			      .not_after = p->not_after,
			      .rotation = slice_text(p->rule),
			      .predecessor_id = slice_text(p->predecessor_id),
			      .ttl = p->ttl,
			      .outsider = p->foreign };
	memcpy(row.request_id, p->request_id, sizeof(row.request_id));
	row.created_at = row.updated_at = time_now();
	return row;
}

int plan_reserve(struct store_session *s, const struct plan *p, const struct ca_row *row, bool *again)
{
	/* An earlier try with the same id may have left its reservation, with a key that then waits again. */
	int r = store_proposal_expire(s, time_now());
	if (!r)
		r = store_ca_delete(s, p->id);
	if (!r)
		r = store_key_free(s);
	if (r >= 0)
		r = plan_check(s, p);
	scoped_row(ca) own = { 0 };
	if (!r)
		r = store_ca_find(s, p->id, &own);
	*again = r == STORE_DONE;
	return r == STORE_NONE ? store_ca_insert(s, row) : r;
}

static int read_parent(struct front *f, struct call *c, struct plan *p)
{
	const char *parent;
	int r = input_text(c, "parent_ca_id", false, 64, &parent);
	if (r)
		return r;
	scoped_session *s = NULL;
	if (store_read(f->store, &s))
		return answer_store(c);
	r = store_issuer_find(s, c->param[0], &p->issuer);
	if (r)
		return r < 0 ? answer_store(c) : answer_no_issuer(c);
	if (!parent)
		return 0;
	r = chain_load(s, parent, &p->above);
	if (r < 0)
		return answer_store(c);
	if (r || !slice_equal(p->above.ca[0].issuer_id, p->issuer.id) || ca_reserved(&p->above.ca[0]))
		return call_refuse(c, 404, "ca_not_found", "parent_ca_id",
				   "There is no such parent CA in this issuer.");
	if (p->above.ca[0].outsider)
		return answer_key_elsewhere(c, &p->above.ca[0], "parent_ca_id");
	if (p->above.count == MAX_CHAIN)
		return call_refuse(c, 400, "path_len_exceeded", "parent_ca_id",
				   "At most %d CAs can stand above each other.", MAX_CHAIN);
	return 0;
}

static int read_algorithm(struct front *f, struct call *c, struct plan *p)
{
	const char *name;
	int r = input_text(c, "algorithm", false, 32, &name);
	if (r)
		return r;
	p->algorithm = name ? algorithm_by_name(name) : default_algorithm(f);
	if (p->algorithm)
		return 0;
	return call_refuse(
		c, 400, "algorithm_not_supported", "algorithm",
		"algorithm must be RSA-2048, RSA-3072, RSA-4096, ECDSA-P256, ECDSA-P384, ECDSA-P521 or Ed25519.");
}

/* With the numbers that would work: from the root down each is one less, and the last is what was asked for. */
static int refuse_below_zero(struct call *c, size_t line, unsigned last)
{
	scoped_buf numbers = { .max = 256 };
	for (size_t i = 0; i < line; i++)
		buf_printf(&numbers, "%s%zu", i == 0 ? "" : i + 1 == line ? " and " : ", ", line - 1 - i + last);
	return call_refuse(c, 400, "path_len_exceeded", "path_len_constraint",
			   "The parent's path_len_constraint is 0: it can have no CA below it. %zu CAs in a line work "
			   "with at least %.*s, from the root down.",
			   line, (int)numbers.len, numbers.at ? (const char *)numbers.at : "");
}

static int read_path_len(struct call *c, struct plan *p)
{
	bool there;
	int64_t asked = 0;
	int r = input_integer(c, "path_len_constraint", 0, 255, &there, &asked);
	if (r)
		return r;
	bool single = slice_equal(p->issuer.hierarchy_mode, slice_text("single"));
	uint16_t parent = p->above.count ? p->above.ca[0].path_len : PATH_LEN_NONE;
	if (single && there && asked > 0)
		return call_refuse(c, 400, "path_len_exceeded", "path_len_constraint",
				   "The one CA of an issuer in single mode has path_len_constraint 0.");
	if (parent == 0)
		return refuse_below_zero(c, p->above.count + 1, there ? (unsigned)asked : 0);
	if (parent != PATH_LEN_NONE && there && asked >= parent)
		return call_refuse(c, 400, "path_len_exceeded", "path_len_constraint",
				   "path_len_constraint must be less than the parent's, so from 0 to %d.", parent - 1);
	p->asked_path_len = there ? (int)asked : PATH_LEN_UNASKED;
	p->path_len = there			? (uint16_t)asked
		      : single			? 0
		      : parent == PATH_LEN_NONE ? PATH_LEN_NONE
						: (uint16_t)(parent - 1);
	return 0;
}

static int read_validity(struct front *f, struct call *c, struct plan *p)
{
	bool there;
	int64_t days = p->above.count ? f->ca_days : f->root_days;
	const struct ca_row *issuer = p->above.count ? &p->above.ca[0] : NULL;
	struct validity v = { .kind = p->foreign ? KIND_SUBCA_FOREIGN : KIND_CA };
	int r = input_integer(c, "ttl_days", 1, MAX_TTL_DAYS, &there, &days);
	if (r)
		return r;
	r = plan_set_validity(f, c, p, there ? days * DAY : ceiling_within(f, issuer, v.kind, days * DAY));
	v.not_before = p->not_before;
	v.not_after = p->not_after;
	return r ? r : ceiling_check(f, c, issuer, &v);
}

int plan_set_validity(struct front *f, struct call *c, struct plan *p, int64_t ttl)
{
	int64_t now = request_time(p->request_id);
	p->not_before = now - f->backdate;
	p->not_after = p->not_before + ttl - 1; /* inclusive at both ends: RFC 5280 4.1.2.5 */
	if (!p->above.count)
		return 0;
	int64_t first = chain_not_before(&p->above), last = chain_not_after(&p->above);
	if (now > last || now < first)
		return call_refuse(c, 400, "issuer_expired", "parent_ca_id",
				   "The parent's chain is not valid now, so it can sign nothing.");
	if (p->not_before < first)
		p->not_before = first;
	p->capped = p->not_after > last;
	if (p->capped) {
		p->not_after = last;
		p->ttl = ttl;
	}
	return 0;
}

static bool url_good(const char *url)
{
	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return false;
	for (const char *at = url; *at; at++)
		if (*at <= ' ' || *at > '~' || strchr("\"<>\\^`{|}", *at))
			return false;
	return strlen(strstr(url, "://")) > 3;
}

static int read_urls(struct front *f, struct call *c, struct plan *p)
{
	const char *ocsp;
	int r = input_text(c, "ocsp_responder_url", false, MAX_URL, &ocsp);
	if (r)
		return r;
	if (ocsp && !url_good(ocsp))
		return call_refuse(c, 400, "bad_field", "ocsp_responder_url",
				   "ocsp_responder_url must be an http or https URL.");
	if (p->above.count)
		urls_put(f, &p->above.ca[0], &p->urls);
	if (ocsp)
		items_put(&p->urls, URL_OCSP, slice_text(ocsp));
	else if (p->above.count)
		urls_put_responder(f, &p->above.ca[0], &p->urls);
	return 0;
}

static int read_metadata(struct call *c, struct plan *p)
{
	json_t *metadata = json_object_get(c->body, "metadata");
	if (!metadata || json_is_null(metadata))
		return 0;
	if (!json_is_object(metadata))
		return call_refuse(c, 400, "bad_field", "metadata", "metadata must be an object.");
	char *text = json_dumps(metadata, JSON_COMPACT);
	if (text)
		buf_put_text(&p->metadata, text);
	free(text);
	if (!text || !buf_ok(&p->metadata) || p->metadata.len > MAX_METADATA)
		return call_refuse(c, 400, "metadata_too_large", "metadata",
				   "metadata must have at most %d bytes as compact JSON.", MAX_METADATA);
	return 0;
}

static int write_context(struct call *c, struct plan *p)
{
	buf_put_u8(&p->metadata, 0);
	struct context_words words = {
		.op = "ca", .issuer = &p->issuer, .ca = p->id, .name = p->name, .parent = parent_id(p)
	};
	words.key_uri = p->key_uri;
	char valid[48];
	if (plan_outside(p)) {
		snprintf(valid, sizeof(valid), "%lld-%lld", (long long)p->not_before, (long long)p->not_after);
		words.op = "csr";
		words.valid = valid;
	}
	words.template = p->template;
	words.predecessor = p->predecessor_id;
	words.rotation = p->rule;
	words.ttl = p->ttl;
	words.metadata = p->metadata.len > 1 ? (const char *)p->metadata.at : NULL;
	p->metadata.len--;
	if (context_put(&p->context, c, &words))
		return call_refuse(c, 400, "metadata_too_large", "metadata",
				   "name, metadata and key_driver_id together are too long for the ledger's record.");
	return 0;
}

/* What the signer would be asked for, but for the key, which it makes itself. */
static int check_fields(struct call *c, const struct plan *p)
{
	struct lint_report report;
	struct cert_sign_request fields = { .kind = p->foreign ? KIND_SUBCA_FOREIGN : KIND_CA,
					    .not_before = p->not_before,
					    .not_after = p->not_after,
					    .key_form = p->foreign ? KEY_FOREIGN : KEY_LOCAL,
					    .subject_key = p->csr.public_key,
					    .subject = items_list(&p->subject),
					    .path_len = p->path_len,
					    .permitted = constraints_of(&p->stated).permitted,
					    .excluded = constraints_of(&p->stated).excluded,
					    .urls = items_list(&p->urls) };
	return check_request(&fields, LINT_ERROR, &report) ? answer_lint(c, &report, NULL) : 0;
}

static int plan_read(struct front *f, struct call *c, struct plan *p)
{
	int r = foreign_read(c, p);
	if (!r && !p->foreign)
		r = read_algorithm(f, c, p);
	if (!r && !p->subject.count)
		r = subject_read(c, &p->subject);
	if (r)
		return r;
	subject_fold(items_list(&p->subject), &p->fold);
	r = read_path_len(c, p);
	if (!r)
		r = plan_read_constraints(c, &p->asked);
	if (!r)
		r = plan_read_template(f, c, p);
	if (!r)
		r = plan_constraints(c, p);
	if (!r && p->foreign)
		r = foreign_check(c, p);
	if (!r)
		r = read_validity(f, c, p);
	if (!r)
		r = read_urls(f, c, p);
	return r;
}

static int expire_work(struct store_session *s, void *with)
{
	return store_proposal_expire(s, *(const int64_t *)with);
}

/* What an expired proposal kept is free. */
static int expire(struct front *f, struct call *c)
{
	int64_t now = time_now();
	return store_change(f->store, expire_work, &now) ? answer_store(c) : 0;
}

/* Before anything else is looked at, so that who repeats a name hears of the name. */
static int name_free(struct front *f, struct call *c, const struct plan *p)
{
	scoped_session *s = NULL;
	scoped_row(ca) named = { 0 };
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = store_ca_find_name(s, row_text(p->issuer.id), p->name, &named);
	if (r < 0)
		return answer_store(c);
	return r == STORE_DONE && !is_own(p, &named) ? plan_refuse(c, PLAN_NAME_TAKEN) : 0;
}

int plan_begin(struct front *f, struct call *c, const char *const *known, struct plan *p)
{
	plan_init(c, p);
	int r = input_members(c, known);
	if (!r)
		r = input_text(c, "name", true, MAX_CA_NAME, &p->name);
	if (!r)
		r = read_parent(f, c, p);
	if (!r)
		r = expire(f, c);
	return r ? r : name_free(f, c, p);
}

int plan_end(struct front *f, struct call *c, struct plan *p)
{
	bool ruled;
	int r = *p->predecessor_id ? 0 : read_metadata(c, p);
	if (!r && !*p->predecessor_id)
		r = rule_read(c, &ruled, p->rule);
	if (!r)
		r = check_fields(c, p);
	if (!r)
		r = write_context(c, p);
	if (r)
		return r;
	scoped_session *s = NULL;
	if (store_read(f->store, &s))
		return answer_store(c);
	r = plan_check(s, p);
	return r ? plan_refuse(c, r) : 0;
}

int plan_make(struct front *f, struct call *c, struct plan *p)
{
	static const char *const known[] = { "name",
					     "subject",
					     "algorithm",
					     "ttl_days",
					     "parent_ca_id",
					     "path_len_constraint",
					     "name_constraints",
					     "constraint_template",
					     "ocsp_responder_url",
					     "metadata",
					     RULE_FIELD,
					     FOREIGN_FIELD,
					     NULL };
	int r = plan_begin(f, c, known, p);
	p->token = f->default_token;
	if (!r)
		r = plan_read(f, c, p);
	if (!r)
		r = plan_end(f, c, p);
	return r < 0 ? answer_store(c) : r;
}

const char *plan_asked(const struct plan *p, struct buf *out)
{
	struct constraints asked = constraints_of(&p->asked);
	transition_limits(p->asked_path_len, &asked, out);
	buf_put_u8(out, 0);
	return buf_ok(out) ? (const char *)out->at : NULL;
}

int plan_reply(struct call *c, const struct plan *p)
{
	struct constraints stated = constraints_of(&p->stated), effective = constraints_of(&p->effective);
	json_t *view = json_pack("{s:b, s:s, s:o, s:o, s:s, s:o, s:o, s:b, s:o, s:o, s:o}", "dry_run", 1, "name",
				 p->name, "subject", view_name(buf_slice(&p->subject.raw)), "parent_ca_id",
				 p->above.count ? json_string(parent_id(p)) : json_null(), "algorithm",
				 p->algorithm->name, "not_before", view_time(p->not_before), "not_after",
				 view_time(p->not_after), "not_after_capped", (int)p->capped, "path_len_constraint",
				 view_path_len(p->path_len), "name_constraints", view_constraints(&stated),
				 "effective_name_constraints", view_constraints(&effective));
	return call_reply(c, 200, view);
}
