/*
 * frontd/ocsp_request: OCSP requests. What it takes libcrypto takes as well, and finds the same certificates in it, and
 * the same nonce. Who asks and who signed the request is looked at by nobody here: libcrypto gets it without both.
 */
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <string.h>

#include "fuzz/bend.h"
#include "fuzz/fuzz.h"

#include "frontd/ocsp_request.c"
#include "signd/encode/der.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	return 0;
}

static struct slice string_of(const ASN1_STRING *s)
{
	return (struct slice){ ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s) };
}

static void same_id(const struct ocsp_asked *ours, OCSP_CERTID *theirs)
{
	ASN1_OCTET_STRING *name = NULL, *key = NULL;
	ASN1_INTEGER *number = NULL;
	ASN1_OBJECT *hash = NULL;
	uint8_t serial[ROW_SERIAL_SIZE];
	REQUIRE(OCSP_id_get0_info(&name, &hash, &key, &number, theirs) == 1);
	REQUIRE(OBJ_obj2nid(hash) == (ours->hash == CERT_ID_SHA1 ? NID_sha1 : NID_sha256));
	REQUIRE(slice_equal(string_of(name), ours->issuer_name) && slice_equal(string_of(key), ours->issuer_key));
	REQUIRE(row_serial(string_of(number), serial) && memcmp(serial, ours->serial, sizeof(serial)) == 0);
}

static void same_nonce(struct slice ours, OCSP_REQUEST *theirs)
{
	int at = OCSP_REQUEST_get_ext_by_NID(theirs, NID_id_pkix_OCSP_Nonce, -1);
	REQUIRE((at >= 0) == (ours.len > 0));
	if (at < 0)
		return;
	struct slice value = string_of(X509_EXTENSION_get_data(OCSP_REQUEST_get_ext(theirs, at)));
	REQUIRE(value.len > ours.len && memcmp(value.at + value.len - ours.len, ours.at, ours.len) == 0);
}

/* The request without requestorName and optionalSignature; anything that stands elsewhere stays as it is. */
static OCSP_REQUEST *theirs_read(struct slice der)
{
	scoped_buf bare = { .max = 2 * MAX_OCSP_REQUEST };
	struct slice request, tbs;
	struct tlv one;
	REQUIRE(tlv_only(der, TLV_SEQUENCE, &request) && tlv_take(&request, TLV_SEQUENCE, &tbs));
	size_t outer = der_begin(&bare, DER_SEQUENCE), inner = der_begin(&bare, DER_SEQUENCE);
	while (tlv_next(&tbs, &one))
		if (one.tag != TLV_INSIDE(1))
			buf_put_slice(&bare, one.whole);
	der_end(&bare, inner);
	der_end(&bare, outer);
	REQUIRE(buf_ok(&bare) && tbs.len == 0);
	const unsigned char *at = bare.at;
	OCSP_REQUEST *r = d2i_OCSP_REQUEST(NULL, &at, (long)bare.len);
	REQUIRE(r && at == bare.at + bare.len);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ocsp_request ours;
	enum ocsp_error e = ocsp_request_read((struct slice){ data, size }, &ours);
	REQUIRE(e == OCSP_SUCCESSFUL || e == OCSP_MALFORMED || e == OCSP_UNAUTHORIZED);
	if (e)
		return 0;
	OCSP_REQUEST *theirs = theirs_read((struct slice){ data, size });
	REQUIRE(ours.count && ours.count <= MAX_OCSP_ASKED && ours.nonce.len <= MAX_OCSP_NONCE);
	REQUIRE(OCSP_request_onereq_count(theirs) == (int)ours.count);
	for (size_t i = 0; i < ours.count; i++)
		same_id(&ours.asked[i], OCSP_onereq_get0_id(OCSP_request_onereq_get0(theirs, (int)i)));
	same_nonce(ours.nonce, theirs);
	OCSP_REQUEST_free(theirs);
	ERR_clear_error();
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return der_mutate(data, size, max_size, seed);
}
