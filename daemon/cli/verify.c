#include "cli/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "cli/client.h"
#include "cli/detail.h"
#include "cli/member.h"
#include "ledger/archive.h"
#include "ledger/ledger.h"
#include "ledger/record.h"

#define MAX_SHOWN 20 /* of heads and of archived segments, to people; JSON has all */

const struct option_spec verify_options[] = {
	{ "head", OPTION_MANY, "FILE", "signed heads that were kept elsewhere: the ledger must contain each" },
	{ "key", OPTION_TEXT, "FILE", "the log key as it was kept elsewhere (`chancery audit key`)" },
	{ .name = NULL },
};

void verification_init(struct verification *v, const struct cli *c)
{
	*v = (struct verification){ .c = c, .findings = json_array(), .assent = assent_new() };
	buf_init(&v->key, MAX_LOG_KEY);
}

void verification_free(struct verification *v)
{
	assent_free(v->assent);
	heads_free(&v->heads);
	beside_free(&v->beside);
	inspection_free(&v->inspection);
	buf_free(&v->key);
	json_decref(v->findings);
}

static void finding_add(struct verification *v, bool error, const char *code, json_t *where, const char *sentence)
{
	v->errors += error;
	v->warnings += !error;
	if (json_array_size(v->findings) >= MAX_FINDINGS) {
		json_decref(where);
		return;
	}
	json_object_set_new(where, "code", json_string(code));
	json_object_set_new(where, "severity", json_string(error ? "error" : "warning"));
	json_object_set_new(where, "message", json_string(sentence));
	json_array_append_new(v->findings, where);
}

void verification_find(struct verification *v, bool error, const char *code, const char *format, ...)
{
	char sentence[INSPECTION_SENTENCE];
	va_list args;
	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	finding_add(v, error, code, json_object(), sentence);
}

static void on_found(void *with, const struct inspection_finding *f)
{
	struct verification *v = with;
	char segment[32];
	snprintf(segment, sizeof(segment), "%016" PRIx64 ".seg", f->segment);
	json_t *where = json_pack("{s:s}", "segment", segment);
	if (f->seq != NOWHERE)
		json_object_set_new(where, "seq", json_integer((json_int_t)f->seq));
	if (f->offset != NOWHERE)
		json_object_set_new(where, "offset", json_integer((json_int_t)f->offset));
	finding_add(v, f->severity == INSPECTION_DAMAGE, inspection_code_text(f->code), where, f->sentence);
}

static void on_progress(void *with, uint64_t bytes, uint64_t of)
{
	struct verification *v = with;
	progress_show(&v->progress, bytes, of);
}

static void on_assent(void *with, const char *code, uint64_t seq, const char *sentence)
{
	struct verification *v = with;
	finding_add(v, true, code, json_pack("{s:I}", "seq", (json_int_t)seq), sentence);
}

static void epoch_take(struct verification *v, const struct record *record)
{
	struct epoch_record r;
	if (record->type == RECORD_EPOCH && v->lost_count < MAX_LOST_PARTS &&
	    record_epoch_get(record->body, &r) == PACK_OK)
		v->lost[v->lost_count++] = (struct lost_part){ r.number, r.size, r.known_size };
}

static int on_record(void *with, const struct record *record, const uint8_t hash[HASH_SIZE])
{
	struct verification *v = with;
	epoch_take(v, record);
	if (v->assent)
		assent_take(v->assent, record, v->inspection.archived_count != 0, on_assent, v);
	return v->visit ? v->visit(v->with, record, hash) : 0;
}

/* The ledger's own head goes first, and before the records are read: what it counts was there then. */
static int checkpoint_take(struct verification *v)
{
	scoped_buf note;
	buf_init(&note, MAX_NOTE);
	int state = ledger_read_checkpoint(v->folder, &note);
	if (state == LEDGER_NONE)
		return CLI_DONE;
	if (state < 0 && errno == EFBIG) {
		verification_find(v, true, "checkpoint_form", "The file checkpoint is no signed note: it is too long.");
		return CLI_DONE;
	}
	if (state < 0)
		return books_unreadable(v->c, v->folder);
	v->checkpoint = true;
	return heads_add(v->c, &v->heads, "checkpoint", buf_slice(&note));
}

int verification_prepare(struct verification *v, const struct options *o, const char *folder)
{
	int r = books_folder(v->c, folder, v->folder);
	if (r == CLI_DONE)
		r = checkpoint_take(v);
	for (size_t i = 0; r == CLI_DONE && option_many(o, "head", i); i++)
		r = heads_read(v->c, option_many(o, "head", i), &v->heads);
	if (r == CLI_DONE && option_text(o, "key")) {
		v->key_given = true;
		r = log_key_read(v->c, option_text(o, "key"), &v->key);
	}
	if (r == CLI_DONE)
		r = beside_read(v, &v->beside);
	return r ? r : heads_mark(v->c, &v->heads, v->beside.sizes, v->beside.size_count);
}

static void key_settle(struct verification *v)
{
	struct slice said = { v->inspection.log_key, v->inspection.log_key_size };
	if (v->key_given && said.len && !slice_equal(said, buf_slice(&v->key)))
		verification_find(
			v, true, "log_key_differs",
			"Record 0 names another log key than the one that was kept: this is another ledger, or one "
			"that was written anew.");
	if (!v->key_given)
		buf_put_slice(&v->key, said);
}

/* How far the tree is known to be the one that was signed. */
static uint64_t good_below(const struct verification *v, uint64_t size)
{
	uint64_t good = 0;
	for (size_t i = 0; i < v->heads.count; i++)
		if (v->heads.all[i].holds && v->heads.all[i].c.size < size && v->heads.all[i].c.size > good)
			good = v->heads.all[i].c.size;
	return good;
}

/* What speaks against it; NULL: nothing, as far as the tree is known. */
static const char *head_fault(const struct verification *v, struct head *h, const char **code)
{
	const struct inspection *i = &v->inspection;
	if (!h->parsed) {
		*code = "head_form";
		return "is not a signed head of a ledger of ours.";
	}
	if (i->segments && memcmp(h->c.ledger_id, i->ledger_id, sizeof(h->c.ledger_id)) != 0) {
		*code = "head_other";
		return "is another ledger's.";
	}
	*code = "head_unverified";
	if (!v->key.len)
		return "can't be verified: record 0, which has the log key, is missing.";
	*code = "head_signature";
	if (checkpoint_read(buf_slice(&h->note), buf_slice(&v->key), &h->c) != 0)
		return "isn't signed by the log key.";
	return NULL;
}

/* The part that a head was signed over which an epoch began without; NULL. Never the ledger's own head. */
static const struct lost_part *head_lost(const struct verification *v, const struct head *h)
{
	const struct lost_part *p = NULL;
	bool own = v->checkpoint && h == &v->heads.all[0];
	for (size_t i = 0; !own && !p && i < v->lost_count; i++)
		if (h->c.size > v->lost[i].from && h->c.size <= v->lost[i].to)
			p = &v->lost[i];
	return p;
}

/* Whether an epoch began without records so far back, though nobody told the signer of so many. */
static bool may_be_lost(const struct verification *v, const struct head *h)
{
	for (size_t i = 0; i < v->lost_count; i++)
		if (h->c.size > v->lost[i].from)
			return true;
	return false;
}

/* With the ones that hold known. */
static void head_judge(struct verification *v, struct head *h)
{
	const struct inspection_mark *m = &v->heads.marks[h->mark];
	const struct lost_part *lost = head_lost(v, h);
	if (lost && (h->c.size > v->inspection.size || m->reached)) {
		verification_find(v, false, "head_lost",
				  "%s was signed over %" PRIu64 " records, of which those from %" PRIu64
				  " on were lost before epoch %" PRIu32 ".",
				  h->name, h->c.size, lost->from, lost->epoch);
		h->fails = true;
		return;
	}
	if (h->c.size > v->inspection.size)
		verification_find(v, true, "head_ahead",
				  "%s was signed over %" PRIu64 " records and there are %" PRIu64
				  ": the end was cut off, or this is an older copy.",
				  h->name, h->c.size, v->inspection.size);
	else if (m->reached)
		verification_find(
			v, true, "head_root",
			"%s: the log key signed another tree over the first %" PRIu64
			" records: one of records %" PRIu64 " to %" PRIu64
			" was rewritten after that, with every hash that depends on it%s.",
			h->name, h->c.size, good_below(v, h->c.size), h->c.size - 1,
			may_be_lost(v, h) ? "; or it is of what was lost before an epoch, and nobody knew of it" : "");
	h->fails = h->c.size > v->inspection.size || m->reached;
}

static void heads_judge(struct verification *v)
{
	for (size_t i = 0; i < v->heads.count; i++) {
		struct head *h = &v->heads.all[i];
		const struct inspection_mark *m = &v->heads.marks[h->mark];
		const char *code, *fault = head_fault(v, h, &code);
		h->fails = fault != NULL;
		h->holds = !fault && m->reached && memcmp(m->root, h->c.root, HASH_SIZE) == 0;
		if (fault)
			verification_find(v, true, code, "%s %s", h->name, fault);
	}
	for (size_t i = 0; i < v->heads.count; i++)
		if (!v->heads.all[i].holds && !v->heads.all[i].fails)
			head_judge(v, &v->heads.all[i]);
	if (!v->checkpoint && v->inspection.size && v->errors == 0)
		verification_find(v, false, "checkpoint_missing",
				  "There is no file checkpoint: without a signed head nobody can tell records that "
				  "were rewritten "
				  "with all their hashes.");
}

int verification_run(struct verification *v)
{
	struct inspection *i = &v->inspection;
	i->marks = v->heads.marks;
	i->mark_count = v->heads.mark_count;
	i->found = on_found;
	i->progress = on_progress;
	i->visit = on_record;
	i->with = v;
	progress_begin(v->c, &v->progress);
	int r = inspection_run(v->folder, i);
	progress_end(&v->progress);
	if (r == LEDGER_NONE) {
		struct problem p = { .code = "no_ledger", .field = "DIR" };
		return problem_tell(v->c, CLI_NOT_FOUND, p, "there is no ledger in %s: no segment file.", v->folder);
	}
	if (r < 0)
		return books_unreadable(v->c, v->folder);
	if (r > 0)
		return r;
	if (v->assent)
		assent_end(v->assent, on_assent, v);
	key_settle(v);
	heads_judge(v);
	beside_judge(v, &v->beside);
	return CLI_DONE;
}

int verification_exit(const struct verification *v)
{
	return v->errors ? CLI_CRITICAL : v->warnings ? CLI_WARNINGS : CLI_DONE;
}

void verification_findings(const struct verification *v, struct buf *out)
{
	static const char *const heads[] = { "SEVERITY", "SEGMENT", "RECORD", "OFFSET", "WHAT" };
	size_t i;
	const json_t *f;
	if (!json_array_size(v->findings))
		return;
	scoped_table t;
	scoped_buf scratch;
	buf_init(&scratch, 4096);
	table_init(&t, heads, 5, v->c->colour);
	t.cell_points = INSPECTION_SENTENCE;
	json_array_foreach(v->findings, i, f)
	{
		const char *severity = member_text(f, "severity");
		table_put(&t, strcmp(severity, "error") == 0 ? STYLE_BAD : STYLE_WARN, severity);
		static const char *const places[] = { "segment", "seq", "offset" };
		for (size_t at = 0; at < 3; at++) {
			const char *text = member_shown(&scratch, f, places[at]);
			table_put(&t, STYLE_PLAIN, *text ? text : "-");
		}
		table_put(&t, STYLE_PLAIN, member_text(f, "message"));
	}
	table_render(&t, out);
	if (v->errors + v->warnings > json_array_size(v->findings))
		buf_printf(out, "and %zu more\n", v->errors + v->warnings - json_array_size(v->findings));
}

static json_t *hex_json(const uint8_t *at, size_t n)
{
	char text[2 * HASH_SIZE + 1];
	hex_encode(at, n, text);
	return json_string(text);
}

static json_t *time_json(int64_t ms)
{
	char text[TIME_TEXT_SIZE];
	time_text(ms / 1000, text);
	return json_string(text);
}

static json_t *head_json(const struct head *h)
{
	return json_pack("{s:s, s:I, s:o}", "head", h->name, "size", (json_int_t)h->c.size, "holds",
			 h->holds || h->fails ? json_boolean(h->holds) : json_null());
}

/* What is kept elsewhere, and where. */
static json_t *archived_json(const struct verification *v)
{
	const struct inspection *i = &v->inspection;
	json_t *all = json_array();
	for (size_t n = 0; n < i->archived_count && n < MAX_FINDINGS; n++) {
		char segment[32], place[MAX_ARCHIVE_PLACE];
		const struct inspection_range *a = &i->archived[n];
		snprintf(segment, sizeof(segment), "%016" PRIx64 ".seg", a->first);
		archive_place(v->folder, a->first, place, sizeof(place));
		json_array_append_new(all, json_pack("{s:s, s:I, s:I, s:s}", "segment", segment, "first",
						     (json_int_t)a->first, "records", (json_int_t)(a->next - a->first),
						     "to", place));
	}
	return all;
}

static json_t *snapshots_json(const struct verification *v)
{
	json_t *all = json_array();
	for (size_t n = 0; n < v->beside.count; n++)
		json_array_append_new(all, json_pack("{s:I, s:s}", "size", (json_int_t)v->beside.snapshots[n].named,
						     "state", beside_state_text(v->beside.snapshots[n].state)));
	return all;
}

/* null: there is none here. */
static json_t *head_file_json(const struct verification *v)
{
	const struct beside *b = &v->beside;
	if (!b->head_there)
		return json_null();
	return json_pack("{s:I, s:s}", "size", (json_int_t)b->head.size, "state", beside_state_text(b->head_state));
}

json_t *verification_json(const struct verification *v)
{
	const struct inspection *i = &v->inspection;
	uint8_t root[HASH_SIZE];
	char key[2 * HASH_SIZE + 1] = "";
	merkle_root(&i->tree, root);
	if (v->key.len)
		log_key_print(buf_slice(&v->key), key);
	json_t *heads = json_array();
	for (size_t n = 0; n < v->heads.count; n++)
		json_array_append_new(heads, head_json(&v->heads.all[n]));
	return json_pack("{s:s, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:O, s:I, s:I, s:I}", "folder",
			 v->folder, "ledger_id", hex_json(i->ledger_id, sizeof(i->ledger_id)), "records",
			 (json_int_t)i->size, "segments", (json_int_t)i->segments, "archived", archived_json(v),
			 "snapshots", snapshots_json(v), "head_file", head_file_json(v), "first",
			 time_json(i->first_time), "last", time_json(i->last_time), "root",
			 i->tree_whole ? hex_json(root, sizeof(root)) : json_null(), "log_key_sha256", key, "heads",
			 heads, "findings", v->findings, "errors", (json_int_t)v->errors, "warnings",
			 (json_int_t)v->warnings, "approved", (json_int_t)(v->assent ? assent_count(v->assent) : 0));
}

/* The number of archived records. */
static uint64_t archived_count(const struct verification *v)
{
	return inspection_archived(&v->inspection, 0, UINT64_MAX);
}

static void archived_put(const struct verification *v, struct table *t, struct buf *text)
{
	const struct inspection *i = &v->inspection;
	for (size_t n = 0; n < i->archived_count && n < MAX_SHOWN; n++) {
		char place[MAX_ARCHIVE_PLACE];
		const struct inspection_range *a = &i->archived[n];
		archive_place(v->folder, a->first, place, sizeof(place));
		buf_clear(text);
		buf_printf(text, "records %" PRIu64 " to %" PRIu64 ", by their hashes; %016" PRIx64 ".seg is in %s",
			   a->first, a->next - 1, a->first, *place ? place : "a place that its mark doesn't name");
		table_detail(t, "archived", STYLE_PLAIN, buf_text(text));
	}
	if (i->archived_count > MAX_SHOWN) {
		buf_clear(text);
		buf_printf(text, "and %zu segments more, %" PRIu64 " records in all", i->archived_count - MAX_SHOWN,
			   archived_count(v));
		table_detail(t, "archived", STYLE_PLAIN, buf_text(text));
	}
}

static enum table_style beside_style(enum beside_state state)
{
	return state == BESIDE_FINE ? STYLE_GOOD : state == BESIDE_DAMAGED ? STYLE_BAD : STYLE_PLAIN;
}

static void beside_put(const struct verification *v, struct table *t, struct buf *text)
{
	const struct beside *b = &v->beside;
	for (size_t n = 0; n < b->count; n++) {
		buf_clear(text);
		buf_printf(text, "%" PRIu64 " records, %s", b->snapshots[n].named,
			   beside_state_text(b->snapshots[n].state));
		table_detail(t, "snapshot", beside_style(b->snapshots[n].state), buf_text(text));
	}
	if (!b->head_there)
		return;
	buf_clear(text);
	buf_printf(text, "%" PRIu64 " records, %s", b->head.size, beside_state_text(b->head_state));
	table_detail(t, "file head", beside_style(b->head_state), buf_text(text));
}

static void facts_put(const struct verification *v, struct buf *out)
{
	const struct inspection *i = &v->inspection;
	scoped_json *all = verification_json(v);
	scoped_table t;
	scoped_buf text;
	table_init_detail(&t, v->c->colour);
	buf_init(&text, 8192);
	table_detail(&t, "folder", STYLE_PLAIN, v->folder);
	table_detail(&t, "ledger id", STYLE_PLAIN, member_text(all, "ledger_id"));
	buf_printf(&text, "%" PRIu64 " in %" PRIu64 " segment%s", i->size, i->segments, i->segments == 1 ? "" : "s");
	if (i->size)
		buf_printf(&text, ", %s to %s", member_text(all, "first"), member_text(all, "last"));
	table_detail(&t, "records", STYLE_PLAIN, buf_text(&text));
	table_detail(&t, "tree's root", STYLE_PLAIN, i->tree_whole ? member_text(all, "root") : "can't be told");
	buf_clear(&text);
	if (v->key.len)
		buf_printf(&text, "SHA-256 %s, %s", member_text(all, "log_key_sha256"),
			   v->key_given ? "as given" : "as record 0 says");
	table_detail(&t, "log key", STYLE_PLAIN, buf_text(&text));
	for (size_t n = 0; n < v->heads.count && n < MAX_SHOWN; n++) {
		const struct head *h = &v->heads.all[n];
		buf_clear(&text);
		buf_printf(&text, "%" PRIu64 " records, %s", h->c.size,
			   h->holds   ? "holds"
			   : h->fails ? "does not hold"
				      : "can't be told");
		table_detail(&t, h->name, h->holds ? STYLE_GOOD : STYLE_BAD, buf_text(&text));
	}
	if (v->assent && assent_count(v->assent)) {
		buf_clear(&text);
		buf_printf(&text, "%" PRIu64 " acts that needed people have their signatures", assent_count(v->assent));
		table_detail(&t, "approvals", STYLE_PLAIN, buf_text(&text));
	}
	archived_put(v, &t, &text);
	beside_put(v, &t, &text);
	table_render(&t, out);
}

static uint64_t heads_hold(const struct verification *v, size_t *count)
{
	uint64_t most = 0;
	for (size_t n = 0; n < v->heads.count; n++) {
		*count += v->heads.all[n].holds;
		if (v->heads.all[n].holds && v->heads.all[n].c.size > most)
			most = v->heads.all[n].c.size;
	}
	return most;
}

static void verdict_put(const struct verification *v, struct buf *out)
{
	size_t holding = 0;
	uint64_t most = heads_hold(v, &holding), size = v->inspection.size, away = archived_count(v);
	char archived[80] = "";
	if (away)
		snprintf(archived, sizeof(archived), ", %" PRIu64 " of them archived and known by their hashes", away);
	if (v->errors)
		buf_printf(out, "NOT VERIFIED: %zu error%s, %zu warning%s.\n", v->errors, v->errors == 1 ? "" : "s",
			   v->warnings, v->warnings == 1 ? "" : "s");
	else if (!holding)
		buf_printf(out,
			   "The %" PRIu64
			   " records agree with each other%s; no signed head says that they are the ones.\n",
			   size, archived);
	else
		buf_printf(out,
			   "Verified: %" PRIu64
			   " records, each as it was written%s; the log key signed the tree over %s%" PRIu64 "%s.\n",
			   size, archived, most == size ? "all " : "the first ", most,
			   holding > 1 ? ", and every head that was kept is part of it" : "");
}

int audit_verify(struct cli *c, const struct options *o)
{
	scoped_verification v;
	verification_init(&v, c);
	int r = verification_prepare(&v, o, o->arguments[0]);
	if (r == CLI_DONE)
		r = verification_run(&v);
	if (r)
		return r;
	if (c->json) {
		scoped_json *all = verification_json(&v);
		r = json_print(c, all);
		return r ? r : verification_exit(&v);
	}
	scoped_buf out;
	buf_init(&out, MAX_TABLE_TEXT);
	facts_put(&v, &out);
	verification_findings(&v, &out);
	verdict_put(&v, &out);
	r = output_print(c, &out);
	return r ? r : verification_exit(&v);
}
