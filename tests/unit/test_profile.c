/* policy/profile: the shipped profiles, what they take and refuse, and files with faults in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/log.h"
#include "policy/profile.h"
#include "wire/inner.h"

static const struct profile_site with_base = { .has_base_url = true }, without_base = { .has_base_url = false };
static struct profiles *shipped, *own; /* own: of a test's own file, asked while it is there */

static int shipped_load(void **state)
{
	(void)state;
	return profiles_load(PROFILES_DIR, &with_base, NULL, NULL, &shipped);
}

static int shipped_free(void **state)
{
	(void)state;
	profiles_free(shipped);
	return 0;
}

/* One request: names in text form separated by spaces, a subject in text form. */
struct request {
	const char *profile, *names, *subject;
	enum key_algorithm algorithm;
	int64_t ttl;
};

static struct leaf_fields granted; /* of the last request that was granted */
static struct buf granted_names, granted_subject;

static void names_put(const char *text, struct buf *raw, uint16_t *count)
{
	char copy[8192];
	const char *why;
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *at = strtok(copy, " "); at; at = strtok(NULL, " ")) {
		uint8_t type;
		scoped_buf value;
		buf_init(&value, MAX_NAME);
		assert_true(name_parse(AS_NAME, at, &type, &value, &why));
		list_put(raw, count, type, buf_slice(&value));
	}
}

/* The code of the refusal, or "" and granted is filled in. */
static const char *ask(struct request r)
{
	uint16_t name_count = 0, subject_count = 0;
	const char *why;
	struct policy_refusal refusal;
	leaf_fields_free(&granted);
	buf_free(&granted_names);
	buf_free(&granted_subject);
	buf_init(&granted_names, 65536);
	buf_init(&granted_subject, 65536);
	names_put(r.names, &granted_names, &name_count);
	if (r.subject)
		assert_true(dn_parse(r.subject, &granted_subject, &subject_count, &why));
	struct leaf_wish wish = { .algorithm = (uint8_t)r.algorithm,
				  .subject = list_of(&granted_subject, subject_count),
				  .alt_names = list_of(&granted_names, name_count),
				  .ttl = r.ttl };
	const struct profile *p = profile_find(own ? own : shipped, r.profile);
	assert_non_null(p);
	int result = profile_apply(p, &wish, &granted, &refusal);
	assert_true(result >= 0);
	if (result == 0)
		return "";
	assert_true(strlen(refusal.message) > 20 && refusal.message[strlen(refusal.message) - 1] == '.');
	assert_true(strcmp(refusal.field, "csr_pem") == 0 || strcmp(refusal.field, "ttl_seconds") == 0);
	return refusal.code;
}
#define ASK_WITH(profile, names, subject, algorithm, ttl)                                                              \
	ask((struct request){ profile, names, subject, algorithm, ttl })
#define ASK(profile, names, subject) ASK_WITH(profile, names, subject, ALGORITHM_ECDSA_P256, 0)

static bool has_purpose(unsigned char last)
{
	const uint8_t oid[] = { 0x2b, 6, 1, 5, 5, 7, 3, last };
	uint8_t tag;
	struct slice item;
	for (struct list l = granted.ext_key_usage; list_next(&l, &tag, &item);)
		if (slice_equal(item, SLICE_OF(oid)))
			return true;
	return false;
}

static void numbers_are_those_of_the_wire(void **state)
{
	(void)state;
	assert_int_equal(LEAF_DIGITAL_SIGNATURE, USAGE_DIGITAL_SIGNATURE);
	assert_int_equal(LEAF_NON_REPUDIATION, USAGE_NON_REPUDIATION);
	assert_int_equal(LEAF_KEY_ENCIPHERMENT, USAGE_KEY_ENCIPHERMENT);
	assert_int_equal(LEAF_DATA_ENCIPHERMENT, USAGE_DATA_ENCIPHERMENT);
	assert_int_equal(LEAF_KEY_AGREEMENT, USAGE_KEY_AGREEMENT);
	assert_int_equal(LEAF_MUST_STAPLE, CERT_MUST_STAPLE);
}

#define DIGITAL LEAF_DIGITAL_SIGNATURE

static void each_profile_grants_its_own(void **state)
{
	(void)state;
	assert_string_equal(ASK("server", "a.example.com ip:10.0.0.1", "CN=A.example.com, O=x, UID=z"), "");
	assert_int_equal(granted.key_usage, DIGITAL);
	assert_true(has_purpose(1) && !has_purpose(2));
	assert_int_equal(granted.subject.count, 2);
	assert_int_equal(granted.ttl, 30 * 86400);
	assert_string_equal(ASK_WITH("server", "a.b", NULL, ALGORITHM_RSA_2048, 0), "");
	assert_int_equal(granted.key_usage, DIGITAL | LEAF_KEY_ENCIPHERMENT);
	assert_string_equal(ASK("client", "email:a@b.c", "CN=a@B.c"), "");
	assert_true(has_purpose(2) && !has_purpose(1));
	assert_string_equal(ASK("peer", "a.b ip:::1", "CN=0::1"), "");
	assert_true(has_purpose(1) && has_purpose(2));
	assert_string_equal(ASK("workload", "uri:spiffe://td/ns/x", "CN=whatever"), "");
	assert_true(has_purpose(1) && has_purpose(2));
	assert_int_equal(granted.subject.count, 0);
	assert_int_equal(granted.ttl, 86400);
}

static void wishes_are_refused(void **state)
{
	(void)state;
	assert_string_equal(ASK("server", "", "CN=a.b"), "name_missing");
	assert_string_equal(ASK("server", "email:a@b.c", NULL), "name_type_not_allowed");
	assert_string_equal(ASK("client", "ip:10.0.0.1", NULL), "name_type_not_allowed");
	assert_string_equal(ASK("server", "*.example.com", NULL), "wildcard_not_allowed");
	assert_string_equal(ASK("server", "a.b", "CN=c.b"), "common_name_not_in_names");
	assert_string_equal(ASK("server", "a.b", "CN=a.b, CN=c.b"), "common_name_not_in_names");
	assert_string_equal(ASK("server", "a.b", "C=de"), "subject_invalid");
	assert_string_equal(ASK_WITH("server", "a.b", NULL, (enum key_algorithm)0, 0), "key_not_allowed");
	assert_string_equal(ASK_WITH("server", "a.b", NULL, (enum key_algorithm)99, 0), "key_not_allowed");
	assert_string_equal(ASK_WITH("server", "a.b", NULL, ALGORITHM_ECDSA_P256, 90 * 86400), "");
	assert_string_equal(ASK_WITH("server", "a.b", NULL, ALGORITHM_ECDSA_P256, 90 * 86400 + 1), "ttl_too_long");
	assert_string_equal(ASK_WITH("server", "a.b", NULL, ALGORITHM_ECDSA_P256, -1), "ttl_invalid");
	char many[MAX_LEAF_NAMES * 4 + 5] = "";
	for (int i = 0; i < MAX_LEAF_NAMES; i++)
		strcat(many, "a.b ");
	assert_string_equal(ASK("server", many, NULL), "");
	strcat(many, "a.b");
	assert_string_equal(ASK("server", many, NULL), "too_many_names");
}

static void spiffe_ids_are_checked(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"uri:spiffe://td",
		"uri:spiffe://td/",
		"uri:spiffe://td/a/",
		"uri:spiffe://td//a",
		"uri:spiffe://td/./a",
		"uri:spiffe://td/a/..",
		"uri:spiffe://td:80/a",
		"uri:spiffe://td/a?b",
		"uri:spiffe://td/a#b",
		"uri:spiffe://td/%61",
		"uri:https://td/a",
		"uri:spiffe:td/a",
		"uri:spiffe://td/a uri:spiffe://td/b",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_string_equal(ASK("workload", bad[i], NULL), "spiffe_id");
	assert_string_equal(ASK("workload", "a.b", NULL), "name_type_not_allowed");
	assert_string_equal(ASK("workload", "uri:spiffe://t_d.x/A.b-c_1/...", NULL), "");
}

/* All mistakes, as "FILE:LINE setting: expected" lines, without the folder. */
static char told[65536];

static void hear(const struct conf_fault *f, void *with)
{
	(void)with;
	size_t n = strlen(told);
	const char *slash = strrchr(f->file, '/');
	snprintf(told + n, sizeof(told) - n, "%s:%u %s: %s\n", slash ? slash + 1 : f->file, f->line, f->setting,
		 f->expected);
}

static int folder_load(const char *file, const char *text, const struct profile_site *site, struct profiles **p)
{
	char folder[] = "/tmp/ch.XXXXXX", path[256];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/%s", folder, file);
	assert_int_equal(fd_replace_file(path, slice_text(text), 0600), 0);
	told[0] = '\0';
	int r = profiles_load(folder, site, hear, NULL, p);
	unlink(path);
	rmdir(folder);
	assert_int_equal(r == 0, !told[0]);
	return r;
}

/* What comes of a folder with this one file in it. */
static int folder_result(const char *file, const char *text)
{
	struct profiles *p = NULL;
	int r = folder_load(file, text, &with_base, &p);
	if (r == 0)
		profiles_free(p);
	return r;
}

#define KEYS "keys = (\"ECDSA-P256\", \"RSA-2048\");"
#define NAMES "names = (\"dns\", \"ip\");"
#define USAGE "key_usage = (\"digitalSignature\");"
#define TTL "longest_ttl = 3600; default_ttl = 60;"
#define GOOD KEYS NAMES USAGE TTL

/* One mistake each, all in line 2: the setting that is named, and a word of the sentence. */
static const struct mistake {
	const char *text, *setting, *says;
} mistakes[] = {
	{ NAMES USAGE TTL "\nkeys = (\"RSA-1024\", \"RSA-2048\");", "keys.[0]", "RSA-2048" },
	{ NAMES USAGE TTL "\nkeys = ();", "keys", "at least one" },
	{ NAMES USAGE TTL "\nkeys = (\"Ed25519\", \"RSA-2048\", \"Ed25519\");", "keys.[2]", "twice" },
	{ NAMES USAGE TTL "\nkeys = \"RSA-2048\";", "keys", "list" },
	{ KEYS USAGE TTL "\nnames = (\"host\", \"dns\");", "names.[0]", "dns, email" },
	{ KEYS USAGE TTL "\nnames = (\"dns\", 5);", "names.[1]", "quotes" },
	{ KEYS NAMES TTL "\nkey_usage = (\"keyCertSign\", \"digitalSignature\");", "key_usage.[0]", "only CAs" },
	{ KEYS NAMES TTL "\nkey_usage = (\"digitalSignature\", \"cRLSign\");", "key_usage.[1]", "only CAs" },
	{ KEYS NAMES TTL "\nkey_usage = (\"digitalSignature\", \"encipherOnly\");", "key_usage.[1]", "keyAgreement" },
	{ KEYS NAMES TTL "\nkey_usage = (\"digitalSignature\", \"digitalSignature\");", "key_usage.[1]", "twice" },
	{ KEYS NAMES USAGE "default_ttl = 60;\nlongest_ttl = 59;", "longest_ttl", "from 60" },
	{ KEYS NAMES USAGE "default_ttl = 60;\nlongest_ttl = 316224001;", "longest_ttl", "to 316224000" },
	{ KEYS NAMES USAGE "default_ttl = 60;\nlongest_ttl = 60.5;", "longest_ttl", "whole number" },
	{ KEYS NAMES USAGE "longest_ttl = 60;\ndefault_ttl = 61;", "default_ttl", "at most" },
	{ GOOD "\nwildcard = true;", "wildcard", "that exists" },
	{ GOOD "\nwildcards = 1;", "wildcards", "true or false" },
	{ GOOD "\nextended_key_usage = (\"serverAuth\", \"OCSPSigning\");", "extended_key_usage.[1]", "responder" },
	{ GOOD "\nextended_key_usage = (\"1.3.6.1.5.5.7.3.9\");", "extended_key_usage.[0]", "responder" },
	{ GOOD "\nextended_key_usage = (\"2.5.29.37.0\");", "extended_key_usage.[0]", "everything" },
	{ GOOD "\nextended_key_usage = (\"timeStamping\");", "extended_key_usage.[0]", "RFC 3161" },
	{ GOOD "\nextended_key_usage = (\"web\");", "extended_key_usage.[0]", "object identifier" },
	{ GOOD "\nextended_key_usage = (\"clientAuth\", \"1.3.6.1.5.5.7.3.2\");", "extended_key_usage.[1]", "twice" },
	{ GOOD "\npolicies = (\"3.1\");", "policies.[0]", "object identifier" },
	{ GOOD "\npolicies = (\"1.2.3\", \"1.2.3\");", "policies.[1]", "twice" },
	{ GOOD "\npolicies = (\"1.40\");", "policies.[0]", "object identifier" },
	{ GOOD "\npolicies = (\"1.2.\");", "policies.[0]", "object identifier" },
	{ GOOD "\nsubject = (\"XX\");", "subject.[0]", "CN" },
	{ GOOD "\ntrust_domain = \"x\";", "trust_domain", "spiffe = true" },
	{ GOOD "\nname_patterns = (\"*\");", "name_patterns.[0]", "leaves something out" },
	{ GOOD "\nname_patterns = (\"email:example.com\");", "name_patterns.[0]", "names takes" },
	{ GOOD "\nname_patterns = (\"ip:10.0.0.0/33\");", "name_patterns.[0]", "" },
	{ GOOD "\ncrl_urls = (\"https://x.example/crl\");", "crl_urls.[0]", "http://" },
	{ GOOD "\ncrl_urls = (\"http://x.example/{id}/crl\");", "crl_urls.[0]", "{ca}" },
	{ GOOD "\ncrl_urls = (\"http:///crl\");", "crl_urls.[0]", "host" },
	{ GOOD "\nocsp_urls = (\"http://a.b/\", \"http://a.b/\");", "ocsp_urls.[1]", "twice" },
	{ GOOD "\nca_issuers_urls = (\"http://a\", \"http://b\", \"http://c\", \"http://d\", \"http://e\");",
	  "ca_issuers_urls", "at most 4" },
	{ GOOD "\nlint = \"fatal\";", "lint", "warning" },
	{ GOOD "\nlint = 3;", "lint", "quotes" },
	{ GOOD "\nextensions = ({ oid = \"2.5.29.19\"; der = \"3000\"; });", "extensions.[0].oid", "own" },
	{ GOOD "\nextensions = ({ oid = \"1.3.6.1.5.5.7.1.24\"; der = \"3000\"; });", "extensions.[0].oid", "own" },
	{ GOOD "\nextensions = ({ oid = \"x\"; der = \"3000\"; });", "extensions.[0].oid", "identifier" },
	{ GOOD "\nextensions = ({ oid = \"1.2.3\"; der = \"0c\"; });", "extensions.[0].der", "DER" },
	{ GOOD "\nextensions = ({ oid = \"1.2.3\"; der = \"05000500\"; });", "extensions.[0].der", "one value" },
	{ GOOD "\nextensions = ({ oid = \"1.2.3\"; der = \"05810000\"; });", "extensions.[0].der", "DER" },
	{ GOOD "\nextensions = ({ oid = \"1.2.3\"; der = \"050\"; });", "extensions.[0].der", "hexadecimal" },
	{ GOOD "\nextensions = ({ oid = \"1.2.3\"; der = \"0500\"; critical = true; });", "extensions.[0].critical",
	  "that exists" },
	{ GOOD "\nextensions = ({ oid = \"1.2.3\"; der = \"0500\"; }, { oid = \"1.2.3\"; der = \"0500\"; });",
	  "extensions.[1].oid", "twice" },
	/* contradictions */
	{ GOOD "ocsp_urls = ();\nmust_staple = true;", "must_staple", "ocsp_urls" },
	{ GOOD "extended_key_usage = (\"clientAuth\");\nmust_staple = true;", "must_staple", "serverAuth" },
	{ KEYS "names = (\"ip\");" USAGE TTL "\nwildcards = true;", "wildcards", "dns" },
	{ "keys = (\"Ed25519\");" NAMES TTL "\nkey_usage = (\"digitalSignature\", \"keyEncipherment\");", "key_usage",
	  "RSA" },
	{ "keys = (\"RSA-2048\");" NAMES TTL "\nkey_usage = (\"digitalSignature\", \"keyAgreement\");", "key_usage",
	  "EC" },
	{ "keys = (\"RSA-2048\", \"Ed25519\");" NAMES TTL "\nkey_usage = (\"keyEncipherment\");", "key_usage",
	  "Ed25519" },
	{ "keys = (\"RSA-3072\");" NAMES TTL
	  "extended_key_usage = (\"clientAuth\");\nkey_usage = (\"keyEncipherment\");",
	  "key_usage", "clientAuth" },
	{ KEYS NAMES TTL "extended_key_usage = (\"codeSigning\");\nkey_usage = (\"nonRepudiation\");", "key_usage",
	  "codeSigning" },
	{ KEYS USAGE TTL "extended_key_usage = (\"serverAuth\");\nnames = (\"email\");", "names", "dns, ip or uri" },
	{ KEYS USAGE TTL "extended_key_usage = (\"emailProtection\");\nnames = (\"dns\");", "names", "email" },
	{ KEYS NAMES USAGE "default_ttl = 60; extended_key_usage = (\"serverAuth\");\nlongest_ttl = 71280001;",
	  "longest_ttl", "825 days" },
	{ KEYS "names = (\"dn\");" USAGE TTL "\nsubject = (\"O\", \"CN\");", "subject", "common name" },
	{ KEYS USAGE TTL "spiffe = true;\nnames = (\"uri\", \"dns\");", "names", "alone" },
	{ "keys = (\"RSA-2048\"); names = (\"uri\");" TTL "spiffe = true;\nkey_usage = (\"keyEncipherment\");",
	  "key_usage", "SVID" },
};

static void each_mistake_has_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		char begins[128];
		const char *text = mistakes[i].text;
		int r = folder_result("a.conf", text);
		snprintf(begins, sizeof(begins), "a.conf:2 %s: ", mistakes[i].setting);
		bool once = *told && strchr(told, '\n') == told + strlen(told) - 1;
		if (r != -1 || !once || strncmp(told, begins, strlen(begins)) != 0 || !strstr(told, mistakes[i].says))
			print_error("%s\ngave %d and\n%s", text, r, told);
		assert_int_equal(r, -1);
		assert_true(once && strncmp(told, begins, strlen(begins)) == 0);
		assert_non_null(strstr(told, mistakes[i].says));
	}
}

static void limits_are_taken(void **state)
{
	static const char *const good[] = {
		GOOD,
		GOOD "extended_key_usage = (\"1.3.6.1.4.1.99999.1\");",
		KEYS NAMES USAGE "longest_ttl = 316224000; default_ttl = 60;",
		KEYS NAMES USAGE "longest_ttl = 71280000; default_ttl = 60; extended_key_usage = (\"serverAuth\");",
		GOOD "must_staple = true;",
		GOOD "extensions = ({ oid = \"1.2.3\"; der = \"0500\"; }, { oid = \"1.2.33\"; der = \"0500\"; });",
		GOOD "must_staple = true; ocsp_urls = (\"http://a.b/\");",
		GOOD "crl_urls = (); ocsp_urls = (); ca_issuers_urls = ();",
		GOOD "ca_issuers_urls = (\"http://a\", \"http://b\", \"http://c\", \"http://d\");",
		GOOD "name_patterns = (\"dns:*.example.com\", \"ip:10.0.0.0/8\"); lint = \"notice\";",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(folder_result("a.conf", good[i]), 0);
	assert_int_equal(folder_result("a.txt", GOOD), -1);
	assert_non_null(strstr(told, "there is no profile"));
	assert_int_equal(folder_result("A.conf", GOOD), -1);
	assert_non_null(strstr(told, "lower-case"));
	assert_int_equal(folder_result("a.conf", "keys = (\n\"RSA-2048\"\n names"), -1);
	assert_non_null(strstr(told, "a.conf:3 : "));
}

/* Without the front-end's own URL a profile has to name its responder. */
static void staples_need_a_responder(void **state)
{
	struct profiles *p = NULL;
	(void)state;
	assert_int_equal(folder_load("a.conf", GOOD "\nmust_staple = true;", &without_base, &p), -1);
	assert_non_null(strstr(told, "a.conf:2 must_staple: "));
	assert_non_null(strstr(told, "pki_base_url"));
	assert_int_equal(
		folder_load("a.conf", GOOD "must_staple = true; ocsp_urls = (\"http://a.b/\");", &without_base, &p), 0);
	profiles_free(p);
}

/* One file, one run: all of them, those that aren't there without a line, and none that only follows from another. */
static void all_mistakes_are_told(void **state)
{
	(void)state;
	assert_int_equal(folder_result("a.conf", "keys = (\"RSA-1024\");\n"
						 "key_usage = (\n"
						 "  \"digitalSignature\",\n"
						 "  \"cRLSign\" );\n"
						 "extended_key_usage = ( \"serverAuth\" );\n"
						 "longest_ttl = 10;\n"
						 "default_ttl = 100;\n"
						 "must_stapel = true;\n"
						 "names = ( \"email\" );\n"),
			 -1);
	static const char *const lines[] = { "a.conf:1 keys.[0]: ", "a.conf:4 key_usage.[1]: ",
					     "a.conf:6 longest_ttl: ", "a.conf:9 names: ", "a.conf:8 must_stapel: " };
	const char *at = told;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (strncmp(at, lines[i], strlen(lines[i])) != 0)
			print_error("expected %s in\n%s", lines[i], told);
		assert_true(strncmp(at, lines[i], strlen(lines[i])) == 0);
		at = strchr(at, '\n') + 1;
	}
	assert_string_equal(at, "");
	assert_int_equal(folder_result("a.conf", "names = ( \"dns\" );\n"), -1);
	assert_non_null(strstr(told, "a.conf:0 keys: "));
	assert_non_null(strstr(told, "a.conf:0 key_usage: "));
	assert_non_null(strstr(told, "a.conf:0 longest_ttl: "));
	assert_non_null(strstr(told, "a.conf:0 default_ttl: "));
}

static void own_load(const char *text)
{
	profiles_free(own);
	own = NULL;
	assert_int_equal(folder_load("a.conf", text, &with_base, &own), 0);
}

static void own_drop(void)
{
	profiles_free(own);
	own = NULL;
}

static void patterns_limit_their_type(void **state)
{
	(void)state;
	own_load(KEYS "names = (\"dns\", \"ip\", \"email\", \"uri\", \"dn\"); wildcards = true;" USAGE TTL
		      "name_patterns = (\"dns:*.shop.example.com\", \"dns:shop.example.com\", \"ip:10.0.0.0/8\", "
		      "\"uri:spiffe://td/ns/shop/*\", \"dn:O=Shop\");");
	assert_string_equal(ASK("a", "shop.example.com a.shop.example.com *.shop.example.com", NULL), "");
	assert_string_equal(ASK("a", "example.com", NULL), "name_pattern");
	assert_string_equal(ASK("a", "a.shop.example.com *.example.com", NULL), "name_pattern");
	assert_string_equal(ASK("a", "xshop.example.com", NULL), "name_pattern");
	assert_string_equal(ASK("a", "shop.example.com.evil.example", NULL), "name_pattern");
	assert_string_equal(ASK("a", "ip:10.255.0.1", NULL), "");
	assert_string_equal(ASK("a", "ip:11.0.0.1", NULL), "name_pattern");
	assert_string_equal(ASK("a", "ip:::a00:1", NULL), "name_pattern");
	assert_string_equal(ASK("a", "uri:spiffe://td/ns/shop/a", NULL), "");
	assert_string_equal(ASK("a", "uri:spiffe://td/ns/shop/../b", NULL), "name_pattern");
	assert_string_equal(ASK("a", "uri:spiffe://td/ns/shop/%2e%2e/b", NULL), "name_pattern");
	assert_string_equal(ASK("a", "email:a@anywhere.example", NULL), "");
	assert_string_equal(ASK("a", "dn:O=shop,CN=x", NULL), "");
	assert_string_equal(ASK("a", "dn:O=Other", NULL), "name_pattern");
	own_drop();
}

/* What a leaf carries is the profile's, whatever the request wished. */
static void fields_are_the_profiles(void **state)
{
	(void)state;
	own_load(KEYS NAMES TTL "key_usage = (\"digitalSignature\", \"keyEncipherment\"); policies = (\"1.2.3\");"
				"extended_key_usage = (\"serverAuth\", \"1.3.6.1.4.1.5.6\"); must_staple = true;"
				"subject = (\"O\");");
	assert_string_equal(ASK("a", "a.b", "CN=evil, O=Shop, OU=x, C=de"), "");
	assert_int_equal(granted.subject.count, 1);
	assert_int_equal(granted.key_usage, LEAF_DIGITAL_SIGNATURE);
	assert_int_equal(granted.ext_key_usage.count, 2);
	assert_int_equal(granted.policies.count, 1);
	assert_int_equal(granted.flags, LEAF_MUST_STAPLE);
	assert_int_equal(granted.ttl, 60);
	own_drop();
}

static void urls_expect(const char *base, const char *expected)
{
	scoped_buf raw = { .max = 65536 }, text = { .max = 65536 };
	uint16_t count = 0;
	uint8_t use;
	struct slice url;
	profile_urls_put(profile_at(own, 0), base, "ica-1", &raw, &count);
	for (struct list l = list_of(&raw, count); list_next(&l, &use, &url);)
		buf_printf(&text, "%u=%.*s ", use, (int)url.len, (const char *)url.at);
	buf_put_u8(&text, 0);
	assert_string_equal((const char *)text.at, expected);
}

static void urls_are_the_profiles_or_the_bases(void **state)
{
	(void)state;
	own_load(GOOD);
	urls_expect("", "");
	urls_expect("http://x/pki", "1=http://x/pki/ica-1/crl 2=http://x/pki/ica-1/ocsp 3=http://x/pki/ica-1/ca.crt ");
	own_load(GOOD "crl_urls = (\"http://a/{ca}/{ca}.crl\", \"http://b/all.crl\"); ocsp_urls = ();");
	urls_expect("", "1=http://a/ica-1/ica-1.crl 1=http://b/all.crl ");
	urls_expect("http://x/pki", "1=http://a/ica-1/ica-1.crl 1=http://b/all.crl 3=http://x/pki/ica-1/ca.crt ");
	own_drop();
}

/* `profile.conf(5)` is held against this list by tests/e2e/profile.t. */
static void settings_are_listed(void **state)
{
	(void)state;
	size_t n = 0, must = 0;
	for (; profile_setting(n); n++) {
		must += !profile_setting(n)->otherwise;
		assert_true(profile_setting(n)->sentence[strlen(profile_setting(n)->sentence) - 1] == '.');
	}
	assert_int_equal(n, 19);
	assert_int_equal(must, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_those_of_the_wire),
		cmocka_unit_test(each_profile_grants_its_own),
		cmocka_unit_test(wishes_are_refused),
		cmocka_unit_test(spiffe_ids_are_checked),
		cmocka_unit_test(each_mistake_has_its_line),
		cmocka_unit_test(limits_are_taken),
		cmocka_unit_test(staples_need_a_responder),
		cmocka_unit_test(all_mistakes_are_told),
		cmocka_unit_test(patterns_limit_their_type),
		cmocka_unit_test(fields_are_the_profiles),
		cmocka_unit_test(urls_are_the_profiles_or_the_bases),
		cmocka_unit_test(settings_are_listed),
	};
	log_open("test", (enum log_level) - 1);
	int failed = cmocka_run_group_tests(tests, shipped_load, shipped_free);
	leaf_fields_free(&granted);
	buf_free(&granted_names);
	buf_free(&granted_subject);
	return failed;
}
