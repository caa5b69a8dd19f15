#include "cli/pem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/member.h"

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_BEGIN_CSR "-----BEGIN CERTIFICATE REQUEST-----"
#define MAX_SHOWN 65536 /* bytes of a name or of extensions in words */

static void bio_free(BIO **b)
{
	BIO_free(*b);
}

static void x509_free(X509 **x)
{
	X509_free(*x);
}

#define scoped_bio __attribute__((cleanup(bio_free))) BIO
#define scoped_x509 __attribute__((cleanup(x509_free))) X509

static bool is_regular(const char *path)
{
	struct stat st;
	return stat(path, &st) != 0 || S_ISREG(st.st_mode);
}

int pem_target_check(const struct cli *c, const char *option, const char *path)
{
	char folder[PATH_MAX];
	if (!path || strcmp(path, "-") == 0 || !is_regular(path))
		return CLI_DONE;
	snprintf(folder, sizeof(folder), "%s", path);
	char *slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	if (access(slash ? folder : ".", W_OK | X_OK) == 0)
		return CLI_DONE;
	return problem_tell(c, CLI_USAGE, (struct problem){ .code = "output_failed", .field = option },
			    "can't write %s: %s; nothing was asked of the server.", path, strerror(errno));
}

static bool text_is_plain(const char *text)
{
	for (const char *at = text; *at; at++)
		if ((*at < ' ' && *at != '\n' && *at != '\r') || *at > '~')
			return false;
	return true;
}

/* Text of PEM alone, and at least one certificate that decodes. */
static bool pem_is_certificates(const char *text)
{
	if (!text_is_plain(text))
		return false;
	if (strncmp(text, PEM_BEGIN, strlen(PEM_BEGIN)) != 0 || strstr(text, "PRIVATE KEY"))
		return false;
	scoped_bio *bio = BIO_new_mem_buf(text, -1);
	scoped_x509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	return x != NULL;
}

/* A pipe or a device is written to; a file is replaced, so that nobody reads half of one. */
static int target_write(const char *path, const char *text)
{
	if (is_regular(path))
		return fd_replace_file(path, slice_text(text), 0644);
	scoped_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -1 : fd_write_all(fd, text, strlen(text));
}

/* One request, and nothing else. */
static bool pem_is_csr(const char *text)
{
	scoped_bio *bio = BIO_new_mem_buf(text, -1);
	X509_REQ *r = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
	bool good = r && strncmp(text, PEM_BEGIN_CSR, strlen(PEM_BEGIN_CSR)) == 0 && !strstr(text + 1, "-----BEGIN") &&
		    text_is_plain(text);
	X509_REQ_free(r);
	ERR_clear_error();
	return good;
}

static int text_write(const struct cli *c, const char *path, const char *text)
{
	if (!path || strcmp(path, "-") == 0) {
		struct buf out = { .at = (uint8_t *)text, .len = strlen(text) };
		return output_print(c, &out);
	}
	if (target_write(path, text) == 0)
		return CLI_DONE;
	return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "output_failed" }, "can't write %s: %s.", path,
			    strerror(errno));
}

int pem_write(const struct cli *c, const char *path, const char *what, const char *text)
{
	if (pem_is_certificates(text))
		return text_write(c, path, text);
	return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "bad_answer", .field = what },
			    "the front-end's answer has no PEM certificate in %s; nothing was written.", what);
}

int pem_write_csr(const struct cli *c, const char *path, const char *text)
{
	if (pem_is_csr(text))
		return text_write(c, path, text);
	return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "bad_answer" },
			    "the front-end's answer is no PEM request; nothing was written.");
}

int pem_write_letter(const struct cli *c, const char *path, const char *text)
{
	return text_write(c, path, text);
}

static int fd_drain(int fd, struct buf *out)
{
	for (;;) {
		uint8_t *at = buf_room(out, 4096);
		if (!at) {
			errno = EFBIG;
			return -1;
		}
		ssize_t n = read(fd, at, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		out->len += (size_t)n;
	}
}

int file_drain(const char *path, struct buf *out)
{
	if (strcmp(path, "-") == 0)
		return fd_drain(STDIN_FILENO, out);
	scoped_fd int file = open(path, O_RDONLY | O_CLOEXEC);
	return file < 0 ? -1 : fd_drain(file, out);
}

/* What a PEM file is for, in the words of its refusals. */
struct pem_use {
	const char *option, *unreadable, *what, *block, *from_der;
};

static int pem_read(const struct cli *c, const char *path, const struct pem_use *use, struct buf *out)
{
	bool from_stdin = strcmp(path, "-") == 0;
	struct problem p = { .code = use->unreadable, .field = use->option };
	char hint[128];
	p.hint = hint;
	if (file_drain(path, out) != 0) {
		p.hint = NULL;
		return problem_tell(c, CLI_USAGE, p, "can't read the %s from %s: %s.", use->what,
				    from_stdin ? "standard input" : path, strerror(errno));
	}
	if (memmem(out->at, out->len, "PRIVATE KEY-----", 16)) {
		p.code = "private_key";
		snprintf(hint, sizeof(hint), "take the key block out: a %s is one %s block.", use->what, use->block);
		return problem_tell(c, CLI_USAGE, p, "%s holds a private key; it was not sent.", path);
	}
	if (memmem(out->at, out->len, "-----BEGIN ", 11) && !memchr(out->at, 0, out->len))
		return CLI_DONE;
	snprintf(hint, sizeof(hint), "`openssl %s -inform DER -in FILE` turns DER into PEM.", use->from_der);
	return problem_tell(c, CLI_USAGE, p, "%s is not a PEM %s.", path, use->what);
}

int pem_read_csr(const struct cli *c, const char *path, struct buf *out)
{
	static const struct pem_use csr = { "csr", "csr_unreadable", "request", "CERTIFICATE REQUEST", "req" };
	return pem_read(c, path, &csr, out);
}

int pem_read_certificate(const struct cli *c, const char *option, const char *path, struct buf *out)
{
	const struct pem_use certificate = { option, "cert_unreadable", "certificate", "CERTIFICATE", "x509" };
	return pem_read(c, path, &certificate, out);
}

/* What libcrypto printed, one line of it a row; the label stands beside the first. */
static void bio_rows(struct table *t, const char *label, BIO *bio)
{
	char *at;
	long len = BIO_get_mem_data(bio, &at);
	scoped_buf text;
	buf_init(&text, MAX_SHOWN);
	buf_put(&text, at, len > 0 ? (size_t)len : 0);
	table_detail(t, label, STYLE_PLAIN, buf_text(&text));
}

static void name_row(struct table *t, const char *label, const X509_NAME *name)
{
	scoped_bio *bio = BIO_new(BIO_s_mem());
	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0)
		bio_rows(t, label, bio);
}

/* nid's value in libcrypto's words; nothing if the certificate has none. */
static void extension_row(struct table *t, const char *label, const X509 *x, int nid)
{
	int at = X509_get_ext_by_NID(x, nid, -1);
	scoped_bio *bio = BIO_new(BIO_s_mem());
	if (at < 0 || !bio || !X509V3_EXT_print(bio, X509_get_ext(x, at), X509V3_EXT_ERROR_UNKNOWN, 0))
		return;
	bio_rows(t, label, bio);
}

static void key_row(struct table *t, const X509 *x)
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	char group[64], text[128];
	size_t len;
	if (!key)
		return;
	if (EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1)
		snprintf(text, sizeof(text), "%s %s", EVP_PKEY_get0_type_name(key), group);
	else
		snprintf(text, sizeof(text), "%s %d bits", EVP_PKEY_get0_type_name(key), EVP_PKEY_get_bits(key));
	table_detail(t, "its key", STYLE_PLAIN, text);
}

void pem_describe(struct table *t, const char *text)
{
	scoped_bio *bio = BIO_new_mem_buf(text, -1);
	scoped_x509 *x = bio && pem_is_certificates(text) ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	if (!x) {
		ERR_clear_error();
		return;
	}
	name_row(t, "its subject", X509_get_subject_name(x));
	name_row(t, "its issuer", X509_get_issuer_name(x));
	extension_row(t, "its names", x, NID_subject_alt_name);
	key_row(t, x);
	table_detail(t, "signed with", STYLE_PLAIN, OBJ_nid2ln(X509_get_signature_nid(x)));
	extension_row(t, "basic constraints", x, NID_basic_constraints);
	extension_row(t, "key usage", x, NID_key_usage);
	extension_row(t, "extended key usage", x, NID_ext_key_usage);
}
