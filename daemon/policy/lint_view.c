#include "policy/lint_view.h"

#include <string.h>

#include "names/dn.h"
#include "names/name.h"
#include "policy/oid.h"

/* id-ce is 2.5.29, id-pe 1.3.6.1.5.5.7.1, id-pkix-ocsp 1.3.6.1.5.5.7.48.1, Google's CT arc 1.3.6.1.4.1.11129.2.4. */
#define CE(n) { 0x55, 0x1d, (n) }, 3
#define PE(n) { 0x2b, 6, 1, 5, 5, 7, 1, (n) }, 8
#define CT(n) { 0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, (n) }, 10

static const struct {
	uint8_t oid[10];
	size_t len;
	const char *name;
} kinds[EXT_UNKNOWN] = {
	[EXT_AKI] = { CE(35), "authorityKeyIdentifier" },
	[EXT_SKI] = { CE(14), "subjectKeyIdentifier" },
	[EXT_KEY_USAGE] = { CE(15), "keyUsage" },
	[EXT_POLICIES] = { CE(32), "certificatePolicies" },
	[EXT_MAPPINGS] = { CE(33), "policyMappings" },
	[EXT_SAN] = { CE(17), "subjectAltName" },
	[EXT_IAN] = { CE(18), "issuerAltName" },
	[EXT_DIRECTORY] = { CE(9), "subjectDirectoryAttributes" },
	[EXT_BASIC] = { CE(19), "basicConstraints" },
	[EXT_CONSTRAINTS] = { CE(30), "nameConstraints" },
	[EXT_POLICY_CONSTRAINTS] = { CE(36), "policyConstraints" },
	[EXT_EKU] = { CE(37), "extKeyUsage" },
	[EXT_CRLDP] = { CE(31), "cRLDistributionPoints" },
	[EXT_INHIBIT_ANY] = { CE(54), "inhibitAnyPolicy" },
	[EXT_FRESHEST] = { CE(46), "freshestCRL" },
	[EXT_AIA] = { PE(1), "authorityInfoAccess" },
	[EXT_SIA] = { PE(11), "subjectInfoAccess" },
	[EXT_TLS_FEATURE] = { PE(24), "tlsFeature" },
	[EXT_NO_CHECK] = { { 0x2b, 6, 1, 5, 5, 7, 48, 1, 5 }, 9, "ocsp-nocheck" },
	[EXT_SCT] = { CT(2), "signedCertificateTimestampList" },
	[EXT_POISON] = { CT(3), "ctPoison" },
	[EXT_CRL_NUMBER] = { CE(20), "cRLNumber" },
	[EXT_DELTA] = { CE(27), "deltaCRLIndicator" },
	[EXT_IDP] = { CE(28), "issuingDistributionPoint" },
	[EXT_REASON] = { CE(21), "reasonCode" },
	[EXT_INVALIDITY] = { CE(24), "invalidityDate" },
	[EXT_CERT_ISSUER] = { CE(29), "certificateIssuer" },
};

static enum lint_extension_kind kind_of(struct slice oid)
{
	size_t k = 0;
	while (k < EXT_UNKNOWN && !slice_equal(oid, (struct slice){ kinds[k].oid, kinds[k].len }))
		k++;
	return (enum lint_extension_kind)k;
}

void extension_print(const struct lint_extension *e, struct buf *out)
{
	if (e->kind == EXT_UNKNOWN)
		oid_print(e->oid, out);
	else
		buf_put_text(out, kinds[e->kind].name);
}

/* Extension ::= SEQUENCE { OID, critical BOOLEAN DEFAULT FALSE, OCTET STRING } */
static bool extension_read(struct slice at, struct lint_extension *e)
{
	struct slice critical;
	*e = (struct lint_extension){ 0 };
	if (!tlv_take(&at, TLV_OID, &e->oid))
		return false;
	if (tlv_take(&at, TLV_BOOLEAN, &critical)) {
		e->critical = critical.len && critical.at[0];
		e->default_written = !e->critical;
	}
	if (!tlv_take(&at, TLV_OCTET_STRING, &e->value) || at.len)
		return false;
	e->kind = kind_of(e->oid);
	e->malformed = !syntax_good(e->kind, e->value);
	return true;
}

bool extensions_read(struct slice extensions, struct lint_extension *list, size_t *count)
{
	struct slice one;
	for (*count = 0; tlv_take(&extensions, TLV_SEQUENCE, &one); ++*count)
		if (*count == MAX_LINT_EXTENSIONS || !extension_read(one, &list[*count]))
			return false;
	return extensions.len == 0;
}

bool time_take(struct slice *rest, struct lint_time *out)
{
	struct slice at = *rest;
	struct tlv t;
	*out = (struct lint_time){ 0 };
	if (!tlv_next(&at, &t) || (t.tag != TLV_UTC_TIME && t.tag != TLV_GENERALIZED_TIME))
		return false;
	*rest = at;
	*out = (struct lint_time){ .tag = t.tag, .text = t.value, .there = true };
	out->valid = tlv_time(t.tag, t.value, &out->seconds);
	return true;
}

bool time_type_right(const struct lint_time *t)
{
	return !t->valid || t->tag == TLV_UTC_TIME || (t->text.at[0] - '0') * 10 + t->text.at[1] - '0' > 20 ||
	       (t->text.at[0] == '2' && t->text.at[1] == '0' && t->text.at[2] >= '5');
}

bool lint_has(const struct lint_view *v, enum lint_extension_kind kind)
{
	return v->ext[kind] != NULL;
}

bool lint_critical(const struct lint_view *v, enum lint_extension_kind kind)
{
	return v->ext[kind] && v->ext[kind]->critical;
}

struct slice lint_inside(const struct lint_view *v, enum lint_extension_kind kind)
{
	struct tlv t = { 0 };
	if (!v->ext[kind] || v->ext[kind]->malformed)
		return (struct slice){ 0 };
	struct slice value = v->ext[kind]->value;
	return tlv_next(&value, &t) ? t.value : (struct slice){ 0 };
}

/* KeyUsage's bits, the first written one lowest. */
static unsigned usage_bits(struct slice v)
{
	unsigned bits = 0;
	for (size_t i = 0; i < 16 && 1 + i / 8 < v.len; i++)
		bits |= (v.at[1 + i / 8] >> (7 - i % 8) & 1U) << i;
	return bits;
}

static bool all_extensions_read(struct lint_view *v, struct slice extensions)
{
	v->extensions_there = true;
	if (!extensions_read(extensions, v->list, &v->count))
		return false;
	for (size_t i = v->count; i-- > 0;) {
		v->default_written |= v->list[i].default_written;
		if (v->list[i].kind != EXT_UNKNOWN)
			v->ext[v->list[i].kind] = &v->list[i];
	}
	struct slice basic = lint_inside(v, EXT_BASIC), ca = { 0 }, length;
	if (tlv_take(&basic, TLV_BOOLEAN, &ca)) {
		v->ca = ca.at[0] != 0;
		v->default_written |= !v->ca;
	}
	v->path_len_there = tlv_take(&basic, TLV_INTEGER, &length);
	v->key_usage = usage_bits(lint_inside(v, EXT_KEY_USAGE));
	return true;
}

static enum lint_key key_kind(struct slice oid)
{
	if (slice_equal(oid, OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1)))
		return KEY_RSA;
	if (slice_equal(oid, OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1)))
		return KEY_EC;
	return slice_equal(oid, OID(0x2b, 0x65, 0x70))	 ? KEY_ED25519
	       : slice_equal(oid, OID(0x2b, 0x65, 0x71)) ? KEY_ED448
							 : KEY_OTHER;
}

bool lint_read_key(struct lint_view *v, struct slice spki)
{
	struct slice algorithm;
	if (!tlv_take(&spki, TLV_SEQUENCE, &algorithm) || !tlv_take(&spki, TLV_BIT_STRING, &v->key_bits) || spki.len ||
	    !tlv_take(&algorithm, TLV_OID, &v->key_oid))
		return false;
	v->key_parameters = algorithm;
	v->key = key_kind(v->key_oid);
	return true;
}

static bool version_read(struct lint_view *v, struct slice version)
{
	return tlv_only(version, TLV_INTEGER, &version) && tlv_number(version, &v->version);
}

static bool take_whole(struct slice *rest, uint8_t tag, struct slice *whole)
{
	struct slice at = *rest;
	struct tlv t;
	if (!tlv_next(&at, &t) || t.tag != tag)
		return false;
	*rest = at;
	*whole = t.whole;
	return true;
}

/* Certificate and CertificateList are both { tbs, algorithm, signature }. */
static bool signed_read(struct slice der, struct lint_view *v, struct slice *tbs)
{
	struct slice all, rest;
	*v = (struct lint_view){ 0 };
	if (!tlv_only(der, TLV_SEQUENCE, &all))
		return false;
	rest = all;
	return take_whole(&rest, TLV_SEQUENCE, &v->tbs) && take_whole(&rest, TLV_SEQUENCE, &v->outer) &&
	       tlv_take(&rest, TLV_BIT_STRING, &v->signature) && rest.len == 0 && tlv_only(v->tbs, TLV_SEQUENCE, tbs);
}

static bool name_good(struct slice name)
{
	struct slice set, one, oid;
	struct tlv value;
	while (tlv_take(&name, TLV_SET, &set)) {
		if (!set.len)
			return false;
		while (tlv_take(&set, TLV_SEQUENCE, &one))
			if (!tlv_take(&one, TLV_OID, &oid) || !tlv_next(&one, &value) || one.len)
				return false;
		if (set.len)
			return false;
	}
	return name.len == 0;
}

static bool tail_read(struct lint_view *v, struct slice rest)
{
	struct slice id, wrapped, extensions;
	v->unique_ids = tlv_take(&rest, TLV_CONTEXT(1), &id);
	v->unique_ids |= tlv_take(&rest, TLV_CONTEXT(2), &id);
	if (tlv_take(&rest, TLV_INSIDE(3), &wrapped) &&
	    (!tlv_only(wrapped, TLV_SEQUENCE, &extensions) || !all_extensions_read(v, extensions)))
		return false;
	return rest.len == 0;
}

/* Self-issued is told by the names alone: whether it is self-signed, only a signature could say. */
static enum lint_kind certificate_kind(const struct lint_view *v)
{
	static const uint8_t ocsp_signing[] = { TLV_OID, 8, 0x2b, 6, 1, 5, 5, 7, 3, 9 };
	struct slice eku = lint_inside(v, EXT_EKU);
	if (v->ca)
		return slice_equal(v->issuer, v->subject) ? LINT_ROOT : LINT_CA;
	return eku.len && memmem(eku.at, eku.len, ocsp_signing, sizeof(ocsp_signing)) ? LINT_OCSP : LINT_LEAF;
}

bool lint_read_certificate(struct slice der, struct lint_view *v)
{
	struct slice rest, version, validity, spki;
	if (!signed_read(der, v, &rest))
		return false;
	if (tlv_take(&rest, TLV_INSIDE(0), &version)) {
		if (!version_read(v, version))
			return false;
		v->default_written = v->version == 0;
	}
	if (!tlv_take(&rest, TLV_INTEGER, &v->serial) || !take_whole(&rest, TLV_SEQUENCE, &v->inner) ||
	    !tlv_take(&rest, TLV_SEQUENCE, &v->issuer) || !tlv_take(&rest, TLV_SEQUENCE, &validity) ||
	    !tlv_take(&rest, TLV_SEQUENCE, &v->subject) || !tlv_take(&rest, TLV_SEQUENCE, &spki))
		return false;
	if (!time_take(&validity, &v->first) || !time_take(&validity, &v->last) || validity.len ||
	    !name_good(v->issuer) || !name_good(v->subject) || !lint_read_key(v, spki) || !tail_read(v, rest))
		return false;
	v->kind = certificate_kind(v);
	return true;
}

static bool revoked_good(struct slice entries)
{
	struct crl_entry e;
	while (crl_entry_next(&entries, &e))
		;
	return entries.len == 0;
}

bool lint_read_crl(struct slice der, struct lint_view *v)
{
	struct slice rest, version, wrapped, extensions;
	if (!signed_read(der, v, &rest))
		return false;
	v->kind = LINT_CRL;
	if (tlv_take(&rest, TLV_INTEGER, &version) && !tlv_number(version, &v->version))
		return false;
	if (!take_whole(&rest, TLV_SEQUENCE, &v->inner) || !tlv_take(&rest, TLV_SEQUENCE, &v->issuer) ||
	    !time_take(&rest, &v->first) || !name_good(v->issuer))
		return false;
	time_take(&rest, &v->last);
	v->revoked_there = tlv_take(&rest, TLV_SEQUENCE, &v->revoked);
	if (tlv_take(&rest, TLV_INSIDE(0), &wrapped) &&
	    (!tlv_only(wrapped, TLV_SEQUENCE, &extensions) || !all_extensions_read(v, extensions)))
		return false;
	return rest.len == 0 && revoked_good(v->revoked);
}

/* { userCertificate, revocationDate, crlEntryExtensions OPTIONAL } */
bool crl_entry_next(struct slice *entries, struct crl_entry *out)
{
	struct slice at = *entries, one;
	*out = (struct crl_entry){ 0 };
	if (!tlv_take(&at, TLV_SEQUENCE, &one) || !tlv_take(&one, TLV_INTEGER, &out->serial) ||
	    !time_take(&one, &out->date))
		return false;
	out->extensions_there = tlv_take(&one, TLV_SEQUENCE, &out->extensions);
	if (one.len)
		return false;
	*entries = at;
	return true;
}

/* As the encoder writes it. */
static bool asked_part_next(struct name_walk *w, struct name_part *out)
{
	static const uint8_t tags[] = { [DN_UTF8] = TLV_UTF8, [DN_PRINTABLE] = TLV_PRINTABLE, [DN_IA5] = TLV_IA5 };
	uint8_t attribute;
	if (!list_next(&w->asked, &attribute, &out->value))
		return false;
	const struct dn_kind *kind = dn_kind(attribute);
	out->oid = kind ? kind->oid : (struct slice){ 0 };
	out->tag = kind ? tags[kind->string] : TLV_UTF8;
	return true;
}

bool name_part_next(struct name_walk *w, struct name_part *out)
{
	struct slice one;
	struct tlv value;
	if (w->asked.count)
		return asked_part_next(w, out);
	while (!w->set.len)
		if (!tlv_take(&w->rdns, TLV_SET, &w->set))
			return false;
	if (!tlv_take(&w->set, TLV_SEQUENCE, &one) || !tlv_take(&one, TLV_OID, &out->oid) || !tlv_next(&one, &value))
		return false;
	out->tag = value.tag;
	out->value = value.value;
	return true;
}

struct name_walk subject_walk(const struct lint_view *v)
{
	if (v->asked)
		return (struct name_walk){ .asked = v->asked->subject };
	return (struct name_walk){ .rdns = v->subject };
}

struct item_walk alt_walk(const struct lint_view *v)
{
	if (v->asked)
		return (struct item_walk){ .asked = v->asked->alt_names };
	return (struct item_walk){ .der = lint_inside(v, EXT_SAN) };
}

struct item_walk purpose_walk(const struct lint_view *v)
{
	if (v->asked)
		return (struct item_walk){ .asked = v->asked->ext_key_usage };
	return (struct item_walk){ .der = lint_inside(v, EXT_EKU) };
}

struct item_walk policy_walk(const struct lint_view *v)
{
	if (v->asked)
		return (struct item_walk){ .asked = v->asked->policies };
	return (struct item_walk){ .der = lint_inside(v, EXT_POLICIES) };
}

uint8_t alt_tag(uint8_t name_type)
{
	static const uint8_t tags[] = { [NAME_DNS] = TLV_CONTEXT(2),
					[NAME_EMAIL] = TLV_CONTEXT(1),
					[NAME_URI] = TLV_CONTEXT(6),
					[NAME_IP] = TLV_CONTEXT(7),
					[NAME_DIRECTORY] = TLV_INSIDE(4) };
	return name_type < sizeof(tags) ? tags[name_type] : 0;
}

bool alt_next(struct item_walk *w, struct tlv *out)
{
	uint8_t type;
	if (!w->asked.count)
		return tlv_next(&w->der, out);
	if (!list_next(&w->asked, &type, &out->value))
		return false;
	out->tag = alt_tag(type);
	return true;
}

bool purpose_next(struct item_walk *w, struct slice *out)
{
	uint8_t tag;
	return w->asked.count ? list_next(&w->asked, &tag, out) : tlv_take(&w->der, TLV_OID, out);
}

bool policy_next(struct item_walk *w, struct slice *out)
{
	uint8_t tag;
	struct slice one;
	if (w->asked.count)
		return list_next(&w->asked, &tag, out);
	return tlv_take(&w->der, TLV_SEQUENCE, &one) && tlv_take(&one, TLV_OID, out);
}

bool list_repeats(struct slice list, struct slice *which)
{
	struct tlv a, b;
	size_t budget = MAX_LINT_PAIRS;
	while (budget-- && tlv_next(&list, &a)) {
		struct slice rest = list;
		for (size_t left = budget; left && tlv_next(&rest, &b); left--)
			if (slice_equal(a.whole, b.whole)) {
				*which = a.value;
				return true;
			}
	}
	return false;
}

void where_put(struct buf *where, struct slice text)
{
	for (size_t i = 0; i < text.len && i < LINT_WHERE / 2; i++)
		buf_put_u8(where, text.at[i] > ' ' && text.at[i] < 0x7f ? text.at[i] : text.at[i] == ' ' ? ' ' : '?');
	if (text.len > LINT_WHERE / 2)
		buf_put_text(where, "...");
}
