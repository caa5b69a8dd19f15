/*
 * The algebra of name constraints (RFC 5280 4.2.1.10, 6.1.4 (g)): permitted
 * sets intersect over a chain, excluded ones unite. A type of name without a
 * permitted subtree is unrestricted; a permitted set that became empty is
 * remembered as such (nothing of that type is allowed any more).
 */
#ifndef CHANCERY_NAMES_CONSTRAINTS_H
#define CHANCERY_NAMES_CONSTRAINTS_H

#include "names/name.h"

#define MAX_SUBTREES 256 /* permitted, or excluded, after intersection and union too */

/*
 * Tag a name type, item a canonical subtree. An intersection that left
 * nothing of a type is one item of that type and length 0 in permitted: it
 * covers no name. (Only in effective sets; a certificate can't say that.)
 */
struct constraints {
	struct list permitted;
	struct list excluded;
};

/* Storage for a result. */
struct constraints_buf {
	struct buf permitted, excluded;
	uint16_t permitted_count, excluded_count;
};
void constraints_buf_init(struct constraints_buf *b);
void constraints_buf_free(struct constraints_buf *b);
struct constraints constraints_of(const struct constraints_buf *b);

enum constraints_answer {
	CONSTRAINTS_OK = 0,
	CONSTRAINTS_NOT_PERMITTED, /* outside the permitted set of its type */
	CONSTRAINTS_EXCLUDED,	   /* within an excluded subtree, or a wildcard that covers part of one */
	CONSTRAINTS_WIDER,	   /* a permitted subtree outside the parent's */
	CONSTRAINTS_DROPPED,	   /* an excluded subtree of the parent that the child leaves out */
	CONSTRAINTS_NOTHING_LEFT,  /* all that would be permitted of a type is excluded */
	CONSTRAINTS_TOO_MANY,
};

bool constraints_empty(const struct constraints *c);
/* All values canonical, types known. */
bool constraints_check(const struct constraints *c);

/* Whether the set admits a name (AS_NAME). */
enum constraints_answer constraints_admit(const struct constraints *c, uint8_t type, struct slice name);
/*
 * Whether a child may state these constraints under a parent with this
 * effective set: permitted only within the parent's, every excluded subtree of
 * the parent covered by one of the child's, and something left of each
 * permitted type. On a refusal *type and *culprit name the offending subtree.
 */
enum constraints_answer constraints_narrower(const struct constraints *child, const struct constraints *parent,
					     uint8_t *type, struct slice *culprit);
/* Effective set of a chain: permitted a and b, excluded a or b, without repetition. out is empty before. */
enum constraints_answer constraints_combine(const struct constraints *a, const struct constraints *b,
					    struct constraints_buf *out);
/*
 * What a child's certificate states when it asked for this under that parent:
 * asks nothing: the parent's; else its own, and the parent's permitted
 * subtrees of every type of which it states none. out is empty before.
 */
enum constraints_answer constraints_inherit(const struct constraints *asked, const struct constraints *parent,
					    struct constraints_buf *out);

#endif
