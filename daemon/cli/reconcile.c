#include "cli/reconcile.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/client.h"
#include "cli/detail.h"
#include "cli/lookup.h"
#include "cli/member.h"
#include "cli/pem.h"
#include "cli/tally.h"
#include "cli/verify.h"

#define PAGE "1000"	 /* rows asked for at a time: the front-end's most */
#define SETTLE_SECONDS 2 /* what is signed now is committed well within */
#define FINGERPRINT_DIGITS 64
#define MAX_LOST_CRLS 20 /* shown to people; JSON has all */

const struct option_spec reconcile_options[] = {
	{ "ledger", OPTION_TEXT, "DIR", "the ledger's folder (default: " DEFAULT_LEDGER ")" },
	{ "head", OPTION_MANY, "FILE", "signed heads that were kept elsewhere, as for verify" },
	{ "key", OPTION_TEXT, "FILE", "the log key as it was kept elsewhere, as for verify" },
	{ "lost", OPTION_TEXT, "DIR",
	  "the ledger is an older one: save here what it doesn't have, for `chancery cert admit`" },
	{ .name = NULL },
};

struct reconciling {
	struct verification v;
	struct tally tally;
	bool first;	  /* of two looks at the rows: only then rows are judged */
	const char *lost; /* the folder for what the ledger does not have; NULL */
	uint64_t rows, lost_rows, revoked_rows, withheld_rows, newer, archived, cas;
	size_t missing;
};

static void reconciling_free(struct reconciling *x)
{
	verification_free(&x->v);
	tally_free(&x->tally);
}

static int on_record(void *with, const struct record *r, const uint8_t hash[HASH_SIZE])
{
	struct reconciling *x = with;
	(void)hash;
	return tally_take(&x->tally, r) == 0
		       ? 0
		       : problem_tell(x->v.c, CLI_BROKEN, (struct problem){ .code = "internal" }, "out of memory.");
}

static uint64_t number_of(const json_t *row, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(row, name));
	return n > 0 ? (uint64_t)n : 0;
}

#define WHICH "certificate %.40s of CA %.64s, ledger_seq %" PRIu64

/* The row says something else than the ledger. */
static void row_differs(struct reconciling *x, const json_t *row, const struct entry *e)
{
	const char *state = member_text(row, "state"), *serial = member_text(row, "serial"),
		   *ca = member_text(row, "ca_id");
	const char *print = member_text(row, "fingerprint");
	uint8_t mark[MARK_SIZE];
	bool lost = strcmp(state, "lost") == 0, withheld = strcmp(state, "withheld") == 0;
	if (lost != (e->state == ENTRY_LOST)) {
		verification_find(&x->v, true, "state_differs",
				  WHICH ": the ledger says that %s, the database that it is %.20s.", serial, ca, e->seq,
				  e->state == ENTRY_LOST ? "its signature was lost" : "it was signed", state);
		return;
	}
	bool same = strlen(print) == FINGERPRINT_DIGITS && hex_decode(print, 2 * MARK_SIZE, mark, MARK_SIZE) &&
		    memcmp(mark, e->mark, MARK_SIZE) == 0;
	if (!lost && !same)
		verification_find(&x->v, !withheld, withheld ? "withheld_differs" : "certificate_differs",
				  WHICH ": the row is of another certificate than the one that was signed%s.", serial,
				  ca, e->seq, withheld ? ", and is withheld for that" : "");
	if (withheld && !x->v.inspection.archived_count &&
	    !tally_find_note(x->tally.withheld, x->tally.withheld_count, ca, serial))
		verification_find(&x->v, false, "withheld_not_noted",
				  WHICH
				  ": it is withheld and the ledger doesn't say so, so a restored database may not.",
				  serial, ca, e->seq);
}

static void row_revoked(struct reconciling *x, const json_t *row, uint64_t seq)
{
	const char *ca = member_text(row, "ca_id"), *serial = member_text(row, "serial");
	bool revoked = *member_text(row, "revoked_at");
	struct tally_note *note = tally_find_note(x->tally.revoked, x->tally.revoked_count, ca, serial);
	x->revoked_rows += revoked;
	if (note && revoked)
		note->seen = true;
	if (revoked && !note && !x->v.inspection.archived_count)
		verification_find(&x->v, true, "revocation_without_record",
				  WHICH ": it is revoked in the database, and no record says so.", serial, ca, seq);
}

/* Its records are kept elsewhere, or one of them is: nothing can be said of the row. */
static bool is_archived(const struct reconciling *x, uint64_t seq)
{
	return inspection_archived(&x->v.inspection, seq, seq + 1) ||
	       (x->v.inspection.archived_count && tally_open(&x->tally, seq));
}

/* Saved as CA-SERIAL.pem. */
static int row_save(struct cli *c, struct reconciling *x, const json_t *row)
{
	const char *ca = member_text(row, "ca_id"), *serial = member_text(row, "serial");
	char file[PATH_MAX];
	scoped_buf path;
	scoped_json *answer = NULL;
	path_init(&path, "/intermediates");
	path_add(&path, ca);
	path_add(&path, "certificates");
	path_add(&path, serial);
	int r = client_get(c, &path, &answer);
	if (r)
		return r;
	snprintf(file, sizeof(file), "%s/%.64s-%.64s.pem", x->lost, ca, serial);
	verification_find(&x->v, true, "lost_from_ledger",
			  WHICH ", %.20s: the database has it, and the ledger ends before; it is in %s%s.", serial, ca,
			  number_of(row, "ledger_seq"), member_text(row, "state"), file,
			  *member_text(row, "revoked_at") ? ", and is to be revoked again" : "");
	return pem_write(c, file, "certificate_pem", member_text(answer, "certificate_pem"));
}

static void row_take(struct reconciling *x, const json_t *row)
{
	uint64_t seq = number_of(row, "ledger_seq");
	struct entry *e = tally_find(&x->tally, seq);
	if (!x->first) {
		if (e)
			e->seen = true;
		return;
	}
	x->rows++;
	x->lost_rows += member_is(row, "state", "lost");
	x->withheld_rows += member_is(row, "state", "withheld");
	if (seq >= x->v.inspection.size) {
		x->newer++;
		return;
	}
	if (!e && is_archived(x, seq)) {
		x->archived++;
		return;
	}
	row_revoked(x, row, seq);
	if (!e)
		verification_find(&x->v, true, "row_without_signature",
				  WHICH ": the database has it, and the ledger has no signature under that number.",
				  member_text(row, "serial"), member_text(row, "ca_id"), seq);
	else if (e->seen)
		verification_find(&x->v, true, "row_without_signature", WHICH ": another row has that number already.",
				  member_text(row, "serial"), member_text(row, "ca_id"), seq);
	else
		row_differs(x, row, e);
	if (e)
		e->seen = true;
}

static int rows_read(struct cli *c, struct reconciling *x)
{
	char cursor[64] = "";
	for (;;) {
		scoped_buf path;
		scoped_json *answer = NULL;
		path_init(&path, "/certificates");
		path_query(&path, "limit", PAGE);
		if (*cursor)
			path_query(&path, "cursor", cursor);
		int r = client_get(c, &path, &answer);
		if (r)
			return r;
		size_t i;
		const json_t *row;
		json_array_foreach(json_object_get(answer, "data"), i, row)
		{
			row_take(x, row);
			bool beyond = number_of(row, "ledger_seq") >= x->v.inspection.size;
			if (x->first && x->lost && beyond && (r = row_save(c, x, row)) != CLI_DONE)
				return r;
		}
		const char *next = member_text(answer, "next_cursor");
		if (!*next || strcmp(next, cursor) == 0)
			return CLI_DONE;
		snprintf(cursor, sizeof(cursor), "%s", next);
	}
}

static size_t unseen_count(const struct tally *t)
{
	size_t n = 0;
	for (size_t i = 0; i < t->count; i++)
		n += !t->entries[i].seen;
	return n;
}

/* What was signed a moment ago may not have been committed yet: it gets a second look. */
static int rows_compare(struct cli *c, struct reconciling *x)
{
	x->first = true;
	int r = rows_read(c, x);
	x->first = false;
	if (r == CLI_DONE && unseen_count(&x->tally)) {
		nanosleep(&(struct timespec){ .tv_sec = SETTLE_SECONDS }, NULL);
		r = rows_read(c, x);
	}
	for (size_t i = 0; r == CLI_DONE && i < x->tally.count; i++) {
		const struct entry *e = &x->tally.entries[i];
		if (e->seen)
			continue;
		x->missing++;
		verification_find(&x->v, true, "signature_without_row",
				  "The ledger's record %" PRIu64
				  " is of a certificate that %s, and the database has no row of it.",
				  e->seq, e->state == ENTRY_LOST ? "was lost" : "was signed");
	}
	for (size_t i = 0; r == CLI_DONE && i < x->tally.revoked_count; i++) {
		const struct tally_note *n = &x->tally.revoked[i];
		if (!n->seen)
			verification_find(&x->v, true, "revocation_missing",
					  "Record %" PRIu64
					  " revokes certificate %s of CA %s, and the database doesn't.",
					  n->seq, n->serial, n->ca);
	}
	return r;
}

/* Saved as CA.pem, if it has a certificate yet. */
static int ca_save(struct cli *c, struct reconciling *x, const json_t *row)
{
	const char *id = member_text(row, "id"), *pem = member_text(row, "certificate_pem");
	char file[PATH_MAX];
	snprintf(file, sizeof(file), "%s/%.64s.pem", x->lost, id);
	verification_find(&x->v, true, "ca_lost_from_ledger",
			  "CA %.64s (%.80s), ledger_seq %" PRIu64
			  ", %.20s: the database has it, and the ledger ends before%s%s.",
			  id, member_text(row, "name"), number_of(row, "ledger_seq"), member_text(row, "state"),
			  *pem ? "; its certificate is in " : "", *pem ? file : "");
	return *pem ? pem_write(c, file, "certificate_pem", pem) : CLI_DONE;
}

static void ca_compare(struct reconciling *x, const json_t *row)
{
	const char *id = member_text(row, "id"), *state = member_text(row, "state");
	struct tally_ca *ca = tally_find_ca(&x->tally, id);
	x->cas++;
	if (ca)
		ca->seen = true;
	uint64_t seq = number_of(row, "ledger_seq");
	if (seq >= x->v.inspection.size || (!ca && is_archived(x, seq)))
		return;
	if (!ca) {
		verification_find(&x->v, true, "ca_without_record",
				  "The database has a CA %.64s (%.80s), and the ledger doesn't.", id,
				  member_text(row, "name"));
		return;
	}
	int rank = tally_state_rank(state);
	/* One step further may have come since the ledger was read. */
	if (rank >= 0 && rank < ca->rank)
		verification_find(&x->v, true, "transition_missing",
				  "CA %.64s is %s on the ledger since record %" PRIu64 ", and %.20s in the database.",
				  id, tally_state_text(ca->rank), ca->seq, state);
	else if (rank > ca->rank && !x->v.inspection.archived_count)
		verification_find(&x->v, true, "transition_without_record",
				  "CA %.64s is %.20s in the database, and the ledger knows it as %s only.", id, state,
				  tally_state_text(ca->rank));
}

static int cas_compare(struct cli *c, struct reconciling *x)
{
	scoped_json *answer = NULL;
	size_t i;
	const json_t *row;
	int r = ca_list_fetch(c, NULL, &answer);
	if (r)
		return r;
	json_array_foreach(json_object_get(answer, "data"), i, row)
	{
		ca_compare(x, row);
		bool beyond = number_of(row, "ledger_seq") >= x->v.inspection.size;
		if (x->lost && beyond && (r = ca_save(c, x, row)) != CLI_DONE)
			return r;
	}
	for (size_t n = 0; n < x->tally.ca_count; n++)
		if (!x->tally.cas[n].seen && x->tally.cas[n].rank > 0) /* one that waits may have been given up */
			verification_find(&x->v, true, "ca_without_row",
					  "The ledger has a CA %s since record %" PRIu64 ", and the database doesn't.",
					  x->tally.cas[n].id, x->tally.cas[n].seq);
	return CLI_DONE;
}

static uint64_t signed_count(const struct tally *t)
{
	uint64_t n = 0;
	for (size_t i = 0; i < t->count; i++)
		n += t->entries[i].state == ENTRY_SIGNED;
	return n;
}

static json_t *pair_json(uint64_t ledger, uint64_t database)
{
	return json_pack("{s:I, s:I}", "ledger", (json_int_t)ledger, "database", (json_int_t)database);
}

/* The front-end makes a lost CRL anew, under the next number: nobody has it, and its number is missing. */
static json_t *crls_json(const struct tally *t)
{
	json_t *lost = json_array();
	for (size_t i = 0; i < t->crl_count; i++) {
		const struct tally_crl *crl = &t->crls[i];
		char key[2 * sizeof(crl->key_id) + 1];
		if (crl->done)
			continue;
		hex_encode(crl->key_id, sizeof(crl->key_id), key);
		json_array_append_new(lost, json_pack("{s:I, s:s, s:I, s:i, s:i}", "seq", (json_int_t)crl->seq,
						      "ca_key", key, "number", (json_int_t)crl->number, "shard",
						      crl->shard, "shards", crl->shards));
	}
	return json_pack("{s:I, s:o}", "ledger", (json_int_t)(t->crl_count - tally_lost_crls(t)), "lost", lost);
}

static void crls_put(const struct tally *t, struct buf *out)
{
	size_t shown = 0, lost = tally_lost_crls(t);
	for (size_t i = 0; i < t->crl_count && shown < MAX_LOST_CRLS; i++) {
		const struct tally_crl *crl = &t->crls[i];
		char key[2 * sizeof(crl->key_id) + 1];
		if (crl->done)
			continue;
		hex_encode(crl->key_id, sizeof(crl->key_id), key);
		buf_printf(out, "Lost: record %" PRIu64 ", CRL number %" PRIu64 " of key %s has no result.\n", crl->seq,
			   crl->number, key);
		shown++;
	}
	if (lost > shown)
		buf_printf(out, "and %zu lost CRLs more\n", lost - shown);
}

static int report_json(const struct cli *c, const struct reconciling *x)
{
	const struct tally *t = &x->tally;
	scoped_json *all = verification_json(&x->v);
	json_object_set_new(all, "certificates", pair_json(signed_count(t), x->rows - x->lost_rows));
	json_object_set_new(all, "lost", pair_json(t->count - signed_count(t), x->lost_rows));
	json_object_set_new(all, "revocations", pair_json(t->revoked_count, x->revoked_rows));
	json_object_set_new(all, "withheld", pair_json(t->withheld_count, x->withheld_rows));
	json_object_set_new(all, "cas", pair_json(t->ca_count, x->cas));
	json_object_set_new(all, "transitions", json_integer((json_int_t)t->transitions));
	json_object_set_new(all, "denials", json_integer((json_int_t)t->denials));
	json_object_set_new(all, "open", json_integer((json_int_t)t->pending_count));
	json_object_set_new(all, "crls", crls_json(t));
	json_object_set_new(all, "not_judged", json_integer((json_int_t)x->archived));
	json_object_set_new(all, "newer", json_integer((json_int_t)x->newer));
	return json_print(c, all);
}

static void count_row(struct table *t, const char *what, uint64_t ledger, int64_t database)
{
	char text[32];
	table_put(t, STYLE_PLAIN, what);
	snprintf(text, sizeof(text), "%" PRIu64, ledger);
	table_put(t, STYLE_PLAIN, text);
	snprintf(text, sizeof(text), "%" PRId64, database);
	table_put(t, STYLE_PLAIN, database < 0 ? "-" : text);
}

static int report_text(const struct cli *c, const struct reconciling *x)
{
	static const char *const heads[] = { "WHAT", "LEDGER", "DATABASE" };
	const struct tally *t = &x->tally;
	scoped_table table;
	scoped_buf out;
	table_init(&table, heads, 3, c->colour);
	buf_init(&out, MAX_TABLE_TEXT);
	count_row(&table, "certificates", signed_count(t), (int64_t)(x->rows - x->lost_rows));
	count_row(&table, "lost", t->count - signed_count(t), (int64_t)x->lost_rows);
	count_row(&table, "revocations", t->revoked_count, (int64_t)x->revoked_rows);
	count_row(&table, "withheld", t->withheld_count, (int64_t)x->withheld_rows);
	count_row(&table, "CAs", t->ca_count, (int64_t)x->cas);
	count_row(&table, "transitions", t->transitions, -1);
	count_row(&table, "denials", t->denials, -1);
	count_row(&table, "CRLs", t->crl_count - tally_lost_crls(t), -1);
	count_row(&table, "lost CRLs", tally_lost_crls(t), -1);
	table_render(&table, &out);
	verification_findings(&x->v, &out);
	crls_put(t, &out);
	if (x->archived)
		buf_printf(&out, "%" PRIu64 " rows are of archived records, and were not judged.\n", x->archived);
	if (x->newer)
		buf_printf(&out, "%" PRIu64 " rows are newer than the ledger as it was read.\n", x->newer);
	if (t->pending_count)
		buf_printf(&out, "%zu intents have no result yet: being signed, or lost at the signer's next start.\n",
			   t->pending_count);
	if (x->v.errors)
		buf_printf(&out, "NOT RECONCILED: %zu error%s, %zu warning%s.\n", x->v.errors,
			   x->v.errors == 1 ? "" : "s", x->v.warnings, x->v.warnings == 1 ? "" : "s");
	else
		buf_put_text(&out, "Reconciled: every signature has its row, and every row its signature.\n");
	return output_print(c, &out);
}

int audit_reconcile(struct cli *c, const struct options *o)
{
	__attribute__((cleanup(reconciling_free))) struct reconciling x = { .first = false };
	verification_init(&x.v, c);
	x.v.visit = on_record;
	x.v.with = &x;
	x.lost = option_text(o, "lost");
	if (x.lost && access(x.lost, W_OK | X_OK) != 0)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "folder", .field = "--lost" },
				    "%s is not a folder that can be written to.", x.lost);
	int r = verification_prepare(&x.v, o, option_text(o, "ledger"));
	if (r == CLI_DONE)
		r = verification_run(&x.v);
	tally_sort(&x.tally);
	if (r == CLI_DONE)
		r = rows_compare(c, &x);
	if (r == CLI_DONE)
		r = cas_compare(c, &x);
	if (r == CLI_DONE)
		r = c->json ? report_json(c, &x) : report_text(c, &x);
	return r ? r : verification_exit(&x.v);
}
