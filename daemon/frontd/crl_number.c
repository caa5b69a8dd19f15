#include "frontd/crl_number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontd/answer.h"
#include "frontd/chain.h"
#include "frontd/context.h"
#include "frontd/crls.h"
#include "frontd/front.h"
#include "frontd/input.h"
#include "frontd/note.h"
#include "frontd/shard.h"

#define MAX_NUMBER (INT64_C(1) << 62) /* whoever counts from there has as many again */
#define FIELD "last"

struct carried {
	const char *ca_id;
	uint16_t shards;
	uint64_t number, known; /* what it is to be, and what it was */
};

/* Numbers only grow; a row without a CRL says that nothing is known of what any of them listed. */
static int shard_put(struct store_session *s, struct carried *n, uint16_t shard)
{
	scoped_row(lastcrl) row = { 0 };
	int r = store_crl_find(s, n->ca_id, shard, &row);
	if (r < 0)
		return r;
	if (r == STORE_NONE)
		row = (struct lastcrl_row){ .ca_id = slice_text(n->ca_id), .shard = shard, .whole = 1 };
	n->known = row.number;
	if (n->number <= row.number)
		return STORE_DONE;
	row.number = n->number;
	return store_crl_update(s, &row);
}

static int number_put(struct store_session *s, void *with)
{
	struct carried *n = with;
	int r = 0;
	for (uint16_t i = 0; i < n->shards && !r; i++)
		r = shard_put(s, n, i);
	return r;
}

int crl_number_noted(struct store_session *s, json_t *context)
{
	scoped_row(ca) ca = { 0 };
	const char *text = context_text(context, "to");
	char *end;
	unsigned long long number = strtoull(text, &end, 10);
	if (!*text || *end || number > MAX_NUMBER)
		return 1;
	int r = store_ca_find(s, context_text(context, "ca"), &ca);
	struct carried n = { .ca_id = row_text(ca.id), .shards = shard_count(&ca), .number = number };
	return r ? r : number_put(s, &n);
}

static int ca_check(struct front *f, struct call *c, struct carried *n)
{
	scoped_session *s = NULL;
	scoped_row(ca) ca = { 0 };
	scoped_row(lastcrl) row = { 0 };
	int r = answer_ca(f, c, &s, &ca);
	if (r)
		return r;
	if (ca_offline(&ca))
		return call_refuse(c, 409, "ca_key_offline", NULL,
				   "The CA is known by its certificate only: its CRLs are made where its key is.");
	n->shards = shard_count(&ca);
	r = store_crl_find(s, c->param[0], 0, &row);
	n->known = r == STORE_DONE ? row.number : 0;
	return r < 0 ? answer_store(c) : 0;
}

/* With nobody making a CRL of this CA meanwhile. */
static int number_carry(struct front *f, struct call *c, struct carried *n)
{
	char to[24];
	uint64_t noted;
	snprintf(to, sizeof(to), "%llu", (unsigned long long)n->number);
	struct context_words words = { .op = "crlnumber", .ca = n->ca_id, .to = to };
	scoped_hold hold = { 0 };
	int r = crls_lock(f->crls, n->ca_id, 0);
	if (r)
		r = call_refuse(c, 503, "crl_unavailable", NULL, "The CRL that is due can't be signed at the moment.");
	if (!r)
		r = note_take(f, c, NULL, &words, &hold, &noted);
	if (!r)
		r = store_change(f->store, number_put, n) ? answer_store(c) : 0;
	if (!r)
		signer_settle(&hold, noted);
	crls_unlock(f->crls, n->ca_id);
	return r;
}

int crl_number_carry(struct front *f, struct call *c)
{
	static const char *const known[] = { FIELD, NULL };
	struct carried n = { .ca_id = c->param[0] };
	bool there = false;
	int64_t last = 0;
	int r = input_members(c, known);
	if (!r)
		r = input_integer(c, FIELD, 1, MAX_NUMBER, &there, &last);
	if (!r && !there)
		r = call_refuse(c, 400, "missing_field", FIELD,
				FIELD " is needed: the highest number that a CRL of this CA has.");
	if (!r)
		r = ca_check(f, c, &n);
	if (r)
		return r;
	n.number = (uint64_t)last;
	if (n.number > n.known && !c->dry_run)
		r = number_carry(f, c, &n);
	uint64_t now = n.number > n.known ? n.number : n.known;
	return r ? r : call_reply(c, 200, json_pack("{s:s, s:I}", "ca_id", c->param[0], "last", (json_int_t)now));
}
