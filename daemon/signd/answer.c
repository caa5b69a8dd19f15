/* The verbs that are answered at once, and the switch over all of them. */
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "signd/approve.h"
#include "signd/certify.h"
#include "signd/crl.h"
#include "signd/gone.h"
#include "signd/guard.h"
#include "signd/import.h"
#include "signd/keygen.h"
#include "signd/notary.h"
#include "signd/ocsp.h"
#include "signd/report.h"
#include "signd/request.h"
#include "signd/signer.h"
#include "wire/inner_answer.h"

/*
 * How much of this ledger a caller can have seen. What this life wrote at its start must not stand in for records that
 * a caller knew and that are gone.
 */
static uint64_t head_known(const struct signer *s)
{
	uint64_t shown = signer_shown(s);
	return s->greeted || s->found > shown ? shown : s->found;
}

static uint16_t hello_verdict(const struct signer *s, const struct hello_request *r)
{
	uint64_t head = head_known(s), fork = proposals_fork(&s->proposals, r->epoch ? r->epoch : 1);
	if (r->version != INNER_VERSION)
		return REFUSE_VERSION;
	/* A caller that has never met a ledger sends zeros. */
	if (!bytes_zero(r->ledger_id, LEDGER_ID_SIZE) && memcmp(r->ledger_id, s->config.ledger_id, LEDGER_ID_SIZE) != 0)
		return REFUSE_WRONG_LEDGER;
	bool other_root = r->checkpoint_size && r->checkpoint_size == s->checkpoint.size &&
			  memcmp(r->checkpoint_root, s->checkpoint.root, HASH_SIZE) != 0;
	/* Of an earlier epoch, more than the next one began with: that it was lost is on the ledger, and nothing new.
	 */
	if (r->committed > fork || r->checkpoint_size > fork)
		return REFUSE_EPOCH_LOST;
	bool more = r->checkpoint_size > head || r->committed > head || r->epoch > s->proposals.epoch;
	return more || other_root ? REFUSE_ROLLED_BACK : 0;
}

#define MAX_EPOCHS_AHEAD 1000 /* whoever claims more doesn't get at the end of the numbers */

/* The most that this caller has seen, and its root if that is what it has a checkpoint of. */
static void known_more(struct signer *s, const struct hello_request *r)
{
	bool signed_all = r->checkpoint_size >= r->committed;
	struct sighting seen = { .size = signed_all ? r->checkpoint_size : r->committed };
	if (signed_all)
		memcpy(seen.root, r->checkpoint_root, HASH_SIZE);
	if (r->epoch > s->proposals.epoch && r->epoch - s->proposals.epoch <= MAX_EPOCHS_AHEAD)
		seen.epoch = r->epoch;
	latch_rolled_back(s, &seen, NULL);
}

static int answer_hello(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct hello_request r;
	const char *where;
	if (answer_hello_get(f->body, &r, &where) != PACK_OK)
		return -1;
	uint64_t head = signer_shown(s);
	uint16_t code = hello_verdict(s, &r);
	struct buf *out = guard_out(s->guard, peer);
	if (code) {
		log_error("hello_refused", "reason=%s committed=%llu head=%llu", inner_refusal_name(code),
			  (unsigned long long)r.committed, (unsigned long long)head);
		guard_refuse(s->guard, peer, f->verb, f->tag, code, NULL, 0);
		/* An auditor's word is not enough to stop the signer. */
		if (code == REFUSE_ROLLED_BACK && guard_is_front(s->guard, peer))
			known_more(s, &r);
	} else if (out) {
		struct hello_reply reply = {
			.version = INNER_VERSION, .head = head, .now = time_now(), .epoch = s->proposals.epoch
		};
		memcpy(reply.ledger_id, s->config.ledger_id, LEDGER_ID_SIZE);
		s->greeted = true;
		answer_hello_put(out, f->tag, &reply);
	}
	return 0;
}

#define MAX_READ (1048576 - 2 * MAX_RECORD_BODY) /* one record may go over it, the reply's limit may not */

static int answer_ledger_read(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct ledger_read_request r;
	uint64_t head = signer_shown(s);
	const char *where;
	if (answer_ledger_read_get(f->body, &r, &where) != PACK_OK)
		return -1;
	struct buf *out = guard_out(s->guard, peer);
	scoped_buf records = { .max = 1048576 };
	if (r.from > head) {
		guard_refuse(s->guard, peer, f->verb, f->tag, REFUSE_BEYOND_HEAD, "from", 0);
		return 0;
	}
	size_t most = r.most < MAX_READ ? r.most : MAX_READ;
	int state = ledger_read_range(s->reader, r.from, head, most, &records);
	if (state) {
		guard_refuse(s->guard, peer, f->verb, f->tag,
			     state == LEDGER_ARCHIVED ? REFUSE_ARCHIVED : REFUSE_LEDGER_FAILED, NULL, 0);
		return 0;
	}
	struct ledger_read_reply reply = { head, buf_slice(&records) };
	if (out)
		answer_ledger_read_put(out, f->tag, &reply);
	return 0;
}

static int answer_note(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct note_request r;
	const char *where;
	if (answer_note_get(f->body, &r, &where) != PACK_OK)
		return -1;
	struct op *op = request_begin(s, peer, f, r.request_id);
	if (!op)
		return 0;
	struct note_record note = { .kind = r.kind, .context = r.context };
	request_stamp(op, note.request_id, note.request_hash);
	record_note_put(op_record(op, RECORD_NOTE), &note);
	signer_journal(s, op, request_single_done);
	return 0;
}

static int answer_ca_close(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct ca_close_request r;
	const char *where;
	if (answer_ca_close_get(f->body, &r, &where) != PACK_OK)
		return -1;
	struct op *op = request_begin(s, peer, f, r.request_id);
	if (!op)
		return 0;
	struct key *k = keys_find(&s->keys, r.ca_key);
	if (!k || !k->charter_bytes.len) {
		request_refuse(s, op, k ? REFUSE_KEY_UNBOUND : REFUSE_KEY_UNKNOWN, "ca_key");
		return 0;
	}
	/* From here on it signs nothing more, whether or not the record is there yet. */
	key_close(k);
	struct ca_closed_record closed = { .context = r.context };
	request_stamp(op, closed.request_id, closed.request_hash);
	memcpy(closed.ca_key, r.ca_key, KEY_ID_SIZE);
	record_ca_closed_put(op_record(op, RECORD_CA_CLOSED), &closed);
	signer_journal(s, op, request_single_done);
	return 0;
}

int answer_request(struct signer *s, uint64_t peer, const struct frame *f)
{
	switch ((enum inner_verb)f->verb) {
#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	case INNER_##NAME:                                                                                             \
		return answer_##name(s, peer, f);
#include "wire/inner.def"
#undef VERB
	}
	return -1;
}
