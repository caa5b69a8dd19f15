/* ledger/ledger: append, reopen, tear, damage, roll, hold, fail closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/fd.h"
#include "base/log.h"
#include "ledger/checkpoint.h"
#include "ledger/ledger.h"
#include "ledger/merkle.h"
#include "ledger/segment.h"

#define SEG0 "0000000000000000.seg"

static char folder[64];
static const struct ledger_open_options small = { .ledger_id = { 1, 2, 3 }, .segment_size = 4096 };

static int folder_make(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ch.XXXXXX");
	log_open("test_ledger", LOG_LEVEL_ERROR);
	if (!mkdtemp(folder))
		return -1;
	return ledger_create(folder, &small);
}

static int folder_remove(void **state)
{
	(void)state;
	char command[96];
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

/* For loops in which every turn is refused, and logged. */
static int log_hush(void)
{
	int kept = dup(STDERR_FILENO);
	scoped_fd int null = open("/dev/null", O_WRONLY);
	assert_true(dup2(null, STDERR_FILENO) >= 0);
	return kept;
}

static void log_restore(int kept)
{
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	close(kept);
}

static char *file_path(const char *name)
{
	static char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void file_load(const char *name, struct buf *out)
{
	buf_clear(out);
	assert_int_equal(fd_read_file(file_path(name), out->max, out), 0);
}

static void file_store(const char *name, struct slice bytes)
{
	scoped_fd int fd = open(file_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, bytes.at, bytes.len), 0);
}

static struct ledger *must_open(const struct ledger_open_options *options)
{
	struct ledger *l;
	assert_int_equal(ledger_open(folder, options, &l), 0);
	return l;
}

/* Stages and commits n records with bodies of `size` bytes. */
static void append(struct ledger *l, int n, size_t size)
{
	uint8_t body[4096];
	uint64_t seq, before = ledger_size(l);
	memset(body, 'x', sizeof(body));
	for (int i = 0; i < n; i++) {
		assert_int_equal(
			ledger_stage(l, RECORD_NOTE, 1000 + (int64_t)before + i, (struct slice){ body, size }, &seq),
			0);
		assert_int_equal(seq, before + (uint64_t)i);
	}
	assert_int_equal(ledger_size(l), before);
	assert_int_equal(ledger_commit(l), 0);
	assert_int_equal(ledger_size(l), before + (uint64_t)n);
}

static void what_was_committed_is_there_after_reopening(void **state)
{
	(void)state;
	uint8_t root[HASH_SIZE], again[HASH_SIZE];
	struct ledger *l = must_open(&small);
	assert_int_equal(ledger_last_time(l), 0);
	append(l, 1, 0);
	append(l, 3, 100);
	ledger_root(l, root);
	uint64_t seq;
	assert_int_equal(ledger_stage(l, RECORD_NOTE, 5, slice_text("staged only"), &seq), 0);
	ledger_close(l);
	l = must_open(&small);
	ledger_root(l, again);
	assert_int_equal(ledger_size(l), 4);
	assert_int_equal(ledger_last_time(l), 1003);
	assert_memory_equal(root, again, HASH_SIZE);
	ledger_close(l);
}

static void readers_find_each_record_over_all_segments(void **state)
{
	(void)state;
	struct ledger *l = must_open(&small);
	struct ledger_reader *r;
	assert_int_equal(ledger_reader_open(folder, &r), 0);
	for (int i = 0; i < 60; i++)
		append(l, 1 + i % 3, (size_t)(i * 37 % 900));
	append(l, 4, 4096); /* more than a segment: it gets one that is large enough */
	append(l, 1, 10);
	uint64_t size;
	assert_int_equal(ledger_reader_size(r, &size), 0);
	assert_int_equal(size, ledger_size(l));
	for (int indexed = 1; indexed >= 0; indexed--) {
		scoped_buf out = { .max = 2 * MAX_RECORD };
		struct merkle m;
		merkle_init(&m);
		for (uint64_t i = 0; i < size; i++) {
			struct record record;
			uint8_t hash[HASH_SIZE], indexed_hash[HASH_SIZE];
			assert_int_equal(ledger_read(r, i, &out, &record), 0);
			assert_int_equal(record.seq, i);
			merkle_leaf_hash(record.leaf, hash);
			assert_int_equal(ledger_read_hash(r, i, indexed_hash), 0);
			assert_memory_equal(hash, indexed_hash, HASH_SIZE);
			merkle_append(&m, hash);
		}
		uint8_t root[HASH_SIZE], expected[HASH_SIZE];
		merkle_root(&m, root);
		ledger_root(l, expected);
		assert_memory_equal(root, expected, HASH_SIZE);
		struct record none;
		assert_int_equal(ledger_read(r, size, &out, &none), LEDGER_NONE);
		char command[96];
		snprintf(command, sizeof(command), "rm -f %s/*.idx", folder);
		assert_int_equal(system(command), 0);
		ledger_reader_close(r);
		assert_int_equal(ledger_reader_open(folder, &r), 0);
	}
	ledger_reader_close(r);
	ledger_close(l);
}

static void ranges_hold_whole_records_and_stop_at_the_limit(void **state)
{
	(void)state;
	struct ledger *l = must_open(&small);
	for (int i = 0; i < 20; i++)
		append(l, 2, 200);
	struct ledger_reader *r;
	assert_int_equal(ledger_reader_open(folder, &r), 0);
	static const size_t mosts[] = { 0, 231, 232, 463, 464, 5000, 1 << 20 };
	for (size_t k = 0; k < sizeof(mosts) / sizeof(*mosts); k++) {
		scoped_buf out = { .max = 1 << 21 };
		assert_int_equal(ledger_read_range(r, 3, 37, mosts[k], &out), 0);
		size_t expected = mosts[k] / 232 > 34 ? 34 : mosts[k] / 232 ? mosts[k] / 232 : 1;
		assert_int_equal(out.len, expected * 232);
		assert_int_equal(get_u64(out.at + 8), 3);
	}
	scoped_buf out = { .max = 1 << 20 };
	assert_int_equal(ledger_read_range(r, 40, 40, 1000, &out), 0);
	assert_int_equal(out.len, 0);
	assert_int_equal(ledger_read_range(r, 39, 41, 1000, &out), -1); /* a limit that isn't committed */
	ledger_reader_close(r);
	ledger_close(l);
}

/* Every cut and every garbled end of the last batch gives back the batches before it, and zeros. */
static void a_torn_tail_is_cut_at_every_byte(void **state)
{
	(void)state;
	struct ledger *l = must_open(&small);
	append(l, 2, 40);
	size_t torn_from = SEGMENT_HEAD + 2 * 72, torn_to = torn_from + 3 * 62;
	scoped_buf before = { .max = 8192 }, whole = { .max = 8192 }, now = { .max = 8192 };
	file_load(SEG0, &before);
	append(l, 3, 30);
	ledger_close(l);
	file_load(SEG0, &whole);
	assert_int_equal(whole.len, 4096);
	for (size_t cut = torn_from; cut < torn_to; cut++) {
		for (int how = 0; how < 3; how++) {
			uint8_t bytes[4096];
			memcpy(bytes, whole.at, sizeof(bytes));
			/* The file ends; zeros follow; garbage follows. */
			memset(bytes + cut, how == 2 ? 0xa5 : 0, how == 2 ? torn_to - cut : sizeof(bytes) - cut);
			file_store(SEG0, (struct slice){ bytes, how ? sizeof(bytes) : cut });
			l = must_open(&small);
			assert_int_equal(ledger_size(l), 2);
			ledger_close(l);
			file_load(SEG0, &now);
			assert_true(slice_equal(buf_slice(&now), buf_slice(&before)));
		}
	}
	l = must_open(&small);
	append(l, 1, 5);
	ledger_close(l);
}

/* What lost its first page and kept its last is torn too. */
static void a_batch_without_its_beginning_is_torn(void **state)
{
	(void)state;
	struct ledger *l = must_open(&small);
	append(l, 1, 40);
	append(l, 3, 40);
	ledger_close(l);
	scoped_buf whole = { .max = 8192 };
	file_load(SEG0, &whole);
	memset(whole.at + SEGMENT_HEAD + 72, 0, 100);
	file_store(SEG0, buf_slice(&whole));
	l = must_open(&small);
	assert_int_equal(ledger_size(l), 1);
	ledger_close(l);
}

/* The log key of a ledger under test, and notes that it signs. */
static EVP_PKEY *log_key;
static uint8_t spki[128];
static size_t spki_size;

static int log_key_make(void **state)
{
	(void)state;
	log_key = EVP_EC_gen("P-256");
	unsigned char *at = spki;
	spki_size = (size_t)i2d_PUBKEY(log_key, &at);
	return log_key ? 0 : -1;
}

static int log_key_free(void **state)
{
	(void)state;
	EVP_PKEY_free(log_key);
	return 0;
}

static void start_append(struct ledger *l)
{
	struct ledger_start_record start = { .software = slice_text("test"),
					     .log_algorithm = 1,
					     .log_public_key = { spki, spki_size } };
	memcpy(start.ledger_id, small.ledger_id, 16);
	scoped_buf body = { .max = 4096 };
	uint64_t seq;
	record_ledger_start_put(&body, &start);
	assert_int_equal(ledger_stage(l, RECORD_LEDGER_START, 1, buf_slice(&body), &seq), 0);
	assert_int_equal(ledger_commit(l), 0);
}

static void note_make(const struct checkpoint *c, struct buf *note)
{
	scoped_buf text = { .max = MAX_NOTE };
	uint8_t signature[128];
	size_t n = sizeof(signature);
	checkpoint_text(c, &text);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, log_key, NULL), 1);
	assert_int_equal(EVP_DigestSign(ctx, signature, &n, text.at, text.len), 1);
	EVP_MD_CTX_free(ctx);
	checkpoint_note(c, (struct slice){ spki, spki_size }, (struct slice){ signature, n }, note);
}

static int checkpoint_put(struct ledger *l, uint64_t size)
{
	struct checkpoint c = { .size = size };
	memcpy(c.ledger_id, small.ledger_id, 16);
	ledger_root(l, c.root);
	scoped_buf note = { .max = MAX_NOTE };
	note_make(&c, &note);
	return ledger_put_checkpoint(l, buf_slice(&note));
}

/* What the checker in another language says: its exit status. */
static int independent_check(void)
{
	char command[512];
	const char *top = getenv("srcdir");
	snprintf(command, sizeof(command), "python3 %s/tests/e2e/ledger_check.py %s >/dev/null", top ? top : ".",
		 folder);
	return system(command);
}

/* Two segments under a checkpoint: no bit of either can change, but in what is derived. */
static void a_flipped_bit_anywhere_is_found(void **state)
{
	(void)state;
	struct ledger *l = must_open(&small);
	start_append(l);
	append(l, 2, 300);
	append(l, 1, 3100);
	append(l, 1, 100);
	append(l, 2, 100);
	assert_int_equal(checkpoint_put(l, ledger_size(l)), 0);
	ledger_close(l);
	assert_int_equal(independent_check(), 0);
	static const char *const names[] = { SEG0, "0000000000000004.seg" };
	int kept = log_hush();
	for (size_t k = 0; k < 2; k++) {
		scoped_buf whole = { .max = 8192 };
		file_load(names[k], &whole);
		size_t records = k ? SEGMENT_HEAD + 3 * 132 : whole.len;
		for (size_t i = 0; i < records; i++) {
			whole.at[i] ^= (uint8_t)(1 << i % 8);
			file_store(names[k], buf_slice(&whole));
			assert_true(ledger_open(folder, &small, &l) != 0);
			if (i % 500 == 13)
				assert_int_not_equal(independent_check(), 0);
			whole.at[i] ^= (uint8_t)(1 << i % 8);
		}
		file_store(names[k], buf_slice(&whole));
	}
	log_restore(kept);
	l = must_open(&small);
	assert_int_equal(ledger_size(l), 7);
	ledger_close(l);
}

/* Damage before the last batch is no torn tail, with a checkpoint or without. */
static void damage_before_the_last_batch_is_never_cut(void **state)
{
	(void)state;
	struct ledger *l = must_open(&small);
	for (int i = 0; i < 4; i++)
		append(l, 1, 40);
	ledger_close(l);
	scoped_buf whole = { .max = 8192 };
	file_load(SEG0, &whole);
	int kept = log_hush();
	for (size_t i = SEGMENT_HEAD; i < SEGMENT_HEAD + 3 * 72; i++) {
		whole.at[i] ^= 4;
		file_store(SEG0, buf_slice(&whole));
		assert_int_equal(ledger_open(folder, &small, &l), -1);
		whole.at[i] ^= 4;
	}
	log_restore(kept);
}

static void reserved_space_is_zero_in_sealed_segments(void **state)
{
	(void)state;
	struct ledger *l = must_open(&small);
	append(l, 1, 3900);
	append(l, 1, 3900);
	ledger_close(l);
	scoped_buf whole = { .max = 8192 };
	file_load(SEG0, &whole);
	whole.at[4095] = 1;
	file_store(SEG0, buf_slice(&whole));
	assert_int_equal(ledger_open(folder, &small, &l), -1);
	whole.at[4095] = 0;
	file_store(SEG0, buf_slice(&whole));
	ledger_close(must_open(&small));
}

static void what_cannot_be_a_torn_batch_is_refused(void **state)
{
	(void)state;
	static const struct ledger_open_options large = { .ledger_id = { 1, 2, 3 },
							  .segment_size = 2 * MAX_BATCH_BYTES };
	struct ledger *l = must_open(&large);
	append(l, 1, 10);
	ledger_close(l);
	size_t end = SEGMENT_HEAD + 42;
	for (size_t past = 0; past < 2; past++) {
		scoped_fd int fd = open(file_path(SEG0), O_RDWR);
		assert_int_equal(pwrite(fd, "\xff", 1, (off_t)(end + MAX_BATCH_BYTES - 1 + past)), 1);
		assert_int_equal(ledger_open(folder, &large, &l), past ? -1 : 0);
		ledger_close(l);
	}
}

static void checkpoints_hold_the_ledger_up(void **state)
{
	(void)state;
	struct ledger *l = must_open(&small);
	start_append(l);
	scoped_buf short_one = { .max = 8192 };
	file_load(SEG0, &short_one);
	append(l, 1, 50);
	assert_int_equal(checkpoint_put(l, 0), -1); /* of no record */
	assert_int_equal(checkpoint_put(l, 2), 0);
	assert_int_equal(checkpoint_put(l, 3), -1); /* longer than the ledger */
	assert_int_equal(checkpoint_put(l, 1), -1); /* shorter than the last */
	append(l, 1, 50);
	assert_int_equal(checkpoint_put(l, 3), 0);
	assert_int_equal(ledger_put_checkpoint(l, slice_text("chancery/\n")), -1);
	ledger_close(l);
	l = must_open(&small);
	assert_int_equal(checkpoint_put(l, 2), -1); /* known from the disk as well */
	ledger_close(l);
	scoped_buf whole = { .max = 8192 }, note = { .max = MAX_NOTE };
	file_load(SEG0, &whole);
	file_store(SEG0, buf_slice(&short_one));
	assert_int_equal(ledger_open(folder, &small, &l), -1);
	scoped_buf after = { .max = 8192 };
	file_load(SEG0, &after);
	assert_true(slice_equal(buf_slice(&after), buf_slice(&short_one)));
	file_store(SEG0, buf_slice(&whole));
	assert_int_equal(ledger_read_checkpoint(folder, &note), 0);
	file_store("checkpoint", (struct slice){ note.at, note.len - 2 });
	assert_int_equal(ledger_open(folder, &small, &l), -1);
	file_store("checkpoint", slice_text(""));
	assert_int_equal(ledger_open(folder, &small, &l), -1);
	file_store("checkpoint", buf_slice(&note));
	ledger_close(must_open(&small));
}

static void one_writer_of_one_ledger(void **state)
{
	(void)state;
	struct ledger *l = must_open(&small), *second;
	assert_int_equal(ledger_open(folder, &small, &second), LEDGER_HELD);
	assert_int_equal(ledger_create(folder, &small), LEDGER_HELD);
	ledger_close(l);
	assert_int_equal(ledger_create(folder, &small), LEDGER_EXISTS);
	struct ledger_open_options other = small;
	other.ledger_id[15] = 1;
	assert_int_equal(ledger_open(folder, &other, &l), LEDGER_OTHER);
	assert_int_equal(unlink(file_path(SEG0)), 0);
	assert_int_equal(ledger_open(folder, &small, &l), LEDGER_NONE);
}

static void what_a_later_version_wrote_is_left_alone(void **state)
{
	(void)state;
	struct ledger *l;
	scoped_buf was = { .max = 1 << 20 }, is = { .max = 1 << 20 };
	ledger_close(must_open(&small));
	file_load(SEG0, &was);
	assert_int_equal(was.at[8], 1); /* SEGMENT_VERSION */
	was.at[8] = 2;
	memset(was.at + 100, 0xff, 50); /* what would be a torn tail */
	file_store(SEG0, buf_slice(&was));
	assert_int_equal(ledger_open(folder, &small, &l), LEDGER_NEWER);
	file_load(SEG0, &is);
	assert_true(slice_equal(buf_slice(&was), buf_slice(&is)));
	was.at[8] = 0;
	file_store(SEG0, buf_slice(&was));
	assert_int_equal(ledger_open(folder, &small, &l), -1);
}

static void batches_have_limits(void **state)
{
	(void)state;
	struct ledger *l = must_open(&small);
	uint64_t seq;
	scoped_buf body = { .max = MAX_RECORD_BODY + 1 };
	memset(buf_room(&body, MAX_RECORD_BODY + 1), 7, MAX_RECORD_BODY + 1);
	assert_int_equal(ledger_stage(l, 1, 1, (struct slice){ body.at, MAX_RECORD_BODY + 1 }, &seq), -1);
	int n = 0;
	while (ledger_stage(l, 1, 1, (struct slice){ body.at, MAX_RECORD_BODY }, &seq) == 0)
		n++;
	assert_int_equal(n, MAX_BATCH_BYTES / MAX_RECORD);
	assert_int_equal(ledger_commit(l), 0);
	for (int i = 0; i < MAX_BATCH; i++)
		assert_int_equal(ledger_stage(l, 1, 1, slice_text(""), &seq), 0);
	assert_int_equal(ledger_stage(l, 1, 1, slice_text(""), &seq), -1);
	assert_int_equal(ledger_commit(l), 0);
	ledger_close(l);
	l = must_open(&small);
	assert_int_equal(ledger_size(l), n + MAX_BATCH);
	ledger_close(l);
}

/* No more room, in a file or for the next: nothing counts, and nothing more is taken. */
static void a_failed_write_closes_the_ledger(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	struct rlimit was, tight;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	static const size_t fills[] = { 10, 3900 };
	static const rlim_t limits[] = { SEGMENT_HEAD + 42 + 20, 1000 };
	for (size_t i = 0; i < 2; i++) {
		struct ledger *l = must_open(&small);
		uint64_t seq, size = ledger_size(l);
		if (size == 0)
			append(l, 1, 10);
		size = ledger_size(l);
		uint8_t body[4000] = { 0 };
		assert_int_equal(ledger_stage(l, 1, 1, (struct slice){ body, fills[i] + 100 }, &seq), 0);
		tight = (struct rlimit){ limits[i], was.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
		assert_int_equal(ledger_commit(l), -1);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
		assert_int_equal(ledger_commit(l), -1);
		assert_int_equal(ledger_stage(l, 1, 1, slice_text(""), &seq), -1);
		assert_int_equal(ledger_size(l), size);
		ledger_close(l);
		l = must_open(&small);
		assert_int_equal(ledger_size(l), size);
		append(l, 1, 10);
		ledger_close(l);
	}
}

static void sealed_segments_are_read_only(void **state)
{
	(void)state;
	struct stat st;
	struct ledger *l = must_open(&small);
	append(l, 1, 3900);
	assert_int_equal(stat(file_path(SEG0), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	append(l, 1, 3900);
	assert_int_equal(stat(file_path(SEG0), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0440);
	ledger_close(l);
	assert_int_equal(chmod(file_path(SEG0), 0640), 0);
	ledger_close(must_open(&small));
	assert_int_equal(stat(file_path(SEG0), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0440);
}

/* What the head file tells must be there: a ledger that was cut, or grew otherwise, is seen; and it is left as it is.
 */
static void the_head_file_tells_of_what_is_gone(void **state)
{
	(void)state;
	scoped_buf before = { .max = 8192 }, after = { .max = 8192 }, head = { .max = 256 }, now = { .max = 8192 };
	struct ledger *l = must_open(&small);
	append(l, 1, 40);
	ledger_tell_head(l);
	ledger_close(l);
	file_load(SEG0, &before);
	l = must_open(&small);
	assert_false(ledger_rolled_back(l));
	append(l, 2, 40);
	ledger_tell_head(l);
	ledger_close(l);
	file_load(SEG0, &after);
	file_load("head", &head);
	assert_int_equal(head.len, 86);
	l = must_open(&small);
	assert_false(ledger_rolled_back(l));
	ledger_close(l);
	/* The last batch is gone. */
	file_store(SEG0, buf_slice(&before));
	l = must_open(&small);
	assert_true(ledger_rolled_back(l));
	ledger_close(l);
	/* Others stand in its place. */
	unlink(file_path("head"));
	l = must_open(&small);
	append(l, 2, 41);
	ledger_close(l);
	file_store("head", buf_slice(&head));
	l = must_open(&small);
	assert_true(ledger_rolled_back(l));
	ledger_close(l);
	/* What was flushed and is damaged is no torn tail. */
	int kept = log_hush();
	after.at[SEGMENT_HEAD + 72 + 50] ^= 1;
	file_store(SEG0, buf_slice(&after));
	assert_int_equal(ledger_open(folder, &small, &l), -1);
	file_load(SEG0, &now);
	assert_true(slice_equal(buf_slice(&now), buf_slice(&after)));
	/* A file that says nothing, or less, changes nothing. */
	after.at[SEGMENT_HEAD + 72 + 50] ^= 1;
	file_store(SEG0, buf_slice(&after));
	for (size_t cut = 0; cut < head.len; cut += 17) {
		file_store("head", (struct slice){ head.at, cut });
		l = must_open(&small);
		assert_false(ledger_rolled_back(l));
		ledger_close(l);
	}
	log_restore(kept);
}

static void must_have(struct ledger *l, uint64_t size, const uint8_t root[HASH_SIZE])
{
	uint8_t now[HASH_SIZE];
	ledger_root(l, now);
	assert_int_equal(ledger_size(l), size);
	assert_memory_equal(now, root, HASH_SIZE);
}

static size_t segments(void)
{
	scoped_segment_list list = { NULL, 0 };
	scoped_fd int fd = open(folder, O_RDONLY | O_DIRECTORY);
	assert_int_equal(segment_list_read(fd, "seg", &list), 0);
	return list.count;
}

/* After a failed write the last batch is believed only when it stands on other pages, whole or not, moved or half-way.
 */
static void a_tail_that_is_not_trusted_is_written_anew(void **state)
{
	(void)state;
	struct ledger_open_options doubt = small;
	doubt.distrust = true;
	uint8_t root[HASH_SIZE];
	scoped_buf old = { .max = 8192 };
	struct ledger *l = must_open(&doubt); /* nothing in it */
	ledger_close(l);
	l = must_open(&small);
	append(l, 1, 40);
	append(l, 2, 40);
	append(l, 3, 40);
	ledger_root(l, root);
	ledger_close(l);
	file_load(SEG0, &old);
	memset(old.at + SEGMENT_HEAD + 6 * 72, 0xa5, 40); /* what the failed write left */
	file_store(SEG0, buf_slice(&old));
	l = must_open(&doubt);
	must_have(l, 6, root);
	ledger_close(l);
	assert_int_equal(segments(), 2);
	struct stat st;
	assert_int_equal(stat(file_path(SEG0), &st), 0);
	assert_int_equal(st.st_size, SEGMENT_HEAD + 3 * 72);
	/* The process ended before the old one was cut. */
	memset(old.at + SEGMENT_HEAD + 6 * 72, 0, 40);
	for (int garbage = 0; garbage < 2; garbage++) {
		memset(old.at + SEGMENT_HEAD + 6 * 72, garbage ? 0xa5 : 0, 40);
		file_store(SEG0, buf_slice(&old));
		l = must_open(garbage ? &doubt : &small);
		must_have(l, 6, root);
		ledger_close(l);
		assert_int_equal(stat(file_path(SEG0), &st), 0);
		assert_int_equal(st.st_size, SEGMENT_HEAD + 3 * 72);
	}
	/* A batch that fills its segment takes its place; it goes on from there. */
	l = must_open(&doubt);
	must_have(l, 6, root);
	append(l, 1, 3900);
	ledger_root(l, root);
	ledger_close(l);
	l = must_open(&doubt);
	must_have(l, 7, root);
	assert_int_equal(segments(), 3);
	append(l, 1, 10);
	ledger_root(l, root);
	ledger_close(l);
	l = must_open(&small);
	must_have(l, 8, root);
	ledger_close(l);
	/* Anything else behind a sealed batch is damage. */
	memset(old.at + SEGMENT_HEAD + 3 * 72, 7, 40);
	file_store(SEG0, buf_slice(&old));
	int kept = log_hush();
	assert_int_equal(ledger_open(folder, &doubt, &l), -1);
	assert_int_equal(ledger_open(folder, &small, &l), -1);
	log_restore(kept);
}

#define LEDGER_TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEDGER_TEST(what_was_committed_is_there_after_reopening),
		LEDGER_TEST(readers_find_each_record_over_all_segments),
		LEDGER_TEST(ranges_hold_whole_records_and_stop_at_the_limit),
		LEDGER_TEST(a_torn_tail_is_cut_at_every_byte),
		LEDGER_TEST(a_batch_without_its_beginning_is_torn),
		LEDGER_TEST(a_flipped_bit_anywhere_is_found),
		LEDGER_TEST(damage_before_the_last_batch_is_never_cut),
		LEDGER_TEST(reserved_space_is_zero_in_sealed_segments),
		LEDGER_TEST(what_cannot_be_a_torn_batch_is_refused),
		LEDGER_TEST(checkpoints_hold_the_ledger_up),
		LEDGER_TEST(one_writer_of_one_ledger),
		LEDGER_TEST(what_a_later_version_wrote_is_left_alone),
		LEDGER_TEST(batches_have_limits),
		LEDGER_TEST(a_failed_write_closes_the_ledger),
		LEDGER_TEST(a_tail_that_is_not_trusted_is_written_anew),
		LEDGER_TEST(sealed_segments_are_read_only),
		LEDGER_TEST(the_head_file_tells_of_what_is_gone),
	};
	return cmocka_run_group_tests_name("ledger", tests, log_key_make, log_key_free);
}
