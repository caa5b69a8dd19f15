#include "frontd/note.h"

#include <string.h>

#include "frontd/answer.h"

int note_take(struct front *f, struct call *c, const uint8_t request_id[16], const struct context_words *words,
	      struct signer_hold *hold, uint64_t *noted)
{
	scoped_buf context = { .max = MAX_CONTEXT };
	struct note_request request = { .kind = NOTE_OTHER };
	struct note_reply reply;
	scoped_answer answer = { 0 };
	if (context_put(&context, c, words))
		return -1;
	request.context = buf_slice(&context);
	if (request_id)
		memcpy(request.request_id, request_id, sizeof(request.request_id));
	else
		signer_request_id(request.request_id);
	signer_hold(f->signer, hold);
	enum signer_result r = signer_note(f->signer, &request, &reply, &answer);
	signer_settle_failed(hold, r, &answer);
	if (r)
		return answer_signer(c, r, &answer);
	*noted = reply.ledger_seq;
	return 0;
}
