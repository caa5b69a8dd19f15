#include "signd/renewal.h"

#include <string.h>

#define MAX_DEPTH 32 /* CAs above each other, more than any charter's path length was ever used for */

static struct verdict refused(uint16_t code, const char *field)
{
	return (struct verdict){ code, field };
}

static bool usages_within(struct list inner, struct list outer)
{
	uint8_t tag;
	struct slice oid, held;
	if (outer.count && !inner.count)
		return false;
	while (outer.count && list_next(&inner, &tag, &oid)) {
		bool found = false;
		for (struct list l = outer; !found && list_next(&l, &tag, &held);)
			found = slice_equal(oid, held);
		if (!found)
			return false;
	}
	return true;
}

static bool length_within(uint16_t inner, uint16_t outer)
{
	return outer == PATH_LEN_NONE || (inner != PATH_LEN_NONE && inner <= outer);
}

static bool limits_within(const struct charter *inner, const struct charter *outer)
{
	const struct constraints a = { inner->permitted, inner->excluded }, b = { outer->permitted, outer->excluded };
	return constraints_within(&a, &b);
}

/* What of the first says more than the second; NULL: nothing. */
static const char *wider_in(const struct charter *inner, const struct charter *outer)
{
	if (!length_within(inner->path_len, outer->path_len))
		return "path_len";
	if (!limits_within(inner, outer))
		return "name_constraints";
	return usages_within(inner->ext_key_usage, outer->ext_key_usage) ? NULL : "ext_key_usage";
}

/* Whether one CA stands above the other, or is it. */
static bool stands_above(const struct keys *keys, const struct key *upper, const struct key *k)
{
	for (int depth = 0; k && depth < MAX_DEPTH; depth++) {
		if (k == upper)
			return true;
		if (key_is_root(k))
			return false;
		k = keys_find(keys, k->charter.parent);
	}
	return k != NULL; /* no end: better not */
}

static struct verdict check_renewal(const struct key *k, const struct charter *said, const struct cert_fields *f)
{
	const char *more = wider_in(said, &k->charter), *less = wider_in(&k->charter, said);
	if (more || less)
		return refused(REFUSE_RENEWAL_DIFFERS, more ? more : less);
	return refused(f->not_after > k->not_after ? 0 : REFUSE_RENEWAL_SHORTER, "not_after");
}

static struct verdict check_cross(const struct keys *keys, const struct key *issuer, const struct key *k,
				  const struct charter *said, const struct cert_fields *f)
{
	const char *more = wider_in(said, &k->charter);
	if (stands_above(keys, k, issuer))
		return refused(REFUSE_CROSS_BELOW, "ca_key");
	if (!more && f->not_after > k->not_after)
		more = "not_after";
	return refused(more ? REFUSE_CROSS_WIDER : 0, more);
}

struct verdict renewal_check(const struct keys *keys, const struct key *issuer, const struct key *subject,
			     const struct cert_fields *f, enum binding *out)
{
	struct charter said = { .path_len = 0 };
	struct constraints_buf room;
	struct verdict v = refused(key_stopped(subject), "subject_key");
	if (v.code)
		return v;
	bool by_issuer = !issuer || memcmp(subject->charter.parent, issuer->id, KEY_ID_SIZE) == 0;
	constraints_buf_init(&room);
	if (!charter_derive(issuer ? &issuer->charter : NULL, &f->constraints, f->path_len, &room, &said))
		v = refused(REFUSE_CONSTRAINTS, "name_constraints");
	else if (by_issuer && (issuer || key_is_root(subject)))
		v = check_renewal(subject, &said, f);
	else if (by_issuer)
		v = refused(REFUSE_KEY_BOUND, "key_id"); /* one that was signed by another is no root */
	else
		v = check_cross(keys, issuer, subject, &said, f);
	constraints_buf_free(&room);
	*out = by_issuer ? BINDS_RENEWED : BINDS_NOTHING;
	return v;
}

void key_renew(struct key *k, int64_t not_before, int64_t not_after)
{
	key_unreserve(k);
	if (not_before < k->not_before)
		k->not_before = not_before;
	if (not_after > k->not_after)
		k->not_after = not_after;
}
