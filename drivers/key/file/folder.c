#include "key/file/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"

#define MAX_PEM 16384	 /* an RSA-4096 key takes 3,300 bytes; certificates beside it are not wanted */
#define MAX_FILE_NAME 72 /* a name, a dot before it, .pem or .new behind it, and a NUL */

static void bio_free(BIO **bio)
{
	BIO_free(*bio);
}
#define scoped(free) __attribute__((cleanup(free)))

bool folder_name_valid(struct slice name)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
	if (name.len == 0 || name.len > MAX_KEY_NAME || name.at[0] == '.')
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!memchr(set, name.at[i], sizeof(set) - 1))
			return false;
	return true;
}

struct slice folder_id(const char *name, uint8_t *room)
{
	if (strlen(name) == 32 && strspn(name, "0123456789abcdef") == 32 && hex_decode(name, 32, room, 16))
		return (struct slice){ room, 16 };
	return slice_text(name);
}

static int refused_file(const char *file, const char *why)
{
	log_error("key_refused", "file=%s why=\"%s\"", file, why);
	return DRIVER_REFUSE_KEY_ATTRIBUTES;
}

/* 0 with *fd, KEY_UNKNOWN, or a refusal, logged. */
static int file_open(const struct folder *f, const char *file, int *fd)
{
	struct stat st;
	*fd = openat(f->fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*fd < 0 && errno == ENOENT)
		return DRIVER_REFUSE_KEY_UNKNOWN;
	if (*fd < 0)
		return refused_file(file, errno == ELOOP ? "it is a symbolic link" : log_errno());
	if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode))
		return refused_file(file, "it is not a regular file");
	if (st.st_uid != geteuid() || st.st_mode & 077)
		return refused_file(file, "it must belong to the driver's user and be closed to others, mode 0600");
	if (st.st_size == 0 || st.st_size > MAX_PEM)
		return refused_file(file, "it must hold one PEM private key in at most 16384 bytes");
	return 0;
}

struct asked {
	const struct secret *passphrase;
	bool needed;
};

static int passphrase_give(char *out, int size, int writing, void *of)
{
	struct asked *asked = of;
	(void)writing;
	asked->needed = true;
	struct slice s = asked->passphrase ? secret_slice(asked->passphrase) : (struct slice){ 0 };
	if (s.len == 0 || s.len > (size_t)size)
		return -1;
	memcpy(out, s.at, s.len);
	return (int)s.len;
}

static int pem_parse(const struct folder *f, const char *file, const char *pem, int n, EVP_PKEY **out)
{
	struct asked asked = { .passphrase = f->passphrase };
	BIO *bio scoped(bio_free) = BIO_new_mem_buf(pem, n);
	*out = bio ? PEM_read_bio_PrivateKey(bio, NULL, passphrase_give, &asked) : NULL;
	ERR_clear_error();
	if (*out)
		return 0;
	if (asked.needed && !f->passphrase)
		return refused_file(file, "it is encrypted; name a file with its passphrase in passphrase_file");
	return refused_file(file, asked.needed ? "the passphrase does not open it" : "it is not a PEM private key");
}

static int file_load(const struct folder *f, const char *name, EVP_PKEY **out)
{
	char file[MAX_FILE_NAME];
	int scoped_fd fd = -1;
	snprintf(file, sizeof(file), "%s.pem", name);
	int refused = file_open(f, file, &fd);
	if (refused)
		return refused;
	char *pem = OPENSSL_secure_malloc(MAX_PEM);
	if (!pem)
		return DRIVER_REFUSE_BUSY;
	ssize_t n = read(fd, pem, MAX_PEM);
	refused = n > 0 ? pem_parse(f, file, pem, (int)n, out) : refused_file(file, "it could not be read");
	OPENSSL_secure_clear_free(pem, MAX_PEM);
	return refused;
}

static bool file_mark(const struct folder *f, const char *name, struct folder_mark *out)
{
	char file[MAX_FILE_NAME];
	struct stat st;
	snprintf(file, sizeof(file), "%s.pem", name);
	if (fstatat(f->fd, file, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	*out = (struct folder_mark){ st.st_ino, st.st_ctim };
	return true;
}

bool folder_mark(const struct folder *f, struct slice id, struct folder_mark *out)
{
	char name[MAX_KEY_NAME + 1];
	if (2 * id.len <= MAX_KEY_NAME) {
		hex_encode(id.at, id.len, name);
		if (file_mark(f, name, out))
			return true;
	}
	if (!folder_name_valid(id))
		return false;
	slice_to_text(id, name, sizeof(name));
	return file_mark(f, name, out);
}

bool folder_mark_same(const struct folder_mark *a, const struct folder_mark *b)
{
	return a->inode == b->inode && a->changed.tv_sec == b->changed.tv_sec &&
	       a->changed.tv_nsec == b->changed.tv_nsec;
}

int folder_load(const struct folder *f, struct slice id, EVP_PKEY **out)
{
	char name[MAX_KEY_NAME + 1];
	int refused = DRIVER_REFUSE_KEY_UNKNOWN;
	*out = NULL;
	if (2 * id.len <= MAX_KEY_NAME) {
		hex_encode(id.at, id.len, name);
		refused = file_load(f, name, out);
	}
	if (refused != DRIVER_REFUSE_KEY_UNKNOWN || !folder_name_valid(id))
		return refused;
	slice_to_text(id, name, sizeof(name));
	return file_load(f, name, out);
}

static int store_failed(const char *file, const char *what)
{
	log_error("key_not_stored", "file=%s what=%s why=\"%s\"", file, what, log_errno());
	return DRIVER_REFUSE_TOKEN_FAILED;
}

/* The finished file gets its name by a link, which never replaces one that is there. */
static int bytes_store(const struct folder *f, const char *hex, const char *pem, size_t n)
{
	char part[MAX_FILE_NAME], file[MAX_FILE_NAME];
	snprintf(part, sizeof(part), ".%s.new", hex);
	snprintf(file, sizeof(file), "%s.pem", hex);
	if (unlinkat(f->fd, part, 0) != 0 && errno != ENOENT)
		return store_failed(part, "unlink");
	int scoped_fd fd = openat(f->fd, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return store_failed(part, "open");
	int refused = 0;
	if (fd_write_all(fd, pem, n) != 0 || fsync(fd) != 0)
		refused = store_failed(part, "write");
	else if (linkat(f->fd, part, f->fd, file, 0) != 0)
		refused = errno == EEXIST ? DRIVER_REFUSE_KEY_EXISTS : store_failed(file, "link");
	unlinkat(f->fd, part, 0);
	if (!refused && fsync(f->fd) != 0)
		refused = store_failed(file, "fsync");
	return refused;
}

/* A file that folder_load() would find under the id itself: a new one in hex would stand before it. */
static bool folder_name_taken(const struct folder *f, struct slice id)
{
	char name[MAX_KEY_NAME + 1], file[MAX_FILE_NAME];
	if (!folder_name_valid(id))
		return false;
	slice_to_text(id, name, sizeof(name));
	snprintf(file, sizeof(file), "%s.pem", name);
	return faccessat(f->fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int folder_store(const struct folder *f, struct slice id, EVP_PKEY *key)
{
	char hex[MAX_KEY_NAME + 1], *pem;
	if (2 * id.len > MAX_KEY_NAME)
		return DRIVER_REFUSE_MALFORMED;
	if (folder_name_taken(f, id))
		return DRIVER_REFUSE_KEY_EXISTS;
	hex_encode(id.at, id.len, hex);
	struct asked asked = { .passphrase = f->passphrase };
	BIO *bio scoped(bio_free) = BIO_new(BIO_s_secmem());
	if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key, f->passphrase ? EVP_aes_256_cbc() : NULL, NULL, 0,
						  f->passphrase ? passphrase_give : NULL, &asked) != 1) {
		ERR_clear_error();
		return DRIVER_REFUSE_TOKEN_FAILED;
	}
	long n = BIO_get_mem_data(bio, &pem);
	return bytes_store(f, hex, pem, (size_t)n);
}
