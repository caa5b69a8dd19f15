#include "signd/issued.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "signd/chain.h"

#define RANGE_SIZE 65536

void issued_open(struct issued_reader *r, struct ledger_reader *ledger, uint64_t head)
{
	r->ledger = ledger;
	r->head = head;
	buf_init(&r->record, MAX_RECORD);
	buf_init(&r->range, RANGE_SIZE + MAX_RECORD);
}

void issued_close(struct issued_reader *r)
{
	buf_free(&r->record);
	buf_free(&r->range);
}

/* One value of our own DER: its contents, and at moves behind it. */
static bool der_take(struct slice *at, int tag, struct slice *content)
{
	const unsigned char *p = at->at;
	long n;
	int has, class;
	int form = ASN1_get_object(&p, &n, &has, &class, (long)at->len);
	if (form & 0x81 || has != tag)
		return false;
	*content = (struct slice){ p, (size_t)n };
	at->len -= (size_t)(p + n - at->at);
	at->at = p + n;
	return true;
}

static bool digits_value(const uint8_t *at, int count, int *value)
{
	*value = 0;
	for (int i = 0; i < count; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		*value = 10 * *value + at[i] - '0';
	}
	return true;
}

/* UTCTime or GeneralizedTime as the encoder writes them. */
static bool time_value(struct slice text, int64_t *out)
{
	int year, part[5];
	int wide = text.len == 15 ? 4 : 2;
	if (text.len != (size_t)wide + 11 || !digits_value(text.at, wide, &year))
		return false;
	for (int i = 0; i < 5; i++)
		if (!digits_value(text.at + wide + 2 * i, 2, &part[i]))
			return false;
	if (wide == 2)
		year += year < 50 ? 2000 : 1900;
	int64_t y = year - (part[0] <= 2), m = part[0] + (part[0] > 2 ? -3 : 9);
	int64_t day = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + part[1] - 1 - 719468;
	*out = day * 86400 + part[2] * 3600 + part[3] * 60 + part[4];
	return true;
}

/* TBSCertificate: version, serial number, algorithm, issuer, validity. */
static bool tbs_read(struct slice tbs, struct issued *out)
{
	struct slice whole, skipped, serial, validity, time;
	return der_take(&tbs, V_ASN1_SEQUENCE, &whole) && der_take(&whole, 0, &skipped) &&
	       der_take(&whole, V_ASN1_INTEGER, &serial) && row_serial(serial, out->serial) &&
	       der_take(&whole, V_ASN1_SEQUENCE, &skipped) && der_take(&whole, V_ASN1_SEQUENCE, &skipped) &&
	       der_take(&whole, V_ASN1_SEQUENCE, &validity) &&
	       der_take(&validity,
			validity.len && validity.at[0] == V_ASN1_UTCTIME ? V_ASN1_UTCTIME : V_ASN1_GENERALIZEDTIME,
			&skipped) &&
	       validity.len && der_take(&validity, validity.at[0], &time) && time_value(time, &out->not_after);
}

static int read_intent(struct slice body, struct issued *out)
{
	struct cert_intent_record intent;
	if (record_cert_intent_get(body, &intent) != PACK_OK || !tbs_read(intent.tbs, out))
		return -1;
	memcpy(out->ca_key, intent.ca_key, KEY_ID_SIZE);
	memcpy(out->key_id, intent.subject_key_id, KEY_ID_SIZE);
	out->local = !bytes_zero(out->key_id, KEY_ID_SIZE);
	out->ca = intent.kind == KIND_CA || intent.kind == KIND_SUBCA_FOREIGN;
	return 0;
}

static int read_admitted(struct slice body, struct issued *out)
{
	struct cert_admitted_record admitted;
	if (record_cert_admitted_get(body, &admitted) != PACK_OK || !row_serial(admitted.serial, out->serial))
		return 1;
	memcpy(out->ca_key, admitted.ca_key, KEY_ID_SIZE);
	out->not_after = admitted.not_after;
	out->admitted = true;
	X509 *x = certificate_read(admitted.certificate);
	out->ca = x && X509_get_extension_flags(x) & EXFLAG_CA;
	if (out->ca)
		certificate_public_key(x, &out->public_key);
	X509_free(x);
	return x ? 0 : -1;
}

int issued_read(struct issued_reader *r, uint64_t seq, struct issued *out)
{
	struct record record;
	*out = (struct issued){ .public_key = { .max = MAX_RECORD } };
	int found = seq < r->head ? ledger_read(r->ledger, seq, &r->record, &record) : LEDGER_NONE;
	if (found != 0)
		return found;
	if (record.type == RECORD_CERT_INTENT)
		return read_intent(record.body, out);
	return record.type == RECORD_CERT_ADMITTED ? read_admitted(record.body, out) : 1;
}

/* Whether one of these records tells the outcome: 0 signed, 1 lost, 2 none does. Moves *next on. */
static int range_outcome(struct slice records, uint64_t intent, uint64_t *next)
{
	struct record record;
	size_t size;
	while (records.len && record_peek(records, &record, &size, NULL) == RECORD_WHOLE) {
		bool outcome = record.type == RECORD_CERT_RESULT || record.type == RECORD_LOST;
		if (outcome && record.body.len >= 8 && get_u64(record.body.at) == intent)
			return record.type == RECORD_LOST;
		*next = record.seq + 1;
		records.at += size;
		records.len -= size;
	}
	return 2;
}

int issued_signed(struct issued_reader *r, uint64_t seq)
{
	uint64_t next = seq + 1, before;
	size_t most = 4096; /* most often the result is near */
	do {
		before = next;
		buf_clear(&r->range);
		if (ledger_read_range(r->ledger, next, r->head, most, &r->range) != 0)
			return -1;
		int outcome = range_outcome(buf_slice(&r->range), seq, &next);
		if (outcome != 2)
			return outcome;
		most = RANGE_SIZE;
	} while (next > before && next - seq < MAX_OUTCOME_DISTANCE);
	return 1;
}
