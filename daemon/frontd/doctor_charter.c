#include <stdio.h>
#include <string.h>

#include "frontd/chain.h"
#include "frontd/diagnosis.h"
#include "frontd/facts.h"
#include "frontd/front.h"
#include "names/constraints.h"
#include "wire/inner_ask.h"

#define TAMPERED                                                                                                       \
	"The signer keeps to its charter, which is on the ledger. Stop chancery-frontd, move its database aside and "  \
	"start it again: it is made anew from the ledger. Then find out who changed the row."

/* "path length 2", "no path length". */
static const char *length_text(uint16_t path_len, char out[32])
{
	if (path_len == PATH_LEN_NONE)
		snprintf(out, 32, "no path length");
	else
		snprintf(out, 32, "path length %u", path_len);
	return out;
}

/* What is left of path length under all that stands above a CA, by the rows of its chain. */
static uint16_t path_left(const struct chain *chain)
{
	uint16_t least = PATH_LEN_NONE;
	for (size_t i = 0; i < chain->count; i++) {
		uint16_t own = chain->ca[i].path_len;
		if (own != PATH_LEN_NONE && own < least + i)
			least = own < i ? 0 : (uint16_t)(own - i);
	}
	return least;
}

static void look_at_path_len(struct diagnosis *d, const struct chain *chain, const struct charter_read_reply *charter)
{
	const struct ca_row *ca = &chain->ca[0];
	char why[FACTS_WHY], row[32], other[32];
	scoped_facts facts = { .ca = false };
	int unread = facts_read_foreign(ca->certificate, &facts, why);
	if (!unread && facts.path_len != ca->path_len)
		finding_put(d, CRITICAL, "cas", "ca_path_len", row_text(ca->id), TAMPERED,
			    "The database has CA %s with %s, its certificate says %s.", row_text(ca->name),
			    length_text(ca->path_len, row), length_text(facts.path_len, other));
	else if (path_left(chain) != charter->path_len)
		finding_put(d, CRITICAL, "cas", "ca_path_len", row_text(ca->id), TAMPERED,
			    "The database has CA %s with %s under all that is above it, the signer's charter says %s.",
			    row_text(ca->name), length_text(path_left(chain), row),
			    length_text(charter->path_len, other));
}

/* Whether each subtree of a is covered by one of b; *culprit is the first that isn't. */
static bool all_covered(struct list a, struct list b, uint8_t *type, struct slice *culprit)
{
	while (list_next(&a, type, culprit)) {
		struct list l = b;
		struct slice item;
		uint8_t other;
		bool covered = false;
		while (!covered && list_next(&l, &other, &item))
			covered = other == *type &&
				  (slice_equal(item, *culprit) || (item.len && subtree_within(*type, *culprit, item)));
		if (!covered)
			return false;
	}
	return true;
}

/* One of the two sets has a subtree that the other doesn't know; which, and what it is. */
static bool set_differs(struct list row, struct list charter, bool *in_row, uint8_t *type, struct slice *culprit)
{
	*in_row = true;
	if (!all_covered(row, charter, type, culprit))
		return true;
	*in_row = false;
	return !all_covered(charter, row, type, culprit);
}

static void look_at_constraints(struct diagnosis *d, const struct ca_row *ca, const struct charter_read_reply *charter)
{
	struct constraints row;
	bool in_row, permitted;
	uint8_t type;
	struct slice culprit;
	scoped_buf text = { .max = 2 * MAX_NAME };
	if (constraints_unpack(ca->effective, &row) != 0) {
		finding_put(d, CRITICAL, "cas", "ca_constraints", row_text(ca->id), TAMPERED,
			    "The name constraints of CA %s in the database can't be read.", row_text(ca->name));
		return;
	}
	permitted = set_differs(row.permitted, charter->permitted, &in_row, &type, &culprit);
	if (!permitted && !set_differs(row.excluded, charter->excluded, &in_row, &type, &culprit))
		return;
	if (culprit.len)
		name_print(AS_SUBTREE, type, culprit, &text);
	else
		buf_printf(&text, "%s: none at all", name_type_text(type));
	finding_put(d, CRITICAL, "cas", "ca_constraints", row_text(ca->id), TAMPERED,
		    "The effective name constraints of CA %s differ: only %s has %.*s among the %s subtrees.",
		    row_text(ca->name), in_row ? "the database" : "the signer's charter", (int)text.len,
		    (const char *)text.at, permitted ? "permitted" : "excluded");
}

void diagnosis_charter(struct diagnosis *d, struct store_session *session, const struct ca_row *ca)
{
	struct charter_read_request request = { 0 };
	struct charter_read_reply charter;
	scoped_answer answer = { .body = { NULL, 0 } };
	scoped_chain chain = { .count = 0 };
	memcpy(request.key_id, ca->key_id, KEY_ID_SIZE);
	if (chain_load(session, row_text(ca->id), &chain) != 0 ||
	    signer_charter_read(d->front->signer, &request, &charter, &answer) != SIGNER_DONE ||
	    charter.state == KEY_REPORT_UNBOUND)
		return; /* which another finding says */
	look_at_path_len(d, &chain, &charter);
	look_at_constraints(d, ca, &charter);
}
