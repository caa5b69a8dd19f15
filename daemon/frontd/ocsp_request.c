#include "frontd/ocsp_request.h"

#include <string.h>

#include "policy/tlv.h"
#include "wire/inner.h"

#define SHA1_SIZE 20
#define SHA256_SIZE 32

static const uint8_t oid_sha1[] = { 0x2b, 0x0e, 0x03, 0x02, 0x1a };
static const uint8_t oid_sha256[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01 };
static const uint8_t oid_nonce[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02 };

static bool is_oid(struct slice oid, const uint8_t *wanted, size_t n)
{
	return oid.len == n && memcmp(oid.at, wanted, n) == 0;
}

/* The next value, if it has this tag; *there says so. False: there is no value at all, but bytes. */
static bool optional_take(struct slice *rest, uint8_t tag, struct slice *value, bool *there)
{
	struct slice behind = *rest;
	struct tlv next;
	*there = false;
	if (rest->len == 0)
		return true;
	if (!tlv_next(&behind, &next))
		return false;
	*there = next.tag == tag;
	if (*there) {
		*value = next.value;
		*rest = behind;
	}
	return true;
}

/* AlgorithmIdentifier: its parameters are absent or NULL (RFC 5754 2). 0: no hash of ours. */
static bool hash_read(struct slice algorithm, uint8_t *hash)
{
	struct slice oid, parameters;
	*hash = 0;
	if (!tlv_take(&algorithm, TLV_OID, &oid) || oid.len == 0)
		return false;
	bool known = is_oid(oid, oid_sha1, sizeof(oid_sha1)) || is_oid(oid, oid_sha256, sizeof(oid_sha256));
	if (!known)
		return true;
	if (algorithm.len && (!tlv_only(algorithm, TLV_NULL, &parameters) || parameters.len))
		return false;
	*hash = oid.len == sizeof(oid_sha1) ? CERT_ID_SHA1 : CERT_ID_SHA256;
	return true;
}

/* A CertificateSerialNumber as a row has it; one that doesn't fit is of no certificate. */
static enum ocsp_error serial_read(struct slice number, uint8_t serial[ROW_SERIAL_SIZE])
{
	if (number.len == 0)
		return OCSP_MALFORMED;
	if (number.at[0] & 0x80)
		return OCSP_UNAUTHORIZED;
	return row_serial(number, serial) ? OCSP_SUCCESSFUL : OCSP_UNAUTHORIZED;
}

/* CertID. */
static enum ocsp_error asked_read(struct slice id, struct ocsp_asked *out)
{
	struct slice algorithm, number;
	if (!tlv_take(&id, TLV_SEQUENCE, &algorithm) || !hash_read(algorithm, &out->hash) ||
	    !tlv_take(&id, TLV_OCTET_STRING, &out->issuer_name) || !tlv_take(&id, TLV_OCTET_STRING, &out->issuer_key) ||
	    !tlv_take(&id, TLV_INTEGER, &number) || id.len)
		return OCSP_MALFORMED;
	size_t size = out->hash == CERT_ID_SHA1 ? SHA1_SIZE : SHA256_SIZE;
	if (out->hash && (out->issuer_name.len != size || out->issuer_key.len != size))
		return OCSP_MALFORMED;
	enum ocsp_error e = serial_read(number, out->serial);
	return e || out->hash ? e : OCSP_UNAUTHORIZED;
}

/* RFC 9654 2.1: an OCTET STRING within extnValue. */
static bool nonce_read(struct slice value, struct slice *nonce)
{
	return nonce && nonce->len == 0 && tlv_only(value, TLV_OCTET_STRING, nonce) && nonce->len >= 1 &&
	       nonce->len <= MAX_OCSP_NONCE;
}

/* Extension; nonce: NULL where none belongs. */
static bool extension_read(struct slice extension, struct slice *nonce)
{
	struct slice oid, value, critical = { 0 };
	bool stated;
	if (!tlv_take(&extension, TLV_OID, &oid) || !optional_take(&extension, TLV_BOOLEAN, &critical, &stated) ||
	    !tlv_take(&extension, TLV_OCTET_STRING, &value) || extension.len || oid.len == 0)
		return false;
	if (is_oid(oid, oid_nonce, sizeof(oid_nonce)))
		return nonce_read(value, nonce);
	return !(stated && (critical.len != 1 || critical.at[0] != 0));
}

/* Extensions, within their explicit tag. */
static bool extensions_read(struct slice tagged, struct slice *nonce)
{
	struct slice list, one;
	if (!tlv_only(tagged, TLV_SEQUENCE, &list) || list.len == 0)
		return false;
	while (list.len)
		if (!tlv_take(&list, TLV_SEQUENCE, &one) || !extension_read(one, nonce))
			return false;
	return true;
}

/* Request. */
static enum ocsp_error one_read(struct slice request, struct ocsp_asked *out)
{
	struct slice id, extensions;
	bool there;
	if (!tlv_take(&request, TLV_SEQUENCE, &id) || !optional_take(&request, TLV_INSIDE(0), &extensions, &there) ||
	    request.len || (there && !extensions_read(extensions, NULL)))
		return OCSP_MALFORMED;
	return asked_read(id, out);
}

/* What is broken is said before what can't be answered, wherever it stands. */
static enum ocsp_error list_read(struct slice list, struct ocsp_request *out)
{
	enum ocsp_error worst = OCSP_SUCCESSFUL;
	struct slice one;
	if (list.len == 0)
		return OCSP_MALFORMED;
	while (list.len) {
		struct ocsp_asked more, *to = &more;
		if (out->count < MAX_OCSP_ASKED)
			to = &out->asked[out->count];
		enum ocsp_error e = tlv_take(&list, TLV_SEQUENCE, &one) ? one_read(one, to) : OCSP_MALFORMED;
		if (e == OCSP_MALFORMED)
			return e;
		if (e || to == &more)
			worst = OCSP_UNAUTHORIZED;
		else
			out->count++;
	}
	return worst;
}

/* version: v1, which is the default and need not stand there; requestorName is anybody's. */
static bool head_read(struct slice *tbs)
{
	struct slice tagged, number;
	bool there;
	if (!optional_take(tbs, TLV_INSIDE(0), &tagged, &there))
		return false;
	if (there && (!tlv_only(tagged, TLV_INTEGER, &number) || number.len != 1 || number.at[0] != 0))
		return false;
	return optional_take(tbs, TLV_INSIDE(1), &tagged, &there) && (!there || tlv_count(tagged) == 1);
}

/* TBSRequest. */
static enum ocsp_error tbs_read(struct slice tbs, struct ocsp_request *out)
{
	struct slice list, extensions;
	bool there;
	if (!head_read(&tbs) || !tlv_take(&tbs, TLV_SEQUENCE, &list) ||
	    !optional_take(&tbs, TLV_INSIDE(2), &extensions, &there) || tbs.len ||
	    (there && !extensions_read(extensions, &out->nonce)))
		return OCSP_MALFORMED;
	return list_read(list, out);
}

enum ocsp_error ocsp_request_read(struct slice der, struct ocsp_request *out)
{
	struct slice request, tbs, signature, inside;
	bool is_signed;
	*out = (struct ocsp_request){ .count = 0 };
	if (der.len == 0 || der.len > MAX_OCSP_REQUEST || !tlv_canonical(der) ||
	    !tlv_only(der, TLV_SEQUENCE, &request) || !tlv_take(&request, TLV_SEQUENCE, &tbs) ||
	    !optional_take(&request, TLV_INSIDE(0), &signature, &is_signed) || request.len ||
	    (is_signed && !tlv_only(signature, TLV_SEQUENCE, &inside)))
		return OCSP_MALFORMED;
	return tbs_read(tbs, out);
}

void ocsp_error_put(enum ocsp_error error, uint8_t out[OCSP_ERROR_SIZE])
{
	const uint8_t der[OCSP_ERROR_SIZE] = { TLV_SEQUENCE, 3, TLV_ENUMERATED, 1, (uint8_t)error };
	memcpy(out, der, sizeof(der));
}
