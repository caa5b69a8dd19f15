/* From the ledger: proposals, what was reserved for them, their approvals and their ends. */
#include <stdlib.h>
#include <string.h>

#include "frontd/chain.h"
#include "frontd/context.h"
#include "frontd/draft.h"
#include "frontd/proposal.h"
#include "frontd/rebuild.h"
#include "frontd/root.h"
#include "frontd/subject.h"

#define MAX_PACKED (1024 * 1024)

/* A CA that waits for approvals, as it was when it was asked for. */
struct reserved {
	struct draft draft;
	struct chain above; /* empty: a root */
	struct key_row key;
	struct constraints_buf effective;
	struct buf fold, packed_stated, packed_effective;
};

static void reserved_init(struct reserved *x)
{
	*x = (struct reserved){ 0 };
	constraints_buf_init(&x->effective);
	buf_init(&x->fold, MAX_PACKED);
	buf_init(&x->packed_stated, MAX_PACKED);
	buf_init(&x->packed_effective, MAX_PACKED);
}

static void reserved_free(struct reserved *x)
{
	draft_free(&x->draft);
	chain_free(&x->above);
	key_row_free(&x->key);
	constraints_buf_free(&x->effective);
	buf_free(&x->fold);
	buf_free(&x->packed_stated);
	buf_free(&x->packed_effective);
}
#define scoped_reserved __attribute__((cleanup(reserved_free))) struct reserved

static struct ca_row row_of(const struct reserved *x, const struct proposal_row *p, json_t *context)
{
	struct ca_row row = { .id = p->ca_id,
			      .issuer_id = p->issuer_id,
			      .parent_id = x->above.count ? x->above.ca[0].id : slice_text(""),
			      .name = p->name,
			      .state = slice_text("created"),
			      .subject = buf_slice(&x->draft.facts.subject.raw),
			      .subject_fold = buf_slice(&x->fold),
			      .token = x->key.token,
			      .key_uri = slice_text(context_text(context, "key")),
			      .algorithm = root_key_algorithm(x->draft.facts.public_key),
			      .path_len = x->draft.facts.path_len,
			      .constraints = buf_slice(&x->packed_stated),
			      .effective = buf_slice(&x->packed_effective),
			      .metadata = slice_text(context_text(context, "meta")),
			      .actor = p->actor,
			      .not_before = p->created_at,
			      .not_after = x->draft.facts.not_after,
			      .rotation = slice_text(context_text(context, "rot")),
			      .predecessor_id = slice_text(context_text(context, "pred")),
			      .ttl = strtoll(context_text(context, "ttl"), NULL, 10),
			      .outsider = p->kind == PROPOSAL_SUBCA_FOREIGN,
			      .created_at = p->created_at,
			      .updated_at = p->created_at };
	memcpy(row.request_id, p->request_id, sizeof(row.request_id));
	return row;
}

static int reserve(struct store_session *s, const struct rebuild *b, const struct proposal_row *p, json_t *context)
{
	char why[FACTS_WHY] = "";
	scoped_reserved x;
	scoped_row(ca) known = { 0 };
	reserved_init(&x);
	int r = store_ca_find(s, row_text(p->ca_id), &known);
	if (r != STORE_NONE)
		return r;
	if (draft_read(p->bytes, &x.draft, why))
		return rebuild_passed_over(b, why);
	r = rebuild_issuer(s, context, p->created_at, false);
	if (!r && *context_text(context, "parent"))
		r = chain_load(s, context_text(context, "parent"), &x.above);
	if (r)
		return r < 0 ? r : rebuild_passed_over(b, "its issuer or its parent is not known here");
	struct constraints stated = facts_constraints(&x.draft.facts);
	if (constraints_settle(&stated, x.above.count ? &x.above.ca[0] : NULL, &x.effective, &x.packed_stated,
			       &x.packed_effective))
		return -1;
	subject_fold(items_list(&x.draft.facts.subject), &x.fold);
	r = store_key_find_public(s, x.draft.facts.public_key, &x.key);
	if (r < 0)
		return r;
	struct ca_row row = row_of(&x, p, context);
	bool own = r == STORE_DONE && p->kind != PROPOSAL_IMPORT;
	r = store_ca_insert(s, &row);
	if (!r && own)
		r = store_key_bind(s, x.key.key_id, row_text(p->ca_id));
	return r > 0 ? rebuild_passed_over(b, "something of it is in use by another") : r;
}

static int rebuild_proposed(struct store_session *s, const struct rebuild *b)
{
	struct proposed_record in;
	struct proposal_row row, known = { .memory = NULL };
	if (record_proposed_get(b->record.body, &in) != PACK_OK || proposal_fill(in.bytes, in.context, &row))
		return rebuild_passed_over(b, "it can't be read");
	int r = store_proposal_find(s, row.id, &known);
	proposal_row_free(&known);
	if (r != STORE_NONE)
		return r;
	scoped_json *context = context_read(in.context);
	row.ca_id = slice_text(context ? context_text(context, "ca") : "");
	row.issuer_id = slice_text(context ? context_text(context, "iss") : "");
	row.name = slice_text(context ? context_text(context, "name") : "");
	row.actor = slice_text(context ? context_text(context, "actor") : "");
	row.ledger_seq = b->record.seq;
	/* The request that it was made of: an id of its own was derived from that (proposal.c). */
	memcpy(row.request_id, in.request_id, sizeof(row.request_id));
	row.request_id[14] ^= 0xff;
	r = store_proposal_insert(s, &row);
	return r || !row.ca_id.len ? r : reserve(s, b, &row, context);
}

static int rebuild_approved(struct store_session *s, const struct rebuild *b)
{
	struct approved_record in;
	if (record_approved_get(b->record.body, &in) != PACK_OK)
		return rebuild_passed_over(b, "it can't be read");
	scoped_row(proposal) known = { 0 };
	int r = store_proposal_find(s, in.proposal, &known);
	if (r)
		return r < 0 ? r : rebuild_passed_over(b, "there is no such proposal");
	scoped_json *context = context_read(in.context);
	struct approval_row row = { .role = in.role,
				    .actor = slice_text(context ? context_text(context, "actor") : ""),
				    .signature = in.signature,
				    .ledger_seq = b->record.seq,
				    .created_at = b->record.time / 1000 };
	memcpy(row.proposal, in.proposal, sizeof(row.proposal));
	memcpy(row.key, in.key, sizeof(row.key));
	return store_approval_insert(s, &row);
}

static int closed(int answer)
{
	return answer == STORE_STATE ? STORE_DONE : answer;
}

static int rebuild_withdrawn(struct store_session *s, const struct rebuild *b)
{
	struct withdrawn_record in;
	if (record_withdrawn_get(b->record.body, &in) != PACK_OK)
		return rebuild_passed_over(b, "it can't be read");
	scoped_json *context = context_read(in.context);
	return closed(store_proposal_close(s, in.proposal, "rejected", context ? context_text(context, "note") : "", 0,
					   b->record.time / 1000));
}

/* Of a CA the record of its certificate says what came of it. */
static int rebuild_spent(struct store_session *s, const struct rebuild *b)
{
	struct spent_record in;
	scoped_row(proposal) row = { 0 };
	if (record_spent_get(b->record.body, &in) != PACK_OK)
		return rebuild_passed_over(b, "it can't be read");
	int r = store_proposal_find(s, in.proposal, &row);
	if (r || row.ca_id.len)
		return r < 0 ? r : 0;
	return closed(store_proposal_close(s, in.proposal, "executed", "", in.act, b->record.time / 1000));
}

struct voided {
	size_t count;
	uint8_t (*ids)[16];
};

static int voided_add(void *with, struct proposal_row *row)
{
	struct voided *v = with;
	if (row->kind == PROPOSAL_EPOCH)
		return 0;
	uint8_t(*more)[16] = realloc(v->ids, (v->count + 1) * sizeof(*more));
	if (!more)
		return -1;
	v->ids = more;
	memcpy(v->ids[v->count++], row->id, sizeof(*more));
	return 0;
}

/* What was proposed before is void from here on. */
static int rebuild_epoch(struct store_session *s, const struct rebuild *b)
{
	struct voided v = { .count = 0 };
	int r = store_proposal_list(s, "open", voided_add, &v);
	for (size_t i = 0; !r && i < v.count; i++)
		r = closed(store_proposal_close(s, v.ids[i], "expired", "a new epoch of the ledger has begun", 0,
						b->record.time / 1000));
	free(v.ids);
	return r;
}

int rebuild_unmade(struct store_session *s, const char *ca_id, int64_t when)
{
	scoped_row(proposal) row = { 0 };
	int r = store_proposal_find_ca(s, ca_id, &row);
	if (r)
		return r < 0 ? r : 0;
	return closed(store_proposal_close(s, row.id, "failed", "its signature was lost", 0, when));
}

int rebuild_approval(struct store_session *s, const struct rebuild *b)
{
	switch (b->record.type) {
	case RECORD_PROPOSED:
		return rebuild_proposed(s, b);
	case RECORD_APPROVED:
		return rebuild_approved(s, b);
	case RECORD_WITHDRAWN:
		return rebuild_withdrawn(s, b);
	case RECORD_SPENT:
		return rebuild_spent(s, b);
	}
	return rebuild_epoch(s, b);
}
