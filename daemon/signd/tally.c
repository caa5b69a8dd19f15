#include "signd/tally.h"

#include "base/log.h"
#include "base/time.h"
#include "signd/signer.h"

bool tally_counts(uint16_t code)
{
	switch (code) {
	case REFUSE_LATCHED:
	case REFUSE_EPOCH_NEEDED: /* nothing may be written */
	case REFUSE_ROLLED_BACK:  /* latches, which is a record */
	case REFUSE_CLOCK:
	case REFUSE_LEDGER_FAILED:
	case REFUSE_BUSY:
	case REFUSE_REQUEST_RUNNING:
	case REFUSE_REQUEST_LOST:
	case REFUSE_CHECKPOINT_OVERDUE:
	case REFUSE_DISK_LOW:
	case REFUSE_TOKEN_AWAY:
	case REFUSE_SIGNATURE_WRONG:
	case REFUSE_KEY_LATCHED:
	case REFUSE_TOKEN_REFUSED:
	case REFUSE_KEY_TROUBLE:
	case REFUSE_CRL_BUSY:
	case REFUSE_CRL_LAST:
	case REFUSE_CRL_STORE:
	case REFUSE_OCSP_STATE:
	case REFUSE_OCSP_BUSY:
		return false;
	default:
		return true;
	}
}

static bool tally_is(const struct tally *t, uint32_t uid, uint16_t verb, uint16_t code)
{
	return t->uid == uid && t->verb == verb && t->code == code;
}

/* The tally of this, else a free one made into it, else the one of all that found no room. */
static struct tally *tally_find(struct tallies *all, uint32_t uid, uint16_t verb, uint16_t code)
{
	struct tally *spare = NULL, *rest = &all->all[MAX_TALLIES];
	for (struct tally *t = all->all; t < rest; t++) {
		if (tally_is(t, uid, verb, code))
			return t;
		if (!t->code && !spare)
			spare = t;
	}
	if (!spare) {
		rest->uid = TALLY_UID;
		rest->pause = rest->pause ? rest->pause : TALLY_PAUSE_MS;
		return rest;
	}
	*spare = (struct tally){ .uid = uid, .verb = verb, .code = code, .pause = TALLY_PAUSE_MS };
	return spare;
}

bool tally_refusal(struct signer *s, uid_t uid, uint16_t verb, uint16_t code)
{
	if (!tally_counts(code))
		return true;
	struct tally *t = tally_find(&s->tallies, (uint32_t)uid, verb, code);
	if (t->count++)
		return false;
	t->since = time_now_ms();
	s->tallies.open++;
	return true;
}

static void tally_written(struct signer *s, struct op *op)
{
	if (op->trouble != OP_FINE)
		log_error("refusals_not_recorded", "why=\"the ledger could not be written\"");
	signer_op_done(s, op);
}

/* One record of the ledger and one line of the log for all that was counted. */
static bool tally_write(struct signer *s, struct tally *t)
{
	struct op *op = signer_op(s, 0, 0, 0);
	if (!op)
		return false;
	struct refused_record r = { t->uid, t->verb, t->code, t->count, (uint64_t)t->since };
	log_info("refusals_recorded", "uid=%u verb=%u code=%u reason=%s count=%u", (unsigned)t->uid, t->verb, t->code,
		 inner_refusal_name(t->code), (unsigned)t->count);
	record_refused_put(op_record(op, RECORD_REFUSED), &r);
	signer_journal(s, op, tally_written);
	t->count = 0;
	s->tallies.open--;
	return true;
}

/* A tally that had nothing new for as long as it would have waited is free again. */
static void tally_rest(struct tally *t, int64_t now)
{
	if (t->code && !t->count && now - t->due >= t->pause)
		*t = (struct tally){ .code = 0 };
}

static void tally_look(struct signer *s, struct tally *t, int64_t now)
{
	static const struct rate rate = { .per_minute = MAX_TALLIES_MINUTE, .burst = MAX_TALLIES_BURST };
	uint32_t later;
	if (!t->count || now < t->due || meter_ask(&s->tallies.written, &rate, now, &later) || !tally_write(s, t))
		return;
	meter_draw(&s->tallies.written, &rate, now);
	t->due = now + t->pause;
	t->pause = 2 * t->pause < MAX_TALLY_PAUSE_MS ? 2 * t->pause : MAX_TALLY_PAUSE_MS;
}

void tally_tick(struct signer *s, int64_t now)
{
	bool may = s->tallies.open && signer_stopped(s, false) == 0;
	for (size_t i = 0; i <= MAX_TALLIES; i++) {
		if (may)
			tally_look(s, &s->tallies.all[i], now);
		tally_rest(&s->tallies.all[i], now);
	}
}

void tally_flush(struct signer *s)
{
	if (!s->tallies.open || signer_stopped(s, false) != 0)
		return;
	for (size_t i = 0; i <= MAX_TALLIES; i++)
		if (s->tallies.all[i].count)
			tally_write(s, &s->tallies.all[i]);
}
