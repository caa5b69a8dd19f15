#include "cli/books.h"

#include <inttypes.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/pem.h"

#define PROGRESS_MS 100 /* between two looks of the line */
#define BAR 30		/* columns of the bar */
#define EM_DASH "\xe2\x80\x94 "

int books_unreadable(const struct cli *c, const char *folder)
{
	struct problem p = { .code = "ledger_unreadable", .field = "DIR" };
	int code = errno == ENOENT ? CLI_NOT_FOUND : errno == EACCES || errno == EPERM ? CLI_FORBIDDEN : CLI_BROKEN;
	if (code == CLI_NOT_FOUND)
		p.hint = "name the ledger's folder, or a copy of it; CHANCERY_LEDGER can name it too.";
	if (code == CLI_FORBIDDEN)
		p.hint = "the ledger's folder is read by members of its group, chancery-audit: see chancery-signd(8).";
	return problem_tell(c, code, p, "can't read the ledger in %s: %s.", folder, strerror(errno));
}

int books_folder(const struct cli *c, const char *given, char *out)
{
	const char *environment = getenv("CHANCERY_LEDGER");
	struct stat st;
	if (!given)
		given = environment && *environment ? environment : DEFAULT_LEDGER;
	log_open("chancery", LOG_LEVEL_SILENT); /* what is wrong with the files is told in sentences */
	if (snprintf(out, PATH_MAX, "%s/ledger", given) < PATH_MAX && stat(out, &st) == 0 && S_ISDIR(st.st_mode))
		return CLI_DONE;
	if (snprintf(out, PATH_MAX, "%s", given) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return books_unreadable(c, given);
	}
	if (stat(out, &st) != 0)
		return books_unreadable(c, out);
	errno = ENOTDIR;
	if (!S_ISDIR(st.st_mode) || access(out, R_OK | X_OK) != 0)
		return books_unreadable(c, out);
	return CLI_DONE;
}

void heads_free(struct heads *h)
{
	for (size_t i = 0; i < h->count; i++)
		buf_free(&h->all[i].note);
	free(h->all);
	free(h->marks);
}

int heads_add(const struct cli *c, struct heads *h, const char *name, struct slice note)
{
	if ((h->count & (h->count - 1)) == 0) {
		size_t room = h->count ? 2 * h->count : 1;
		struct head *grown = h->count < MAX_HEADS ? realloc(h->all, room * sizeof(*grown)) : NULL;
		if (!grown)
			return problem_tell(c, CLI_USAGE, (struct problem){ .code = "too_many_heads" },
					    "more than %d kept heads are too many.", MAX_HEADS);
		h->all = grown;
	}
	struct head *one = &h->all[h->count++];
	*one = (struct head){ .parsed = checkpoint_parse(note, &one->c) == 0 };
	snprintf(one->name, sizeof(one->name), "%s", name);
	buf_init(&one->note, note.len + 1);
	buf_put_slice(&one->note, note);
	one->parsed = checkpoint_parse(note, &one->c) == 0;
	return buf_ok(&one->note)
		       ? CLI_DONE
		       : problem_tell(c, CLI_BROKEN, (struct problem){ .code = "internal" }, "out of memory.");
}

static bool starts(struct slice s, const char *text)
{
	size_t n = strlen(text);
	return s.len >= n && memcmp(s.at, text, n) == 0;
}

static struct slice line_take(struct slice *rest)
{
	const uint8_t *end = memchr(rest->at, '\n', rest->len);
	struct slice line = { rest->at, end ? (size_t)(end - rest->at) + 1 : rest->len };
	rest->at += line.len;
	rest->len -= line.len;
	return line;
}

/* The next note: its text, the empty line, its signatures. Empty lines between notes are nobody's. */
static struct slice note_take(struct slice *rest)
{
	while (starts(*rest, "\n"))
		line_take(rest);
	struct slice note = { rest->at, 0 };
	bool signatures = false;
	while (rest->len && (!signatures || starts(*rest, EM_DASH))) {
		struct slice line = line_take(rest);
		note.len += line.len;
		signatures = signatures || starts(line, "\n");
	}
	return note;
}

int heads_read(const struct cli *c, const char *path, struct heads *h)
{
	scoped_buf file;
	buf_init(&file, MAX_HEADS_FILE);
	if (file_drain(path, &file) != 0)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "head_unreadable" }, "can't read %s: %s.",
				    path, strerror(errno));
	struct slice rest = buf_slice(&file), note;
	int r = CLI_DONE;
	size_t number = 0, before = h->count;
	while (r == CLI_DONE && (note = note_take(&rest)).len) {
		char name[sizeof(h->all->name)];
		bool alone = number++ == 0 && !rest.len;
		snprintf(name, sizeof(name), alone ? "%.200s" : "%.200s (%zu)", path, number);
		r = heads_add(c, h, name, note);
	}
	if (r == CLI_DONE && h->count == before)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "head_unreadable" },
				    "%s holds no signed head.", path);
	return r;
}

static int mark_compare(const void *a, const void *b)
{
	const struct inspection_mark *x = a, *y = b;
	return (x->size > y->size) - (x->size < y->size);
}

const struct inspection_mark *heads_find_mark(const struct heads *h, uint64_t size)
{
	struct inspection_mark key = { .size = size };
	return bsearch(&key, h->marks, h->mark_count, sizeof(key), mark_compare);
}

int heads_mark(const struct cli *c, struct heads *h, const uint64_t *sizes, size_t count)
{
	h->marks = calloc(h->count + count + 1, sizeof(*h->marks));
	if (!h->marks)
		return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "internal" }, "out of memory.");
	for (size_t i = 0; i < h->count; i++)
		if (h->all[i].parsed)
			h->marks[h->mark_count++].size = h->all[i].c.size;
	for (size_t i = 0; i < count; i++)
		h->marks[h->mark_count++].size = sizes[i];
	qsort(h->marks, h->mark_count, sizeof(*h->marks), mark_compare);
	size_t kept = 0;
	for (size_t i = 0; i < h->mark_count; i++)
		if (!kept || h->marks[kept - 1].size != h->marks[i].size)
			h->marks[kept++] = h->marks[i];
	h->mark_count = kept;
	for (size_t i = 0; i < h->count; i++)
		h->all[i].mark = h->all[i].parsed ? (size_t)(heads_find_mark(h, h->all[i].c.size) - h->marks) : 0;
	return CLI_DONE;
}

int log_key_read(const struct cli *c, const char *path, struct buf *out)
{
	struct problem p = { .code = "key_unreadable", .field = "key" };
	scoped_buf file;
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	long len = 0;
	buf_init(&file, MAX_PEM_FILE);
	if (file_drain(path, &file) != 0)
		return problem_tell(c, CLI_USAGE, p, "can't read the log key from %s: %s.", path, strerror(errno));
	BIO *bio = BIO_new_mem_buf(file.at, (int)file.len);
	if (file.len && file.at[0] == 0x30)
		buf_put_slice(out, buf_slice(&file));
	else if (bio && PEM_read_bio(bio, &name, &header, &der, &len) == 1 && strcmp(name, PEM_STRING_PUBLIC) == 0)
		buf_put(out, der, (size_t)len);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_clear_free(der, (size_t)len); /* it may be somebody's private key */
	BIO_free(bio);
	ERR_clear_error();
	if (out->len && buf_ok(out))
		return CLI_DONE;
	return problem_tell(c, CLI_USAGE, p, "%s is not a public key, as `chancery audit key` prints it.", path);
}

void log_key_print(struct slice key, char *text)
{
	uint8_t hash[HASH_SIZE];
	hash_of(key, hash);
	hex_encode(hash, sizeof(hash), text);
}

void progress_begin(const struct cli *c, struct progress *p)
{
	*p = (struct progress){ .shown = !c->json && isatty(STDERR_FILENO), .started = time_boot_ms() };
}

/* Whether it is time to draw another one, and that: the bar and the share. */
static bool progress_draw(struct progress *p, uint64_t done, uint64_t of)
{
	int64_t now = p->shown ? time_boot_ms() : 0;
	if (!p->shown || !of || (now - p->last < PROGRESS_MS && done < of))
		return false;
	p->last = now;
	uint64_t part = done < of ? done : of;
	int filled = (int)(part * BAR / of);
	char bar[BAR + 1];
	for (int i = 0; i < BAR; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[BAR] = '\0';
	fprintf(stderr, "\r[%s] %3d %%  ", bar, (int)(part * 100 / of));
	return true;
}

void progress_show(struct progress *p, uint64_t bytes, uint64_t of)
{
	if (!progress_draw(p, bytes, of))
		return;
	double seconds = (double)(p->last - p->started) / 1000;
	fprintf(stderr, "%.1f of %.1f MiB, %.0f MiB/s ", (double)bytes / 1048576, (double)of / 1048576,
		seconds > 0 ? (double)bytes / 1048576 / seconds : 0);
	fflush(stderr);
}

void progress_count(struct progress *p, uint64_t done, uint64_t of)
{
	if (!progress_draw(p, done, of))
		return;
	fprintf(stderr, "%" PRIu64 " of %" PRIu64 " ", done, of);
	fflush(stderr);
}

/* What follows stands on a line of its own. */
void progress_end(struct progress *p)
{
	if (p->shown && p->last)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
