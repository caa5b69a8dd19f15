/* Files on their way into a backup, hashed as they are read. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/fd.h"
#include "base/text.h"
#include "cli/backup.h"
#include "ledger/hash.h"

#define BLOCK (256 * 1024)
#define MAX_NAMES (1 << 22)	    /* files of one folder: four for each segment that a ledger can have */
#define MAX_CONFIGURATION (1 << 20) /* bytes of one of its files */
#define MAX_DEPTH 4		    /* folders of it within folders */
#define MAX_CATCH_UPS 100	    /* looks for segments that were begun meanwhile; one holds 64 MiB */

static int copy_tell(const struct backup *b, const char *path)
{
	int code = errno == EACCES || errno == EPERM ? CLI_FORBIDDEN : CLI_BROKEN;
	struct problem p = { .code = "backup_copy" };
	if (code == CLI_FORBIDDEN)
		p.hint = "the signer's files are read by members of the group chancery-audit: see chancery-signd(8).";
	return problem_tell(b->c, code, p, "can't copy %s: %s.", path, strerror(errno));
}

static int block_write(int fd, const uint8_t *block, size_t n)
{
	static const uint8_t zeros[BLOCK];
	if (memcmp(block, zeros, n) == 0)
		return lseek(fd, (off_t)n, SEEK_CUR) < 0 ? -1 : 0; /* space that a segment reserves */
	return fd_write_all(fd, block, n);
}

/* Reads all of a file into a hash and, unless to is -1, another file. 0 or -1 (errno). */
static int file_read(int from, int to, char sha256[65], uint64_t *size)
{
	uint8_t *block = malloc(BLOCK), hash[HASH_SIZE];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	ssize_t n = block && md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 ? 1 : -1;
	*size = 0;
	while (n > 0 && (n = read(from, block, BLOCK)) > 0) {
		*size += (uint64_t)n;
		if (EVP_DigestUpdate(md, block, (size_t)n) != 1 || (to >= 0 && block_write(to, block, (size_t)n) != 0))
			n = -1;
	}
	if (n == 0 && EVP_DigestFinal_ex(md, hash, NULL) != 1)
		n = -1;
	int saved = errno;
	EVP_MD_CTX_free(md);
	free(block);
	errno = saved;
	if (n != 0)
		return -1;
	hex_encode(hash, sizeof(hash), sha256);
	return to < 0 ? 0 : ftruncate(to, (off_t)*size) != 0 || fsync(to) != 0 ? -1 : 0;
}

int file_hash(int fd, char sha256[65], uint64_t *size)
{
	return file_read(fd, -1, sha256, size);
}

/* A file that is copied again replaces what was noted of it. */
static int file_note(struct backup *b, const char *name, const char *sha256, uint64_t size)
{
	json_t *row = json_pack("{s:s, s:I, s:s}", "path", name, "size", (json_int_t)size, "sha256", sha256);
	if (!row)
		return problem_tell(b->c, CLI_BROKEN, (struct problem){ .code = "backup_name" },
				    "the name of %s is not UTF-8 text.", name);
	for (size_t i = json_array_size(b->files); i-- > 0;)
		if (strcmp(json_string_value(json_object_get(json_array_get(b->files, i), "path")), name) == 0)
			return json_array_set_new(b->files, i, row) == 0 ? CLI_DONE : CLI_BROKEN;
	json_array_append_new(b->files, row);
	return CLI_DONE;
}

int backup_note(struct backup *b, const char *name)
{
	char sha256[65];
	uint64_t size;
	scoped_fd int fd = openat(b->folder, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || file_hash(fd, sha256, &size) != 0)
		return copy_tell(b, name);
	return file_note(b, name, sha256, size);
}

int backup_subfolder(struct backup *b, const char *name)
{
	return mkdirat(b->folder, name, 0700) == 0 || errno == EEXIST ? CLI_DONE : copy_tell(b, name);
}

/* Folder and name, and where it goes. */
struct copying {
	struct backup *b;
	int folder;
	const char *from; /* path of the folder, to be told */
	const char *to;	  /* within the backup */
};

/* A file that is gone meanwhile is no error, if may_go. */
static int file_copy(const struct copying *k, const char *name, bool may_go)
{
	char to[PATH_MAX], sha256[65];
	uint64_t size;
	scoped_fd int from = openat(k->folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0 && errno == ENOENT && may_go)
		return CLI_DONE;
	errno = from < 0 ? errno : ENAMETOOLONG;
	if (from < 0 || snprintf(to, sizeof(to), "%s/%s", k->to, name) >= (int)sizeof(to))
		return copy_tell(k->b, name);
	scoped_fd int file = openat(k->b->folder, to, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0 || file_read(from, file, sha256, &size) != 0)
		return copy_tell(k->b, to);
	return file_note(k->b, to, sha256, size);
}

static bool ends(const char *name, const char *ending)
{
	size_t n = strlen(name), e = strlen(ending);
	return n > e && strcmp(name + n - e, ending) == 0;
}

/* A folder's names, sorted. */
struct names {
	struct dirent **all;
	int count;
};
static void names_free(struct names *n)
{
	for (int i = 0; i < n->count; i++)
		free(n->all[i]);
	free(n->all);
}
#define scoped_names __attribute__((cleanup(names_free))) struct names

static int plain_name(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int names_read(const struct copying *k, struct names *n)
{
	n->count = scandirat(k->folder, ".", &n->all, plain_name, alphasort);
	if (n->count >= 0 && n->count <= MAX_NAMES)
		return CLI_DONE;
	if (n->count < 0)
		n->all = NULL, n->count = 0;
	return copy_tell(k->b, k->from);
}

/* All files of one ending, or of one name. */
static int kind_copy(const struct copying *k, const char *ending, bool may_go)
{
	scoped_names names = { NULL, 0 };
	int r = names_read(k, &names);
	for (int i = 0; r == CLI_DONE && i < names.count; i++)
		if (ends(names.all[i]->d_name, ending) || strcmp(names.all[i]->d_name, ending) == 0)
			r = file_copy(k, names.all[i]->d_name, may_go);
	return r;
}

/*
 * Ascending, so that what is copied later holds later records. One that was the last when it was copied has
 * grown if there is a next one by now: it is copied again. *last: the name of the last.
 */
static int segments_copy(const struct copying *k, char last[NAME_MAX + 1], bool *more)
{
	scoped_names names = { NULL, 0 };
	char newest[NAME_MAX + 1] = "";
	int r = names_read(k, &names);
	*more = false;
	for (int i = 0; r == CLI_DONE && i < names.count; i++)
		if (ends(names.all[i]->d_name, ".seg"))
			snprintf(newest, sizeof(newest), "%s", names.all[i]->d_name);
	if (r || strcmp(newest, last) == 0)
		return r;
	*more = true;
	for (int i = 0; r == CLI_DONE && i < names.count; i++)
		if (ends(names.all[i]->d_name, ".seg") && strcmp(names.all[i]->d_name, last) >= 0)
			r = file_copy(k, names.all[i]->d_name, false);
	snprintf(last, NAME_MAX + 1, "%s", newest);
	return r;
}

/* What speaks of records goes first: the records that it speaks of are then in the copy. */
static int records_copy(const struct copying *k)
{
	static const char *const before[] = { "checkpoint", "head", ".snap", ".arc", ".idx" };
	char last[NAME_MAX + 1] = "";
	bool more = true;
	int r = backup_subfolder(k->b, k->to);
	for (size_t i = 0; r == CLI_DONE && i < sizeof(before) / sizeof(before[0]); i++)
		r = kind_copy(k, before[i], true);
	for (int i = 0; r == CLI_DONE && more && i < MAX_CATCH_UPS; i++)
		r = segments_copy(k, last, &more);
	return r;
}

static int folder_begin(struct copying *k, const char *from)
{
	k->from = from;
	k->folder = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return k->folder >= 0 ? CLI_DONE : copy_tell(k->b, from);
}

/* Files that are written once, and go when a newer one is there. */
static int lists_copy(const struct copying *k)
{
	int r = kind_copy(k, ".base", true);
	return r ? r : kind_copy(k, ".last", true);
}

/*
 * Twice, around the records: the file that the last of them names was there before that record, and goes
 * only after a later one.
 */
int backup_ledger(struct backup *b, const char *folder)
{
	char beside[PATH_MAX];
	struct copying ledger = { .b = b, .folder = -1, .to = "ledger" }, crl = { .b = b, .folder = -1, .to = "crl" };
	errno = ENAMETOOLONG;
	if (snprintf(beside, sizeof(beside), "%s/../crl", folder) >= (int)sizeof(beside))
		return copy_tell(b, folder);
	bool lists = access(beside, F_OK) == 0 || errno != ENOENT;
	int r = folder_begin(&ledger, folder);
	if (r == CLI_DONE && lists)
		r = folder_begin(&crl, beside);
	if (r == CLI_DONE && lists)
		r = backup_subfolder(b, crl.to);
	if (r == CLI_DONE && lists)
		r = lists_copy(&crl);
	if (r == CLI_DONE)
		r = records_copy(&ledger);
	if (r == CLI_DONE && lists)
		r = lists_copy(&crl);
	fd_close(&ledger.folder);
	fd_close(&crl.folder);
	return r;
}

static bool holds_key(struct slice bytes)
{
	static const char pem[] = "PRIVATE KEY-----";
	const uint8_t *der = bytes.at;
	if (bytes.len && memmem(bytes.at, bytes.len, pem, sizeof(pem) - 1))
		return true;
	EVP_PKEY *key = bytes.len ? d2i_AutoPrivateKey(NULL, &der, (long)bytes.len) : NULL;
	EVP_PKEY_free(key);
	ERR_clear_error();
	return key != NULL;
}

/* Why a file of the configuration stays out; NULL: it doesn't. */
static const char *secret_why(const struct copying *k, const char *name)
{
	static const char *const kinds[] = { ".conf", ".pem", ".crt", ".cer", ".der" };
	scoped_buf text;
	buf_init(&text, MAX_CONFIGURATION);
	size_t i = 0;
	while (i < sizeof(kinds) / sizeof(kinds[0]) && !ends(name, kinds[i]))
		i++;
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		return "neither .conf nor a certificate: it may be a PIN";
	scoped_fd int fd = openat(k->folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (fd < 0)
		return errno == ELOOP ? "a symbolic link" : strerror(errno);
	if (fstat(fd, &st) != 0 || st.st_size > MAX_CONFIGURATION)
		return "larger than a configuration file is";
	uint8_t *at = malloc((size_t)st.st_size + 1);
	bool read_all = at && fd_read_all(fd, at, (size_t)st.st_size) == 0;
	bool key = read_all && holds_key((struct slice){ at, (size_t)st.st_size });
	free(at);
	return !read_all ? "it could not be read" : key ? "it holds a private key" : NULL;
}

static int folder_copy(struct backup *b, const char *from, const char *to, int depth);

static int entry_copy(const struct copying *k, const char *name, int depth)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct stat st;
	if (fstatat(k->folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return CLI_DONE;
	errno = ENAMETOOLONG;
	if (snprintf(from, sizeof(from), "%s/%s", k->from, name) >= (int)sizeof(from) ||
	    snprintf(to, sizeof(to), "%s/%s", k->to, name) >= (int)sizeof(to))
		return copy_tell(k->b, name);
	if (S_ISDIR(st.st_mode) && depth < MAX_DEPTH)
		return folder_copy(k->b, from, to, depth + 1);
	const char *why = S_ISREG(st.st_mode) ? secret_why(k, name) : "not a file";
	if (!why)
		return file_copy(k, name, true);
	json_array_append_new(k->b->left_out, json_pack("{s:s, s:s}", "path", from, "why", why));
	return CLI_DONE;
}

static int folder_copy(struct backup *b, const char *from, const char *to, int depth)
{
	struct copying k = { .b = b, .folder = -1, .to = to };
	scoped_names names = { NULL, 0 };
	int r = folder_begin(&k, from);
	if (r == CLI_DONE)
		r = backup_subfolder(b, to);
	if (r == CLI_DONE)
		r = names_read(&k, &names);
	for (int i = 0; r == CLI_DONE && i < names.count; i++)
		r = entry_copy(&k, names.all[i]->d_name, depth);
	fd_close(&k.folder);
	return r;
}

int backup_configuration(struct backup *b, const char *folder)
{
	return folder_copy(b, folder, "conf", 0);
}
