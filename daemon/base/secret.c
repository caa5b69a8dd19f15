#include "base/secret.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

struct secret {
	size_t len;
	uint8_t bytes[MAX_SECRET + 1];
};

static struct secret *secret_new(void)
{
	struct secret *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		return NULL;
	if (mlock(s, sizeof(*s)) != 0)
		log_warning("secret_not_locked", "why=\"%s\"", log_errno());
	madvise(s, sizeof(*s), MADV_DONTDUMP);
	madvise(s, sizeof(*s), MADV_WIPEONFORK);
	return s;
}

static bool secret_file_ok(int fd, const char *path)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		log_error("secret_unreadable", "file=%s why=\"not a regular file\"", path);
		return false;
	}
	if (st.st_mode & 027) {
		log_error("secret_exposed",
			  "file=%s mode=%04o expected=\"no access for others, not to be written by its group: 0400\"",
			  path, (unsigned)(st.st_mode & 07777));
		return false;
	}
	/* Who can change a PIN can use up the tries of a token. */
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		log_error("secret_exposed", "file=%s owner=%u expected=\"root, or this daemon's user\"", path,
			  (unsigned)st.st_uid);
		return false;
	}
	return true;
}

int secret_read(const char *path, struct secret **out)
{
	scoped_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		log_error("secret_unreadable", "file=%s why=\"%s\"", path, log_errno());
		return -1;
	}
	if (!secret_file_ok(fd, path))
		return -1;
	struct secret *s = secret_new();
	if (!s)
		return -1;
	ssize_t n = read(fd, s->bytes, sizeof(s->bytes));
	if (n > 0 && s->bytes[n - 1] == '\n')
		n--;
	if (n <= 0 || n > MAX_SECRET) {
		log_error("secret_unreadable", "file=%s expected=\"1 to %d bytes\"", path, MAX_SECRET);
		secret_free(s);
		return -1;
	}
	s->len = (size_t)n;
	*out = s;
	return 0;
}

struct slice secret_slice(const struct secret *s)
{
	return (struct slice){ s->bytes, s->len };
}

void secret_free(struct secret *s)
{
	if (!s)
		return;
	explicit_bzero(s, sizeof(*s));
	munmap(s, sizeof(*s));
}
