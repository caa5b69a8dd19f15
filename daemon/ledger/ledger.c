#include "ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ledger/checkpoint.h"
#include "ledger/recovery.h"

#define DEFAULT_SEGMENT_SIZE (UINT64_C(64) << 20)
#define FOLDER_MODE 0750
#define KEEP_BATCH (256 * 1024) /* memory that a large batch may leave behind */
#define CLEAR_STEP (512 * 1024) /* zeros written at a time: some 500 certificates' worth */
#define CLEAR_AHEAD (64 * 1024) /* ... when less than this is left of the last ones */

struct ledger {
	char path[PATH_MAX];
	struct ledger_open_options options;
	int folder;	      /* the lock is on it */
	struct recovered now; /* what is committed */
	struct buf batch;
	struct buf entries; /* of the batch, for the index */
	uint64_t cleared;   /* up to where the segment was written to, with records or zeros */
	uint64_t staged;
	int64_t staged_time;
	bool failed;
	bool index_failed;
	int head; /* the file that tells it */
	bool head_failed;
	struct head_line told; /* by an earlier life */
	struct buf snapshot;   /* the file that this was opened from; empty without */
	struct slice state;
	uint64_t state_size;
};

static int options_take(const struct ledger_open_options *from, struct ledger_open_options *to)
{
	*to = *from;
	if (to->segment_size == 0)
		to->segment_size = DEFAULT_SEGMENT_SIZE;
	if (to->segment_size >= SEGMENT_HEAD && to->segment_size <= MAX_SEGMENT_SIZE)
		return 0;
	log_error("ledger_segment_size", "bytes=%" PRIu64 " least=%d most=%" PRIu64, to->segment_size, SEGMENT_HEAD,
		  MAX_SEGMENT_SIZE);
	return -1;
}

/* The folder's descriptor with the lock on it in *fd. 0; LEDGER_HELD; -1. */
static int folder_lock(const char *path, int *fd)
{
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd >= 0 && flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	bool held = *fd >= 0 && errno == EWOULDBLOCK;
	log_error(held ? "ledger_held" : "ledger_unreadable", "folder=%s why=\"%s\"", path,
		  held ? "another process writes it" : log_errno());
	return held ? LEDGER_HELD : -1;
}

/* Before anything in it is judged, or cut: what looks torn may be what is not known yet. */
static int newer_check(const struct ledger *l)
{
	scoped_segment_list list = { NULL, 0 };
	if (segment_list_read(l->folder, "seg", &list) != 0)
		return -1;
	if (list.count == 0 || !segment_newer(l->folder, list.first[list.count - 1]))
		return 0;
	log_error("ledger_newer",
		  "folder=%s why=\"a later version has written it, and this program knows format %d: install the newer "
		  "chancery\"",
		  l->path, SEGMENT_VERSION);
	return LEDGER_NEWER;
}

static int parent_sync(const char *path)
{
	char parent[PATH_MAX];
	if (snprintf(parent, sizeof(parent), "%s/..", path) >= (int)sizeof(parent))
		return -1;
	scoped_fd int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : fsync(fd);
}

int ledger_create(const char *folder, const struct ledger_open_options *options)
{
	struct ledger_open_options o;
	if (options_take(options, &o) != 0)
		return -1;
	if ((mkdir(folder, FOLDER_MODE) != 0 && errno != EEXIST) || parent_sync(folder) != 0) {
		log_error("ledger_unwritable", "folder=%s why=\"%s\"", folder, log_errno());
		return -1;
	}
	scoped_fd int fd = -1;
	scoped_segment_list list = { NULL, 0 };
	int failed = folder_lock(folder, &fd);
	if (failed || segment_list_read(fd, "seg", &list) != 0)
		return failed ? failed : -1;
	/* A checkpoint without segments is a ledger that lost them, not a place for a new one. */
	if (list.count || faccessat(fd, "checkpoint", F_OK, 0) == 0)
		return LEDGER_EXISTS;
	struct segment_head head = { .first = 0 };
	struct merkle empty;
	merkle_init(&empty);
	merkle_root(&empty, head.root);
	memcpy(head.ledger_id, o.ledger_id, sizeof(head.ledger_id));
	scoped_fd int segment = segment_create(fd, &head, o.segment_size, (struct slice){ 0 });
	return segment < 0 ? -1 : 0;
}

void ledger_close(struct ledger *l)
{
	if (!l)
		return;
	buf_free(&l->batch);
	buf_free(&l->entries);
	buf_free(&l->snapshot);
	fd_close(&l->now.segment);
	fd_close(&l->now.index);
	fd_close(&l->head);
	fd_close(&l->folder);
	free(l);
}

static void ledger_close_at(struct ledger **l)
{
	ledger_close(*l);
}

static void recovered_close(struct recovered *r)
{
	fd_close(&r->segment);
	fd_close(&r->index);
}

/* 0: opened from this snapshot. */
static int snapshot_try(struct ledger *l, uint64_t size, struct slice log_key)
{
	struct snapshot s;
	const struct recovery_from from = { &s, log_key };
	buf_clear(&l->snapshot);
	bool good = snapshot_load(l->folder, size, &l->snapshot) == 0 &&
		    snapshot_get(buf_slice(&l->snapshot), l->options.ledger_id, log_key, &s) == 0 &&
		    s.tree.size == size && s.state_version == l->options.state_version;
	if (good && recovery_run(l->folder, l->path, &l->options, &from, &l->told, &l->now) == 0) {
		l->state = s.state;
		l->state_size = size;
		return 0;
	}
	log_warning("ledger_snapshot_passed_over", "size=%" PRIu64 " why=\"%s\"", size,
		    good ? "it does not fit the ledger" : "not whole, not signed or of another version");
	if (good)
		recovered_close(&l->now);
	buf_free(&l->snapshot);
	return 1;
}

static void reader_close_at(struct ledger_reader **r)
{
	ledger_reader_close(*r);
}

/* 0: opened from the newest snapshot that fits; positive: there is none. */
static int open_from_snapshot(struct ledger *l)
{
	uint64_t sizes[MAX_SNAPSHOTS_KEPT];
	scoped_buf record = { .max = MAX_RECORD + 4096 };
	struct slice log_key;
	__attribute__((cleanup(reader_close_at))) struct ledger_reader *reader = NULL;
	size_t count = l->options.state_version ? snapshot_list(l->folder, sizes, MAX_SNAPSHOTS_KEPT) : 0;
	if (count == 0 || ledger_reader_open(l->path, &reader) != 0 ||
	    ledger_read_log_key(reader, &record, &log_key) != 0)
		return 1;
	for (size_t i = 0; i < count; i++)
		if (snapshot_try(l, sizes[i], log_key) == 0)
			return 0;
	return 1;
}

int ledger_open(const char *folder, const struct ledger_open_options *options, struct ledger **out)
{
	__attribute__((cleanup(ledger_close_at))) struct ledger *l = calloc(1, sizeof(*l));
	*out = NULL;
	if (!l)
		return -1;
	l->folder = l->head = l->now.segment = l->now.index = -1;
	buf_init(&l->batch, MAX_BATCH_BYTES);
	buf_init(&l->entries, (size_t)MAX_BATCH * INDEX_ENTRY);
	buf_init(&l->snapshot, MAX_SNAPSHOT);
	if (options_take(options, &l->options) != 0)
		return -1;
	if (snprintf(l->path, sizeof(l->path), "%s", folder) >= (int)sizeof(l->path)) {
		log_error("ledger_unreadable", "why=\"its path is too long\"");
		return -1;
	}
	int failed = folder_lock(folder, &l->folder);
	if (!failed)
		failed = newer_check(l);
	if (!failed) {
		l->head = head_open(l->folder, l->options.head_file ? l->options.head_file : "head", &l->told);
		failed = l->head < 0 ? -1 : 0;
	}
	if (!failed && open_from_snapshot(l) != 0)
		failed = recovery_run(l->folder, l->path, &l->options, NULL, &l->told, &l->now);
	if (failed)
		return failed;
	*out = l;
	l = NULL;
	return 0;
}

struct slice ledger_state(const struct ledger *l, uint64_t *size)
{
	*size = l->state_size;
	return l->state;
}

void ledger_state_drop(struct ledger *l)
{
	buf_free(&l->snapshot);
	l->state = (struct slice){ NULL, 0 };
}

bool ledger_rolled_back(const struct ledger *l)
{
	return l->now.other_head;
}

struct head_line ledger_told(const struct ledger *l)
{
	return l->told;
}

void ledger_tell_head(struct ledger *l)
{
	if (l->failed || head_write(l->head, &l->now.tree) == 0 || l->head_failed)
		return;
	log_warning("ledger_head_failed", "size=%" PRIu64 " why=\"%s\"", l->now.tree.size, log_errno());
	l->head_failed = true;
}

uint64_t ledger_size(const struct ledger *l)
{
	return l->now.tree.size;
}

int64_t ledger_last_time(const struct ledger *l)
{
	return l->now.last_time;
}

void ledger_root(const struct ledger *l, uint8_t root[HASH_SIZE])
{
	merkle_root(&l->now.tree, root);
}

const struct merkle *ledger_tree(const struct ledger *l)
{
	return &l->now.tree;
}

int ledger_stage(struct ledger *l, uint8_t type, int64_t time, struct slice body, uint64_t *seq)
{
	struct record r = { .type = type, .seq = l->now.tree.size + l->staged, .time = time, .body = body };
	size_t size = RECORD_HEAD + body.len + RECORD_TAIL;
	if (l->failed || type == 0 || l->staged == MAX_BATCH || body.len > MAX_RECORD_BODY ||
	    size > MAX_BATCH_BYTES - l->batch.len)
		return -1;
	/* Room first: a buffer that broke half-way would take the batch with it. */
	if (!buf_room(&l->batch, size)) {
		l->batch.broken = false;
		return -1;
	}
	record_put_open(&l->batch, &r);
	l->staged++;
	l->staged_time = time;
	*seq = r.seq;
	return 0;
}

static int commit_failed(struct ledger *l, const char *what)
{
	log_error("ledger_failed", "seq=%" PRIu64 " doing=\"%s\" why=\"%s\"", l->now.tree.size, what, log_errno());
	l->failed = true;
	return -1;
}

/* Gives the batch its flags and checks; tree and index entries grow with it. */
static int batch_close(struct ledger *l, struct merkle *tree)
{
	buf_clear(&l->entries);
	size_t at = 0;
	for (uint64_t i = 0; i < l->staged; i++) {
		static const uint8_t later[HASH_SIZE];
		uint8_t begin = i == 0 ? RECORD_BATCH_BEGIN : 0, end = i + 1 == l->staged ? RECORD_BATCH_END : 0;
		index_entry_put(&l->entries, l->now.end + at, later);
		if (!buf_ok(&l->entries))
			return -1;
		uint8_t *hash = l->entries.at + l->entries.len - HASH_SIZE;
		at += record_close(l->batch.at + at, begin | end, hash);
		merkle_append(tree, hash);
	}
	return 0;
}

/* A new segment for a batch that the last one has no room for; an empty one is made larger instead. */
static int segment_make_room(struct ledger *l)
{
	uint64_t need = SEGMENT_HEAD + l->batch.len;
	if (l->now.end + l->batch.len <= l->now.capacity)
		return 0;
	if (l->now.head.first == l->now.tree.size) {
		errno = posix_fallocate(l->now.segment, 0, (off_t)need);
		l->now.capacity = need;
		return errno ? -1 : 0;
	}
	struct segment_head head = l->now.head;
	head.first = l->now.tree.size;
	merkle_root(&l->now.tree, head.root);
	uint64_t capacity = need > l->options.segment_size ? need : l->options.segment_size;
	scoped_fd int segment = segment_create(l->folder, &head, capacity, (struct slice){ 0 });
	scoped_fd int index = segment < 0 ? -1 : index_open(l->folder, head.first);
	if (index < 0)
		return -1;
	segment_seal(l->now.segment, l->now.head.first);
	fd_close(&l->now.segment);
	fd_close(&l->now.index);
	l->now.segment = fd_take(&segment);
	l->now.index = fd_take(&index);
	l->now.head = head;
	l->now.end = SEGMENT_HEAD;
	l->now.capacity = capacity;
	l->cleared = 0;
	return 0;
}

/* One that can't be written is left to the records, whose own failure counts. */
void ledger_clear_ahead(struct ledger *l)
{
	if (l->failed || l->cleared >= l->now.capacity || l->now.end + CLEAR_AHEAD <= l->cleared)
		return;
	uint64_t from = l->cleared > l->now.end ? l->cleared : l->now.end, left = l->now.capacity - from;
	l->cleared = from + (left < CLEAR_STEP ? left : CLEAR_STEP);
	if (segment_clear(l->now.segment, from, l->cleared) != 0)
		l->cleared = l->now.capacity;
}

/* The index is derived: readers do without what is missing, the next start makes it whole. */
static void index_write(struct ledger *l)
{
	uint64_t at = (l->now.tree.size - l->now.head.first) * INDEX_ENTRY;
	if (segment_pwrite(l->now.index, l->entries.at, l->entries.len, at) == 0 || l->index_failed)
		return;
	log_warning("ledger_index_failed", "seq=%" PRIu64 " why=\"%s\"", l->now.tree.size, log_errno());
	l->index_failed = true;
}

int ledger_commit(struct ledger *l)
{
	if (l->failed)
		return -1;
	if (l->staged == 0)
		return 0;
	if (segment_make_room(l) != 0)
		return commit_failed(l, "segment");
	struct merkle tree = l->now.tree;
	if (batch_close(l, &tree) != 0)
		return commit_failed(l, "memory");
	if (segment_pwrite(l->now.segment, l->batch.at, l->batch.len, l->now.end) != 0)
		return commit_failed(l, "write");
	if (fdatasync(l->now.segment) != 0)
		return commit_failed(l, "flush");
	index_write(l);
	l->now.tree = tree;
	l->now.end += l->batch.len;
	l->now.last_time = l->staged_time;
	l->staged = 0;
	buf_clear(&l->batch);
	if (l->batch.cap > KEEP_BATCH)
		buf_free(&l->batch);
	return 0;
}

/* A note that ledger_open() would refuse must never get there. */
static int note_check(const struct ledger *l, struct slice note, struct checkpoint *c)
{
	__attribute__((cleanup(reader_close_at))) struct ledger_reader *reader = NULL;
	scoped_buf record = { .max = MAX_RECORD };
	struct slice key;
	if (l->now.tree.size == 0 || ledger_reader_open(l->path, &reader) != 0 ||
	    ledger_read_log_key(reader, &record, &key) != 0)
		return -1;
	bool fits = checkpoint_read(note, key, c) == 0 &&
		    memcmp(c->ledger_id, l->options.ledger_id, sizeof(c->ledger_id)) == 0 && c->size &&
		    c->size <= l->now.tree.size && c->size >= l->now.checkpoint_size;
	if (fits && c->size == l->now.tree.size) {
		uint8_t root[HASH_SIZE];
		ledger_root(l, root);
		fits = memcmp(root, c->root, HASH_SIZE) == 0;
	}
	return fits ? 0 : -1;
}

int ledger_put_checkpoint(struct ledger *l, struct slice note)
{
	struct checkpoint c;
	char path[PATH_MAX + sizeof("/checkpoint")];
	if (note_check(l, note, &c) != 0) {
		log_error("ledger_checkpoint_refused",
			  "size=%" PRIu64 " why=\"not a note of this ledger by its log key\"", l->now.tree.size);
		return -1;
	}
	snprintf(path, sizeof(path), "%s/checkpoint", l->path);
	if (fd_replace_file(path, note, 0640) != 0) {
		log_error("ledger_checkpoint_failed", "path=%s why=\"%s\"", path, log_errno());
		return -1;
	}
	l->now.checkpoint_size = c.size;
	return 0;
}
