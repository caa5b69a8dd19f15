#include "signd/resume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "signd/signer.h"

#define REQUEST "resume"
#define MAX_REASON 400 /* records.def */
#define LOOK_MS 1000
#define PATIENCE_MS 15000 /* of the command, for the daemon's next look and one flush */

static int folder_open(const struct config *c)
{
	return open(c->state_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Root's, or that of the folder's owner; nobody else could have put it there, and this says so again. */
static bool request_trusted(const struct stat *file, const struct stat *folder)
{
	return S_ISREG(file->st_mode) && file->st_nlink == 1 && !(file->st_mode & (S_IWGRP | S_IWOTH)) &&
	       (file->st_uid == 0 || file->st_uid == folder->st_uid);
}

/* 0; positive: there is none, or none to be believed. */
static int request_read(int folder, struct buf *reason, uid_t *uid)
{
	struct stat file, of;
	scoped_fd int fd = openat(folder, REQUEST, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 1;
	uint8_t *at = buf_room(reason, MAX_REASON);
	ssize_t n = fd >= 0 && at ? read(fd, at, MAX_REASON) : -1;
	if (n <= 0 || fstat(fd, &file) != 0 || fstat(folder, &of) != 0 || !request_trusted(&file, &of) ||
	    file.st_size != n) {
		log_error("resume_refused", "expected=\"a file that chancery-signd --resume made, as root\"");
		return 1;
	}
	reason->len = (size_t)n;
	*uid = file.st_uid;
	return text_valid(buf_slice(reason)) ? 0 : 1;
}

static void request_remove(const struct signer *s)
{
	scoped_fd int folder = folder_open(&s->config);
	if (folder < 0 || unlinkat(folder, REQUEST, 0) != 0 || fsync(folder) != 0)
		log_error("resume_not_removed", "why=\"%s\"", log_errno());
}

/* The latches open only when their opening is on the ledger; until then the request stands. */
static void resume_written(struct signer *s, struct op *op)
{
	s->resuming = false;
	if (op->trouble == OP_FINE) {
		latch_open_all(s);
		if (op->record_count > 1)
			s->written_on = s->host;
		request_remove(s);
		log_warning("resumed", "record=%llu", (unsigned long long)op->records[0].seq);
	} else {
		log_error("resume_not_recorded", "why=\"the ledger failed in this process's life: restart it\"");
	}
	signer_op_done(s, op);
}

static void resume_begin(struct signer *s, uid_t uid, struct slice reason)
{
	struct op *op = signer_op(s, 0, 0, 0);
	if (!op)
		return;
	struct resumed_record r = { .uid = uid, .reason = reason };
	record_resumed_put(op_record(op, RECORD_RESUMED), &r);
	if (s->latches.closed[LATCH_HOST])
		host_put(&s->host, op_record(op, RECORD_HOST));
	s->resuming = true;
	clock_vouch(&s->clock);
	signer_journal(s, op, resume_written);
}

void resume_tick(struct signer *s, int64_t now)
{
	struct journal_head head;
	scoped_buf reason = { .max = MAX_REASON };
	uid_t uid;
	if (s->resuming || now < s->resume_look)
		return;
	s->resume_look = now + LOOK_MS;
	scoped_fd int folder = folder_open(&s->config);
	journal_head(s->journal, &head);
	if (folder < 0 || head.failed || request_read(folder, &reason, &uid) != 0)
		return;
	if (latch_any(s)) {
		resume_begin(s, uid, buf_slice(&reason));
		return;
	}
	log_info("nothing_latched", "uid=%u", (unsigned)uid);
	request_remove(s);
}

/* Whoever may not enter the folder could not write there anyway; said in words before it fails. */
static int caller_check(int folder, const struct config *c)
{
	struct stat st;
	if (folder >= 0 && fstat(folder, &st) == 0 && (geteuid() == 0 || geteuid() == st.st_uid))
		return 0;
	log_error("resume_refused", "state_dir=%s expected=\"root, or the folder's owner\"", c->state_dir);
	return -1;
}

/* Beside the name and renamed, so that the daemon never reads half of it. */
static int request_write(int folder, struct slice reason)
{
	static const char next[] = REQUEST ".new";
	if (unlinkat(folder, next, 0) != 0 && errno != ENOENT)
		return -1;
	scoped_fd int fd = openat(folder, next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	/* Its reader is the folder's owner, who need not be who writes it. */
	if (fd < 0 || fchmod(fd, 0644) != 0 || fd_write_all(fd, reason.at, reason.len) != 0 || fsync(fd) != 0 ||
	    renameat(folder, next, folder, REQUEST) != 0)
		return -1;
	return fsync(folder);
}

static bool daemon_runs(int folder)
{
	if (flock(folder, LOCK_SH | LOCK_NB) != 0)
		return true;
	flock(folder, LOCK_UN);
	return false;
}

static int request_await(int folder)
{
	struct stat st;
	for (int64_t end = time_boot_ms() + PATIENCE_MS; time_boot_ms() < end;) {
		if (fstatat(folder, REQUEST, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
			return 0;
		usleep(50000);
	}
	return -1;
}

int resume_ask(const struct config *c, const char *reason)
{
	struct slice text = slice_text(reason);
	scoped_fd int folder = folder_open(c);
	if (text.len == 0 || text.len > MAX_REASON || !text_valid(text)) {
		log_error("resume_refused", "expected=\"a reason, as text of 1 to %d bytes\"", MAX_REASON);
		return 2;
	}
	if (caller_check(folder, c) != 0)
		return EXIT_FAILURE;
	if (request_write(folder, text) != 0) {
		log_error("resume_failed", "state_dir=%s why=\"%s\"", c->state_dir, log_errno());
		return EXIT_FAILURE;
	}
	if (!daemon_runs(folder)) {
		puts("No signer runs here now; the next one to start goes on signing, and records why.");
		return EXIT_SUCCESS;
	}
	if (request_await(folder) == 0) {
		puts("The signer has taken it up: see its log, or chancery status.");
		return EXIT_SUCCESS;
	}
	puts("The signer has not taken it up yet. If its ledger could not be written, put that right and restart it:\n"
	     "it takes the request up at its start.");
	return EXIT_FAILURE;
}
