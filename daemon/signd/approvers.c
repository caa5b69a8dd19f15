#include "signd/approvers.h"

#include <ctype.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "signd/public_key.h"

#define MAX_KEY_FILE 16384 /* a PEM block and what people write around it */
#define HOUR 3600

static const char *const lists[ROLES] = { [ROLE_APPROVER] = "approvers", [ROLE_REQUESTER] = "requesters" };
static const char *const acts[PROPOSAL_EPOCH + 1] = { "",	"new_ca", "subca_foreign", "new_root", "import_root",
						      "resume", "epoch" };

/* Root's, or that of whoever runs the signer, and nobody else may write it. */
static int file_read(const char *path, struct buf *out)
{
	struct stat st;
	scoped_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & (S_IWGRP | S_IWOTH)) ||
	    (st.st_uid != 0 && st.st_uid != geteuid()) || st.st_size <= 0 || st.st_size > MAX_KEY_FILE)
		return -1;
	uint8_t *at = buf_room(out, (size_t)st.st_size);
	if (!at || fd_read_all(fd, at, (size_t)st.st_size) != 0)
		return -1;
	out->len += (size_t)st.st_size;
	return 0;
}

/* The key as its SubjectPublicKeyInfo is written in one way only. */
static bool key_read(const char *path, struct approver *a)
{
	scoped_buf pem = { .max = MAX_KEY_FILE };
	if (file_read(path, &pem) != 0)
		return false;
	BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	unsigned char *der = NULL;
	int n = key ? i2d_PUBKEY(key, &der) : -1;
	buf_init(&a->public_key, 800);
	if (n > 0)
		buf_put(&a->public_key, der, (size_t)n);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	BIO_free(bio);
	ERR_clear_error();
	return n > 0 && buf_ok(&a->public_key) && public_key_read(buf_slice(&a->public_key), NULL) != 0;
}

static bool name_ok(const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr(" ._@+-", name[i]))
			return false;
	return n > 0 && n <= MAX_APPROVER_NAME;
}

/* A member of a list. */
struct member {
	char path[64];
};

static struct member member_of(uint8_t role, size_t i, const char *what)
{
	struct member m;
	snprintf(m.path, sizeof(m.path), "approvals.%s.[%zu]%s", lists[role], i, what);
	return m;
}

static bool known_already(const struct approvers *a, uint8_t role, const struct approver *one)
{
	for (size_t i = 0; i < a->count[role]; i++)
		if (strcmp(a->all[role][i].name, one->name) == 0 ||
		    memcmp(a->all[role][i].hash, one->hash, HASH_SIZE) == 0)
			return true;
	return false;
}

static void read_one(struct conf *conf, struct approvers *a, uint8_t role, size_t i)
{
	struct approver *one = &a->all[role][a->count[role]];
	struct member hash = member_of(role, i, ".sha256");
	uint8_t pinned[HASH_SIZE];
	one->name = conf_text(conf, member_of(role, i, ".name").path, NULL);
	const char *file = conf_text(conf, member_of(role, i, ".key").path, NULL);
	if (!name_ok(one->name))
		conf_reject(conf, member_of(role, i, ".name").path,
			    "1 to 64 letters, digits, spaces or any of . _ @ + -");
	bool read = key_read(file, one);
	if (!read)
		conf_reject(
			conf, member_of(role, i, ".key").path,
			"a PEM file with a public key (ECDSA on P-256, P-384 or P-521, RSA of 2048, 3072 or 4096 bits, "
			"Ed25519) that root or the signer's user owns and nobody else may write");
	hash_of(buf_slice(&one->public_key), one->hash);
	if (conf_has(conf, hash.path)) {
		conf_hex(conf, hash.path, pinned, sizeof(pinned));
		if (read && memcmp(pinned, one->hash, HASH_SIZE) != 0)
			conf_reject(conf, hash.path, "the SHA-256 of the key's SubjectPublicKeyInfo, in hex");
	}
	if (read && known_already(a, role, one))
		conf_reject(conf, member_of(role, i, "").path, "a name and a key that stand in this list once");
	a->count[role]++; /* so that it is freed */
}

static void read_list(struct conf *conf, struct approvers *a, uint8_t role)
{
	char path[64];
	snprintf(path, sizeof(path), "approvals.%s", lists[role]);
	size_t n = conf_count(conf, path);
	if (n > MAX_APPROVALS)
		conf_reject(conf, path, "at most 16 groups { name; key; sha256; }");
	for (size_t i = 0; i < n && i < MAX_APPROVALS; i++)
		read_one(conf, a, role, i);
}

static void read_needed(struct conf *conf, struct approvers *a)
{
	for (int kind = PROPOSAL_CA; kind <= PROPOSAL_EPOCH; kind++) {
		char path[64];
		int fallback = kind == PROPOSAL_ROOT ? a->needed[PROPOSAL_CA] : 0;
		snprintf(path, sizeof(path), "approvals.%s", acts[kind]);
		a->needed[kind] = (uint8_t)conf_int(conf, path, 0, MAX_APPROVALS, fallback);
		if (a->needed[kind] > a->count[ROLE_APPROVER])
			conf_reject(conf, path, "at most as many approvals as there are approvers");
	}
}

void approvers_read(struct conf *conf, struct approvers *out)
{
	*out = (struct approvers){ 0 };
	const char *roots = conf_text(conf, "import_roots", "anchors");
	out->import = strcmp(roots, "approved") == 0;
	if (!out->import && strcmp(roots, "anchors") != 0)
		conf_reject(conf, "import_roots", "\"anchors\" or \"approved\"");
	conf_count(conf, "approvals");
	read_list(conf, out, ROLE_APPROVER);
	read_list(conf, out, ROLE_REQUESTER);
	read_needed(conf, out);
	out->lifetime = conf_int(conf, "approvals.lifetime_hours", 1, 720, 72) * HOUR;
	if (out->import && out->needed[PROPOSAL_IMPORT] == 0)
		conf_reject(conf, "import_roots", "\"anchors\", or approvals.import_root of 1 or more");
	if (!out->import && out->needed[PROPOSAL_IMPORT])
		conf_reject(conf, "approvals.import_root", "0, or import_roots = \"approved\"");
}

void approvers_free(struct approvers *a)
{
	for (size_t role = 0; role < ROLES; role++)
		for (size_t i = 0; i < a->count[role]; i++)
			buf_free(&a->all[role][i].public_key);
}

const struct approver *approvers_find(const struct approvers *a, uint8_t role, const uint8_t hash[HASH_SIZE])
{
	for (size_t i = 0; role < ROLES && i < a->count[role]; i++)
		if (memcmp(a->all[role][i].hash, hash, HASH_SIZE) == 0)
			return &a->all[role][i];
	return NULL;
}

static void text_list(const struct approvers *a, uint8_t role, struct buf *out)
{
	buf_printf(out, "\t%s = (", lists[role]);
	for (size_t i = 0; i < a->count[role]; i++) {
		char hex[2 * HASH_SIZE + 1];
		hex_encode(a->all[role][i].hash, HASH_SIZE, hex);
		buf_printf(out, "%s\n\t\t{ name = \"%s\"; sha256 = \"%s\"; }", i ? "," : "", a->all[role][i].name, hex);
	}
	buf_put_text(out, " );\n");
}

void approvers_text(const struct approvers *a, struct buf *out)
{
	if (a->import)
		buf_put_text(out, "import_roots = \"approved\";\n");
	if (a->count[ROLE_APPROVER] == 0 && a->count[ROLE_REQUESTER] == 0)
		return;
	buf_printf(out, "approvals = {\n\tlifetime_hours = %lld;\n", (long long)(a->lifetime / HOUR));
	for (int kind = PROPOSAL_CA; kind <= PROPOSAL_EPOCH; kind++)
		buf_printf(out, "\t%s = %u;\n", acts[kind], (unsigned)a->needed[kind]);
	text_list(a, ROLE_APPROVER, out);
	text_list(a, ROLE_REQUESTER, out);
	buf_put_text(out, "};\n");
}
