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
/*
 * What a certificate may state: types known, all values canonical, and excluded
 * directory names ASCII, since others would have to be compared by RFC 4518's
 * string preparation to be excluded in every spelling.
 */
bool constraints_check(const struct constraints *c);

/* Whether the set admits a name (AS_NAME). */
enum constraints_answer constraints_admit(const struct constraints *c, uint8_t type, struct slice name);
/*
 * Whether it admits a subject (dn_check()ed): as a directory name, and each emailAddress
 * in it as a mailbox. An empty subject is admitted (RFC 5280 4.2.1.10).
 */
enum constraints_answer constraints_admit_subject(const struct constraints *c, struct list subject);
/*
 * Whether a child may state these constraints under a parent with this
 * effective set: permitted only within the parent's, every excluded subtree of
 * the parent covered by one of the child's, and of each permitted type a subtree
 * that no single excluded one covers. A type that the child does not mention stays
 * the parent's, so this may be asked before or after constraints_inherit().
 * On a refusal *type and *culprit name the offending subtree (of NOTHING_LEFT, the first permitted one).
 */
enum constraints_answer constraints_narrower(const struct constraints *child, const struct constraints *parent,
					     uint8_t *type, struct slice *culprit);
/*
 * Whether a set admits no name that the other one doesn't: every type that the outer one limits is limited in the inner
 * one too, its permitted subtrees lie within, and all that the outer one excludes is excluded.
 */
bool constraints_within(const struct constraints *inner, const struct constraints *outer);
/*
 * Effective set of a chain: permitted a and b, excluded a or b, without what an earlier item
 * of the result covers. out is empty before.
 */
enum constraints_answer constraints_combine(const struct constraints *a, const struct constraints *b,
					    struct constraints_buf *out);
/*
 * What a child's certificate states when it asked for this under that parent:
 * asks nothing: the parent's; else its own, and the parent's permitted
 * subtrees of every type of which it states none. An empty permitted set, which no
 * certificate can state, is left out; the chain still holds it. out is empty before.
 */
enum constraints_answer constraints_inherit(const struct constraints *asked, const struct constraints *parent,
					    struct constraints_buf *out);

#endif
