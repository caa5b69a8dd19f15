#include "frontd/facts.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1t.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "ledger/hash.h"
#include "names/dn.h"
#include "wire/inner.h"

/*
 * A certificate of the shape that the signer writes, after RFC 5280 4.1, with
 * names and key as the bytes that they are: the library's own type decodes
 * every public key, and that costs more than all the rest. Each level is read
 * by itself, because the library writes what it has read in a time that doubles
 * with every level. Unique identifiers have no place in it.
 */
#define MAX_OPAQUE 4096 /* bytes of an extension without a typed form: the wire takes no more */

struct tbs {
	ASN1_INTEGER *version;
	ASN1_INTEGER *serial;
	X509_ALGOR *algorithm;
	ASN1_STRING *issuer;
	X509_VAL *validity;
	ASN1_STRING *subject;
	ASN1_STRING *public_key;
	ASN1_STRING *extensions;
};

ASN1_SEQUENCE(tbs) = {
	ASN1_EXP_OPT(struct tbs, version, ASN1_INTEGER, 0),
	ASN1_SIMPLE(struct tbs, serial, ASN1_INTEGER),
	ASN1_SIMPLE(struct tbs, algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct tbs, issuer, ASN1_SEQUENCE),
	ASN1_SIMPLE(struct tbs, validity, X509_VAL),
	ASN1_SIMPLE(struct tbs, subject, ASN1_SEQUENCE),
	ASN1_SIMPLE(struct tbs, public_key, ASN1_SEQUENCE),
	ASN1_EXP_OPT(struct tbs, extensions, ASN1_SEQUENCE, 3),
} static_ASN1_SEQUENCE_END_name(struct tbs, tbs)

struct certificate {
	ASN1_STRING *tbs;
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *signature;
};

ASN1_SEQUENCE(certificate) = {
	ASN1_SIMPLE(struct certificate, tbs, ASN1_SEQUENCE),
	ASN1_SIMPLE(struct certificate, algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct certificate, signature, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END_name(struct certificate, certificate)

static void certificate_cleanup(struct certificate **c)
{
	ASN1_item_free((ASN1_VALUE *)*c, ASN1_ITEM_rptr(certificate));
}

static void tbs_cleanup(struct tbs **t)
{
	ASN1_item_free((ASN1_VALUE *)*t, ASN1_ITEM_rptr(tbs));
}

static void extensions_cleanup(X509_EXTENSIONS **e)
{
	sk_X509_EXTENSION_pop_free(*e, X509_EXTENSION_free);
}

/* The decoder takes some BER: what was read must be what would be written. */
static void *der_read(struct slice der, const ASN1_ITEM *type)
{
	const unsigned char *at = der.at;
	unsigned char *again = NULL;
	ASN1_VALUE *value = ASN1_item_d2i(NULL, &at, (long)der.len, type);
	int n = value ? ASN1_item_i2d(value, &again, type) : -1;
	bool same = n > 0 && slice_equal(der, (struct slice){ again, (size_t)n });
	OPENSSL_free(again);
	if (same)
		return value;
	ASN1_item_free(value, type);
	return NULL;
}

void items_init(struct items *i)
{
	buf_init(&i->raw, MAX_FACT_LIST);
	i->count = 0;
}

void items_free(struct items *i)
{
	buf_free(&i->raw);
	i->count = 0;
}

void items_put(struct items *i, uint8_t tag, struct slice item)
{
	list_put(&i->raw, &i->count, tag, item);
}

static void facts_init(struct facts *f, size_t size)
{
	*f = (struct facts){ .path_len = PATH_LEN_NONE };
	struct items *lists[] = { &f->subject,	&f->alt_names, &f->ext_key_usage, &f->permitted,
				  &f->excluded, &f->urls,      &f->policies,	  &f->opaque };
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		items_init(lists[i]);
	buf_init(&f->bytes, size);
	buf_room(&f->bytes, size);
}

void facts_free(struct facts *f)
{
	struct items *lists[] = { &f->subject,	&f->alt_names, &f->ext_key_usage, &f->permitted,
				  &f->excluded, &f->urls,      &f->policies,	  &f->opaque };
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		items_free(lists[i]);
	buf_free(&f->bytes);
}

static const char not_der[] = "it is not a DER certificate";

static int facts_refuse(char why[FACTS_WHY], const char *sentence)
{
	snprintf(why, FACTS_WHY, "%s", sentence);
	return 1;
}

static struct slice oid_slice(const ASN1_OBJECT *o)
{
	return (struct slice){ OBJ_get0_data(o), OBJ_length(o) };
}

static struct slice string_slice(const ASN1_STRING *s)
{
	return (struct slice){ ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s) };
}

static void name_cleanup(X509_NAME **n)
{
	X509_NAME_free(*n);
}

/* In whatever string type others wrote it. */
static bool foreign_put(struct items *out, uint8_t attribute, const ASN1_STRING *value)
{
	unsigned char *text = NULL;
	int n = ASN1_STRING_to_UTF8(&text, value);
	if (n >= 0)
		items_put(out, attribute, (struct slice){ text, (size_t)n });
	OPENSSL_free(text);
	return n >= 0;
}

/* One attribute an RDN, each of a known kind in a string type that we write. */
static bool name_read(const X509_NAME *name, bool foreign, struct items *out)
{
	int n = X509_NAME_entry_count(name);
	for (int i = 0; i < n; i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
		const ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);
		const struct dn_kind *kind = dn_kind_by_oid(oid_slice(X509_NAME_ENTRY_get_object(entry)));
		int type = ASN1_STRING_type(value);
		bool ours = type == V_ASN1_UTF8STRING || type == V_ASN1_PRINTABLESTRING || type == V_ASN1_IA5STRING;
		if (!kind || X509_NAME_ENTRY_set(entry) != i || (!ours && !foreign))
			return false;
		if (!foreign)
			items_put(out, kind->attribute, string_slice(value));
		else if (!foreign_put(out, kind->attribute, value))
			return false;
	}
	return true;
}

/* A directory name as the item that names/name.h describes. */
static bool directory_read(const X509_NAME *directory, bool foreign, struct buf *item)
{
	scoped_items name;
	items_init(&name);
	if (!name_read(directory, foreign, &name))
		return false;
	buf_put_u16(item, name.count);
	buf_put_slice(item, buf_slice(&name.raw));
	return buf_ok(item);
}

/* What we wrote is in its canonical form; what others wrote is brought into it. */
static bool name_keep(enum name_use use, uint8_t type, struct slice value, bool foreign, struct items *out)
{
	scoped_buf canonical = { .max = MAX_NAME };
	const char *why;
	if (foreign && !name_canonize(use, type, value, &canonical, &why))
		return false;
	items_put(out, type, foreign ? buf_slice(&canonical) : value);
	return true;
}

static bool general_name_read(enum name_use use, const GENERAL_NAME *g, bool foreign, struct items *out)
{
	int type;
	void *value = GENERAL_NAME_get0_value(g, &type);
	if (type == GEN_DNS || type == GEN_EMAIL || type == GEN_URI || type == GEN_IPADD) {
		uint8_t tag = type == GEN_DNS	  ? NAME_DNS
			      : type == GEN_EMAIL ? NAME_EMAIL
			      : type == GEN_URI	  ? NAME_URI
						  : NAME_IP;
		return name_keep(use, tag, string_slice(value), foreign, out);
	}
	scoped_buf item = { .max = MAX_NAME * 2 };
	return type == GEN_DIRNAME && directory_read(value, foreign, &item) &&
	       name_keep(use, NAME_DIRECTORY, buf_slice(&item), foreign, out);
}

/* Of others' names those that we know; of ours all. */
static bool alt_names_read(void *extension, struct facts *f)
{
	GENERAL_NAMES *names = extension;
	bool good = true;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		good = (general_name_read(AS_NAME, sk_GENERAL_NAME_value(names, i), f->foreign, &f->alt_names) &&
			good) ||
		       f->foreign;
	GENERAL_NAMES_free(names);
	return good;
}

static bool subtrees_read(const STACK_OF(GENERAL_SUBTREE) * trees, bool foreign, struct items *out)
{
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++) {
		const GENERAL_SUBTREE *tree = sk_GENERAL_SUBTREE_value(trees, i);
		if (tree->minimum || tree->maximum || !general_name_read(AS_SUBTREE, tree->base, foreign, out))
			return false;
	}
	return true;
}

static bool constraints_read(void *extension, struct facts *f)
{
	NAME_CONSTRAINTS *c = extension;
	bool good = subtrees_read(c->permittedSubtrees, f->foreign, &f->permitted) &&
		    subtrees_read(c->excludedSubtrees, f->foreign, &f->excluded);
	NAME_CONSTRAINTS_free(c);
	return good;
}

static bool basic_read(void *extension, struct facts *f)
{
	BASIC_CONSTRAINTS *basic = extension;
	f->ca = basic->ca != 0;
	bool good = true;
	if (basic->pathlen) {
		int64_t length;
		good = ASN1_INTEGER_get_int64(&length, basic->pathlen) && length >= 0 && length < PATH_LEN_NONE;
		f->path_len = good ? (uint16_t)length : 0;
	}
	BASIC_CONSTRAINTS_free(basic);
	return good;
}

static bool usage_read(void *extension, struct facts *f)
{
	ASN1_BIT_STRING *bits = extension;
	for (int i = 0; i < 9; i++)
		if (ASN1_BIT_STRING_get_bit(bits, i))
			f->key_usage |= (uint16_t)(1 << i);
	ASN1_BIT_STRING_free(bits);
	return true;
}

static bool ext_usage_read(void *extension, struct facts *f)
{
	EXTENDED_KEY_USAGE *usages = extension;
	for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++)
		items_put(&f->ext_key_usage, 0, oid_slice(sk_ASN1_OBJECT_value(usages, i)));
	EXTENDED_KEY_USAGE_free(usages);
	return true;
}

static bool policies_read(void *extension, struct facts *f)
{
	CERTIFICATEPOLICIES *policies = extension;
	bool good = true;
	for (int i = 0; i < sk_POLICYINFO_num(policies); i++) {
		const POLICYINFO *p = sk_POLICYINFO_value(policies, i);
		good = good && !p->qualifiers;
		items_put(&f->policies, 0, oid_slice(p->policyid));
	}
	CERTIFICATEPOLICIES_free(policies);
	return good;
}

static bool url_read(const GENERAL_NAME *g, uint8_t use, struct facts *f)
{
	int type;
	void *value = GENERAL_NAME_get0_value(g, &type);
	if (type != GEN_URI)
		return false;
	items_put(&f->urls, use, string_slice(value));
	return true;
}

static bool access_read(void *extension, struct facts *f)
{
	AUTHORITY_INFO_ACCESS *all = extension;
	bool good = true;
	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(all); i++) {
		const ACCESS_DESCRIPTION *d = sk_ACCESS_DESCRIPTION_value(all, i);
		int method = OBJ_obj2nid(d->method);
		uint8_t use = method == NID_ad_OCSP ? URL_OCSP : URL_CA_ISSUERS;
		good = good && (method == NID_ad_OCSP || method == NID_ad_ca_issuers) && url_read(d->location, use, f);
	}
	AUTHORITY_INFO_ACCESS_free(all);
	return good;
}

static bool points_read(void *extension, struct facts *f)
{
	CRL_DIST_POINTS *points = extension;
	bool good = true;
	for (int i = 0; good && i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT *p = sk_DIST_POINT_value(points, i);
		good = p->distpoint && p->distpoint->type == 0 && !p->reasons && !p->CRLissuer &&
		       sk_GENERAL_NAME_num(p->distpoint->name.fullname) == 1 &&
		       url_read(sk_GENERAL_NAME_value(p->distpoint->name.fullname, 0), URL_CRL, f);
	}
	CRL_DIST_POINTS_free(points);
	return good;
}

/* status_request alone: RFC 7633. */
static bool feature_read(void *extension, struct facts *f)
{
	TLS_FEATURE *features = extension;
	bool good = sk_ASN1_INTEGER_num(features) == 1 && ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, 0)) == 5;
	f->flags |= CERT_MUST_STAPLE;
	TLS_FEATURE_free(features);
	return good;
}

static bool no_check_read(void *extension, struct facts *f)
{
	ASN1_NULL_free(extension);
	f->no_check = true;
	return true;
}

static struct slice bytes_keep(struct facts *f, struct slice s)
{
	const uint8_t *at = f->bytes.at + f->bytes.len; /* all room was made at the start: nothing moves */
	buf_put_slice(&f->bytes, s);
	return (struct slice){ at, s.len };
}

static bool subject_key_read(void *extension, struct facts *f)
{
	ASN1_OCTET_STRING *id = extension;
	f->subject_key_id = bytes_keep(f, string_slice(id));
	ASN1_OCTET_STRING_free(id);
	return true;
}

static bool authority_key_read(void *extension, struct facts *f)
{
	AUTHORITY_KEYID *id = extension;
	bool good = id->keyid && !id->issuer && !id->serial;
	if (good)
		f->authority_key_id = bytes_keep(f, string_slice(id->keyid));
	AUTHORITY_KEYID_free(id);
	return good;
}

/* Every extension that we write, whether it is critical, and how it is read. -1: as the case may be. */
static const struct reader {
	int nid, critical;
	bool (*read)(void *extension, struct facts *f);
} readers[] = {
	{ NID_basic_constraints, 1, basic_read },
	{ NID_key_usage, 1, usage_read },
	{ NID_ext_key_usage, 0, ext_usage_read },
	{ NID_subject_key_identifier, 0, subject_key_read },
	{ NID_authority_key_identifier, 0, authority_key_read },
	{ NID_subject_alt_name, -1, alt_names_read },
	{ NID_name_constraints, 1, constraints_read },
	{ NID_certificate_policies, 0, policies_read },
	{ NID_info_access, 0, access_read },
	{ NID_crl_distribution_points, 0, points_read },
	{ NID_tlsfeature, 0, feature_read },
	{ NID_id_pkix_OCSP_noCheck, 0, no_check_read },
};
#define READERS (sizeof(readers) / sizeof(readers[0]))

/* What says what a CA may sign; nobody's way of writing it may be left out. */
static bool binds(int nid)
{
	return nid == NID_basic_constraints || nid == NID_key_usage || nid == NID_name_constraints ||
	       nid == NID_subject_key_identifier;
}

/* What the signer writes without knowing it: an identifier that has no form of its own here, once. */
static bool opaque_read(X509_EXTENSION *e, struct facts *f)
{
	static const uint8_t id_ce[] = { 0x55, 0x1d };
	struct slice oid = oid_slice(X509_EXTENSION_get_object(e)), other;
	scoped_buf item = { .max = MAX_OPAQUE };
	uint8_t tag;
	if (oid.len < 2 || oid.len > 255 || memcmp(oid.at, id_ce, 2) == 0)
		return false;
	buf_put_u8(&item, (uint8_t)oid.len);
	buf_put_slice(&item, oid);
	for (struct list l = items_list(&f->opaque); list_next(&l, &tag, &other);)
		if (other.len >= item.len && memcmp(other.at, item.at, item.len) == 0)
			return false;
	buf_put_slice(&item, string_slice(X509_EXTENSION_get_data(e)));
	items_put(&f->opaque, X509_EXTENSION_get_critical(e) != 0, buf_slice(&item));
	return buf_ok(&item);
}

static bool extension_read(X509_EXTENSION *e, unsigned *seen, struct facts *f)
{
	int nid = OBJ_obj2nid(X509_EXTENSION_get_object(e)), critical = X509_EXTENSION_get_critical(e);
	for (size_t i = 0; i < READERS; i++) {
		if (readers[i].nid != nid)
			continue;
		bool as_ours = f->foreign || readers[i].critical < 0 || critical == readers[i].critical;
		if (*seen & 1U << i || !as_ours)
			return false;
		*seen |= 1U << i;
		void *value = X509V3_EXT_d2i(e);
		return (value && readers[i].read(value, f)) || (f->foreign && !critical && !binds(nid));
	}
	return f->foreign ? !critical : opaque_read(e, f);
}

static bool time_read(const ASN1_TIME *t, int64_t *out)
{
	struct tm tm;
	if (!ASN1_TIME_to_tm(t, &tm))
		return false;
	*out = (int64_t)timegm(&tm);
	return true;
}

static bool subject_read(struct slice der, bool foreign, struct items *out)
{
	const unsigned char *at = der.at;
	__attribute__((cleanup(name_cleanup))) X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)der.len);
	return name && at == der.at + der.len && name_read(name, foreign, out);
}

static int extensions_take(const X509_EXTENSIONS *extensions, struct facts *f, char why[FACTS_WHY])
{
	unsigned seen = 0;
	for (int i = 0; i < sk_X509_EXTENSION_num(extensions); i++) {
		X509_EXTENSION *e = sk_X509_EXTENSION_value(extensions, i);
		if (extension_read(e, &seen, f))
			continue;
		char oid[80];
		OBJ_obj2txt(oid, sizeof(oid), X509_EXTENSION_get_object(e), 1);
		snprintf(why, FACTS_WHY, "its extension %s is unknown, doubled, wrongly critical or malformed", oid);
		bool names = OBJ_obj2nid(X509_EXTENSION_get_object(e)) == NID_name_constraints;
		return !f->foreign ? 1 : names ? 3 : X509_EXTENSION_get_critical(e) ? 2 : 1;
	}
	return f->ca && f->opaque.count ? facts_refuse(why, "it is a CA's and has an unknown extension") : 0;
}

static int extensions_read(const ASN1_STRING *der, struct facts *f, char why[FACTS_WHY])
{
	__attribute__((cleanup(extensions_cleanup))) X509_EXTENSIONS *extensions =
		der ? der_read(string_slice(der), ASN1_ITEM_rptr(X509_EXTENSIONS)) : NULL;
	if (der && !extensions)
		return facts_refuse(why, not_der);
	return extensions_take(extensions, f, why);
}

static int facts_fill(const struct tbs *t, struct facts *f, char why[FACTS_WHY])
{
	if (ASN1_INTEGER_get(t->version) != X509_VERSION_3)
		return facts_refuse(why, "it is not of version 3");
	if (ASN1_STRING_type(t->serial) != V_ASN1_INTEGER || ASN1_STRING_length(t->serial) > 20)
		return facts_refuse(why, "its serial number is negative or longer than 20 bytes");
	f->serial = bytes_keep(f, string_slice(t->serial));
	f->issuer_name = bytes_keep(f, string_slice(t->issuer));
	f->subject_name = bytes_keep(f, string_slice(t->subject));
	f->public_key = bytes_keep(f, string_slice(t->public_key));
	if (!time_read(t->validity->notBefore, &f->not_before) || !time_read(t->validity->notAfter, &f->not_after))
		return facts_refuse(why, "its validity can't be read");
	if (!subject_read(f->subject_name, f->foreign, &f->subject))
		return facts_refuse(why, "its subject has an attribute of an unknown kind or form");
	int r = extensions_read(t->extensions, f, why);
	if (r)
		return r;
	return buf_ok(&f->bytes) ? 0 : facts_refuse(why, "it is too large");
}

static int facts_decode(struct slice der, bool foreign, struct facts *out, char why[FACTS_WHY])
{
	facts_init(out, der.len + 1);
	out->foreign = foreign;
	hash_of(der, out->fingerprint);
	__attribute__((cleanup(certificate_cleanup))) struct certificate *c =
		der_read(der, ASN1_ITEM_rptr(certificate));
	__attribute__((cleanup(tbs_cleanup))) struct tbs *t =
		c ? der_read(string_slice(c->tbs), ASN1_ITEM_rptr(tbs)) : NULL;
	if (!t || !buf_ok(&out->bytes))
		return facts_refuse(why, not_der);
	return facts_fill(t, out, why);
}

int facts_read(struct slice der, struct facts *out, char why[FACTS_WHY])
{
	return facts_decode(der, false, out, why);
}

int facts_read_foreign(struct slice der, struct facts *out, char why[FACTS_WHY])
{
	return facts_decode(der, true, out, why);
}

static void request_cleanup(X509_REQ **r)
{
	X509_REQ_free(*r);
}

static struct slice public_key_keep(struct facts *f, X509_PUBKEY *key)
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(key, &der);
	struct slice kept = bytes_keep(f, (struct slice){ der, n > 0 ? (size_t)n : 0 });
	OPENSSL_free(der);
	return kept;
}

int facts_read_request(struct slice der, struct facts *out, char why[FACTS_WHY])
{
	facts_init(out, 2 * der.len + 1);
	const unsigned char *at = der.at;
	__attribute__((cleanup(request_cleanup))) X509_REQ *r = d2i_X509_REQ(NULL, &at, (long)der.len);
	EVP_PKEY *key = r && at == der.at + der.len ? X509_REQ_get0_pubkey(r) : NULL;
	if (!key || X509_REQ_verify(r, key) != 1)
		return facts_refuse(why, "it is not a request that its own key has signed");
	out->public_key = public_key_keep(out, X509_REQ_get_X509_PUBKEY(r));
	if (!name_read(X509_REQ_get_subject_name(r), false, &out->subject))
		return facts_refuse(why, "its subject has an attribute of an unknown kind or form");
	__attribute__((cleanup(extensions_cleanup))) X509_EXTENSIONS *asked = X509_REQ_get_extensions(r);
	int bad = asked ? extensions_take(asked, out, why) : facts_refuse(why, "it asks for no extensions");
	if (bad)
		return bad;
	return buf_ok(&out->bytes) && out->ca ? 0 : facts_refuse(why, "it does not ask for a CA's certificate");
}
