/*
 * Power losses imitated on a copy of a ledger that was at rest:
 *
 *   cuts try FOLDER SCRATCH   damages the one segment in every way below, recovers it, and holds the outcome against
 *                             what whole records and the checkpoint promise: a line for each kind, "KIND<tab>what
 *                             broke it", and a last one that begins with # and counts
 *   cuts list FOLDER          offset, number, type and whether a batch begins, of each record
 *   cuts fill FOLDER BYTES    appends records until the segment has room for so many bytes
 *
 * The damage: the file ends, zeros follow, garbage follows, at every record's
 * boundary and at places inside its head, body and check; every sector and
 * every page that holds records is zeroed; a byte of every record is flipped.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "ledger/ledger.h"
#include "ledger/merkle.h"
#include "ledger/segment.h"

#define SEGMENT "0000000000000000.seg"
#define MAX_BYTES (16u << 20)
#define MAX_RECORDS 65536
#define ROOM 8192 /* zeros behind the records, in place of 64 MiB of them */

struct place {
	size_t at, size, batch; /* batch: number of the record that begins its batch */
	bool begins;
	uint8_t type;
	uint8_t root[HASH_SIZE]; /* of the tree up to and with it */
};

static struct {
	struct ledger_open_options options;
	struct buf bytes; /* the segment up to its last record, and ROOM zeros */
	size_t end;
	struct place *place;
	size_t count;
	uint64_t checkpoint;
	const char *from;
	char to[256];
	size_t tried, refused;
} it;

static void die(const char *why)
{
	fprintf(stderr, "cuts: %s: %s\n", why, log_errno());
	exit(2);
}

static void file_copy(const char *name)
{
	char from[512], to[512];
	scoped_buf bytes = { .max = MAX_BYTES };
	snprintf(from, sizeof(from), "%s/%s", it.from, name);
	snprintf(to, sizeof(to), "%s/%s", it.to, name);
	if (fd_read_file(from, MAX_BYTES, &bytes) != 0)
		return;
	scoped_fd int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || fd_write_all(fd, bytes.at, bytes.len) != 0)
		die(to);
}

/* Reads the segment's records, without the zeros behind them. */
static void segment_load(void)
{
	char path[512];
	struct merkle tree;
	snprintf(path, sizeof(path), "%s/" SEGMENT, it.from);
	scoped_fd int fd = open(path, O_RDONLY);
	buf_init(&it.bytes, MAX_BYTES);
	uint8_t *room = buf_room(&it.bytes, MAX_BYTES);
	ssize_t n = fd < 0 || !room ? -1 : pread(fd, room, MAX_BYTES, 0);
	it.place = calloc(MAX_RECORDS, sizeof(*it.place));
	if (n < SEGMENT_HEAD || !it.place)
		die(path);
	memcpy(it.options.ledger_id, room + 16, sizeof(it.options.ledger_id));
	merkle_init(&tree);
	struct record r;
	size_t size, at = SEGMENT_HEAD, batch = 0;
	uint8_t hash[HASH_SIZE];
	while (it.count < MAX_RECORDS &&
	       record_peek((struct slice){ room + at, (size_t)n - at }, &r, &size, hash) == RECORD_WHOLE) {
		struct place *p = &it.place[it.count];
		bool begins = r.flags & RECORD_BATCH_BEGIN;
		batch = begins ? it.count : batch;
		*p = (struct place){ .at = at, .size = size, .batch = batch, .begins = begins, .type = r.type };
		merkle_append(&tree, hash);
		merkle_root(&tree, p->root);
		at += size;
		it.count++;
	}
	it.end = at;
	it.bytes.len = at + ROOM;
	if (it.bytes.len > MAX_BYTES)
		die("the ledger is too long for this");
	memset(room + at, 0, ROOM);
}

static void checkpoint_load(void)
{
	scoped_buf note = { .max = 4096 };
	int r = ledger_read_checkpoint(it.from, &note);
	it.checkpoint = 0;
	if (r == 0) {
		buf_put_u8(&note, 0);
		const char *line = strchr((const char *)note.at, '\n');
		it.checkpoint = line ? strtoull(line + 1, NULL, 10) : 0;
	}
}

static bool place_whole(const struct place *p, const uint8_t *now, size_t len)
{
	return p->at + p->size <= len && memcmp(now + p->at, it.bytes.at + p->at, p->size) == 0;
}

/* How many records must be there again; -1: it must be refused. */
static int64_t outcome_expected(const uint8_t *now, size_t len)
{
	size_t first = 0;
	while (first < it.count && place_whole(&it.place[first], now, len))
		first++;
	if (first == it.count)
		return (int64_t)it.count;
	for (size_t i = first + 1; i < it.count; i++)
		if (it.place[i].begins && place_whole(&it.place[i], now, len))
			return -1;
	size_t left = it.place[first].batch;
	return left < it.checkpoint ? -1 : (int64_t)left;
}

static bool outcome_good(struct ledger *l, uint64_t left)
{
	uint8_t root[HASH_SIZE];
	scoped_buf out = { .max = 2 * MAX_RECORD };
	struct ledger_reader *reader;
	struct record last;
	ledger_root(l, root);
	if (ledger_size(l) != left || (left && memcmp(root, it.place[left - 1].root, HASH_SIZE) != 0))
		return false;
	if (left == 0)
		return true;
	if (ledger_reader_open(it.to, &reader) != 0)
		return false;
	const struct place *p = &it.place[left - 1];
	bool same = ledger_read(reader, left - 1, &out, &last) == 0 && out.len == p->size &&
		    memcmp(out.at, it.bytes.at + p->at, p->size) == 0;
	ledger_reader_close(reader);
	return same;
}

/* One damaged state of the file. What broke is told once for each kind. */
static bool damage_try(const uint8_t *now, size_t len, const char *kind, size_t at, bool told)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/" SEGMENT, it.to);
	scoped_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || fd_write_all(fd, now, len) != 0)
		die(path);
	int64_t left = outcome_expected(now, len);
	struct ledger *l = NULL;
	int r = ledger_open(it.to, &it.options, &l);
	bool good = left < 0 ? r != 0 : r == 0 && outcome_good(l, (uint64_t)left);
	if (!good && !told)
		printf("%s\toffset %zu: wanted %" PRId64 " records, got %s %" PRIu64 "\n", kind, at, left,
		       r ? "refused" : "size", r ? 0 : ledger_size(l));
	if (r == 0)
		ledger_close(l);
	it.tried++;
	it.refused += left < 0;
	return good;
}

enum damage { ENDS, ZEROS, GARBAGE, SECTOR, PAGE, FLIP };
static const char *const kinds[] = { "the file ends there", "zeros from there on", "garbage from there on",
				     "a sector of zeros",   "a page of zeros",	   "a flipped bit" };

static void damage_do(enum damage how, size_t at, uint8_t *now, size_t *len)
{
	*len = it.bytes.len;
	memcpy(now, it.bytes.at, *len);
	if (how == ENDS)
		*len = at;
	else if (how == ZEROS)
		memset(now + at, 0, *len - at);
	else if (how == GARBAGE)
		for (size_t i = at; i < it.end; i++)
			now[i] = (uint8_t)(now[i] ^ (0xa5 + i * 31) ^ 1);
	else if (how == FLIP)
		now[at] ^= 4;
	else
		for (size_t i = at, n = how == SECTOR ? 512 : 4096; n-- && i < *len; i++)
			now[i] = 0;
}

/* Where in one record it is tried: the boundary, head, body and check. */
static size_t places_inside(const struct place *p, size_t out[9])
{
	const size_t inside[] = { 0,
				  1,
				  5,
				  RECORD_HEAD - 1,
				  RECORD_HEAD,
				  RECORD_HEAD + (p->size - RECORD_HEAD - RECORD_TAIL) / 2,
				  p->size - RECORD_TAIL - 1,
				  p->size - RECORD_TAIL,
				  p->size - 1 };
	for (size_t i = 0; i < 9; i++)
		out[i] = p->at + inside[i];
	return 9;
}

static void damage_all(enum damage how)
{
	uint8_t *now = malloc(it.bytes.len);
	size_t len, at[9];
	bool good = true;
	for (size_t i = 0; i < it.count && how != SECTOR && how != PAGE; i++)
		for (size_t k = 0, n = places_inside(&it.place[i], at); k < n; k++) {
			damage_do(how, at[k], now, &len);
			good = damage_try(now, len, kinds[how], at[k], !good) && good;
		}
	size_t step = how == SECTOR ? 512 : 4096;
	for (size_t start = step; start < it.end && (how == SECTOR || how == PAGE); start += step) {
		damage_do(how, start, now, &len);
		good = damage_try(now, len, kinds[how], start, !good) && good;
	}
	if (good)
		printf("%s%s\t\n", kinds[how], it.checkpoint ? ", with a checkpoint" : "");
	free(now);
}

static int try_all(void)
{
	static const char checkpoint[] = "checkpoint";
	char path[512];
	snprintf(path, sizeof(path), "%s/checkpoint", it.to);
	it.options.segment_size = SEGMENT_HEAD;
	segment_load();
	checkpoint_load();
	file_copy(checkpoint);
	for (enum damage how = ENDS; how <= FLIP; how++)
		damage_all(how);
	unlink(path);
	it.checkpoint = 0;
	for (enum damage how = ENDS; how <= FLIP; how++)
		damage_all(how);
	printf("#%zu records, %zu recoveries, %zu of them to be refused\n", it.count, it.tried, it.refused);
	return 0;
}

static int list(void)
{
	segment_load();
	for (size_t i = 0; i < it.count; i++)
		printf("%zu %zu %s %d\n", it.place[i].at, i, record_type_name(it.place[i].type), it.place[i].begins);
	printf("%zu %zu end 1\n", it.end, it.count);
	return 0;
}

/* STARTED says nothing that the signer or the front-end would take up. */
static int fill(uint64_t leave)
{
	uint8_t *body = calloc(1, MAX_RECORD_BODY);
	struct ledger *l;
	struct stat st;
	char path[512];
	snprintf(path, sizeof(path), "%s/" SEGMENT, it.from);
	segment_load();
	if (!body || stat(path, &st) != 0 || ledger_open(it.from, &it.options, &l) != 0)
		die(path);
	uint64_t left = (uint64_t)st.st_size - it.end, seq;
	while (left > leave + RECORD_HEAD + RECORD_TAIL) {
		uint64_t n = left - leave - RECORD_HEAD - RECORD_TAIL;
		n = n < MAX_RECORD_BODY ? n : MAX_RECORD_BODY;
		if (ledger_stage(l, RECORD_STARTED, ledger_last_time(l), (struct slice){ body, n }, &seq) != 0 ||
		    ledger_commit(l) != 0)
			die("fill");
		left -= n + RECORD_HEAD + RECORD_TAIL;
	}
	ledger_close(l);
	free(body);
	return 0;
}

int main(int argc, char **argv)
{
	log_open("cuts", LOG_LEVEL_ERROR);
	if (argc < 3)
		return 2;
	it.from = argv[2];
	if (strcmp(argv[1], "list") == 0)
		return list();
	if (argc < 4)
		return 2;
	if (strcmp(argv[1], "fill") == 0)
		return fill(strtoull(argv[3], NULL, 10));
	snprintf(it.to, sizeof(it.to), "%s", argv[3]);
	return try_all();
}
