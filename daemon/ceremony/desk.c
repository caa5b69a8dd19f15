#include "ceremony/desk.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "signd/guard.h"
#include "signd/serve.h"
#include "signd/slot.h"
#include "wire/inner_answer.h"
#include "wire/inner_ask.h"

#define PEER 1
#define MAX_ANSWER (FRAME_HEAD + MAX_FRAME_BODY)

/* The one peer's side of it. */
struct guard {
	struct signer *signer;
	struct buf out;
	int came, goes;
};

static struct guard desk = { .came = -1, .goes = -1 };
static struct watch signals = { .fd = -1 };

int guard_start(struct signer *s, struct guard **out)
{
	desk.signer = s;
	buf_init(&desk.out, MAX_ANSWER);
	*out = &desk;
	return 0;
}

void guard_stop(struct guard *g)
{
	if (!g)
		return;
	buf_free(&g->out);
	fd_close(&g->came);
	fd_close(&g->goes);
}

bool guard_is_front(struct guard *g, uint64_t peer)
{
	(void)g;
	return peer == PEER;
}

struct buf *guard_out(struct guard *g, uint64_t peer)
{
	return peer == PEER ? &g->out : NULL;
}

void guard_send(struct guard *g, uint64_t peer)
{
	if (peer == PEER)
		loop_stop(g->signer->loop);
}

void guard_flush(struct guard *g)
{
	(void)g;
}

void guard_hang_up(struct guard *g)
{
	(void)g;
}

int guard_passed(struct guard *g, uint64_t peer)
{
	return peer == PEER ? fd_take(&g->came) : -1;
}

bool guard_pass(struct guard *g, uint64_t peer, int fd)
{
	fd_close(&g->goes);
	g->goes = fd;
	return peer == PEER;
}

void guard_refuse(struct guard *g, uint64_t peer, uint16_t verb, uint64_t tag, uint16_t code, const char *field,
		  uint32_t retry_after)
{
	struct refusal_message r = { code, retry_after, slice_text(field), slice_text(inner_refusal_sentence(code)) };
	if (peer != PEER)
		return;
	tally_refusal(g->signer, getuid(), verb, code);
	refusal_put(&g->out, verb, tag, &r);
	guard_send(g, peer);
}

/* From here on a keyboard's interrupt ends the program again: what is on the ledger is found at the next start. */
static void signals_give_back(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int desk_open(struct signer *s, const char *out)
{
	host_read(s->config.machine_id, s->config.ledger_id, &s->host);
	if (serve_limit(&s->config, out) != 0 || serve_begin(s, &signals) != 0)
		return -1;
	signals_give_back();
	return 0;
}

void desk_close(struct signer *s)
{
	if (s->journal) {
		tally_flush(s);
		signer_hand_over(s);
	}
	serve_end(s);
	fd_close(&signals.fd);
}

struct waiting {
	struct signer *signer;
	bool (*done)(const struct waiting *w);
	const struct op *op;
	int64_t until;
};

static void wait_tick(void *of)
{
	struct waiting *w = of;
	serve_tick(w->signer);
	if (w->done(w) || time_boot_ms() > w->until)
		loop_stop(w->signer->loop);
}

static bool token_there(const struct waiting *w)
{
	return slot_ready(w->signer->slots[0]);
}

bool desk_token(struct signer *s, int64_t patience_ms)
{
	struct waiting w = { s, token_there, NULL, time_boot_ms() + patience_ms };
	loop_run(s->loop, TICK_MS, wait_tick, &w);
	return token_there(&w);
}

int desk_ask_with(struct signer *s, struct buf *request, int *fd, struct slice *body)
{
	struct frame f, answer;
	struct refusal_message refusal;
	buf_clear(&desk.out);
	desk.came = fd ? fd_take(fd) : -1;
	if (!buf_ok(request) || frame_peek(buf_slice(request), &f) != FRAME_WHOLE || answer_request(s, PEER, &f) != 0)
		return -1;
	if (!desk.out.len)
		loop_run(s->loop, TICK_MS, serve_tick, s);
	fd_close(&desk.came);
	if (frame_peek(buf_slice(&desk.out), &answer) != FRAME_WHOLE)
		return -1;
	*body = answer.body;
	if (fd)
		*fd = fd_take(&desk.goes);
	if (answer.kind == FRAME_REPLY)
		return 0;
	if (refusal_get(answer.body, &refusal) != PACK_OK)
		return -1;
	*body = refusal.field;
	return refusal.code;
}

int desk_ask(struct signer *s, struct buf *request, struct slice *body)
{
	return desk_ask_with(s, request, NULL, body);
}

static void record_back(struct signer *s, struct op *op)
{
	op->then = NULL; /* it is back */
	loop_stop(s->loop);
}

static bool op_back(const struct waiting *w)
{
	return !w->op->then;
}

int desk_record(struct signer *s, uint8_t type, struct slice body, uint64_t *seq)
{
	struct op *op = signer_op(s, 0, 0, 0);
	if (!op)
		return -1;
	buf_put_slice(op_record(op, type), body);
	signer_journal(s, op, record_back);
	struct waiting w = { s, op_back, op, INT64_MAX };
	loop_run(s->loop, TICK_MS, wait_tick, &w);
	int r = op->trouble == OP_FINE ? 0 : -1;
	*seq = op->records[0].seq;
	signer_op_done(s, op);
	return r;
}

int desk_checkpoint(struct signer *s, struct buf *note)
{
	scoped_buf request = { .max = 1024 };
	struct checkpoint_request r;
	struct checkpoint_reply reply;
	struct slice body;
	const char *where;
	memset(&r, 0, sizeof(r));
	ask_checkpoint_put(&request, 1, &r);
	if (desk_ask(s, &request, &body) != 0 || ask_checkpoint_get(body, &reply, &where) != PACK_OK)
		return -1;
	buf_clear(note);
	buf_put_slice(note, reply.note);
	return buf_ok(note) ? 0 : -1;
}

void desk_id(uint8_t id[REQUEST_ID_SIZE])
{
	uint64_t ms = (uint64_t)time_now_ms();
	random_bytes(id, REQUEST_ID_SIZE);
	for (int i = 0; i < 6; i++)
		id[i] = (uint8_t)(ms >> (40 - 8 * i));
}
