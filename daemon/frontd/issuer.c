/* The handlers of issuers. */
#include <string.h>

#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/chain.h"
#include "frontd/context.h"
#include "frontd/front.h"
#include "frontd/hierarchy.h"
#include "frontd/input.h"
#include "frontd/note.h"
#include "frontd/rule.h"
#include "frontd/view.h"

#define MAX_NAME_CHARACTERS 64

enum { ISSUER_NAME_TAKEN = STORE_WORK, ISSUER_MANY_CAS, ISSUER_CA_UNKNOWN };

static int issuer_note(struct front *f, struct call *c, const uint8_t request_id[16], const struct issuer_row *row,
		       struct signer_hold *hold, uint64_t *noted)
{
	struct context_words words = { .op = "issuer", .issuer = row };
	int r = note_take(f, c, request_id, &words, hold, noted);
	return r < 0 ? call_refuse(c, 400, "bad_field", "name", "name is too long.") : r;
}

static int input_mode(struct call *c, const char *fallback, const char **mode)
{
	int r = input_text(c, "hierarchy_mode", false, 16, mode);
	if (r)
		return r;
	if (!*mode)
		*mode = fallback;
	if (strcmp(*mode, "single") != 0 && strcmp(*mode, "tree") != 0)
		return call_refuse(c, 400, "bad_field", "hierarchy_mode",
				   "hierarchy_mode must be \"single\" or \"tree\".");
	return 0;
}

static int issuer_find_name_work(struct store_session *s, void *with)
{
	struct issuer_row *row = with;
	scoped_row(issuer) other = { 0 };
	int r = store_issuer_find_name(s, row_text(row->name), &other);
	return r == STORE_DONE ? ISSUER_NAME_TAKEN : r == STORE_NONE ? 0 : r;
}

static int issuer_insert_work(struct store_session *s, void *with)
{
	struct issuer_row *row = with;
	scoped_row(issuer) same = { 0 };
	int r = store_issuer_find(s, row_text(row->id), &same);
	if (r == STORE_DONE || r < 0)
		return r; /* a repeated request, or the catch-up was quicker */
	r = issuer_find_name_work(s, row);
	return r ? r : store_issuer_insert(s, row);
}

static int name_taken(struct call *c)
{
	return call_refuse(c, 409, "duplicate_name", "name", "An issuer of this name exists already.");
}

static int issuer_reply(struct call *c, unsigned status, const struct issuer_row *row)
{
	return call_reply(c, status, view_issuer(row));
}

int issuer_create(struct front *f, struct call *c)
{
	static const char *const known[] = { "name", "hierarchy_mode", RULE_FIELD, NULL };
	char rule[RULE_TEXT];
	bool ruled;
	const char *name, *mode;
	int r = input_members(c, known);
	if (!r)
		r = input_text(c, "name", true, MAX_NAME_CHARACTERS, &name);
	if (!r)
		r = input_mode(c, "tree", &mode);
	if (!r)
		r = rule_read(c, &ruled, rule);
	if (r)
		return r;
	uint8_t request_id[16];
	context_request_id(c, request_id);
	char id[48];
	context_id("iss-", request_id, id);
	struct issuer_row row = { .id = slice_text(id), .name = slice_text(name), .hierarchy_mode = slice_text(mode) };
	row.rotation = slice_text(rule);
	row.created_at = row.updated_at = request_time(request_id);
	{
		scoped_session *s = NULL;
		scoped_row(issuer) same = { 0 };
		if (store_read(f->store, &s))
			return answer_store(c);
		if (c->signing_id_given && store_issuer_find(s, id, &same) == STORE_DONE)
			return issuer_reply(c, 201, &same);
		r = issuer_find_name_work(s, &row);
	}
	if (r)
		return r < 0 ? answer_store(c) : name_taken(c);
	if (c->dry_run)
		return call_reply(c, 200,
				  json_pack("{s:b, s:s, s:s}", "dry_run", 1, "name", name, "hierarchy_mode", mode));
	uint64_t noted;
	scoped_hold hold = { 0 };
	r = issuer_note(f, c, request_id, &row, &hold, &noted);
	if (r)
		return r;
	r = store_change(f->store, issuer_insert_work, &row);
	if (r < 0)
		return answer_store(c);
	signer_settle(&hold, noted);
	return r ? name_taken(c) : issuer_reply(c, 201, &row);
}

static int append_issuer(void *with, const struct issuer_row *row)
{
	return json_array_append_new(with, view_issuer(row));
}

int issuer_list(struct front *f, struct call *c)
{
	scoped_session *s = NULL;
	json_t *data = json_array();
	if (store_read(f->store, &s) || store_issuer_list(s, append_issuer, data)) {
		json_decref(data);
		return answer_store(c);
	}
	return call_reply(c, 200, json_pack("{s:o}", "data", data));
}

static int issuer_load(struct front *f, struct call *c, struct issuer_row *row)
{
	scoped_session *s = NULL;
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = store_issuer_find(s, c->param[0], row);
	return r < 0 ? answer_store(c) : r ? answer_no_issuer(c) : 0;
}

int issuer_get(struct front *f, struct call *c)
{
	scoped_row(issuer) row = { 0 };
	int r = issuer_load(f, c, &row);
	return r ? r : issuer_reply(c, 200, &row);
}

struct census {
	struct store_session *session;
	int live;
	const char *wanted;
	bool found;
};

static bool is_live(const struct ca_row *row)
{
	return !slice_equal(row->state, slice_text("retired")) && !slice_equal(row->state, slice_text("revoked"));
}

static int census_ca(void *with, const struct ca_row *row)
{
	struct census *n = with;
	const char *state = row_text(row->state);
	scoped_row(ca) before = { 0 };
	int r = row->predecessor_id.len ? store_ca_find(n->session, row_text(row->predecessor_id), &before)
					: STORE_NONE;
	if (r < 0)
		return r;
	/* Two generations of one CA count once. */
	n->live += is_live(row) && !(r == STORE_DONE && is_live(&before));
	if (strcmp(row_text(row->id), n->wanted) == 0 && strcmp(state, "active") == 0 && !ca_offline(row))
		n->found = true;
	return 0;
}

/* Whether the issuer may become what the row says. */
static int issuer_check(struct store_session *s, const struct issuer_row *row)
{
	struct census n = { .session = s, .wanted = row_text(row->issuing_ca_id) };
	int r = store_ca_list(s, row_text(row->id), census_ca, &n);
	if (r)
		return r;
	if (strcmp(row_text(row->hierarchy_mode), "single") == 0 && n.live > 1)
		return ISSUER_MANY_CAS;
	return *n.wanted && !n.found ? ISSUER_CA_UNKNOWN : 0;
}

static int issuer_update_work(struct store_session *s, void *with)
{
	int r = issuer_check(s, with);
	return r ? r : store_issuer_update(s, with);
}

static int issuer_refuse(struct call *c, int r)
{
	if (r == ISSUER_MANY_CAS)
		return call_refuse(c, 409, "not_single", "hierarchy_mode",
				   "An issuer with more than one CA that is not retired can't be \"single\".");
	if (r == ISSUER_CA_UNKNOWN)
		return call_refuse(c, 409, "ca_not_active", "issuing_ca_id",
				   "issuing_ca_id must be an active CA of this issuer, with its key here.");
	return answer_store(c);
}

int issuer_patch(struct front *f, struct call *c)
{
	static const char *const known[] = { "hierarchy_mode", "issuing_ca_id", RULE_FIELD, NULL };
	char rule[RULE_TEXT];
	bool ruled;
	scoped_row(issuer) row = { 0 };
	const char *mode, *issuing;
	int r = issuer_load(f, c, &row);
	if (!r)
		r = input_members(c, known);
	if (!r)
		r = input_mode(c, row_text(row.hierarchy_mode), &mode);
	if (!r)
		r = input_text(c, "issuing_ca_id", false, 64, &issuing);
	if (!r)
		r = rule_read(c, &ruled, rule);
	if (r)
		return r;
	struct issuer_row changed = row;
	changed.hierarchy_mode = slice_text(mode);
	if (ruled)
		changed.rotation = slice_text(rule);
	if (json_object_get(c->body, "issuing_ca_id"))
		changed.issuing_ca_id = slice_text(issuing ? issuing : "");
	changed.updated_at = time_now();
	{
		scoped_session *s = NULL;
		if (store_read(f->store, &s))
			return answer_store(c);
		r = issuer_check(s, &changed);
	}
	if (r)
		return issuer_refuse(c, r);
	if (c->dry_run)
		return issuer_reply(c, 200, &changed);
	uint8_t request_id[16];
	signer_request_id(request_id);
	uint64_t noted;
	scoped_hold hold = { 0 };
	r = issuer_note(f, c, request_id, &changed, &hold, &noted);
	if (r)
		return r;
	r = store_change(f->store, issuer_update_work, &changed);
	if (r >= 0)
		signer_settle(&hold, noted);
	return r ? issuer_refuse(c, r) : issuer_reply(c, 200, &changed);
}
