#include "signd/last.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/pack.h"
#include "base/text.h"

#define MAX_NAME 80
static const uint8_t base_magic[8] = "chcrl-b1", last_magic[8] = "chcrl-l1";

static const struct pack_field *head_fields(void)
{
	typedef struct last_head THIS;
#include "base/pack_fields.h"
	static const struct pack_field fields[] = { LAST_HEAD_FIELDS{ NULL, PACK_END, 0, 0, 0 } };
#include "base/pack_done.h"
	return fields;
}

/* KEY.SHARD. with which the names of all files of a scope begin. */
static void scope_text(const struct last_ref *ref, char out[MAX_NAME])
{
	char key[2 * KEY_ID_SIZE + 1];
	hex_encode(ref->ca_key, KEY_ID_SIZE, key);
	snprintf(out, MAX_NAME, "%s.%04x.", key, ref->shard);
}

static void file_name(const struct last_ref *ref, uint64_t number, const char *kind, char out[MAX_NAME])
{
	scope_text(ref, out);
	size_t n = strlen(out);
	snprintf(out + n, MAX_NAME - n, "%016llx.%s", (unsigned long long)number, kind);
}

int last_folder(const char *state_dir)
{
	scoped_fd int state = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state >= 0 && mkdirat(state, "crl", 0750) != 0 && errno != EEXIST)
		fd_close(&state);
	int folder = state < 0 ? -1 : openat(state, "crl", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		log_error("crl_folder_failed", "state_dir=%s why=\"%s\"", state_dir, log_errno());
	return folder;
}

static int damaged(const struct last_ref *ref, const char *why)
{
	char key[2 * KEY_ID_SIZE + 1];
	hex_encode(ref->ca_key, KEY_ID_SIZE, key);
	log_error("last_crl_damaged", "ca_key=%s shard=%u number=%llu why=\"%s\"", key, ref->shard,
		  (unsigned long long)ref->number, why);
	return LAST_DAMAGED;
}

/* Opens one of the files, whose head must name this scope and number. */
static int file_open(int folder, const struct last_ref *ref, uint64_t number, bool base, struct last_head *head,
		     int *fd, uint64_t *rows)
{
	char name[MAX_NAME];
	struct stat st;
	uint8_t bytes[LAST_HEAD_SIZE];
	const char *where;
	file_name(ref, number, base ? "base" : "last", name);
	*fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0 || fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode))
		return damaged(ref, "a file is missing");
	if (st.st_size < LAST_HEAD_SIZE || (st.st_size - LAST_HEAD_SIZE) % LAST_ROW_SIZE ||
	    (uint64_t)st.st_size > LAST_HEAD_SIZE + MAX_LAST_ROWS * LAST_ROW_SIZE)
		return damaged(ref, "a file is not as long as its rows");
	*rows = (uint64_t)(st.st_size - LAST_HEAD_SIZE) / LAST_ROW_SIZE;
	if (pread(*fd, bytes, sizeof(bytes), 0) != sizeof(bytes) ||
	    pack_get(SLICE_OF(bytes), head_fields(), head, &where) != PACK_OK ||
	    memcmp(head->magic, base ? base_magic : last_magic, sizeof(base_magic)) != 0 ||
	    memcmp(head->ca_key, ref->ca_key, KEY_ID_SIZE) != 0 || head->shard != ref->shard ||
	    head->number != number || head->base > number)
		return damaged(ref, "a file's head is another one's");
	return 0;
}

static int files_open(int folder, const struct last_ref *ref, struct last *l)
{
	struct last_head base;
	int r = file_open(folder, ref, ref->number, false, &l->head, &l->changes.fd, &l->changes.rows);
	if (r == 0)
		r = file_open(folder, ref, l->head.base, true, &base, &l->base.fd, &l->base.rows);
	return r == 0 && l->head.base_rows != l->base.rows ? damaged(ref, "the base has another length") : r;
}

static void row_get(const uint8_t *at, struct last_row *row)
{
	memcpy(row->serial, at, ROW_SERIAL_SIZE);
	row->reason = at[20];
	row->revoked = (int64_t)get_u64(at + 21);
	row->not_after = (int64_t)get_u64(at + 29);
	row->since = get_u64(at + 37);
}

static void row_put(uint8_t *at, const struct last_row *row)
{
	memcpy(at, row->serial, ROW_SERIAL_SIZE);
	at[20] = row->reason;
	set_u64(at + 21, (uint64_t)row->revoked);
	set_u64(at + 29, (uint64_t)row->not_after);
	set_u64(at + 37, row->since);
}

/* The next row of one file; they ascend. */
static void file_next(struct last *l, struct last_file *f)
{
	struct last_row before = f->row;
	const uint8_t *at = stream_take(&f->in, LAST_ROW_SIZE);
	bool first = !f->has;
	f->has = at != NULL;
	if (!at)
		return;
	row_get(at, &f->row);
	if (!first && memcmp(before.serial, f->row.serial, ROW_SERIAL_SIZE) >= 0)
		l->broken = true;
	if (f->row.revoked < 0 || (f->row.reason > REASON_LAST && f->row.reason != REASON_LEFT))
		l->broken = true;
}

static void file_begin(struct last *l, struct last_file *f, bool hashed)
{
	off_t end = (off_t)(LAST_HEAD_SIZE + f->rows * LAST_ROW_SIZE);
	stream_in_open(&f->in, f->fd, end, hashed);
	l->broken = l->broken || !stream_take(&f->in, LAST_HEAD_SIZE);
	f->has = false;
	file_next(l, f);
}

int last_open(int folder, const struct last_ref *ref, bool hashed, struct last *l)
{
	l->base.fd = l->changes.fd = -1;
	l->base.in.hash = l->changes.in.hash = NULL;
	l->broken = false;
	memcpy(l->hash, ref->hash, HASH_SIZE);
	int r = files_open(folder, ref, l);
	if (r != 0)
		return r;
	file_begin(l, &l->base, hashed);
	file_begin(l, &l->changes, hashed);
	return 0;
}

void last_close(struct last *l)
{
	stream_in_close(&l->base.in);
	stream_in_close(&l->changes.in);
	fd_close(&l->base.fd);
	fd_close(&l->changes.fd);
}

bool last_next(struct last *l, struct last_row *row, bool *of_base)
{
	if (l->broken || (!l->base.has && !l->changes.has))
		return false;
	int order = !l->changes.has ? -1
		    : !l->base.has  ? 1
				    : memcmp(l->base.row.serial, l->changes.row.serial, ROW_SERIAL_SIZE);
	*of_base = order < 0;
	*row = order < 0 ? l->base.row : l->changes.row;
	if (order <= 0)
		file_next(l, &l->base);
	if (order >= 0)
		file_next(l, &l->changes);
	return true;
}

bool last_sound(struct last *l)
{
	uint8_t base[HASH_SIZE], changes[HASH_SIZE];
	struct last_ref ref = { .shard = l->head.shard, .number = l->head.number };
	memcpy(ref.ca_key, l->head.ca_key, KEY_ID_SIZE);
	bool sound = !l->broken && stream_in_hash(&l->base.in, base) && stream_in_hash(&l->changes.in, changes) &&
		     memcmp(base, l->head.base_hash, HASH_SIZE) == 0 && memcmp(changes, l->hash, HASH_SIZE) == 0;
	if (!sound)
		damaged(&ref, "it is not what the ledger says");
	return sound;
}

/* 0, 1 or -1 as last_find(). */
static int file_find(int fd, uint64_t rows, const uint8_t *serial, struct last_row *row)
{
	uint64_t low = 0, high = rows;
	while (low < high) {
		uint8_t bytes[LAST_ROW_SIZE];
		uint64_t middle = low + (high - low) / 2;
		if (pread(fd, bytes, sizeof(bytes), (off_t)(LAST_HEAD_SIZE + middle * LAST_ROW_SIZE)) != LAST_ROW_SIZE)
			return -1;
		row_get(bytes, row);
		int order = memcmp(serial, row->serial, ROW_SERIAL_SIZE);
		if (order == 0)
			return 0;
		low = order < 0 ? low : middle + 1;
		high = order < 0 ? middle : high;
	}
	return 1;
}

int last_find(int folder, const struct last_ref *ref, const uint8_t serial[ROW_SERIAL_SIZE], struct last_row *row)
{
	struct last_head head, base;
	scoped_fd int changes_fd = -1, base_fd = -1;
	uint64_t changes, rows;
	if (file_open(folder, ref, ref->number, false, &head, &changes_fd, &changes) != 0 ||
	    file_open(folder, ref, head.base, true, &base, &base_fd, &rows) != 0)
		return -1;
	int r = file_find(changes_fd, changes, serial, row);
	if (r == 1)
		r = file_find(base_fd, rows, serial, row);
	return r == 0 && row->reason == REASON_LEFT ? 1 : r;
}

static int file_create(struct last_writer *w, bool base)
{
	char name[MAX_NAME];
	uint8_t *room;
	scoped_buf head = { .max = LAST_HEAD_SIZE };
	file_name(&w->ref, w->ref.number, base ? "base" : "last", name);
	w->fd = openat(w->folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (w->fd < 0) {
		log_error("last_crl_not_written", "file=%s why=\"%s\"", name, log_errno());
		return -1;
	}
	memcpy(w->head.magic, base ? base_magic : last_magic, sizeof(base_magic));
	pack_put(&head, head_fields(), &w->head);
	stream_out_open(&w->out, w->fd, 0, NULL);
	room = stream_room(&w->out, head.len);
	memcpy(room, head.at, head.len);
	stream_used(&w->out, head.len);
	return buf_ok(&head) ? 0 : -1;
}

static int file_end(struct last_writer *w, uint8_t hash[HASH_SIZE])
{
	int r = stream_out_end(&w->out, hash, NULL, NULL);
	if (r != 0 || fdatasync(w->fd) != 0) {
		log_error("last_crl_not_written", "why=\"%s\"", log_errno());
		r = -1;
	}
	stream_out_close(&w->out);
	fd_close(&w->fd);
	return r;
}

int last_begin(struct last_writer *w, int folder, const struct last_ref *ref, const struct last_head *old)
{
	w->folder = folder;
	w->fd = -1;
	w->ref = *ref;
	w->rows = 0;
	w->compact = !old;
	w->out.hashes[0] = w->out.hashes[1] = NULL;
	w->head = (struct last_head){ .shard = ref->shard, .number = ref->number, .base = ref->number };
	memcpy(w->head.ca_key, ref->ca_key, KEY_ID_SIZE);
	if (old) {
		w->head.base = old->base;
		w->head.base_rows = old->base_rows;
		memcpy(w->head.base_hash, old->base_hash, HASH_SIZE);
	}
	return file_create(w, w->compact);
}

void last_put(struct last_writer *w, const struct last_row *row, bool of_base)
{
	if (w->compact ? row->reason == REASON_LEFT : of_base)
		return;
	row_put(stream_room(&w->out, LAST_ROW_SIZE), row);
	stream_used(&w->out, LAST_ROW_SIZE);
	w->rows++;
}

int last_end(struct last_writer *w)
{
	if (w->compact) {
		uint8_t hash[HASH_SIZE];
		if (file_end(w, hash) != 0)
			return -1;
		memcpy(w->head.base_hash, hash, HASH_SIZE);
		w->head.base_rows = w->rows;
		if (file_create(w, false) != 0)
			return -1;
	}
	int r = file_end(w, w->ref.hash);
	if (r == 0 && fsync(w->folder) != 0) {
		log_error("last_crl_not_written", "why=\"%s\"", log_errno());
		r = -1;
	}
	return r;
}

void last_abandon(struct last_writer *w)
{
	stream_out_close(&w->out);
	fd_close(&w->fd);
	last_remove(w->folder, &w->ref);
}

void last_remove(int folder, const struct last_ref *ref)
{
	char name[MAX_NAME];
	file_name(ref, ref->number, "last", name);
	unlinkat(folder, name, 0);
	file_name(ref, ref->number, "base", name);
	unlinkat(folder, name, 0);
}

/* The number of the base of this CRL; its own if it can't be told. */
static uint64_t base_of(int folder, const struct last_ref *ref)
{
	struct last_head head;
	uint64_t rows;
	scoped_fd int fd = -1;
	return file_open(folder, ref, ref->number, false, &head, &fd, &rows) == 0 ? head.base : ref->number;
}

void last_clean(int folder, const struct last_ref *kept, size_t count)
{
	char prefix[MAX_NAME], keep[4][MAX_NAME];
	for (size_t i = 0; i < 4; i++) {
		const struct last_ref *ref = &kept[i / 2 < count ? i / 2 : count - 1];
		file_name(ref, i % 2 ? base_of(folder, ref) : ref->number, i % 2 ? "base" : "last", keep[i]);
	}
	scope_text(&kept[0], prefix);
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *all = fd < 0 ? NULL : fdopendir(fd);
	if (!all) {
		fd_close(&fd);
		return;
	}
	for (const struct dirent *e; (e = readdir(all));) {
		bool kin = strncmp(e->d_name, prefix, strlen(prefix)) == 0;
		for (size_t i = 0; kin && i < 4; i++)
			kin = strcmp(e->d_name, keep[i]) != 0;
		if (kin)
			unlinkat(folder, e->d_name, 0);
	}
	closedir(all);
}
