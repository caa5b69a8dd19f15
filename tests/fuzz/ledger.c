/*
 * ledger: a folder whose files somebody else wrote. Reading it, and taking it
 * over, ends well or in a refusal that is the same each time; what is taken
 * over is whole: each record is found by each reader, the tree's root is that
 * of their hashes, and the ledger goes on from there.
 *
 * An input is a sequence of files: kind in one byte, in one which of its
 * records stays as it is, the length in two, the bytes. KIND_RIGHT: what
 * only luck could hit is made right first: names, numbers, roots, checks, and
 * of a checkpoint all but the size, which is its first byte; one that is to be spoilt bears another root.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "fuzz/bend.h"
#include "fuzz/fuzz.h"
#include "fuzz/log_key.h"
#include "ledger/checkpoint.h"
#include "ledger/inspection.h"
#include "ledger/ledger.h"
#include "ledger/merkle.h"
#include "ledger/segment.h"

#define MAX_FILES 12
#define ITEM_HEAD 4

enum { KIND_SEGMENT, KIND_INDEX, KIND_CHECKPOINT, KINDS, KIND_RIGHT = 0x80 };

static const struct ledger_open_options options = { .ledger_id = "the fuzzed one", .segment_size = 4096 };
static char folder[] = "/dev/shm/ch.fuzz.XXXXXX", elsewhere[] = "/tmp/ch.fuzz.XXXXXX";
static char *path = folder;
static EVP_PKEY *private;
static uint8_t log_key[LOG_KEY_SIZE];

/* What stands in the files that were made right. */
struct written {
	struct merkle tree;
	uint8_t roots[256][HASH_SIZE]; /* of the first records */
	uint64_t first;		       /* of the last segment */
	bool wrong;		       /* a checkpoint that was signed over another root */
};

static void folder_clear(void)
{
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));)
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

static void folder_remove(void)
{
	folder_clear();
	rmdir(path);
}

/* In memory if there is such a place: the ledger flushes much. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	if (!mkdtemp(folder))
		path = mkdtemp(elsewhere);
	REQUIRE(path);
	atexit(folder_remove);
	private = log_key_make();
	log_key_public(log_key);
	return 0;
}

static void file_write(const char *name, struct slice bytes)
{
	char at[128];
	snprintf(at, sizeof(at), "%s/%s", path, name);
	scoped_fd int fd = open(at, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	REQUIRE(fd >= 0 && segment_pwrite(fd, bytes.at, bytes.len, 0) == 0);
}

static void head_right(uint8_t *at, const struct written *w)
{
	uint8_t hash[HASH_SIZE];
	memcpy(at, "CHLEDGER", 8);
	set_u32(at + 8, SEGMENT_VERSION);
	memcpy(at + 16, options.ledger_id, sizeof(options.ledger_id));
	set_u64(at + 32, w->tree.size);
	merkle_root(&w->tree, at + 40);
	merkle_leaf_hash((struct slice){ at, 72 }, hash);
	memcpy(at + 72, hash, SEGMENT_HEAD - 72);
}

static void records_right(uint8_t *at, size_t n, struct written *w, uint8_t spoilt)
{
	uint8_t hash[HASH_SIZE];
	while (n >= RECORD_HEAD + RECORD_TAIL) {
		size_t size = get_u32(at) + (size_t)RECORD_HEAD + RECORD_TAIL;
		if (at[4] == 0 || size > n)
			return;
		bool right = !spoilt || --spoilt;
		at[6] = right ? RECORD_VERSION : at[6];
		at[7] = 0;
		set_u64(at + 8, w->tree.size);
		if (right)
			record_close(at, at[5], hash);
		merkle_append(&w->tree, hash);
		merkle_root(&w->tree, w->roots[w->tree.size & 0xff]);
		at += size;
		n -= size;
	}
}

static void segment_write(struct buf *bytes, bool right, uint8_t spoilt, struct written *w)
{
	char name[SEGMENT_NAME];
	uint64_t first = bytes->len >= SEGMENT_HEAD ? get_u64(bytes->at + 32) & 0xff : w->tree.size;
	if (right && bytes->len >= SEGMENT_HEAD) {
		first = w->tree.size;
		head_right(bytes->at, w);
		records_right(bytes->at + SEGMENT_HEAD, bytes->len - SEGMENT_HEAD, w, spoilt);
	}
	w->first = first;
	segment_name(first, "seg", name);
	file_write(name, buf_slice(bytes));
}

static void checkpoint_right(uint8_t at, uint8_t spoilt, struct written *w)
{
	struct checkpoint c = { .size = at };
	uint8_t raw[64];
	size_t size = sizeof(raw);
	scoped_buf text = { .max = MAX_NOTE }, note = { .max = MAX_NOTE };
	memcpy(c.ledger_id, options.ledger_id, sizeof(c.ledger_id));
	memcpy(c.root, w->roots[at], HASH_SIZE);
	c.root[0] ^= spoilt;
	w->wrong = at && spoilt;
	checkpoint_text(&c, &text);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	REQUIRE(EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, private, NULL) == 1 &&
		EVP_DigestSign(ctx, raw, &size, text.at, text.len) == 1);
	EVP_MD_CTX_free(ctx);
	checkpoint_note(&c, SLICE_OF(log_key), SLICE_OF(raw), &note);
	file_write("checkpoint", buf_slice(&note));
}

static void item_write(uint8_t kind, uint8_t spoilt, struct slice bytes, struct written *w)
{
	char name[SEGMENT_NAME];
	bool right = kind & KIND_RIGHT;
	scoped_buf copy = { .max = 65536 };
	buf_put_slice(&copy, bytes);
	w->wrong = false;
	switch ((kind & ~KIND_RIGHT) % KINDS) {
	case KIND_SEGMENT:
		segment_write(&copy, right, spoilt, w);
		break;
	case KIND_INDEX:
		segment_name(w->first, "idx", name);
		file_write(name, bytes);
		break;
	default:
		if (right)
			checkpoint_right(bytes.len ? bytes.at[0] : 0, spoilt, w);
		else
			file_write("checkpoint", bytes);
	}
}

/* What a reader shows is what was asked for, whatever the index says. Whether all of `size` was shown. */
static bool readable(uint64_t size, struct merkle *tree)
{
	struct ledger_reader *r = NULL;
	scoped_buf out = { .max = MAX_RECORD + 65536 }, range = { .max = 4 * 1024 * 1024 };
	struct record record;
	uint8_t hash[HASH_SIZE], again[HASH_SIZE];
	size_t bytes;
	bool all = true;
	merkle_init(tree);
	if (ledger_reader_open(path, &r) != 0)
		return false;
	for (uint64_t i = size; i-- > 0;)
		if (ledger_read(r, i, &out, &record) == 0)
			REQUIRE(record.seq == i);
	for (uint64_t i = 0; i < size; i++) {
		all = all && ledger_read(r, i, &out, &record) == 0;
		if (!all)
			break;
		REQUIRE(record.seq == i && record_peek(buf_slice(&out), &record, &bytes, hash) == RECORD_WHOLE);
		merkle_append(tree, hash);
		all = ledger_read_hash(r, i, again) == 0 && memcmp(hash, again, HASH_SIZE) == 0;
	}
	all = ledger_read_range(r, 0, size, 65536, &range) == 0 && all;
	ledger_reader_close(r);
	return all;
}

static uint64_t size_told(void)
{
	struct ledger_reader *r = NULL;
	uint64_t size = UINT64_MAX;
	if (ledger_reader_open(path, &r) == 0 && ledger_reader_size(r, &size) != 0)
		size = UINT64_MAX;
	ledger_reader_close(r);
	return size;
}

static void append(struct ledger *l, uint8_t type, struct slice body)
{
	uint64_t seq, size = ledger_size(l);
	REQUIRE(ledger_stage(l, type, 1, body, &seq) == 0 && seq == size && ledger_commit(l) == 0);
}

/* The same ledger in its next life. */
static struct ledger *again(struct ledger *l)
{
	struct merkle tree;
	uint8_t root[HASH_SIZE], other[HASH_SIZE];
	uint64_t size = ledger_size(l);
	ledger_root(l, root);
	ledger_close(l);
	l = NULL;
	REQUIRE(ledger_open(path, &options, &l) == 0 && ledger_size(l) == size && readable(size, &tree));
	merkle_root(&tree, other);
	REQUIRE(memcmp(root, other, HASH_SIZE) == 0 && size_told() == size);
	return l;
}

/* What was taken over is whole; it goes on, also in a segment of its own, before which nothing torn may be left. */
static void ledger_holds(struct ledger *l)
{
	static const uint8_t much[5000];
	scoped_buf start = { .max = 4096 };
	const struct ledger_start_record first = { .log_public_key = SLICE_OF(log_key) };
	l = again(l);
	/* One that is empty begins with its log key: a checkpoint, be it of nothing, can't be believed without. */
	record_ledger_start_put(&start, &first);
	append(l, ledger_size(l) ? RECORD_NOTE : RECORD_LEDGER_START, buf_slice(&start));
	l = again(l);
	append(l, RECORD_NOTE, SLICE_OF(much));
	l = again(l);
	ledger_close(l);
}

static int on_record(void *with, const struct record *r, const uint8_t hash[HASH_SIZE])
{
	uint64_t *last = with;
	(void)hash;
	REQUIRE(*last == UINT64_MAX || r->seq > *last);
	*last = r->seq;
	return 0;
}

/* Whatever the files are, an auditor gets through them. */
static void inspection_try(struct inspection *i)
{
	static uint64_t last;
	last = UINT64_MAX;
	*i = (struct inspection){ .visit = on_record, .with = &last, .at_rest = true };
	int r = inspection_run(path, i);
	REQUIRE(r == 0 || r == LEDGER_NONE);
}

/* What the signer takes over, an auditor who found nothing wrong has seen alike. */
static void inspection_agrees(const struct inspection *i, const struct ledger *l)
{
	uint8_t root[HASH_SIZE], other[HASH_SIZE];
	if (!i->tree_whole || !i->segments)
		return;
	ledger_root(l, root);
	merkle_root(&i->tree, other);
	REQUIRE(i->size == ledger_size(l) && memcmp(root, other, HASH_SIZE) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct written w = { .first = 0 };
	struct slice rest = { data, size };
	struct ledger *l = NULL;
	struct merkle tree;
	merkle_init(&w.tree);
	merkle_root(&w.tree, w.roots[0]);
	folder_clear();
	for (int i = 0; i < MAX_FILES && rest.len >= ITEM_HEAD; i++) {
		size_t len = get_u16(rest.at + 2), left = rest.len - ITEM_HEAD;
		len = len < left ? len : left;
		item_write(rest.at[0], rest.at[1], (struct slice){ rest.at + ITEM_HEAD, len }, &w);
		rest = (struct slice){ rest.at + ITEM_HEAD + len, left - len };
	}
	uint64_t told = size_told();
	readable(told < 300 ? told : 300, &tree);
	struct inspection inspection;
	inspection_try(&inspection);
	int first = ledger_open(path, &options, &l);
	REQUIRE((first == 0) == (l != NULL) && (first || !w.wrong));
	if (l) {
		inspection_agrees(&inspection, l);
		ledger_holds(l);
	} else {
		REQUIRE(ledger_open(path, &options, &l) == first);
	}
	inspection_free(&inspection);
	return 0;
}

static void item_bend(struct dice *d, const uint8_t *at, size_t len, struct buf *out)
{
	scoped_buf other = { .max = 65535 };
	uint32_t what = dice_roll(d, 12), copies = what == 0 ? 0 : what == 1 ? 2 : 1;
	if (what > 3)
		bytes_bend((struct slice){ at + ITEM_HEAD, len }, len + 64 < 65535 ? len + 64 : 65535, &other);
	else
		buf_put(&other, at + ITEM_HEAD, len);
	while (copies--) {
		uint8_t kind = (uint8_t)(dice_roll(d, KINDS) | (dice_roll(d, 2) ? KIND_RIGHT : 0));
		buf_put_u8(out, what == 2 ? kind : at[0]);
		buf_put_u8(out, what == 3 ? (uint8_t)dice_roll(d, 8) : at[1]);
		buf_put_u16(out, (uint16_t)other.len);
		buf_put_slice(out, buf_slice(&other));
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct dice d = { seed };
	scoped_buf out = { .max = max_size };
	uint32_t count = 0;
	for (size_t at = 0; size >= ITEM_HEAD && at <= size - ITEM_HEAD; at += ITEM_HEAD + get_u16(data + at + 2))
		count++;
	if (count == 0 || dice_roll(&d, 10) == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	uint32_t bend = dice_roll(&d, count);
	size_t at = 0, len = 0;
	for (uint32_t i = 0; i < count; i++, at += ITEM_HEAD + len) {
		len = get_u16(data + at + 2);
		len = len < size - at - ITEM_HEAD ? len : size - at - ITEM_HEAD;
		if (i == bend)
			item_bend(&d, data + at, len, &out);
		else
			buf_put(&out, data + at, ITEM_HEAD + len);
	}
	size_t n = bent(&out, data, max_size);
	return n ? n : LLVMFuzzerMutate(data, size, max_size);
}
