/*
 * signd: CRLs and OCSP answers as libcrypto reads them, and the law of what may change between two CRLs. With
 * CHANCERY_CRL_ENTRIES so many entries are made instead of a few, and their times told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/algorithm.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/time.h"
#include "names/dn.h"
#include "signd/crl_draft.h"
#include "signd/encode/cert.h"
#include "signd/encode/ocsp.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define NOW INT64_C(1800000000)
#define END (NOW + 86400 * 30)

/* A ledger with so many certificates of one CA, whose serials ascend with their numbers. */
struct world {
	char folder[64], ledger[80];
	uint32_t count;
	int crl;
	struct ledger_reader *reader;
	struct buf issuer;
	bool told;
};
static struct world w;
static const uint8_t ca_key[KEY_ID_SIZE] = { 7 };

static void serial_make(uint32_t i, uint8_t serial[ROW_SERIAL_SIZE])
{
	memset(serial, 0, ROW_SERIAL_SIZE);
	serial[1] = 1;
	for (int b = 0; b < 4; b++)
		serial[4 + b] = (uint8_t)(i >> (24 - 8 * b));
	serial[19] = (uint8_t)i;
}

static void ledger_fill(struct ledger *l)
{
	uint8_t spki[91] = { 0x30, 0x59, 0x30, 0x13 }, key_hash[20] = { 1 };
	struct cert_fields f = { .kind = KIND_LEAF,
				 .algorithm = ALGORITHM_ECDSA_P256,
				 .issuer = buf_slice(&w.issuer),
				 .authority_key_id = SLICE_OF(key_hash),
				 .not_before = NOW - 86400,
				 .not_after = END,
				 .subject = buf_slice(&w.issuer),
				 .public_key = SLICE_OF(spki),
				 .subject_key_id = SLICE_OF(key_hash),
				 .key_usage = USAGE_DIGITAL_SIGNATURE };
	scoped_buf tbs = { .max = 4096 }, body = { .max = 8192 };
	struct cert_intent_record intent = { .kind = KIND_LEAF };
	memcpy(intent.ca_key, ca_key, KEY_ID_SIZE);
	for (uint32_t i = 0; i < w.count; i++) {
		uint8_t serial[ROW_SERIAL_SIZE];
		uint64_t seq;
		serial_make(i, serial);
		memcpy(f.serial, serial + 1, SERIAL_SIZE);
		f.not_after = i % 10 == 9 ? NOW + 100 : END; /* every tenth ends soon */
		buf_clear(&tbs);
		buf_clear(&body);
		cert_put_tbs(&tbs, &f);
		intent.tbs = buf_slice(&tbs);
		record_cert_intent_put(&body, &intent);
		assert_int_equal(ledger_stage(l, RECORD_CERT_INTENT, NOW * 1000, buf_slice(&body), &seq), 0);
		assert_int_equal(seq, i);
		if (i % 2048 == 2047 || i + 1 == w.count)
			assert_int_equal(ledger_commit(l), 0);
	}
}

static int world_make(void **state)
{
	(void)state;
	struct ledger *l;
	struct ledger_open_options o = { .ledger_id = { 9 } };
	struct buf raw = { .max = 256 };
	uint16_t count = 0;
	const char *wanted = getenv("CHANCERY_CRL_ENTRIES");
	w.told = wanted != NULL;
	w.count = wanted ? (uint32_t)atol(wanted) : 3000;
	log_open("test_crl", LOG_LEVEL_SILENT);
	snprintf(w.folder, sizeof(w.folder), "/tmp/ch.XXXXXX");
	if (!mkdtemp(w.folder))
		return -1;
	snprintf(w.ledger, sizeof(w.ledger), "%s/ledger", w.folder);
	buf_init(&w.issuer, 1024);
	list_put(&raw, &count, DN_COMMON_NAME, slice_text("Issuing CA"));
	cert_put_name(&w.issuer, list_of(&raw, count));
	buf_free(&raw);
	assert_int_equal(ledger_create(w.ledger, &o), 0);
	assert_int_equal(ledger_open(w.ledger, &o, &l), 0);
	ledger_fill(l);
	ledger_close(l);
	w.crl = last_folder(w.folder);
	return w.crl < 0 ? -1 : ledger_reader_open(w.ledger, &w.reader);
}

static int world_end(void **state)
{
	(void)state;
	char command[128];
	ledger_reader_close(w.reader);
	fd_close(&w.crl);
	buf_free(&w.issuer);
	snprintf(command, sizeof(command), "rm -rf '%s'", w.folder);
	return system(command);
}

/* Rows for a CRL. */
static struct buf rows;

static void row_add(uint32_t i, uint8_t reason, int64_t revoked)
{
	struct crl_row row = { .reason = reason, .revoked = revoked, .seq = i };
	uint8_t *at = buf_room(&rows, CRL_ROW_SIZE);
	serial_make(i, row.serial);
	crl_row_put(at, &row);
	rows.len += CRL_ROW_SIZE;
}

static int sealed(void)
{
	int fd = memfd_create("rows", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(fd >= 0 && fd_write_all(fd, rows.at, rows.len) == 0 && fcntl(fd, F_ADD_SEALS, SEALS) == 0);
	return fd;
}

static int64_t boot_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

/* The CRL of this number from what stands in rows; before: the draft of the last one. */
static struct crl_draft *draft_make(uint64_t number, uint8_t form, uint64_t base, const struct crl_draft *before,
				    int64_t update)
{
	static const uint8_t key_hash[20] = { 1, 2, 3 };
	struct crl_draft *d = crl_draft_new();
	d->fields = (struct crl_fields){ .algorithm = ALGORITHM_ECDSA_P256,
					 .issuer = buf_slice(&w.issuer),
					 .authority_key_id = SLICE_OF(key_hash),
					 .this_update = update,
					 .next_update = update + 86400,
					 .number = number };
	d->plan = (struct merge_plan){ .folder = w.crl,
				       .ref = { .number = number },
				       .shards = 1,
				       .form = form,
				       .base = base,
				       .this_update = update,
				       .count = (uint32_t)(rows.len / CRL_ROW_SIZE) };
	memcpy(d->plan.ref.ca_key, ca_key, KEY_ID_SIZE);
	if (before) {
		d->plan.has_before = true;
		d->plan.before = before->made.ref;
		d->plan.before_update = before->fields.this_update;
	}
	d->head = w.count;
	d->entries = sealed();
	int64_t began = boot_us();
	crl_draft_write(d, w.reader);
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	if (w.told && d->made.full_entries > 100)
		printf("# number %llu: %zu rows, %llu entries, %lld ms, of CPU until now %ld, peak %ld KiB\n",
		       (unsigned long long)number, rows.len / CRL_ROW_SIZE, (unsigned long long)d->made.full_entries,
		       (long long)(boot_us() - began) / 1000,
		       (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
			       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000,
		       u.ru_maxrss);
	buf_clear(&rows);
	return d;
}

static X509_CRL *part_read(struct crl_draft *d, int which)
{
	const struct crl_part *p = &d->parts[which];
	uint8_t *bytes = malloc(p->whole_size), *again = NULL;
	const unsigned char *at = bytes;
	assert_int_equal(pread(d->file, bytes, p->whole_size, (off_t)p->whole_at), (ssize_t)p->whole_size);
	X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)p->whole_size);
	assert_non_null(crl);
	assert_ptr_equal(at, bytes + p->whole_size);
	X509_CRL *copy = X509_CRL_dup(crl);
	int n = i2d_X509_CRL(copy, &again);
	assert_int_equal(n, p->whole_size);
	assert_memory_equal(again, bytes, (size_t)n);
	X509_CRL_free(copy);
	OPENSSL_free(again);
	free(bytes);
	return crl;
}

static void draft_sign(struct crl_draft *d)
{
	static const uint8_t signature[70] = { 0x30, 68, 2, 32, 1, [36] = 2, [37] = 32, [38] = 1 };
	for (int i = 0; i < PARTS; i++)
		buf_put(&d->parts[i].signature, signature, sizeof(signature));
	assert_int_equal(crl_draft_close(d), 0);
	assert_int_equal(fcntl(d->file, F_GET_SEALS), SEALS);
}

static int revoked_count(const X509_CRL *crl)
{
	const STACK_OF(X509_REVOKED) *all = X509_CRL_get_REVOKED((X509_CRL *)crl);
	return all ? sk_X509_REVOKED_num(all) : 0;
}

static void crls_follow_each_other(void **state)
{
	(void)state;
	uint32_t n = w.count - 10;
	buf_init(&rows, (size_t)MAX_CRL_ENTRIES * CRL_ROW_SIZE);
	for (uint32_t i = 0; i < n; i++)
		row_add(i, i == 0 ? 0 : i == 1 ? REASON_HOLD : 1, NOW - 50);
	struct crl_draft *first = draft_make(1, CRL_WHOLE, 0, NULL, NOW);
	assert_int_equal(first->code, 0);
	assert_int_equal(first->made.full_entries, n);
	draft_sign(first);
	X509_CRL *crl = part_read(first, PART_FULL);
	assert_int_equal(revoked_count(crl), n);
	X509_CRL_free(crl);

	/* One more, one released, and the delta tells of both. */
	row_add(1, REASON_REMOVE, NOW - 50);
	row_add(n, 4, NOW);
	struct crl_draft *next = draft_make(2, CRL_CHANGES, 1, first, NOW + 60);
	assert_int_equal(next->code, 0);
	draft_sign(next);
	crl = part_read(next, PART_FULL);
	assert_int_equal(revoked_count(crl), n);
	X509_CRL_free(crl);
	crl = part_read(next, PART_DELTA);
	assert_int_equal(revoked_count(crl), 2);
	int critical;
	ASN1_INTEGER *base = X509_CRL_get_ext_d2i(crl, NID_delta_crl, &critical, NULL);
	assert_true(base && critical && ASN1_INTEGER_get(base) == 1);
	ASN1_INTEGER_free(base);
	X509_CRL_free(crl);

	/* The same as a whole list, long after every tenth certificate's end: those may be left out now. */
	for (uint32_t i = 0; i <= n; i++)
		if (i != 1)
			row_add(i, i == 0 ? 0 : i == n ? 4 : 1, i == n ? NOW : NOW - 50);
	struct crl_draft *third = draft_make(3, CRL_WHOLE, 0, next, NOW + 1000);
	assert_int_equal(third->code, 0);
	for (uint32_t i = 0; i <= n; i++)
		if (i != 1 && i % 10 != 9)
			row_add(i, i == 0 ? 0 : i == n ? 4 : 1, i == n ? NOW : NOW - 50);
	struct crl_draft *fourth = draft_make(4, CRL_WHOLE, 0, third, NOW + 2000);
	assert_int_equal(fourth->code, 0);
	assert_int_equal(fourth->made.full_entries, n - n / 10);
	/* And of changes alone they leave by themselves: here none is left to leave. */
	struct crl_draft *fifth = draft_make(5, CRL_CHANGES, 0, fourth, NOW + 3000);
	assert_int_equal(fifth->code, 0);
	assert_int_equal(fifth->made.full_entries, n - n / 10);

	/* What was read through the files is what was written: a row by its serial. */
	uint8_t serial[ROW_SERIAL_SIZE];
	struct last_row row;
	serial_make(n, serial);
	assert_int_equal(last_find(w.crl, &fifth->made.ref, serial, &row), 0);
	assert_int_equal(row.reason, 4);
	assert_int_equal(row.since, 2);
	serial_make(9, serial);
	assert_int_equal(last_find(w.crl, &fifth->made.ref, serial, &row), 1);
	serial_make(w.count, serial);
	assert_int_equal(last_find(w.crl, &fifth->made.ref, serial, &row), 1);
	crl_draft_free(first, true);
	crl_draft_free(next, true);
	crl_draft_free(third, true);
	crl_draft_free(fourth, true);
	crl_draft_free(fifth, true);
	buf_free(&rows);
}

static void only_what_may_change_changes(void **state)
{
	(void)state;
	static const struct {
		uint8_t form;
		uint32_t i;
		uint8_t reason;
		int64_t revoked;
		uint16_t code;
	} cases[] = {
		{ CRL_CHANGES, 20, 1, NOW, 0 },
		{ CRL_CHANGES, 10, 1, NOW - 50, 0 },
		{ CRL_CHANGES, 10, 3, NOW - 50, REFUSE_CRL_CHANGED },
		{ CRL_CHANGES, 10, 1, NOW - 49, REFUSE_CRL_CHANGED },
		{ CRL_CHANGES, 10, REASON_REMOVE, NOW - 50, REFUSE_CRL_UNREVOKED },
		{ CRL_CHANGES, 20, REASON_REMOVE, NOW, REFUSE_CRL_UNREVOKED },
		{ CRL_CHANGES, 11, REASON_REMOVE, NOW, 0 },
		{ CRL_CHANGES, 11, 1, NOW - 50, 0 },
		{ CRL_CHANGES, 11, 1, NOW + 1, 0 },
		{ CRL_CHANGES, 11, 1, NOW - 51, REFUSE_CRL_CHANGED },
		{ CRL_CHANGES, 11, 1, NOW + 61, REFUSE_CRL_DATE },
		{ CRL_CHANGES, 11, REASON_HOLD, NOW - 49, REFUSE_CRL_CHANGED },
		{ CRL_CHANGES, 20, 7, NOW, REFUSE_CRL_REASON },
		{ CRL_CHANGES, 20, 11, NOW, REFUSE_CRL_REASON },
		{ CRL_CHANGES, 20, 10, NOW + 60, 0 },
		{ CRL_CHANGES, 20, 1, NOW + 61, REFUSE_CRL_DATE },
		{ CRL_WHOLE, 20, 1, NOW, REFUSE_CRL_FORGOTTEN },
	};
	buf_init(&rows, 1 << 20);
	row_add(10, 1, NOW - 50);
	row_add(11, REASON_HOLD, NOW - 50);
	struct crl_draft *first = draft_make(1, CRL_WHOLE, 0, NULL, NOW);
	assert_int_equal(first->code, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		row_add(cases[i].i, cases[i].reason, cases[i].revoked);
		struct crl_draft *d = draft_make(2 + i, cases[i].form, 0, first, NOW + 60);
		assert_int_equal(d->code, cases[i].code);
		crl_draft_free(d, false);
	}
	/* A damaged copy is found, wherever the damage is. */
	char name[160];
	struct stat st;
	snprintf(name, sizeof(name), "%s/crl/07000000000000000000000000000000.0000.0000000000000001.base", w.folder);
	assert_int_equal(stat(name, &st), 0);
	for (off_t at = 0; at < st.st_size; at += 7) {
		uint8_t byte;
		scoped_fd int fd = open(name, O_RDWR);
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		row_add(20, 1, NOW);
		struct crl_draft *d = draft_make(99, CRL_CHANGES, 0, first, NOW + 60);
		assert_int_equal(d->code, REFUSE_CRL_LAST);
		crl_draft_free(d, false);
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	crl_draft_free(first, false);
	buf_free(&rows);
}

static void entries_are_der(void **state)
{
	(void)state;
	static const int64_t times[] = { 0,	     951782400 /* 2000-02-29 */,  2524607999,
					 2524608000, 4107542400 /* 2100-03-01 */, 253402300799 };
	static const uint8_t first_bytes[] = { 0, 1, 0x7f, 0x80, 0xff };
	for (size_t t = 0; t < sizeof(times) / sizeof(times[0]); t++) {
		for (size_t s = 0; s < sizeof(first_bytes); s++) {
			for (uint8_t reason = 0; reason <= REASON_LAST; reason++) {
				uint8_t serial[ROW_SERIAL_SIZE] = { first_bytes[s], [19] = 5 }, at[MAX_CRL_ENTRY],
					*again = NULL;
				size_t n = crl_write_entry(at, serial, times[t], reason);
				assert_int_equal(n, crl_entry_size(serial, times[t], reason));
				const unsigned char *p = at;
				X509_REVOKED *r = d2i_X509_REVOKED(NULL, &p, (long)n);
				assert_non_null(r);
				assert_int_equal(i2d_X509_REVOKED(r, &again), n);
				assert_memory_equal(again, at, n);
				time_t when = (time_t)times[t];
				assert_int_equal(X509_cmp_time(X509_REVOKED_get0_revocationDate(r), &when), -1);
				when--;
				assert_int_equal(X509_cmp_time(X509_REVOKED_get0_revocationDate(r), &when), 1);
				OPENSSL_free(again);
				X509_REVOKED_free(r);
			}
		}
	}
}

static void answers_are_der(void **state)
{
	(void)state;
	uint8_t spki[91] = { 0x30, 0x59, 0x30, 0x13 }, signature[70] = { 0x30, 68 };
	uint8_t nonce[128] = { 1, 2, 3 };
	struct ocsp_single singles[3] = {
		{ OCSP_IS_GOOD, { .hash = CERT_ID_SHA1, .serial = { 0x80 }, .this_update = NOW, .next_update = END } },
		{ OCSP_IS_REVOKED,
		  { .hash = CERT_ID_SHA256, .this_update = NOW, .next_update = END, .revoked = NOW, .reason = 1 } },
		{ OCSP_IS_UNKNOWN, { .hash = CERT_ID_SHA256, .this_update = NOW, .next_update = END } },
	};
	struct ocsp_fields f = { .issuer_name = buf_slice(&w.issuer),
				 .issuer_key = SLICE_OF(spki),
				 .responder_key = SLICE_OF(spki),
				 .produced_at = NOW,
				 .singles = singles,
				 .count = 3,
				 .nonce = SLICE_OF(nonce) };
	scoped_buf data = { .max = MAX_OCSP_DATA }, response = { .max = 32768 };
	ocsp_put_data(&data, &f);
	assert_true(buf_ok(&data));
	ocsp_put_response(&response, buf_slice(&data), ALGORITHM_ECDSA_P256, SLICE_OF(signature), (struct slice){ 0 });
	const unsigned char *at = response.at;
	OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &at, (long)response.len);
	assert_non_null(r);
	assert_int_equal(OCSP_response_status(r), OCSP_RESPONSE_STATUS_SUCCESSFUL);
	OCSP_RESPONSE_free(r);
	/* Without the certificates, of which the test has none, the whole of it decodes and encodes the same. */
	OCSP_RESPDATA *d = NULL;
	at = data.at;
	d = d2i_OCSP_RESPDATA(NULL, &at, (long)data.len);
	assert_non_null(d);
	unsigned char *again = NULL;
	assert_int_equal(i2d_OCSP_RESPDATA(d, &again), data.len);
	assert_memory_equal(again, data.at, data.len);
	OPENSSL_free(again);
	OCSP_RESPDATA_free(d);
}

static void a_key_for_messages_signs_no_long_list(void **state)
{
	(void)state;
	buf_init(&rows, 1 << 20);
	for (uint32_t i = 0; i < 1300; i++)
		row_add(i, 1, NOW - 50);
	struct crl_draft *d = draft_make(1, CRL_WHOLE, 0, NULL, NOW);
	assert_int_equal(d->code, 0);
	assert_true(d->parts[PART_FULL].size > MAX_PURE_TBS);
	struct crl_draft *pure = crl_draft_new();
	pure->fields = d->fields;
	pure->fields.algorithm = ALGORITHM_ED25519;
	pure->plan = d->plan;
	pure->plan.ref.number = 2;
	pure->plan.form = CRL_CHANGES;
	pure->plan.count = 0;
	pure->plan.has_before = true;
	pure->plan.before = d->made.ref;
	pure->entries = sealed();
	crl_draft_write(pure, w.reader);
	assert_int_equal(pure->code, REFUSE_CRL_TOO_LARGE);
	crl_draft_free(pure, false);
	crl_draft_free(d, false);
	buf_free(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_der),
		cmocka_unit_test(answers_are_der),
		cmocka_unit_test(crls_follow_each_other),
		cmocka_unit_test(only_what_may_change_changes),
		cmocka_unit_test(a_key_for_messages_signs_no_long_list),
	};
	return cmocka_run_group_tests(tests, world_make, world_end);
}
