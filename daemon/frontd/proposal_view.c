/* Proposals as clients see them. */
#include <string.h>

#include "base/time.h"
#include "frontd/proposal.h"
#include "frontd/view.h"
#include "ledger/checkpoint.h"
#include "ledger/proposal.h"
#include "wire/inner.h"

struct approvals {
	json_t *list; /* NULL: only counted */
	unsigned given;
	bool requested;
};

static int approval_add(void *with, const struct approval_row *row)
{
	struct approvals *a = with;
	bool requester = row->role == ROLE_REQUESTER;
	a->given += !requester;
	a->requested = a->requested || requester;
	if (!a->list)
		return 0;
	json_t *one = json_pack("{s:o, s:s, s:o, s:o, s:I}", "key", view_hex(row->key, sizeof(row->key)), "role",
				requester ? "requester" : "approver", "handed_in_by", view_text(row->actor), "at",
				view_time(row->created_at), "ledger_seq", (json_int_t)row->ledger_seq);
	return json_array_append_new(a->list, one) ? -1 : 0;
}

static bool is_complete(const struct proposal_row *row, const struct approvals *a)
{
	return a->given >= row->needed && (a->requested || !row->requester);
}

int proposal_complete(struct store_session *s, const struct proposal_row *row)
{
	struct approvals a = { .list = NULL };
	int r = store_approval_list(s, row->id, approval_add, &a);
	return r ? -1 : is_complete(row, &a);
}

/* What is stored, and what follows from clock and approvals. */
static const char *state_of(const struct proposal_row *row, const struct approvals *a)
{
	if (!slice_equal(row->state, slice_text("open")))
		return row_text(row->state);
	return row->expires_at < time_now() ? "expired" : is_complete(row, a) ? "approved" : "open";
}

static json_t *view_optional(struct slice text)
{
	return text.len ? view_text(text) : json_null();
}

static json_t *view_base64(struct slice bytes)
{
	scoped_buf text = { .max = 2 * MAX_PROPOSAL };
	base64_put(&text, bytes);
	return buf_ok(&text) ? view_text(buf_slice(&text)) : NULL;
}

static json_t *view_row(const struct proposal_row *row, struct approvals *a)
{
	return json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:b, s:o, s:o, s:I, s:o}", "id",
			 view_hex(row->id, sizeof(row->id)), "kind", proposal_kind_name(row->kind), "state",
			 state_of(row, a), "name", view_optional(row->name), "ca_id", view_optional(row->ca_id),
			 "issuer_id", view_optional(row->issuer_id), "requested_by", view_optional(row->actor),
			 "created_at", view_time(row->created_at), "expires_at", view_time(row->expires_at), "needed",
			 (int)row->needed, "given", (int)a->given, "requester_signs", (int)row->requester, "approvals",
			 a->list, "why", view_optional(row->why), "ledger_seq", (json_int_t)row->ledger_seq,
			 "executed_seq", row->executed ? json_integer((json_int_t)row->executed) : json_null());
}

json_t *proposal_view(struct store_session *s, const struct proposal_row *row, bool with_bytes)
{
	struct approvals a = { .list = json_array() };
	if (store_approval_list(s, row->id, approval_add, &a)) {
		json_decref(a.list);
		return NULL;
	}
	json_t *view = view_row(row, &a);
	if (view && with_bytes && json_object_set_new(view, "bytes", view_base64(row->bytes))) {
		json_decref(view);
		view = NULL;
	}
	return view;
}
