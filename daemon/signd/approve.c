#include "signd/approve.h"

#include "signd/guard.h"
#include "signd/signer.h"
#include "wire/inner_answer.h"

static int none(struct signer *s, uint64_t peer, const struct frame *f, uint16_t code)
{
	guard_refuse(s->guard, peer, f->verb, f->tag, code, NULL, 0);
	return 0;
}

int answer_propose(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct propose_request r;
	const char *where;
	return answer_propose_get(f->body, &r, &where) != PACK_OK ? -1 : none(s, peer, f, REFUSE_APPROVAL_NOT_NEEDED);
}

int answer_approve(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct approve_request r;
	const char *where;
	return answer_approve_get(f->body, &r, &where) != PACK_OK ? -1 : none(s, peer, f, REFUSE_PROPOSAL_UNKNOWN);
}

int answer_withdraw(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct withdraw_request r;
	const char *where;
	return answer_withdraw_get(f->body, &r, &where) != PACK_OK ? -1 : none(s, peer, f, REFUSE_PROPOSAL_UNKNOWN);
}

int answer_approvers_read(struct signer *s, uint64_t peer, const struct frame *f)
{
	const struct approvers_read_reply reply = { .epoch = 1 };
	struct buf *out = guard_out(s->guard, peer);
	if (out)
		answer_approvers_read_put(out, f->tag, &reply);
	return 0;
}
