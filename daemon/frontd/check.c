#include "frontd/check.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

static int differs(char why[FACTS_WHY], const char *what)
{
	snprintf(why, FACTS_WHY, "%s is not what was asked for", what);
	return 1;
}

/* The items of one tag. */
static void list_only(struct list l, uint8_t only, struct items *out)
{
	uint8_t tag;
	struct slice item;
	while (list_next(&l, &tag, &item))
		if (tag == only)
			items_put(out, tag, item);
}

/* Distribution points and the two kinds of access stand in extensions of their own, so the order counts only within
 * each. */
static bool same_urls(struct list got, struct list asked)
{
	for (unsigned use = URL_CRL; use <= URL_CA_ISSUERS; use++) {
		scoped_items a, b;
		items_init(&a);
		items_init(&b);
		list_only(got, (uint8_t)use, &a);
		list_only(asked, (uint8_t)use, &b);
		if (!list_equal(items_list(&a), items_list(&b)))
			return false;
	}
	return got.count == asked.count;
}

/* Object identifiers, whatever the tags were. */
static bool same_oids(struct list got, struct list asked)
{
	if (got.count != asked.count)
		return false;
	uint8_t tag;
	struct slice a, b;
	while (list_next(&got, &tag, &a))
		if (!list_next(&asked, &tag, &b) || !slice_equal(a, b))
			return false;
	return true;
}

static int check_ca(const struct facts *got, const struct cert_sign_request *asked, char why[FACTS_WHY])
{
	if (!got->ca)
		return differs(why, "basicConstraints");
	if (got->path_len != asked->path_len)
		return differs(why, "pathLenConstraint");
	if (got->key_usage != (USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN))
		return differs(why, "keyUsage");
	if (got->alt_names.count)
		return differs(why, "subjectAltName");
	return 0;
}

static int check_leaf(const struct facts *got, const struct cert_sign_request *asked, char why[FACTS_WHY])
{
	if (got->ca || got->path_len != PATH_LEN_NONE)
		return differs(why, "basicConstraints");
	if (got->key_usage != asked->key_usage)
		return differs(why, "keyUsage");
	if (!list_equal(items_list(&got->alt_names), asked->alt_names))
		return differs(why, "subjectAltName");
	return 0;
}

/* RFC 6960 4.2.2.2. */
static int check_responder(const struct facts *got, char why[FACTS_WHY])
{
	static const uint8_t ocsp_signing[] = { 0x2b, 6, 1, 5, 5, 7, 3, 9 };
	struct list usages = items_list(&got->ext_key_usage);
	struct slice oid;
	uint8_t tag;
	if (got->ca || got->path_len != PATH_LEN_NONE)
		return differs(why, "basicConstraints");
	if (got->key_usage != USAGE_DIGITAL_SIGNATURE)
		return differs(why, "keyUsage");
	if (got->alt_names.count)
		return differs(why, "subjectAltName");
	if (usages.count != 1 || !list_next(&usages, &tag, &oid) || !slice_equal(oid, SLICE_OF(ocsp_signing)))
		return differs(why, "extKeyUsage");
	return got->no_check ? 0 : differs(why, "ocsp-nocheck");
}

static int check_kind(const struct facts *got, const struct cert_sign_request *asked, char why[FACTS_WHY])
{
	if (asked->kind == KIND_OCSP_RESPONDER)
		return check_responder(got, why);
	if (got->no_check)
		return differs(why, "ocsp-nocheck");
	if (!same_oids(items_list(&got->ext_key_usage), asked->ext_key_usage))
		return differs(why, "extKeyUsage");
	return asked->kind == KIND_LEAF ? check_leaf(got, asked, why) : check_ca(got, asked, why);
}

static int check_issuer(const struct facts *got, const struct check_asked *asked, char why[FACTS_WHY])
{
	struct slice name = asked->issuer_name.len ? asked->issuer_name : got->subject_name;
	struct slice key_id = asked->issuer_key_id.len ? asked->issuer_key_id : got->subject_key_id;
	if (!slice_equal(got->issuer_name, name))
		return differs(why, "the issuer");
	if (got->subject_key_id.len == 0)
		return differs(why, "subjectKeyIdentifier");
	if (!slice_equal(got->authority_key_id, key_id))
		return differs(why, "authorityKeyIdentifier");
	return 0;
}

int check_certificate(const struct facts *got, const struct check_asked *asked, char why[FACTS_WHY])
{
	const struct cert_sign_request *fields = &asked->fields;
	int r = check_issuer(got, asked, why);
	if (r == 0)
		r = check_kind(got, fields, why);
	if (r)
		return r;
	if (got->serial.len < 9 || got->serial.len > 20)
		return differs(why, "the length of the serial number");
	if (!slice_equal(got->public_key, asked->public_key))
		return differs(why, "the public key");
	if (!list_equal(items_list(&got->subject), fields->subject))
		return differs(why, "the subject");
	if (got->not_before != fields->not_before || got->not_after != fields->not_after)
		return differs(why, "the validity");
	if (!list_equal(items_list(&got->permitted), fields->permitted) ||
	    !list_equal(items_list(&got->excluded), fields->excluded))
		return differs(why, "nameConstraints");
	if (!same_oids(items_list(&got->policies), fields->policies))
		return differs(why, "certificatePolicies");
	if (!same_urls(items_list(&got->urls), fields->urls))
		return differs(why, "a URL");
	if (!list_equal(items_list(&got->opaque), fields->opaque))
		return differs(why, "an extension without a typed form");
	if (got->flags != fields->flags)
		return differs(why, "the TLS feature");
	return 0;
}

int check_request(const struct cert_sign_request *r, enum lint_severity least, struct lint_report *out)
{
	struct lint_asked asked = { .kind = r->kind == KIND_LEAF ? LINT_LEAF : LINT_CA,
				    .not_before = r->not_before,
				    .not_after = r->not_after,
				    .public_key = r->key_form == KEY_FOREIGN ? r->subject_key : (struct slice){ 0 },
				    .subject = r->subject,
				    .alt_names = r->alt_names,
				    .ext_key_usage = r->ext_key_usage,
				    .permitted = r->permitted,
				    .excluded = r->excluded,
				    .urls = r->urls,
				    .policies = r->policies,
				    .key_usage = r->key_usage,
				    .path_len_there = r->path_len != PATH_LEN_NONE,
				    .must_staple = r->flags & CERT_MUST_STAPLE };
	lint_fields(&asked, out);
	return lint_worst(out, least) != NULL;
}

int check_rules(struct slice certificate, char why[FACTS_WHY])
{
	struct lint_report report;
	lint_certificate(certificate, &report);
	const struct lint_finding *f = lint_worst(&report, LINT_ERROR);
	if (!f)
		return 0;
	snprintf(why, FACTS_WHY, "it breaks the rule %s%s%s", f->rule->id, f->where[0] ? ": " : "", f->where);
	return 1;
}

struct validation {
	X509_STORE *store;
	X509_STORE_CTX *context;
	STACK_OF(X509) * issuers;
	X509 *subject;
};

static void validation_free(struct validation *v)
{
	X509_STORE_CTX_free(v->context);
	X509_STORE_free(v->store);
	sk_X509_pop_free(v->issuers, X509_free);
	X509_free(v->subject);
}

static X509 *x509_of(struct slice der)
{
	const unsigned char *at = der.at;
	return d2i_X509(NULL, &at, (long)der.len);
}

bool check_signed(struct slice certificate, struct slice issuer)
{
	X509 *x = x509_of(certificate), *above = x509_of(issuer);
	EVP_PKEY *key = above ? X509_get0_pubkey(above) : NULL;
	bool good = x && key && X509_verify(x, key) == 1;
	X509_free(x);
	X509_free(above);
	ERR_clear_error();
	return good;
}

static bool validation_load(struct validation *v, const struct slice *certificates, size_t count)
{
	v->store = X509_STORE_new();
	v->context = X509_STORE_CTX_new();
	v->issuers = sk_X509_new_null();
	v->subject = x509_of(certificates[0]);
	if (!v->store || !v->context || !v->issuers || !v->subject)
		return false;
	for (size_t i = 1; i + 1 < count; i++) {
		X509 *x = x509_of(certificates[i]);
		if (!x || !sk_X509_push(v->issuers, x)) {
			X509_free(x);
			return false;
		}
	}
	X509 *root = x509_of(certificates[count - 1]);
	bool added = root && X509_STORE_add_cert(v->store, root);
	X509_free(root);
	return added && X509_STORE_CTX_init(v->context, v->store, v->subject, v->issuers);
}

int check_chain(const struct slice *certificates, size_t count, int64_t now, char why[FACTS_WHY])
{
	__attribute__((cleanup(validation_free))) struct validation v = { 0 };
	if (count == 0 || !validation_load(&v, certificates, count)) {
		snprintf(why, FACTS_WHY, "the chain holds something that is no certificate");
		return 1;
	}
	X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(v.context);
	X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
	X509_VERIFY_PARAM_set_time(p, (time_t)now);
	if (X509_verify_cert(v.context) == 1)
		return 0;
	int depth = X509_STORE_CTX_get_error_depth(v.context);
	snprintf(why, FACTS_WHY, "the chain does not validate at depth %d: %s", depth,
		 X509_verify_cert_error_string(X509_STORE_CTX_get_error(v.context)));
	return 1;
}
