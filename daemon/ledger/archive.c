#include "ledger/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ledger/segment.h"
#include "ledger/snapshot.h"

#define COPY_SIZE (64 * 1024)
#define SEALED_MODE 0440
#define FILE_MODE 0640

static int failed(uint64_t first, const char *why)
{
	log_error("archive_failed", "segment=%016" PRIx64 " why=\"%s\"", first, why);
	return -1;
}

/* Where a start from the newest good snapshot begins to read; 0 if there is none. */
static uint64_t spared_until(int folder, const struct archive_options *o, struct slice log_key)
{
	uint64_t sizes[MAX_SNAPSHOTS_KEPT];
	size_t count = snapshot_list(folder, sizes, MAX_SNAPSHOTS_KEPT);
	for (size_t i = 0; i < count; i++) {
		scoped_buf bytes = { .max = MAX_SNAPSHOT };
		struct snapshot s;
		if (snapshot_load(folder, sizes[i], &bytes) == 0 &&
		    snapshot_get(buf_slice(&bytes), o->ledger_id, log_key, &s) == 0 &&
		    s.state_version == o->state_version)
			return s.segment.size;
	}
	return 0;
}

/* Reads all of a segment; each hash must be the index's. 0: nobody needs it; positive: somebody does; -1. */
static int segment_judge(int folder, uint64_t first, uint64_t next, const struct archive_options *o)
{
	struct segment_head head;
	struct record record;
	char name[SEGMENT_NAME];
	uint8_t hash[HASH_SIZE], entry[INDEX_ENTRY];
	segment_name(first, "idx", name);
	scoped_fd int fd = segment_open(folder, first, O_RDONLY, &head);
	scoped_fd int index = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	__attribute__((cleanup(segment_walk_close))) struct segment_walk w;
	if (fd < 0 || index < 0 || segment_walk_open(&w, fd, first) != 0) {
		w = (struct segment_walk){ 0 };
		return failed(first, log_errno());
	}
	while (w.seq < next) {
		uint64_t at = (w.seq - first) * INDEX_ENTRY;
		if (segment_walk_next(&w, &record, hash) != 0 || segment_pread(index, entry, sizeof(entry), at) != 0 ||
		    memcmp(entry + 8, hash, HASH_SIZE) != 0)
			return failed(first, "segment and index do not agree");
		if (o->needed(o->of, &record))
			return 1;
	}
	return 0;
}

static int bytes_copy(int from, int to)
{
	uint8_t bytes[COPY_SIZE], again[COPY_SIZE];
	ssize_t n;
	off_t at = 0;
	for (; (n = pread(from, bytes, sizeof(bytes), at)) > 0; at += n)
		if (segment_pwrite(to, bytes, (size_t)n, (uint64_t)at) != 0)
			return -1;
	if (n < 0 || fsync(to) != 0)
		return -1;
	posix_fadvise(to, 0, 0, POSIX_FADV_DONTNEED); /* read back from the disk, where that is possible */
	for (at = 0; (n = pread(from, bytes, sizeof(bytes), at)) > 0; at += n)
		if (segment_pread(to, again, (size_t)n, (uint64_t)at) != 0 || memcmp(bytes, again, (size_t)n) != 0)
			return -1;
	return n < 0 ? -1 : 0;
}

static int segment_copy(int folder, int to, uint64_t first)
{
	char name[SEGMENT_NAME], next[SEGMENT_NAME];
	struct segment_head head;
	segment_name(first, "seg", name);
	segment_name(first, "new", next);
	scoped_fd int from = segment_open(folder, first, O_RDONLY, &head);
	scoped_fd int copy = openat(to, next, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (from < 0 || copy < 0 || bytes_copy(from, copy) != 0 || fchmod(copy, SEALED_MODE) != 0 ||
	    renameat(to, next, to, name) != 0 || fsync(to) != 0)
		return failed(first, log_errno());
	return 0;
}

/* The mark first: a segment that is neither here nor marked would be damage. */
static int segment_leave(int folder, const char *path, uint64_t first, const char *to)
{
	char name[SEGMENT_NAME], mark[PATH_MAX];
	struct stat st;
	scoped_buf text = { .max = PATH_MAX + 64 };
	segment_name(first, "arc", name);
	buf_printf(&text, "%s\n", to);
	if (snprintf(mark, sizeof(mark), "%s/%s", path, name) >= (int)sizeof(mark))
		return failed(first, "the path is too long");
	if (fd_replace_file(mark, buf_slice(&text), FILE_MODE) != 0 || fstat(folder, &st) != 0)
		return failed(first, log_errno());
	if (geteuid() == 0 && fchownat(folder, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
		return failed(first, log_errno());
	segment_name(first, "seg", name);
	if (unlinkat(folder, name, 0) != 0 || fsync(folder) != 0)
		return failed(first, log_errno());
	log_info("archived", "segment=%016" PRIx64 " to=%s", first, to);
	return 0;
}

static void reader_close_at(struct ledger_reader **r)
{
	ledger_reader_close(*r);
}

int archive_run(const char *path, const struct archive_options *o, size_t *moved)
{
	scoped_fd int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scoped_fd int to = open(o->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__attribute__((cleanup(reader_close_at))) struct ledger_reader *reader = NULL;
	scoped_segment_list list = { NULL, 0 };
	scoped_buf record = { .max = MAX_RECORD + 4096 };
	struct slice log_key;
	*moved = 0;
	if (folder < 0 || to < 0 || flock(to, LOCK_EX | LOCK_NB) != 0)
		return failed(0, folder >= 0 && to >= 0 ? "another one is under way" : log_errno());
	if (ledger_reader_open(path, &reader) != 0 || ledger_read_log_key(reader, &record, &log_key) != 0 ||
	    segment_list_read(folder, "seg", &list) != 0)
		return -1;
	uint64_t until = spared_until(folder, o, log_key);
	for (size_t i = 1; i + 1 < list.count && list.first[i + 1] <= until; i++) {
		int state = segment_judge(folder, list.first[i], list.first[i + 1], o);
		if (state > 0)
			continue;
		if (state < 0 || segment_copy(folder, to, list.first[i]) != 0 ||
		    segment_leave(folder, path, list.first[i], o->to) != 0)
			return -1;
		++*moved;
	}
	return 0;
}
