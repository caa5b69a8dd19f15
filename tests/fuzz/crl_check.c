/*
 * frontd/crl_check, which reads CRLs that came from the signer: lists that the
 * signer's own encoder wrote are taken, whatever rows they are of, and where
 * bytes of one are another and it is signed again, only what libcrypto reads
 * the same way.
 *
 * An input: flags, how many rows (one byte each), then the rows, the CRL
 * before first, then what is bent: offset (2 bytes) and what is added there.
 */
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/algorithm.h"
#include "base/fd.h"
#include "frontd/crl_check.h"
#include "fuzz/fuzz.h"
#include "fuzz/log_key.h"
#include "signd/encode/crl.h"
#include "wire/inner.h"

#define NOW INT64_C(1800000000)
#define NEXT (NOW + 7 * 86400)
#define NUMBER 7
#define MOST 64 /* rows */
enum { FLAG_BEFORE = 1, FLAG_POINT = 2, FLAG_FRESH = 4, FLAG_UNSIGNED = 8, FLAG_LATE = 16 };

static const uint8_t key_id[] = { 1, 2, 3, 4 };
static EVP_PKEY *key;
static uint8_t *certificate, *subject;
static size_t certificate_len, subject_len;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	key = log_key_make();
	X509 *ca = X509_new();
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	X509_set_version(ca, X509_VERSION_3);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(ca), "CN", MBSTRING_ASC, (const uint8_t *)"CA", -1, -1, 0);
	X509_set_issuer_name(ca, X509_get_subject_name(ca));
	ASN1_INTEGER_set(X509_get_serialNumber(ca), 1);
	ASN1_TIME_set(X509_getm_notBefore(ca), NOW - 86400);
	ASN1_TIME_set(X509_getm_notAfter(ca), NOW + 86400);
	X509_set_pubkey(ca, key);
	ASN1_OCTET_STRING_set(id, key_id, sizeof(key_id));
	X509_add1_ext_i2d(ca, NID_subject_key_identifier, id, 0, 0);
	REQUIRE(X509_sign(ca, key, NULL) > 0);
	certificate_len = (size_t)i2d_X509(ca, &certificate);
	subject_len = (size_t)i2d_X509_NAME(X509_get_subject_name(ca), &subject);
	ASN1_OCTET_STRING_free(id);
	X509_free(ca);
	return 0;
}

/* Rows ascend, as whoever asks sees to. */
struct rows {
	struct crl_row all[MOST];
	size_t count;
};

static void rows_take(struct slice *in, size_t count, uint8_t flags, struct rows *out)
{
	static const uint8_t reasons[] = { 0, 1, 3, 4, 5, 6, 9, 10 };
	uint8_t serial[ROW_SERIAL_SIZE] = { 0 };
	out->count = 0;
	for (; in->len >= 3 && out->count < count && out->count < MOST; in->at += 3, in->len -= 3) {
		struct crl_row *row = &out->all[out->count++];
		int carry = in->at[0] + 1;
		for (size_t i = ROW_SERIAL_SIZE; carry && i-- > 1; carry >>= 8)
			serial[i] = (uint8_t)(carry += serial[i]);
		memcpy(row->serial, serial, sizeof(serial));
		row->reason = reasons[in->at[1] % sizeof(reasons)];
		row->revoked = (flags & FLAG_LATE ? INT64_C(2524607990) : NOW - 200) + in->at[2]; /* 2050 in between */
		row->seq = 1;
	}
}

static int file_of(struct slice bytes)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	REQUIRE(fd >= 0 && fd_write_all(fd, bytes.at, bytes.len) == 0);
	return fd;
}

static int rows_file(const struct rows *rows)
{
	uint8_t bytes[MOST * CRL_ROW_SIZE];
	for (size_t i = 0; i < rows->count; i++)
		crl_row_put(bytes + i * CRL_ROW_SIZE, &rows->all[i]);
	return file_of((struct slice){ bytes, rows->count * CRL_ROW_SIZE });
}

static void tbs_put(const struct rows *rows, uint8_t flags, uint64_t number, struct buf *out)
{
	struct crl_fields f = { .algorithm = ALGORITHM_ED25519,
				.issuer = { subject, subject_len },
				.authority_key_id = SLICE_OF(key_id),
				.this_update = number == NUMBER ? NOW : NOW - 100,
				.next_update = NEXT,
				.number = number };
	scoped_buf tail = { .max = 8192 };
	uint8_t entry[MAX_CRL_ENTRY];
	uint64_t size = 0;
	if (flags & FLAG_POINT)
		f.point = slice_text("http://pki.example.com/s.crl");
	if (flags & FLAG_FRESH)
		f.delta = slice_text("http://pki.example.com/d.crl");
	for (size_t i = 0; i < rows->count; i++)
		size += crl_entry_size(rows->all[i].serial, rows->all[i].revoked, rows->all[i].reason);
	crl_put_frame(out, &tail, &f, size);
	for (size_t i = 0; i < rows->count; i++)
		buf_put(out, entry,
			crl_write_entry(entry, rows->all[i].serial, rows->all[i].revoked, rows->all[i].reason));
	buf_put_slice(out, buf_slice(&tail));
	REQUIRE(buf_ok(out));
}

static void crl_put(struct slice tbs, bool sound, struct buf *out)
{
	uint8_t signature[64] = { 0 };
	size_t n = sizeof(signature);
	scoped_buf tail = { .max = 1024 };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	REQUIRE(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1);
	REQUIRE(EVP_DigestSign(ctx, signature, &n, tbs.at, tbs.len) == 1);
	EVP_MD_CTX_free(ctx);
	signature[0] ^= !sound;
	crl_put_signed(out, &tail, tbs.len, ALGORITHM_ED25519, SLICE_OF(signature));
	buf_put_slice(out, tbs);
	buf_put_slice(out, buf_slice(&tail));
	REQUIRE(buf_ok(out));
}

/* Those of the first list without those that the second one replaces; all of the second one. */
static void rows_join(const struct rows *before, const struct rows *asked, struct rows *out)
{
	size_t a = 0, b = 0;
	out->count = 0;
	while ((a < before->count || b < asked->count) && out->count < MOST) {
		int order = a == before->count	? 1
			    : b == asked->count ? -1
						: memcmp(before->all[a].serial, asked->all[b].serial, ROW_SERIAL_SIZE);
		out->all[out->count++] = order < 0 ? before->all[a] : asked->all[b];
		a += order <= 0;
		b += order >= 0;
	}
}

static bool bend(struct slice in, struct buf *tbs)
{
	bool bent = false;
	for (; in.len >= 3; in.at += 3, in.len -= 3) {
		size_t at = ((size_t)in.at[0] << 8 | in.at[1]) % tbs->len;
		tbs->at[at] = (uint8_t)(tbs->at[at] + in.at[2]);
		bent = bent || in.at[2];
	}
	return bent;
}

static int64_t seconds(const ASN1_TIME *t)
{
	struct tm tm;
	REQUIRE(ASN1_TIME_to_tm(t, &tm) == 1);
	return timegm(&tm);
}

/* What was taken is a CRL to libcrypto as well: this CA's, at these times, with these entries. */
static void theirs(struct slice der, const struct rows *rows)
{
	const unsigned char *at = der.at;
	X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.len);
	REQUIRE(crl && at == der.at + der.len);
	REQUIRE(X509_CRL_verify(crl, key) == 1);
	REQUIRE(seconds(X509_CRL_get0_lastUpdate(crl)) == NOW && seconds(X509_CRL_get0_nextUpdate(crl)) == NEXT);
	STACK_OF(X509_REVOKED) *all = X509_CRL_get_REVOKED(crl);
	REQUIRE((size_t)(all ? sk_X509_REVOKED_num(all) : 0) == rows->count);
	for (size_t i = 0; i < rows->count; i++) {
		X509_REVOKED *one = sk_X509_REVOKED_value(all, (int)i);
		const ASN1_INTEGER *number = X509_REVOKED_get0_serialNumber(one);
		struct slice value = { ASN1_STRING_get0_data(number), (size_t)ASN1_STRING_length(number) };
		uint8_t serial[ROW_SERIAL_SIZE];
		REQUIRE(row_serial(value, serial) && memcmp(serial, rows->all[i].serial, sizeof(serial)) == 0);
		REQUIRE(seconds(X509_REVOKED_get0_revocationDate(one)) == rows->all[i].revoked);
	}
	X509_CRL_free(crl);
}

static int may_leave(void *with, struct slice serial)
{
	(void)with;
	(void)serial;
	return 0;
}

static int checked(const struct buf *crl, const struct rows *asked, const struct buf *before, uint8_t flags,
		   size_t entries)
{
	char why[CRL_WHY];
	int64_t from, until;
	scoped_fd int file = file_of(buf_slice(crl)), rows = rows_file(asked), out = file_of(slice_text(""));
	scoped_fd int last = before ? file_of(buf_slice(before)) : -1;
	const struct crl_expected e = {
		.certificate = { certificate, certificate_len },
		.number = NUMBER,
		.this_update = NOW,
		.next_update = NEXT,
		.url = slice_text(flags & FLAG_POINT ? "http://pki.example.com/s.crl" : NULL),
		.delta_url = slice_text(flags & FLAG_FRESH ? "http://pki.example.com/d.crl" : NULL),
		.entries = (uint32_t)entries,
		.rows = rows,
		.count = (uint32_t)asked->count,
		.before = last,
		.may_leave = may_leave,
	};
	const struct crl_piece full = { 0, crl->len, out }, none = { .size = 0 };
	int r = crl_check(&e, file, &full, &none, why);
	REQUIRE(r >= 0);
	int times = crl_times(file, &from, &until);
	REQUIRE(r != 0 || (times == 0 && from == NOW && until == NEXT));
	scoped_buf copy = { .max = 1 << 16 };
	if (r == 0) {
		uint8_t *at = buf_room(&copy, crl->len);
		REQUIRE(at && pread(out, at, crl->len, 0) == (ssize_t)crl->len && memcmp(at, crl->at, crl->len) == 0);
	}
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rows before, asked, listed;
	if (size < 3)
		return 0;
	uint8_t flags = data[0];
	struct slice in = { data + 3, size - 3 };
	rows_take(&in, flags & FLAG_BEFORE ? data[1] % (MOST / 2) : 0, flags, &before);
	rows_take(&in, data[2] % (MOST / 2), flags, &asked);
	rows_join(&before, &asked, &listed);
	scoped_buf tbs = { .max = 1 << 16 }, crl = { .max = 1 << 16 }, old = { .max = 1 << 16 },
		   last = { .max = 1 << 16 };
	tbs_put(&listed, flags, NUMBER, &tbs);
	bool bent = bend(in, &tbs);
	crl_put(buf_slice(&tbs), !(flags & FLAG_UNSIGNED), &crl);
	tbs_put(&before, flags, NUMBER - 1, &old);
	crl_put(buf_slice(&old), true, &last);
	int r = checked(&crl, &asked, flags & FLAG_BEFORE ? &last : NULL, flags, listed.count);
	REQUIRE(bent || (flags & FLAG_UNSIGNED) || r == 0);
	REQUIRE(r != 0 || !(flags & FLAG_UNSIGNED));
	if (r == 0)
		theirs(buf_slice(&crl), &listed);
	ERR_clear_error();
	return 0;
}
