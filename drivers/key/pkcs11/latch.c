#include "key/pkcs11/latch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/time.h"

#define MAX_MARKER 128 /* one line */

struct path {
	char text[4096];
};

static int state_path(const struct settings *s, const char *what, struct path *out)
{
	int n = snprintf(out->text, sizeof(out->text), "%s/%s.%s", s->state_dir, s->name, what);
	if (n < (int)sizeof(out->text))
		return 0;
	log_error("state_dir_too_long", "state_dir=%s", s->state_dir);
	return -1;
}

static int failed(const struct path *p)
{
	log_error("login_marker_failed", "file=%s why=\"%s\"", p->text, log_errno());
	return -1;
}

static bool state_stands(const struct settings *s, const char *what)
{
	struct path p;
	struct stat st;
	return state_path(s, what, &p) == 0 && lstat(p.text, &st) == 0;
}

static int state_remove(const struct settings *s, const char *what)
{
	struct path p;
	if (state_path(s, what, &p) != 0)
		return -1;
	return unlink(p.text) == 0 || errno == ENOENT ? 0 : failed(&p);
}

static int state_write(const struct settings *s, const char *what, const char *text)
{
	struct path p;
	if (state_path(s, what, &p) != 0)
		return -1;
	return fd_replace_file(p.text, slice_text(text), 0600) == 0 ? 0 : failed(&p);
}

static bool pending_read(const char *text, unsigned *out)
{
	static const char word[] = "pending ";
	const char *digits = text + sizeof(word) - 1;
	if (strncmp(text, word, sizeof(word) - 1) != 0 || *digits < '0' || *digits > '9')
		return false;
	unsigned long n = strtoul(digits, NULL, 10);
	*out = (unsigned)n;
	return n <= UINT_MAX;
}

/* A marker that says anything but "pending" and a number counts as a refusal. */
int latch_closed(const struct settings *s, unsigned *pending)
{
	struct path p;
	char text[MAX_MARKER + 1];
	scoped_buf marker = { .max = MAX_MARKER };
	*pending = 0;
	if (state_path(s, "login-pending", &p) != 0)
		return -1;
	if (fd_read_file(p.text, MAX_MARKER, &marker) != 0)
		return errno == ENOENT ? 0 : failed(&p);
	if (!slice_to_text(buf_slice(&marker), text, sizeof(text)) || !pending_read(text, pending))
		return 1;
	return *pending >= s->login_tries;
}

bool latch_resumed(const struct settings *s)
{
	return state_stands(s, "login-resumed");
}

int latch_pend(const struct settings *s, unsigned pending)
{
	char when[TIME_TEXT_SIZE], text[MAX_MARKER];
	time_text(time_now(), when);
	snprintf(text, sizeof(text), "pending %u, at %s\n", pending, when);
	return state_write(s, "login-pending", text) == 0 ? state_remove(s, "login-resumed") : -1;
}

int latch_close(const struct settings *s, const char *why)
{
	char when[TIME_TEXT_SIZE], text[MAX_MARKER];
	time_text(time_now(), when);
	snprintf(text, sizeof(text), "refused: %s, at %s\n", why, when);
	return state_write(s, "login-pending", text);
}

int latch_open(const struct settings *s)
{
	return state_remove(s, "login-pending");
}

int latch_resume(const struct settings *s)
{
	struct stat st;
	if (stat(s->state_dir, &st) != 0 || (geteuid() != 0 && geteuid() != st.st_uid)) {
		log_error("resume_refused", "state_dir=%s expected=\"root, or the folder's owner\"", s->state_dir);
		return -1;
	}
	bool closed = state_stands(s, "login-pending");
	if (state_write(s, "login-resumed", "one try\n") != 0 || state_write(s, "resume-untold", "\n") != 0 ||
	    latch_open(s) != 0)
		return -1;
	log_info(closed ? "pin_resumed" : "pin_not_latched", "name=%s", s->name);
	return 0;
}

bool latch_untold(const struct settings *s)
{
	return state_stands(s, "resume-untold");
}

void latch_told(const struct settings *s)
{
	state_remove(s, "resume-untold"); /* logged if not; it is told once more then */
}

int latch_lock(const struct settings *s)
{
	struct path p;
	if (state_path(s, "lock", &p) != 0)
		return -1;
	scoped_fd int fd = open(p.text, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		log_error("lock_failed", "file=%s why=\"%s\"", p.text, log_errno());
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		log_error("token_taken", "file=%s why=\"another process serves this token\"", p.text);
		return 1;
	}
	fd_take(&fd); /* held until the process ends */
	return 0;
}
