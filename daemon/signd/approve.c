#include "signd/approve.h"

#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "signd/certify.h"
#include "signd/guard.h"
#include "signd/import.h"
#include "signd/request.h"
#include "signd/signer.h"
#include "wire/inner_answer.h"

#define MAX_CONTENT 65536 /* proposal.def */

static struct verdict refused(uint16_t code, const char *field)
{
	return (struct verdict){ code, field };
}

/*
 * Those whose signatures in this role are on the ledger, and who are named in it still: a changed signd.conf counts at
 * once.
 */
static uint8_t signers_count(const struct signer *s, const struct open_proposal *o, uint8_t role)
{
	uint8_t n = 0;
	for (size_t i = 0; i < o->count; i++)
		if (o->signers[i].role == role && o->signers[i].recorded &&
		    approvers_find(&s->config.approvers, role, o->signers[i].key))
			n++;
	return n;
}

static uint8_t needed_of(const struct signer *s, const struct open_proposal *o)
{
	uint8_t now = s->config.approvers.needed[o->says.kind];
	return now > o->says.needed ? now : o->says.needed;
}

/* What it takes to do this kind of thing at all. */
static struct verdict act_verdict(const struct signer *s, const struct act *act)
{
	if (act->kind && s->config.approvers.needed[act->kind])
		return refused(0, NULL);
	return refused(act->kind == PROPOSAL_SUBCA_FOREIGN ? REFUSE_APPROVAL_IMPOSSIBLE : REFUSE_APPROVAL_NOT_NEEDED,
		       "proposal");
}

static uint16_t ready_verdict(const struct signer *s, const struct open_proposal *o)
{
	bool requester = o->says.requester || s->config.approvers.count[ROLE_REQUESTER];
	if (requester && signers_count(s, o, ROLE_REQUESTER) == 0)
		return REFUSE_REQUESTER_NEEDED;
	return signers_count(s, o, ROLE_APPROVER) < needed_of(s, o) ? REFUSE_PROPOSAL_UNREADY : 0;
}

struct verdict approve_check(struct signer *s, const struct act *act, const uint8_t proposal[PROPOSAL_ID_SIZE])
{
	uint16_t code = 0;
	struct verdict v = act_verdict(s, act);
	if (v.code == REFUSE_APPROVAL_NOT_NEEDED && bytes_zero(proposal, PROPOSAL_ID_SIZE))
		return refused(0, NULL);
	if (v.code)
		return v;
	if (bytes_zero(proposal, PROPOSAL_ID_SIZE))
		return refused(REFUSE_APPROVAL_NEEDED, "proposal");
	struct open_proposal *o = proposals_find(&s->proposals, proposal, time_now(), &code);
	if (!o)
		return refused(code, "proposal");
	if (o->says.kind != act->kind || !slice_equal(o->says.content, act->content))
		return refused(REFUSE_PROPOSAL_DIFFERS, "proposal");
	return refused(o->held ? REFUSE_PROPOSAL_SPENT : ready_verdict(s, o), "proposal");
}

void approve_hold(struct signer *s, const uint8_t proposal[PROPOSAL_ID_SIZE], bool held)
{
	uint16_t code;
	struct open_proposal *o = proposals_find(&s->proposals, proposal, 0, &code);
	if (o)
		o->held = held;
}

void approve_spend(struct signer *s, struct op *op, const uint8_t proposal[PROPOSAL_ID_SIZE], uint8_t back)
{
	struct spent_record spent = { 0 };
	if (bytes_zero(proposal, PROPOSAL_ID_SIZE))
		return;
	memcpy(spent.proposal, proposal, PROPOSAL_ID_SIZE);
	record_spent_put(op_record(op, RECORD_SPENT), &spent);
	op->records[op->record_count - 1].follows = back;
	proposals_close(&s->proposals, proposal, REFUSE_PROPOSAL_SPENT);
}

void proposal_write(const struct signer *s, const struct act *act, struct buf *out)
{
	int64_t now = time_now();
	struct proposal p = { .epoch = s->proposals.epoch,
			      .created = now,
			      .expires = now + s->config.approvers.lifetime,
			      .kind = act->kind,
			      .needed = s->config.approvers.needed[act->kind],
			      .requester = act->kind < PROPOSAL_RESUME && s->config.approvers.count[ROLE_REQUESTER],
			      .content = act->content };
	memcpy(p.ledger_id, s->config.ledger_id, LEDGER_ID_SIZE);
	random_bytes(p.id, sizeof(p.id));
	for (int i = 0; i < 4; i++)
		p.id[i] = (uint8_t)(p.epoch >> (24 - 8 * i));
	random_bytes(p.nonce, sizeof(p.nonce));
	proposal_put(out, &p);
}

static void propose_done(struct signer *s, struct op *op)
{
	struct proposed_record r;
	if (op->trouble != OP_FINE || record_proposed_get(buf_slice(&op->records[0].body), &r) != PACK_OK) {
		request_refuse(s, op, REFUSE_LEDGER_FAILED, NULL);
		return;
	}
	request_concluded(s, op, op->records[0].seq);
	reply_proposed(s, op->peer, op->tag, op->records[0].seq, r.bytes);
	signer_op_done(s, op);
}

static struct verdict draft_proposal(struct signer *s, struct op *op, const struct propose_request *r,
				     struct buf *bytes)
{
	scoped_buf content = { .max = MAX_CONTENT };
	struct act act = { 0 };
	struct verdict v = r->verb == INNER_CERT_SIGN || r->verb == INNER_CA_SELF
				   ? certify_propose(s, op, r->verb, r->body, &content, &act.kind)
			   : r->verb == INNER_CA_IMPORT ? import_propose(s, r->body, &content, &act.kind)
							: refused(REFUSE_PROPOSAL_VERB, "verb");
	act.content = buf_slice(&content);
	if (!v.code)
		v = act_verdict(s, &act);
	if (v.code)
		return v;
	proposal_write(s, &act, bytes);
	if (!buf_ok(&content) || !buf_ok(bytes))
		return refused(REFUSE_TBS_TOO_LARGE, "body");
	int opened = proposals_open(&s->proposals, buf_slice(bytes), time_now());
	return refused(opened < 0 ? REFUSE_PROPOSAL_VERB : (uint16_t)opened, "body");
}

int answer_propose(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct propose_request r;
	const char *where;
	if (answer_propose_get(f->body, &r, &where) != PACK_OK)
		return -1;
	struct op *op = request_begin(s, peer, f, r.request_id);
	if (!op)
		return 0;
	scoped_buf bytes = { .max = MAX_PROPOSAL };
	struct verdict v = draft_proposal(s, op, &r, &bytes);
	if (v.code) {
		request_refuse(s, op, v.code, v.field);
		return 0;
	}
	struct proposed_record record = { .bytes = buf_slice(&bytes), .context = r.context };
	request_stamp(op, record.request_id, record.request_hash);
	record_proposed_put(op_record(op, RECORD_PROPOSED), &record);
	signer_journal(s, op, propose_done);
	return 0;
}

void reply_approved(struct signer *s, uint64_t peer, uint64_t tag, uint64_t seq,
		    const uint8_t proposal[PROPOSAL_ID_SIZE])
{
	uint16_t code;
	struct buf *out = guard_out(s->guard, peer);
	const struct open_proposal *o = proposals_find(&s->proposals, proposal, time_now(), &code);
	struct approve_reply r = { .ledger_seq = seq };
	if (!out)
		return;
	if (o) {
		r.count = signers_count(s, o, ROLE_APPROVER);
		r.needed = needed_of(s, o);
	}
	answer_approve_put(out, tag, &r);
	guard_send(s->guard, peer);
}

static void approve_done(struct signer *s, struct op *op)
{
	struct approved_record r;
	if (op->trouble != OP_FINE || record_approved_get(buf_slice(&op->records[0].body), &r) != PACK_OK) {
		request_refuse(s, op, REFUSE_LEDGER_FAILED, NULL);
		return;
	}
	uint16_t code;
	struct open_proposal *o = proposals_find(&s->proposals, r.proposal, 0, &code);
	if (o)
		proposal_recorded(o, r.key);
	request_concluded(s, op, op->records[0].seq);
	reply_approved(s, op->peer, op->tag, op->records[0].seq, r.proposal);
	signer_op_done(s, op);
}

struct verdict approval_verdict(struct signer *s, struct open_proposal *o, uint8_t role, const uint8_t key[HASH_SIZE],
				struct slice signature, const struct approver **who)
{
	*who = approvers_find(&s->config.approvers, role, key);
	if (role >= ROLES)
		return refused(REFUSE_APPROVAL_ROLE, "role");
	if (!*who)
		return refused(REFUSE_APPROVER_UNKNOWN, "key");
	if (!proposal_signed(buf_slice(&(*who)->public_key), buf_slice(&o->bytes), signature))
		return refused(REFUSE_APPROVAL_WRONG, "signature");
	return refused(proposal_sign(o, role, key), "key");
}

int answer_approve(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct approve_request r;
	const struct approver *who;
	const char *where;
	uint16_t code = 0;
	if (answer_approve_get(f->body, &r, &where) != PACK_OK)
		return -1;
	struct op *op = request_begin(s, peer, f, r.request_id);
	if (!op)
		return 0;
	struct open_proposal *o = proposals_find(&s->proposals, r.proposal, time_now(), &code);
	if (!o) {
		request_refuse(s, op, code, "proposal");
		return 0;
	}
	struct verdict v = approval_verdict(s, o, r.role, r.key, r.signature, &who);
	if (v.code) {
		request_refuse(s, op, v.code, v.field);
		return 0;
	}
	struct approved_record record = { .role = r.role,
					  .public_key = buf_slice(&who->public_key),
					  .signature = r.signature,
					  .context = r.context };
	memcpy(record.proposal, r.proposal, PROPOSAL_ID_SIZE);
	memcpy(record.key, r.key, HASH_SIZE);
	request_stamp(op, record.request_id, record.request_hash);
	record_approved_put(op_record(op, RECORD_APPROVED), &record);
	signer_journal(s, op, approve_done);
	return 0;
}

int answer_withdraw(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct withdraw_request r;
	const char *where;
	uint16_t code;
	if (answer_withdraw_get(f->body, &r, &where) != PACK_OK)
		return -1;
	struct op *op = request_begin(s, peer, f, r.request_id);
	if (!op)
		return 0;
	struct open_proposal *o = proposals_find(&s->proposals, r.proposal, time_now(), &code);
	if (!o || o->held) {
		request_refuse(s, op, o ? REFUSE_PROPOSAL_SPENT : code, "proposal");
		return 0;
	}
	struct withdrawn_record record = { .context = r.context };
	memcpy(record.proposal, r.proposal, PROPOSAL_ID_SIZE);
	request_stamp(op, record.request_id, record.request_hash);
	record_withdrawn_put(op_record(op, RECORD_WITHDRAWN), &record);
	proposals_close(&s->proposals, r.proposal, REFUSE_PROPOSAL_WITHDRAWN);
	signer_journal(s, op, request_single_done);
	return 0;
}

int answer_approvers_read(struct signer *s, uint64_t peer, const struct frame *f)
{
	const struct approvers *a = &s->config.approvers;
	struct buf *out = guard_out(s->guard, peer);
	scoped_buf raw = { .max = 65536 };
	uint16_t count = 0;
	for (uint8_t role = 0; role < ROLES; role++)
		for (size_t i = 0; i < a->count[role]; i++) {
			struct approver_report one = { .name = slice_text(a->all[role][i].name),
						       .public_key = buf_slice(&a->all[role][i].public_key) };
			memcpy(one.key, a->all[role][i].hash, HASH_SIZE);
			report_approver_put(&raw, &count, role, &one);
		}
	const struct approvers_read_reply reply = { .epoch = s->proposals.epoch,
						    .lifetime = a->lifetime,
						    .new_ca = a->needed[PROPOSAL_CA],
						    .new_root = a->needed[PROPOSAL_ROOT],
						    .subca_foreign = a->needed[PROPOSAL_SUBCA_FOREIGN],
						    .import_root = a->needed[PROPOSAL_IMPORT],
						    .resume = a->needed[PROPOSAL_RESUME],
						    .epoch_needed = a->needed[PROPOSAL_EPOCH],
						    .keys = list_of(&raw, count) };
	if (out)
		answer_approvers_read_put(out, f->tag, &reply);
	return 0;
}

static int take_proposed(struct signer *s, const struct record *r)
{
	struct proposed_record proposed;
	return record_proposed_get(r->body, &proposed) == PACK_OK &&
			       proposals_open(&s->proposals, proposed.bytes, r->time / 1000) == 0
		       ? 0
		       : -1;
}

/* Its signature was verified when it was written; whether its key counts is asked when the proposal is spent. */
static int take_approved(struct signer *s, const struct record *r)
{
	struct approved_record approved;
	uint16_t code;
	if (record_approved_get(r->body, &approved) != PACK_OK)
		return -1;
	struct open_proposal *o = proposals_find(&s->proposals, approved.proposal, 0, &code);
	if (o && proposal_sign(o, approved.role, approved.key) == 0)
		proposal_recorded(o, approved.key);
	return 0;
}

int approve_take(struct signer *s, const struct record *r)
{
	struct withdrawn_record withdrawn;
	struct spent_record spent;
	struct epoch_record epoch;
	switch (r->type) {
	case RECORD_PROPOSED:
		return take_proposed(s, r);
	case RECORD_APPROVED:
		return take_approved(s, r);
	case RECORD_WITHDRAWN:
		if (record_withdrawn_get(r->body, &withdrawn) != PACK_OK)
			return -1;
		proposals_close(&s->proposals, withdrawn.proposal, REFUSE_PROPOSAL_WITHDRAWN);
		return 0;
	case RECORD_SPENT:
		if (record_spent_get(r->body, &spent) != PACK_OK)
			return -1;
		proposals_close(&s->proposals, spent.proposal, REFUSE_PROPOSAL_SPENT);
		return 0;
	case RECORD_EPOCH:
		if (record_epoch_get(r->body, &epoch) != PACK_OK || epoch.number <= s->proposals.epoch)
			return -1;
		proposals_epoch(&s->proposals, epoch.number, epoch.size);
		return 0;
	}
	return -1;
}
