#include "signd/proposals.h"

#include <stdlib.h>
#include <string.h>

static void open_free(struct open_proposal *o)
{
	if (o)
		buf_free(&o->bytes);
	free(o);
}

void proposals_free(struct proposals *p)
{
	for (size_t i = 0; i < p->count; i++)
		open_free(p->all[i]);
	memset(p, 0, sizeof(*p));
}

static void closed_note(struct proposals *p, const uint8_t id[PROPOSAL_ID_SIZE], uint16_t code)
{
	size_t at = p->closed_count++ % MAX_CLOSED;
	memcpy(p->closed[at].id, id, PROPOSAL_ID_SIZE);
	p->closed[at].code = code;
}

static uint16_t closed_code(const struct proposals *p, const uint8_t id[PROPOSAL_ID_SIZE])
{
	size_t kept = p->closed_count < MAX_CLOSED ? p->closed_count : MAX_CLOSED;
	for (size_t i = 1; i <= kept; i++) { /* the newest word first */
		size_t at = (p->closed_count - i) % MAX_CLOSED;
		if (memcmp(p->closed[at].id, id, PROPOSAL_ID_SIZE) == 0)
			return p->closed[at].code;
	}
	uint32_t epoch = proposal_epoch(id);
	return epoch && epoch < p->epoch ? REFUSE_PROPOSAL_EPOCH : REFUSE_PROPOSAL_UNKNOWN;
}

static void remove_at(struct proposals *p, size_t i, uint16_t code)
{
	struct open_proposal *o = p->all[i];
	closed_note(p, o->says.id, code);
	p->all[i] = p->all[--p->count];
	open_free(o);
}

/* Those that have expired leave, so that they take nobody's place. */
static void expire(struct proposals *p, int64_t now)
{
	for (size_t i = p->count; i-- > 0;)
		if (p->all[i]->says.expires <= now)
			remove_at(p, i, REFUSE_PROPOSAL_EXPIRED);
}

static size_t index_of(const struct proposals *p, const uint8_t id[PROPOSAL_ID_SIZE])
{
	size_t i = 0;
	while (i < p->count && memcmp(p->all[i]->says.id, id, PROPOSAL_ID_SIZE) != 0)
		i++;
	return i;
}

int proposals_open(struct proposals *p, struct slice bytes, int64_t now)
{
	expire(p, now);
	if (p->count == MAX_PROPOSALS + MAX_ROOTS_PROPOSALS)
		return REFUSE_PROPOSALS_FULL;
	struct open_proposal *o = calloc(1, sizeof(*o));
	if (!o)
		return -1;
	buf_init(&o->bytes, MAX_PROPOSAL);
	buf_put_slice(&o->bytes, bytes);
	if (!buf_ok(&o->bytes) || proposal_get(buf_slice(&o->bytes), &o->says) != 0 || o->says.epoch != p->epoch ||
	    index_of(p, o->says.id) < p->count) {
		open_free(o);
		return -1;
	}
	if (p->count >= MAX_PROPOSALS && o->says.kind < PROPOSAL_RESUME) {
		open_free(o);
		return REFUSE_PROPOSALS_FULL;
	}
	p->all[p->count++] = o;
	return 0;
}

struct open_proposal *proposals_find(struct proposals *p, const uint8_t id[PROPOSAL_ID_SIZE], int64_t now,
				     uint16_t *code)
{
	size_t i = index_of(p, id);
	if (i < p->count && p->all[i]->says.expires <= now) {
		*code = REFUSE_PROPOSAL_EXPIRED;
		return NULL;
	}
	if (i < p->count)
		return p->all[i];
	*code = closed_code(p, id);
	return NULL;
}

uint16_t proposal_sign(struct open_proposal *o, uint8_t role, const uint8_t key[HASH_SIZE])
{
	for (size_t i = 0; i < o->count; i++)
		if (memcmp(o->signers[i].key, key, HASH_SIZE) == 0)
			return o->signers[i].role == role ? REFUSE_APPROVAL_TWICE : REFUSE_APPROVAL_OWN;
	if (o->count == MAX_PROPOSAL_SIGNERS)
		return REFUSE_APPROVER_UNKNOWN; /* keys of more than one signd.conf: some of them count no more */
	o->signers[o->count].role = role;
	memcpy(o->signers[o->count++].key, key, HASH_SIZE);
	return 0;
}

void proposals_close(struct proposals *p, const uint8_t id[PROPOSAL_ID_SIZE], uint16_t code)
{
	size_t i = index_of(p, id);
	if (i < p->count)
		remove_at(p, i, code);
	else
		closed_note(p, id, code);
}

uint64_t proposals_fork(const struct proposals *p, uint32_t epoch)
{
	uint64_t least = UINT64_MAX;
	for (size_t i = 0; i < p->fork_count; i++)
		if (p->forks[i].epoch > epoch && p->forks[i].size < least)
			least = p->forks[i].size;
	return least;
}

static void fork_add(struct proposals *p, uint32_t epoch, uint64_t size)
{
	if (p->fork_count == MAX_EPOCHS) {
		if (p->forks[0].size < p->forks[1].size)
			p->forks[1].size = p->forks[0].size;
		memmove(p->forks, p->forks + 1, --p->fork_count * sizeof(p->forks[0]));
	}
	p->forks[p->fork_count++] = (struct fork){ epoch, size };
}

void proposals_epoch(struct proposals *p, uint32_t number, uint64_t size)
{
	fork_add(p, number, size);
	while (p->count)
		remove_at(p, p->count - 1, REFUSE_PROPOSAL_EPOCH);
	p->epoch = number;
}

static void open_put(const struct open_proposal *o, struct buf *out)
{
	buf_put_u32(out, (uint32_t)o->bytes.len);
	buf_put_slice(out, buf_slice(&o->bytes));
	buf_put_u8(out, (uint8_t)o->count);
	for (size_t i = 0; i < o->count; i++) {
		buf_put_u8(out, o->signers[i].role);
		buf_put(out, o->signers[i].key, HASH_SIZE);
	}
}

void proposals_put(const struct proposals *p, struct buf *out)
{
	size_t kept = p->closed_count < MAX_CLOSED ? p->closed_count : MAX_CLOSED;
	buf_put_u32(out, p->epoch);
	buf_put_u16(out, (uint16_t)p->count);
	for (size_t i = 0; i < p->count; i++)
		open_put(p->all[i], out);
	buf_put_u16(out, (uint16_t)kept);
	for (size_t i = p->closed_count - kept; i < p->closed_count; i++) {
		buf_put(out, p->closed[i % MAX_CLOSED].id, PROPOSAL_ID_SIZE);
		buf_put_u16(out, p->closed[i % MAX_CLOSED].code);
	}
}

/* The next n bytes of what is left; NULL, and from then on, if there are not so many. */
static const uint8_t *take(struct slice *rest, size_t n)
{
	const uint8_t *at = rest->at && rest->len >= n ? rest->at : NULL;
	*rest = at ? (struct slice){ at + n, rest->len - n } : (struct slice){ NULL, 0 };
	return at;
}

static int open_get(struct proposals *p, struct slice *in)
{
	const uint8_t *at = take(in, 4);
	size_t size = at ? get_u32(at) : 0;
	const uint8_t *bytes = take(in, size);
	if (!bytes || proposals_open(p, (struct slice){ bytes, size }, 0) != 0)
		return -1;
	const uint8_t *count = take(in, 1);
	for (size_t i = 0; count && i < *count; i++) {
		at = take(in, 1 + HASH_SIZE);
		if (!at || at[0] >= 2 || proposal_sign(p->all[p->count - 1], at[0], at + 1) != 0)
			return -1;
	}
	return count ? 0 : -1;
}

int proposals_get(struct proposals *p, struct slice in)
{
	const uint8_t *at = take(&in, 6);
	size_t count = at ? get_u16(at + 4) : SIZE_MAX;
	if (count > MAX_PROPOSALS + MAX_ROOTS_PROPOSALS || p->count)
		return -1;
	p->epoch = get_u32(at);
	for (size_t i = 0; i < count; i++)
		if (open_get(p, &in) != 0)
			return -1;
	at = take(&in, 2);
	count = at ? get_u16(at) : MAX_CLOSED + 1;
	if (count > MAX_CLOSED)
		return -1;
	for (size_t i = 0; i < count; i++) {
		at = take(&in, PROPOSAL_ID_SIZE + 2);
		if (!at)
			return -1;
		closed_note(p, at, get_u16(at + PROPOSAL_ID_SIZE));
	}
	return in.len ? -1 : 0;
}
