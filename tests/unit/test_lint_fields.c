/*
 * policy/lint over fields: what it says of a request is what it says of the certificate that the signer's encoder
 * makes of it, rule by rule, for requests that nobody else would let through as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/text.h"
#include "names/dn.h"
#include "policy/lint.h"
#include "signd/encode/cert.h"
#include "signd/encode/der.h"
#include "signd/encode/oid.h"

#define MAX_ITEMS 6
#define A_DAY ((int64_t)86400)
#define A_TIME ((int64_t)1800000000)

struct item {
	uint8_t tag;
	const char *text; /* NULL: there is none, nor any after it */
	size_t len;
};
#define ITEM(tag, text)                                                                                                \
	{                                                                                                              \
		tag, text, sizeof(text) - 1                                                                            \
	}
#define SERVER "\x2b\x06\x01\x05\x05\x07\x03\x01"
#define CLIENT "\x2b\x06\x01\x05\x05\x07\x03\x02"

struct request_case {
	const char *ids; /* exactly these, space between them */
	enum lint_kind kind;
	int64_t not_before, not_after; /* 0: as usual */
	const char *key;	       /* of keys below; NULL: P-256 */
	unsigned usage;		       /* 0: digitalSignature; NO_USAGE */
	struct item subject[MAX_ITEMS], names[MAX_ITEMS], purposes[MAX_ITEMS], permitted[MAX_ITEMS];
	struct item excluded[MAX_ITEMS], urls[MAX_ITEMS], policies[MAX_ITEMS];
	bool path_len, must_staple;
};
#define NO_USAGE 0x8000

#define R(section, name) "rfc5280_" section "_" name
#define BR(section, name) "br_" section "_" name
#define OWN(section, name) "chancery_" section "_" name
#define LEAF .kind = LINT_LEAF
#define GOOD_NAMES .names = { ITEM(NAME_DNS, "www.example.com") }
#define GOOD LEAF, GOOD_NAMES, .purposes = { ITEM(0, SERVER) }
#define A_CA .kind = LINT_CA, .subject = { ITEM(DN_COMMON_NAME, "CA") }
#define NAMED(type, name) LEAF, .names = { ITEM(type, name) }
#define SUBJECT(attribute, value) GOOD, .subject = { ITEM(attribute, value) }

static const struct request_case cases[] = {
	{ "", GOOD },
	{ "", SUBJECT(DN_COMMON_NAME, "WWW.example.com") },
	{ "", LEAF,
	  .names = { ITEM(NAME_DNS, "*.example.com"), ITEM(NAME_EMAIL, "a@example.com"),
		     ITEM(NAME_URI, "spiffe://t_d/x"), ITEM(NAME_IP, "\x0a\0\0\1"),
		     ITEM(NAME_DIRECTORY, "\1\0\1\1\0x") } },
	{ "", A_CA, .path_len = true,
	  .permitted = { ITEM(NAME_DNS, "example.com"), ITEM(NAME_IP, "\x0a\0\0\0\xff\0\0\0"),
			 ITEM(NAME_DIRECTORY, "\1\0\1\1\0x") } },
	{ "", .kind = LINT_ROOT, .subject = { ITEM(DN_COMMON_NAME, "Root") } },
	{ "", GOOD, .urls = { ITEM(LINT_URL_CRL, "http://x/"), ITEM(LINT_URL_OCSP, "http://x/") },
	  .must_staple = true },
	{ "", GOOD, .key = "rsa", .usage = USAGE_KEY_ENCIPHERMENT },
	{ "", GOOD, .key = "ed25519" },
	{ "", GOOD, .policies = { ITEM(0, "\x2a\3\4"), ITEM(0, "\x2a\3\5") } },

	{ R("4.1.2.5", "validity_order"), GOOD, .not_before = A_TIME, .not_after = A_TIME - 1 },
	{ "", GOOD, .not_before = A_TIME, .not_after = A_TIME },
	{ "rfc5480_2.2_ec_point_length", GOOD, .key = "short" },
	{ "rfc5480_2.2_ec_point_uncompressed", GOOD, .key = "compressed" },
	{ BR("6.1.5", "ec_curve"), GOOD, .key = "curve" },
	{ BR("6.1.6", "rsa_exponent"), GOOD, .key = "rsa3" },
	{ "rfc8017_A.1.1_rsa_key_form", GOOD, .key = "even" },
	{ BR("6.1.5", "rsa_bits"), GOOD, .key = "rsa1024" },
	{ "rfc3279_2.3_key_known", GOOD, .key = "dsa" },
	{ R("4.1.2.6", "ca_subject_not_empty"), .kind = LINT_CA },
	{ R("4.1.2.6", "empty_subject_san"), LEAF },
	{ R("A.1", "name_not_empty") " " BR("7.1.4.3", "common_name_in_san"), SUBJECT(DN_COMMON_NAME, "") },
	{ R("A.1", "name_lengths"),
	  SUBJECT(DN_SERIAL_NUMBER, "55555555555555555555555555555555555555555555555555555555555555555") },
	{ R("A.1", "country_code"), SUBJECT(DN_COUNTRY, "ch") },
	{ "x690_8.23_name_encoding", SUBJECT(DN_ORGANIZATION, "\xc3\x28") },
	{ "x690_8.23_name_encoding " R("A.1", "country_code"), SUBJECT(DN_COUNTRY, "@@") },
	{ OWN("names", "name_visible"), SUBJECT(DN_ORGANIZATION, "A\xe2\x80\xae"
								 "B") },
	{ OWN("names", "name_blanks"), SUBJECT(DN_ORGANIZATION, "A ") },
	{ OWN("names", "common_name_once"), GOOD,
	  .subject = { ITEM(DN_COMMON_NAME, "www.example.com"), ITEM(DN_COMMON_NAME, "x") } },
	{ BR("7.1.4.3", "common_name_in_san"), SUBJECT(DN_COMMON_NAME, "other.example.com") },
	{ "", LEAF, .subject = { ITEM(DN_COMMON_NAME, "10.0.0.1") }, .names = { ITEM(NAME_IP, "\x0a\0\0\1") },
	  .purposes = { ITEM(0, SERVER) } },
	{ R("4.1.2.6", "email_in_subject") " " R("4.1.2.6", "email_in_san"), SUBJECT(DN_EMAIL_ADDRESS, "a@b.example") },
	{ R("4.1.2.6", "email_in_subject"), LEAF, .names = { ITEM(NAME_EMAIL, "a@b.example") },
	  .subject = { ITEM(DN_EMAIL_ADDRESS, "a@b.example") } },
	{ R("4.2.1.6", "san_ascii"), NAMED(NAME_DNS, "\xc3\xa9") },
	{ R("4.2.1.6", "san_ascii"), NAMED(NAME_URI, "") },
	{ R("4.2.1.6", "dns_trailing_dot"), NAMED(NAME_DNS, "www.example.com.") },
	{ "rfc9525_6.3_dns_wildcard", NAMED(NAME_DNS, "w*.example.com") },
	{ R("4.2.1.6", "dns_syntax"), NAMED(NAME_DNS, "a_b.example.com") },
	{ R("4.2.1.6", "ip_size"), NAMED(NAME_IP, "\x0a\0\0") },
	{ R("4.2.1.6", "email_syntax"), NAMED(NAME_EMAIL, "<a@example.com>") },
	{ R("4.2.1.6", "uri_absolute"), NAMED(NAME_URI, "/path") },
	{ R("4.2.1.6", "uri_host"), NAMED(NAME_URI, "http:///path") },
	{ R("4.2.1.3", "key_usage_not_empty"), LEAF, GOOD_NAMES, .usage = NO_USAGE },
	{ R("4.2.1.9", "cert_sign_ca_only"), GOOD, .usage = USAGE_DIGITAL_SIGNATURE | USAGE_KEY_CERT_SIGN },
	{ R("4.2.1.3", "leaf_crl_sign"), GOOD, .usage = USAGE_DIGITAL_SIGNATURE | USAGE_CRL_SIGN },
	{ "rfc8813_3_encipherment_rsa_only", GOOD, .usage = USAGE_DIGITAL_SIGNATURE | USAGE_DATA_ENCIPHERMENT },
	{ "rfc3279_2.3.1_agreement_ec_only", GOOD, .key = "rsa", .usage = USAGE_KEY_AGREEMENT },
	{ R("4.2.1.3", "only_with_agreement"), GOOD, .usage = USAGE_DIGITAL_SIGNATURE | USAGE_DECIPHER_ONLY },
	{ BR("7.1.2.7.10", "eku_any"), LEAF, GOOD_NAMES, .purposes = { ITEM(0, OID_ANY_EXT_KEY_USAGE) } },
	{ OWN("extensions", "eku_once"), LEAF, GOOD_NAMES, .purposes = { ITEM(0, CLIENT), ITEM(0, CLIENT) } },
	{ R("4.2.1.12", "eku_agrees"), LEAF, GOOD_NAMES, .key = "rsa", .usage = USAGE_KEY_ENCIPHERMENT,
	  .purposes = { ITEM(0, CLIENT) } },
	{ "rfc9525_2_server_auth_san", LEAF, .subject = { ITEM(DN_ORGANIZATION, "x") },
	  .purposes = { ITEM(0, SERVER) } },
	{ R("4.2.1.10", "constraints_ca_only"), GOOD, .excluded = { ITEM(NAME_DNS, "a.b") } },
	{ R("4.2.1.10", "constraints_ip_size"), A_CA, .permitted = { ITEM(NAME_IP, "\x0a\0\0\0") } },
	{ R("4.2.1.10", "constraints_ip_prefix"), A_CA, .excluded = { ITEM(NAME_IP, "\x0a\0\0\0\xff\0\xff\0") } },
	{ OWN("constraints", "constraints_ip_bits"), A_CA, .excluded = { ITEM(NAME_IP, "\x0a\0\0\1\xff\0\0\0") } },
	{ R("4.2.1.10", "constraints_syntax"), A_CA, .permitted = { ITEM(NAME_DNS, "a.b"), ITEM(NAME_DNS, ".a.b") } },
	{ R("4.2.1.4", "policies_once"), GOOD,
	  .policies = { ITEM(0, "\x2a\3\4"), ITEM(0, "\x2a\3\5"), ITEM(0, "\x2a\3\4") } },
	{ R("4.2.2.1", "access_http"), GOOD, .urls = { ITEM(LINT_URL_CA_ISSUERS, "https://x/") } },
	{ R("4.2.1.13", "crldp_http"), GOOD,
	  .urls = { ITEM(LINT_URL_CRL, "http://x/"), ITEM(LINT_URL_CRL, "ldap://x/") } },
	{ "rfc7633_6_staple_responder", GOOD, .must_staple = true },
	{ "rfc7633_6_staple_responder", GOOD, .must_staple = true, .urls = { ITEM(LINT_URL_CA_ISSUERS, "http://x/") } },
};

/* What the encoder can't write at all. */
static const struct request_case unwritable[] = {
	{ R("4.1.2.5", "validity_form"), GOOD, .not_after = INT64_C(253402300800) },
	{ R("4.1.2.5", "validity_form"), GOOD, .not_before = INT64_C(-631152001) },
	{ R("4.2.1.9", "path_len_ca_only"), GOOD, .path_len = true },
	{ R("4.2.1.3", "key_usage_known"), GOOD, .usage = USAGE_DIGITAL_SIGNATURE | USAGE_DECIPHER_ONLY << 1 },
};

static struct list list_make(const struct item *items, struct buf *raw)
{
	uint16_t count = 0;
	buf_init(raw, 65536);
	for (size_t i = 0; i < MAX_ITEMS && items[i].text; i++)
		list_put(raw, &count, items[i].tag, (struct slice){ (const uint8_t *)items[i].text, items[i].len });
	return list_of(raw, count);
}

#define RSA_OID "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
#define EC_OID "\x2a\x86\x48\xce\x3d\x02\x01"

/* SEQUENCE { SEQUENCE { oid, parameters }, BIT STRING } */
static void key_put(struct buf *out, struct slice oid, struct slice parameters, struct slice bits)
{
	size_t all = der_begin(out, DER_SEQUENCE), algorithm = der_begin(out, DER_SEQUENCE);
	der_put_oid(out, oid);
	buf_put_slice(out, parameters);
	der_end(out, algorithm);
	der_put_bits(out, DER_BIT_STRING, bits);
	der_end(out, all);
}

static void rsa_put(struct buf *out, size_t octets, uint8_t last, const char *exponent)
{
	uint8_t modulus[512];
	scoped_buf bits;
	buf_init(&bits, 4096);
	memset(modulus, 0xd5, sizeof(modulus));
	modulus[octets - 1] = last;
	size_t s = der_begin(&bits, DER_SEQUENCE);
	der_put_unsigned(&bits, DER_INTEGER, (struct slice){ modulus, octets });
	der_put_unsigned(&bits, DER_INTEGER, slice_text(exponent));
	der_end(&bits, s);
	key_put(out, OID_SLICE(RSA_OID), OID_SLICE("\x05\x00"), buf_slice(&bits));
}

static void ec_put(struct buf *out, struct slice curve, uint8_t form, size_t octets)
{
	uint8_t point[65];
	memset(point, 0x55, sizeof(point));
	point[0] = form;
	key_put(out, OID_SLICE(EC_OID), curve, (struct slice){ point, octets });
}

#define P256 OID_SLICE("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07")
#define K256 OID_SLICE("\x06\x05\x2b\x81\x04\x00\x0a")

static void public_key_put(struct buf *out, const char *key)
{
	key = key ? key : "p256";
	if (strcmp(key, "rsa") == 0)
		rsa_put(out, 256, 1, "\1\1\1");
	else if (strcmp(key, "rsa3") == 0)
		rsa_put(out, 256, 1, "\3");
	else if (strcmp(key, "even") == 0)
		rsa_put(out, 256, 2, "\1\1\1");
	else if (strcmp(key, "rsa1024") == 0)
		rsa_put(out, 128, 1, "\1\1\1");
	else if (strcmp(key, "ed25519") == 0)
		key_put(out, OID_SLICE("\x2b\x65\x70"), (struct slice){ 0 },
			slice_text("55555555555555555555555555555555"));
	else if (strcmp(key, "dsa") == 0)
		key_put(out, OID_SLICE("\x2a\x86\x48\xce\x38\x04\x01"), (struct slice){ 0 }, slice_text("5"));
	else
		ec_put(out, strcmp(key, "curve") == 0 ? K256 : P256, strcmp(key, "compressed") == 0 ? 2 : 4,
		       strcmp(key, "compressed") == 0 ? 33
		       : strcmp(key, "short") == 0    ? 64
						      : 65);
}

/* A request with all that its lists point into. */
struct request {
	struct lint_asked asked;
	struct buf room[8];
};

static void request_make(const struct request_case *c, struct request *r)
{
	buf_init(&r->room[7], 4096);
	public_key_put(&r->room[7], c->key);
	r->asked = (struct lint_asked){ .kind = c->kind,
					.not_before = c->not_before ? c->not_before : A_TIME,
					.not_after = c->not_after ? c->not_after : A_TIME + A_DAY,
					.public_key = buf_slice(&r->room[7]),
					.subject = list_make(c->subject, &r->room[0]),
					.alt_names = list_make(c->names, &r->room[1]),
					.ext_key_usage = list_make(c->purposes, &r->room[2]),
					.permitted = list_make(c->permitted, &r->room[3]),
					.excluded = list_make(c->excluded, &r->room[4]),
					.urls = list_make(c->urls, &r->room[5]),
					.policies = list_make(c->policies, &r->room[6]),
					.key_usage = c->usage == NO_USAGE ? 0
						     : c->usage		  ? c->usage
									  : USAGE_DIGITAL_SIGNATURE,
					.path_len_there = c->path_len,
					.must_staple = c->must_staple };
}

static void request_free(struct request *r)
{
	for (size_t i = 0; i < 8; i++)
		buf_free(&r->room[i]);
}

static void certificate_make(const struct lint_asked *a, struct buf *out)
{
	static const uint8_t own_id[20] = { 1 };
	scoped_buf subject = { .max = 65536 }, issuer = { .max = 256 };
	uint16_t count = 0;
	scoped_buf ca = { .max = 64 };
	list_put(&ca, &count, DN_COMMON_NAME, slice_text("The issuer"));
	cert_put_name(&issuer, a->kind == LINT_ROOT ? a->subject : list_of(&ca, count));
	cert_put_name(&subject, a->subject);
	struct cert_fields f = { .kind = a->kind == LINT_LEAF ? KIND_LEAF : KIND_CA,
				 .algorithm = ALGORITHM_ECDSA_P256,
				 .issuer = buf_slice(&issuer),
				 .authority_key_id = SLICE_OF(own_id),
				 .not_before = a->not_before,
				 .not_after = a->not_after,
				 .subject = buf_slice(&subject),
				 .public_key = a->public_key,
				 .subject_key_id = SLICE_OF(own_id),
				 .alt_names = a->alt_names,
				 .key_usage = (uint16_t)a->key_usage,
				 .ext_key_usage = a->ext_key_usage,
				 .path_len = a->path_len_there ? 1 : PATH_LEN_NONE,
				 .constraints = { a->permitted, a->excluded },
				 .urls = a->urls,
				 .policies = a->policies,
				 .flags = a->must_staple ? CERT_MUST_STAPLE : 0 };
	cert_new_serial(A_TIME, f.serial);
	size_t all = der_begin(out, DER_SEQUENCE);
	cert_put_tbs(out, &f);
	buf_put_slice(out, oid_signature_algorithm(ALGORITHM_ECDSA_P256));
	der_put_bits(out, DER_BIT_STRING, slice_text("a signature"));
	der_end(out, all);
}

static size_t number_of(const struct lint_rule *rule)
{
	size_t i = 0;
	while (lint_rule(i) != rule)
		i++;
	return i;
}

/* Ids of what was found, but only of rules that can be looked at before. */
static void ids_put(const struct lint_report *report, struct buf *out)
{
	for (size_t i = 0; i < report->count; i++)
		if (lint_rule_before(number_of(report->findings[i].rule)))
			buf_printf(out, "%s%s", out->len ? " " : "", report->findings[i].rule->id);
	buf_put_u8(out, 0);
}

static bool fired[MAX_LINT_FINDINGS];
static struct lint_report before, after;

static void case_run(const struct request_case *c, bool writable)
{
	struct request r;
	scoped_buf der = { .max = 65536 }, said = { .max = 8192 }, said_after = { .max = 8192 };
	request_make(c, &r);
	lint_fields(&r.asked, &before);
	ids_put(&before, &said);
	assert_string_equal((const char *)said.at, c->ids);
	for (size_t i = 0; i < before.count; i++) {
		fired[number_of(before.findings[i].rule)] = true;
		assert_true(text_visible(slice_text(before.findings[i].where)));
	}
	if (writable) {
		certificate_make(&r.asked, &der);
		assert_true(buf_ok(&der));
		lint_any(buf_slice(&der), &after);
		assert_int_equal(after.kind, c->kind);
		ids_put(&after, &said_after);
		assert_string_equal((const char *)said_after.at, c->ids);
	}
	request_free(&r);
}

static void fields_and_certificate_agree(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		case_run(&cases[i], true);
	for (size_t i = 0; i < sizeof(unwritable) / sizeof(unwritable[0]); i++)
		case_run(&unwritable[i], false);
}

/* rsa_whole_octets, the parameters and the length of other keys are one function each, which test_lint.c breaks. */
static void every_rule_has_a_case(void **state)
{
	static const char *const keys[] = { "rsa_key_parameters", "rsa_whole_octets", "eddsa_key_form" };
	(void)state;
	for (size_t i = 0; lint_rule(i); i++) {
		bool elsewhere = !lint_rule_before(i);
		for (size_t k = 0; k < 3; k++)
			elsewhere |= strstr(lint_rule(i)->id, keys[k]) != NULL;
		if (!fired[i] && !elsewhere)
			print_error("%s was never broken\n", lint_rule(i)->id);
		assert_true(fired[i] || elsewhere);
	}
}

static void urls_are_those_of_the_wire(void **state)
{
	(void)state;
	assert_int_equal(LINT_URL_CRL, URL_CRL);
	assert_int_equal(LINT_URL_OCSP, URL_OCSP);
	assert_int_equal(LINT_URL_CA_ISSUERS, URL_CA_ISSUERS);
}

/* `test_lint_fields ROUNDS` says how long one request takes; it asserts nothing. */
static int measure(long rounds)
{
	struct request r;
	struct timespec from, to;
	request_make(&cases[1], &r);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (long i = 0; i < rounds; i++)
		lint_fields(&r.asked, &before);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	request_free(&r);
	double ns = (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
	return printf("%.0f ns of CPU for each request\n", ns / (double)rounds) < 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_and_certificate_agree),
		cmocka_unit_test(every_rule_has_a_case),
		cmocka_unit_test(urls_are_those_of_the_wire),
	};
	return argc > 1 ? measure(atol(argv[1])) : cmocka_run_group_tests(tests, NULL, NULL);
}
