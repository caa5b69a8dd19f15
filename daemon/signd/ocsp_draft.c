#include "signd/ocsp_draft.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"

struct ocsp_draft *ocsp_draft_new(void)
{
	struct ocsp_draft *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	buf_init(&d->bytes, MAX_RECORD_BODY);
	buf_init(&d->certificate, MAX_RECORD_BODY);
	return d;
}

void ocsp_draft_free(struct ocsp_draft *d)
{
	if (!d)
		return;
	buf_free(&d->bytes);
	buf_free(&d->certificate);
	free(d);
}

uint16_t ocsp_row_check(const struct ocsp_single *one, int64_t now)
{
	const struct ocsp_row *row = &one->row;
	bool revoked = one->status == OCSP_IS_REVOKED;
	if (one->status < OCSP_IS_GOOD || one->status > OCSP_IS_UNKNOWN ||
	    (row->hash != CERT_ID_SHA1 && row->hash != CERT_ID_SHA256))
		return REFUSE_OCSP_ROW;
	if (revoked ? row->reason > REASON_LAST || row->reason == 7 || row->reason == REASON_REMOVE ||
			      row->revoked < 0 || row->revoked > now
		    : row->reason != 0 || row->revoked != 0)
		return REFUSE_OCSP_ROW;
	return one->status != OCSP_IS_GOOD && row->seq != 0 ? REFUSE_OCSP_ROW : 0;
}

/* Reads the last CRL to its end, once in a life. */
static bool against_sound(struct ocsp_draft *d, struct ocsp_against *a)
{
	struct last *l = a->sound ? NULL : malloc(sizeof(*l));
	struct last_row row;
	bool of_base;
	if (!l)
		return a->sound;
	a->sound = last_open(d->crl_folder, &a->last, true, l) == 0;
	while (a->sound && last_next(l, &row, &of_base))
		;
	a->sound = a->sound && last_sound(l);
	last_close(l);
	free(l);
	for (size_t i = 0; i < MAX_SINGLES; i++) /* rows of the same shard need not look again */
		if (a->sound && d->against[i].any && d->against[i].last.shard == a->last.shard)
			d->against[i].sound = true;
	return a->sound;
}

/* What was signed, of this CA, with this serial number. */
static uint16_t judge_good(const struct ocsp_draft *d, const struct ocsp_row *row, struct issued_reader *ledger)
{
	struct issued c;
	int found = issued_read(ledger, row->seq, &c);
	buf_free(&c.public_key);
	if (found < 0)
		return REFUSE_LEDGER_FAILED;
	if (found || memcmp(c.ca_key, d->ca_key, KEY_ID_SIZE) != 0 ||
	    memcmp(c.serial, row->serial, ROW_SERIAL_SIZE) != 0)
		return REFUSE_OCSP_GOOD;
	if (c.admitted)
		return 0;
	found = issued_signed(ledger, row->seq);
	return found < 0 ? REFUSE_LEDGER_FAILED : found ? REFUSE_OCSP_GOOD : 0;
}

/* A certificate that the last CRL lists is revoked, since then and for that reason; a hold may have become more. */
static uint16_t judge_listed(const struct ocsp_single *one, const struct last_row *listed)
{
	if (one->status != OCSP_IS_REVOKED)
		return REFUSE_OCSP_CONTRADICTS;
	bool same = one->row.reason == listed->reason && one->row.revoked == listed->revoked;
	bool more =
		listed->reason == REASON_HOLD && one->row.reason != REASON_HOLD && one->row.revoked >= listed->revoked;
	return same || more ? 0 : REFUSE_OCSP_CONTRADICTS;
}

static uint16_t judge_row(struct ocsp_draft *d, size_t i, struct issued_reader *ledger)
{
	const struct ocsp_single *one = &d->singles[i];
	struct ocsp_against *a = &d->against[i];
	struct last_row listed;
	if (a->latched || (a->any && !against_sound(d, a)))
		return REFUSE_OCSP_STATE;
	int found = a->any ? last_find(d->crl_folder, &a->last, one->row.serial, &listed) : 1;
	if (found < 0)
		return REFUSE_OCSP_STATE;
	/* One that was released is no entry any more. */
	if (found == 0 && listed.reason != REASON_REMOVE)
		return judge_listed(one, &listed);
	return one->status == OCSP_IS_GOOD ? judge_good(d, &one->row, ledger) : 0;
}

/* The responder's certificate stands in the records before the one that bound its key: intent ... result, binding. */
static uint16_t read_certificate(struct ocsp_draft *d, struct ledger_reader *ledger)
{
	struct record record;
	struct cert_result_record result;
	struct cert_intent_record intent;
	scoped_buf first = { .max = MAX_RECORD }, last = { .max = MAX_RECORD };
	if (ledger_read(ledger, d->responder_seq - 1, &last, &record) != 0 ||
	    record_cert_result_get(record.body, &result) != PACK_OK ||
	    ledger_read(ledger, result.intent, &first, &record) != 0 ||
	    record_cert_intent_get(record.body, &intent) != PACK_OK ||
	    record_certificate(intent.tbs, result.signature, &d->certificate) != 0)
		return REFUSE_LEDGER_FAILED;
	return 0;
}

void ocsp_draft_write(struct ocsp_draft *d, struct ledger_reader *ledger, struct buf *out)
{
	struct issued_reader reader;
	issued_open(&reader, ledger, d->head);
	d->code = 0;
	for (d->at = 0; d->at < d->fields.count && !d->code; d->at++)
		d->code = judge_row(d, d->at, &reader);
	issued_close(&reader);
	if (!d->code && d->wants_certificate)
		d->code = read_certificate(d, ledger);
	if (d->code)
		return;
	d->fields.produced_at = time_now();
	ocsp_put_data(out, &d->fields);
	if (!buf_ok(out))
		d->code = REFUSE_LEDGER_FAILED;
}
