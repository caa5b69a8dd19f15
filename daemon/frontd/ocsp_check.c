#include "frontd/ocsp_check.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/sha.h>

#include "base/text.h"
#include "frontd/facts.h"
#include "wire/inner.h"

static int differs(char why[OCSP_WHY], const char *what)
{
	snprintf(why, OCSP_WHY, "%s is not what was asked for", what);
	return 1;
}

static bool time_is(const ASN1_GENERALIZEDTIME *t, int64_t wanted)
{
	struct tm tm;
	return t && ASN1_TIME_to_tm(t, &tm) && (int64_t)timegm(&tm) == wanted;
}

static bool serial_is(const OCSP_SINGLERESP *one, const uint8_t wanted[ROW_SERIAL_SIZE])
{
	ASN1_INTEGER *number = NULL;
	uint8_t serial[ROW_SERIAL_SIZE];
	OCSP_id_get0_info(NULL, NULL, NULL, &number, (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(one));
	struct slice value = { ASN1_STRING_get0_data(number), (size_t)ASN1_STRING_length(number) };
	return row_serial(value, serial) && memcmp(serial, wanted, sizeof(serial)) == 0;
}

static int single_check(OCSP_SINGLERESP *one, const struct ocsp_single_answer *asked, char why[OCSP_WHY])
{
	static const int statuses[] = { [OCSP_IS_GOOD] = V_OCSP_CERTSTATUS_GOOD,
					[OCSP_IS_REVOKED] = V_OCSP_CERTSTATUS_REVOKED,
					[OCSP_IS_UNKNOWN] = V_OCSP_CERTSTATUS_UNKNOWN };
	ASN1_GENERALIZEDTIME *revoked = NULL, *this_update = NULL, *next_update = NULL;
	int reason = -1, status = OCSP_single_get0_status(one, &reason, &revoked, &this_update, &next_update);
	bool is_revoked = asked->status == OCSP_IS_REVOKED;
	if (status != statuses[asked->status])
		return differs(why, "the status");
	if (!serial_is(one, asked->row.serial))
		return differs(why, "the serial number");
	if (!time_is(this_update, asked->row.this_update) || !time_is(next_update, asked->row.next_update))
		return differs(why, "thisUpdate or nextUpdate");
	if (is_revoked && !time_is(revoked, asked->row.revoked))
		return differs(why, "the date of the revocation");
	if (is_revoked && (reason < 0 ? 0 : reason) != asked->row.reason)
		return differs(why, "the reason of the revocation");
	return 0;
}

/* An OCTET STRING of less than 128 bytes, or of exactly as many, in extnValue. */
static bool nonce_is(OCSP_BASICRESP *basic, struct slice nonce)
{
	int at = OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1);
	if (at < 0 || nonce.len == 0)
		return at < 0 && nonce.len == 0;
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(OCSP_BASICRESP_get_ext(basic, at));
	size_t n = (size_t)ASN1_STRING_length(value);
	return n > nonce.len && n <= nonce.len + 3 &&
	       memcmp(ASN1_STRING_get0_data(value) + n - nonce.len, nonce.at, nonce.len) == 0;
}

/*
 * An answer as RFC 6960 4.2.1 has it, but its certificates stay as they came: the library's own type decodes their keys
 * at once, which takes longer than all else here.
 */
struct response_bytes {
	ASN1_OBJECT *type;
	ASN1_OCTET_STRING *basic;
};

ASN1_SEQUENCE(response_bytes) = {
	ASN1_SIMPLE(struct response_bytes, type, ASN1_OBJECT),
	ASN1_SIMPLE(struct response_bytes, basic, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END_name(struct response_bytes, response_bytes)

struct response {
	ASN1_ENUMERATED *status;
	struct response_bytes *bytes;
};

ASN1_SEQUENCE(response) = {
	ASN1_SIMPLE(struct response, status, ASN1_ENUMERATED),
	ASN1_EXP(struct response, bytes, response_bytes, 0),
} static_ASN1_SEQUENCE_END_name(struct response, response)

struct basic {
	ASN1_STRING *data, *algorithm;
	ASN1_BIT_STRING *signature;
	STACK_OF(ASN1_TYPE) * certificates;
};

ASN1_SEQUENCE(basic) = {
	ASN1_SIMPLE(struct basic, data, ASN1_SEQUENCE),
	ASN1_SIMPLE(struct basic, algorithm, ASN1_SEQUENCE),
	ASN1_SIMPLE(struct basic, signature, ASN1_BIT_STRING),
	ASN1_EXP_SEQUENCE_OF_OPT(struct basic, certificates, ASN1_ANY, 0),
} static_ASN1_SEQUENCE_END_name(struct basic, basic)

struct public_key {
	ASN1_STRING *algorithm;
	ASN1_BIT_STRING *bits;
};

ASN1_SEQUENCE(public_key) = {
	ASN1_SIMPLE(struct public_key, algorithm, ASN1_SEQUENCE),
	ASN1_SIMPLE(struct public_key, bits, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END_name(struct public_key, public_key)

static struct slice string_slice(const ASN1_STRING *s)
{
	return (struct slice){ ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s) };
}

/* NULL: it isn't that, or more. */
static void *whole_read(struct slice der, const ASN1_ITEM *type)
{
	const unsigned char *at = der.at;
	ASN1_VALUE *value = ASN1_item_d2i(NULL, &at, (long)der.len, type);
	if (value && at == der.at + der.len)
		return value;
	ASN1_item_free(value, type);
	return NULL;
}

/* The certificate is that of the answer's responder, which is named by its key. */
static bool responder_is(OCSP_BASICRESP *basic, struct slice certificate)
{
	scoped_facts facts = { 0 };
	char why[FACTS_WHY];
	uint8_t hash[SHA_DIGEST_LENGTH];
	const ASN1_OCTET_STRING *id = NULL;
	const X509_NAME *name = NULL;
	struct public_key *key =
		facts_read(certificate, &facts, why) ? NULL : whole_read(facts.public_key, ASN1_ITEM_rptr(public_key));
	bool is = key && OCSP_resp_get0_id(basic, &id, &name) == 1 && id &&
		  EVP_Digest(string_slice(key->bits).at, string_slice(key->bits).len, hash, NULL, EVP_sha1(), NULL) ==
			  1 &&
		  slice_equal(string_slice(id), SLICE_OF(hash));
	ASN1_item_free((ASN1_VALUE *)key, ASN1_ITEM_rptr(public_key));
	return is;
}

static int basic_check(OCSP_BASICRESP *basic, struct slice certificate, const struct ocsp_single_answer *asked,
		       size_t count, struct slice nonce, char why[OCSP_WHY])
{
	if (OCSP_resp_count(basic) != (int)count)
		return differs(why, "the number of certificates");
	for (size_t i = 0; i < count; i++)
		if (single_check(OCSP_resp_get0(basic, (int)i), &asked[i], why))
			return 1;
	if (!responder_is(basic, certificate))
		return differs(why, "the responder's certificate");
	return nonce_is(basic, nonce) ? 0 : differs(why, "the nonce");
}

/* What is signed, in the library's own type, and the certificate that came with it. */
static OCSP_BASICRESP *basic_decode(struct basic *b, struct slice *certificate)
{
	const ASN1_TYPE *only = sk_ASN1_TYPE_num(b->certificates) == 1 ? sk_ASN1_TYPE_value(b->certificates, 0) : NULL;
	if (!only || only->type != V_ASN1_SEQUENCE)
		return NULL;
	unsigned char *der = NULL;
	STACK_OF(ASN1_TYPE) *all = b->certificates;
	b->certificates = NULL;
	int n = ASN1_item_i2d((ASN1_VALUE *)b, &der, ASN1_ITEM_rptr(basic));
	b->certificates = all;
	*certificate = string_slice(only->value.sequence);
	OCSP_BASICRESP *out =
		n > 0 ? whole_read((struct slice){ der, (size_t)n }, ASN1_ITEM_rptr(OCSP_BASICRESP)) : NULL;
	OPENSSL_free(der);
	return out;
}

int ocsp_check(struct slice response, const struct ocsp_single_answer *asked, size_t count, struct slice nonce,
	       char why[OCSP_WHY])
{
	struct slice certificate;
	struct response *r = whole_read(response, ASN1_ITEM_rptr(response));
	bool good = r && ASN1_ENUMERATED_get(r->status) == OCSP_RESPONSE_STATUS_SUCCESSFUL &&
		    OBJ_obj2nid(r->bytes->type) == NID_id_pkix_OCSP_basic;
	struct basic *b = good ? whole_read(string_slice(r->bytes->basic), ASN1_ITEM_rptr(basic)) : NULL;
	OCSP_BASICRESP *basic = b ? basic_decode(b, &certificate) : NULL;
	int answer = basic ? basic_check(basic, certificate, asked, count, nonce, why) : differs(why, "its form");
	OCSP_BASICRESP_free(basic);
	ASN1_item_free((ASN1_VALUE *)b, ASN1_ITEM_rptr(basic));
	ASN1_item_free((ASN1_VALUE *)r, ASN1_ITEM_rptr(response));
	ERR_clear_error();
	return answer;
}

void ocsp_etag(struct slice response, char etag[OCSP_ETAG_SIZE])
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	SHA256(response.at, response.len, hash);
	etag[0] = '"';
	hex_encode(hash, 16, etag + 1);
	memcpy(etag + 33, "\"", 2);
}
