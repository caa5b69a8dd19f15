#include "cli/beside.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "cli/verify.h"

#define DESCRIBED "Snapshot %016" PRIx64 ".snap "

const char *beside_state_text(enum beside_state state)
{
	return state == BESIDE_FINE ? "fine" : state == BESIDE_DAMAGED ? "damaged" : "can't be told";
}

void beside_free(struct beside *b)
{
	free(b->snapshots);
	b->snapshots = NULL;
	b->count = 0;
}

static void snapshot_peek(int folder, uint64_t size, struct beside_snapshot *out)
{
	scoped_buf bytes = { .max = MAX_SNAPSHOT };
	struct snapshot s;
	out->named = size;
	out->parsed = snapshot_load(folder, size, &bytes) == 0 && snapshot_parse(buf_slice(&bytes), &s) == 0;
	if (!out->parsed)
		return;
	out->tree = s.tree;
	out->segment = s.segment;
}

static void size_want(struct beside *b, uint64_t size)
{
	b->sizes[b->size_count++] = size;
}

int beside_read(struct verification *v, struct beside *b)
{
	uint64_t sizes[MAX_BESIDE];
	scoped_fd int folder = open(v->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return books_unreadable(v->c, v->folder);
	int state = head_read(folder, "head", &b->head);
	b->head_there = state <= 0;
	b->head_state = state < 0 ? BESIDE_DAMAGED : BESIDE_UNKNOWN;
	if (state == 0)
		size_want(b, b->head.size);
	b->count = snapshot_list(folder, sizes, MAX_BESIDE);
	b->snapshots = calloc(b->count + 1, sizeof(*b->snapshots));
	if (!b->snapshots)
		return problem_tell(v->c, CLI_BROKEN, (struct problem){ .code = "internal" }, "out of memory.");
	for (size_t i = 0; i < b->count; i++) {
		snapshot_peek(folder, sizes[i], &b->snapshots[i]);
		if (!b->snapshots[i].parsed)
			continue;
		size_want(b, b->snapshots[i].tree.size);
		size_want(b, b->snapshots[i].segment.size);
	}
	return CLI_DONE;
}

static bool root_is(const struct inspection_mark *m, const uint8_t root[HASH_SIZE])
{
	return memcmp(m->root, root, HASH_SIZE) == 0;
}

static void head_judge(struct verification *v, struct beside *b)
{
	if (b->head_state == BESIDE_DAMAGED) {
		verification_find(v, false, "head_file_form",
				  "The file head says no size and no root: nobody can tell from it whether the end "
				  "was cut off.");
		return;
	}
	const struct inspection_mark *m = heads_find_mark(&v->heads, b->head.size);
	if (b->head.size > v->inspection.size)
		verification_find(v, true, "head_file_ahead",
				  "The file head was written with %" PRIu64 " records and there are %" PRIu64
				  ": the end was cut off, or this is an older copy.",
				  b->head.size, v->inspection.size);
	else if (m && m->reached && !root_is(m, b->head.root))
		verification_find(v, true, "head_file_root",
				  "The file head names another tree over the first %" PRIu64
				  " records: one of them was rewritten, or the file was.",
				  b->head.size);
	if (m && m->reached)
		b->head_state = root_is(m, b->head.root) ? BESIDE_FINE : BESIDE_DAMAGED;
	else if (b->head.size > v->inspection.size)
		b->head_state = BESIDE_DAMAGED;
}

/* 0: signed; positive: not; negative: it isn't there any more. */
static int snapshot_signed(const struct verification *v, const struct beside_snapshot *s)
{
	scoped_buf bytes = { .max = MAX_SNAPSHOT };
	struct snapshot again;
	scoped_fd int folder = open(v->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 || snapshot_load(folder, s->named, &bytes) != 0)
		return -1;
	return snapshot_get(buf_slice(&bytes), v->inspection.ledger_id, buf_slice(&v->key), &again);
}

static const char *snapshot_fault(const struct verification *v, const struct beside_snapshot *s, bool *gone)
{
	if (!s->parsed)
		return "is none: its form is broken, or the file was cut";
	if (s->tree.size != s->named)
		return "is of another number of records than its name says";
	int state = v->key.len ? snapshot_signed(v, s) : -1;
	*gone = state < 0;
	return state > 0 ? "isn't as the log key signed it for this ledger" : NULL;
}

static void snapshot_judge(struct verification *v, struct beside_snapshot *s)
{
	bool gone = false;
	uint8_t root[HASH_SIZE], segment[HASH_SIZE];
	const char *fault = snapshot_fault(v, s, &gone);
	if (fault) {
		s->state = BESIDE_DAMAGED;
		verification_find(v, false, "snapshot_damaged",
				  DESCRIBED "%s: a start passes over it, and reads the records instead.", s->named,
				  fault);
		return;
	}
	const struct inspection_mark *m = heads_find_mark(&v->heads, s->tree.size);
	const struct inspection_mark *before = heads_find_mark(&v->heads, s->segment.size);
	if (gone || !m || !before)
		return;
	merkle_root(&s->tree, root);
	merkle_root(&s->segment, segment);
	s->state = BESIDE_DAMAGED;
	if (s->tree.size > v->inspection.size)
		verification_find(v, true, "snapshot_ahead",
				  DESCRIBED "was signed over %" PRIu64 " records and there are %" PRIu64
					    ": the end was cut off, or this is an older copy.",
				  s->named, s->tree.size, v->inspection.size);
	else if (m->reached && before->reached && root_is(m, root) && root_is(before, segment))
		s->state = BESIDE_FINE;
	else if (m->reached && before->reached)
		verification_find(v, true, "snapshot_root",
				  DESCRIBED "was signed over another tree: one of the first %" PRIu64
					    " records was rewritten after that, with every hash that depends on it.",
				  s->named, s->tree.size);
	else
		s->state = BESIDE_UNKNOWN;
}

void beside_judge(struct verification *v, struct beside *b)
{
	size_t fine = 0;
	if (b->head_there)
		head_judge(v, b);
	for (size_t i = 0; i < b->count; i++) {
		snapshot_judge(v, &b->snapshots[i]);
		fine += b->snapshots[i].state == BESIDE_FINE;
	}
	if (v->inspection.archived_count && !fine && v->inspection.tree_whole)
		verification_find(v, false, "snapshot_missing",
				  "Segments are archived, and no good snapshot spares reading them: the signer can't "
				  "start until they are put back.");
}
