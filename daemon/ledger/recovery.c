#include "ledger/recovery.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ledger/checkpoint.h"

#define INDEX_WINDOW (1024 * INDEX_ENTRY) /* entries compared with the file at once */
#define FILE_MODE 0640

struct recovery {
	int folder;
	const struct ledger_open_options *options;
	const struct recovery_from *from; /* or NULL */
	const struct head_line *told;
	bool archived; /* some segments are kept elsewhere */
	struct recovered *out;
	struct merkle before;  /* the last whole batch */
	struct merkle reading; /* with the batch that is being read; out->tree has whole ones only */
	int64_t reading_time;
	uint64_t batch;	 /* offset of the last whole batch in the last segment */
	struct buf note; /* empty without a checkpoint */
	struct checkpoint checkpoint;
	bool checkpoint_known; /* its signature holds */
};

static void recovery_free(struct recovery *r)
{
	buf_free(&r->note);
}

static int broken(uint64_t seq, const char *why)
{
	log_error("ledger_broken", "seq=%" PRIu64 " why=\"%s\"", seq, why);
	return -1;
}

void index_entry_put(struct buf *out, uint64_t offset, const uint8_t hash[HASH_SIZE])
{
	buf_put_u64(out, offset);
	buf_put(out, hash, HASH_SIZE);
}

int index_open(int folder, uint64_t first)
{
	char name[SEGMENT_NAME];
	segment_name(first, "idx", name);
	scoped_fd int fd = openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0 || fchmod(fd, FILE_MODE) != 0) {
		log_error("ledger_index_failed", "index=%s why=\"%s\"", name, log_errno());
		return -1;
	}
	return fd_take(&fd);
}

/* Makes the file say at offset what it should; most often it does. */
static int index_correct(int fd, struct buf *entries, uint64_t offset)
{
	uint8_t there[INDEX_WINDOW];
	bool same =
		segment_pread(fd, there, entries->len, offset) == 0 && memcmp(there, entries->at, entries->len) == 0;
	int failed = same ? 0 : segment_pwrite(fd, entries->at, entries->len, offset);
	buf_clear(entries);
	return failed;
}

/* Only when the log key is known can the checkpoint be believed. */
static int checkpoint_judge(struct recovery *r, struct slice log_key)
{
	if (checkpoint_read(buf_slice(&r->note), log_key, &r->checkpoint) != 0)
		return broken(0, "the checkpoint isn't a note that the log key signed");
	if (memcmp(r->checkpoint.ledger_id, r->options->ledger_id, sizeof(r->checkpoint.ledger_id)) != 0)
		return broken(0, "the checkpoint is another ledger's");
	if (r->checkpoint.size == 0)
		return broken(0, "the checkpoint is of no record");
	r->checkpoint_known = true;
	return 0;
}

/* Record 0 names the log key. */
static int checkpoint_learn(struct recovery *r, const struct record *first)
{
	struct ledger_start_record start;
	if (first->type != RECORD_LEDGER_START || record_ledger_start_get(first->body, &start) != PACK_OK)
		return broken(0, "a checkpoint, but no log key in the first record");
	return checkpoint_judge(r, start.log_public_key);
}

static int checkpoint_hold(struct recovery *r)
{
	uint8_t root[HASH_SIZE];
	if (!r->checkpoint_known || r->reading.size != r->checkpoint.size)
		return 0;
	merkle_root(&r->reading, root);
	if (memcmp(root, r->checkpoint.root, HASH_SIZE) != 0)
		return broken(r->reading.size, "the tree's root isn't the one in the checkpoint");
	return 0;
}

static void head_hold(struct recovery *r)
{
	uint8_t root[HASH_SIZE];
	if (r->reading.size != r->told->size)
		return;
	merkle_root(&r->reading, root);
	r->out->other_head = memcmp(root, r->told->root, HASH_SIZE) != 0;
}

static int snapshot_hold(const struct recovery *r)
{
	uint8_t root[HASH_SIZE], other[HASH_SIZE];
	if (!r->from || r->reading.size != r->from->snapshot->tree.size)
		return 0;
	merkle_root(&r->reading, root);
	merkle_root(&r->from->snapshot->tree, other);
	if (memcmp(root, other, HASH_SIZE) != 0)
		return broken(r->reading.size, "the tree's root isn't the one in the snapshot");
	return 0;
}

static int checkpoint_reached(const struct recovery *r)
{
	if (r->note.len == 0)
		return 0;
	if (!r->checkpoint_known || r->checkpoint.size > r->out->tree.size)
		return broken(r->out->tree.size, "the ledger is shorter than its checkpoint");
	r->out->checkpoint_size = r->checkpoint.size;
	return 0;
}

static int record_take(struct recovery *r, const struct record *record, const uint8_t hash[HASH_SIZE])
{
	if (record->seq == 0 && r->note.len && checkpoint_learn(r, record) != 0)
		return -1;
	merkle_append(&r->reading, hash);
	r->reading_time = record->time;
	if (checkpoint_hold(r) != 0 || snapshot_hold(r) != 0)
		return -1;
	head_hold(r);
	if (record->flags & RECORD_BATCH_END) {
		r->before = r->out->tree;
		r->out->tree = r->reading;
		r->out->last_time = r->reading_time;
	}
	return 0;
}

/* All records of one segment, up to where the next one begins, into tree and index. */
static int segment_take(struct recovery *r, struct segment_walk *w, uint64_t first, uint64_t next, int index)
{
	scoped_buf entries = { .max = INDEX_WINDOW };
	struct record record;
	uint8_t hash[HASH_SIZE];
	uint64_t offset = w->offset, written = 0;
	int state = 0;
	for (; w->seq < next && (state = segment_walk_next(w, &record, hash)) == 0; offset = w->offset) {
		if (record_take(r, &record, hash) != 0)
			return -1;
		index_entry_put(&entries, offset, hash);
		if (entries.len == INDEX_WINDOW) {
			if (index_correct(index, &entries, written) != 0)
				break;
			written += INDEX_WINDOW;
		}
	}
	if (state < 0)
		return broken(w->seq, log_errno());
	if ((entries.len && index_correct(index, &entries, written) != 0) ||
	    ftruncate(index, (off_t)((w->end_seq - first) * INDEX_ENTRY)) != 0)
		return broken(w->seq, "its index can't be written");
	/* A torn batch doesn't count. */
	r->reading = r->out->tree;
	return 0;
}

/*
 * The first batch of the next segment may stand here as well, if it was moved
 * there (tail_move) and the process ended before it was cut off here.
 */
static int moved_cut(const struct recovery *r, struct segment_walk *w, uint64_t first, uint64_t next)
{
	struct segment_head head;
	struct record record;
	uint8_t hash[HASH_SIZE];
	if (w->seq != next || segment_walk_next(w, &record, hash) != 0)
		return broken(w->end_seq, "what stands behind a sealed segment's last batch isn't zero");
	scoped_fd int fd = segment_open(r->folder, first, O_RDWR, &head);
	if (fd < 0 || ftruncate(fd, (off_t)w->end) != 0 || fsync(fd) != 0)
		return broken(first, log_errno());
	log_warning("ledger_tail_cut", "seq=%" PRIu64 " offset=%" PRIu64 " why=\"it stands in the next segment\"", next,
		    w->end);
	return 0;
}

/* A segment that has a successor was flushed whole: its last batch is complete, and zeros follow. */
static int sealed_check(const struct recovery *r, struct segment_walk *w, uint64_t first, uint64_t next)
{
	uint64_t nonzero;
	if (segment_find_nonzero(w->fd, w->end, &nonzero) != 0)
		return broken(w->seq, log_errno());
	return nonzero != w->size ? moved_cut(r, w, first, next) : 0;
}

/*
 * Whether a record that begins another batch stands somewhere in the tail: then
 * the batch before it had been flushed, and what is missing was damaged later.
 */
static bool tail_has_batch(struct slice tail, uint64_t after)
{
	while (tail.len >= RECORD_HEAD) {
		struct record record;
		size_t size = 1;
		uint64_t seq = get_u64(tail.at + 8);
		bool likely = seq > after && seq - after <= MAX_BATCH && tail.at[5] & RECORD_BATCH_BEGIN;
		if (likely && record_peek(tail, &record, &size, NULL) == RECORD_WHOLE)
			return true;
		tail.at++;
		tail.len--;
	}
	return false;
}

/* Tells a torn batch from damage. 0 if all behind the last whole batch may be the former. */
static int tail_check(const struct segment_walk *w, uint64_t nonzero)
{
	uint64_t most = w->end + MAX_BATCH_BYTES, beyond = w->size;
	scoped_buf tail = { .max = MAX_BATCH_BYTES + MAX_RECORD };
	if (most < w->size && segment_find_nonzero(w->fd, most, &beyond) != 0)
		return broken(w->end_seq, log_errno());
	if (beyond != w->size)
		return broken(w->end_seq, "damaged, with more behind it than one torn batch");
	size_t n = (size_t)((most < w->size ? most : w->size) - w->end);
	uint8_t *room = buf_room(&tail, n);
	if (!room || segment_pread(w->fd, room, n, w->end) != 0)
		return broken(w->end_seq, log_errno());
	if (tail_has_batch((struct slice){ room, n }, w->end_seq))
		return broken(w->end_seq, "damaged, with a later batch behind it");
	log_warning("ledger_tail_cut", "seq=%" PRIu64 " offset=%" PRIu64 " nonzero=%" PRIu64, w->end_seq, w->end,
		    nonzero);
	return 0;
}

static int zero_from(int fd, uint64_t from, uint64_t size)
{
	while (from < size) {
		uint64_t to = size - from < ZERO_WINDOW ? size : from + ZERO_WINDOW;
		if (segment_clear(fd, from, to) != 0 || segment_find_nonzero(fd, to, &from) != 0)
			return -1;
	}
	return 0;
}

/*
 * Cuts a torn tail, unless what is here will be left behind (tail_move). The last whole batch is written once more
 * before the flush: the life before this one may have died between its write and its flush, or seen the flush fail,
 * after which the kernel takes the pages for clean.
 */
static int tail_settle(const struct recovery *r, const struct segment_walk *w)
{
	uint64_t nonzero, reserved = r->options->segment_size, told = r->told->size;
	if (segment_find_nonzero(w->fd, w->end, &nonzero) != 0)
		return broken(w->end_seq, log_errno());
	if (nonzero != w->size && told > w->end_seq)
		return broken(w->end_seq, "damaged, where the head file says that a record was flushed");
	if (nonzero != w->size && tail_check(w, nonzero) != 0)
		return -1;
	if (r->options->distrust)
		return 0;
	scoped_buf last = { .max = MAX_BATCH_BYTES };
	size_t n = (size_t)(w->end - w->batch);
	uint8_t *room = n ? buf_room(&last, n) : NULL;
	if (n &&
	    (!room || segment_pread(w->fd, room, n, w->batch) != 0 || segment_pwrite(w->fd, room, n, w->batch) != 0))
		return broken(w->end_seq, log_errno());
	if (zero_from(w->fd, nonzero, w->size) != 0)
		return broken(w->end_seq, log_errno());
	int failed = w->size < reserved ? posix_fallocate(w->fd, 0, (off_t)reserved) : 0;
	if (failed || fdatasync(w->fd) != 0) {
		errno = failed ? failed : errno;
		return broken(w->end_seq, log_errno());
	}
	return 0;
}

static int head_check(struct recovery *r, const struct segment_head *head)
{
	uint8_t root[HASH_SIZE];
	if (memcmp(head->ledger_id, r->options->ledger_id, sizeof(head->ledger_id)) != 0) {
		log_error("ledger_other", "seq=%" PRIu64 " why=\"the segment is another ledger's\"", head->first);
		return LEDGER_OTHER;
	}
	if (head->first != r->out->tree.size && r->archived)
		return broken(r->out->tree.size, "records are archived, and no snapshot spares reading them: put their "
						 "segments back");
	if (head->first != r->out->tree.size)
		return broken(r->out->tree.size, "records are missing between two segments");
	merkle_root(&r->out->tree, root);
	if (memcmp(root, head->root, HASH_SIZE) != 0)
		return broken(head->first, "the root in the segment's head isn't that of the records before it");
	if (head->epoch < r->out->head.epoch)
		return broken(head->first, "the epoch goes back");
	return 0;
}

/* One segment; of the last one, whose next is UINT64_MAX, the files stay open in out. */
static int segment_recover(struct recovery *r, uint64_t first, uint64_t next)
{
	struct segment_head head;
	bool last = next == UINT64_MAX;
	scoped_fd int fd = segment_open(r->folder, first, last ? O_RDWR : O_RDONLY, &head);
	int failed = fd < 0 ? -1 : head_check(r, &head);
	if (failed)
		return failed;
	scoped_fd int index = index_open(r->folder, first);
	if (index < 0)
		return -1;
	__attribute__((cleanup(segment_walk_close))) struct segment_walk w;
	if (segment_walk_open(&w, fd, first) != 0)
		return broken(first, log_errno());
	/* What the checkpoint needs may be damaged rather than torn: it is asked before anything is cut. */
	if (segment_take(r, &w, first, next, index) != 0 || (last && checkpoint_reached(r) != 0) ||
	    (last ? tail_settle(r, &w) : sealed_check(r, &w, first, next)) != 0)
		return -1;
	struct recovered *out = r->out;
	out->head = head;
	if (!last) {
		segment_seal(fd, first);
		return 0;
	}
	r->batch = w.batch;
	out->end = w.end;
	out->capacity = w.size < r->options->segment_size ? r->options->segment_size : w.size;
	out->segment = fd_take(&fd);
	out->index = fd_take(&index);
	return 0;
}

/*
 * Writes the last batch to a segment of its own, be it in place of the one
 * that it fills, and goes on there. The order: the new one is durable, then
 * the old one ends before the batch.
 */
static int tail_move(struct recovery *r)
{
	struct recovered *out = r->out;
	scoped_buf batch = { .max = MAX_BATCH_BYTES };
	struct segment_head head = out->head;
	size_t n = (size_t)(out->end - r->batch);
	uint8_t *room = buf_room(&batch, n);
	const struct merkle before = n ? r->before : out->tree; /* a segment without any batch is made anew */
	if (!room || segment_pread(out->segment, room, n, r->batch) != 0)
		return broken(before.size, log_errno());
	head.first = before.size;
	merkle_root(&before, head.root);
	scoped_fd int fd =
		segment_create(r->folder, &head, out->capacity > SEGMENT_HEAD + n ? out->capacity : SEGMENT_HEAD + n,
			       (struct slice){ room, n });
	if (fd < 0)
		return -1;
	if (head.first != out->head.first) {
		if (ftruncate(out->segment, (off_t)r->batch) != 0 || fsync(out->segment) != 0 ||
		    ftruncate(out->index, (off_t)((head.first - out->head.first) * INDEX_ENTRY)) != 0)
			return broken(head.first, log_errno());
		segment_seal(out->segment, out->head.first);
	}
	log_warning("ledger_tail_moved", "seq=%" PRIu64 " why=\"a write had failed\"", head.first);
	fd_close(&out->segment);
	fd_close(&out->index);
	out->tree = r->reading = before;
	return segment_recover(r, head.first, UINT64_MAX);
}

/* The checkpoint's note, if there is one. */
static int note_load(struct recovery *r, const char *path)
{
	int failed = ledger_read_checkpoint(path, &r->note);
	if (failed < 0)
		return -1;
	if (!failed && r->note.len == 0)
		return broken(0, "the checkpoint is empty");
	return 0;
}

/* Where one segment ends as its index has it, or 0: then the index isn't whole. */
static uint64_t index_end(int folder, uint64_t first)
{
	struct stat st;
	char name[SEGMENT_NAME];
	segment_name(first, "idx", name);
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_size % INDEX_ENTRY)
		return 0;
	return first + (uint64_t)st.st_size / INDEX_ENTRY;
}

/* Whether a segment of this number is in the list. */
static bool list_has(const struct segment_list *list, uint64_t first)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->first[i] == first)
			return true;
	return false;
}

/* Of the segments that a snapshot spares us: that all of them are known, as far as names and indexes say. */
static int earlier_check(const struct recovery *r, const struct segment_list *here)
{
	scoped_segment_list away = { NULL, 0 };
	uint64_t end = 0, to = r->from->snapshot->segment.size;
	if (segment_list_read(r->folder, "arc", &away) != 0)
		return -1;
	while (end < to) {
		struct segment_head head = { .first = end };
		memcpy(head.ledger_id, r->options->ledger_id, sizeof(head.ledger_id));
		if (list_has(here, end)) {
			scoped_fd int fd = segment_open(r->folder, end, O_RDONLY, &head);
			head.first = fd < 0 ? UINT64_MAX : head.first;
		} else if (!list_has(&away, end)) {
			return broken(end, "a segment before the snapshot's is missing");
		}
		uint64_t next = head.first == end ? index_end(r->folder, end) : 0;
		if (next <= end || memcmp(head.ledger_id, r->options->ledger_id, sizeof(head.ledger_id)) != 0)
			return broken(end, "a segment before the snapshot's, or its index, isn't whole");
		end = next;
	}
	return end == to ? 0 : broken(end, "an index before the snapshot isn't whole");
}

/* Stands where the snapshot's segment begins; its index in the list goes to *start. 0, or -1: it doesn't fit. */
static int snapshot_start(struct recovery *r, const struct segment_list *list, size_t *start)
{
	const struct snapshot *s = r->from->snapshot;
	size_t i = 0;
	while (i < list->count && list->first[i] < s->segment.size)
		i++;
	if (i == list->count || list->first[i] != s->segment.size || earlier_check(r, list) != 0)
		return broken(s->segment.size, "the snapshot is of other segments");
	if (r->note.len == 0 || checkpoint_judge(r, r->from->log_key) != 0)
		return broken(s->tree.size, "a snapshot without a checkpoint");
	if (r->checkpoint.size < s->tree.size)
		return broken(s->tree.size, "the snapshot is newer than the checkpoint");
	r->reading = r->out->tree = s->segment;
	*start = i;
	return 0;
}

int recovery_run(int folder, const char *path, const struct ledger_open_options *options,
		 const struct recovery_from *from, const struct head_line *told, struct recovered *out)
{
	scoped_segment_list list = { NULL, 0 };
	__attribute__((cleanup(recovery_free))) struct recovery r = {
		.folder = folder, .options = options, .from = from, .told = told, .out = out
	};
	buf_init(&r.note, MAX_NOTE);
	*out = (struct recovered){ .segment = -1, .index = -1 };
	if (note_load(&r, path) != 0 || segment_list_read(folder, "seg", &list) != 0)
		return -1;
	if (list.count == 0) {
		log_error("ledger_missing", "folder=%s why=\"no segment in it\"", path);
		return LEDGER_NONE;
	}
	scoped_segment_list away = { NULL, 0 };
	if (segment_list_read(folder, "arc", &away) != 0)
		return -1;
	r.archived = away.count != 0;
	size_t start = 0;
	int failed = from ? snapshot_start(&r, &list, &start) : 0;
	for (size_t i = start; !failed && i < list.count; i++)
		failed = segment_recover(&r, list.first[i], i + 1 < list.count ? list.first[i + 1] : UINT64_MAX);
	if (!failed && options->distrust)
		failed = tail_move(&r);
	out->other_head = out->other_head || told->size > out->tree.size;
	return failed;
}
