#include "ledger/segment.h"

#include <dirent.h>
#include <errno.h>
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
#include "ledger/merkle.h"

#define WINDOW (512 * 1024) /* bytes read at once; more than MAX_RECORD */
#define HEAD_LEAF (SEGMENT_HEAD - 8)
#define FILE_MODE 0640 /* auditors read by the folder's group */
#define SEALED_MODE 0440

static const uint8_t zeros[ZERO_WINDOW];
static const char magic[8] = { 'C', 'H', 'L', 'E', 'D', 'G', 'E', 'R' };

static void head_write(const struct segment_head *h, uint8_t at[SEGMENT_HEAD])
{
	uint8_t hash[HASH_SIZE];
	memcpy(at, magic, sizeof(magic));
	set_u32(at + 8, SEGMENT_VERSION);
	set_u32(at + 12, h->epoch);
	memcpy(at + 16, h->ledger_id, sizeof(h->ledger_id));
	set_u64(at + 32, h->first);
	memcpy(at + 40, h->root, HASH_SIZE);
	merkle_leaf_hash((struct slice){ at, HEAD_LEAF }, hash);
	memcpy(at + HEAD_LEAF, hash, SEGMENT_HEAD - HEAD_LEAF);
}

const char *segment_head_read(const uint8_t at[SEGMENT_HEAD], struct segment_head *h)
{
	uint8_t hash[HASH_SIZE];
	merkle_leaf_hash((struct slice){ at, HEAD_LEAF }, hash);
	if (memcmp(at, magic, sizeof(magic)) != 0)
		return "not a segment of a ledger";
	if (get_u32(at + 8) != SEGMENT_VERSION)
		return "written in a format that this version does not know";
	if (memcmp(at + HEAD_LEAF, hash, SEGMENT_HEAD - HEAD_LEAF) != 0)
		return "the head's check is wrong";
	h->epoch = get_u32(at + 12);
	memcpy(h->ledger_id, at + 16, sizeof(h->ledger_id));
	h->first = get_u64(at + 32);
	memcpy(h->root, at + 40, HASH_SIZE);
	return NULL;
}

bool segment_newer(int folder, uint64_t first)
{
	char name[SEGMENT_NAME];
	uint8_t at[12];
	segment_name(first, "seg", name);
	scoped_fd int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && segment_pread(fd, at, sizeof(at), 0) == 0 && memcmp(at, magic, sizeof(magic)) == 0 &&
	       get_u32(at + 8) > SEGMENT_VERSION;
}

void segment_name(uint64_t first, const char *ending, char name[SEGMENT_NAME])
{
	snprintf(name, SEGMENT_NAME, "%016" PRIx64 ".%s", first, ending);
}

void segment_list_free(struct segment_list *list)
{
	free(list->first);
	*list = (struct segment_list){ NULL, 0 };
}

static int compare_first(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static int list_add(struct segment_list *list, uint64_t first)
{
	if ((list->count & (list->count - 1)) == 0) {
		size_t room = list->count ? list->count * 2 : 1;
		uint64_t *grown = room > MAX_SEGMENTS ? NULL : realloc(list->first, room * sizeof(*grown));
		if (!grown)
			return -1;
		list->first = grown;
	}
	list->first[list->count++] = first;
	return 0;
}

/* Only names that segment_name() writes: another spelling of a number isn't one of ours. */
static bool name_parse(const char *name, const char *ending, uint64_t *first)
{
	uint8_t digits[8];
	char again[SEGMENT_NAME];
	if (strlen(name) < 16 || !hex_decode(name, 16, digits, sizeof(digits)))
		return false;
	*first = 0;
	for (size_t i = 0; i < sizeof(digits); i++)
		*first = *first << 8 | digits[i];
	segment_name(*first, ending, again);
	return strcmp(name, again) == 0;
}

int segment_list_read(int folder, const char *ending, struct segment_list *list)
{
	segment_list_free(list);
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		log_error("ledger_unreadable", "why=\"%s\"", log_errno());
		fd_close(&fd);
		return -1;
	}
	int failed = 0;
	uint64_t first;
	errno = 0;
	for (struct dirent *e; !failed && (e = readdir(d));)
		if (name_parse(e->d_name, ending, &first))
			failed = list_add(list, first);
	if (failed || errno != 0)
		log_error("ledger_unreadable", "why=\"%s\"", failed ? "too many segments" : log_errno());
	failed = failed || errno != 0;
	closedir(d);
	if (failed)
		return -1;
	if (list->count)
		qsort(list->first, list->count, sizeof(*list->first), compare_first);
	return 0;
}

static int create_under(int folder, const char *name, const struct segment_head *head, uint64_t size,
			struct slice records)
{
	uint8_t bytes[SEGMENT_HEAD];
	head_write(head, bytes);
	scoped_fd int fd = openat(folder, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0 || fchmod(fd, FILE_MODE) != 0)
		return -1;
	int failed = posix_fallocate(fd, 0, (off_t)size);
	if (failed) {
		errno = failed;
		return -1;
	}
	if (segment_pwrite(fd, bytes, sizeof(bytes), 0) != 0 ||
	    segment_pwrite(fd, records.at, records.len, SEGMENT_HEAD) != 0 || fsync(fd) != 0)
		return -1;
	return fd_take(&fd);
}

int segment_create(int folder, const struct segment_head *head, uint64_t size, struct slice records)
{
	char name[SEGMENT_NAME], next[SEGMENT_NAME];
	segment_name(head->first, "seg", name);
	segment_name(head->first, "new", next);
	scoped_fd int fd = create_under(folder, next, head, size, records);
	if (fd < 0 || renameat(folder, next, folder, name) != 0 || fsync(folder) != 0) {
		log_error("ledger_segment_failed", "segment=%s bytes=%" PRIu64 " why=\"%s\"", name, size, log_errno());
		unlinkat(folder, next, 0);
		return -1;
	}
	return fd_take(&fd);
}

int segment_open(int folder, uint64_t first, int flags, struct segment_head *head)
{
	char name[SEGMENT_NAME];
	uint8_t bytes[SEGMENT_HEAD];
	segment_name(first, "seg", name);
	scoped_fd int fd = openat(folder, name, flags | O_CLOEXEC | O_NOFOLLOW);
	const char *why = NULL;
	if (fd < 0 || segment_pread(fd, bytes, sizeof(bytes), 0) != 0)
		why = errno ? log_errno() : "shorter than its head";
	if (!why)
		why = segment_head_read(bytes, head);
	if (!why && head->first != first)
		why = "the name is another segment's";
	if (why) {
		log_error("ledger_segment_broken", "segment=%s why=\"%s\"", name, why);
		return -1;
	}
	return fd_take(&fd);
}

void segment_seal(int fd, uint64_t first)
{
	struct stat st;
	if (fstat(fd, &st) == 0 && (st.st_mode & 07777) == SEALED_MODE)
		return;
	if (fchmod(fd, SEALED_MODE) != 0)
		log_warning("ledger_seal_failed", "segment=%016" PRIx64 " why=\"%s\"", first, log_errno());
}

int segment_pread(int fd, void *bytes, size_t n, uint64_t offset)
{
	uint8_t *at = bytes;
	while (n) {
		ssize_t r = pread(fd, at, n, (off_t)offset);
		if (r < 0 && errno == EINTR)
			continue;
		if (r == 0)
			errno = 0;
		if (r <= 0)
			return -1;
		at += r;
		n -= (size_t)r;
		offset += (uint64_t)r;
	}
	return 0;
}

int segment_pwrite(int fd, const void *bytes, size_t n, uint64_t offset)
{
	const uint8_t *at = bytes;
	while (n) {
		ssize_t w = pwrite(fd, at, n, (off_t)offset);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		at += w;
		n -= (size_t)w;
		offset += (uint64_t)w;
	}
	return 0;
}

int segment_clear(int fd, uint64_t from, uint64_t to)
{
	int failed = 0;
	for (; from < to && !failed; from += ZERO_WINDOW)
		failed = segment_pwrite(fd, zeros, to - from < ZERO_WINDOW ? (size_t)(to - from) : ZERO_WINDOW, from);
	return failed;
}

static int file_size(int fd, uint64_t *size)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return -1;
	*size = (uint64_t)st.st_size;
	return 0;
}

int segment_find_nonzero(int fd, uint64_t from, uint64_t *found)
{
	uint8_t bytes[ZERO_WINDOW];
	uint64_t size;
	if (file_size(fd, &size) != 0)
		return -1;
	for (; from < size; from += ZERO_WINDOW) {
		size_t n = size - from < ZERO_WINDOW ? (size_t)(size - from) : ZERO_WINDOW;
		if (segment_pread(fd, bytes, n, from) != 0)
			return -1;
		if (memcmp(bytes, zeros, n) == 0)
			continue;
		for (*found = from; bytes[*found - from] == 0;)
			++*found;
		return 0;
	}
	*found = size;
	return 0;
}

int segment_walk_open(struct segment_walk *w, int fd, uint64_t first)
{
	*w = (struct segment_walk){
		.fd = fd,
		.offset = SEGMENT_HEAD,
		.seq = first,
		.batch = SEGMENT_HEAD,
		.end = SEGMENT_HEAD,
		.end_seq = first,
		.window_end = SEGMENT_HEAD,
	};
	buf_init(&w->window, WINDOW);
	return file_size(fd, &w->size);
}

void segment_walk_close(struct segment_walk *w)
{
	buf_free(&w->window);
}

/* Moves the window on, so that a record at offset is in it if it is in the file. */
static int window_fill(struct segment_walk *w)
{
	size_t ahead = (size_t)(w->window_end - w->offset);
	if (ahead >= MAX_RECORD || w->window_end >= w->size)
		return 0;
	buf_drop(&w->window, w->window.len - ahead);
	uint64_t left = w->size - w->window_end;
	size_t n = left < WINDOW - ahead ? (size_t)left : WINDOW - ahead;
	uint8_t *room = buf_room(&w->window, n);
	if (!room) {
		errno = ENOMEM;
		return -1;
	}
	if (segment_pread(w->fd, room, n, w->window_end) != 0)
		return -1;
	w->window.len += n;
	w->window_end += n;
	return 0;
}

int segment_walk_next(struct segment_walk *w, struct record *record, uint8_t hash[HASH_SIZE])
{
	if (window_fill(w) != 0)
		return -1;
	size_t ahead = (size_t)(w->window_end - w->offset), size;
	struct slice bytes = { ahead ? w->window.at + w->window.len - ahead : NULL, ahead };
	enum record_state state = ahead ? record_peek(bytes, record, &size, hash) : RECORD_RESERVED;
	if (state != RECORD_WHOLE)
		return (int)state;
	bool begins = w->offset == w->end;
	if (record->seq != w->seq || begins != !!(record->flags & RECORD_BATCH_BEGIN))
		return RECORD_BROKEN;
	w->offset += size;
	w->seq++;
	if (record->flags & RECORD_BATCH_END) {
		w->batch = w->end;
		w->end = w->offset;
		w->end_seq = w->seq;
	}
	return 0;
}
