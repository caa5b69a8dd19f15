#include "signd/anchors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

static bool is_anchor_name(const char *name)
{
	static const char *const endings[] = { ".pem", ".crt", ".der" };
	size_t n = strlen(name);
	for (size_t i = 0; i < 3; i++)
		if (n > 4 && name[0] != '.' && strcmp(name + n - 4, endings[i]) == 0)
			return true;
	return false;
}

/* NULL, or why what the descriptor shows can't be trusted. */
static const char *distrust(int fd, mode_t type, struct stat *st)
{
	if (fd < 0 || fstat(fd, st) != 0)
		return log_errno();
	if ((st->st_mode & S_IFMT) != type)
		return "not of the expected kind";
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "not owned by root or by the signer's user";
	return st->st_mode & (S_IWGRP | S_IWOTH) ? "writable by group or others" : NULL;
}

/* DER, or PEM with one or more certificates. How many there were. */
static size_t anchor_parse(struct slice bytes, STACK_OF(X509) * anchors)
{
	size_t n = 0;
	X509 *x;
	BIO *bio = BIO_new_mem_buf(bytes.at, (int)bytes.len);
	bool der = bytes.len && bytes.at[0] == 0x30;
	while (bio && (x = der ? d2i_X509_bio(bio, NULL) : PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		if (sk_X509_push(anchors, x))
			n++;
		else
			X509_free(x);
	}
	BIO_free(bio);
	ERR_clear_error();
	return n;
}

static size_t anchor_load(int folder, const char *name, STACK_OF(X509) * anchors)
{
	scoped_buf bytes = { .max = MAX_ANCHOR_FILE };
	struct stat st = { 0 };
	size_t n = 0;
	scoped_fd int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	const char *why = distrust(fd, S_IFREG, &st);
	if (!why && (st.st_size <= 0 || st.st_size > MAX_ANCHOR_FILE))
		why = "empty, or longer than 65536 bytes";
	uint8_t *at = why ? NULL : buf_room(&bytes, (size_t)st.st_size);
	if (!why && (!at || fd_read_all(fd, at, (size_t)st.st_size) != 0))
		why = "not readable";
	if (!why && (n = anchor_parse((struct slice){ at, (size_t)st.st_size }, anchors)) == 0)
		why = "no certificate in it";
	if (why)
		log_error("anchor_left_out", "file=%s why=\"%s\"", name, why);
	return n;
}

int anchors_load(const char *folder, STACK_OF(X509) * anchors)
{
	struct stat st;
	size_t n = 0;
	scoped_fd int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *why = distrust(fd, S_IFDIR, &st);
	DIR *dir = why ? NULL : fdopendir(fcntl(fd, F_DUPFD_CLOEXEC, 0));
	if (!dir) {
		log_error("anchors_not_read", "folder=%s why=\"%s\"", folder, why ? why : log_errno());
		return -1;
	}
	for (struct dirent *e; n < MAX_ANCHORS && (e = readdir(dir));)
		if (is_anchor_name(e->d_name))
			n += anchor_load(fd, e->d_name, anchors);
	closedir(dir);
	return 0;
}
