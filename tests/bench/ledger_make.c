/*
 * Makes a ledger with one CA and many leaves by the ledger's own writer, with
 * a checkpoint and, unless told not to, a snapshot: for how long a signer
 * takes to start, which needs no token.
 *
 *	ledger_make FOLDER LEDGER_ID RECORDS PER_HOUR [--no-snapshot]
 *
 * FOLDER/ledger is made. Leaves are an hour / PER_HOUR apart, the last one now.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "fuzz/log_key.h"
#include "ledger/snapshot.h"
#include "signd/restore.h"
#include "signd/signer.h"

#define TBS 620	    /* bytes of a leaf's TBSCertificate with a P-256 key and two names */
#define CONTEXT 180 /* of what the front-end adds */
#define PER_BATCH 2000

struct maker {
	struct signer like;
	struct ledger *ledger;
	struct state *state;
	struct snapshot snapshot;
	bool snapshots;
	char folder[4096];
	uint64_t staged;
	int64_t time;
};

static void insist(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "ledger_make: %s\n", what);
	exit(EXIT_FAILURE);
}

static void state_follow(struct maker *m, struct ledger_reader *r)
{
	scoped_buf bytes = { .max = 8 << 20 };
	struct record record;
	uint8_t hash[HASH_SIZE];
	size_t size;
	uint64_t next = m->snapshot.tree.size, segment;
	insist(ledger_read_range(r, next, ledger_size(m->ledger), 4 << 20, &bytes) == 0, "can't be read");
	insist(ledger_reader_segment(r, ledger_size(m->ledger) - 1, &segment) == 0, "has no segment");
	for (size_t at = 0; at < bytes.len; at += size) {
		insist(record_peek((struct slice){ bytes.at + at, bytes.len - at }, &record, &size, hash) ==
			       RECORD_WHOLE,
		       "a record is broken");
		insist(state_take(m->state, &record) == 0, "a record isn't understood");
		if (record.seq == segment)
			m->snapshot.segment = m->snapshot.tree;
		merkle_append(&m->snapshot.tree, hash);
	}
	m->snapshot.last_time = m->time;
}

static void commit(struct maker *m)
{
	static struct ledger_reader *r;
	insist(ledger_commit(m->ledger) == 0, "can't be written");
	m->staged = 0;
	if (!m->snapshots || m->time > time_now_ms() - STATE_LAG_MS)
		return;
	if (!r)
		insist(ledger_reader_open(m->folder, &r) == 0, "can't be opened for reading");
	state_follow(m, r);
}

static uint64_t stage(struct maker *m, uint8_t type, const struct buf *body)
{
	uint64_t seq = 0;
	insist(buf_ok(body) && ledger_stage(m->ledger, type, m->time, buf_slice(body), &seq) == 0, "can't be staged");
	m->staged++;
	return seq;
}

#define BODY(name) scoped_buf name = { .max = MAX_RECORD_BODY }

static void stage_start(struct maker *m, struct slice log_key)
{
	BODY(body);
	struct ledger_start_record r = { .epoch = 1,
					 .software = slice_text("ledger_make"),
					 .log_token = slice_text("main"),
					 .log_key = slice_text("log"),
					 .log_algorithm = ALGORITHM_ED25519,
					 .log_public_key = log_key };
	memcpy(r.ledger_id, m->like.config.ledger_id, 16);
	record_ledger_start_put(&body, &r);
	stage(m, RECORD_LEDGER_START, &body);
}

static void stage_ca(struct maker *m, const uint8_t key_id[16])
{
	static const uint8_t subject[] = { 0x30, 0x00 };
	const struct slice public_key = { (const uint8_t *)P256_BASE_POINT, sizeof(P256_BASE_POINT) - 1 };
	BODY(body);
	BODY(charter);
	struct key_intent_record intent = { .token = slice_text("main"), .algorithm = ALGORITHM_ECDSA_P256 };
	memcpy(intent.key_id, key_id, 16);
	record_key_intent_put(&body, &intent);
	struct key_result_record result = { .intent = stage(m, RECORD_KEY_INTENT, &body), .public_key = public_key };
	memcpy(result.key_id, key_id, 16);
	buf_clear(&body);
	record_key_result_put(&body, &result);
	stage(m, RECORD_KEY_RESULT, &body);
	struct charter c = { .token = slice_text("main"),
			     .driver_key = { key_id, 16 },
			     .algorithm = ALGORITHM_ECDSA_P256,
			     .public_key = public_key,
			     .subject = SLICE_OF(subject),
			     .path_len = 0 };
	memcpy(c.key_id, key_id, 16);
	memcpy(c.parent, key_id, 16);
	charter_put(&charter, &c);
	struct key_bound_record bound = { .not_before = m->time / 1000,
					  .not_after = m->time / 1000 + INT64_C(20) * 365 * 86400,
					  .charter = buf_slice(&charter) };
	memcpy(bound.key_id, key_id, 16);
	buf_clear(&body);
	record_key_bound_put(&body, &bound);
	stage(m, RECORD_KEY_BOUND, &body);
}

/* As much of a TBSCertificate as its validity takes: 90 days from now on; the rest is one long string. */
static void tbs_write(int64_t now, uint8_t tbs[TBS])
{
	static const uint8_t head[] = {
		0x30, 0x82, (TBS - 4) >> 8, (TBS - 4) & 0xff, 0xa0, 3, 2, 1, 2, 2, 1, 1, 0x30, 0, 0x30, 0, 0x30, 30
	};
	uint8_t *at = tbs + sizeof(head);
	memcpy(tbs, head, sizeof(head));
	for (int64_t when = now; when <= now + 90 * 86400; when += 90 * 86400, at += 15) {
		struct tm tm;
		char text[20];
		insist(time_calendar(when, &tm) && strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm) == 15,
		       "no such time");
		at[0] = 0x17;
		at[1] = 13;
		memcpy(at + 2, text + 2, 13);
	}
	size_t left = (size_t)(tbs + TBS - at) - 4;
	const uint8_t string[] = { 0x04, 0x82, (uint8_t)(left >> 8), (uint8_t)left };
	memcpy(at, string, sizeof(string));
}

static void stage_leaf(struct maker *m, const uint8_t key_id[16])
{
	static uint8_t tbs[TBS], context[CONTEXT], signature[71];
	BODY(body);
	struct cert_intent_record intent = { .kind = KIND_LEAF, .tbs = SLICE_OF(tbs), .context = SLICE_OF(context) };
	for (int i = 0; i < 6; i++)
		intent.request_id[i] = (uint8_t)(m->time >> (40 - 8 * i));
	random_bytes(intent.request_id + 6, 10);
	tbs_write(m->time / 1000, tbs);
	memcpy(tbs + 100, intent.request_id, 16);
	memcpy(intent.ca_key, key_id, 16);
	record_cert_intent_put(&body, &intent);
	struct cert_result_record result = { stage(m, RECORD_CERT_INTENT, &body), SLICE_OF(signature) };
	buf_clear(&body);
	record_cert_result_put(&body, &result);
	stage(m, RECORD_CERT_RESULT, &body);
}

static void note_sign(EVP_PKEY *key, struct slice log_key, const struct checkpoint *c, struct buf *note)
{
	uint8_t raw[64];
	size_t size = sizeof(raw);
	scoped_buf text = { .max = MAX_NOTE };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	checkpoint_text(c, &text);
	insist(EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, key, NULL) == 1 &&
		       EVP_DigestSign(ctx, raw, &size, text.at, text.len) == 1,
	       "no signature");
	EVP_MD_CTX_free(ctx);
	checkpoint_note(c, log_key, SLICE_OF(raw), note);
}

static void heads_sign(struct maker *m, EVP_PKEY *key, struct slice log_key)
{
	scoped_buf note = { .max = MAX_NOTE }, state = { .max = MAX_SNAPSHOT }, file = { .max = MAX_SNAPSHOT };
	struct checkpoint head = { .size = ledger_size(m->ledger) };
	memcpy(head.ledger_id, m->like.config.ledger_id, 16);
	ledger_root(m->ledger, head.root);
	note_sign(key, log_key, &head, &note);
	insist(ledger_put_checkpoint(m->ledger, buf_slice(&note)) == 0, "the checkpoint isn't taken");
	if (m->snapshot.tree.size == 0)
		return;
	state_put(m->state, &state);
	m->snapshot.state = buf_slice(&state);
	m->snapshot.state_version = STATE_VERSION;
	memcpy(m->snapshot.ledger_id, head.ledger_id, 16);
	snapshot_put(&m->snapshot, &file);
	snapshot_head(&m->snapshot, buf_slice(&file), &head);
	note_sign(key, log_key, &head, &file);
	insist(buf_ok(&file) && snapshot_store(m->folder, head.size, buf_slice(&file)) == 0, "no snapshot");
}

int main(int argc, char **argv)
{
	static struct maker m;
	static int slot;
	struct ledger_reader *reader = NULL;
	uint8_t log_key[LOG_KEY_SIZE], key_id[16] = { 0xca };
	if (argc < 5 || argc > 6 || !hex_decode(argv[2], strlen(argv[2]), m.like.config.ledger_id, LEDGER_ID_SIZE)) {
		fputs("usage: ledger_make FOLDER LEDGER_ID RECORDS PER_HOUR [--no-snapshot]\n", stderr);
		return 2;
	}
	uint64_t records = strtoull(argv[3], NULL, 10);
	int64_t apart = 3600000 / atoll(argv[4]), now = time_now_ms();
	EVP_PKEY *private = log_key_make();
	log_key_public(log_key);
	snprintf(m.folder, sizeof(m.folder), "%s/ledger", argv[1]);
	m.snapshots = argc == 5;
	m.like.config.token_count = 1;
	m.like.config.tokens[0].name = "main";
	m.like.slots[0] = (struct slot *)&slot; /* never looked into */
	m.time = now - (int64_t)(records / 2) * apart;
	struct ledger_open_options o = { 0 };
	memcpy(o.ledger_id, m.like.config.ledger_id, 16);
	insist(ledger_create(m.folder, &o) == 0 && ledger_open(m.folder, &o, &m.ledger) == 0, "can't be made");
	insist(ledger_reader_open(m.folder, &reader) == 0 && (m.state = state_new(&m.like, reader)), "no memory");
	stage_start(&m, SLICE_OF(log_key));
	stage_ca(&m, key_id);
	commit(&m);
	while (ledger_size(m.ledger) + m.staged < records) {
		m.time = m.time + apart < now ? m.time + apart : now;
		stage_leaf(&m, key_id);
		if (m.staged >= PER_BATCH)
			commit(&m);
	}
	commit(&m);
	heads_sign(&m, private, SLICE_OF(log_key));
	printf("%llu records, a snapshot of %llu\n", (unsigned long long)ledger_size(m.ledger),
	       (unsigned long long)m.snapshot.tree.size);
	state_free(m.state);
	ledger_reader_close(reader);
	ledger_close(m.ledger);
	EVP_PKEY_free(private);
	return EXIT_SUCCESS;
}
