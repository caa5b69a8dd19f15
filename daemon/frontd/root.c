#include "frontd/root.h"

#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/algorithm.h"
#include "base/text.h"
#include "frontd/check.h"
#include "frontd/input.h"
#include "names/constraints.h"
#include "names/dn.h"
#include "wire/inner.h"

#define BLOCK "-----BEGIN "
#define MAX_PATH_LEN 255      /* as of a root that is made here */
#define PRIVATE "PRIVATE KEY" /* of every kind: RSA, EC, ENCRYPTED, OPENSSH */

/* What a certificate is read for: who asks, the member that holds it, and what codes about it begin with. */
struct reading {
	struct call *call;
	const char *field, *kind;
	struct root *root;
};

#define refuse(r, code, ...) call_refuse((r)->call, 400, code, (r)->field, __VA_ARGS__)

static const char *code_of(const struct reading *r, const char *what, char code[48])
{
	snprintf(code, 48, "%s_%s", r->kind, what);
	return code;
}
/* About this kind of certificate: root_expired, certificate_expired. */
#define refuse_kind(r, what, ...) refuse(r, code_of(r, what, (char[48]){ "" }), __VA_ARGS__)

static bool holds_key(json_t *value)
{
	const char *member;
	json_t *inner;
	size_t i;
	if (json_is_string(value))
		return memmem(json_string_value(value), json_string_length(value), PRIVATE "-----",
			      sizeof(PRIVATE) + 4) != NULL;
	json_array_foreach(value, i, inner) if (holds_key(inner)) return true;
	json_object_foreach(value, member, inner) if (holds_key(inner) || strstr(member, PRIVATE "-----")) return true;
	return false;
}

static int refuse_key(struct call *c, const char *field)
{
	return call_refuse(
		c, 400, "private_key", field,
		"The request holds a private key. It was not kept; replace that key, as it has left its place, and "
		"send the certificate alone.");
}

int root_keyless(struct call *c)
{
	const char *member;
	json_t *value;
	if (!holds_key(c->body))
		return 0;
	json_object_foreach(c->body, member, value) if (holds_key(value) && text_visible(slice_text(member)) &&
							strlen(member) < 64) return refuse_key(c, member);
	return refuse_key(c, NULL);
}

int root_read_member(struct call *c, const char *field, const char **pem)
{
	const char *const known[] = { field, NULL };
	int r = root_keyless(c);
	if (!r)
		r = input_members(c, known);
	if (!r)
		r = input_block(c, field, MAX_ROOT_PEM, pem);
	if (r || *pem)
		return r;
	return call_refuse(c, 400, "missing_field", field, "%s is required: one PEM block, CERTIFICATE.", field);
}

/* Exactly one block, and that of a certificate. */
static int block_read(const struct reading *r, const char *pem)
{
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	long size = 0;
	const char *first = strstr(pem, BLOCK);
	if (strstr(pem, PRIVATE))
		return refuse_key(r->call, r->field);
	bool one = first && !strstr(first + 1, BLOCK);
	BIO *in = one ? BIO_new_mem_buf(pem, -1) : NULL;
	one = in && PEM_read_bio(in, &name, &header, &der, &size) == 1 && !*header && strcmp(name, "CERTIFICATE") == 0;
	if (one)
		buf_put(&r->root->der, der, (size_t)size);
	BIO_free(in);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	ERR_clear_error();
	if (!one)
		return refuse_kind(r, "not_pem", "%s must be exactly one PEM block, CERTIFICATE.", r->field);
	return buf_ok(&r->root->der) ? 0
				     : refuse_kind(r, "malformed", "%s is longer than %d bytes.", r->field, MAX_ROOT);
}

static int facts_check(const struct reading *r)
{
	static const char *const codes[] = { "", NULL, "unknown_critical_extension", "bad_name_constraint" };
	char why[FACTS_WHY] = "", code[48];
	int bad = facts_read_foreign(buf_slice(&r->root->der), &r->root->facts, why);
	if (!bad)
		return 0;
	return refuse(r, codes[bad] ? codes[bad] : code_of(r, "malformed", code), "%s can't be taken: %s.", r->field,
		      why);
}

/* Bounds of length are its maker's affair; what can't be shown to people safely is not taken. */
static int subject_check(const struct reading *r)
{
	struct list subject = items_list(&r->root->facts.subject);
	uint8_t attribute;
	struct slice value;
	if (subject.count == 0)
		return refuse(r, "subject_empty", "%s must have a subject.", r->field);
	if (subject.count > MAX_DN_ATTRIBUTES)
		return refuse(r, "subject_invalid", "%s has more than %d attributes in its subject.", r->field,
			      MAX_DN_ATTRIBUTES);
	while (list_next(&subject, &attribute, &value))
		if (value.len == 0 || value.len > MAX_DN_VALUE || !text_visible(value))
			return refuse(r, "subject_invalid",
				      "The subject's %s in %s must be visible text of 1 to %d bytes.",
				      dn_kind(attribute)->short_name, r->field, MAX_DN_VALUE);
	return 0;
}

static uint8_t curve_number(EVP_PKEY *key)
{
	char curve[64] = "";
	EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL);
	int nid = OBJ_txt2nid(curve);
	return nid == NID_X9_62_prime256v1 ? ALGORITHM_ECDSA_P256
	       : nid == NID_secp384r1	   ? ALGORITHM_ECDSA_P384
	       : nid == NID_secp521r1	   ? ALGORITHM_ECDSA_P521
					   : 0;
}

/* 0: none of ours. */
static uint8_t key_number(EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "EC"))
		return curve_number(key);
	if (EVP_PKEY_is_a(key, "ED25519"))
		return ALGORITHM_ED25519;
	const struct algorithm *a;
	for (size_t i = 0; EVP_PKEY_is_a(key, "RSA") && (a = algorithm_at(i)); i++)
		if (a->family == FAMILY_RSA && a->bits == (unsigned)EVP_PKEY_get_bits(key))
			return a->number;
	return 0;
}

uint8_t root_key_algorithm(struct slice public_key)
{
	const unsigned char *at = public_key.at;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)public_key.len);
	uint8_t number = key ? key_number(key) : 0;
	EVP_PKEY_free(key);
	ERR_clear_error();
	return number;
}

static int signature_check(const struct reading *r, bool is_root)
{
	struct root *root = r->root;
	const unsigned char *at = root->der.at;
	X509 *x = d2i_X509(NULL, &at, (long)root->der.len);
	EVP_PKEY *key = x ? X509_get0_pubkey(x) : NULL;
	bool own = slice_equal(root->facts.subject_name, root->facts.issuer_name) && key && X509_verify(x, key) == 1;
	root->algorithm = key ? key_number(key) : 0;
	X509_free(x);
	ERR_clear_error();
	if (!key)
		return refuse(r, "algorithm_not_supported", "The key of %s can't be read.", r->field);
	if (is_root && !own)
		return refuse(r, "not_self_signed",
			      "%s must be a root: its issuer is its subject, and its own key has signed it.", r->field);
	if (!root->algorithm)
		return refuse(
			r, "algorithm_not_supported",
			"The key of %s must be RSA with 2048, 3072 or 4096 bits, ECDSA on P-256, P-384 or P-521, or "
			"Ed25519.",
			r->field);
	return 0;
}

static int authority_check(const struct reading *r)
{
	const struct facts *f = &r->root->facts;
	if (!f->ca)
		return refuse_kind(r, "not_ca", "%s must be a CA's certificate: basicConstraints with CA:TRUE.",
				   r->field);
	if (!(f->key_usage & USAGE_KEY_CERT_SIGN))
		return refuse_kind(r, "not_ca", "%s must have keyCertSign in its key usage.", r->field);
	if (f->path_len != PATH_LEN_NONE && f->path_len > MAX_PATH_LEN)
		return refuse_kind(r, "invalid", "%s must have a path length of at most %d, or none.", r->field,
				   MAX_PATH_LEN);
	struct constraints stated = facts_constraints(f);
	if (!constraints_check(&stated))
		return refuse(r, "bad_name_constraint", "%s has name constraints that can't be enforced.", r->field);
	return 0;
}

static int time_check(const struct reading *r, int64_t now)
{
	const struct facts *f = &r->root->facts;
	if (now > f->not_after)
		return refuse_kind(r, "expired", "%s has expired.", r->field);
	if (now < f->not_before)
		return refuse_kind(r, "not_yet_valid", "%s is not valid yet.", r->field);
	return 0;
}

/* What is left of RFC 5280's rules, by the library that will judge every chain below it. */
static int strict_check(const struct reading *r, int64_t now)
{
	char why[FACTS_WHY] = "";
	struct slice der = buf_slice(&r->root->der);
	if (check_chain(&der, 1, now, why))
		return refuse_kind(r, "invalid", "%s can't be taken: %s.", r->field, why);
	return 0;
}

int root_read_block(struct call *c, const char *field, const char *pem, struct root *out)
{
	const struct reading r = { c, field, "certificate", out };
	*out = (struct root){ .algorithm = 0 };
	buf_init(&out->der, MAX_ROOT);
	return block_read(&r, pem);
}

static int certificate_read(const struct reading *r, const char *pem, int64_t now, bool is_root)
{
	*r->root = (struct root){ .algorithm = 0 };
	buf_init(&r->root->der, MAX_ROOT);
	int bad = block_read(r, pem);
	if (!bad)
		bad = facts_check(r);
	if (!bad)
		bad = subject_check(r);
	if (!bad)
		bad = signature_check(r, is_root);
	if (!bad)
		bad = authority_check(r);
	return bad ? bad : time_check(r, now);
}

int root_read(struct call *c, const char *field, const char *pem, int64_t now, struct root *out)
{
	const struct reading r = { c, field, "root", out };
	int bad = certificate_read(&r, pem, now, true);
	return bad ? bad : strict_check(&r, now);
}

int root_read_issued(struct call *c, const char *field, const char *pem, int64_t now, struct root *out)
{
	const struct reading r = { c, field, "certificate", out };
	return certificate_read(&r, pem, now, false);
}

void root_free(struct root *r)
{
	buf_free(&r->der);
	facts_free(&r->facts);
}
