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

static struct profiles *shipped, *own; /* own: of a test's own file, asked while it is there */

static int shipped_load(void **state)
{
	(void)state;
	return profiles_load(PROFILES_DIR, &shipped);
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

#define GOOD "keys = (\"ECDSA-P256\"); names = (\"dns\"); key_usage = (\"digitalSignature\"); longest_ttl = 60;"

static int folder_load(const char *file, const char *text, struct profiles **p)
{
	char folder[] = "/tmp/ch.XXXXXX", path[128];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/%s", folder, file);
	assert_int_equal(fd_replace_file(path, slice_text(text), 0600), 0);
	int r = profiles_load(folder, p);
	unlink(path);
	rmdir(folder);
	return r;
}

/* What comes of a folder with this one file in it. */
static int folder_result(const char *file, const char *text)
{
	struct profiles *p = NULL;
	int r = folder_load(file, text, &p);
	if (r == 0)
		profiles_free(p);
	return r;
}

/* What an RSA key has left of this key usage serves no client's authentication; what an EC key has left does. */
static void purposes_need_a_key_usage(void **state)
{
	(void)state;
	assert_int_equal(folder_load("a.conf",
				     "keys = (\"RSA-2048\", \"ECDSA-P256\"); names = (\"dns\"); longest_ttl = 60; "
				     "default_ttl = 60; key_usage = (\"keyEncipherment\", \"keyAgreement\"); "
				     "extended_key_usage = (\"clientAuth\");",
				     &own),
			 0);
	assert_string_equal(ASK_WITH("a", "a.b", NULL, ALGORITHM_RSA_2048, 0), "key_not_allowed");
	assert_string_equal(ASK("a", "a.b", NULL), "");
	assert_int_equal(granted.key_usage, LEAF_KEY_AGREEMENT);
	profiles_free(own);
	own = NULL;
}

static void faulty_files_are_refused(void **state)
{
	(void)state;
	assert_int_equal(folder_result("a.conf", GOOD "default_ttl = 60;"), 0);
	assert_int_equal(
		folder_result("a.conf", GOOD "default_ttl = 60; extended_key_usage = (\"1.3.6.1.4.1.99999.1\");"), 0);
	assert_int_equal(folder_result("a.txt", GOOD "default_ttl = 60;"), -1);
	assert_int_equal(folder_result("A.conf", GOOD "default_ttl = 60;"), -1);
	static const char *const bad[] = {
		"",
		GOOD,
		GOOD "default_ttl = 61;",
		GOOD "default_ttl = 59;",
		GOOD "default_ttl = 60; wildcard = true;",
		GOOD "default_ttl = 60; extended_key_usage = (\"OCSPSigning\");",
		GOOD "default_ttl = 60; extended_key_usage = (\"1.3.6.1.5.5.7.3.9\");",
		GOOD "default_ttl = 60; extended_key_usage = (\"2.5.29.37.0\");",
		GOOD "default_ttl = 60; policies = (\"3.1\");",
		GOOD "default_ttl = 60; policies = (\"1.2.3\", \"1.2.3\");",
		GOOD "default_ttl = 60; policies = (\"1.40\");",
		GOOD "default_ttl = 60; policies = (\"1.2.\");",
		GOOD "default_ttl = 60; subject = (\"XX\");",
		GOOD "default_ttl = 60; spiffe = true;",
		GOOD "default_ttl = 60; trust_domain = \"x\";",
		"keys = (\"RSA-1024\"); names = (\"dns\"); key_usage = (\"digitalSignature\"); longest_ttl = 60; "
		"default_ttl = 60;",
		"keys = (\"RSA-2048\"); names = (\"dns\"); key_usage = (\"keyCertSign\"); longest_ttl = 60; "
		"default_ttl = 60;",
		"keys = (\"RSA-2048\"); names = (\"host\"); key_usage = (\"keyAgreement\"); longest_ttl = 60; "
		"default_ttl = 60;",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(folder_result("a.conf", bad[i]), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_those_of_the_wire),
		cmocka_unit_test(each_profile_grants_its_own),
		cmocka_unit_test(wishes_are_refused),
		cmocka_unit_test(spiffe_ids_are_checked),
		cmocka_unit_test(faulty_files_are_refused),
		cmocka_unit_test(purposes_need_a_key_usage),
	};
	log_open("test", (enum log_level) - 1);
	int failed = cmocka_run_group_tests(tests, shipped_load, shipped_free);
	leaf_fields_free(&granted);
	buf_free(&granted_names);
	buf_free(&granted_subject);
	return failed;
}
