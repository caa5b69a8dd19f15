#include "cli/approval.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "cli/pem.h"
#include "ledger/proposal.h"

#define MAX_KEY_FILE 65536
#define MAX_MADE 8192 /* bytes: a file is read by pages; RSA with 4096 bits has 512, and the signer takes 600 */
#define OTHERS 077    /* mode bits that let others at a file */

void approval_free(struct approval *a)
{
	EVP_PKEY_free(a->key);
	a->key = NULL;
	buf_free(&a->signature);
}

static int key_problem(const struct cli *c, const char *option, const char *path, const char *what)
{
	ERR_clear_error();
	return problem_tell(c, CLI_USAGE, (struct problem){ .code = "key_unreadable", .field = option }, "%s %s.", path,
			    what);
}

static int key_name(const struct cli *c, const char *option, const char *path, struct approval *a)
{
	unsigned char *der = NULL, hash[SHA256_DIGEST_LENGTH];
	int n = i2d_PUBKEY(a->key, &der);
	if (n <= 0)
		return key_problem(c, option, path, "holds a key that can't be written as a public key");
	SHA256(der, (size_t)n, hash);
	OPENSSL_free(der);
	hex_encode(hash, sizeof(hash), a->id);
	return CLI_DONE;
}

static int file_read(const struct cli *c, const char *option, const char *path, struct buf *out)
{
	return file_drain(path, out) == 0 ? CLI_DONE : key_problem(c, option, path, strerror(errno));
}

int approval_read_key(const struct cli *c, const char *path, struct approval *a)
{
	struct stat st;
	*a = (struct approval){ .signature = { .max = MAX_MADE } };
	if (stat(path, &st) != 0)
		return key_problem(c, "key", path, strerror(errno));
	if (S_ISREG(st.st_mode) && st.st_mode & OTHERS)
		return key_problem(c, "key", path,
				   "can be read by others, who could approve with it: make it your own (chmod 600)");
	FILE *in = fopen(path, "re");
	if (!in)
		return key_problem(c, "key", path, strerror(errno));
	/* Without a callback libcrypto asks for a passphrase at the terminal, unseen. */
	a->key = PEM_read_PrivateKey(in, NULL, NULL, NULL);
	fclose(in);
	if (!a->key)
		return key_problem(c, "key", path,
				   "holds no private key in PEM that can be read, or the passphrase was wrong");
	return key_name(c, "key", path, a);
}

int approval_read_public(const struct cli *c, const char *path, struct approval *a)
{
	scoped_buf text = { .max = MAX_KEY_FILE };
	*a = (struct approval){ .signature = { .max = MAX_MADE } };
	int r = file_read(c, "public-key", path, &text);
	if (r)
		return r;
	BIO *in = BIO_new_mem_buf(text.at, (int)text.len);
	a->key = in ? PEM_read_bio_PUBKEY(in, NULL, NULL, NULL) : NULL;
	BIO_free(in);
	in = a->key ? NULL : BIO_new_mem_buf(text.at, (int)text.len);
	X509 *x = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
	if (x)
		a->key = X509_get_pubkey(x);
	X509_free(x);
	BIO_free(in);
	if (!a->key)
		return key_problem(c, "public-key", path, "holds no public key or certificate in PEM");
	return key_name(c, "public-key", path, a);
}

static const EVP_MD *digest_of(EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
}

int approval_sign(const struct cli *c, struct slice bytes, struct approval *a)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t *at = buf_room(&a->signature, MAX_MADE);
	size_t n = MAX_MADE;
	bool good = context && at && EVP_DigestSignInit(context, NULL, digest_of(a->key), NULL, a->key) == 1 &&
		    EVP_DigestSign(context, at, &n, bytes.at, bytes.len) == 1;
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	if (!good)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "key_unusable", .field = "key" },
				    "this key can't sign: ECDSA, RSA or Ed25519 is needed.");
	a->signature.len += n;
	return CLI_DONE;
}

static bool signature_holds(EVP_PKEY *key, struct slice signature, struct slice bytes)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	bool good = n > 0 && proposal_signed((struct slice){ der, (size_t)n }, bytes, signature);
	OPENSSL_free(der);
	return good;
}

int approval_take(const struct cli *c, const char *path, struct slice bytes, struct approval *a)
{
	int r = file_read(c, "signature", path, &a->signature);
	if (r)
		return r;
	if (signature_holds(a->key, buf_slice(&a->signature), bytes))
		return CLI_DONE;
	return problem_tell(
		c, CLI_USAGE,
		(struct problem){ .code = "signature_wrong",
				  .field = "signature",
				  .hint = "sign the file that --bytes FILE writes (`chancery proposal show ID`, "
					  "`chancery ca approve`), with SHA-256, SHA-384 or SHA-512, and name "
					  "that key with --public-key" },
		"%s is no signature over what is to be approved by that key; nothing was sent.", path);
}
