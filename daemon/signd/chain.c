#include "signd/chain.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "names/dn.h"
#include "signd/anchors.h"
#include "signd/encode/oid.h"

#define MAX_PATH_LEN 255
#define SECURITY_LEVEL 2   /* 112 bits: no SHA-1 and no short key between the certificate and its root */
#define MAX_NAME_DER 16384 /* what a charter has room for */
#define MAX_USAGES 16

#define REFUSED(name, at) ((struct verdict){ REFUSE_##name, at })
#define FINE ((struct verdict){ 0, NULL })

void chain_init(struct chain *c)
{
	*c = (struct chain){ .path_len = PATH_LEN_NONE, .not_before = INT64_MIN, .not_after = INT64_MAX };
	buf_init(&c->subject, MAX_NAME_DER);
	buf_init(&c->public_key, 2048);
	buf_init(&c->usages, MAX_USAGES * 67);
	constraints_buf_init(&c->effective);
}

void chain_free(struct chain *c)
{
	sk_X509_pop_free(c->path, X509_free);
	buf_free(&c->subject);
	buf_free(&c->public_key);
	buf_free(&c->usages);
	constraints_buf_free(&c->effective);
}

static void put_encoded(struct buf *out, unsigned char *der, int n)
{
	if (n > 0)
		buf_put(out, der, (size_t)n);
	else
		out->broken = true;
	OPENSSL_free(der);
}

static void certificate_put(const X509 *x, struct buf *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);
	put_encoded(out, der, n);
}

X509 *certificate_read(struct slice der)
{
	scoped_buf again = { .max = der.len };
	const unsigned char *at = der.at;
	X509 *x = d2i_X509(NULL, &at, (long)der.len);
	if (x)
		certificate_put(x, &again);
	if (x && slice_equal(buf_slice(&again), der))
		return x;
	X509_free(x);
	ERR_clear_error();
	return NULL;
}

void certificate_subject(const X509 *x, struct buf *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509_NAME(X509_get_subject_name(x), &der);
	put_encoded(out, der, n);
}

void certificate_public_key(const X509 *x, struct buf *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	put_encoded(out, der, n);
}

int64_t certificate_time(const ASN1_TIME *t)
{
	struct tm tm;
	return ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : INT64_MIN;
}

/* Attributes one an RDN, all known; as name_canonize() takes them. */
static bool directory_items(const X509_NAME *name, struct buf *raw)
{
	scoped_buf items = { .max = MAX_NAME };
	uint16_t count = 0;
	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);
		const ASN1_OBJECT *oid = X509_NAME_ENTRY_get_object(e);
		const struct dn_kind *kind = dn_kind_by_oid((struct slice){ OBJ_get0_data(oid), OBJ_length(oid) });
		unsigned char *text = NULL;
		int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(e));
		bool fits = kind && n > 0 && X509_NAME_ENTRY_set(e) == i;
		if (fits)
			list_put(&items, &count, kind->attribute, (struct slice){ text, (size_t)n });
		OPENSSL_free(text);
		if (!fits)
			return false;
	}
	buf_put_u16(raw, count);
	buf_put_slice(raw, buf_slice(&items));
	return buf_ok(raw);
}

static struct slice string_slice(const ASN1_STRING *s)
{
	return (struct slice){ ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s) };
}

/* One base of a subtree in its canonical form; false: of a form that we can't hold names against. */
static bool subtree_read(const GENERAL_NAME *base, struct buf *raw, uint16_t *count)
{
	static const uint8_t types[] = { [GEN_EMAIL] = NAME_EMAIL,
					 [GEN_DNS] = NAME_DNS,
					 [GEN_URI] = NAME_URI,
					 [GEN_IPADD] = NAME_IP,
					 [GEN_DIRNAME] = NAME_DIRECTORY };
	scoped_buf directory = { .max = MAX_NAME }, value = { .max = MAX_NAME };
	const char *why;
	int form;
	const void *at = GENERAL_NAME_get0_value(base, &form);
	uint8_t type = form >= 0 && (size_t)form < sizeof(types) ? types[form] : 0;
	if (!type || (type == NAME_DIRECTORY && !directory_items(at, &directory)))
		return false;
	struct slice given = type == NAME_DIRECTORY ? buf_slice(&directory) : string_slice(at);
	if (!name_canonize(AS_SUBTREE, type, given, &value, &why))
		return false;
	list_put(raw, count, type, buf_slice(&value));
	return *count <= MAX_SUBTREES;
}

/* RFC 5280 4.2.1.10: minimum is 0 and absent, maximum is absent. */
static bool subtrees_read(const STACK_OF(GENERAL_SUBTREE) * all, struct buf *raw, uint16_t *count)
{
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(all); i++) {
		const GENERAL_SUBTREE *s = sk_GENERAL_SUBTREE_value(all, i);
		if (s->minimum || s->maximum || !subtree_read(s->base, raw, count))
			return false;
	}
	return buf_ok(raw);
}

/* What one certificate states; an extension that is there twice, or empty, is refused too. */
static bool constraints_read(const X509 *x, struct constraints_buf *out)
{
	int critical;
	NAME_CONSTRAINTS *nc = X509_get_ext_d2i(x, NID_name_constraints, &critical, NULL);
	if (!nc)
		return critical == -1;
	bool known = subtrees_read(nc->permittedSubtrees, &out->permitted, &out->permitted_count) &&
		     subtrees_read(nc->excludedSubtrees, &out->excluded, &out->excluded_count);
	NAME_CONSTRAINTS_free(nc);
	struct constraints stated = constraints_of(out);
	return known && !constraints_empty(&stated) && constraints_check(&stated);
}

static bool take_constraints(struct chain *c, const X509 *x)
{
	struct constraints_buf stated, both;
	constraints_buf_init(&stated);
	constraints_buf_init(&both);
	bool fits = constraints_read(x, &stated);
	struct constraints above = constraints_of(&c->effective), own = constraints_of(&stated);
	fits = fits && constraints_combine(&above, &own, &both) == CONSTRAINTS_OK;
	constraints_buf_free(&stated);
	constraints_buf_free(fits ? &c->effective : &both);
	if (fits)
		c->effective = both;
	return fits;
}

/* RFC 5280 6.1.4 (l) and (m); libcrypto has seen to it that it never falls below zero. */
static bool take_path_len(struct chain *c, X509 *x, bool is_root)
{
	bool self_issued = X509_get_extension_flags(x) & EXFLAG_SI;
	long own = X509_get_pathlen(x);
	if (!is_root && !self_issued && c->path_len != PATH_LEN_NONE && c->path_len-- == 0)
		return false;
	if (own > MAX_PATH_LEN)
		return false;
	if (own >= 0 && own < c->path_len)
		c->path_len = (uint16_t)own;
	return true;
}

static bool has_usage(const EXTENDED_KEY_USAGE *usages, struct slice oid)
{
	for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++) {
		const ASN1_OBJECT *o = sk_ASN1_OBJECT_value(usages, i);
		if (slice_equal((struct slice){ OBJ_get0_data(o), OBJ_length(o) }, oid))
			return true;
	}
	return false;
}

static void put_usages(struct chain *c, const EXTENDED_KEY_USAGE *usages)
{
	for (int i = 0; i < sk_ASN1_OBJECT_num(usages) && c->usage_count <= MAX_USAGES; i++) {
		const ASN1_OBJECT *o = sk_ASN1_OBJECT_value(usages, i);
		list_put(&c->usages, &c->usage_count, 0, (struct slice){ OBJ_get0_data(o), OBJ_length(o) });
	}
}

/* The usages of a chain are what all of its certificates that state some have in common. */
static bool take_usages(struct chain *c, const X509 *x)
{
	int critical;
	scoped_buf before = { .max = c->usages.max };
	EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(x, NID_ext_key_usage, &critical, NULL);
	if (!usages)
		return critical == -1;
	struct list held = { c->usage_count, { 0 } };
	buf_put_slice(&before, buf_slice(&c->usages));
	held.raw = buf_slice(&before);
	if (!has_usage(usages, OID_SLICE(OID_ANY_EXT_KEY_USAGE))) {
		uint8_t tag;
		struct slice oid;
		bool first = held.count == 0;
		buf_clear(&c->usages);
		c->usage_count = 0;
		if (first)
			put_usages(c, usages);
		while (list_next(&held, &tag, &oid))
			if (has_usage(usages, oid))
				list_put(&c->usages, &c->usage_count, tag, oid);
	}
	bool left = c->usage_count > 0 || has_usage(usages, OID_SLICE(OID_ANY_EXT_KEY_USAGE));
	EXTENDED_KEY_USAGE_free(usages);
	return left && c->usage_count <= MAX_USAGES && buf_ok(&c->usages) && buf_ok(&before);
}

/* CA:TRUE, keyCertSign, a name, a key identifier to copy. */
static bool is_ca(X509 *x)
{
	const uint32_t wanted = EXFLAG_BCONS | EXFLAG_CA | EXFLAG_KUSAGE;
	return (X509_get_extension_flags(x) & (wanted | EXFLAG_INVALID)) == wanted &&
	       X509_get_key_usage(x) & KU_KEY_CERT_SIGN && X509_NAME_entry_count(X509_get_subject_name(x)) > 0 &&
	       X509_get0_subject_key_id(x);
}

static struct verdict take_certificate(struct chain *c, X509 *x, bool is_root, const char *field)
{
	int64_t from = certificate_time(X509_get0_notBefore(x)), until = certificate_time(X509_get0_notAfter(x));
	if (!is_ca(x) || !take_usages(c, x))
		return REFUSED(IMPORT_CERT, field);
	if (!take_path_len(c, x, is_root))
		return REFUSED(PATH_LEN, field);
	if (!take_constraints(c, x))
		return REFUSED(CONSTRAINTS, field);
	c->not_before = from > c->not_before ? from : c->not_before;
	c->not_after = until < c->not_after ? until : c->not_after;
	return FINE;
}

/* From the root down, as a path is processed: RFC 5280 6.1. */
static struct verdict take_path(struct chain *c)
{
	int n = sk_X509_num(c->path);
	for (int i = n - 1; i >= 0; i--) {
		struct verdict v =
			take_certificate(c, sk_X509_value(c->path, i), i == n - 1, i ? "chain" : "certificate");
		if (v.code)
			return v;
	}
	X509 *own = sk_X509_value(c->path, 0);
	c->key_hash = string_slice(X509_get0_subject_key_id(own));
	certificate_subject(own, &c->subject);
	certificate_public_key(own, &c->public_key);
	bool fits = buf_ok(&c->subject) && buf_ok(&c->public_key) && c->key_hash.len && c->key_hash.len <= 64;
	return fits ? FINE : REFUSED(IMPORT_CERT, "certificate");
}

static struct verdict path_verdict(int error)
{
	log_warning("import_refused", "why=\"%s\"", X509_verify_cert_error_string(error));
	bool unlisted =
		error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT || error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
	return unlisted ? REFUSED(UNLISTED_ROOT, "chain") : REFUSED(IMPORT_CHAIN, "certificate");
}

/* 0 with the path, or an X509_V_ERR number. */
static int path_build(struct chain *c, STACK_OF(X509) * anchors, X509 *x, STACK_OF(X509) * untrusted, int64_t now)
{
	int error = X509_V_ERR_OUT_OF_MEM;
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	if (ctx && X509_STORE_CTX_init(ctx, NULL, x, untrusted) == 1) {
		X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(ctx);
		X509_STORE_CTX_set0_trusted_stack(ctx, anchors);
		X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
		X509_VERIFY_PARAM_set_time(p, (time_t)now);
		X509_VERIFY_PARAM_set_depth(p, MAX_CHAIN - 1); /* between the certificate and its root */
		X509_VERIFY_PARAM_set_auth_level(p, SECURITY_LEVEL);
		if (X509_verify_cert(ctx) == 1)
			c->path = X509_STORE_CTX_get1_chain(ctx);
		else
			error = X509_STORE_CTX_get_error(ctx);
	}
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return c->path ? 0 : error;
}

/* libcrypto takes the first anchor of a fitting name; a renewed root, say, stands beside its elder, so each is tried.
 */
static struct verdict path_find(struct chain *c, STACK_OF(X509) * anchors, X509 *x, STACK_OF(X509) * untrusted,
				int64_t now)
{
	int error = path_build(c, anchors, x, untrusted, now);
	for (int i = 0; !c->path && i < sk_X509_num(anchors); i++) {
		STACK_OF(X509) *one = sk_X509_new_null();
		if (one && sk_X509_push(one, sk_X509_value(anchors, i)))
			path_build(c, one, x, untrusted, now);
		sk_X509_free(one);
	}
	return c->path ? FINE : path_verdict(error);
}

static bool untrusted_read(struct list list, STACK_OF(X509) * out)
{
	uint8_t tag;
	struct slice der;
	while (list_next(&list, &tag, &der)) {
		X509 *x = certificate_read(der);
		if (!x || !sk_X509_push(out, x)) {
			X509_free(x);
			return false;
		}
	}
	return true;
}

/* The chain's own roots, where people have agreed to them. */
static bool anchors_own(X509 *x, STACK_OF(X509) * untrusted, STACK_OF(X509) * anchors)
{
	for (int i = -1; i < sk_X509_num(untrusted); i++) {
		X509 *one = i < 0 ? x : sk_X509_value(untrusted, i);
		if (!(X509_get_extension_flags(one) & EXFLAG_SS))
			continue;
		if (!sk_X509_push(anchors, one))
			return false;
		X509_up_ref(one);
	}
	return true;
}

void chain_approved(const struct chain *c, struct buf *out)
{
	int root = sk_X509_num(c->path) - 1;
	certificate_put(sk_X509_value(c->path, root), out);
	if (root > 0)
		certificate_put(sk_X509_value(c->path, 0), out);
}

struct verdict chain_read(struct chain *c, const char *anchors_dir, struct slice certificate, struct list list,
			  int64_t now)
{
	X509 *x = certificate_read(certificate);
	STACK_OF(X509) *anchors = sk_X509_new_null();
	STACK_OF(X509) *untrusted = sk_X509_new_null();
	struct verdict v = FINE;
	if (!x || !is_ca(x))
		v = REFUSED(IMPORT_CERT, "certificate");
	else if (!anchors || !untrusted || !untrusted_read(list, untrusted))
		v = REFUSED(IMPORT_CERT, "chain");
	else if (!anchors_dir ? !anchors_own(x, untrusted, anchors) : anchors_load(anchors_dir, anchors) != 0)
		v = REFUSED(UNLISTED_ROOT, "chain");
	else
		v = path_find(c, anchors, x, untrusted, now);
	sk_X509_pop_free(untrusted, X509_free);
	sk_X509_pop_free(anchors, X509_free);
	X509_free(x);
	return v.code ? v : take_path(c);
}

void chain_charter(const struct chain *c, struct charter *out)
{
	struct constraints effective = constraints_of(&c->effective);
	out->subject = buf_slice(&c->subject);
	out->key_hash = c->key_hash;
	out->path_len = c->path_len;
	out->permitted = effective.permitted;
	out->excluded = effective.excluded;
	out->ext_key_usage = list_of(&c->usages, c->usage_count);
}

uint16_t chain_issuers(const struct chain *c, struct buf *raw)
{
	uint16_t count = 0;
	for (int i = 1; i < sk_X509_num(c->path); i++) {
		scoped_buf der = { .max = 32768 };
		certificate_put(sk_X509_value(c->path, i), &der);
		if (!buf_ok(&der))
			raw->broken = true;
		list_put(raw, &count, 0, buf_slice(&der));
	}
	return count;
}
