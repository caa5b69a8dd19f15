/*
 * frontd/csr: certificate requests. An input that begins as PEM goes in as it
 * is; any other is taken for the DER inside, and then its signature is held to
 * be good: else no bent subject or name would ever be read.
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "fuzz/bend.h"
#include "fuzz/fuzz.h"

static bool signature_given;

static int signature_verify_given(EVP_MD_CTX *ctx, const uint8_t *signature, size_t size, const uint8_t *data,
				  size_t len)
{
	int verified = EVP_DigestVerify(ctx, signature, size, data, len);
	return signature_given ? 1 : verified;
}

#define EVP_DigestVerify signature_verify_given
#include "frontd/csr.c"
#undef EVP_DigestVerify

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	return 0;
}

static void names_hold(const struct csr *csr)
{
	uint8_t type;
	struct slice value;
	REQUIRE(csr->alt_names.count <= MAX_CSR_NAMES && list_valid(csr->alt_names, MAX_NAME));
	for (struct list l = csr->alt_names; list_next(&l, &type, &value);)
		REQUIRE(type >= NAME_DNS && type <= NAME_IP && name_is_canonical(AS_NAME, type, value));
	REQUIRE(csr->subject.count <= MAX_DN_ATTRIBUTES && list_valid(csr->subject, MAX_DN_VALUE));
	for (struct list l = csr->subject; list_next(&l, &type, &value);)
		REQUIRE(dn_kind(type) && value.len && text_visible(value));
}

static void decode(const char *pem, size_t len)
{
	struct call c = { .status = 0 };
	struct csr csr;
	int r = csr_decode(pem, len, &csr, &c);
	REQUIRE(r >= 0);
	if (r == 0) {
		REQUIRE(csr.public_key.len && csr.public_key.len <= MAX_PUBLIC_KEY &&
			buf_ok(&csr.storage[STORE_SUBJECT]) && buf_ok(&csr.storage[STORE_NAMES]));
		names_hold(&csr);
	} else {
		REQUIRE(c.error.status == 422 && c.error.code[0] && c.error.message[0]);
		REQUIRE(text_valid(slice_text(c.error.message)));
	}
	csr_free(&csr);
}

static void decode_der(const uint8_t *der, size_t size)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *pem = NULL;
	REQUIRE(out && PEM_write_bio(out, "CERTIFICATE REQUEST", "", der, (long)size) > 0);
	long len = BIO_get_mem_data(out, &pem);
	decode(pem, (size_t)len);
	BIO_free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	signature_given = size == 0 || data[0] != '-';
	if (size > MAX_CSR)
		return 0;
	if (!signature_given)
		decode((const char *)data, size);
	else if (size)
		decode_der(data, size);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return der_mutate(data, size, max_size, seed);
}
