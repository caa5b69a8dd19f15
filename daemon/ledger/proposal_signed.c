/* The signatures of people, as their own tools write them. */
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "ledger/proposal.h"

#define MAX_ECDSA_SIGNATURE 160 /* two numbers of 66 bytes in DER */

static bool verifies(EVP_PKEY *key, const char *digest, bool pss, struct slice bytes, struct slice signature)
{
	EVP_PKEY_CTX *how = NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestVerifyInit_ex(ctx, &how, digest, NULL, NULL, key, NULL) == 1 &&
		    (!pss || (EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
			      EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_AUTO) == 1)) &&
		    EVP_DigestVerify(ctx, signature.at, signature.len, bytes.at, bytes.len) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

static bool verifies_any(EVP_PKEY *key, bool pss, struct slice bytes, struct slice signature)
{
	return verifies(key, "SHA256", pss, bytes, signature) || verifies(key, "SHA384", pss, bytes, signature) ||
	       verifies(key, "SHA512", pss, bytes, signature);
}

/* r and s side by side, as tokens have them, become a DER Ecdsa-Sig-Value. */
static bool pair_put(struct slice pair, struct buf *out)
{
	int half = (int)pair.len / 2;
	unsigned char *der = NULL;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(pair.at, half, NULL), *s = BN_bin2bn(pair.at + half, half, NULL);
	int n = -1;
	if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL;
		n = i2d_ECDSA_SIG(sig, &der);
	}
	if (n > 0)
		buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return n > 0 && buf_ok(out);
}

static bool ec_signed(EVP_PKEY *key, struct slice bytes, struct slice signature)
{
	scoped_buf der = { .max = MAX_ECDSA_SIGNATURE };
	size_t size = 2 * ((size_t)(EVP_PKEY_get_bits(key) + 7) / 8);
	return verifies_any(key, false, bytes, signature) ||
	       (signature.len == size && pair_put(signature, &der) && verifies_any(key, false, bytes, buf_slice(&der)));
}

bool proposal_signed(struct slice public_key, struct slice bytes, struct slice signature)
{
	const unsigned char *at = public_key.at;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)public_key.len);
	bool good = false;
	if (!key || signature.len == 0)
		good = false;
	else if (EVP_PKEY_is_a(key, "ED25519"))
		good = verifies(key, NULL, false, bytes, signature);
	else if (EVP_PKEY_is_a(key, "EC"))
		good = ec_signed(key, bytes, signature);
	else if (EVP_PKEY_is_a(key, "RSA"))
		good = verifies_any(key, false, bytes, signature) || verifies_any(key, true, bytes, signature);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return good;
}
