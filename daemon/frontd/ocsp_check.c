#include "frontd/ocsp_check.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/sha.h>

#include "base/text.h"
#include "frontd/ec_key.h"
#include "frontd/item.h"
#include "ledger/record.h"
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

static bool octets_are(const ASN1_OCTET_STRING *got, const uint8_t *wanted, unsigned n)
{
	return slice_equal(item_slice(got), (struct slice){ wanted, n });
}

static bool certificate_is(const OCSP_SINGLERESP *one, const struct ocsp_row *row, const struct ocsp_issuer *issuer)
{
	ASN1_OCTET_STRING *name = NULL, *key = NULL;
	ASN1_INTEGER *number = NULL;
	ASN1_OBJECT *hash = NULL;
	uint8_t serial[ROW_SERIAL_SIZE];
	OCSP_id_get0_info(&name, &hash, &key, &number, (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(one));
	const unsigned size = issuer->by[row->hash].size;
	return OBJ_obj2nid(hash) == (row->hash == CERT_ID_SHA1 ? NID_sha1 : NID_sha256) &&
	       octets_are(name, issuer->by[row->hash].name, size) && octets_are(key, issuer->by[row->hash].key, size) &&
	       row_serial(item_slice(number), serial) && memcmp(serial, row->serial, sizeof(serial)) == 0;
}

static int single_check(OCSP_SINGLERESP *one, const struct ocsp_single_answer *asked, const struct ocsp_issuer *issuer,
			char why[OCSP_WHY])
{
	static const int statuses[] = { [OCSP_IS_GOOD] = V_OCSP_CERTSTATUS_GOOD,
					[OCSP_IS_REVOKED] = V_OCSP_CERTSTATUS_REVOKED,
					[OCSP_IS_UNKNOWN] = V_OCSP_CERTSTATUS_UNKNOWN };
	ASN1_GENERALIZEDTIME *revoked = NULL, *this_update = NULL, *next_update = NULL;
	int reason = -1, status = OCSP_single_get0_status(one, &reason, &revoked, &this_update, &next_update);
	bool is_revoked = asked->status == OCSP_IS_REVOKED;
	if (status != statuses[asked->status])
		return differs(why, "the status");
	if (!certificate_is(one, &asked->row, issuer))
		return differs(why, "the certificate");
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

/* A key that ec_key_read() doesn't know. */
static bool library_signed(struct slice key, int kind, const EVP_MD *digest, struct slice data, struct slice signature)
{
	const unsigned char *at = key.at;
	EVP_PKEY *k = d2i_PUBKEY(NULL, &at, (long)key.len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = k && ctx && EVP_PKEY_is_a(k, OBJ_nid2sn(kind)) == 1 &&
		    EVP_DigestVerifyInit(ctx, NULL, digest, NULL, k) == 1 &&
		    EVP_DigestVerify(ctx, signature.at, signature.len, data.at, data.len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(k);
	return good;
}

/* data: the ResponseData, as it came. */
static bool key_signed(struct slice key, OCSP_BASICRESP *basic, struct slice data)
{
	const X509_ALGOR *how = OCSP_resp_get0_tbs_sigalg(basic);
	const ASN1_BIT_STRING *bits = OCSP_resp_get0_signature(basic);
	int digest = NID_undef, kind = NID_undef;
	uint8_t algorithm, hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	if ((bits->flags & 7) || !OBJ_find_sigid_algs(OBJ_obj2nid(how->algorithm), &digest, &kind))
		return false;
	const EVP_MD *md = digest == NID_undef ? NULL : EVP_get_digestbynid(digest);
	struct ec_key *ec = ec_key_read(key, &algorithm);
	if (!ec)
		return library_signed(key, kind, md, data, item_slice(bits));
	return md && kind == NID_X9_62_id_ecPublicKey && EVP_Digest(data.at, data.len, hash, &n, md, NULL) == 1 &&
	       ec_key_verify(ec, (struct slice){ hash, n }, item_slice(bits));
}

/* The certificate that goes along is over the responder's key: RFC 5280 4.1, down to subjectPublicKeyInfo. */
static bool responder_is(struct slice certificate, struct slice key)
{
	static const uint8_t tags[] = { 0xa0, 0x02, 0x30, 0x30, 0x30, 0x30, 0x30 };
	struct slice whole, tbs, fields, part = { 0 }, inside;
	bool good = record_der_take(&certificate, 0x30, &whole, &tbs) && record_der_take(&tbs, 0x30, &whole, &fields);
	for (size_t i = 0; good && i < sizeof(tags); i++)
		good = record_der_take(&fields, tags[i], &part, &inside);
	return good && slice_equal(part, key);
}

static int basic_check(OCSP_BASICRESP *basic, const struct ocsp_asked_for *asked, char why[OCSP_WHY])
{
	if (OCSP_resp_count(basic) != (int)asked->count)
		return differs(why, "the number of certificates");
	for (size_t i = 0; i < asked->count; i++)
		if (single_check(OCSP_resp_get0(basic, (int)i), &asked->all[i], asked->issuer, why))
			return 1;
	return nonce_is(basic, asked->nonce) ? 0 : differs(why, "the nonce");
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
	*certificate = item_slice(only->value.sequence);
	OCSP_BASICRESP *out =
		n > 0 ? item_read((struct slice){ der, (size_t)n }, ASN1_ITEM_rptr(OCSP_BASICRESP)) : NULL;
	OPENSSL_free(der);
	return out;
}

static int answer_check(struct basic *b, const struct ocsp_asked_for *asked, char why[OCSP_WHY])
{
	struct slice certificate;
	OCSP_BASICRESP *basic = basic_decode(b, &certificate);
	int answer = basic ? basic_check(basic, asked, why) : differs(why, "its form");
	if (answer == 0 && (!responder_is(certificate, asked->responder_key) ||
			    !key_signed(asked->responder_key, basic, item_slice(b->data))))
		answer = differs(why, "the responder or its signature");
	OCSP_BASICRESP_free(basic);
	return answer;
}

int ocsp_check(struct slice response, const struct ocsp_asked_for *asked, char why[OCSP_WHY])
{
	struct response *r = item_read(response, ASN1_ITEM_rptr(response));
	bool good = r && ASN1_ENUMERATED_get(r->status) == OCSP_RESPONSE_STATUS_SUCCESSFUL &&
		    OBJ_obj2nid(r->bytes->type) == NID_id_pkix_OCSP_basic;
	struct basic *b = good ? item_read(item_slice(r->bytes->basic), ASN1_ITEM_rptr(basic)) : NULL;
	int answer = b ? answer_check(b, asked, why) : differs(why, "its form");
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
