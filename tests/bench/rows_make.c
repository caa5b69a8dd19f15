/*
 * Fills a stack that is at rest with certificates of one of its CAs, as if it
 * had issued them over the last year: for each, both records on the ledger, by
 * the ledger's own writer, and its row with its name in the database. All are
 * copies of the one leaf that the CA has issued truly, with serial number,
 * validity and request id of their own; their signatures are that leaf's.
 *
 *	rows_make SIGNER_DIR LEDGER_ID DATABASE CA_ID ROWS REVOKED [--no-ledger] [--index FILE]
 *
 * --no-ledger: rows alone, whose record is the true leaf's: they can be looked
 * up, but not be put on a CRL. --index: the same revoked ones for openssl ca.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/sha.h>
#include <sqlite3.h>

#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "ledger/ledger.h"

#define DAY 86400
#define DAYS 360	  /* in which they were issued */
#define VALID (400 * DAY) /* none has expired */
#define PER_BATCH 2000	  /* certificates of one commit to the ledger */
#define PER_COMMIT 500000 /* to the database */
#define SERIAL 19
#define TIME_TEXT 13

static const struct {
	int number;
	const char *text;
} reasons[] = { { 1, ",keyCompromise" },
		{ 4, ",superseded" },
		{ 0, "" },
		{ 5, ",cessationOfOperation" },
		{ 3, ",affiliationChanged" } };

struct maker {
	uint64_t rows, revoked;
	int64_t now;
	sqlite3 *db;
	sqlite3_stmt *row, *name;
	sqlite3_int64 ca, leaf_seq;
	sqlite3_value *profile, *subject, *actor;
	struct buf der;
	size_t serial_at, validity_at; /* in der; the TBSCertificate begins at tbs_at */
	size_t tbs_at;
	struct ledger *ledger;
	struct buf intent_bytes, result_bytes;
	struct cert_intent_record intent;
	struct cert_result_record result;
	unsigned staged;
	FILE *index;
	uint64_t chance;
	/*
	 * How all their request ids end. At its start the signer remembers the ids of what came onto the ledger just
	 * now, by their ends; of what was issued over a year it would have none, and so it has one.
	 */
	uint8_t id_end[8];
};

/* What one of them has for itself. */
struct leaf {
	uint8_t serial[SERIAL], fingerprint[32], request_id[16];
	int64_t not_before, revoked;
	int reason;
	sqlite3_int64 seq;
};

static void insist(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "rows_make: %s\n", what);
	exit(EXIT_FAILURE);
}

static void sql(struct maker *m, const char *text)
{
	if (sqlite3_exec(m->db, text, NULL, NULL, NULL) == SQLITE_OK)
		return;
	fprintf(stderr, "rows_make: %s: %s\n", text, sqlite3_errmsg(m->db));
	exit(EXIT_FAILURE);
}

static sqlite3_stmt *prepared(struct maker *m, const char *text)
{
	sqlite3_stmt *statement = NULL;
	insist(sqlite3_prepare_v2(m->db, text, -1, &statement, NULL) == SQLITE_OK, sqlite3_errmsg(m->db));
	return statement;
}

static uint64_t chance_next(struct maker *m)
{
	uint64_t z = m->chance += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void chance_fill(struct maker *m, uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t z = chance_next(m);
		memcpy(at + i, &z, n - i < 8 ? n - i : 8);
	}
}

static size_t offset_of(const struct buf *in, const void *bytes, size_t n)
{
	const uint8_t *at = memmem(in->at, in->len, bytes, n);
	insist(at != NULL, "the leaf is not as it is expected to be");
	return (size_t)(at - in->at);
}

/* The leaf that all are made after. */
static void leaf_find(struct maker *m, const char *ca_id)
{
	static const uint8_t validity[] = { 0x30, 0x1e, 0x17, 0x0d };
	sqlite3_stmt *s =
		prepared(m, "SELECT ca, profile, certificate.subject, certificate.actor, der,"
			    " certificate.serial, certificate.ledger_seq FROM certificate JOIN ca ON ca.n = ca"
			    " WHERE ca.id = ?1 AND kind = 1 ORDER BY certificate.n LIMIT 1");
	sqlite3_bind_text(s, 1, ca_id, -1, SQLITE_STATIC);
	insist(sqlite3_step(s) == SQLITE_ROW, "the CA has issued no leaf");
	m->ca = sqlite3_column_int64(s, 0);
	m->profile = sqlite3_value_dup(sqlite3_column_value(s, 1));
	m->subject = sqlite3_value_dup(sqlite3_column_value(s, 2));
	m->actor = sqlite3_value_dup(sqlite3_column_value(s, 3));
	buf_put(&m->der, sqlite3_column_blob(s, 4), (size_t)sqlite3_column_bytes(s, 4));
	insist(sqlite3_column_bytes(s, 5) == SERIAL, "its serial number has another length");
	m->serial_at = offset_of(&m->der, sqlite3_column_blob(s, 5), SERIAL);
	m->validity_at = offset_of(&m->der, validity, sizeof(validity)) + sizeof(validity);
	m->tbs_at = 4;
	m->leaf_seq = sqlite3_column_int64(s, 6);
	sqlite3_finalize(s);
}

/* Its two records; between them may stand those of others who asked at the same time. */
static void records_find(struct maker *m, const char *folder)
{
	struct ledger_reader *r;
	struct record record;
	uint64_t seq = (uint64_t)m->leaf_seq;
	insist(ledger_reader_open(folder, &r) == 0, "no ledger");
	insist(ledger_read(r, seq, &m->intent_bytes, &record) == 0 && record.type == RECORD_CERT_INTENT &&
		       record_cert_intent_get(record.body, &m->intent) == PACK_OK,
	       "no intent");
	do
		insist(ledger_read(r, ++seq, &m->result_bytes, &record) == 0, "no result");
	while (record.type != RECORD_CERT_RESULT || record_cert_result_get(record.body, &m->result) != PACK_OK ||
	       m->result.intent != (uint64_t)m->leaf_seq);
	insist(m->intent.tbs.len + m->tbs_at < m->der.len, "the record is of another leaf");
	ledger_reader_close(r);
}

static void utc_time(int64_t when, char out[TIME_TEXT + 1])
{
	struct tm tm;
	char full[TIME_TEXT + 3];
	insist(time_calendar(when, &tm) && strftime(full, sizeof(full), "%Y%m%d%H%M%SZ", &tm) == TIME_TEXT + 2,
	       "no such time");
	memcpy(out, full + 2, TIME_TEXT + 1);
}

static void ledger_put(struct maker *m, struct leaf *leaf)
{
	scoped_buf body = { .max = MAX_RECORD_BODY };
	uint64_t seq, next;
	int64_t last = ledger_last_time(m->ledger), time = time_now_ms();
	struct cert_intent_record intent = m->intent;
	struct cert_result_record result = m->result;
	memcpy(intent.request_id, leaf->request_id, 16);
	intent.tbs.at = m->der.at + m->tbs_at;
	record_cert_intent_put(&body, &intent);
	time = time > last ? time : last;
	insist(buf_ok(&body) && ledger_stage(m->ledger, RECORD_CERT_INTENT, time, buf_slice(&body), &seq) == 0,
	       "the ledger doesn't take an intent");
	buf_clear(&body);
	result.intent = seq;
	record_cert_result_put(&body, &result);
	insist(buf_ok(&body) && ledger_stage(m->ledger, RECORD_CERT_RESULT, time, buf_slice(&body), &next) == 0,
	       "the ledger doesn't take a result");
	leaf->seq = (sqlite3_int64)seq;
	if (++m->staged == PER_BATCH) {
		insist(ledger_commit(m->ledger) == 0, "the ledger can't be written");
		m->staged = 0;
	}
}

static void row_put(struct maker *m, const struct leaf *leaf)
{
	sqlite3_bind_blob(m->row, 1, leaf->fingerprint, 32, SQLITE_STATIC);
	sqlite3_bind_int64(m->row, 2, (sqlite3_int64)get_u64(leaf->fingerprint));
	sqlite3_bind_int64(m->row, 3, m->ca);
	sqlite3_bind_blob(m->row, 4, leaf->serial, SERIAL, SQLITE_STATIC);
	sqlite3_bind_text(m->row, 5, leaf->revoked ? "revoked" : "active", -1, SQLITE_STATIC);
	sqlite3_bind_value(m->row, 6, m->profile);
	sqlite3_bind_value(m->row, 7, m->subject);
	sqlite3_bind_int64(m->row, 8, leaf->not_before);
	sqlite3_bind_int64(m->row, 9, leaf->not_before + VALID);
	sqlite3_bind_value(m->row, 10, m->actor);
	sqlite3_bind_blob(m->row, 11, leaf->request_id, 16, SQLITE_STATIC);
	sqlite3_bind_int64(m->row, 12, leaf->seq);
	sqlite3_bind_int64(m->row, 13, leaf->revoked);
	sqlite3_bind_int(m->row, 14, leaf->reason);
	sqlite3_bind_blob(m->row, 15, m->der.at, (int)m->der.len, SQLITE_STATIC);
	sqlite3_bind_int64(m->row, 16, leaf->revoked ? leaf->seq : 0);
	insist(sqlite3_step(m->row) == SQLITE_DONE, sqlite3_errmsg(m->db));
	sqlite3_reset(m->row);
}

static void name_put(struct maker *m, const struct leaf *leaf)
{
	char name[40];
	hex_encode(leaf->fingerprint, 6, name);
	strcat(name, ".example.com");
	sqlite3_bind_text(m->name, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(m->name, 2, sqlite3_last_insert_rowid(m->db));
	insist(sqlite3_step(m->name) == SQLITE_DONE, sqlite3_errmsg(m->db));
	sqlite3_reset(m->name);
}

static void index_put(const struct maker *m, const struct leaf *leaf, const char *reason)
{
	char end[TIME_TEXT + 1], at[TIME_TEXT + 1], serial[2 * SERIAL + 1];
	utc_time(leaf->not_before + VALID, end);
	utc_time(leaf->revoked, at);
	hex_encode(leaf->serial, SERIAL, serial);
	for (char *c = serial; *c; c++)
		*c = (char)(*c >= 'a' ? *c - 32 : *c);
	fprintf(m->index, "R\t%s\t%s%s\t%s\tunknown\t/CN=leaf\n", end, at, reason, serial);
}

static void leaf_make(struct maker *m, uint64_t k)
{
	char from[TIME_TEXT + 1], to[TIME_TEXT + 1];
	struct leaf leaf = { .seq = m->leaf_seq };
	const char *reason = "";
	leaf.not_before = m->now - DAYS * DAY + (int64_t)(k * DAYS / m->rows) * DAY;
	chance_fill(m, leaf.serial, SERIAL);
	leaf.serial[0] = 1;
	leaf.serial[1] = (uint8_t)(leaf.not_before / DAY >> 8);
	leaf.serial[2] = (uint8_t)(leaf.not_before / DAY);
	chance_fill(m, leaf.request_id, 8);
	memcpy(leaf.request_id + 8, m->id_end, sizeof(m->id_end));
	for (int i = 0; i < 6; i++)
		leaf.request_id[i] = (uint8_t)((leaf.not_before * 1000 + (int64_t)(k % 86400)) >> (40 - 8 * i));
	if (k * m->revoked / m->rows != (k + 1) * m->revoked / m->rows) {
		size_t r = chance_next(m) % (sizeof(reasons) / sizeof(reasons[0]));
		leaf.reason = reasons[r].number;
		reason = reasons[r].text;
		leaf.revoked = leaf.not_before + (int64_t)(chance_next(m) % (uint64_t)(m->now - leaf.not_before));
	}
	utc_time(leaf.not_before, from);
	utc_time(leaf.not_before + VALID, to);
	memcpy(m->der.at + m->serial_at, leaf.serial, SERIAL);
	memcpy(m->der.at + m->validity_at, from, TIME_TEXT);
	memcpy(m->der.at + m->validity_at + TIME_TEXT + 2, to, TIME_TEXT);
	SHA256(m->der.at, m->der.len, leaf.fingerprint);
	if (m->ledger)
		ledger_put(m, &leaf);
	row_put(m, &leaf);
	name_put(m, &leaf);
	if (m->index && leaf.revoked)
		index_put(m, &leaf, reason);
}

/* At rest and for this program alone, so without a log; what it looks like inside is as if it had had one. */
static void database_open(struct maker *m, const char *path)
{
	insist(sqlite3_open_v2(path, &m->db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK, "no database");
	sql(m, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
	       " PRAGMA cache_size = -2000000");
	m->row = prepared(m, "INSERT INTO certificate (fingerprint, mark, ca, serial, kind, state, profile, subject,"
			     " not_before, not_after, actor, request_id, ledger_seq, created_at, revoked_at,"
			     " revocation_reason, why, der, noted, unlisted) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8,"
			     " ?9, ?10, ?11, ?12, ?8, ?13, ?14, '', ?15, ?16, 0)");
	m->name = prepared(m, "INSERT INTO certificate_name (name, certificate) VALUES (?1, ?2)");
}

static void database_close(struct maker *m)
{
	char text[80];
	if (m->ledger) {
		snprintf(text, sizeof(text), "UPDATE ledger SET committed = %" PRIu64 " WHERE one = 1",
			 ledger_size(m->ledger));
		sql(m, text);
	}
	sqlite3_finalize(m->row);
	sqlite3_finalize(m->name);
	sqlite3_value_free(m->profile);
	sqlite3_value_free(m->subject);
	sqlite3_value_free(m->actor);
	sql(m, "PRAGMA locking_mode = NORMAL; PRAGMA journal_mode = WAL");
	insist(sqlite3_close(m->db) == SQLITE_OK, "the database doesn't close");
}

static void ledger_begin(struct maker *m, const char *signer_dir, const char *ledger_id)
{
	char folder[4096];
	struct ledger_open_options o = { 0 };
	snprintf(folder, sizeof(folder), "%s/ledger", signer_dir);
	records_find(m, folder);
	insist(hex_decode(ledger_id, strlen(ledger_id), o.ledger_id, sizeof(o.ledger_id)), "no ledger id");
	insist(ledger_open(folder, &o, &m->ledger) == 0, "the ledger doesn't open");
}

static void options_read(struct maker *m, int argc, char **argv)
{
	bool with_ledger = true;
	for (int i = 7; i < argc; i++) {
		if (strcmp(argv[i], "--no-ledger") == 0)
			with_ledger = false;
		else if (strcmp(argv[i], "--index") == 0 && i + 1 < argc)
			insist((m->index = fopen(argv[++i], "w")) != NULL, "the index can't be written");
		else
			insist(false, "no such option");
	}
	m->rows = strtoull(argv[5], NULL, 10);
	m->revoked = strtoull(argv[6], NULL, 10);
	insist(m->revoked <= m->rows, "more are revoked than there are");
	leaf_find(m, argv[4]);
	if (with_ledger)
		ledger_begin(m, argv[1], argv[2]);
}

int main(int argc, char **argv)
{
	static struct maker m = { .der = { .max = 65536 },
				  .intent_bytes = { .max = MAX_RECORD },
				  .result_bytes = { .max = MAX_RECORD } };
	if (argc < 7) {
		fputs("usage: rows_make SIGNER_DIR LEDGER_ID DATABASE CA_ID ROWS REVOKED [--no-ledger] [--index "
		      "FILE]\n",
		      stderr);
		return 2;
	}
	m.now = time_now() - 60;
	random_bytes((uint8_t *)&m.chance, sizeof(m.chance));
	random_bytes(m.id_end, sizeof(m.id_end));
	database_open(&m, argv[3]);
	options_read(&m, argc, argv);
	for (uint64_t k = 0; k < m.rows; k++) {
		if (k % PER_COMMIT == 0)
			sql(&m, k ? "COMMIT; BEGIN" : "BEGIN");
		leaf_make(&m, k);
	}
	if (m.rows)
		sql(&m, "COMMIT");
	if (m.ledger) {
		insist(ledger_commit(m.ledger) == 0, "the ledger can't be written");
		ledger_tell_head(m.ledger);
	}
	database_close(&m);
	ledger_close(m.ledger);
	if (m.index)
		insist(fclose(m.index) == 0, "the index can't be written");
	buf_free(&m.der);
	buf_free(&m.intent_bytes);
	buf_free(&m.result_bytes);
	return EXIT_SUCCESS;
}
