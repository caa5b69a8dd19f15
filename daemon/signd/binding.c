#include "signd/binding.h"

#include <string.h>

#include "base/log.h"
#include "ledger/record.h"
#include "signd/renewal.h"

static struct responder_bound_record responder_of(const struct op *op)
{
	struct responder_bound_record r = { .cert = op->intent,
					    .not_before = op->not_before,
					    .not_after = op->not_after };
	memcpy(r.key_id, op->subject->id, KEY_ID_SIZE);
	memcpy(r.ca_key, op->key->id, KEY_ID_SIZE);
	return r;
}

static void record_new(struct op *op)
{
	struct key_bound_record bound = { .cert = op->intent,
					  .not_before = op->not_before,
					  .not_after = op->not_after,
					  .charter = buf_slice(&op->charter) };
	memcpy(bound.key_id, op->subject->id, KEY_ID_SIZE);
	record_key_bound_put(op_record(op, RECORD_KEY_BOUND), &bound);
}

static void record_renewed(struct op *op)
{
	struct key_renewed_record renewed = { .cert = op->intent,
					      .not_before = op->not_before,
					      .not_after = op->not_after };
	memcpy(renewed.key_id, op->subject->id, KEY_ID_SIZE);
	record_key_renewed_put(op_record(op, RECORD_KEY_RENEWED), &renewed);
}

void binding_record(struct op *op)
{
	struct responder_bound_record responder;
	switch ((enum binding)op->binding) {
	case BINDS_NEW:
		record_new(op);
		break;
	case BINDS_RENEWED:
		record_renewed(op);
		break;
	case BINDS_RESPONDER:
		responder = responder_of(op);
		record_responder_bound_put(op_record(op, RECORD_RESPONDER_BOUND), &responder);
		break;
	case BINDS_NOTHING:
		break;
	}
}

void binding_hold(struct op *op)
{
	struct responder_bound_record responder;
	int failed = 0;
	switch ((enum binding)op->binding) {
	case BINDS_NEW:
		failed = key_bind(op->subject, buf_slice(&op->charter), op->not_before, op->not_after);
		break;
	case BINDS_RENEWED:
		key_renew(op->subject, op->not_before, op->not_after);
		break;
	case BINDS_RESPONDER:
		responder = responder_of(op);
		failed = key_respond(op->subject, &responder, op->records[1].seq);
		break;
	case BINDS_NOTHING:
		key_unreserve(op->subject);
		break;
	}
	if (failed)
		log_error("binding_failed", "intent=%llu", (unsigned long long)op->intent);
}
