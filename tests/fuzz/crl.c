/*
 * What CRL_SIGN is asked with, and the copy of the last CRL that it is held
 * against: signd/entries, signd/last and signd/merge over rows of any kind.
 * Whatever comes through is held against the law once more, and the CRL that
 * comes of it against libcrypto.
 *
 * An input: flags, how many of its rows are the last CRL's (one byte each),
 * then those rows as they stand in a file, then rows as a front-end sends
 * them. FLAG_RAW: the first part is a file of its own, head and all.
 */
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/algorithm.h"
#include "base/fd.h"
#include "fuzz/fuzz.h"
#include "signd/crl_draft.h"
#include "signd/encode/cert.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define NOW INT64_C(1800000000)
enum { FLAG_CHANGES = 1, FLAG_DELTA = 2, FLAG_OWN = 4, FLAG_RAW = 8, FLAG_BOTH = 16 };

static char folder_name[64];
static int folder = -1;
static const uint8_t name[] = { 0x30, 0x0f, 0x31, 0x0d, 0x30, 0x0b, 0x06, 0x03, 0x55,
				0x04, 0x03, 0x0c, 0x04, 'N',  'a',  'm',  'e' };
static const uint8_t key_hash[] = { 1, 2, 3 };

static void folder_remove(void)
{
	const struct last_ref ref[] = { { .number = 1 }, { .number = 2 } };
	last_remove(folder, &ref[0]);
	last_remove(folder, &ref[1]);
	char path[80];
	snprintf(path, sizeof(path), "%s/crl", folder_name);
	rmdir(path);
	rmdir(folder_name);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	snprintf(folder_name, sizeof(folder_name), "/dev/shm/ch.XXXXXX"); /* where flushing costs nothing */
	if (!mkdtemp(folder_name)) {
		snprintf(folder_name, sizeof(folder_name), "/tmp/ch.XXXXXX");
		REQUIRE(mkdtemp(folder_name));
	}
	folder = last_folder(folder_name);
	REQUIRE(folder >= 0);
	atexit(folder_remove);
	return 0;
}

/* The certificates of the ledger: their serial numbers are those of their records; every third has expired. */
static void serial_of(uint64_t seq, uint8_t serial[ROW_SERIAL_SIZE])
{
	memset(serial, 0, ROW_SERIAL_SIZE);
	serial[1] = 1;
	serial[19] = (uint8_t)seq;
}

int ledger_read(struct ledger_reader *r, uint64_t seq, struct buf *out, struct record *record)
{
	static uint8_t spki[91] = { 0x30, 0x59, 0x30, 0x13 };
	uint8_t serial[ROW_SERIAL_SIZE], hash[HASH_SIZE];
	scoped_buf tbs = { .max = 4096 }, body = { .max = 8192 };
	struct cert_fields f = { .kind = seq % 5 == 4 ? KIND_CA : KIND_LEAF,
				 .algorithm = ALGORITHM_ECDSA_P256,
				 .issuer = SLICE_OF(name),
				 .authority_key_id = SLICE_OF(key_hash),
				 .not_before = NOW - 1000,
				 .not_after = seq % 3 ? NOW + 1000 : NOW - 500,
				 .subject = SLICE_OF(name),
				 .public_key = SLICE_OF(spki),
				 .path_len = PATH_LEN_NONE };
	struct cert_intent_record intent = { .kind = (uint8_t)f.kind };
	size_t size;
	(void)r;
	serial_of(seq, serial);
	memcpy(f.serial, serial + 1, SERIAL_SIZE);
	cert_put_tbs(&tbs, &f);
	intent.tbs = buf_slice(&tbs);
	intent.ca_key[0] = seq % 7 == 6; /* another CA's */
	record_cert_intent_put(&body, &intent);
	const struct record whole = { .type = seq % 11 == 10 ? RECORD_NOTE : RECORD_CERT_INTENT,
				      .flags = RECORD_BATCH_BEGIN | RECORD_BATCH_END,
				      .seq = seq,
				      .body = buf_slice(&body) };
	buf_clear(out);
	record_put(out, &whole, hash);
	return record_peek(buf_slice(out), record, &size, NULL) == RECORD_WHOLE ? 0 : -1;
}

void ledger_reader_near(struct ledger_reader *r, bool near)
{
	(void)r;
	(void)near;
}

int ledger_read_range(struct ledger_reader *r, uint64_t from, uint64_t limit, size_t most, struct buf *out)
{
	(void)r;
	(void)from;
	(void)limit;
	(void)most;
	(void)out;
	return 0;
}

static void last_write(struct slice rows, uint8_t flags, struct last_ref *ref)
{
	struct last_writer *w = malloc(sizeof(*w));
	REQUIRE(w && last_begin(w, folder, ref, NULL) == 0);
	for (; rows.len >= LAST_ROW_SIZE; rows.at += LAST_ROW_SIZE, rows.len -= LAST_ROW_SIZE) {
		struct last_row row = { .reason = rows.at[20] % 12,
					.revoked = NOW - rows.at[21],
					.not_after = NOW - 100 + rows.at[22],
					.since = 1 };
		memcpy(row.serial, rows.at, ROW_SERIAL_SIZE);
		if (flags & FLAG_OWN)
			serial_of(rows.at[19], row.serial);
		last_put(w, &row, false);
	}
	REQUIRE(last_end(w) == 0);
	*ref = w->ref;
	free(w);
}

/* A file that somebody else wrote, under the name that the last CRL's has. */
static void last_raw(struct slice file, struct last_ref *ref)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/crl/%032x.0000.%016x.last", folder_name, 0, 1);
	scoped_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	REQUIRE(fd >= 0 && fd_write_all(fd, file.at, file.len) == 0);
	hash_of(file, ref->hash);
}

static int rows_file(struct slice rows, uint8_t flags)
{
	scoped_fd int fd = memfd_create("rows", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	REQUIRE(fd >= 0);
	for (; rows.len >= CRL_ROW_SIZE; rows.at += CRL_ROW_SIZE, rows.len -= CRL_ROW_SIZE) {
		uint8_t at[CRL_ROW_SIZE];
		memcpy(at, rows.at, CRL_ROW_SIZE);
		if (flags & FLAG_OWN) {
			serial_of(at[19], at);
			set_u64(at + 29, at[19]);
			set_u64(at + 21, (uint64_t)(NOW - at[21]));
		}
		REQUIRE(fd_write_all(fd, at, CRL_ROW_SIZE) == 0);
	}
	REQUIRE(fcntl(fd, F_ADD_SEALS, SEALS) == 0);
	return fd_take(&fd);
}

/* What was revoked for good and whose certificate lasts is there, unchanged. */
static void law_held(const struct crl_draft *d)
{
	struct last *before = malloc(sizeof(*before));
	struct last_row row, now;
	bool of_base;
	REQUIRE(before && last_open(folder, &d->plan.before, true, before) == 0);
	while (last_next(before, &row, &of_base)) {
		if (row.reason == REASON_LEFT || row.reason == REASON_REMOVE || row.reason == REASON_HOLD ||
		    row.not_after < d->plan.before_update)
			continue;
		REQUIRE(last_find(folder, &d->made.ref, row.serial, &now) == 0);
		REQUIRE(now.reason == row.reason && now.revoked == row.revoked && now.not_after == row.not_after);
	}
	REQUIRE(last_sound(before));
	last_close(before);
	free(before);
}

/* The entry of this serial number in what is signed, with its date and its reason. */
static void entry_signed(X509_CRL *crl, const struct last_row *row)
{
	X509_REVOKED *r = NULL;
	struct tm tm;
	BIGNUM *n = BN_bin2bn(row->serial, ROW_SERIAL_SIZE, NULL);
	ASN1_INTEGER *serial = BN_to_ASN1_INTEGER(n, NULL);
	REQUIRE(X509_CRL_get0_by_serial(crl, &r, serial) == (row->reason == REASON_REMOVE ? 2 : 1));
	REQUIRE(ASN1_TIME_to_tm(X509_REVOKED_get0_revocationDate(r), &tm) == 1 && timegm(&tm) == row->revoked);
	ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(r, NID_crl_reason, NULL, NULL);
	REQUIRE(reason ? ASN1_ENUMERATED_get(reason) == row->reason : row->reason == REASON_UNSPECIFIED);
	ASN1_ENUMERATED_free(reason);
	ASN1_INTEGER_free(serial);
	BN_free(n);
}

/* Whoever asks can't drop an entry: what was revoked for good is on what is signed, and what is new on the delta. */
static void law_signed(const struct crl_draft *d, X509_CRL *crl, bool delta)
{
	struct last *last = malloc(sizeof(*last));
	struct last_row row;
	bool of_base;
	REQUIRE(last && (delta || d->plan.has_before));
	REQUIRE(last_open(folder, delta ? &d->made.ref : &d->plan.before, true, last) == 0);
	while (last_next(last, &row, &of_base)) {
		bool ended = row.reason == REASON_LEFT || row.not_after < d->plan.before_update;
		if (delta ? row.since > d->plan.base && row.reason != REASON_LEFT
			  : !ended && row.reason != REASON_REMOVE && row.reason != REASON_HOLD)
			entry_signed(crl, &row);
	}
	REQUIRE(last_sound(last));
	last_close(last);
	free(last);
}

static void crl_read(struct crl_draft *d)
{
	for (int i = 0; i < PARTS; i++)
		buf_put(&d->parts[i].signature, key_hash, sizeof(key_hash));
	REQUIRE(crl_draft_close(d) == 0);
	for (int i = 0; i < PARTS && d->parts[i].size; i++) {
		const struct crl_part *p = &d->parts[i];
		uint8_t *bytes = malloc(p->whole_size);
		const unsigned char *at = bytes;
		REQUIRE(bytes && pread(d->file, bytes, p->whole_size, (off_t)p->whole_at) == (ssize_t)p->whole_size);
		X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)p->whole_size);
		REQUIRE(crl && at == bytes + p->whole_size);
		int n = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));
		uint64_t counted = i == PART_FULL ? d->made.full_entries : d->made.delta_entries;
		REQUIRE((n < 0 ? 0 : n) == (int)counted);
		if (i == PART_DELTA || d->plan.has_before)
			law_signed(d, crl, i == PART_DELTA);
		X509_CRL_free(crl);
		free(bytes);
	}
	ERR_clear_error();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 65536)
		return 0;
	uint8_t flags = data[0];
	size_t first = flags & FLAG_RAW ? data[1] : (size_t)data[1] * LAST_ROW_SIZE;
	first = first < size - 2 ? first : size - 2;
	struct slice rows = { data + 2 + first, size - 2 - first };
	struct crl_draft *d = crl_draft_new();
	REQUIRE(d);
	d->fields = (struct crl_fields){ .algorithm = ALGORITHM_ECDSA_P256,
					 .issuer = SLICE_OF(name),
					 .authority_key_id = SLICE_OF(key_hash),
					 .this_update = NOW,
					 .next_update = NOW + 100,
					 .number = 2 };
	d->plan = (struct merge_plan){ .folder = folder,
				       .ref = { .number = 2 },
				       .shards = 1,
				       .form = flags & FLAG_CHANGES ? CRL_CHANGES : CRL_WHOLE,
				       .base = flags & FLAG_DELTA ? 1 : 0,
				       .this_update = NOW,
				       .count = (uint32_t)(rows.len / CRL_ROW_SIZE),
				       .has_before = flags & (FLAG_BOTH | FLAG_RAW),
				       .before = { .number = 1 },
				       .before_update = NOW - 10 };
	if (flags & FLAG_RAW)
		last_raw((struct slice){ data + 2, first }, &d->plan.before);
	else if (flags & FLAG_BOTH)
		last_write((struct slice){ data + 2, first }, flags, &d->plan.before);
	d->entries = rows_file(rows, flags);
	d->head = 256;
	crl_draft_write(d, NULL);
	if (!d->code && d->plan.has_before)
		law_held(d);
	if (!d->code)
		crl_read(d);
	crl_draft_free(d, false);
	last_remove(folder, &(const struct last_ref){ .number = 1 });
	return 0;
}
