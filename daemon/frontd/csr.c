#include "frontd/csr.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/algorithm.h"
#include "base/text.h"
#include "frontd/ec_key.h"
#include "frontd/item.h"
#include "names/dn.h"
#include "names/name.h"

#define MAX_PUBLIC_KEY 2048 /* the signer takes no more: RSA-8192 fits */
#define MIN_RSA_BITS 2048
#define MIN_RSA_EXPONENT 65537
#define MAX_RSA_EXPONENT 256 /* bits, FIPS 186-5 A.1.1 */

enum { STORE_KEY, STORE_SUBJECT, STORE_NAMES };

#define refuse(c, code, ...) call_refuse(c, 422, code, "csr_pem", __VA_ARGS__)

static void der_free(unsigned char **der)
{
	OPENSSL_free(*der);
}

/*
 * A request as RFC 2986 has it, but the signed part and the key stay as they
 * were sent: the library's own type decodes the key at once, in the slow way,
 * whatever it is.
 */
struct request {
	ASN1_STRING *info;
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *signature;
};

ASN1_SEQUENCE(request) = {
	ASN1_SIMPLE(struct request, info, ASN1_SEQUENCE),
	ASN1_SIMPLE(struct request, algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct request, signature, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END_name(struct request, request)

struct request_info {
	ASN1_INTEGER *version;
	X509_NAME *subject;
	ASN1_STRING *key;
	STACK_OF(X509_ATTRIBUTE) * attributes;
};

ASN1_SEQUENCE(request_info) = {
	ASN1_SIMPLE(struct request_info, version, ASN1_INTEGER),
	ASN1_SIMPLE(struct request_info, subject, X509_NAME),
	ASN1_SIMPLE(struct request_info, key, ASN1_SEQUENCE),
	ASN1_IMP_SET_OF_OPT(struct request_info, attributes, X509_ATTRIBUTE, 0),
} static_ASN1_SEQUENCE_END_name(struct request_info, request_info)

static void request_free(struct request **r)
{
	ASN1_item_free((ASN1_VALUE *)*r, ASN1_ITEM_rptr(request));
}

static void info_free(struct request_info **i)
{
	ASN1_item_free((ASN1_VALUE *)*i, ASN1_ITEM_rptr(request_info));
}

static void key_free(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void public_key_free(X509_PUBKEY **key)
{
	X509_PUBKEY_free(*key);
}

static const char *find(const char *text, const char *end, const char *what)
{
	return memmem(text, (size_t)(end - text), what, strlen(what));
}

/* Exactly one block, and that of a request: a second one is a key more often than not. */
static int blocks_check(const char *pem, size_t len, struct call *c)
{
	const char *end = pem + len;
	const char *first = find(pem, end, "-----BEGIN ");
	if (find(pem, end, "PRIVATE KEY-----"))
		return refuse(c, "csr_private_key",
			      "The CSR holds a private key; send the request alone, and replace "
			      "that key, as it has left its host.");
	if (len > MAX_CSR)
		return refuse(c, "csr_not_pem", "The CSR is longer than 65536 bytes.");
	if (!first || find(first + 1, end, "-----BEGIN "))
		return refuse(c, "csr_not_pem", "The CSR must be exactly one PEM block, CERTIFICATE REQUEST.");
	return 0;
}

static int pem_read(const char *pem, size_t len, struct call *c, unsigned char **der, long *size)
{
	char *name = NULL, *header = NULL;
	BIO *in = BIO_new_mem_buf(pem, (int)len);
	bool read = in && PEM_read_bio(in, &name, &header, der, size) == 1;
	bool request = read && !*header &&
		       (strcmp(name, "CERTIFICATE REQUEST") == 0 || strcmp(name, "NEW CERTIFICATE REQUEST") == 0);
	BIO_free(in);
	OPENSSL_free(name);
	OPENSSL_free(header);
	return request ? 0 : refuse(c, "csr_not_pem", "The CSR must be one PEM block, CERTIFICATE REQUEST.");
}

/* The digests that a request may be signed with, fetched once. */
static const struct {
	int nid;
	const char *name;
} digests[] = { { NID_sha256, "SHA256" }, { NID_sha384, "SHA384" }, { NID_sha512, "SHA512" } };
static EVP_MD *digests_fetched[3];

static void digests_fetch(void)
{
	for (size_t i = 0; i < 3; i++)
		digests_fetched[i] = EVP_MD_fetch(NULL, digests[i].name, NULL);
}

static const EVP_MD *digest_of(int nid)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, digests_fetch);
	for (size_t i = 0; i < 3; i++)
		if (digests[i].nid == nid)
			return digests_fetched[i];
	return NULL;
}

/* A hash that collides proves nothing; of RSA-PSS nothing is said outside its parameters, so it isn't taken. */
static int hash_check(const struct request *req, struct call *c)
{
	int digest = NID_undef, key = NID_undef, signature = OBJ_obj2nid(req->algorithm->algorithm);
	OBJ_find_sigid_algs(signature, &digest, &key);
	bool good = signature == NID_ED25519 || digest_of(digest);
	return good ? 0
		    : refuse(c, "csr_bad_signature",
			     "The CSR's signature must be Ed25519, or ECDSA or RSA PKCS#1 with SHA-256, SHA-384 or "
			     "SHA-512.");
}

/* hash_check() has been there. False for bits that are not octets. */
static bool signature_kind(const struct request *req, int *digest, int *key)
{
	return OBJ_find_sigid_algs(OBJ_obj2nid(req->algorithm->algorithm), digest, key) && !(req->signature->flags & 7);
}

static bool ec_signature_verify(const struct request *req, struct ec_key *key)
{
	int digest = NID_undef, kind = NID_undef;
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct slice info = item_slice(req->info);
	return signature_kind(req, &digest, &kind) && kind == NID_X9_62_id_ecPublicKey &&
	       EVP_Digest(info.at, info.len, hash, &n, digest_of(digest), NULL) == 1 &&
	       ec_key_verify(key, (struct slice){ hash, n }, item_slice(req->signature));
}

static bool signature_verify(const struct request *req, EVP_PKEY *key)
{
	int digest = NID_undef, kind = NID_undef;
	struct slice signature = item_slice(req->signature), info = item_slice(req->info);
	if (!signature_kind(req, &digest, &kind) || !EVP_PKEY_is_a(key, OBJ_nid2sn(kind)))
		return false;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, digest_of(digest), NULL, key) == 1 &&
		  EVP_DigestVerify(ctx, signature.at, signature.len, info.at, info.len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

static int rsa_exponent_check(EVP_PKEY *key, struct call *c)
{
	BIGNUM *e = NULL, *n = NULL;
	bool good = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) &&
		    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) && BN_is_odd(n) && BN_is_odd(e) &&
		    BN_num_bits(e) <= MAX_RSA_EXPONENT && (BN_num_bits(e) > 17 || BN_get_word(e) >= MIN_RSA_EXPONENT);
	BN_free(e);
	BN_free(n);
	return good ? 0
		    : refuse(c, "csr_weak_key",
			     "The RSA key needs an odd modulus and an odd public exponent of 65537 "
			     "or more.");
}

static int rsa_check(EVP_PKEY *key, struct csr *out, struct call *c)
{
	int bits = EVP_PKEY_get_bits(key);
	if (bits < MIN_RSA_BITS)
		return refuse(c, "csr_weak_key", "The RSA key has %d bits; at least 2048 are needed.", bits);
	if (bits > 8192)
		return refuse(c, "csr_unsupported_key", "The RSA key has %d bits; RSA-2048, 3072 and 4096 are taken.",
			      bits);
	const struct algorithm *a;
	for (size_t i = 0; (a = algorithm_at(i)); i++)
		if (a->family == FAMILY_RSA && a->bits == (unsigned)bits)
			out->algorithm = a->number;
	return rsa_exponent_check(key, c);
}

/* The curve by name, the point uncompressed: one way to write a key, which the signer then copies. */
static int ec_check(EVP_PKEY *key, const X509_PUBKEY *info, struct csr *out, struct call *c)
{
	char curve[64] = "", form[32] = "";
	const unsigned char *point = NULL;
	int size = 0;
	EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof(curve), NULL);
	EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, form, sizeof(form), NULL);
	X509_PUBKEY_get0_param(NULL, &point, &size, NULL, info);
	if (strcmp(form, OSSL_PKEY_EC_ENCODING_GROUP) != 0)
		return refuse(c, "csr_unsupported_key",
			      "The EC key must name its curve, not spell out its parameters.");
	if (size < 1 || point[0] != 0x04)
		return refuse(c, "csr_unsupported_key", "The EC key's point must be uncompressed.");
	int nid = OBJ_txt2nid(curve);
	out->algorithm = nid == NID_X9_62_prime256v1 ? ALGORITHM_ECDSA_P256
			 : nid == NID_secp384r1	     ? ALGORITHM_ECDSA_P384
			 : nid == NID_secp521r1	     ? ALGORITHM_ECDSA_P521
						     : 0;
	return out->algorithm ? 0
			      : refuse(c, "csr_unsupported_key",
				       "The curve %s is not supported; P-256, P-384 and P-521 are.", curve);
}

static int key_check(EVP_PKEY *key, const X509_PUBKEY *info, struct csr *out, struct call *c)
{
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		return rsa_check(key, out, c);
	case EVP_PKEY_EC:
		return ec_check(key, info, out, c);
	case EVP_PKEY_ED25519:
		out->algorithm = ALGORITHM_ED25519;
		return 0;
	}
	return refuse(c, "csr_unsupported_key", "The key must be RSA, ECDSA on P-256, P-384 or P-521, or Ed25519.");
}

static int key_keep(struct slice der, struct csr *out, struct call *c)
{
	buf_put_slice(&out->storage[STORE_KEY], der);
	if (!buf_ok(&out->storage[STORE_KEY]))
		return refuse(c, "csr_unsupported_key", "The key is too large.");
	out->public_key = buf_slice(&out->storage[STORE_KEY]);
	return 0;
}

/* A key that ec_key_read() doesn't know: through the library, and kept as the library writes it. */
static int key_decode(struct slice der, EVP_PKEY **key, struct csr *out, struct call *c)
{
	X509_PUBKEY *info __attribute__((cleanup(public_key_free))) = item_read(der, ASN1_ITEM_rptr(X509_PUBKEY));
	*key = info ? X509_PUBKEY_get(info) : NULL;
	if (!*key)
		return refuse(
			c, "csr_unsupported_key",
			"The key could not be decoded: it must be RSA, ECDSA on P-256, P-384 or P-521, or Ed25519.");
	int refused = key_check(*key, info, out, c);
	if (refused)
		return refused;
	unsigned char *again __attribute__((cleanup(der_free))) = NULL;
	int n = i2d_X509_PUBKEY(info, &again);
	return n <= 0 ? -1 : key_keep((struct slice){ again, (size_t)n }, out, c);
}

static int key_take(const struct request *req, const struct request_info *info, struct csr *out, struct call *c)
{
	struct slice der = item_slice(info->key);
	EVP_PKEY *key __attribute__((cleanup(key_free))) = NULL;
	struct ec_key *ec = ec_key_read(der, &out->algorithm);
	int refused = ec ? key_keep(der, out, c) : key_decode(der, &key, out, c);
	if (refused)
		return refused;
	if (ec ? !ec_signature_verify(req, ec) : !signature_verify(req, key))
		return refuse(c, "csr_bad_signature", "The CSR's signature does not verify with its key.");
	return 0;
}

static bool is_text(const ASN1_STRING *s)
{
	switch (ASN1_STRING_type(s)) {
	case V_ASN1_UTF8STRING:
	case V_ASN1_PRINTABLESTRING:
	case V_ASN1_IA5STRING:
	case V_ASN1_BMPSTRING:
	case V_ASN1_UNIVERSALSTRING:
		return true;
	}
	return false;
}

static int attribute_take(const X509_NAME_ENTRY *entry, struct csr *out, struct call *c)
{
	const ASN1_OBJECT *oid = X509_NAME_ENTRY_get_object(entry);
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);
	const struct dn_kind *kind = dn_kind_by_oid((struct slice){ OBJ_get0_data(oid), OBJ_length(oid) });
	if (!kind)
		return 0;
	unsigned char *text __attribute__((cleanup(der_free))) = NULL;
	int n = is_text(value) ? ASN1_STRING_to_UTF8(&text, value) : -1;
	struct slice s = { text, n > 0 ? (size_t)n : 0 };
	if (n <= 0 || n > MAX_DN_VALUE || !text_visible(s))
		return refuse(c, "csr_bad_name", "The subject's %s must be visible text of 1 to %d bytes.",
			      kind->short_name, MAX_DN_VALUE);
	if (out->subject.count == MAX_DN_ATTRIBUTES)
		return refuse(c, "csr_bad_name", "The subject has more than %d attributes.", MAX_DN_ATTRIBUTES);
	list_put(&out->storage[STORE_SUBJECT], &out->subject.count, kind->attribute, s);
	return 0;
}

static int subject_take(const X509_NAME *name, struct csr *out, struct call *c)
{
	int refused = 0;
	for (int i = 0; i < X509_NAME_entry_count(name) && !refused; i++)
		refused = attribute_take(X509_NAME_get_entry(name, i), out, c);
	out->subject.raw = buf_slice(&out->storage[STORE_SUBJECT]);
	return refused;
}

static bool is_known(const struct csr *csr, uint8_t type, struct slice value)
{
	return list_holds(list_of(&csr->storage[STORE_NAMES], csr->alt_names.count), type, value);
}

/* Which of our types a GeneralName is; 0, and its name for the refusal. */
static uint8_t type_of(const GENERAL_NAME *g, const char **other)
{
	static const char *const names[] = { "otherName",    "rfc822Name", "dNSName",	"x400Address", "directoryName",
					     "ediPartyName", "URI",	   "iPAddress", "registeredID" };
	*other = g->type >= 0 && g->type <= GEN_RID ? names[g->type] : "unknown";
	switch (g->type) {
	case GEN_DNS:
		return NAME_DNS;
	case GEN_EMAIL:
		return NAME_EMAIL;
	case GEN_URI:
		return NAME_URI;
	case GEN_IPADD:
		return NAME_IP;
	case GEN_DIRNAME:
		return NAME_DIRECTORY;
	}
	return 0;
}

/* As names/name.h has it. Of a name nothing is left out: an attribute that is not known, or two in one RDN, and it
 * isn't taken. */
static bool directory_read(const X509_NAME *name, struct buf *out)
{
	scoped_buf raw = { .max = MAX_NAME };
	uint16_t count = 0;
	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
		const ASN1_OBJECT *oid = X509_NAME_ENTRY_get_object(entry);
		const ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);
		const struct dn_kind *kind = dn_kind_by_oid((struct slice){ OBJ_get0_data(oid), OBJ_length(oid) });
		unsigned char *text __attribute__((cleanup(der_free))) = NULL;
		int n = kind && X509_NAME_ENTRY_set(entry) == i && is_text(value) ? ASN1_STRING_to_UTF8(&text, value)
										  : -1;
		if (n <= 0 || n > MAX_DN_VALUE || count == MAX_DN_ATTRIBUTES)
			return false;
		list_put(&raw, &count, kind->attribute, (struct slice){ text, (size_t)n });
	}
	buf_put_u16(out, count);
	buf_put_slice(out, buf_slice(&raw));
	return buf_ok(&raw) && buf_ok(out);
}

static int name_take(const GENERAL_NAME *g, struct csr *out, struct call *c)
{
	const char *other, *why = "it is not well-formed";
	uint8_t type = type_of(g, &other);
	if (!type)
		return refuse(c, "csr_bad_name",
			      "An alternative name is of type %s; dNSName, rfc822Name, URI, iPAddress and "
			      "directoryName are taken.",
			      other);
	scoped_buf value, directory;
	buf_init(&value, MAX_NAME);
	buf_init(&directory, MAX_NAME);
	if (type == NAME_DIRECTORY && !directory_read(g->d.directoryName, &directory))
		return refuse(
			c, "csr_bad_name",
			"A directoryName among the alternative names must be of known attributes, one each RDN, at "
			"most %d bytes in all.",
			MAX_NAME);
	struct slice bytes = type == NAME_DIRECTORY ? buf_slice(&directory) : item_slice(g->d.ia5);
	if (!name_canonize(AS_NAME, type, bytes, &value, &why) || !buf_ok(&value))
		return refuse(c, "csr_bad_name", "An alternative name of type %s can't be taken: %s.", other, why);
	if (is_known(out, type, buf_slice(&value)))
		return 0;
	if (out->alt_names.count == MAX_CSR_NAMES)
		return refuse(c, "csr_bad_name", "The CSR has more than %d alternative names.", MAX_CSR_NAMES);
	list_put(&out->storage[STORE_NAMES], &out->alt_names.count, type, buf_slice(&value));
	return 0;
}

/* What stands in the attribute extensionRequest, or in the older one that Microsoft made. */
static STACK_OF(X509_EXTENSION) * extensions_read(const struct request_info *info)
{
	int at = X509at_get_attr_by_NID(info->attributes, NID_ext_req, -1);
	if (at < 0)
		at = X509at_get_attr_by_NID(info->attributes, NID_ms_ext_req, -1);
	const ASN1_TYPE *value = at < 0 ? NULL : X509_ATTRIBUTE_get0_type(X509at_get_attr(info->attributes, at), 0);
	return value && value->type == V_ASN1_SEQUENCE
		       ? item_read(item_slice(value->value.sequence), ASN1_ITEM_rptr(X509_EXTENSIONS))
		       : NULL;
}

static int names_take(const struct request_info *info, struct csr *out, struct call *c)
{
	STACK_OF(X509_EXTENSION) *extensions = extensions_read(info);
	int critical = -1;
	GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, &critical, NULL);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	/* -1: it isn't there. Whatever else, without names: twice, or not decoded. */
	if (!names && critical != -1)
		return refuse(c, "csr_malformed", "The CSR's subjectAltName is malformed or there twice.");
	int refused = 0;
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !refused; i++)
		refused = name_take(sk_GENERAL_NAME_value(names, i), out, c);
	GENERAL_NAMES_free(names);
	out->alt_names.raw = buf_slice(&out->storage[STORE_NAMES]);
	return refused;
}

static int request_read(const char *pem, size_t len, struct csr *out, struct call *c)
{
	unsigned char *der __attribute__((cleanup(der_free))) = NULL;
	long size = 0;
	int refused = blocks_check(pem, len, c);
	if (refused || (refused = pem_read(pem, len, c, &der, &size)))
		return refused;
	struct request *req __attribute__((cleanup(request_free))) =
		item_read((struct slice){ der, (size_t)size }, ASN1_ITEM_rptr(request));
	struct request_info *info __attribute__((cleanup(info_free))) =
		req ? item_read(item_slice(req->info), ASN1_ITEM_rptr(request_info)) : NULL;
	if (!info)
		return refuse(c, "csr_malformed", "The CSR is not a well-formed PKCS#10 request.");
	if ((refused = hash_check(req, c)) || (refused = key_take(req, info, out, c)) ||
	    (refused = subject_take(info->subject, out, c)))
		return refused;
	return names_take(info, out, c);
}

int csr_decode(const char *pem, size_t len, struct csr *out, struct call *c)
{
	*out = (struct csr){ .algorithm = 0 };
	buf_init(&out->storage[STORE_KEY], MAX_PUBLIC_KEY);
	buf_init(&out->storage[STORE_SUBJECT], MAX_DN_ATTRIBUTES * (MAX_DN_VALUE + 3));
	buf_init(&out->storage[STORE_NAMES], MAX_CSR_NAMES * (MAX_NAME + 3));
	int result = request_read(pem, len, out, c);
	ERR_clear_error();
	return result;
}

void csr_free(struct csr *csr)
{
	for (size_t i = 0; i < 3; i++)
		buf_free(&csr->storage[i]);
}
