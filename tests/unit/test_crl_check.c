/* frontd/crl_check: CRLs that libcrypto made, taken as they are and refused for each thing that is another than asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "frontd/crl_check.h"
#include "wire/inner.h"
#include "wire/rows.h"

#define NOW INT64_C(1800000000)
#define NEXT (NOW + 7 * 86400)
#define AT 16 /* where the CRL begins in its file */
#define MANY 20000

static EVP_PKEY *key, *other_key;
static X509 *ca;
static struct buf ca_der = { .max = 4096 };

/* What is in a CRL. Serial numbers: 20 octets whose last four and first are given. */
struct line {
	uint8_t first;
	uint32_t number;
	int64_t revoked;
	uint8_t reason;
};
struct shape {
	const struct line *lines;
	size_t count;
	uint64_t number;
	int64_t this_update, next_update;
	EVP_PKEY *key;
	const char *name;	 /* of the issuer; NULL: the CA's */
	bool other_id, indirect; /* another AKI; one extension more */
	uint64_t base;		 /* of a delta */
	const char *url, *delta_url;
	bool soft, only_users; /* a base that is not critical; a distribution point for leaves alone */
};
static const struct line few[] = { { 0, 5, NOW - 10, 0 },
				   { 0, 0x80000001, NOW - 20, 1 },
				   { 0x7f, 1, INT64_C(2524608000), 9 } };

static int make_all(void **state)
{
	(void)state;
	X509V3_CTX ctx;
	int n;
	unsigned char *der = NULL;
	key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	ca = X509_new();
	X509_set_version(ca, X509_VERSION_3);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(ca), "CN", MBSTRING_ASC, (const uint8_t *)"CA", -1, -1, 0);
	X509_set_issuer_name(ca, X509_get_subject_name(ca));
	ASN1_INTEGER_set(X509_get_serialNumber(ca), 1);
	ASN1_TIME_set(X509_getm_notBefore(ca), NOW - 86400);
	ASN1_TIME_set(X509_getm_notAfter(ca), NOW + 86400);
	X509_set_pubkey(ca, key);
	X509V3_set_ctx(&ctx, ca, ca, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_key_identifier, "hash");
	X509_add_ext(ca, e, -1);
	X509_EXTENSION_free(e);
	X509_sign(ca, key, EVP_sha256());
	n = i2d_X509(ca, &der);
	buf_put(&ca_der, der, (size_t)n);
	OPENSSL_free(der);
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	X509_free(ca);
	buf_free(&ca_der);
	return 0;
}

static void serial_put(const struct line *l, uint8_t serial[ROW_SERIAL_SIZE])
{
	memset(serial, 0, ROW_SERIAL_SIZE);
	serial[0] = l->first;
	for (int i = 0; i < 4; i++)
		serial[ROW_SERIAL_SIZE - 1 - i] = (uint8_t)(l->number >> (8 * i));
}

static void line_add(X509_CRL *crl, const struct line *l)
{
	uint8_t serial[ROW_SERIAL_SIZE];
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_TIME *when = ASN1_TIME_set(NULL, l->revoked);
	serial_put(l, serial);
	BIGNUM *number = BN_bin2bn(serial, sizeof(serial), NULL);
	ASN1_INTEGER *value = BN_to_ASN1_INTEGER(number, NULL);
	X509_REVOKED_set_serialNumber(r, value);
	X509_REVOKED_set_revocationDate(r, when);
	if (l->reason) {
		ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
		ASN1_ENUMERATED_set(reason, l->reason);
		X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, reason, 0, 0);
		ASN1_ENUMERATED_free(reason);
	}
	X509_CRL_add0_revoked(crl, r);
	ASN1_INTEGER_free(value);
	BN_free(number);
	ASN1_TIME_free(when);
}

static void points_add(X509_CRL *crl, const struct shape *s)
{
	char text[200];
	const struct {
		int nid;
		const char *url, *before, *behind;
	} all[] = { { NID_issuing_distribution_point, s->url, "critical,", s->only_users ? ",onlyuser:TRUE" : "" },
		    { NID_freshest_crl, s->delta_url, "", "" } };
	for (size_t i = 0; i < 2; i++) {
		bool plain = all[i].nid == NID_freshest_crl;
		if (!all[i].url)
			continue;
		snprintf(text, sizeof(text), "%s%s%s%s", all[i].before, plain ? "URI:" : "fullname:URI:", all[i].url,
			 all[i].behind);
		X509_EXTENSION *e = X509V3_EXT_nconf_nid(NULL, NULL, all[i].nid, text);
		assert_non_null(e);
		X509_CRL_add_ext(crl, e, -1);
		X509_EXTENSION_free(e);
	}
}

static void extensions_add(X509_CRL *crl, const struct shape *s)
{
	AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	id->keyid = ASN1_OCTET_STRING_dup(X509_get0_subject_key_id(ca));
	if (s->other_id)
		ASN1_OCTET_STRING_set(id->keyid, (const uint8_t *)"another", 7);
	X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, id, 0, 0);
	ASN1_INTEGER_set_uint64(number, s->number);
	X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0);
	if (s->indirect)
		X509_CRL_add1_ext_i2d(crl, NID_delta_crl, number, 1, 0);
	if (s->base) {
		ASN1_INTEGER_set_uint64(number, s->base);
		X509_CRL_add1_ext_i2d(crl, NID_delta_crl, number, !s->soft, 0);
	}
	points_add(crl, s);
	AUTHORITY_KEYID_free(id);
	ASN1_INTEGER_free(number);
}

/* Its DER, behind AT bytes. */
static void crl_make(const struct shape *s, struct buf *out)
{
	X509_CRL *crl = X509_CRL_new();
	X509_NAME *name = X509_NAME_new();
	ASN1_TIME *when = ASN1_TIME_set(NULL, s->this_update);
	unsigned char *der = NULL;
	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)(s->name ? s->name : "CA"), -1, -1, 0);
	X509_CRL_set_issuer_name(crl, s->name ? name : X509_get_subject_name(ca));
	X509_CRL_set1_lastUpdate(crl, when);
	ASN1_TIME_set(when, s->next_update);
	X509_CRL_set1_nextUpdate(crl, when);
	for (size_t i = 0; i < s->count; i++)
		line_add(crl, &s->lines[i]);
	extensions_add(crl, s);
	X509_CRL_sign(crl, s->key, EVP_sha256());
	int n = i2d_X509_CRL(crl, &der);
	buf_put(out, "----------------", AT);
	buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	ASN1_TIME_free(when);
	X509_NAME_free(name);
	X509_CRL_free(crl);
}

static int file_of(const void *bytes, size_t n)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, bytes, n), 0);
	return fd;
}

static int rows_of(const struct line *lines, size_t count)
{
	scoped_buf out = { .max = 1 << 20 };
	for (size_t i = 0; i < count; i++) {
		uint8_t bytes[CRL_ROW_SIZE];
		struct crl_row row = { .reason = lines[i].reason, .revoked = lines[i].revoked };
		serial_put(&lines[i], row.serial);
		crl_row_put(bytes, &row);
		buf_put(&out, bytes, sizeof(bytes));
	}
	return file_of(out.at, out.len);
}

static struct shape shape_of(const struct line *lines, size_t count)
{
	return (struct shape){
		.lines = lines, .count = count, .number = 7, .this_update = NOW, .next_update = NEXT, .key = key
	};
}

static uint32_t leaves; /* the number of a serial that may leave */
static int may_leave(void *with, struct slice serial)
{
	(void)with;
	return leaves && serial.at[serial.len - 1] == (uint8_t)leaves;
}

/* What comes of these bytes, with these rows asked for, after that CRL (or none); what was copied is what came. */
static int checked(const struct buf *crl, const struct line *asked, size_t count, uint32_t entries,
		   const struct buf *before, const char *why_wanted)
{
	char why[CRL_WHY] = "";
	scoped_fd int file = file_of(crl->at, crl->len), rows = rows_of(asked, count), out = file_of("", 0);
	scoped_fd int last = before ? file_of(before->at + AT, before->len - AT) : -1;
	struct crl_expected e = { .certificate = buf_slice(&ca_der),
				  .number = 7,
				  .this_update = NOW,
				  .next_update = NEXT,
				  .entries = entries,
				  .rows = rows,
				  .count = (uint32_t)count,
				  .before = last,
				  .may_leave = may_leave };
	const struct crl_piece full = { AT, crl->len - AT, out }, none = { .size = 0 };
	int r = crl_check(&e, file, &full, &none, why);
	if (why_wanted)
		assert_string_equal(why, why_wanted);
	if (r == 0) {
		scoped_buf copy = { .max = 1 << 22 };
		uint8_t *at = buf_room(&copy, crl->len);
		assert_int_equal(pread(out, at, crl->len, 0), crl->len - AT);
		assert_memory_equal(at, crl->at + AT, crl->len - AT);
	}
	return r;
}

static int tried(const struct shape *s, const struct line *asked, size_t count, const char *why)
{
	scoped_buf crl = { .max = 1 << 22 };
	crl_make(s, &crl);
	return checked(&crl, asked, count, (uint32_t)count, NULL, why);
}

static void whole_is_taken(void **state)
{
	(void)state;
	for (size_t n = 0; n <= 3; n++) {
		struct shape s = shape_of(few, n);
		assert_int_equal(tried(&s, few, n, ""), 0);
	}
}

static void entries_are_those_asked_for(void **state)
{
	(void)state;
	struct shape s = shape_of(few, 3);
	struct line bent[3];
	static const char another[] = "an entry is not the one that was asked for";
	assert_int_equal(tried(&s, few, 2, "an entry was not asked for"), 1);
	assert_int_equal(tried(&s, few + 1, 2, another), 1);
	s.count = 2;
	assert_int_equal(tried(&s, few, 3, another), 1);
	s.lines = bent;
	s.count = 3;
	for (int i = 0; i < 4; i++) {
		memcpy(bent, few, sizeof(bent));
		bent[1].revoked += i == 0;
		bent[1].reason = i == 1 ? 3 : bent[1].reason;
		bent[1].reason = i == 2 ? 0 : bent[1].reason;
		bent[1].number += i == 3;
		assert_int_equal(tried(&s, few, 3, another), 1);
	}
}

static void frame_is_the_one_asked_for(void **state)
{
	(void)state;
	for (int i = 0; i < 7; i++) {
		static const char *const why[] = { "the number is another",
						   "a time is another",
						   "a time is another",
						   "the issuer is another",
						   "the authority key identifier is another",
						   "there is another extension",
						   "the signature is wrong" };
		struct shape s = shape_of(few, 3);
		s.number += i == 0;
		s.this_update += i == 1;
		s.next_update += i == 2;
		s.name = i == 3 ? "Another" : NULL;
		s.other_id = i == 4;
		s.indirect = i == 5;
		s.key = i == 6 ? other_key : key;
		assert_int_equal(tried(&s, few, 3, why[i]), 1);
	}
}

static void times_are_its_own(void **state)
{
	(void)state;
	int64_t from = 0, until = 0;
	struct shape s = shape_of(few, 3);
	scoped_buf crl = { .max = 1 << 16 };
	s.next_update = INT64_C(2524608000); /* a GeneralizedTime */
	crl_make(&s, &crl);
	scoped_fd int file = file_of(crl.at + AT, crl.len - AT), half = file_of(crl.at + AT, 60), none = file_of("", 0);
	assert_int_equal(crl_times(file, &from, &until), 0);
	assert_int_equal(from, NOW);
	assert_int_equal(until, INT64_C(2524608000));
	assert_int_equal(crl_times(half, &from, &until), -1);
	assert_int_equal(crl_times(none, &from, &until), -1);
	assert_int_equal(crl_times(-1, &from, &until), -1);
}

/* Whichever byte is another: it is refused, and nothing worse. */
static void bytes_are_those_signed(void **state)
{
	(void)state;
	struct shape s = shape_of(few, 3);
	scoped_buf crl = { .max = 1 << 16 };
	crl_make(&s, &crl);
	assert_int_equal(checked(&crl, few, 3, 3, NULL, ""), 0);
	assert_int_equal(checked(&crl, few, 3, 4, NULL, "the number of entries is another"), 1);
	for (size_t i = AT; i < crl.len; i++) {
		crl.at[i] ^= 0x01;
		assert_int_not_equal(checked(&crl, few, 3, 3, NULL, NULL), 0);
		crl.at[i] ^= 0x81;
		assert_int_not_equal(checked(&crl, few, 3, 3, NULL, NULL), 0);
		crl.at[i] ^= 0x80;
	}
	for (; crl.len > AT; crl.len--) {
		struct buf shorter = crl;
		shorter.len--;
		assert_int_not_equal(checked(&shorter, few, 3, 3, NULL, NULL), 0);
	}
}

static void many_go_through_the_window(void **state)
{
	(void)state;
	struct line *lines = calloc(MANY, sizeof(*lines));
	for (uint32_t i = 0; i < MANY; i++)
		lines[i] = (struct line){ 1, 3 * i, NOW - 86400 * (int64_t)(i % 400) - i % 86400, (uint8_t)(i % 6) };
	struct shape s = shape_of(lines, MANY);
	scoped_buf crl = { .max = 1 << 22 };
	crl_make(&s, &crl);
	assert_int_equal(checked(&crl, lines, MANY, MANY, NULL, ""), 0);
	lines[MANY / 2].revoked++;
	assert_int_equal(checked(&crl, lines, MANY, MANY, NULL, "an entry is not the one that was asked for"), 1);
	free(lines);
}

static void changes_are_those_asked_for(void **state)
{
	(void)state;
	static const struct line old[] = { { 0, 2, NOW - 90, 1 }, { 0, 4, NOW - 80, 6 }, { 0, 6, NOW - 70, 0 } };
	static const struct line asked[] = { { 0, 3, NOW - 5, 4 }, { 0, 4, NOW - 4, 8 }, { 0, 9, NOW - 3, 0 } };
	static const struct line next[] = {
		{ 0, 2, NOW - 90, 1 }, { 0, 3, NOW - 5, 4 }, { 0, 6, NOW - 70, 0 }, { 0, 9, NOW - 3, 0 }
	};
	struct shape s = shape_of(old, 3);
	scoped_buf before = { .max = 1 << 16 }, crl = { .max = 1 << 16 }, without = { .max = 1 << 16 };
	crl_make(&s, &before);
	s = shape_of(next, 4);
	crl_make(&s, &crl);
	assert_int_equal(checked(&crl, asked, 3, 4, &before, ""), 0);
	assert_int_equal(checked(&crl, asked + 1, 2, 4, &before, "an entry of the CRL before is missing"), 1);
	assert_int_equal(checked(&crl, asked, 2, 4, &before, "an entry was not asked for"), 1);
	assert_int_equal(checked(&before, NULL, 0, 3, &before, ""), 0);
	assert_int_equal(checked(&crl, asked, 3, 4, NULL, "an entry is not the one that was asked for"), 1);
	s = shape_of(next + 1, 3);
	crl_make(&s, &without);
	assert_int_equal(checked(&without, asked, 3, 3, &before, "an entry of the CRL before is missing"), 1);
	leaves = 2;
	assert_int_equal(checked(&without, asked, 3, 3, &before, ""), 0);
	leaves = 0;
}

/* A CRL and its delta in one file, after that CRL; all is asked for as `want` has it. */
static int pair_checked(const struct shape *s, const struct shape *d, const struct shape *want,
			const struct line *asked, size_t count, const struct buf *before, const char *why_wanted)
{
	char why[CRL_WHY] = "";
	scoped_buf full = { .max = 1 << 16 }, delta = { .max = 1 << 16 };
	crl_make(s, &full);
	if (d)
		crl_make(d, &delta);
	size_t at = full.len;
	buf_put_slice(&full, buf_slice(&delta));
	scoped_fd int file = file_of(full.at, full.len), rows = rows_of(asked, count), out = file_of("", 0);
	scoped_fd int last = before ? file_of(before->at + AT, before->len - AT) : -1, out_delta = file_of("", 0);
	struct crl_expected e = { .certificate = buf_slice(&ca_der),
				  .number = 7,
				  .base = want->base,
				  .this_update = NOW,
				  .next_update = NEXT,
				  .delta_next = NOW + 3600,
				  .url = slice_text(want->url),
				  .delta_url = slice_text(want->delta_url),
				  .entries = (uint32_t)s->count,
				  .rows = rows,
				  .count = (uint32_t)count,
				  .before = last,
				  .may_leave = may_leave };
	const struct crl_piece one = { AT, at - AT, out }, two = { at + AT, d ? delta.len - AT : 0, out_delta };
	int r = crl_check(&e, file, &one, &two, why);
	assert_string_equal(why, why_wanted);
	if (r == 0 && d) {
		uint8_t copy[4096];
		assert_int_equal(pread(out_delta, copy, sizeof(copy), 0), delta.len - AT);
		assert_memory_equal(copy, delta.at + AT, delta.len - AT);
	}
	return r;
}

static const char here[] = "http://c.example/crl/1", there[] = "http://c.example/crl/1/delta";

static void points_are_those_asked_for(void **state)
{
	(void)state;
	const struct shape plain = shape_of(few, 3);
	struct shape s = plain, want = { .url = here, .delta_url = there };
	s.url = here;
	s.delta_url = there;
	assert_int_equal(pair_checked(&s, NULL, &want, few, 3, NULL, ""), 0);
	assert_int_equal(pair_checked(&plain, NULL, &plain, few, 3, NULL, ""), 0);
	assert_int_equal(pair_checked(&s, NULL, &plain, few, 3, NULL, "there is another extension"), 1);
	want.delta_url = NULL;
	assert_int_equal(pair_checked(&s, NULL, &want, few, 3, NULL, "there is another extension"), 1);
	want.delta_url = here;
	assert_int_equal(pair_checked(&s, NULL, &want, few, 3, NULL, "the delta's URL is another"), 1);
	want = (struct shape){ .url = there, .delta_url = there };
	assert_int_equal(pair_checked(&s, NULL, &want, few, 3, NULL, "the issuing distribution point is another"), 1);
	want.url = here;
	s.only_users = true;
	assert_int_equal(pair_checked(&s, NULL, &want, few, 3, NULL, "the issuing distribution point is another"), 1);
	s = plain;
	assert_int_equal(pair_checked(&s, NULL, &want, few, 3, NULL, "the issuing distribution point is another"), 1);
	s.url = here;
	assert_int_equal(pair_checked(&s, NULL, &want, few, 3, NULL, "the delta's URL is another"), 1);
}

/* Of a base some CRLs back: 3 and 9 are new, 4 is released, 1 was so before, and 6 came before. */
static const struct line pair_old[] = { { 0, 2, NOW - 90, 1 }, { 0, 4, NOW - 80, 6 }, { 0, 6, NOW - 70, 0 } };
static const struct line pair_asked[] = { { 0, 3, NOW - 5, 4 }, { 0, 4, NOW - 4, 8 }, { 0, 9, NOW - 3, 0 } };
static const struct line pair_next[] = {
	{ 0, 2, NOW - 90, 1 }, { 0, 3, NOW - 5, 4 }, { 0, 6, NOW - 70, 0 }, { 0, 9, NOW - 3, 0 }
};
static const struct line pair_delta[] = {
	{ 0, 1, NOW - 95, 8 }, { 0, 3, NOW - 5, 4 }, { 0, 4, NOW - 80, 8 }, { 0, 6, NOW - 70, 0 }, { 0, 9, NOW - 3, 0 }
};

static void deltas_say_what_their_crl_says(void **state)
{
	(void)state;
	scoped_buf before = { .max = 1 << 16 };
	struct shape old = shape_of(pair_old, 3), s = shape_of(pair_next, 4), d = shape_of(pair_delta, 5);
	struct line bent[5];
	crl_make(&old, &before);
	d.base = 5;
	d.next_update = NOW + 3600;
	assert_int_equal(pair_checked(&s, &d, &d, pair_asked, 3, &before, ""), 0);
	d.lines = bent;
	/* One entry each is missing: nothing is known of the first and the fourth, for their news are older. */
	for (size_t i = 0; i < 5; i++) {
		memcpy(bent, pair_delta, sizeof(bent));
		memmove(bent + i, bent + i + 1, (4 - i) * sizeof(*bent));
		d.count = 4;
		bool known = i == 1 || i == 2 || i == 4;
		assert_int_equal(
			pair_checked(&s, &d, &d, pair_asked, 3, &before, known ? "the delta lacks an entry" : ""),
			(int)known);
	}
	d.count = 5;
	for (size_t i = 0; i < 5; i++) {
		static const char more[] = "the delta has an entry that the CRL has not",
				  other[] = "the delta has another entry than the CRL";
		memcpy(bent, pair_delta, sizeof(bent));
		bent[i].reason = i == 1 || i == 3 ? 8 : 1;
		assert_int_equal(pair_checked(&s, &d, &d, pair_asked, 3, &before, i ? other : more), 1);
	}
	memcpy(bent, pair_delta, sizeof(bent));
	bent[4].number = 10;
	assert_int_equal(pair_checked(&s, &d, &d, pair_asked, 3, &before, "the delta lacks an entry"), 1);
	d.count = 1;
	bent[0] = (struct line){ 0, 77, NOW - 1, 1 };
	assert_int_equal(pair_checked(&s, &d, &d, pair_next, 4, NULL, "the delta has an entry that the CRL has not"),
			 1);
	d.count = 0;
	assert_int_equal(pair_checked(&s, &d, &d, pair_next, 4, NULL, ""), 0);
}

static void deltas_have_the_frame_asked_for(void **state)
{
	(void)state;
	const struct shape s = shape_of(few, 3), none = shape_of(few, 0);
	const struct shape want = { .base = 5 };
	for (int i = 0; i < 10; i++) {
		static const char *const why[] = { "",
						   "the number is another",
						   "a time is another",
						   "a time is another",
						   "the delta's base is another",
						   "the delta's base is another",
						   "the delta's base is another",
						   "there is another extension",
						   "the signature is wrong",
						   "the issuer is another" };
		struct shape d = none;
		d.base = i == 4 ? 4 : i == 5 ? 0 : 5;
		d.next_update = i == 2 ? NEXT : NOW + 3600;
		d.number += i == 1;
		d.this_update += i == 3;
		d.soft = i == 6;
		d.delta_url = i == 7 ? there : NULL;
		d.key = i == 8 ? other_key : key;
		d.name = i == 9 ? "Another" : NULL;
		assert_int_equal(pair_checked(&s, &d, &want, few, 3, NULL, why[i]), i != 0);
	}
	struct shape d = none;
	d.base = 5;
	d.next_update = NOW + 3600;
	static const char wrong[] = "there is a delta that was not asked for, or none that was";
	assert_int_equal(pair_checked(&s, &d, &s, few, 3, NULL, wrong), 1);
	assert_int_equal(pair_checked(&s, NULL, &want, few, 3, NULL, wrong), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_is_taken),
		cmocka_unit_test(entries_are_those_asked_for),
		cmocka_unit_test(frame_is_the_one_asked_for),
		cmocka_unit_test(times_are_its_own),
		cmocka_unit_test(bytes_are_those_signed),
		cmocka_unit_test(many_go_through_the_window),
		cmocka_unit_test(changes_are_those_asked_for),
		cmocka_unit_test(points_are_those_asked_for),
		cmocka_unit_test(deltas_say_what_their_crl_says),
		cmocka_unit_test(deltas_have_the_frame_asked_for),
	};
	return cmocka_run_group_tests(tests, make_all, free_all);
}
