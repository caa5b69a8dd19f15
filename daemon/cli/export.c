#include "cli/export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "cli/client.h"
#include "cli/member.h"
#include "cli/verify.h"
#include "ledger/ledger.h"
#include "ledger/record_json.h"

#define FOLLOW_SECONDS 1
#define PAGE 1000		 /* records asked for at a time: the front-end's most */
#define FLUSH_BYTES (64 * 1024)	 /* of lines, before they are written */
#define READ_BYTES (1024 * 1024) /* of records read at a time when following */
#define MAX_LINES (64UL << 20)	 /* one page of records with whatever is in them */

const struct option_spec export_options[] = {
	{ "jsonl", OPTION_FLAG, NULL, "one JSON object a line: the only form, and the default" },
	{ "ledger", OPTION_TEXT, "DIR",
	  "from the ledger's files instead of the service; they are verified on the way" },
	{ "from", OPTION_NUMBER, "N", "from this sequence number on (default 0)" },
	{ "to", OPTION_NUMBER, "N", "up to this one" },
	{ "type", OPTION_TEXT, "TYPE", "only records of this type, such as CERT_INTENT" },
	{ "raw", OPTION_FLAG, NULL,
	  "with --ledger: each record's bytes, too, as its leaf in the tree has them (base64)" },
	{ "follow", OPTION_FLAG, NULL, "go on with new records until interrupted" },
	{ .name = NULL },
};

struct exporting {
	const struct cli *c;
	const char *type;
	uint64_t next, to;
	bool raw, follow;
	struct buf lines;
	int failed; /* an exit code, told */
};

static void exporting_free(struct exporting *e)
{
	buf_free(&e->lines);
}

static int lines_flush(struct exporting *e)
{
	if (e->lines.len)
		e->failed = output_print(e->c, &e->lines);
	buf_clear(&e->lines);
	return e->failed;
}

static void line_put(struct exporting *e, const json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	if (text)
		buf_printf(&e->lines, "%s\n", text);
	else
		e->lines.broken = true;
	free(text);
}

static void raw_put(json_t *o, const struct record *r, const uint8_t hash[HASH_SIZE])
{
	char hex[2 * HASH_SIZE + 1];
	scoped_buf leaf;
	buf_init(&leaf, 2 * MAX_RECORD);
	base64_put(&leaf, r->leaf);
	hex_encode(hash, HASH_SIZE, hex);
	json_object_set_new(o, "leaf_hash", json_string(hex));
	json_object_set_new(o, "leaf", json_string(buf_text(&leaf)));
}

/* One record of the files. Not 0: no more are wanted. */
static int record_export(struct exporting *e, const struct record *r, const uint8_t hash[HASH_SIZE])
{
	if (r->seq < e->next)
		return 0;
	if (r->seq > e->to)
		return 1;
	e->next = r->seq + 1;
	if (e->type && strcmp(record_type_name(r->type), e->type) != 0)
		return 0;
	scoped_json *o = record_json(r);
	if (o && e->raw)
		raw_put(o, r, hash);
	line_put(e, o);
	return e->lines.len >= FLUSH_BYTES || !buf_ok(&e->lines) ? lines_flush(e) : 0;
}

static int on_record(void *with, const struct record *r, const uint8_t hash[HASH_SIZE])
{
	/* Those before are verified and passed over; a last one ends what is shown, not what is verified. */
	struct exporting *e = with;
	record_export(e, r, hash);
	return e->failed;
}

static void second_wait(void)
{
	nanosleep(&(struct timespec){ .tv_sec = FOLLOW_SECONDS }, NULL);
}

/* What the files have got since. */
static int files_more(struct exporting *e, const char *folder)
{
	struct ledger_reader *r;
	uint64_t size = 0;
	scoped_buf bytes;
	buf_init(&bytes, READ_BYTES + MAX_RECORD);
	if (ledger_reader_open(folder, &r) != 0)
		return books_unreadable(e->c, folder);
	int state = ledger_reader_size(r, &size);
	while (state == 0 && e->next < size && e->next <= e->to && !e->failed) {
		buf_clear(&bytes);
		state = ledger_read_range(r, e->next, size, READ_BYTES, &bytes);
		struct slice rest = buf_slice(&bytes);
		struct record record;
		size_t n;
		uint8_t hash[HASH_SIZE];
		while (state == 0 && rest.len && !e->failed && record_peek(rest, &record, &n, hash) == RECORD_WHOLE) {
			record_export(e, &record, hash);
			rest.at += n;
			rest.len -= n;
		}
	}
	ledger_reader_close(r);
	if (state == LEDGER_ARCHIVED)
		return problem_tell(e->c, CLI_UNAVAILABLE, (struct problem){ .code = "record_archived" },
				    "record %" PRIu64 " is archived: `chancery audit verify` says where.", e->next);
	return state < 0 ? books_unreadable(e->c, folder) : lines_flush(e);
}

static int files_end(const struct exporting *e, const struct verification *v)
{
	size_t i;
	const json_t *f;
	json_array_foreach(v->findings, i, f) problem_tell(e->c, 0, (struct problem){ .code = member_text(f, "code") },
							   "%s", member_text(f, "message"));
	return verification_exit(v);
}

/* What the export is without. */
static int archived_tell(const struct exporting *e, const struct inspection *i, uint64_t from)
{
	uint64_t behind = e->to == INT64_MAX ? UINT64_MAX : e->to + 1;
	uint64_t count = inspection_archived(i, from, behind);
	struct problem p = { .code = "record_archived", .hint = "put the segments back under their names." };
	if (!count)
		return CLI_DONE;
	return problem_tell(
		e->c, CLI_WARNINGS, p,
		"%" PRIu64 " records are archived, and not in the export: `chancery audit verify` says where.", count);
}

static int files_export(struct cli *c, const struct options *o, struct exporting *e)
{
	scoped_verification v;
	verification_init(&v, c);
	v.visit = on_record;
	v.with = e;
	uint64_t from = e->next;
	int archived = CLI_DONE;
	int r = verification_prepare(&v, o, option_text(o, "ledger"));
	if (r == CLI_DONE)
		r = verification_run(&v);
	if (r == CLI_DONE)
		r = lines_flush(e);
	if (r == CLI_DONE) {
		archived = archived_tell(e, &v.inspection, from);
		r = files_end(e, &v);
	}
	while (r == CLI_DONE && e->follow && e->next <= e->to) {
		r = files_more(e, v.folder);
		if (r == CLI_DONE && e->next <= e->to)
			second_wait();
	}
	return r ? r : archived;
}

static int page_fetch(struct cli *c, struct exporting *e, json_t **answer)
{
	char number[32];
	scoped_buf path;
	path_init(&path, "/audit");
	snprintf(number, sizeof(number), "%" PRIu64, e->next);
	path_query(&path, "from", number);
	snprintf(number, sizeof(number), "%d", PAGE);
	path_query(&path, "limit", number);
	if (e->type)
		path_query(&path, "type", e->type);
	return client_get(c, &path, answer);
}

/* One page; *idle: there is nothing behind it now. */
static int page_export(struct cli *c, struct exporting *e, bool *idle)
{
	scoped_json *answer = NULL;
	int r = page_fetch(c, e, &answer);
	if (r)
		return r;
	size_t i;
	const json_t *record, *next = json_object_get(answer, "next"), *head = json_object_get(answer, "head");
	json_array_foreach(json_object_get(answer, "data"), i, record)
	{
		json_int_t seq = json_integer_value(json_object_get(record, "seq"));
		if (seq >= 0 && (uint64_t)seq <= e->to)
			line_put(e, record);
	}
	*idle = !json_is_integer(next);
	json_int_t reached = json_integer_value(*idle ? head : next);
	if (reached < 0 || (uint64_t)reached < e->next || (!*idle && (uint64_t)reached == e->next))
		return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "bad_answer" },
				    "the front-end's records don't go on.");
	e->next = (uint64_t)reached;
	return lines_flush(e);
}

static int service_export(struct cli *c, struct exporting *e)
{
	for (;;) {
		bool idle = false;
		int r = page_export(c, e, &idle);
		if (r || e->next > e->to || (idle && !e->follow))
			return r;
		if (idle)
			second_wait();
	}
}

int audit_export(struct cli *c, const struct options *o)
{
	int64_t from = 0, to = INT64_MAX;
	option_number(o, "from", &from);
	option_number(o, "to", &to);
	if (from < 0 || to < from)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage" },
				    "--from and --to are sequence numbers from 0, and --to is not the smaller one.");
	if (option_flag(o, "raw") && !option_flag(o, "ledger"))
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage", .field = "raw" },
				    "--raw needs --ledger: the service doesn't hand out a record's bytes.");
	__attribute__((cleanup(exporting_free))) struct exporting e = { .c = c,
									.type = option_text(o, "type"),
									.next = (uint64_t)from,
									.to = (uint64_t)to,
									.raw = option_flag(o, "raw"),
									.follow = option_flag(o, "follow") };
	buf_init(&e.lines, MAX_LINES);
	return option_flag(o, "ledger") ? files_export(c, o, &e) : service_export(c, &e);
}
