#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/audit_charter.h"
#include "cli/client.h"
#include "cli/detail.h"
#include "cli/export.h"
#include "cli/groups.h"
#include "cli/member.h"
#include "cli/plain.h"
#include "cli/prove.h"
#include "cli/reconcile.h"
#include "cli/record.h"
#include "cli/verify.h"

#define FOLLOW_SECONDS 1 /* between looks for new records */
#define FOLLOW_PAGE 500	 /* records a look */
#define DEFAULT_LAST 20	 /* records that fit a screen */

static void number_query(struct buf *path, const char *name, int64_t n)
{
	char text[32];
	snprintf(text, sizeof(text), "%" PRId64, n);
	path_query(path, name, text);
}

static void audit_path(struct buf *path, const struct options *o, int64_t from, int64_t last, int64_t limit)
{
	path_init(path, "/audit");
	if (from >= 0)
		number_query(path, "from", from);
	if (last >= 0)
		number_query(path, "last", last);
	if (limit >= 0)
		number_query(path, "limit", limit);
	if (option_text(o, "type"))
		path_query(path, "type", option_text(o, "type"));
}

/* All that a record says beside its own columns, as key=value: for types that have no words of their own. */
static void rest_put(struct buf *out, const json_t *value)
{
	static const char *const columns[] = { "seq", "time", "type" };
	const char *key;
	json_t *member;
	bool first = true;
	json_object_foreach((json_t *)value, key, member)
	{
		bool shown = false;
		for (size_t i = 0; i < 3; i++)
			shown = shown || strcmp(key, columns[i]) == 0;
		if (shown || json_is_null(member))
			continue;
		buf_printf(out, "%s%s=", first ? "" : " ", key);
		first = false;
		char *nested =
			json_is_object(member) || json_is_array(member) ? json_dumps(member, JSON_COMPACT) : NULL;
		if (nested)
			buf_put_text(out, nested);
		else
			value_put(out, member);
		free(nested);
	}
}

static void record_fill(struct table *t, const json_t *record)
{
	scoped_buf text;
	buf_init(&text, 2 * MAX_ANSWER);
	table_put(t, STYLE_PLAIN, member_shown(&text, record, "seq"));
	table_put(t, STYLE_PLAIN, member_shown(&text, record, "time"));
	table_put(t, STYLE_PLAIN, member_shown(&text, record, "type"));
	table_put(t, STYLE_PLAIN, record_actor(record));
	buf_clear(&text);
	record_words(record, &text);
	if (text.len == 0)
		rest_put(&text, record);
	table_put(t, STYLE_PLAIN, buf_text(&text));
}

static int records_print(const struct cli *c, const json_t *rows, bool heads)
{
	static const char *const names[] = { "SEQ", "TIME", "TYPE", "BY", "WHAT" };
	size_t i;
	const json_t *record;
	scoped_table t;
	table_init(&t, heads ? names : NULL, 5, c->colour);
	t.cell_points = 400; /* the last column carries all the rest */
	json_array_foreach((json_t *)rows, i, record)
	{
		record_fill(&t, record);
	}
	scoped_buf out;
	buf_init(&out, 4 * MAX_TABLE_TEXT);
	table_render(&t, &out);
	return i || heads ? output_print(c, &out) : CLI_DONE;
}

/* One record a line, as programs read a stream. */
static int records_json(const struct cli *c, const json_t *rows)
{
	size_t i;
	const json_t *record;
	scoped_buf out;
	buf_init(&out, 4 * MAX_ANSWER);
	json_array_foreach((json_t *)rows, i, record)
	{
		char *line = json_dumps(record, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
		buf_printf(&out, "%s\n", line ? line : "null");
		free(line);
	}
	return output_print(c, &out);
}

/* The sequence number after the last of these rows; as it was if they have none that is newer. */
static int64_t next_from(const json_t *rows, int64_t from)
{
	size_t n = json_array_size(rows);
	const json_t *seq = n ? json_object_get(json_array_get(rows, n - 1), "seq") : NULL;
	int64_t last = json_is_integer(seq) ? json_integer_value(seq) : -1;
	return last >= from && last < INT64_MAX ? last + 1 : from;
}

static int audit_follow(struct cli *c, const struct options *o, json_t *first)
{
	int64_t from = 0;
	json_t *rows = json_incref(json_object_get(first, "data"));
	bool heads = true;
	for (;;) {
		int r = c->json ? records_json(c, rows) : records_print(c, rows, heads);
		int64_t next = next_from(rows, from);
		bool idle = next == from;
		from = next;
		heads = false;
		json_decref(rows);
		if (r)
			return r;
		if (idle)
			nanosleep(&(struct timespec){ .tv_sec = FOLLOW_SECONDS }, NULL);
		scoped_buf path;
		audit_path(&path, o, from, -1, FOLLOW_PAGE);
		scoped_json *answer = NULL;
		r = client_list(c, &path, FOLLOW_PAGE, &answer);
		if (r)
			return r;
		rows = json_incref(json_object_get(answer, "data"));
	}
}

static int audit_list(struct cli *c, const struct options *o)
{
	int64_t from = -1, last = -1;
	option_number(o, "from", &from);
	option_number(o, "last", &last);
	if ((option_flag(o, "from") && from < 0) || (option_flag(o, "last") && (last < 1 || last > MAX_ROWS)))
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage" },
				    "--from is a sequence number from 0, --last is 1 to %d.", MAX_ROWS);
	if (from >= 0 && last >= 0)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage" },
				    "--from and --last exclude each other.");
	if (from < 0 && last < 0)
		last = DEFAULT_LAST;
	scoped_buf path;
	audit_path(&path, o, from, last, -1);
	scoped_json *answer = NULL;
	int r = client_list(c, &path, last, &answer);
	if (r)
		return r;
	if (option_flag(o, "follow"))
		return audit_follow(c, o, answer);
	return c->json ? json_print(c, answer) : records_print(c, json_object_get(answer, "data"), true);
}

/* The signed note as it is, a line at a time: other programs verify these very bytes. */
static int note_print(const struct cli *c, const char *note, const char *after)
{
	scoped_buf out;
	buf_init(&out, 2 * MAX_ANSWER);
	while (*note) {
		size_t n = strcspn(note, "\n");
		plain_put(&out, (struct slice){ (const uint8_t *)note, n }, MAX_PLAIN);
		buf_put_u8(&out, '\n');
		note += n + (note[n] == '\n');
	}
	buf_put_text(&out, after);
	return output_print(c, &out);
}

static int note_fetch(struct cli *c, json_t **answer)
{
	scoped_buf path;
	path_init(&path, "/audit/checkpoint");
	return client_get(c, &path, answer);
}

/* That a head goes on from the one before it. */
static int note_follows(const struct cli *c, const struct checkpoint *before, const struct checkpoint *now)
{
	struct problem p = { .code = "head_ahead" };
	if (memcmp(before->ledger_id, now->ledger_id, sizeof(now->ledger_id)) != 0)
		return problem_tell(c, CLI_CRITICAL, p, "the head is another ledger's than a moment ago.");
	if (now->size < before->size)
		return problem_tell(c, CLI_CRITICAL, p,
				    "the head is over %" PRIu64 " records and was over %" PRIu64
				    ": the ledger went back.",
				    now->size, before->size);
	p.code = "head_root";
	if (now->size == before->size && memcmp(now->root, before->root, sizeof(now->root)) != 0)
		return problem_tell(c, CLI_CRITICAL, p,
				    "two heads over the same %" PRIu64 " records have different roots.", now->size);
	return CLI_DONE;
}

/* A head that is new goes out, with an empty line behind it, or as one line of JSON. */
static int head_put(const struct cli *c, const json_t *answer, struct slice key, struct checkpoint *last, bool *any)
{
	struct checkpoint now;
	const char *note = member_text(answer, "note");
	struct problem p = { .code = "head_signature" };
	if (key.len ? checkpoint_read(slice_text(note), key, &now) : checkpoint_parse(slice_text(note), &now))
		return problem_tell(c, CLI_CRITICAL, p, "the head isn't %s.",
				    key.len ? "signed by the log key" : "a signed note");
	int r = *any ? note_follows(c, last, &now) : CLI_DONE;
	if (r || (*any && now.size == last->size))
		return r;
	*last = now;
	*any = true;
	if (!c->json)
		return note_print(c, note, "\n");
	scoped_json *rows = json_pack("[O]", answer);
	return records_json(c, rows);
}

static int checkpoint_follow(struct cli *c, struct slice key)
{
	struct checkpoint last;
	bool any = false;
	for (;;) {
		scoped_json *answer = NULL;
		int r = note_fetch(c, &answer);
		if (r == CLI_DONE)
			r = head_put(c, answer, key, &last, &any);
		if (r)
			return r;
		nanosleep(&(struct timespec){ .tv_sec = FOLLOW_SECONDS }, NULL);
	}
}

static int audit_checkpoint(struct cli *c, const struct options *o)
{
	scoped_buf key;
	buf_init(&key, MAX_LOG_KEY);
	int r = option_text(o, "key") ? log_key_read(c, option_text(o, "key"), &key) : CLI_DONE;
	if (r == CLI_DONE && option_flag(o, "follow"))
		return checkpoint_follow(c, buf_slice(&key));
	scoped_json *answer = NULL;
	if (r == CLI_DONE)
		r = note_fetch(c, &answer);
	struct checkpoint head;
	if (r == CLI_DONE && key.len &&
	    checkpoint_read(slice_text(member_text(answer, "note")), buf_slice(&key), &head))
		r = problem_tell(c, CLI_CRITICAL, (struct problem){ .code = "head_signature" },
				 "the head isn't signed by the log key.");
	if (r)
		return r;
	return c->json ? json_print(c, answer) : note_print(c, member_text(answer, "note"), "");
}

static const struct option_spec list_options[] = {
	{ "from", OPTION_NUMBER, "N", "from this sequence number on" },
	{ "last", OPTION_NUMBER, "N", "the last N records (default 20)" },
	{ "type", OPTION_TEXT, "TYPE", "only records of this type, such as CERT_INTENT" },
	{ "follow", OPTION_FLAG, NULL, "go on with new records until interrupted" },
	{ .name = NULL },
};

static const struct option_spec charter_options[] = {
	{ "issuer", OPTION_TEXT, "ISSUER", "the issuer that the CA belongs to, where a name is not unique" },
	{ .name = NULL },
};

static const struct option_spec checkpoint_options[] = {
	{ "key", OPTION_TEXT, "FILE", "the log key as it was kept elsewhere: the head must be signed by it" },
	{ "follow", OPTION_FLAG, NULL, "go on with each new head until interrupted, to be kept elsewhere" },
	{ .name = NULL },
};

const struct command audit_commands[] = {
	{ "audit", "list", 0, 0, NULL, "List the ledger's records.", "chancery audit list --last 50", list_options,
	  audit_list },
	{ "audit", "checkpoint", 0, 0, NULL, "Show the ledger's signed head.",
	  "chancery audit checkpoint --follow >>heads.txt", checkpoint_options, audit_checkpoint },
	{ "audit", "export", 0, 0, NULL, "Write the ledger's records as lines of JSON.",
	  "chancery audit export --jsonl --follow | logger -t chancery-ledger", export_options, audit_export },
	{ "audit", "verify", 0, 1, "[DIR]", "Hold the ledger's files against themselves and their signed heads.",
	  "chancery audit verify /srv/copy/ledger --head heads.txt --key log-key.pem", verify_options, audit_verify },
	{ "audit", "prove", 0, 0, NULL, "Prove that a certificate, or any record, is on the ledger.",
	  "chancery audit prove --ca issuing --serial 4c1f09 --out www.proof", prove_options, audit_prove },
	{ "audit", "check-proof", 1, 1, "FILE", "Check such a proof, without the ledger.",
	  "chancery audit check-proof www.proof --key log-key.pem --certificate www.pem", check_proof_options,
	  audit_check_proof },
	{ "audit", "consistency", 1, 2, "OLD [NEW]", "Prove that one signed head's tree is the beginning of another's.",
	  "chancery audit consistency head-of-may.txt", consistency_options, audit_consistency },
	{ "audit", "reconcile", 0, 0, NULL, "Hold the ledger against the database.", "chancery audit reconcile",
	  reconcile_options, audit_reconcile },
	{ "audit", "key", 0, 0, NULL, "Write the log key, to be kept elsewhere.",
	  "chancery audit key --out log-key.pem", key_options, audit_key },
	{ "audit", "charter", 1, 1, "CA", "Show what the signer holds a CA's key to, and what may be signed with it.",
	  "chancery audit charter issuing", charter_options, audit_charter },
	{ .group = NULL },
};
