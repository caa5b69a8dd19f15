/*
 * ledger/snapshot and signd/restore: a start from a snapshot knows what a start from all records knows, to the byte;
 * and a snapshot that isn't ours, isn't whole or doesn't fit changes nothing.
 */
#include <setjmp.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/log.h"
#include "fuzz/log_key.h"
#include "ledger/archive.h"
#include "ledger/segment.h"
#include "ledger/snapshot.h"
#include "signd/restore.h"
#include "signd/signer.h"

static char folder[64];
static const struct ledger_open_options whole = { .ledger_id = { 1, 2, 3 }, .segment_size = 4096 };
static const struct ledger_open_options quick = { .ledger_id = { 1, 2, 3 }, .segment_size = 4096, .state_version = 7 };
static EVP_PKEY *private;
static uint8_t log_key[LOG_KEY_SIZE];
static struct signer like;
static uint64_t made; /* records, for bodies that differ */

static int folder_make(void **state)
{
	static int slot;
	(void)state;
	strcpy(folder, "/tmp/ch.XXXXXX");
	log_open("test_snapshot", LOG_LEVEL_ERROR);
	private = log_key_make();
	log_key_public(log_key);
	memcpy(like.config.ledger_id, whole.ledger_id, 16);
	like.config.token_count = 1;
	like.config.tokens[0].name = "main";
	like.slots[0] = (struct slot *)&slot;
	made = 0;
	return mkdtemp(folder) ? ledger_create(folder, &whole) : -1;
}

static int folder_remove(void **state)
{
	(void)state;
	char command[96];
	EVP_PKEY_free(private);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static int log_hush(void)
{
	int kept = dup(STDERR_FILENO);
	assert_non_null(freopen("/dev/null", "w", stderr));
	return kept;
}

static void log_restore(int kept)
{
	fflush(stderr);
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	close(kept);
}

static char *file_path(const char *name)
{
	static char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static struct ledger *must_open(const struct ledger_open_options *o)
{
	struct ledger *l = NULL;
	assert_int_equal(ledger_open(folder, o, &l), 0);
	return l;
}

static uint64_t stage(struct ledger *l, uint8_t type, const struct buf *body)
{
	uint64_t seq;
	assert_true(buf_ok(body));
	assert_int_equal(ledger_stage(l, type, (int64_t)(1000 + made++), buf_slice(body), &seq), 0);
	return seq;
}

#define BODY(name) scoped_buf name = { .max = MAX_RECORD_BODY }

static void stage_start(struct ledger *l)
{
	BODY(body);
	struct ledger_start_record r = { .log_token = slice_text("main"),
					 .log_key = slice_text("log"),
					 .log_public_key = SLICE_OF(log_key) };
	memcpy(r.ledger_id, whole.ledger_id, 16);
	record_ledger_start_put(&body, &r);
	stage(l, RECORD_LEDGER_START, &body);
}

static uint64_t stage_key_intent(struct ledger *l, uint8_t id)
{
	BODY(body);
	struct key_intent_record r = { .token = slice_text("main"), .algorithm = ALGORITHM_ED25519, .key_id = { id } };
	r.request_id[0] = id;
	record_key_intent_put(&body, &r);
	return stage(l, RECORD_KEY_INTENT, &body);
}

static void stage_lost(struct ledger *l, uint64_t intent, uint8_t type)
{
	BODY(body);
	struct lost_record r = { intent, type };
	record_lost_put(&body, &r);
	stage(l, RECORD_LOST, &body);
}

/* A CA over one of many keys. */
static void stage_ca(struct ledger *l, uint8_t id)
{
	BODY(body);
	BODY(packed);
	uint8_t seed[32] = { id }, subject[] = { 0x30, 0x01, id };
	unsigned char *der = NULL;
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	struct slice public_key = { NULL, (size_t)i2d_PUBKEY(key, &der) };
	public_key.at = der;
	EVP_PKEY_free(key);
	struct key_result_record result = { .intent = stage_key_intent(l, id),
					    .key_id = { id },
					    .public_key = public_key };
	record_key_result_put(&body, &result);
	stage(l, RECORD_KEY_RESULT, &body);
	struct charter c = { .key_id = { id },
			     .parent = { id },
			     .token = slice_text("main"),
			     .algorithm = ALGORITHM_ED25519,
			     .public_key = public_key,
			     .subject = SLICE_OF(subject) };
	charter_put(&packed, &c);
	struct key_bound_record bound = { .key_id = { id }, .not_after = 99, .charter = buf_slice(&packed) };
	buf_clear(&body);
	record_key_bound_put(&body, &bound);
	stage(l, RECORD_KEY_BOUND, &body);
	OPENSSL_free(der);
}

static uint64_t stage_leaf_intent(struct ledger *l, uint8_t ca)
{
	BODY(body);
	uint8_t tbs[200] = { ca };
	struct cert_intent_record r = { .ca_key = { ca }, .kind = KIND_LEAF, .tbs = SLICE_OF(tbs) };
	memcpy(r.request_id, &made, sizeof(made));
	record_cert_intent_put(&body, &r);
	return stage(l, RECORD_CERT_INTENT, &body);
}

static void stage_leaf_result(struct ledger *l, uint64_t intent)
{
	BODY(body);
	struct cert_result_record r = { intent, slice_text("signature") };
	record_cert_result_put(&body, &r);
	stage(l, RECORD_CERT_RESULT, &body);
}

static void stage_note(struct ledger *l)
{
	BODY(body);
	struct note_record r = { .kind = 1, .context = slice_text("about something") };
	record_note_put(&body, &r);
	stage(l, RECORD_NOTE, &body);
}

static uint64_t stage_crl_intent(struct ledger *l, uint64_t number, const uint8_t *closes)
{
	BODY(body);
	BODY(raw);
	uint16_t count = 0;
	struct crl_intent_record r = { .ca_key = { 1 }, .shards = 1, .number = number, .entries = 7 };
	memcpy(r.request_id, &made, sizeof(made));
	if (closes)
		list_put(&raw, &count, 0, (struct slice){ closes, KEY_ID_SIZE });
	r.closes = list_of(&raw, count);
	record_crl_intent_put(&body, &r);
	return stage(l, RECORD_CRL_INTENT, &body);
}

static void stage_crl_result(struct ledger *l, uint64_t intent)
{
	BODY(body);
	struct crl_result_record r = { intent, slice_text("signature"), { 0 } };
	record_crl_result_put(&body, &r);
	stage(l, RECORD_CRL_RESULT, &body);
}

static void stage_latched(struct ledger *l, const char *what)
{
	BODY(body);
	struct latched_record why = { slice_text(what), slice_text("a test") };
	record_latched_put(&body, &why);
	stage(l, RECORD_LATCHED, &body);
}

/* One thing of each kind that a life leaves, with intents that stay open for a while. */
static void live(struct ledger *l)
{
	uint64_t open[3];
	stage_start(l);
	stage_ca(l, 1);
	assert_int_equal(ledger_commit(l), 0);
	for (uint8_t round = 0; round < 6; round++) {
		for (int i = 0; i < 3; i++)
			open[i] = stage_leaf_intent(l, 1);
		assert_int_equal(ledger_commit(l), 0);
		stage_leaf_result(l, open[2]);
		stage_note(l);
		uint64_t key = stage_key_intent(l, (uint8_t)(100 + round));
		assert_int_equal(ledger_commit(l), 0);
		stage_ca(l, (uint8_t)(10 + round));
		stage_leaf_result(l, open[0]);
		stage_lost(l, open[1], RECORD_CERT_INTENT);
		const uint8_t ca[KEY_ID_SIZE] = { (uint8_t)(10 + round) };
		uint64_t crl = stage_crl_intent(l, 2 * (uint64_t)round + 1, round % 2 ? ca : NULL);
		uint64_t second = 0;
		assert_int_equal(ledger_commit(l), 0);
		stage_lost(l, key, RECORD_KEY_INTENT);
		stage_crl_result(l, crl);
		second = stage_crl_intent(l, 2 * (uint64_t)round + 2, NULL);
		assert_int_equal(ledger_commit(l), 0);
		stage_lost(l, second, RECORD_CRL_INTENT);
		if (round % 2 == 0) {
			BODY(closed);
			struct ca_closed_record r = { .ca_key = { (uint8_t)(10 + round) } };
			record_ca_closed_put(&closed, &r);
			stage(l, RECORD_CA_CLOSED, &closed);
		}
		stage_latched(l, "clock");
		if (round == 3)
			stage_latched(l, "crl 01000000000000000000000000000000.0000");
		assert_int_equal(ledger_commit(l), 0);
	}
}

static void note_sign(const struct checkpoint *c, struct buf *note)
{
	uint8_t raw[64];
	size_t size = sizeof(raw);
	scoped_buf text = { .max = MAX_NOTE };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	checkpoint_text(c, &text);
	assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, private, NULL), 1);
	assert_int_equal(EVP_DigestSign(ctx, raw, &size, text.at, text.len), 1);
	EVP_MD_CTX_free(ctx);
	checkpoint_note(c, SLICE_OF(log_key), SLICE_OF(raw), note);
}

static void checkpoint_put(struct ledger *l)
{
	scoped_buf note = { .max = MAX_NOTE };
	struct checkpoint c = { .size = ledger_size(l) };
	memcpy(c.ledger_id, whole.ledger_id, 16);
	ledger_root(l, c.root);
	note_sign(&c, &note);
	assert_int_equal(ledger_put_checkpoint(l, buf_slice(&note)), 0);
}

/* A state, and the tree beside it, over the records from what it has up to a size. */
struct follower {
	struct ledger_reader *reader;
	struct state *state;
	struct snapshot snapshot;
};

static void follower_new(struct follower *f)
{
	*f = (struct follower){ .reader = NULL };
	assert_int_equal(ledger_reader_open(folder, &f->reader), 0);
	f->state = state_new(&like, f->reader);
	assert_non_null(f->state);
}

static void follower_free(struct follower *f)
{
	state_free(f->state);
	ledger_reader_close(f->reader);
}

static void follow(struct follower *f, uint64_t to)
{
	uint64_t segment = 0;
	assert_int_equal(ledger_reader_segment(f->reader, to - 1, &segment), 0);
	for (uint64_t i = f->snapshot.tree.size; i < to; i++) {
		scoped_buf bytes = { .max = 2 * MAX_RECORD };
		struct record r;
		uint8_t hash[HASH_SIZE];
		size_t size;
		assert_int_equal(ledger_read(f->reader, i, &bytes, &r), 0);
		assert_int_equal(record_peek(buf_slice(&bytes), &r, &size, hash), RECORD_WHOLE);
		assert_int_equal(state_take(f->state, &r), 0);
		if (i == segment)
			f->snapshot.segment = f->snapshot.tree;
		merkle_append(&f->snapshot.tree, hash);
		f->snapshot.last_time = r.time;
	}
}

static void snapshot_make(struct follower *f, struct buf *state, struct buf *file)
{
	struct checkpoint head;
	buf_clear(state);
	buf_clear(file);
	state_put(f->state, state);
	f->snapshot.state = buf_slice(state);
	f->snapshot.state_version = 7;
	memcpy(f->snapshot.ledger_id, whole.ledger_id, 16);
	snapshot_put(&f->snapshot, file);
	snapshot_head(&f->snapshot, buf_slice(file), &head);
	note_sign(&head, file);
	assert_true(buf_ok(file));
}

static void store_at(uint64_t size)
{
	struct follower f;
	scoped_buf state = { .max = MAX_SNAPSHOT }, file = { .max = MAX_SNAPSHOT };
	follower_new(&f);
	follow(&f, size);
	snapshot_make(&f, &state, &file);
	assert_int_equal(snapshot_store(folder, size, buf_slice(&file)), 0);
	follower_free(&f);
}

static void state_is_the_same_from_every_snapshot(void **state)
{
	(void)state;
	struct ledger *l = must_open(&whole);
	struct follower all, first;
	scoped_buf expected = { .max = MAX_SNAPSHOT }, half = { .max = MAX_SNAPSHOT }, got = { .max = MAX_SNAPSHOT };
	live(l);
	uint64_t size = ledger_size(l);
	follower_new(&all);
	follow(&all, size);
	state_put(all.state, &expected);
	follower_new(&first);
	for (uint64_t cut = 1; cut <= size; cut++) {
		struct follower second;
		follow(&first, cut);
		buf_clear(&half);
		buf_clear(&got);
		state_put(first.state, &half);
		follower_new(&second);
		second.snapshot.tree = first.snapshot.tree;
		assert_int_equal(state_get(second.state, buf_slice(&half)), 0);
		follow(&second, size);
		state_put(second.state, &got);
		assert_true(slice_equal(buf_slice(&got), buf_slice(&expected)));
		follower_free(&second);
	}
	follower_free(&first);
	follower_free(&all);
	ledger_close(l);
}

static void a_ledger_opens_from_every_snapshot(void **state)
{
	(void)state;
	struct ledger *l = must_open(&whole);
	uint8_t root[HASH_SIZE], again[HASH_SIZE];
	live(l);
	checkpoint_put(l);
	stage_note(l); /* past the checkpoint */
	assert_int_equal(ledger_commit(l), 0);
	uint64_t size = ledger_size(l), from;
	int64_t last = ledger_last_time(l);
	ledger_root(l, root);
	ledger_close(l);
	for (uint64_t cut = 1; cut < size; cut++) {
		store_at(cut);
		l = must_open(&quick);
		assert_true(ledger_state(l, &from).len > 0);
		assert_int_equal(from, cut);
		ledger_root(l, again);
		assert_memory_equal(root, again, HASH_SIZE);
		assert_int_equal(ledger_size(l), size);
		assert_int_equal(ledger_last_time(l), last);
		ledger_close(l);
	}
	uint64_t sizes[8];
	scoped_fd int fd = open(folder, O_RDONLY | O_DIRECTORY);
	assert_int_equal(snapshot_list(fd, sizes, 8), MAX_SNAPSHOTS_KEPT);
	assert_int_equal(sizes[0], size - 1);
	/* Who doesn't know this version reads all. */
	l = must_open(&whole);
	assert_int_equal(ledger_state(l, &from).len, 0);
	assert_int_equal(from, 0);
	ledger_close(l);
	/* It grows on from there, over segments. */
	l = must_open(&quick);
	for (int i = 0; i < 40; i++) {
		stage_leaf_result(l, stage_leaf_intent(l, 1));
		assert_int_equal(ledger_commit(l), 0);
	}
	ledger_root(l, root);
	ledger_close(l);
	l = must_open(&whole);
	ledger_root(l, again);
	assert_memory_equal(root, again, HASH_SIZE);
	ledger_close(l);
}

static uint64_t opened_from(void)
{
	uint64_t from;
	struct ledger *l = must_open(&quick);
	ledger_state(l, &from);
	ledger_close(l);
	return from;
}

static void file_store(const char *name, struct slice bytes)
{
	assert_int_equal(fd_replace_file(file_path(name), bytes, 0640), 0);
}

static void a_bent_snapshot_is_passed_over(void **state)
{
	(void)state;
	struct ledger *l = must_open(&whole);
	scoped_buf bytes = { .max = MAX_SNAPSHOT };
	char name[SEGMENT_NAME];
	live(l);
	checkpoint_put(l);
	uint64_t size = ledger_size(l);
	ledger_close(l);
	store_at(size - 9);
	store_at(size - 3);
	segment_name(size - 3, "snap", name);
	assert_int_equal(fd_read_file(file_path(name), MAX_SNAPSHOT, &bytes), 0);
	assert_int_equal(opened_from(), size - 3);
	int kept = log_hush();
	for (size_t i = 0; i < bytes.len; i += i < 600 || i > bytes.len - 300 ? 1 : 97) {
		bytes.at[i] ^= 1;
		file_store(name, buf_slice(&bytes));
		assert_int_equal(opened_from(), size - 9);
		bytes.at[i] ^= 1;
	}
	for (size_t cut = 0; cut < bytes.len; cut += cut < 200 ? 1 : 211) {
		file_store(name, (struct slice){ bytes.at, cut });
		assert_int_equal(opened_from(), size - 9);
	}
	log_restore(kept);
	file_store(name, buf_slice(&bytes));
	assert_int_equal(opened_from(), size - 3);
}

/* Signed by the log key and whole, but not of what lies here. */
static void a_snapshot_that_does_not_fit_is_passed_over(void **state)
{
	(void)state;
	struct ledger *l = must_open(&whole);
	scoped_buf packed = { .max = MAX_SNAPSHOT }, file = { .max = MAX_SNAPSHOT }, note = { .max = MAX_NOTE };
	struct follower f;
	char name[SEGMENT_NAME];
	live(l);
	checkpoint_put(l);
	uint64_t size = ledger_size(l);
	ledger_close(l);
	follower_new(&f);
	follow(&f, size - 3);
	const struct snapshot right = f.snapshot;
	segment_name(size - 3, "snap", name);
	int quiet = log_hush();
	for (int how = 0; how < 6; how++) {
		f.snapshot = right;
		if (how == 1)
			f.snapshot.tree.peaks[__builtin_ctzll(size - 3)][5] ^= 1; /* another tree */
		if (how == 2)
			f.snapshot.segment.peaks[__builtin_ctzll(right.segment.size)][5] ^= 1;
		if (how == 3)
			f.snapshot.segment.size -= f.snapshot.segment.size & -f.snapshot.segment.size;
		if (how == 4)
			f.snapshot.tree.size += 1; /* another number than its name */
		snapshot_make(&f, &packed, &file);
		if (how == 5)
			file.at[file.len - 10] ^= 1;
		file_store(name, buf_slice(&file));
		assert_int_equal(opened_from(), how ? 0 : size - 3);
	}
	log_restore(quiet);
	f.snapshot = right;
	snapshot_make(&f, &packed, &file);
	file_store(name, buf_slice(&file));
	assert_int_equal(opened_from(), size - 3);
	/* No checkpoint to hold it against; or an older one. */
	assert_int_equal(fd_read_file(file_path("checkpoint"), MAX_NOTE, &note), 0);
	assert_int_equal(unlink(file_path("checkpoint")), 0);
	quiet = log_hush();
	assert_int_equal(opened_from(), 0);
	file_store("checkpoint", buf_slice(&note));
	/* An index that is shorter than it was: it is made whole by reading all. */
	assert_true(right.segment.size > 0);
	assert_int_equal(truncate(file_path("0000000000000000.idx"), 40), 0);
	assert_int_equal(opened_from(), 0);
	assert_int_equal(opened_from(), size - 3);
	log_restore(quiet);
	follower_free(&f);
}

/* A record behind the snapshot that changes is found as ever; one before its segment is not read. */
static void damage_behind_a_snapshot_is_found(void **state)
{
	(void)state;
	struct ledger *l = must_open(&whole);
	scoped_buf bytes = { .max = 65536 };
	scoped_segment_list list = { NULL, 0 };
	char name[SEGMENT_NAME];
	live(l);
	checkpoint_put(l);
	uint64_t size = ledger_size(l);
	ledger_close(l);
	store_at(size - 3);
	scoped_fd int fd = open(folder, O_RDONLY | O_DIRECTORY);
	assert_int_equal(segment_list_read(fd, "seg", &list), 0);
	segment_name(list.first[list.count - 1], "seg", name);
	assert_int_equal(fd_read_file(file_path(name), 65536, &bytes), 0);
	int quiet = log_hush();
	for (size_t i = 0; i < SEGMENT_HEAD + 500; i += 7) {
		bytes.at[i] ^= 1;
		file_store(name, buf_slice(&bytes));
		assert_true(ledger_open(folder, &quick, &l) != 0);
		bytes.at[i] ^= 1;
	}
	log_restore(quiet);
	file_store(name, buf_slice(&bytes));
	assert_int_equal(opened_from(), size - 3);
}

/* of: the record that somebody needs. */
static bool is_needed(void *of, const struct record *r)
{
	return r->seq == *(const uint64_t *)of;
}

static size_t archive_to(const char *to, uint64_t needed)
{
	size_t moved = 0;
	struct archive_options o = { .state_version = 7, .to = to, .needed = is_needed, .of = &needed };
	memcpy(o.ledger_id, whole.ledger_id, 16);
	assert_int_equal(archive_run(folder, &o, &moved), 0);
	return moved;
}

/* How many records of the ledger can be read here; hashes of all of them can, and they make its root. */
static uint64_t readable(uint64_t size, const uint8_t root[HASH_SIZE])
{
	struct ledger_reader *r;
	struct merkle tree;
	uint64_t count = 0;
	uint8_t hash[HASH_SIZE], now[HASH_SIZE];
	scoped_buf bytes = { .max = 2 * MAX_RECORD };
	struct record record;
	merkle_init(&tree);
	assert_int_equal(ledger_reader_open(folder, &r), 0);
	for (uint64_t i = 0; i < size; i++) {
		int state = ledger_read(r, i, &bytes, &record);
		assert_true(state == 0 || state == LEDGER_ARCHIVED);
		count += state == 0;
		scoped_buf range = { .max = 1 << 20 };
		assert_int_equal(ledger_read_range(r, i, size, 1 << 18, &range), state);
		assert_true((range.len > 0) == (state == 0));
		assert_int_equal(ledger_read_hash(r, i, hash), 0);
		merkle_append(&tree, hash);
	}
	ledger_reader_close(r);
	merkle_root(&tree, now);
	assert_memory_equal(now, root, HASH_SIZE);
	return count;
}

static void archived_segments_leave_their_hashes(void **state)
{
	(void)state;
	char to[80], command[300];
	uint8_t root[HASH_SIZE], again[HASH_SIZE];
	snprintf(to, sizeof(to), "%s/archive", folder);
	assert_int_equal(mkdir(to, 0700), 0);
	struct ledger *l = must_open(&whole);
	live(l);
	for (int i = 0; i < 40; i++) {
		stage_leaf_result(l, stage_leaf_intent(l, 1));
		assert_int_equal(ledger_commit(l), 0);
	}
	checkpoint_put(l);
	uint64_t size = ledger_size(l);
	ledger_root(l, root);
	assert_int_equal(archive_to(to, UINT64_MAX), 0); /* no snapshot: all of it is needed */
	ledger_close(l);
	store_at(size - 1);
	scoped_segment_list list = { NULL, 0 };
	scoped_fd int fd = open(folder, O_RDONLY | O_DIRECTORY);
	assert_int_equal(segment_list_read(fd, "seg", &list), 0);
	assert_true(list.count > 4);
	/* One that somebody needs stays; the first and the last, too. */
	assert_int_equal(archive_to(to, list.first[2]), list.count - 2 - 1);
	uint64_t gone = list.first[2] - list.first[1] + list.first[list.count - 1] - list.first[3];
	assert_int_equal(readable(size, root), size - gone);
	assert_int_equal(archive_to(to, list.first[2]), 0);
	assert_int_equal(opened_from(), size - 1);
	l = must_open(&quick);
	stage_note(l);
	assert_int_equal(ledger_commit(l), 0);
	ledger_root(l, again);
	size = ledger_size(l);
	ledger_close(l);
	readable(size, again);
	int quiet = log_hush();
	assert_true(ledger_open(folder, &whole, &l) != 0);
	log_restore(quiet);
	/* What is put back is there again. */
	snprintf(command, sizeof(command), "mv %s/*.seg %s/", to, folder);
	assert_int_equal(system(command), 0);
	assert_int_equal(readable(size, again), size);
	l = must_open(&whole);
	ledger_root(l, root);
	assert_memory_equal(root, again, HASH_SIZE);
	ledger_close(l);
}

#define SNAPSHOT_TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SNAPSHOT_TEST(state_is_the_same_from_every_snapshot),
		SNAPSHOT_TEST(a_ledger_opens_from_every_snapshot),
		SNAPSHOT_TEST(a_bent_snapshot_is_passed_over),
		SNAPSHOT_TEST(a_snapshot_that_does_not_fit_is_passed_over),
		SNAPSHOT_TEST(archived_segments_leave_their_hashes),
		SNAPSHOT_TEST(damage_behind_a_snapshot_is_found),
	};
	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
