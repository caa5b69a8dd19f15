/* signd/charter: path lengths, validity at its limits, constraints over a chain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "names/dn.h"
#include "signd/charter.h"

#define NOW 1800000000

static struct buf subject, names, eku, permitted;

static struct list one(struct buf *raw, uint8_t tag, const char *text)
{
	uint16_t count = 0;
	buf_free(raw);
	buf_init(raw, 4096);
	list_put(raw, &count, tag, slice_text(text));
	return list_of(raw, count);
}

static const struct ceilings ceilings = { .kinds = 1 << KIND_LEAF | 1 << KIND_CA,
					  .longest = { 0, 1000, 2000, 0, 0 },
					  .backdate = 100,
					  .ahead = 10,
					  .name_types = 1 << NAME_DNS,
					  .algorithms = ~0U,
					  .key_usages = ~0U,
					  .any_ext_key_usage = true };

static struct cert_sign_request leaf(void)
{
	return (struct cert_sign_request){ .kind = KIND_LEAF,
					   .key_form = KEY_FOREIGN,
					   .not_before = NOW,
					   .not_after = NOW + 500,
					   .subject = one(&subject, DN_COMMON_NAME, "a.example.com"),
					   .alt_names = one(&names, NAME_DNS, "a.example.com"),
					   .key_usage = USAGE_DIGITAL_SIGNATURE,
					   .ext_key_usage = one(&eku, 0, "\x2b\x06\x01\x05\x05\x07\x03\x01"),
					   .path_len = PATH_LEN_NONE };
}

static uint16_t verdict_of(const struct cert_sign_request *r, uint16_t parent_path_len, int64_t issuer_end)
{
	const struct charter charter = { .path_len = parent_path_len };
	const struct issuer issuer = { &charter, &ceilings, NOW - 1000, issuer_end };
	return charter_check(&issuer, r, NOW).code;
}

static void validity_is_inclusive(void **state)
{
	(void)state;
	struct cert_sign_request r = leaf();
	assert_int_equal(verdict_of(&r, 0, NOW + 500), 0);
	assert_int_equal(verdict_of(&r, 0, NOW + 499), REFUSE_BEYOND_ISSUER);
	r.not_after = r.not_before + 999; /* exactly 1000 seconds */
	assert_int_equal(verdict_of(&r, 0, NOW + 5000), 0);
	r.not_after++;
	assert_int_equal(verdict_of(&r, 0, NOW + 5000), REFUSE_VALIDITY_LENGTH);
	r = leaf();
	r.not_before = NOW - 100;
	assert_int_equal(verdict_of(&r, 0, NOW + 5000), 0);
	r.not_before = NOW - 101;
	assert_int_equal(verdict_of(&r, 0, NOW + 5000), REFUSE_BACKDATED);
	r.not_before = NOW + 10;
	assert_int_equal(verdict_of(&r, 0, NOW + 5000), 0);
	r.not_before = NOW + 11;
	assert_int_equal(verdict_of(&r, 0, NOW + 5000), REFUSE_BACKDATED);
	r = leaf();
	assert_int_equal(verdict_of(&r, 0, NOW - 1), REFUSE_ISSUER_EXPIRED);
	r.not_after = r.not_before;
	assert_int_equal(verdict_of(&r, 0, NOW + 5000), 0);
	r.not_after = r.not_before - 1;
	assert_int_equal(verdict_of(&r, 0, NOW + 5000), REFUSE_VALIDITY_ORDER);
}

static void validity_without_end_is_refused(void **state)
{
	(void)state;
	const struct ca_self_request root = { .not_before = -50, .not_after = INT64_MAX };
	assert_int_equal(charter_check_root(&ceilings, &root, 0).code, REFUSE_VALIDITY_LENGTH);
	struct cert_sign_request r = leaf();
	r.not_after = INT64_MAX;
	assert_int_equal(verdict_of(&r, 0, INT64_MAX), REFUSE_VALIDITY_LENGTH);
}

/* A CA that could answer OCSP could do so for its siblings. */
static void a_ca_has_no_extended_key_usage(void **state)
{
	(void)state;
	struct cert_sign_request r = { .kind = KIND_CA,
				       .key_form = KEY_LOCAL,
				       .not_before = NOW,
				       .not_after = NOW + 500,
				       .subject = one(&subject, DN_COMMON_NAME, "CA"),
				       .path_len = 0 };
	assert_int_equal(verdict_of(&r, 1, NOW + 500), 0);
	r.ext_key_usage = one(&eku, 0, "\x2b\x06\x01\x05\x05\x07\x03\x09");
	assert_int_equal(verdict_of(&r, 1, NOW + 500), REFUSE_NOT_FOR_KIND);
}

static void flags_are_known_ones(void **state)
{
	(void)state;
	struct cert_sign_request r = leaf();
	r.flags = CERT_MUST_STAPLE;
	assert_int_equal(verdict_of(&r, 0, NOW + 500), 0);
	r.flags = CERT_MUST_STAPLE | 2;
	assert_int_equal(verdict_of(&r, 0, NOW + 500), REFUSE_NOT_FOR_KIND);
}

static void path_lengths_shrink(void **state)
{
	static const struct {
		uint16_t parent, child, code;
	} cases[] = { { PATH_LEN_NONE, PATH_LEN_NONE, 0 },
		      { PATH_LEN_NONE, 0, 0 },
		      { PATH_LEN_NONE, 255, 0 },
		      { PATH_LEN_NONE, 256, REFUSE_PATH_LEN },
		      { 1, 0, 0 },
		      { 1, 1, REFUSE_PATH_LEN },
		      { 1, PATH_LEN_NONE, REFUSE_PATH_LEN },
		      { 0, 0, REFUSE_PATH_LEN },
		      { 0, PATH_LEN_NONE, REFUSE_PATH_LEN } };
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cert_sign_request r = { .kind = KIND_CA,
					       .key_form = KEY_LOCAL,
					       .not_before = NOW,
					       .not_after = NOW + 10,
					       .subject = one(&subject, DN_COMMON_NAME, "CA"),
					       .path_len = cases[i].child };
		assert_int_equal(verdict_of(&r, cases[i].parent, NOW + 100), cases[i].code);
	}
}

static void charters_come_back_as_they_went(void **state)
{
	(void)state;
	struct constraints_buf room;
	constraints_buf_init(&room);
	const struct charter parent = { .path_len = 2, .permitted = one(&permitted, NAME_DNS, "example.com") };
	const struct constraints stated = { one(&names, NAME_DNS, "a.example.com"), { 0 } };
	struct charter child = { .token = slice_text("main"), .subject = slice_text("name"), .algorithm = 2 }, back;
	assert_true(charter_derive(&parent, &stated, 1, &room, &child));
	scoped_buf packed = { .max = 65536 };
	charter_put(&packed, &child);
	assert_int_equal(charter_get(buf_slice(&packed), &back), 0);
	assert_int_equal(back.path_len, 1);
	const struct constraints effective = { back.permitted, back.excluded };
	assert_int_equal(constraints_admit(&effective, NAME_DNS, slice_text("x.a.example.com")), CONSTRAINTS_OK);
	assert_int_equal(constraints_admit(&effective, NAME_DNS, slice_text("b.example.com")),
			 CONSTRAINTS_NOT_PERMITTED);
	constraints_buf_free(&room);
	packed.len--;
	assert_int_not_equal(charter_get(buf_slice(&packed), &back), 0);
}

static void classes_follow_from_facts(void **state)
{
	(void)state;
	assert_int_equal(ceilings_class(true, PATH_LEN_NONE), CLASS_ROOT);
	assert_int_equal(ceilings_class(true, 0), CLASS_SINGLE);
	assert_int_equal(ceilings_class(false, 1), CLASS_INTERMEDIATE);
	assert_int_equal(ceilings_class(false, 0), CLASS_ISSUING);
}

static int free_all(void **state)
{
	(void)state;
	buf_free(&subject);
	buf_free(&names);
	buf_free(&eku);
	buf_free(&permitted);
	return 0;
}

static void a_chain_limits_the_usages(void **state)
{
	static struct buf held;
	(void)state;
	struct charter charter = { .path_len = 0, .ext_key_usage = one(&held, 0, "\x2b\x06\x01\x05\x05\x07\x03\x01") };
	const struct issuer issuer = { &charter, &ceilings, NOW - 1000, NOW + 5000 };
	struct cert_sign_request r = leaf();
	assert_int_equal(charter_check(&issuer, &r, NOW).code, 0);
	r.ext_key_usage = one(&eku, 0, "\x2b\x06\x01\x05\x05\x07\x03\x02");
	assert_int_equal(charter_check(&issuer, &r, NOW).code, REFUSE_EXT_KEY_USAGE);
	r.ext_key_usage = (struct list){ 0 };
	assert_int_equal(charter_check(&issuer, &r, NOW).code, REFUSE_EXT_KEY_USAGE);
	charter.ext_key_usage = (struct list){ 0 };
	assert_int_equal(charter_check(&issuer, &r, NOW).code, 0);
	buf_free(&held);
}

static uint16_t crl_verdict(int64_t from, int64_t to)
{
	const struct ceilings c = { .backdate = 100, .ahead = 10, .crl_longest = 1000, .ocsp_longest = 50 };
	return charter_check_crl(&c, from, to, NOW).code;
}

static void updates_have_their_window(void **state)
{
	(void)state;
	const struct ceilings c = { .backdate = 100, .ahead = 10, .crl_longest = 1000, .ocsp_longest = 50 };
	assert_int_equal(crl_verdict(NOW, NOW + 1000), 0);
	assert_int_equal(crl_verdict(NOW, NOW + 1001), REFUSE_UPDATE_LENGTH);
	assert_int_equal(crl_verdict(NOW, NOW + 1), 0);
	assert_int_equal(crl_verdict(NOW, NOW), REFUSE_UPDATE_ORDER);
	assert_int_equal(crl_verdict(NOW - 100, NOW + 1), 0);
	assert_int_equal(crl_verdict(NOW - 101, NOW + 1), REFUSE_UPDATE_TIME);
	assert_int_equal(crl_verdict(NOW + 10, NOW + 20), 0);
	assert_int_equal(crl_verdict(NOW + 11, NOW + 20), REFUSE_UPDATE_TIME);
	assert_int_equal(crl_verdict(INT64_MIN, INT64_MAX), REFUSE_UPDATE_TIME);
	assert_int_equal(crl_verdict(NOW, INT64_MAX), REFUSE_UPDATE_LENGTH);
	assert_int_equal(charter_check_ocsp(&c, NOW, NOW + 50, NOW).code, 0);
	assert_int_equal(charter_check_ocsp(&c, NOW, NOW + 51, NOW).code, REFUSE_UPDATE_LENGTH);
}

static uint16_t opaque_verdict(uint8_t tag, const char *item, size_t len)
{
	struct ceilings allows = ceilings;
	struct buf raw = { .max = 256 };
	uint16_t count = 0;
	/* 1.2.3, and 2.5.29.19, which no configuration can list */
	static const char listed[] = "\0\2\0\x2a\x03\0\3\0\x55\x1d\x13";
	allows.opaque.count = 2;
	allows.opaque.len = sizeof(listed) - 1;
	memcpy(allows.opaque.raw, listed, sizeof(listed) - 1);
	struct cert_sign_request r = leaf();
	list_put(&raw, &count, tag, (struct slice){ (const uint8_t *)item, len });
	r.opaque = list_of(&raw, count);
	const struct charter charter = { .path_len = 0 };
	const struct issuer issuer = { &charter, &allows, NOW - 1000, NOW + 5000 };
	uint16_t code = charter_check(&issuer, &r, NOW).code;
	buf_free(&raw);
	return code;
}

#define OPAQUE_VERDICT(tag, item) opaque_verdict(tag, item, sizeof(item) - 1)

static void extensions_pass_where_listed(void **state)
{
	(void)state;
	assert_int_equal(OPAQUE_VERDICT(0, "\x02\x2a\x03\x05\x00"), 0);
	assert_int_equal(OPAQUE_VERDICT(1, "\x02\x2a\x03\x04\x01x"), 0);
	assert_int_equal(OPAQUE_VERDICT(2, "\x02\x2a\x03\x05\x00"), REFUSE_OPAQUE);
	assert_int_equal(OPAQUE_VERDICT(0, "\x02\x2a\x04\x05\x00"), REFUSE_OPAQUE);
	assert_int_equal(OPAQUE_VERDICT(0, "\x03\x55\x1d\x13\x30\x00"), REFUSE_OPAQUE);
	assert_int_equal(OPAQUE_VERDICT(0, "\x02\x2a\x03"), REFUSE_OPAQUE);
	assert_int_equal(OPAQUE_VERDICT(0, "\x02\x2a\x03\x04\x02x"), REFUSE_OPAQUE);
	assert_int_equal(OPAQUE_VERDICT(0, "\x02\x2a\x03\x04\x81\x01x"), REFUSE_OPAQUE);
	assert_int_equal(OPAQUE_VERDICT(0, "\x02\x2a\x03\x30\x80\x00\x00"), REFUSE_OPAQUE);
	assert_int_equal(OPAQUE_VERDICT(0, "\x02\x2a\x03\x1f\x01\x00"), REFUSE_OPAQUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(updates_have_their_window),
		cmocka_unit_test(extensions_pass_where_listed),
		cmocka_unit_test(a_chain_limits_the_usages),
		cmocka_unit_test(validity_is_inclusive),
		cmocka_unit_test(validity_without_end_is_refused),
		cmocka_unit_test(a_ca_has_no_extended_key_usage),
		cmocka_unit_test(flags_are_known_ones),
		cmocka_unit_test(path_lengths_shrink),
		cmocka_unit_test(charters_come_back_as_they_went),
		cmocka_unit_test(classes_follow_from_facts),
	};
	return cmocka_run_group_tests(tests, NULL, free_all);
}
