/* check: what comes back is held against what was asked; the certificates are made here with libcrypto. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "frontd/check.h"
#include "names/dn.h"

#define NOW 1800000000

struct party {
	EVP_PKEY *key;
	X509 *x;
	uint8_t der[4096];
	struct slice bytes;
};

static void extension_add(X509 *x, X509 *issuer, const char *text)
{
	char name[64] = "";
	const char *value = strchr(text, '=');
	memcpy(name, text, (size_t)(value - text));
	X509V3_CTX context;
	X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf(NULL, &context, name, value + 1);
	assert_non_null(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

/* Signs a certificate for a new key with these extensions; issuer NULL: by itself. */
static void party_make(struct party *p, const char *name, struct party *issuer, const char *const *extensions)
{
	uint8_t serial[16] = { 1, 2, 3 };
	p->key = EVP_EC_gen("P-256");
	p->x = X509_new();
	X509_set_version(p->x, X509_VERSION_3);
	BIGNUM *n = BN_bin2bn(serial, sizeof(serial), NULL);
	BN_to_ASN1_INTEGER(n, X509_get_serialNumber(p->x));
	BN_free(n);
	X509_NAME *subject = X509_get_subject_name(p->x);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(p->x, X509_get_subject_name(issuer ? issuer->x : p->x));
	ASN1_TIME_set(X509_getm_notBefore(p->x), NOW - 100);
	ASN1_TIME_set(X509_getm_notAfter(p->x), NOW + 100);
	X509_set_pubkey(p->x, p->key);
	for (; *extensions; extensions++)
		extension_add(p->x, issuer ? issuer->x : p->x, *extensions);
	assert_true(X509_sign(p->x, issuer ? issuer->key : p->key, EVP_sha256()) > 0);
	unsigned char *at = p->der;
	p->bytes = (struct slice){ p->der, (size_t)i2d_X509(p->x, &at) };
}

static void party_free(struct party *p)
{
	EVP_PKEY_free(p->key);
	X509_free(p->x);
}

static const char *const ca_extensions[] = {
	"basicConstraints=critical,CA:TRUE,pathlen:1",
	"keyUsage=critical,keyCertSign,cRLSign",
	"subjectKeyIdentifier=hash",
	"authorityKeyIdentifier=keyid:always",
	"nameConstraints=critical,permitted;DNS:example.com,excluded;DNS:x.example.com",
	NULL
};
static const char *const leaf_extensions[] = { "basicConstraints=critical,CA:FALSE",
					       "keyUsage=critical,digitalSignature",
					       "extendedKeyUsage=serverAuth",
					       "subjectKeyIdentifier=hash",
					       "authorityKeyIdentifier=keyid:always",
					       "subjectAltName=DNS:www.example.com",
					       "authorityInfoAccess=caIssuers;URI:http://a.example/ca.crt",
					       "crlDistributionPoints=URI:http://a.example/crl",
					       NULL };

static struct {
	struct party root, leaf;
	struct facts root_facts, leaf_facts;
} it;

static int setup(void **state)
{
	(void)state;
	char why[FACTS_WHY] = "";
	party_make(&it.root, "Root", NULL, ca_extensions);
	party_make(&it.leaf, "Leaf", &it.root, leaf_extensions);
	assert_int_equal(facts_read(it.root.bytes, &it.root_facts, why), 0);
	assert_int_equal(facts_read(it.leaf.bytes, &it.leaf_facts, why), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	facts_free(&it.root_facts);
	facts_free(&it.leaf_facts);
	party_free(&it.root);
	party_free(&it.leaf);
	return 0;
}

/* What would have to be asked for to get just this certificate. */
static struct check_asked asked_for(const struct facts *f, uint8_t kind)
{
	struct check_asked a = { .public_key = f->public_key };
	a.fields = (struct cert_sign_request){ .kind = kind,
					       .not_before = f->not_before,
					       .not_after = f->not_after,
					       .subject = items_list(&f->subject),
					       .alt_names = items_list(&f->alt_names),
					       .key_usage = f->key_usage,
					       .ext_key_usage = items_list(&f->ext_key_usage),
					       .path_len = f->path_len,
					       .permitted = items_list(&f->permitted),
					       .excluded = items_list(&f->excluded),
					       .urls = items_list(&f->urls),
					       .policies = items_list(&f->policies) };
	a.issuer_name = it.root_facts.subject_name;
	a.issuer_key_id = it.root_facts.subject_key_id;
	return a;
}

/* What we would write breaks no rule; one without its names does, though all was asked for so. */
static void rules_are_kept(void **state)
{
	(void)state;
	static const char *const nameless[] = {
		"basicConstraints=critical,CA:FALSE",  "keyUsage=critical,digitalSignature",
		"extendedKeyUsage=serverAuth",	       "subjectKeyIdentifier=hash",
		"authorityKeyIdentifier=keyid:always", NULL
	};
	struct party p;
	char why[FACTS_WHY] = "";
	assert_int_equal(check_rules(it.root.bytes, why), 0);
	assert_int_equal(check_rules(it.leaf.bytes, why), 0);
	assert_string_equal(why, "");
	party_make(&p, "Leaf", &it.root, nameless);
	assert_int_equal(check_rules(p.bytes, why), 1);
	assert_string_equal(why, "it breaks the rule rfc9525_2_server_auth_san");
	party_free(&p);
}

static void facts_say_what_the_certificate_says(void **state)
{
	(void)state;
	assert_true(it.root_facts.ca);
	assert_int_equal(it.root_facts.path_len, 1);
	assert_int_equal(it.root_facts.key_usage, USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN);
	assert_int_equal(it.root_facts.not_after, NOW + 100);
	assert_int_equal(it.root_facts.permitted.count, 1);
	assert_int_equal(it.root_facts.excluded.count, 1);
	assert_false(it.leaf_facts.ca);
	assert_int_equal(it.leaf_facts.path_len, PATH_LEN_NONE);
	assert_int_equal(it.leaf_facts.urls.count, 2);
	assert_int_equal(it.leaf_facts.serial.len, 16);
	struct list l = items_list(&it.leaf_facts.alt_names);
	uint8_t type;
	struct slice name;
	assert_true(list_next(&l, &type, &name));
	assert_int_equal(type, NAME_DNS);
	assert_true(slice_equal(name, slice_text("www.example.com")));
	l = items_list(&it.leaf_facts.subject);
	assert_true(list_next(&l, &type, &name));
	assert_int_equal(type, DN_COMMON_NAME);
}

#define DIFFERS(kind, facts, change)                                                                                   \
	do {                                                                                                           \
		struct check_asked other = asked_for(&(facts), kind);                                                  \
		char where[FACTS_WHY] = "";                                                                            \
		other.change;                                                                                          \
		assert_int_equal(check_certificate(&(facts), &other, where), 1);                                       \
		assert_true(where[0]);                                                                                 \
	} while (0)

static void every_field_is_held_against_what_was_asked(void **state)
{
	(void)state;
	char why[FACTS_WHY] = "";
	struct check_asked a = asked_for(&it.leaf_facts, KIND_LEAF);
	assert_int_equal(check_certificate(&it.leaf_facts, &a, why), 0);
	a = asked_for(&it.root_facts, KIND_CA);
	a.issuer_name = a.issuer_key_id = (struct slice){ 0 };
	assert_int_equal(check_certificate(&it.root_facts, &a, why), 0);
	DIFFERS(KIND_CA, it.leaf_facts, fields.flags = 0);
	DIFFERS(KIND_LEAF, it.root_facts, fields.flags = 0);
	DIFFERS(KIND_LEAF, it.leaf_facts, fields.not_after++);
	DIFFERS(KIND_LEAF, it.leaf_facts, fields.not_before--);
	DIFFERS(KIND_LEAF, it.leaf_facts, fields.key_usage |= USAGE_KEY_CERT_SIGN);
	DIFFERS(KIND_LEAF, it.leaf_facts, fields.ext_key_usage.count = 0);
	DIFFERS(KIND_LEAF, it.leaf_facts, fields.alt_names = items_list(&it.leaf_facts.subject));
	DIFFERS(KIND_LEAF, it.leaf_facts, fields.subject = items_list(&it.root_facts.subject));
	DIFFERS(KIND_LEAF, it.leaf_facts, fields.urls = (struct list){ 0 });
	DIFFERS(KIND_LEAF, it.leaf_facts, fields.policies = items_list(&it.leaf_facts.subject));
	DIFFERS(KIND_LEAF, it.leaf_facts, fields.flags = CERT_MUST_STAPLE);
	DIFFERS(KIND_LEAF, it.leaf_facts, public_key = it.root_facts.public_key);
	DIFFERS(KIND_LEAF, it.leaf_facts, issuer_name = it.leaf_facts.subject_name);
	DIFFERS(KIND_LEAF, it.leaf_facts, issuer_key_id = it.leaf_facts.subject_key_id);
	DIFFERS(KIND_CA, it.root_facts, fields.path_len = 0);
	DIFFERS(KIND_CA, it.root_facts, fields.path_len = PATH_LEN_NONE);
	DIFFERS(KIND_CA, it.root_facts, fields.permitted = (struct list){ 0 });
	DIFFERS(KIND_CA, it.root_facts, fields.excluded = items_list(&it.root_facts.permitted));
}

static void responders_answer_for_ocsp_alone(void **state)
{
	(void)state;
	static const char *const extensions[] = { "basicConstraints=critical,CA:FALSE",
						  "keyUsage=critical,digitalSignature",
						  "subjectKeyIdentifier=hash",
						  "authorityKeyIdentifier=keyid:always",
						  "extendedKeyUsage=OCSPSigning",
						  "noCheck=ignored",
						  NULL };
	const char *fewer[7] = { NULL };
	struct party p;
	struct facts f;
	char why[FACTS_WHY] = "";
	memcpy(fewer, extensions, sizeof(fewer));
	for (int last = 6; last >= 4; last--) { /* whole, without nocheck, without the usage as well */
		fewer[last] = NULL;
		party_make(&p, "OCSP", &it.root, fewer);
		f = (struct facts){ 0 };
		assert_int_equal(facts_read(p.bytes, &f, why), 0);
		struct check_asked a = asked_for(&f, KIND_OCSP_RESPONDER);
		assert_int_equal(check_certificate(&f, &a, why), last == 6 ? 0 : 1);
		a.fields.kind = KIND_LEAF;
		assert_int_equal(check_certificate(&f, &a, why), last == 6 ? 1 : 0);
		facts_free(&f);
		party_free(&p);
	}
	struct check_asked a = asked_for(&it.leaf_facts, KIND_OCSP_RESPONDER);
	assert_int_equal(check_certificate(&it.leaf_facts, &a, why), 1);
	a = asked_for(&it.root_facts, KIND_OCSP_RESPONDER);
	assert_int_equal(check_certificate(&it.root_facts, &a, why), 1);
}

static void chains_are_validated(void **state)
{
	(void)state;
	char why[FACTS_WHY] = "";
	struct slice chain[] = { it.leaf.bytes, it.root.bytes };
	assert_int_equal(check_chain(chain, 2, NOW, why), 0);
	assert_int_equal(check_chain(chain + 1, 1, NOW, why), 0);
	assert_int_equal(check_chain(chain, 1, NOW, why), 1); /* a leaf is no root */
	assert_int_equal(check_chain(chain, 2, NOW + 101, why), 1);
	assert_non_null(strstr(why, "expired"));
	uint8_t broken[4096];
	memcpy(broken, it.leaf.der, it.leaf.bytes.len);
	broken[it.leaf.bytes.len - 1] ^= 1;
	chain[0].at = broken;
	assert_int_equal(check_chain(chain, 2, NOW, why), 1);
	assert_int_equal(check_chain(chain, 0, NOW, why), 1);
}

static void odd_certificates_are_not_read(void **state)
{
	(void)state;
	static const char *const odd[][3] = { { "2.5.29.99=DER:0500", NULL },
					      { "noCheck=critical,ignored", NULL },
					      { "basicConstraints=critical,CA:TRUE", "1.2.3.4=DER:0500", NULL },
					      { "basicConstraints=CA:TRUE", NULL }, /* not critical */
					      { "subjectAltName=RID:1.2.3", NULL } };
	char why[FACTS_WHY];
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct party p;
		scoped_facts f = { 0 };
		party_make(&p, "Odd", NULL, odd[i]);
		assert_int_equal(facts_read(p.bytes, &f, why), 1);
		party_free(&p);
	}
	for (size_t n = 0; n < it.leaf.bytes.len; n += 7) {
		scoped_facts f = { 0 };
		assert_int_equal(facts_read((struct slice){ it.leaf.der, n }, &f, why), 1);
	}
	scoped_facts f = { 0 };
	assert_int_equal(facts_read((struct slice){ it.leaf.der, it.leaf.bytes.len + 1 }, &f, why), 1);
}

/* The signer writes what signd.conf lists without knowing it: it must be what was asked for, to the byte. */
static void extensions_without_a_form_are_compared(void **state)
{
	(void)state;
	static const char *const extensions[] = { "subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid:always",
						  "1.2.3.4=DER:0500", NULL };
	char why[FACTS_WHY] = "";
	struct party p;
	scoped_facts f = { 0 };
	party_make(&p, "Odd", &it.root, extensions);
	assert_int_equal(facts_read(p.bytes, &f, why), 0);
	assert_int_equal(f.opaque.count, 1);
	struct check_asked a = asked_for(&f, KIND_LEAF);
	assert_int_equal(check_certificate(&f, &a, why), 1);
	assert_non_null(strstr(why, "without a typed form"));
	a.fields.opaque = items_list(&f.opaque);
	assert_int_equal(check_certificate(&f, &a, why), 0);
	assert_true(slice_equal(a.fields.opaque.raw, SLICE_OF(((const uint8_t[]){ 0, 6, 0, 3, 0x2a, 3, 4, 5, 0 }))));
	party_free(&p);
}

/* What others write is read as far as it binds nobody, and by its canonical names. */
static void foreign_certificates_are_read(void **state)
{
	(void)state;
	static const struct {
		int answer;
		const char *extensions[4];
	} cases[] = {
		{ 0, { "nsComment=hello", NULL } },
		{ 1, { "nsComment=hello", "basicConstraints=CA:TRUE,pathlen:-1", NULL } },
		{ 2, { "nsComment=critical,hello", NULL } },
		{ 2, { "policyConstraints=critical,requireExplicitPolicy:0", NULL } },
		{ 2, { "tlsfeature=critical,17", NULL } },
		{ 0,
		  { "subjectAltName=RID:1.2.3,DNS:WWW.example.com", "authorityInfoAccess=1.2.3;URI:http://a.example",
		    "tlsfeature=5,17", NULL } },
		{ 0,
		  { "basicConstraints=CA:TRUE,pathlen:3", "keyUsage=keyCertSign",
		    "nameConstraints=permitted;DNS:.Example.COM,excluded;email:Example.com", NULL } },
		{ 3, { "nameConstraints=critical,permitted;RID:1.2.3", NULL } },
		{ 3, { "nameConstraints=permitted;IP:10.0.0.0/255.0.255.0", NULL } },
	};
	char why[FACTS_WHY];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct party p;
		scoped_facts f = { 0 };
		party_make(&p, "Foreign", NULL, cases[i].extensions);
		assert_int_equal(facts_read_foreign(p.bytes, &f, why), cases[i].answer);
		assert_true(f.foreign);
		if (i == 5) {
			struct list names = items_list(&f.alt_names);
			uint8_t type;
			struct slice name;
			assert_int_equal(names.count, 1); /* the one that is known, in lower case */
			assert_true(list_next(&names, &type, &name) &&
				    slice_equal(name, slice_text("www.example.com")));
		}
		if (i == 6) {
			struct constraints stated = facts_constraints(&f);
			uint8_t type;
			struct slice subtree;
			assert_true(f.ca && f.path_len == 3 && f.key_usage == USAGE_KEY_CERT_SIGN);
			assert_true(list_next(&stated.permitted, &type, &subtree) &&
				    slice_equal(subtree, slice_text("example.com")));
			assert_true(list_next(&stated.excluded, &type, &subtree) &&
				    slice_equal(subtree, slice_text("example.com")));
			assert_true(constraints_check(&stated));
		}
		party_free(&p);
	}
}

/* A name in a string type that we never write. */
static void old_strings_become_utf8(void **state)
{
	(void)state;
	static const char *const none[] = { NULL };
	struct party p;
	char why[FACTS_WHY];
	uint8_t attribute;
	struct slice value;
	party_make(&p, "x", NULL, none);
	X509_NAME *name = X509_NAME_new();
	X509_NAME_add_entry_by_txt(name, "O", V_ASN1_T61STRING, (const unsigned char *)"\xc4rger", 5, -1, 0);
	X509_set_subject_name(p.x, name);
	X509_set_issuer_name(p.x, name);
	X509_NAME_free(name);
	assert_true(X509_sign(p.x, p.key, EVP_sha256()) > 0);
	unsigned char *at = p.der;
	p.bytes.len = (size_t)i2d_X509(p.x, &at);
	scoped_facts ours = { 0 }, foreign = { 0 };
	assert_int_equal(facts_read(p.bytes, &ours, why), 1);
	assert_int_equal(facts_read_foreign(p.bytes, &foreign, why), 0);
	struct list subject = items_list(&foreign.subject);
	assert_true(list_next(&subject, &attribute, &value));
	assert_int_equal(attribute, DN_ORGANIZATION);
	assert_true(slice_equal(value, slice_text("\xc3\x84rger")));
	party_free(&p);
}

/* The outer length in one byte more than it needs: some decoders take that. */
static void only_der_is_read(void **state)
{
	(void)state;
	char why[FACTS_WHY];
	scoped_buf ber = { .max = 65536 };
	scoped_facts f = { 0 };
	assert_int_equal(it.leaf.der[1], 0x82);
	buf_put(&ber, "\x30\x83\x00", 3);
	buf_put(&ber, it.leaf.der + 2, it.leaf.bytes.len - 2);
	assert_true(buf_ok(&ber));
	assert_int_equal(facts_read(buf_slice(&ber), &f, why), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_say_what_the_certificate_says),
		cmocka_unit_test(rules_are_kept),
		cmocka_unit_test(every_field_is_held_against_what_was_asked),
		cmocka_unit_test(responders_answer_for_ocsp_alone),
		cmocka_unit_test(chains_are_validated),
		cmocka_unit_test(odd_certificates_are_not_read),
		cmocka_unit_test(extensions_without_a_form_are_compared),
		cmocka_unit_test(foreign_certificates_are_read),
		cmocka_unit_test(old_strings_become_utf8),
		cmocka_unit_test(only_der_is_read),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
