#include "ledger/snapshot.h"

#include <dirent.h>
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
#include "ledger/segment.h"

#define SNAPSHOT_VERSION 1
#define FIXED_HEAD 40 /* up to the first tree */
#define FILE_MODE 0640

static const char magic[8] = { 'C', 'H', 'S', 'N', 'A', 'P', 'S', 'T' };

static void tree_put(const struct merkle *m, struct buf *out)
{
	buf_put_u64(out, m->size);
	for (unsigned level = 0; level < 64; level++)
		if (m->size >> level & 1)
			buf_put(out, m->peaks[level], HASH_SIZE);
}

static bool tree_take(struct slice *rest, struct merkle *m)
{
	merkle_init(m);
	if (rest->len < 8)
		return false;
	m->size = get_u64(rest->at);
	*rest = (struct slice){ rest->at + 8, rest->len - 8 };
	size_t peaks = (size_t)__builtin_popcountll(m->size) * HASH_SIZE;
	if (rest->len < peaks)
		return false;
	for (unsigned level = 0; level < 64; level++) {
		if (!(m->size >> level & 1))
			continue;
		memcpy(m->peaks[level], rest->at, HASH_SIZE);
		*rest = (struct slice){ rest->at + HASH_SIZE, rest->len - HASH_SIZE };
	}
	return true;
}

void snapshot_put(const struct snapshot *s, struct buf *out)
{
	buf_put(out, magic, sizeof(magic));
	buf_put_u32(out, SNAPSHOT_VERSION);
	buf_put_u32(out, s->state_version);
	buf_put(out, s->ledger_id, sizeof(s->ledger_id));
	buf_put_u64(out, (uint64_t)s->last_time);
	tree_put(&s->tree, out);
	tree_put(&s->segment, out);
	buf_put_u32(out, (uint32_t)s->state.len);
	buf_put_slice(out, s->state);
}

void snapshot_head(const struct snapshot *s, struct slice bytes, struct checkpoint *out)
{
	*out = (struct checkpoint){ .size = s->tree.size, .of_snapshot = true };
	memcpy(out->ledger_id, s->ledger_id, sizeof(out->ledger_id));
	merkle_root(&s->tree, out->root);
	hash_of(bytes, out->snapshot);
}

static bool content_take(struct slice *rest, struct snapshot *s)
{
	if (rest->len < FIXED_HEAD || memcmp(rest->at, magic, sizeof(magic)) != 0 ||
	    get_u32(rest->at + 8) != SNAPSHOT_VERSION)
		return false;
	s->state_version = get_u32(rest->at + 12);
	memcpy(s->ledger_id, rest->at + 16, sizeof(s->ledger_id));
	s->last_time = (int64_t)get_u64(rest->at + 32);
	*rest = (struct slice){ rest->at + FIXED_HEAD, rest->len - FIXED_HEAD };
	if (!tree_take(rest, &s->tree) || !tree_take(rest, &s->segment) || s->tree.size <= s->segment.size ||
	    rest->len < 4 || get_u32(rest->at) > rest->len - 4)
		return false;
	s->state = (struct slice){ rest->at + 4, get_u32(rest->at) };
	*rest = (struct slice){ s->state.at + s->state.len, rest->len - 4 - s->state.len };
	return true;
}

int snapshot_parse(struct slice bytes, struct snapshot *out)
{
	return content_take(&bytes, out) ? 0 : 1;
}

int snapshot_get(struct slice bytes, const uint8_t ledger_id[16], struct slice log_key, struct snapshot *out)
{
	struct slice note = bytes;
	struct checkpoint says, is;
	if (!content_take(&note, out) || memcmp(out->ledger_id, ledger_id, sizeof(out->ledger_id)) != 0 ||
	    checkpoint_read_snapshot(note, log_key, &says) != 0)
		return 1;
	snapshot_head(out, (struct slice){ bytes.at, bytes.len - note.len }, &is);
	return memcmp(says.ledger_id, is.ledger_id, sizeof(is.ledger_id)) == 0 && says.size == is.size &&
			       memcmp(says.root, is.root, HASH_SIZE) == 0 &&
			       memcmp(says.snapshot, is.snapshot, HASH_SIZE) == 0
		       ? 0
		       : 1;
}

size_t snapshot_list(int folder, uint64_t *sizes, size_t most)
{
	scoped_segment_list list = { NULL, 0 };
	size_t count = 0;
	if (segment_list_read(folder, "snap", &list) != 0)
		return 0;
	for (; count < most && count < list.count; count++)
		sizes[count] = list.first[list.count - 1 - count];
	return count;
}

int snapshot_load(int folder, uint64_t size, struct buf *out)
{
	struct stat st;
	char name[SEGMENT_NAME];
	segment_name(size, "snap", name);
	scoped_fd int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > MAX_SNAPSHOT)
		return 1;
	uint8_t *at = buf_room(out, (size_t)st.st_size);
	if (!at || segment_pread(fd, at, (size_t)st.st_size, 0) != 0)
		return 1;
	out->len += (size_t)st.st_size;
	return 0;
}

static void older_remove(const char *folder)
{
	scoped_segment_list list = { NULL, 0 };
	scoped_fd int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || segment_list_read(fd, "snap", &list) != 0)
		return;
	for (size_t i = 0; i + MAX_SNAPSHOTS_KEPT < list.count; i++) {
		char name[SEGMENT_NAME];
		segment_name(list.first[i], "snap", name);
		unlinkat(fd, name, 0);
	}
}

int snapshot_store(const char *folder, uint64_t size, struct slice content)
{
	char path[PATH_MAX], name[SEGMENT_NAME];
	segment_name(size, "snap", name);
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		errno = ENAMETOOLONG;
	else if (fd_replace_file(path, content, FILE_MODE) == 0) {
		older_remove(folder);
		return 0;
	}
	log_warning("ledger_snapshot_failed", "size=%" PRIu64 " why=\"%s\"", size, log_errno());
	return -1;
}
