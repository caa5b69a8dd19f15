#include "key/pkcs11/latch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/time.h"

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

int latch_closed(const struct settings *s)
{
	struct path p;
	struct stat st;
	if (state_path(s, "login-pending", &p) != 0)
		return -1;
	if (lstat(p.text, &st) == 0)
		return 1;
	return errno == ENOENT ? 0 : failed(&p);
}

bool latch_resumed(const struct settings *s)
{
	struct path p;
	return state_path(s, "login-resumed", &p) == 0 && access(p.text, F_OK) == 0;
}

static int remove_state(const struct settings *s, const char *what)
{
	struct path p;
	if (state_path(s, what, &p) != 0)
		return -1;
	return unlink(p.text) == 0 || errno == ENOENT ? 0 : failed(&p);
}

int latch_close(const struct settings *s)
{
	struct path p;
	char when[TIME_TEXT_SIZE], text[96];
	time_text(time_now(), when);
	snprintf(text, sizeof(text), "%s a PIN was about to be tried\n", when);
	if (state_path(s, "login-pending", &p) != 0)
		return -1;
	if (fd_replace_file(p.text, slice_text(text), 0600) != 0)
		return failed(&p);
	return remove_state(s, "login-resumed");
}

int latch_open(const struct settings *s)
{
	return remove_state(s, "login-pending");
}

int latch_resume(const struct settings *s)
{
	struct stat st;
	if (stat(s->state_dir, &st) != 0 || (geteuid() != 0 && geteuid() != st.st_uid)) {
		log_error("resume_refused", "state_dir=%s expected=\"root, or the folder's owner\"", s->state_dir);
		return -1;
	}
	struct path p;
	int closed = latch_closed(s);
	if (closed < 0 || state_path(s, "login-resumed", &p) != 0)
		return -1;
	if (fd_replace_file(p.text, slice_text("one try\n"), 0600) != 0)
		return failed(&p);
	if (latch_open(s) != 0)
		return -1;
	log_info(closed ? "pin_resumed" : "pin_not_latched", "name=%s", s->name);
	return 0;
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
