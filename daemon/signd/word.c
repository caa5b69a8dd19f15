#include "signd/word.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"

#define PROPOSAL "word.proposal"
#define ANSWER "word.answer"
#define APPROVAL "approval "
#define MAX_WORD (MAX_REASON + MAX_APPROVALS * (2 * MAX_SIGNATURE_BYTES + sizeof(APPROVAL) + 1))
#define MAX_ANSWER 1024
#define PATIENCE_MS 30000 /* of the command, for the daemon's next look and one flush */

static const char *word_name(uint8_t kind)
{
	return kind == PROPOSAL_EPOCH ? "epoch" : "resume";
}

int word_folder(const struct config *c)
{
	return open(c->state_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void asked_free(struct asked *a)
{
	buf_free(&a->reason);
	for (size_t i = 0; i < a->count; i++)
		buf_free(&a->signatures[i]);
}

/* Root's, or that of the folder's owner; nobody else could have put it there, and this says so again. */
static bool file_trusted(const struct stat *file, const struct stat *folder)
{
	return S_ISREG(file->st_mode) && file->st_nlink == 1 && !(file->st_mode & (S_IWGRP | S_IWOTH)) &&
	       (file->st_uid == 0 || file->st_uid == folder->st_uid);
}

/* A whole file of this folder that may be believed. 0; positive: there is none; -1: one that isn't. */
static int file_read(int folder, const char *name, size_t most, struct buf *out, uid_t *uid)
{
	struct stat file, of;
	scoped_fd int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 1;
	buf_init(out, most);
	uint8_t *at = buf_room(out, most);
	ssize_t n = fd >= 0 && at ? read(fd, at, most) : -1;
	if (n <= 0 || fstat(fd, &file) != 0 || fstat(folder, &of) != 0 || !file_trusted(&file, &of) ||
	    file.st_size != n)
		return -1;
	out->len = (size_t)n;
	if (uid)
		*uid = file.st_uid;
	return 0;
}

static bool signature_take(struct asked *a, struct slice line)
{
	if (a->count == MAX_APPROVALS || !slice_take_prefix(&line, slice_text(APPROVAL)))
		return false;
	size_t n = line.len / 2;
	struct buf *out = &a->signatures[a->count++];
	buf_init(out, MAX_SIGNATURE_BYTES);
	uint8_t *at = buf_room(out, n);
	if (!at || !hex_decode((const char *)line.at, line.len, at, n))
		return false;
	out->len = n;
	return true;
}

static bool word_parse(struct slice text, struct asked *out)
{
	for (bool first = true; text.len; first = false) {
		const uint8_t *end = memchr(text.at, '\n', text.len);
		struct slice line = { text.at, end ? (size_t)(end - text.at) : text.len };
		size_t taken = line.len + (end != NULL);
		if (first) {
			buf_init(&out->reason, MAX_REASON);
			buf_put_slice(&out->reason, line);
		} else if (!signature_take(out, line)) {
			return false;
		}
		text = (struct slice){ text.at + taken, text.len - taken };
	}
	return out->reason.len && buf_ok(&out->reason) && text_valid(buf_slice(&out->reason));
}

int word_read(int folder, struct asked *out)
{
	const uint8_t last = PROPOSAL_EPOCH;
	for (uint8_t kind = PROPOSAL_RESUME; kind <= last; kind++) {
		scoped_buf text = { 0 };
		*out = (struct asked){ .kind = kind };
		int r = file_read(folder, word_name(kind), MAX_WORD, &text, &out->uid);
		if (r == 0 && word_parse(buf_slice(&text), out))
			return 0;
		asked_free(out);
		if (r <= 0)
			log_error("resume_refused", "expected=\"a file that chancery-signd --%s made, as root\"",
				  word_name(kind));
	}
	return 1;
}

static int file_write(int folder, const char *name, struct slice content)
{
	char next[64];
	snprintf(next, sizeof(next), "%s.new", name);
	if (unlinkat(folder, next, 0) != 0 && errno != ENOENT)
		return -1;
	scoped_fd int fd = openat(folder, next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	/* Its reader is the folder's owner, who need not be who writes it. */
	if (fd < 0 || fchmod(fd, 0644) != 0 || fd_write_all(fd, content.at, content.len) != 0 || fsync(fd) != 0 ||
	    renameat(folder, next, folder, name) != 0)
		return -1;
	return fsync(folder);
}

int word_write(int folder, uint8_t kind, struct slice content)
{
	return file_write(folder, word_name(kind), content);
}

void word_answer(const struct config *c, uint8_t kind, int how, const char *sentence)
{
	char text[MAX_ANSWER];
	scoped_fd int folder = word_folder(c);
	int n = snprintf(text, sizeof(text), "%d%s\n", how, sentence);
	if (folder < 0 || file_write(folder, ANSWER, (struct slice){ (const uint8_t *)text, (size_t)n }) != 0)
		log_warning("word_not_answered", "why=\"%s\"", log_errno());
	if (folder < 0 || unlinkat(folder, word_name(kind), 0) != 0 || fsync(folder) != 0)
		log_error("resume_not_removed", "why=\"%s\"", log_errno());
}

void word_answer_clear(int folder)
{
	unlinkat(folder, ANSWER, 0);
}

int word_await(int folder, uint8_t kind, struct buf *answer)
{
	struct stat st;
	for (int64_t end = time_boot_ms() + PATIENCE_MS; time_boot_ms() < end;) {
		if (fstatat(folder, word_name(kind), &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
			return file_read(folder, ANSWER, MAX_ANSWER, answer, NULL) == 0 ? 0 : -1;
		usleep(50000);
	}
	return -1;
}

int word_proposal_read(int folder, struct buf *out)
{
	return file_read(folder, PROPOSAL, MAX_PROPOSAL, out, NULL) == 0 ? 0 : 1;
}

int word_proposal_write(const struct config *c, struct slice bytes)
{
	scoped_fd int folder = word_folder(c);
	return folder < 0 ? -1 : file_write(folder, PROPOSAL, bytes);
}

void word_proposal_remove(const struct config *c)
{
	scoped_fd int folder = word_folder(c);
	if (folder >= 0)
		unlinkat(folder, PROPOSAL, 0);
}
