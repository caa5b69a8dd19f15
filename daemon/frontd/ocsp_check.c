#include "frontd/ocsp_check.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/sha.h>

#include "base/text.h"
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
	return (unsigned)ASN1_STRING_length(got) == n && memcmp(ASN1_STRING_get0_data(got), wanted, n) == 0;
}

static bool certificate_is(const OCSP_SINGLERESP *one, const struct ocsp_row *row, const struct ocsp_issuer *issuer)
{
	ASN1_OCTET_STRING *name = NULL, *key = NULL;
	ASN1_INTEGER *number = NULL;
	ASN1_OBJECT *hash = NULL;
	uint8_t serial[ROW_SERIAL_SIZE];
	OCSP_id_get0_info(&name, &hash, &key, &number, (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(one));
	struct slice value = { ASN1_STRING_get0_data(number), (size_t)ASN1_STRING_length(number) };
	const unsigned size = issuer->by[row->hash].size;
	return OBJ_obj2nid(hash) == (row->hash == CERT_ID_SHA1 ? NID_sha1 : NID_sha256) &&
	       octets_are(name, issuer->by[row->hash].name, size) && octets_are(key, issuer->by[row->hash].key, size) &&
	       row_serial(value, serial) && memcmp(serial, row->serial, sizeof(serial)) == 0;
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

/* The certificate that goes along is over the responder's key, and that key has signed. */
static bool responder_is(OCSP_BASICRESP *basic, struct slice key)
{
	X509 *responder = NULL;
	unsigned char *der = NULL;
	if (OCSP_resp_get0_signer(basic, &responder, NULL) != 1)
		return false;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(responder), &der);
	bool same = n > 0 && slice_equal((struct slice){ der, (size_t)n }, key);
	OPENSSL_free(der);
	return same && OCSP_basic_verify(basic, NULL, NULL, OCSP_NOVERIFY) == 1;
}

static int basic_check(OCSP_BASICRESP *basic, const struct ocsp_asked_for *asked, char why[OCSP_WHY])
{
	if (OCSP_resp_count(basic) != (int)asked->count)
		return differs(why, "the number of certificates");
	for (size_t i = 0; i < asked->count; i++)
		if (single_check(OCSP_resp_get0(basic, (int)i), &asked->all[i], asked->issuer, why))
			return 1;
	if (!nonce_is(basic, asked->nonce))
		return differs(why, "the nonce");
	return responder_is(basic, asked->responder_key) ? 0 : differs(why, "the responder or its signature");
}

int ocsp_check(struct slice response, const struct ocsp_asked_for *asked, char why[OCSP_WHY])
{
	const unsigned char *at = response.at;
	OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &at, (long)response.len);
	bool whole =
		r && at == response.at + response.len && OCSP_response_status(r) == OCSP_RESPONSE_STATUS_SUCCESSFUL;
	OCSP_BASICRESP *basic = whole ? OCSP_response_get1_basic(r) : NULL;
	int answer = basic ? basic_check(basic, asked, why) : differs(why, "its form");
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(r);
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
