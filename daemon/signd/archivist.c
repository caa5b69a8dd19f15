#include "signd/archivist.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/time.h"
#include "ledger/snapshot.h"
#include "signd/restore.h"
#include "signd/signer.h"
#include "signd/slot.h"

#define READ_SIZE 262144
#define MAX_ROUND 65536 /* records between two snapshots: a ledger that has none yet is taken in bites */

struct archivist {
	char folder[PATH_MAX];
	const struct signer *like; /* its configuration and the names of its slots, which never change */
	struct inbox *back;
	struct journal *journal;
	struct op_queue *queue;
	pthread_t thread;
	/* The loop's. */
	bool busy;
	int64_t next; /* boot milliseconds */
	/* The thread's. */
	uint64_t size;		/* of the last snapshot; */
	uint64_t to;		/* of the one that is made, */
	struct buf file;	/* its bytes, */
	struct checkpoint head; /* what its note says, */
	bool more;		/* and whether as many records follow it */
};

/* What a round works with. */
struct round {
	struct ledger_reader *reader;
	struct state *state;
	struct snapshot snapshot;
	uint64_t segment; /* the first record of the segment that the round ends in */
};

static void round_end(struct round *r)
{
	state_free(r->state);
	ledger_reader_close(r->reader);
}

/* The last snapshot's tree and state, or those of no records. */
static int round_begin(struct archivist *a, struct round *r)
{
	scoped_buf file = { .max = MAX_SNAPSHOT };
	scoped_fd int folder = open(a->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r->state = ledger_reader_open(a->folder, &r->reader) == 0 ? state_new(a->like, r->reader) : NULL;
	merkle_init(&r->snapshot.tree);
	merkle_init(&r->snapshot.segment);
	if (!r->state || a->size == 0)
		return r->state ? 0 : -1;
	if (snapshot_load(folder, a->size, &file) != 0 ||
	    snapshot_get(buf_slice(&file), a->like->config.ledger_id, buf_slice(&a->like->log_key->public_key),
			 &r->snapshot) != 0 ||
	    r->snapshot.state_version != STATE_VERSION || state_get(r->state, r->snapshot.state) != 0) {
		log_warning("snapshot_lost", "size=%llu", (unsigned long long)a->size);
		a->size = 0; /* from the beginning, in the next round */
		return -1;
	}
	return 0;
}

/* The first record that is too young, by halving: times never go back. */
static int round_aim(struct archivist *a, struct round *r, uint64_t head, int64_t before)
{
	scoped_buf bytes = { .max = MAX_RECORD + 4096 };
	struct record record;
	uint64_t low = a->size, high = head;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (ledger_read(r->reader, middle, &bytes, &record) != 0)
			return -1;
		if (record.time < before)
			low = middle + 1;
		else
			high = middle;
	}
	a->more = low - a->size > MAX_ROUND;
	a->to = a->more ? a->size + MAX_ROUND : low;
	return a->to == a->size ? 1 : ledger_reader_segment(r->reader, a->to - 1, &r->segment);
}

static int round_take(struct round *r, struct slice records)
{
	struct record record;
	size_t size;
	uint8_t hash[HASH_SIZE];
	for (; records.len; records = (struct slice){ records.at + size, records.len - size }) {
		if (record_peek(records, &record, &size, hash) != RECORD_WHOLE || state_take(r->state, &record) != 0)
			return -1;
		if (record.seq == r->segment)
			r->snapshot.segment = r->snapshot.tree;
		merkle_append(&r->snapshot.tree, hash);
		r->snapshot.last_time = record.time;
	}
	return 0;
}

static int round_read(struct archivist *a, struct round *r)
{
	scoped_buf range = { .max = READ_SIZE + 2 * MAX_RECORD };
	while (r->snapshot.tree.size < a->to) {
		buf_clear(&range);
		if (ledger_read_range(r->reader, r->snapshot.tree.size, a->to, READ_SIZE, &range) != 0 ||
		    round_take(r, buf_slice(&range)) != 0)
			return -1;
	}
	return 0;
}

static int round_write(struct archivist *a, struct round *r, struct op *op)
{
	scoped_buf state = { .max = MAX_SNAPSHOT };
	state_put(r->state, &state);
	r->snapshot.state_version = STATE_VERSION;
	r->snapshot.state = buf_slice(&state);
	memcpy(r->snapshot.ledger_id, a->like->config.ledger_id, LEDGER_ID_SIZE);
	buf_clear(&a->file);
	snapshot_put(&r->snapshot, &a->file);
	if (!buf_ok(&state) || !buf_ok(&a->file))
		return -1;
	snapshot_head(&r->snapshot, buf_slice(&a->file), &a->head);
	checkpoint_text(&a->head, &op->message);
	return 0;
}

/* What is to be signed goes to op->message; that stays empty if there is nothing to do. */
static void snapshot_make(struct archivist *a, struct op *op)
{
	__attribute__((cleanup(round_end))) struct round r = { .reader = NULL };
	struct journal_head head;
	journal_head(a->journal, &head);
	int state = round_begin(a, &r);
	if (!state)
		state = round_aim(a, &r, head.size, time_now_ms() - STATE_LAG_MS);
	if (!state)
		state = round_read(a, &r) != 0 || round_write(a, &r, op) != 0 ? -1 : 0;
	if (state < 0)
		log_warning("snapshot_failed", "size=%llu", (unsigned long long)a->to);
}

static void snapshot_keep(struct archivist *a, struct op *op)
{
	buf_put_slice(&a->file, buf_slice(&op->note));
	if (buf_ok(&a->file) && snapshot_store(a->folder, a->to, buf_slice(&a->file)) == 0) {
		log_info("snapshot", "size=%llu bytes=%zu", (unsigned long long)a->to, a->file.len);
		a->size = a->to;
	}
	buf_free(&a->file);
}

static void *archivist_run(void *of)
{
	struct archivist *a = of;
	struct op_chain ops;
	while ((ops = op_queue_take(a->queue, 1)).first) {
		struct op *op = ops.first;
		if (op->note.len)
			snapshot_keep(a, op);
		else
			snapshot_make(a, op);
		inbox_post(a->back, &ops);
	}
	return NULL;
}

static void round_over(struct signer *s, struct op *op)
{
	struct archivist *a = s->archivist;
	bool more = op->note.len && a->more; /* the thread waits: its fields are at rest */
	a->busy = false;
	a->next = time_boot_ms() + (more ? 0 : s->config.snapshot_ms);
	if (op->trouble != OP_FINE)
		log_warning("snapshot_unsigned", "trouble=%d", op->trouble);
	signer_op_done(s, op);
}

static void hand_over(struct archivist *a, struct op *op, void (*then)(struct signer *s, struct op *op))
{
	struct op_chain chain = { NULL, NULL };
	op->then = then;
	chain_put(&chain, op);
	op_queue_put(a->queue, &chain, true);
}

static void snapshot_verified(struct signer *s, struct op *op)
{
	if (op->trouble != OP_FINE) {
		round_over(s, op);
		return;
	}
	checkpoint_note(&s->archivist->head, buf_slice(&s->log_key->public_key), buf_slice(&op->signature), &op->note);
	hand_over(s->archivist, op, round_over);
}

static void snapshot_signed(struct signer *s, struct op *op)
{
	if (op->trouble != OP_FINE)
		round_over(s, op);
	else
		signer_verify(s, op, snapshot_verified);
}

static void snapshot_made(struct signer *s, struct op *op)
{
	if (op->message.len == 0 || !slot_ready(s->log_key->slot)) {
		round_over(s, op);
		return;
	}
	op->key = s->log_key;
	op->then = snapshot_signed;
	slot_sign(s->log_key->slot, op);
}

void archivist_tick(struct signer *s)
{
	struct archivist *a = s->archivist;
	if (a->busy || time_boot_ms() < a->next || !slot_ready(s->log_key->slot) || s->checkpoint.size == 0 ||
	    latch_any(s))
		return;
	struct op *op = signer_op(s, 0, 0, 0);
	if (!op)
		return;
	a->busy = true;
	hand_over(a, op, snapshot_made);
}

int archivist_start(struct signer *s, const char *folder, uint64_t from, struct archivist **out)
{
	struct archivist *a = calloc(1, sizeof(*a));
	*out = a;
	if (!a || !(a->queue = op_queue_new()))
		return -1;
	snprintf(a->folder, sizeof(a->folder), "%s", folder);
	a->like = s;
	a->back = s->inbox;
	a->journal = s->journal;
	a->size = from;
	buf_init(&a->file, MAX_SNAPSHOT);
	if (pthread_create(&a->thread, NULL, archivist_run, a) == 0)
		return 0;
	log_error("thread_failed", "of=archivist");
	op_queue_free(a->queue);
	free(a);
	*out = NULL;
	return -1;
}

void archivist_stop(struct archivist *a)
{
	op_queue_close(a->queue);
	pthread_join(a->thread, NULL);
	op_queue_free(a->queue);
	buf_free(&a->file);
	free(a);
}
