#include "signd/encode/cert.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/random.h"
#include "ledger/hash.h"
#include "names/dn.h"
#include "signd/encode/der.h"
#include "signd/encode/oid.h"

#define SERIAL_FIRST_BYTE 0x01 /* positive, never zero; another layout takes another number */

void cert_new_serial(int64_t now, uint8_t serial[SERIAL_SIZE])
{
	uint64_t day = (uint64_t)now / 86400;
	serial[0] = SERIAL_FIRST_BYTE;
	serial[1] = (uint8_t)(day >> 8);
	serial[2] = (uint8_t)day;
	random_bytes(serial + 3, SERIAL_SIZE - 3);
}

void cert_serial_into(uint8_t serial[SERIAL_SIZE], uint16_t shard, uint16_t shards)
{
	uint8_t *at = serial + SERIAL_SIZE - 4;
	uint32_t n = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
	n -= n % shards;
	n = n > UINT32_MAX - shards ? n - shards + shard : n + shard;
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(n >> (24 - 8 * i));
}

/* The BIT STRING is the last member of a SubjectPublicKeyInfo: walk there over the AlgorithmIdentifier. */
struct slice cert_key_bits(struct slice spki)
{
	const unsigned char *p = spki.at, *end = spki.at + spki.len;
	long n;
	int tag, class;
	ASN1_get_object(&p, &n, &tag, &class, end - p);
	ASN1_get_object(&p, &n, &tag, &class, end - p);
	p += n;
	if (ASN1_get_object(&p, &n, &tag, &class, end - p) & 0x80 || n < 1 || n > end - p)
		return (struct slice){ 0 };
	return (struct slice){ p + 1, (size_t)n - 1 };
}

void cert_key_hash(struct slice public_key, uint8_t hash[KEY_HASH_SIZE])
{
	uint8_t whole[HASH_SIZE];
	hash_of(cert_key_bits(public_key), whole);
	memcpy(hash, whole, KEY_HASH_SIZE);
}

static void put_attribute(struct buf *out, const struct dn_kind *kind, struct slice value)
{
	static const uint8_t tags[] = {
		[DN_UTF8] = DER_UTF8_STRING, [DN_PRINTABLE] = DER_PRINTABLE_STRING, [DN_IA5] = DER_IA5_STRING
	};
	size_t rdn = der_begin(out, DER_SET);
	size_t pair = der_begin(out, DER_SEQUENCE);
	der_put_oid(out, kind->oid);
	der_put(out, tags[kind->string], value);
	der_end(out, pair);
	der_end(out, rdn);
}

void cert_put_name(struct buf *out, struct list dn)
{
	uint8_t attribute;
	struct slice value;
	size_t name = der_begin(out, DER_SEQUENCE);
	while (list_next(&dn, &attribute, &value))
		put_attribute(out, dn_kind(attribute), value);
	der_end(out, name);
}

/* RFC 5280 4.2.1.9. A leaf has none: absent means CA:FALSE, and DER leaves out what is default. */
static void put_basic_constraints(struct buf *out, const struct cert_fields *f)
{
	bool ca = f->kind == KIND_CA || f->kind == KIND_SUBCA_FOREIGN;
	struct der_extension e = der_extension_begin(out, OID_SLICE(OID_BASIC_CONSTRAINTS), true);
	size_t sequence = der_begin(out, DER_SEQUENCE);
	if (ca)
		der_put_boolean_true(out);
	if (ca && f->path_len != PATH_LEN_NONE)
		der_put_small(out, DER_INTEGER, f->path_len);
	der_end(out, sequence);
	der_extension_end(out, e);
}

/* RFC 5280 4.2.1.3. */
static void put_key_usage(struct buf *out, const struct cert_fields *f)
{
	uint16_t usage = f->key_usage;
	if (f->kind == KIND_CA || f->kind == KIND_SUBCA_FOREIGN)
		usage = USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN;
	else if (f->kind == KIND_OCSP_RESPONDER)
		usage = USAGE_DIGITAL_SIGNATURE;
	struct der_extension e = der_extension_begin(out, OID_SLICE(OID_KEY_USAGE), true);
	der_put_named_bits(out, usage);
	der_extension_end(out, e);
}

/* A SEQUENCE OF OBJECT IDENTIFIER in its extension: 4.2.1.12. */
static void put_ext_key_usage(struct buf *out, const struct cert_fields *f)
{
	struct list usages = f->ext_key_usage;
	if (usages.count == 0 && f->kind != KIND_OCSP_RESPONDER)
		return;
	uint8_t tag;
	struct slice oid;
	struct der_extension e = der_extension_begin(out, OID_SLICE(OID_EXT_KEY_USAGE), false);
	size_t sequence = der_begin(out, DER_SEQUENCE);
	if (f->kind == KIND_OCSP_RESPONDER)
		der_put_oid(out, OID_SLICE(OID_OCSP_SIGNING));
	while (list_next(&usages, &tag, &oid))
		der_put_oid(out, oid);
	der_end(out, sequence);
	der_extension_end(out, e);
}

static void put_subject_key_id(struct buf *out, const struct cert_fields *f)
{
	uint8_t hash[KEY_HASH_SIZE];
	cert_key_hash(f->public_key, hash);
	struct der_extension e = der_extension_begin(out, OID_SLICE(OID_SUBJECT_KEY_ID), false);
	der_put(out, DER_OCTET_STRING, f->subject_key_id.len ? f->subject_key_id : SLICE_OF(hash));
	der_extension_end(out, e);
}

static void put_authority_key_id(struct buf *out, const struct cert_fields *f)
{
	struct der_extension e = der_extension_begin(out, OID_SLICE(OID_AUTHORITY_KEY_ID), false);
	size_t sequence = der_begin(out, DER_SEQUENCE);
	der_put(out, DER_CONTEXT(0), f->authority_key_id);
	der_end(out, sequence);
	der_extension_end(out, e);
}

/* GeneralName, RFC 5280 4.2.1.6; an IP subtree is address and mask, which is how it comes. */
static void put_general_name(struct buf *out, uint8_t type, struct slice value)
{
	static const uint8_t tags[] = { [NAME_DNS] = DER_CONTEXT(2),
					[NAME_EMAIL] = DER_CONTEXT(1),
					[NAME_URI] = DER_CONTEXT(6),
					[NAME_IP] = DER_CONTEXT(7) };
	if (type != NAME_DIRECTORY) {
		der_put(out, tags[type], value);
		return;
	}
	struct list dn = { get_u16(value.at), { value.at + 2, value.len - 2 } };
	size_t name = der_begin(out, DER_CONTEXT_CONSTRUCTED(4));
	cert_put_name(out, dn);
	der_end(out, name);
}

/* Critical if the subject is empty: 4.2.1.6. */
static void put_alt_names(struct buf *out, const struct cert_fields *f)
{
	static const uint8_t empty_name[] = { DER_SEQUENCE, 0 };
	struct list names = f->alt_names;
	uint8_t type;
	struct slice value;
	if (names.count == 0)
		return;
	bool critical = slice_equal(f->subject, SLICE_OF(empty_name));
	struct der_extension e = der_extension_begin(out, OID_SLICE(OID_SUBJECT_ALT_NAME), critical);
	size_t sequence = der_begin(out, DER_SEQUENCE);
	while (list_next(&names, &type, &value))
		put_general_name(out, type, value);
	der_end(out, sequence);
	der_extension_end(out, e);
}

/* minimum is 0, which is the default and so absent; maximum is never written: 4.2.1.10. */
static void put_subtrees(struct buf *out, uint8_t tag, struct list subtrees)
{
	uint8_t type;
	struct slice value;
	if (subtrees.count == 0)
		return;
	size_t all = der_begin(out, tag);
	while (list_next(&subtrees, &type, &value)) {
		size_t one = der_begin(out, DER_SEQUENCE);
		put_general_name(out, type, value);
		der_end(out, one);
	}
	der_end(out, all);
}

static void put_name_constraints(struct buf *out, const struct cert_fields *f)
{
	if (constraints_empty(&f->constraints))
		return;
	struct der_extension e = der_extension_begin(out, OID_SLICE(OID_NAME_CONSTRAINTS), true);
	size_t sequence = der_begin(out, DER_SEQUENCE);
	put_subtrees(out, DER_CONTEXT_CONSTRUCTED(0), f->constraints.permitted);
	put_subtrees(out, DER_CONTEXT_CONSTRUCTED(1), f->constraints.excluded);
	der_end(out, sequence);
	der_extension_end(out, e);
}

static void put_policies(struct buf *out, struct list policies)
{
	uint8_t tag;
	struct slice oid;
	if (policies.count == 0)
		return;
	struct der_extension e = der_extension_begin(out, OID_SLICE(OID_POLICIES), false);
	size_t sequence = der_begin(out, DER_SEQUENCE);
	while (list_next(&policies, &tag, &oid)) {
		size_t one = der_begin(out, DER_SEQUENCE);
		der_put_oid(out, oid);
		der_end(out, one);
	}
	der_end(out, sequence);
	der_extension_end(out, e);
}

static bool has_url(struct list urls, unsigned uses)
{
	uint8_t use;
	struct slice url;
	while (list_next(&urls, &use, &url))
		if (uses >> use & 1)
			return true;
	return false;
}

/* 4.2.2.1. */
static void put_authority_info(struct buf *out, struct list urls)
{
	uint8_t use;
	struct slice url;
	if (!has_url(urls, 1 << URL_OCSP | 1 << URL_CA_ISSUERS))
		return;
	struct der_extension e = der_extension_begin(out, OID_SLICE(OID_AUTHORITY_INFO), false);
	size_t sequence = der_begin(out, DER_SEQUENCE);
	while (list_next(&urls, &use, &url)) {
		if (use == URL_CRL)
			continue;
		size_t access = der_begin(out, DER_SEQUENCE);
		der_put_oid(out, use == URL_OCSP ? OID_SLICE(OID_AD_OCSP) : OID_SLICE(OID_AD_CA_ISSUERS));
		der_put(out, DER_CONTEXT(6), url);
		der_end(out, access);
	}
	der_end(out, sequence);
	der_extension_end(out, e);
}

/* One DistributionPoint a URL, each a fullName: 4.2.1.13. */
static void put_crl_distribution(struct buf *out, struct list urls)
{
	uint8_t use;
	struct slice url;
	if (!has_url(urls, 1 << URL_CRL))
		return;
	struct der_extension e = der_extension_begin(out, OID_SLICE(OID_CRL_DISTRIBUTION), false);
	size_t sequence = der_begin(out, DER_SEQUENCE);
	while (list_next(&urls, &use, &url)) {
		if (use != URL_CRL)
			continue;
		size_t point = der_begin(out, DER_SEQUENCE);
		size_t name = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
		size_t full = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
		der_put(out, DER_CONTEXT(6), url);
		der_end(out, full);
		der_end(out, name);
		der_end(out, point);
	}
	der_end(out, sequence);
	der_extension_end(out, e);
}

/* One element with a low tag and the shortest length (X.690 10.1), and nothing behind it. */
static bool der_is_whole(struct slice s)
{
	if (s.len < 2 || (s.at[0] & 0x1f) == 0x1f)
		return false;
	if (s.at[1] < 0x80)
		return s.len == 2U + s.at[1];
	size_t more = s.at[1] & 0x7f, length = 0;
	if (more == 0 || more > 2 || s.len < 2 + more)
		return false;
	for (size_t i = 0; i < more; i++)
		length = length << 8 | s.at[2 + i];
	return length >= (more == 1 ? 0x80U : 0x100U) && s.len == 2 + more + length;
}

bool cert_opaque_split(struct slice item, struct slice *oid, struct slice *value)
{
	if (item.len < 1 || item.at[0] > item.len - 1)
		return false;
	*oid = (struct slice){ item.at + 1, item.at[0] };
	*value = (struct slice){ item.at + 1 + oid->len, item.len - 1 - oid->len };
	return oid_valid(*oid) && der_is_whole(*value);
}

static void put_opaque(struct buf *out, struct list opaque)
{
	uint8_t critical;
	struct slice item, oid, value;
	while (list_next(&opaque, &critical, &item)) {
		if (!cert_opaque_split(item, &oid, &value))
			continue;
		struct der_extension e = der_extension_begin(out, oid, critical != 0);
		buf_put_slice(out, value);
		der_extension_end(out, e);
	}
}

static void put_extensions(struct buf *out, const struct cert_fields *f)
{
	static const uint8_t status_request[] = { DER_SEQUENCE, 3, DER_INTEGER, 1, 5 }; /* RFC 7633 */
	static const uint8_t null[] = { DER_NULL, 0 };					/* RFC 6960 4.2.2.2.1 */
	put_basic_constraints(out, f);
	put_key_usage(out, f);
	put_ext_key_usage(out, f);
	put_subject_key_id(out, f);
	put_authority_key_id(out, f);
	put_alt_names(out, f);
	put_name_constraints(out, f);
	put_policies(out, f->policies);
	put_authority_info(out, f->urls);
	put_crl_distribution(out, f->urls);
	if (f->flags & CERT_MUST_STAPLE) {
		struct der_extension e = der_extension_begin(out, OID_SLICE(OID_TLS_FEATURE), false);
		buf_put(out, status_request, sizeof(status_request));
		der_extension_end(out, e);
	}
	put_opaque(out, f->opaque);
	if (f->kind == KIND_OCSP_RESPONDER) {
		struct der_extension e = der_extension_begin(out, OID_SLICE(OID_OCSP_NOCHECK), false);
		buf_put(out, null, sizeof(null));
		der_extension_end(out, e);
	}
}

void cert_put_asked(struct buf *out, const struct cert_fields *f)
{
	size_t sequence = der_begin(out, DER_SEQUENCE);
	put_basic_constraints(out, f);
	put_key_usage(out, f);
	put_subject_key_id(out, f);
	put_name_constraints(out, f);
	der_end(out, sequence);
}

void cert_put_tbs(struct buf *out, const struct cert_fields *f)
{
	size_t tbs = der_begin(out, DER_SEQUENCE);
	size_t version = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
	der_put_small(out, DER_INTEGER, 2); /* v3 */
	der_end(out, version);
	der_put_unsigned(out, DER_INTEGER, SLICE_OF(f->serial));
	buf_put_slice(out, oid_signature_algorithm(f->algorithm));
	buf_put_slice(out, f->issuer);
	size_t validity = der_begin(out, DER_SEQUENCE);
	der_put_time(out, f->not_before);
	der_put_time(out, f->not_after);
	der_end(out, validity);
	buf_put_slice(out, f->subject);
	buf_put_slice(out, f->public_key);
	size_t extensions = der_begin(out, DER_CONTEXT_CONSTRUCTED(3));
	size_t sequence = der_begin(out, DER_SEQUENCE);
	put_extensions(out, f);
	der_end(out, sequence);
	der_end(out, extensions);
	der_end(out, tbs);
}

void cert_put_signature(struct buf *out, uint8_t algorithm, struct slice raw)
{
	const struct algorithm *a = algorithm_by_number(algorithm);
	if (a->family != FAMILY_EC) {
		buf_put_slice(out, raw);
		return;
	}
	size_t half = raw.len / 2;
	size_t sequence = der_begin(out, DER_SEQUENCE);
	der_put_unsigned(out, DER_INTEGER, (struct slice){ raw.at, half });
	der_put_unsigned(out, DER_INTEGER, (struct slice){ raw.at + half, half });
	der_end(out, sequence);
}
