#include "signd/op.h"

#include <stdlib.h>

#include "ledger/record.h"

struct op *op_new(void)
{
	struct op *op = calloc(1, sizeof(*op));
	if (!op)
		return NULL;
	buf_init(&op->message, MAX_RECORD_BODY);
	buf_init(&op->raw, 4096);
	buf_init(&op->dropped, 4096);
	buf_init(&op->signature, 4096);
	buf_init(&op->charter, MAX_RECORD_BODY);
	buf_init(&op->note, 4096);
	for (size_t i = 0; i < MAX_OP_RECORDS; i++)
		buf_init(&op->records[i].body, MAX_RECORD_BODY);
	return op;
}

void op_free(struct op *op)
{
	if (!op)
		return;
	buf_free(&op->message);
	buf_free(&op->raw);
	buf_free(&op->dropped);
	buf_free(&op->signature);
	buf_free(&op->charter);
	buf_free(&op->note);
	for (size_t i = 0; i < MAX_OP_RECORDS; i++)
		buf_free(&op->records[i].body);
	if (op->work_free)
		op->work_free(op->work);
	free(op);
}

void op_cleanup(struct op **op)
{
	op_free(*op);
}

struct buf *op_record(struct op *op, uint8_t type)
{
	if (op->record_count == MAX_OP_RECORDS)
		abort();
	struct staged *r = &op->records[op->record_count++];
	r->type = type;
	r->follows = false;
	buf_clear(&r->body);
	return &r->body;
}
