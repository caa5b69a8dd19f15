#include "signd/encode/ocsp.h"

#include <openssl/evp.h>

#include "signd/encode/cert.h"
#include "signd/encode/der.h"
#include "signd/encode/oid.h"
#include "wire/inner.h"

#define SHA1_ALGORITHM "\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00"
#define SHA256_ALGORITHM "\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00"

static void put_hash(struct buf *out, const EVP_MD *method, struct slice bytes)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	if (EVP_Digest(bytes.at, bytes.len, hash, &n, method, NULL) != 1)
		out->broken = true;
	der_put(out, DER_OCTET_STRING, (struct slice){ hash, n });
}

static void put_cert_id(struct buf *out, const struct ocsp_fields *f, const struct ocsp_row *row)
{
	const EVP_MD *method = row->hash == CERT_ID_SHA1 ? EVP_sha1() : EVP_sha256();
	size_t sequence = der_begin(out, DER_SEQUENCE);
	buf_put_slice(out, row->hash == CERT_ID_SHA1 ? OID_SLICE(SHA1_ALGORITHM) : OID_SLICE(SHA256_ALGORITHM));
	put_hash(out, method, f->issuer_name);
	put_hash(out, method, cert_key_bits(f->issuer_key));
	der_put_unsigned(out, DER_INTEGER, SLICE_OF(row->serial));
	der_end(out, sequence);
}

/* CertStatus; RevokedInfo leaves out what is unspecified, as a CRL does. */
static void put_status(struct buf *out, const struct ocsp_single *s)
{
	if (s->status != OCSP_IS_REVOKED) {
		der_put(out, s->status == OCSP_IS_GOOD ? DER_CONTEXT(0) : DER_CONTEXT(2), (struct slice){ 0 });
		return;
	}
	size_t info = der_begin(out, DER_CONTEXT_CONSTRUCTED(1));
	der_put_generalized(out, s->row.revoked);
	if (s->row.reason != REASON_UNSPECIFIED) {
		size_t reason = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
		der_put_small(out, DER_ENUMERATED, s->row.reason);
		der_end(out, reason);
	}
	der_end(out, info);
}

static void put_single(struct buf *out, const struct ocsp_fields *f, const struct ocsp_single *s)
{
	size_t single = der_begin(out, DER_SEQUENCE);
	put_cert_id(out, f, &s->row);
	put_status(out, s);
	der_put_generalized(out, s->row.this_update);
	size_t next = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
	der_put_generalized(out, s->row.next_update);
	der_end(out, next);
	der_end(out, single);
}

/* Extensions with the nonce, whose value is an OCTET STRING in its turn (RFC 9654 2.1). */
static void put_nonce(struct buf *out, struct slice nonce)
{
	if (nonce.len == 0)
		return;
	size_t explicit = der_begin(out, DER_CONTEXT_CONSTRUCTED(1));
	size_t extensions = der_begin(out, DER_SEQUENCE);
	size_t extension = der_begin(out, DER_SEQUENCE);
	der_put_oid(out, OID_SLICE(OID_OCSP_NONCE));
	size_t value = der_begin(out, DER_OCTET_STRING);
	der_put(out, DER_OCTET_STRING, nonce);
	der_end(out, value);
	der_end(out, extension);
	der_end(out, extensions);
	der_end(out, explicit);
}

void ocsp_put_data(struct buf *out, const struct ocsp_fields *f)
{
	size_t data = der_begin(out, DER_SEQUENCE);
	size_t responder = der_begin(out, DER_CONTEXT_CONSTRUCTED(2)); /* byKey: SHA-1, whatever else is in use */
	put_hash(out, EVP_sha1(), cert_key_bits(f->responder_key));
	der_end(out, responder);
	der_put_generalized(out, f->produced_at);
	size_t responses = der_begin(out, DER_SEQUENCE);
	for (size_t i = 0; i < f->count; i++)
		put_single(out, f, &f->singles[i]);
	der_end(out, responses);
	put_nonce(out, f->nonce);
	der_end(out, data);
}

void ocsp_put_response(struct buf *out, struct slice data, uint8_t algorithm, struct slice signature,
		       struct slice certificate)
{
	size_t response = der_begin(out, DER_SEQUENCE);
	der_put_small(out, DER_ENUMERATED, 0); /* successful */
	size_t explicit = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
	size_t bytes = der_begin(out, DER_SEQUENCE);
	der_put_oid(out, OID_SLICE(OID_OCSP_BASIC));
	size_t octets = der_begin(out, DER_OCTET_STRING);
	size_t basic = der_begin(out, DER_SEQUENCE);
	buf_put_slice(out, data);
	buf_put_slice(out, oid_signature_algorithm(algorithm));
	der_put_bits(out, DER_BIT_STRING, signature);
	size_t certs = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
	der_put(out, DER_SEQUENCE, certificate);
	der_end(out, certs);
	der_end(out, basic);
	der_end(out, octets);
	der_end(out, bytes);
	der_end(out, explicit);
	der_end(out, response);
}
