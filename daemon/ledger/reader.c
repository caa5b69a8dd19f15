#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ledger/checkpoint.h"
#include "ledger/ledger.h"
#include "ledger/segment.h"

#define READ_AHEAD 4096 /* holds most records whole; a longer one takes a second read */
#define WINDOW 65536	/* of records that are read one after the other, */
#define NEAR 8192	/* ... which is where each begins this close behind the one before it */

/* A piece of a file; bytes NULL: none is kept. */
struct window {
	uint8_t *bytes;
	uint64_t from, last;
	size_t len;
};

struct ledger_reader {
	struct window records, entries;
	int folder;
	struct segment_list list, archived;
	int old_index;	    /* of an archived segment; -1 at first */
	uint64_t old_first; /* that one's own */
	uint64_t old_seek;  /* of the archived segment that was sought last */
	int segment, index; /* of the segment that was used last; -1 at first */
	uint64_t first;	    /* the segment's own, */
	uint64_t next;	    /* and the next one's; UINT64_MAX if none is known */
	uint64_t walk_seq;  /* where the last walk over record heads came to */
	uint64_t walk_offset;
};

static int broken(uint64_t seq, const char *why)
{
	log_error("ledger_unreadable", "seq=%" PRIu64 " why=\"%s\"", seq, why);
	return -1;
}

void ledger_reader_close(struct ledger_reader *r)
{
	if (!r)
		return;
	ledger_reader_near(r, false);
	segment_list_free(&r->list);
	segment_list_free(&r->archived);
	fd_close(&r->old_index);
	fd_close(&r->segment);
	fd_close(&r->index);
	fd_close(&r->folder);
	free(r);
}

static void window_set(struct window *w, bool on)
{
	free(w->bytes);
	*w = (struct window){ .bytes = on ? malloc(WINDOW) : NULL };
}

void ledger_reader_near(struct ledger_reader *r, bool near)
{
	window_set(&r->records, near);
	window_set(&r->entries, near);
}

static void windows_forget(struct ledger_reader *r)
{
	r->records.len = r->entries.len = 0;
}

/* As pread(), by way of the window where what is asked for lies near to what was asked for last. */
static ssize_t window_pread(struct window *w, int fd, void *out, size_t n, uint64_t offset)
{
	if (!w->bytes)
		return pread(fd, out, n, (off_t)offset);
	bool near = offset >= w->last && offset - w->last <= NEAR,
	     within = offset >= w->from && offset - w->from <= w->len && w->len - (offset - w->from) >= n;
	w->last = offset;
	if (!within && !near)
		return pread(fd, out, n, (off_t)offset);
	if (!within) {
		ssize_t got = pread(fd, w->bytes, WINDOW, (off_t)offset);
		w->len = got > 0 ? (size_t)got : 0;
		w->from = offset;
		if (got <= 0)
			return got;
	}
	size_t left = w->len - (size_t)(offset - w->from);
	n = n < left ? n : left;
	memcpy(out, w->bytes + (offset - w->from), n);
	return (ssize_t)n;
}

static int lists_read(struct ledger_reader *r)
{
	return segment_list_read(r->folder, "seg", &r->list) != 0 ||
			       segment_list_read(r->folder, "arc", &r->archived) != 0
		       ? -1
		       : 0;
}

int ledger_reader_open(const char *folder, struct ledger_reader **out)
{
	struct ledger_reader *r = calloc(1, sizeof(*r));
	*out = NULL;
	if (!r)
		return -1;
	r->segment = r->index = r->old_index = -1;
	r->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->folder < 0)
		log_error("ledger_unreadable", "folder=%s why=\"%s\"", folder, log_errno());
	if (r->folder < 0 || lists_read(r) != 0) {
		ledger_reader_close(r);
		return -1;
	}
	*out = r;
	return 0;
}

/* How many of them begin at or before seq. */
static size_t list_count(const struct segment_list *list, uint64_t seq)
{
	size_t low = 0, high = list->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (list->first[middle] <= seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Opens the i-th segment of the list. Its index may be missing. */
static int segment_use(struct ledger_reader *r, size_t i)
{
	struct segment_head head;
	char name[SEGMENT_NAME];
	scoped_fd int fd = segment_open(r->folder, r->list.first[i], O_RDONLY, &head);
	if (fd < 0)
		return -1;
	fd_close(&r->segment);
	fd_close(&r->index);
	windows_forget(r);
	segment_name(head.first, "idx", name);
	r->segment = fd_take(&fd);
	r->index = openat(r->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	r->first = r->walk_seq = head.first;
	r->next = i + 1 < r->list.count ? r->list.first[i + 1] : UINT64_MAX;
	size_t away = list_count(&r->archived, head.first);
	if (away < r->archived.count && r->archived.first[away] < r->next)
		r->next = r->archived.first[away];
	r->walk_offset = SEGMENT_HEAD;
	return 0;
}

/* Opens the segment that seq falls into, if it isn't. 0; LEDGER_NONE; LEDGER_ARCHIVED; -1. */
static int segment_seek(struct ledger_reader *r, uint64_t seq)
{
	if (r->segment >= 0 && seq >= r->first && seq < r->next)
		return 0;
	size_t here = list_count(&r->list, seq), away = list_count(&r->archived, seq);
	if (away && (here == 0 || r->archived.first[away - 1] > r->list.first[here - 1])) {
		r->old_seek = r->archived.first[away - 1];
		return LEDGER_ARCHIVED;
	}
	return here == 0 ? LEDGER_NONE : segment_use(r, here - 1);
}

/* The last known segment may have got a successor meanwhile. 0; LEDGER_NONE: it hasn't; -1. */
static int segments_refresh(struct ledger_reader *r)
{
	uint64_t last = r->list.count ? r->list.first[r->list.count - 1] : 0;
	if (lists_read(r) != 0)
		return -1;
	if (r->list.count == 0 || r->list.first[r->list.count - 1] == last)
		return LEDGER_NONE;
	fd_close(&r->segment);
	return 0;
}

/* False if the index doesn't say. */
static bool index_read(struct ledger_reader *r, uint64_t seq, uint64_t *offset, uint8_t hash[HASH_SIZE])
{
	uint8_t entry[INDEX_ENTRY];
	if (r->index < 0 || window_pread(&r->entries, r->index, entry, sizeof(entry), (seq - r->first) * INDEX_ENTRY) !=
				    (ssize_t)sizeof(entry))
		return false;
	*offset = get_u64(entry);
	memcpy(hash, entry + 8, HASH_SIZE);
	return *offset >= SEGMENT_HEAD && *offset < MAX_SEGMENT_SIZE;
}

/* Finds a record without the index, from head to head. 0; LEDGER_NONE; -1. */
static int walk_find(struct ledger_reader *r, uint64_t seq, uint64_t *offset)
{
	if (r->walk_seq > seq) {
		r->walk_seq = r->first;
		r->walk_offset = SEGMENT_HEAD;
	}
	for (;;) {
		uint8_t head[RECORD_HEAD];
		struct record record;
		size_t size;
		if (segment_pread(r->segment, head, sizeof(head), r->walk_offset) != 0)
			return errno ? broken(r->walk_seq, log_errno()) : LEDGER_NONE;
		enum record_state state = record_peek(SLICE_OF(head), &record, &size, NULL);
		if (state == RECORD_RESERVED)
			return LEDGER_NONE;
		if (state == RECORD_BROKEN || record.seq != r->walk_seq)
			return broken(r->walk_seq, "no record where one should be");
		*offset = r->walk_offset;
		if (r->walk_seq == seq)
			return 0;
		r->walk_offset += size;
		r->walk_seq++;
	}
}

/* The record at an offset, replacing what out had. 0; positive if it isn't seq, whole; -1. */
static int record_read(struct ledger_reader *r, uint64_t seq, uint64_t offset, struct buf *out, struct record *record)
{
	size_t size = READ_AHEAD;
	for (int reads = 0; reads < 2; reads++) {
		buf_clear(out);
		uint8_t *room = buf_room(out, size);
		if (!room)
			return broken(seq, "no room for it");
		ssize_t n = window_pread(&r->records, r->segment, room, size, offset);
		if (n < 0)
			return broken(seq, log_errno());
		out->len = (size_t)n;
		enum record_state state = record_peek(buf_slice(out), record, &size, NULL);
		if (state == RECORD_WHOLE)
			out->len = size;
		if (state != RECORD_PARTIAL)
			return state == RECORD_WHOLE && record->seq == seq ? 0 : 1;
	}
	return 1;
}

/* The index is believed only if the record stands where it says. */
static int record_find(struct ledger_reader *r, uint64_t seq, uint64_t *offset, struct buf *out, struct record *record)
{
	uint8_t hash[HASH_SIZE];
	int state = segment_seek(r, seq);
	if (state < 0 && lists_read(r) == 0) /* archived since */
		state = segment_seek(r, seq);
	if (state)
		return state;
	state = index_read(r, seq, offset, hash) ? record_read(r, seq, *offset, out, record) : 1;
	if (state <= 0)
		return state;
	if (r->next == UINT64_MAX) {
		state = segments_refresh(r);
		if (state == 0)
			return record_find(r, seq, offset, out, record);
		if (state < 0)
			return -1;
	}
	state = walk_find(r, seq, offset);
	if (state)
		return state;
	state = record_read(r, seq, *offset, out, record);
	return state > 0 ? broken(seq, "the record's check is wrong") : state;
}

int ledger_read(struct ledger_reader *r, uint64_t seq, struct buf *out, struct record *record)
{
	uint64_t offset;
	return record_find(r, seq, &offset, out, record);
}

/* Takes whole records off the front of bytes, up to before limit: how many bytes they are, or -1 if one is broken. */
static ssize_t records_count(struct slice bytes, uint64_t *from, uint64_t limit)
{
	size_t taken = 0;
	while (*from < limit) {
		struct record record;
		size_t size;
		struct slice rest = { bytes.at + taken, bytes.len - taken };
		enum record_state state = rest.len ? record_peek(rest, &record, &size, NULL) : RECORD_PARTIAL;
		if (state == RECORD_PARTIAL || state == RECORD_RESERVED)
			break;
		if (state == RECORD_BROKEN || record.seq != *from)
			return broken(*from, "the record's check is wrong");
		taken += size;
		++*from;
	}
	return (ssize_t)taken;
}

/* As many records of one segment as fit into room bytes; *from moves on. 0 or -1. */
static int run_read(const struct ledger_reader *r, uint64_t offset, uint64_t *from, uint64_t limit, size_t room,
		    struct buf *out)
{
	uint8_t *at = buf_room(out, room);
	if (!at)
		return broken(*from, "no room for it");
	ssize_t n = pread(r->segment, at, room, (off_t)offset);
	if (n < 0)
		return broken(*from, log_errno());
	ssize_t taken = records_count((struct slice){ at, (size_t)n }, from, limit < r->next ? limit : r->next);
	if (taken < 0)
		return -1;
	out->len += (size_t)taken;
	return 0;
}

int ledger_read_range(struct ledger_reader *r, uint64_t from, uint64_t limit, size_t most, struct buf *out)
{
	scoped_buf first = { .max = MAX_RECORD + READ_AHEAD };
	size_t start = out->len;
	while (from < limit) {
		struct record record;
		uint64_t offset;
		int state = record_find(r, from, &offset, &first, &record);
		size_t taken = out->len - start;
		if (state == LEDGER_ARCHIVED)
			return taken ? 0 : state;
		if (state)
			return state < 0 ? -1 : broken(from, "the record is missing");
		bool fits = taken <= most && first.len <= most - taken;
		if (!fits && taken)
			return 0;
		if (run_read(r, offset, &from, limit, fits ? most - taken : first.len, out) != 0)
			return -1;
	}
	return 0;
}

/* From the index that an archived segment left here. */
static int old_hash(struct ledger_reader *r, uint64_t seq, uint8_t hash[HASH_SIZE])
{
	char name[SEGMENT_NAME];
	if (r->old_index < 0 || r->old_first != r->old_seek) {
		fd_close(&r->old_index);
		r->old_first = r->old_seek;
		segment_name(r->old_first, "idx", name);
		r->old_index = openat(r->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	}
	uint64_t at = (seq - r->old_first) * INDEX_ENTRY + 8;
	if (r->old_index < 0 || segment_pread(r->old_index, hash, HASH_SIZE, at) != 0)
		return broken(seq, "the index of its archived segment isn't whole");
	return 0;
}

int ledger_read_hash(struct ledger_reader *r, uint64_t seq, uint8_t hash[HASH_SIZE])
{
	uint64_t offset;
	int state = segment_seek(r, seq);
	if (state)
		return state == LEDGER_ARCHIVED ? old_hash(r, seq, hash) : state;
	if (index_read(r, seq, &offset, hash))
		return 0;
	scoped_buf out = { .max = MAX_RECORD + READ_AHEAD };
	struct record record;
	state = record_find(r, seq, &offset, &out, &record);
	if (state)
		return state;
	size_t size;
	return record_peek(buf_slice(&out), &record, &size, hash) == RECORD_WHOLE ? 0 : -1;
}

int ledger_reader_segment(struct ledger_reader *r, uint64_t seq, uint64_t *first)
{
	scoped_buf bytes = { .max = MAX_RECORD + READ_AHEAD };
	struct record record;
	/* Where it stands, not where the list of a while ago would have it. */
	int state = ledger_read(r, seq, &bytes, &record);
	*first = r->first;
	return state;
}

int ledger_read_log_key(struct ledger_reader *r, struct buf *out, struct slice *public_key)
{
	struct record record;
	struct ledger_start_record start;
	int state = ledger_read(r, 0, out, &record);
	if (state)
		return state;
	if (record.type != RECORD_LEDGER_START || record_ledger_start_get(record.body, &start) != PACK_OK)
		return broken(0, "the first record isn't the start of a ledger");
	*public_key = start.log_public_key;
	return 0;
}

int ledger_read_checkpoint(const char *folder, struct buf *out)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/checkpoint", folder) >= (int)sizeof(path))
		errno = ENAMETOOLONG;
	else if (fd_read_file(path, MAX_NOTE, out) == 0)
		return 0;
	if (errno == ENOENT)
		return LEDGER_NONE;
	log_error("ledger_checkpoint_unreadable", "folder=%s why=\"%s\"", folder, log_errno());
	return -1;
}

int ledger_reader_size(struct ledger_reader *r, uint64_t *size)
{
	if (segment_list_read(r->folder, "seg", &r->list) != 0)
		return -1;
	fd_close(&r->segment);
	*size = 0;
	if (r->list.count == 0)
		return 0;
	if (segment_use(r, r->list.count - 1) != 0)
		return -1;
	__attribute__((cleanup(segment_walk_close))) struct segment_walk w;
	struct record record;
	uint8_t hash[HASH_SIZE];
	int state = segment_walk_open(&w, r->segment, r->first);
	while (state == 0)
		state = segment_walk_next(&w, &record, hash);
	*size = w.end_seq;
	return state < 0 ? broken(w.seq, log_errno()) : 0;
}
