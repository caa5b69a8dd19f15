#include "cli/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/member.h"

#define KIND_CA 2 /* as the signer's intents say it */
#define NOTE_DENIAL 1
#define NOTE_REVOCATION 3

void tally_free(struct tally *t)
{
	for (size_t i = 0; i < t->pending_count; i++)
		buf_free(&t->pending[i].tbs);
	free(t->entries);
	free(t->pending);
	free(t->cas);
	free(t->crls);
	free(t->revoked);
	free(t->withheld);
}

/* Room for one more, zeroed; NULL without memory. */
static void *grow(struct tally *t, void **all, size_t *count, size_t *room, size_t size)
{
	if (*count == *room) {
		size_t more = *room ? 2 * *room : 64;
		void *grown = realloc(*all, more * size);
		if (!grown) {
			t->failed = true;
			return NULL;
		}
		*all = grown;
		*room = more;
	}
	void *one = (char *)*all + (*count)++ * size;
	memset(one, 0, size);
	return one;
}
#define GROW(t, what, counted)                                                                                         \
	grow(t, (void **)&(t)->what, &(t)->counted##_count, &(t)->counted##_room, sizeof(*(t)->what))

static const char *const states[] = { "created", "active", "retiring", "retired", "revoked" };

int tally_state_rank(const char *state)
{
	for (int i = 0; i < 5; i++)
		if (strcmp(states[i], state) == 0)
			return i;
	return -1;
}

const char *tally_state_text(int rank)
{
	return rank >= 0 && rank < 5 ? states[rank] : "unknown";
}

static void entry_add(struct tally *t, uint64_t seq, const uint8_t mark[MARK_SIZE], enum entry_state state)
{
	struct entry *e = grow(t, (void **)&t->entries, &t->count, &t->room, sizeof(*e));
	if (!e)
		return;
	e->seq = seq;
	e->state = (uint8_t)state;
	if (mark)
		memcpy(e->mark, mark, MARK_SIZE);
}

static void mark_of(struct slice certificate, uint8_t mark[MARK_SIZE])
{
	uint8_t hash[HASH_SIZE];
	hash_of(certificate, hash);
	memcpy(mark, hash, MARK_SIZE);
}

static json_t *context_of(struct slice bytes)
{
	return json_loadb((const char *)bytes.at, bytes.len, JSON_REJECT_DUPLICATES, NULL);
}

static void ca_advance(struct tally_ca *ca, int rank, uint64_t seq)
{
	if (rank <= ca->rank)
		return;
	ca->rank = rank;
	ca->seq = seq;
}

/* One that is there has got its certificate, or another one. */
static void ca_add(struct tally *t, const struct pending *p, int rank)
{
	struct tally_ca *ca = tally_find_ca(t, p->ca);
	if (!ca && p->ca[0] && (ca = GROW(t, cas, ca))) {
		memcpy(ca->id, p->ca, sizeof(ca->id));
		ca->rank = -1;
	}
	if (!ca)
		return;
	memcpy(ca->key_id, p->key_id, sizeof(ca->key_id));
	ca_advance(ca, rank, p->seq);
}

static struct pending *pending_find(struct tally *t, uint64_t seq)
{
	for (size_t i = t->pending_count; i-- > 0;)
		if (t->pending[i].seq == seq)
			return &t->pending[i];
	return NULL;
}

static void pending_drop(struct tally *t, struct pending *p)
{
	buf_free(&p->tbs);
	*p = t->pending[--t->pending_count];
}

static void intent_take(struct tally *t, const struct record *r)
{
	struct cert_intent_record in;
	if (record_cert_intent_get(r->body, &in) != PACK_OK)
		return;
	struct pending *p = GROW(t, pending, pending);
	if (!p)
		return;
	p->seq = r->seq;
	p->is_ca = in.kind == KIND_CA;
	p->root = memcmp(in.ca_key, in.subject_key_id, sizeof(in.ca_key)) == 0;
	memcpy(p->key_id, in.subject_key_id, sizeof(p->key_id));
	buf_init(&p->tbs, MAX_RECORD_BODY);
	buf_put_slice(&p->tbs, in.tbs);
	t->failed = t->failed || !buf_ok(&p->tbs);
	if (!p->is_ca)
		return;
	json_t *context = context_of(in.context);
	snprintf(p->ca, sizeof(p->ca), "%s", member_text(context, "ca"));
	json_decref(context);
}

static void result_take(struct tally *t, const struct record *r)
{
	struct cert_result_record result;
	uint8_t mark[MARK_SIZE] = { 0 };
	scoped_buf der;
	buf_init(&der, MAX_RECORD_BODY);
	struct pending *p = record_cert_result_get(r->body, &result) == PACK_OK ? pending_find(t, result.intent) : NULL;
	if (!p)
		return;
	if (record_certificate(buf_slice(&p->tbs), result.signature, &der) == 0)
		mark_of(buf_slice(&der), mark);
	entry_add(t, p->seq, mark, ENTRY_SIGNED);
	if (p->is_ca)
		ca_add(t, p, 1);
	pending_drop(t, p);
}

static void lost_take(struct tally *t, const struct record *r)
{
	struct lost_record lost;
	struct pending *p = record_lost_get(r->body, &lost) == PACK_OK ? pending_find(t, lost.intent) : NULL;
	if (!p)
		return;
	t->lost++;
	if (!p->root)
		entry_add(t, p->seq, NULL, ENTRY_LOST);
	pending_drop(t, p);
}

static void imported_take(struct tally *t, const struct record *r)
{
	struct imported_record in;
	struct pending p = { .seq = r->seq, .imported = true, .is_ca = true };
	if (record_imported_get(r->body, &in) != PACK_OK)
		return;
	json_t *context = context_of(in.context);
	snprintf(p.ca, sizeof(p.ca), "%s", member_text(context, "ca"));
	json_decref(context);
	memcpy(p.key_id, in.key_id, sizeof(p.key_id));
	mark_of(in.certificate, p.mark);
	/* With its key offline it counts as it stands; else once the key is bound. */
	if (in.token.len == 0) {
		entry_add(t, p.seq, p.mark, ENTRY_SIGNED);
		ca_add(t, &p, 1);
		return;
	}
	struct pending *kept = GROW(t, pending, pending);
	if (kept)
		*kept = p;
}

static void bound_take(struct tally *t, const struct record *r)
{
	struct key_bound_record bound;
	struct pending *p = record_key_bound_get(r->body, &bound) == PACK_OK ? pending_find(t, bound.cert) : NULL;
	if (!p || !p->imported)
		return;
	entry_add(t, p->seq, p->mark, ENTRY_SIGNED);
	ca_add(t, p, 1);
	pending_drop(t, p);
}

/* A CA that waits for a certificate from elsewhere, once its request is signed. */
static void request_take(struct tally *t, const struct record *r)
{
	struct csr_intent_record in;
	struct pending *p = record_csr_intent_get(r->body, &in) == PACK_OK ? GROW(t, pending, pending) : NULL;
	if (!p)
		return;
	p->seq = r->seq;
	p->root = true; /* lost, it is no certificate */
	memcpy(p->key_id, in.key_id, sizeof(p->key_id));
	json_t *context = context_of(in.context);
	snprintf(p->ca, sizeof(p->ca), "%s", member_text(context, "ca"));
	json_decref(context);
}

static void requested_take(struct tally *t, const struct record *r)
{
	struct csr_result_record result;
	struct pending *p = record_csr_result_get(r->body, &result) == PACK_OK ? pending_find(t, result.intent) : NULL;
	if (!p)
		return;
	ca_add(t, p, 0);
	pending_drop(t, p);
}

static void admitted_take(struct tally *t, const struct record *r)
{
	struct cert_admitted_record in;
	uint8_t mark[MARK_SIZE];
	if (record_cert_admitted_get(r->body, &in) != PACK_OK)
		return;
	mark_of(in.certificate, mark);
	entry_add(t, r->seq, mark, ENTRY_SIGNED);
}

static void closed_take(struct tally *t, const struct record *r)
{
	struct ca_closed_record closed;
	if (record_ca_closed_get(r->body, &closed) != PACK_OK)
		return;
	for (size_t i = 0; i < t->ca_count; i++)
		if (memcmp(t->cas[i].key_id, closed.ca_key, sizeof(closed.ca_key)) == 0)
			ca_advance(&t->cas[i], 2, r->seq);
}

static void note_put(struct tally_note *n, const json_t *context, uint64_t seq)
{
	if (!n)
		return;
	snprintf(n->ca, sizeof(n->ca), "%s", member_text(context, "ca"));
	snprintf(n->serial, sizeof(n->serial), "%s", member_text(context, "serial"));
	n->seq = seq;
}

static void revocation_put(struct tally *t, const json_t *context, uint64_t seq)
{
	struct tally_note *n = GROW(t, revoked, revoked);
	struct tally_ca *ca = tally_find_ca(t, member_text(context, "subject_ca"));
	note_put(n, context, seq);
	if (n)
		n->released = strcmp(member_text(context, "op"), "release") == 0;
	if (ca)
		ca_advance(ca, tally_state_rank("revoked"), seq);
}

static void note_take(struct tally *t, const struct record *r)
{
	struct note_record note;
	if (record_note_get(r->body, &note) != PACK_OK)
		return;
	json_t *context = context_of(note.context);
	const char *op = member_text(context, "op");
	if (note.kind == NOTE_DENIAL)
		t->denials++;
	else if (note.kind == NOTE_REVOCATION)
		revocation_put(t, context, r->seq);
	else if (strcmp(op, "withheld") == 0)
		note_put(GROW(t, withheld, withheld), context, r->seq);
	else if (strcmp(op, "move") == 0) {
		t->transitions++;
		for (size_t i = 0; i < t->ca_count; i++)
			if (strcmp(t->cas[i].id, member_text(context, "ca")) == 0)
				ca_advance(&t->cas[i], tally_state_rank(member_text(context, "to")), r->seq);
	}
	json_decref(context);
}

static void crl_take(struct tally *t, const struct record *r)
{
	struct crl_intent_record in;
	struct tally_crl *crl = record_crl_intent_get(r->body, &in) == PACK_OK ? GROW(t, crls, crl) : NULL;
	if (!crl)
		return;
	crl->seq = r->seq;
	crl->number = in.number;
	crl->shard = in.shard;
	crl->shards = in.shards;
	memcpy(crl->key_id, in.ca_key, sizeof(crl->key_id));
}

/* Its result follows closely. */
static void crl_done(struct tally *t, const struct record *r)
{
	struct crl_result_record result;
	if (record_crl_result_get(r->body, &result) != PACK_OK)
		return;
	for (size_t i = t->crl_count; i-- > 0 && t->crls[i].seq >= result.intent;)
		t->crls[i].done = t->crls[i].done || t->crls[i].seq == result.intent;
}

bool tally_open(const struct tally *t, uint64_t seq)
{
	for (size_t i = 0; i < t->pending_count; i++)
		if (t->pending[i].seq == seq)
			return true;
	return false;
}

size_t tally_lost_crls(const struct tally *t)
{
	size_t n = 0;
	for (size_t i = 0; i < t->crl_count; i++)
		n += !t->crls[i].done;
	return n;
}

int tally_take(struct tally *t, const struct record *r)
{
	static const struct {
		uint8_t type;
		void (*take)(struct tally *t, const struct record *r);
	} takes[] = {
		{ RECORD_CERT_INTENT, intent_take }, { RECORD_CERT_RESULT, result_take },
		{ RECORD_LOST, lost_take },	     { RECORD_IMPORTED, imported_take },
		{ RECORD_KEY_BOUND, bound_take },    { RECORD_CERT_ADMITTED, admitted_take },
		{ RECORD_CSR_INTENT, request_take }, { RECORD_CSR_RESULT, requested_take },
		{ RECORD_CA_CLOSED, closed_take },   { RECORD_NOTE, note_take },
		{ RECORD_CRL_INTENT, crl_take },     { RECORD_CRL_RESULT, crl_done },
	};
	for (size_t i = 0; i < sizeof(takes) / sizeof(takes[0]); i++)
		if (takes[i].type == r->type)
			takes[i].take(t, r);
	return t->failed ? -1 : 0;
}

static int entry_compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

static int note_compare(const void *a, const void *b)
{
	const struct tally_note *x = a, *y = b;
	int by_ca = strcmp(x->ca, y->ca);
	return by_ca ? by_ca : strcmp(x->serial, y->serial);
}

static int note_compare_all(const void *a, const void *b)
{
	const struct tally_note *x = a, *y = b;
	int r = note_compare(a, b);
	return r ? r : (x->seq > y->seq) - (x->seq < y->seq);
}

/* Of each certificate the last note counts: a release leaves nothing. */
static void revoked_settle(struct tally *t)
{
	size_t kept = 0;
	qsort(t->revoked, t->revoked_count, sizeof(*t->revoked), note_compare_all);
	for (size_t i = 0; i < t->revoked_count; i++) {
		bool last = i + 1 == t->revoked_count || note_compare(&t->revoked[i], &t->revoked[i + 1]) != 0;
		if (last && !t->revoked[i].released)
			t->revoked[kept++] = t->revoked[i];
	}
	t->revoked_count = kept;
}

void tally_sort(struct tally *t)
{
	if (t->count)
		qsort(t->entries, t->count, sizeof(*t->entries), entry_compare);
	if (t->revoked_count)
		revoked_settle(t);
	if (t->withheld_count)
		qsort(t->withheld, t->withheld_count, sizeof(*t->withheld), note_compare);
}

struct entry *tally_find(struct tally *t, uint64_t seq)
{
	struct entry key = { .seq = seq };
	return t->count ? bsearch(&key, t->entries, t->count, sizeof(key), entry_compare) : NULL;
}

struct tally_ca *tally_find_ca(struct tally *t, const char *id)
{
	for (size_t i = 0; i < t->ca_count; i++)
		if (strcmp(t->cas[i].id, id) == 0)
			return &t->cas[i];
	return NULL;
}

struct tally_note *tally_find_note(struct tally_note *notes, size_t count, const char *ca, const char *serial)
{
	struct tally_note key;
	snprintf(key.ca, sizeof(key.ca), "%s", ca);
	snprintf(key.serial, sizeof(key.serial), "%s", serial);
	return count ? bsearch(&key, notes, count, sizeof(key), note_compare) : NULL;
}
