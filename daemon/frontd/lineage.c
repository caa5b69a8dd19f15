#include "frontd/lineage.h"

#include <string.h>

#include "frontd/rules.h"
#include "frontd/view.h"

#define DAY 86400
#define PARTS 3 /* of its life a CA spends at most the last third on not being cut short */

void lineage_free(struct lineage *l)
{
	for (size_t i = 0; i < l->count; i++)
		lineage_row_free(&l->all[i].row);
	free(l->all);
	free(l->by_id);
	*l = (struct lineage){ 0 };
}

static int row_take(void *with, struct lineage_row *row)
{
	struct lineage *l = with;
	if ((l->count & (l->count - 1)) == 0) { /* full at each power of two */
		struct lineage_ca *all = realloc(l->all, (l->count ? 2 * l->count : 1) * sizeof(*all));
		if (!all)
			return -1;
		l->all = all;
	}
	l->all[l->count++] = (struct lineage_ca){ .row = *row };
	row->memory = NULL;
	return 0;
}

static struct slice copy_text(struct slice text, uint8_t **room)
{
	struct slice copy = { *room, text.len };
	if (text.len)
		memcpy(*room, text.at, text.len);
	(*room)[text.len] = 0;
	*room += text.len + 1;
	return copy;
}

int lineage_put(struct lineage *l, const struct ca_row *ca)
{
	const struct slice texts[] = { ca->id,	  ca->parent_id, ca->predecessor_id, ca->name,
				       ca->state, ca->held,	 ca->rotation };
	size_t need = 0;
	if (slice_equal(ca->state, slice_text("withheld")))
		return 0; /* it is nobody's parent, nor successor */
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		need += texts[i].len + 1;
	uint8_t *room = malloc(need);
	if (!room)
		return -1;
	struct lineage_row row = { .path_len = ca->path_len,
				   .not_before = ca->not_before,
				   .not_after = ca->not_after,
				   .ttl = ca->ttl,
				   .created_at = ca->created_at,
				   .outsider = ca->outsider,
				   .memory = room };
	memcpy(row.key_id, ca->key_id, sizeof(row.key_id));
	row.id = copy_text(ca->id, &room);
	row.parent_id = copy_text(ca->parent_id, &room);
	row.predecessor_id = copy_text(ca->predecessor_id, &room);
	row.name = copy_text(ca->name, &room);
	row.state = copy_text(ca->state, &room);
	row.held = copy_text(ca->held, &room);
	row.rotation = copy_text(ca->rotation, &room);
	row.csr.len = ca->csr.len; /* whether there is one */
	int r = row_take(l, &row);
	lineage_row_free(&row);
	return r;
}

static int id_order(const void *a, const void *b)
{
	const struct lineage_ca *const *x = a, *const *y = b;
	return slice_compare((*x)->row.id, (*y)->row.id);
}

struct lineage_ca *lineage_find(const struct lineage *l, const char *id)
{
	const struct lineage_ca wanted = { .row = { .id = slice_text(id) } }, *key = &wanted;
	struct lineage_ca **found =
		l->count ? bsearch(&key, l->by_id, l->count, sizeof(struct lineage_ca *), id_order) : NULL;
	return found ? *found : NULL;
}

bool lineage_is(const struct lineage_ca *ca, const char *state)
{
	return slice_equal(ca->row.state, slice_text(state));
}

static bool is_live(const struct lineage_ca *ca)
{
	return lineage_is(ca, "created") || lineage_is(ca, "active");
}

/* Rows come in the order in which they were made: a later one takes the place, unless it was given up. */
static void successor_set(struct lineage_ca *ca)
{
	struct lineage_ca *before = ca->predecessor;
	if (before && (!before->successor || is_live(ca) || !is_live(before->successor)))
		before->successor = ca;
}

static int lineage_link(struct lineage *l)
{
	l->by_id = calloc(l->count + 1, sizeof(struct lineage_ca *));
	if (!l->by_id)
		return -1;
	for (size_t i = 0; i < l->count; i++)
		l->by_id[i] = &l->all[i];
	qsort(l->by_id, l->count, sizeof(struct lineage_ca *), id_order);
	for (size_t i = 0; i < l->count; i++) {
		struct lineage_ca *ca = &l->all[i];
		ca->parent = lineage_find(l, row_text(ca->row.parent_id));
		ca->predecessor = lineage_find(l, row_text(ca->row.predecessor_id));
		successor_set(ca);
	}
	return 0;
}

int64_t lineage_ttl(const struct lineage_ca *ca)
{
	return ca->row.ttl ? ca->row.ttl : ca->row.not_after - ca->row.not_before + 1;
}

static int64_t longest_leaf(const struct profiles *profiles)
{
	int64_t longest = 0;
	const struct profile *p;
	for (size_t i = 0; (p = profile_at(profiles, i)); i++)
		if (p->longest_ttl > longest)
			longest = p->longest_ttl;
	return longest;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Its end, and what that makes of its parent's span; parents come first. */
static void set_end(struct lineage_ca *ca)
{
	ca->end = ca->parent ? least(ca->row.not_after, ca->parent->end) : ca->row.not_after;
	bool counts = ca->parent && !lineage_is(ca, "retired") && !lineage_is(ca, "revoked");
	if (counts && lineage_ttl(ca) > ca->parent->span)
		ca->parent->span = lineage_ttl(ca);
}

/*
 * A root's successor has to reach those who trust it: if it was made late it gets the time between the two dates of
 * the rule all the same, as far as the old root reaches.
 */
static int64_t anchor_at(const struct lineage_ca *ca, int64_t overlap, int64_t lead)
{
	int64_t reached = ca->successor->row.created_at + overlap, at = ca->activate_at;
	if (reached <= at)
		return at;
	return ca->end - lead <= at ? at : least(reached, ca->end - lead);
}

static void set_dates(struct lineage_ca *ca, int64_t ca_span, int64_t leaf_span)
{
	int64_t life = ca->end - ca->row.not_before + 1;
	life = life < 0 ? 0 : life;
	if (!ca->span)
		ca->span = ca->row.path_len == 0 ? leaf_span : ca_span;
	ca->span = least(ca->span, life / PARTS);
	int64_t capped_at = ca->end - ca->span, prepare = least(ca->rule.prepare, life / 2),
		activate = least(ca->rule.activate, life / 6);
	ca->prepare_at = capped_at - prepare;
	ca->activate_at = capped_at - activate;
	if (!ca->row.parent_id.len && ca->successor)
		ca->activate_at = anchor_at(ca, prepare - activate, activate);
}

int lineage_work_out(struct front *f, const struct issuer_row *issuer, struct lineage *l)
{
	if (lineage_link(l))
		return -1;
	scoped_rules *rules = f->rules ? rules_hold(f->rules) : NULL;
	int64_t leaf = rules ? longest_leaf(rules->profiles) : 0;
	for (size_t i = 0; i < l->count; i++)
		set_end(&l->all[i]);
	for (size_t i = 0; i < l->count; i++) {
		l->all[i].rule = rule_of(l->all[i].row.rotation, issuer->rotation);
		l->all[i].rule.off |= l->all[i].row.outsider != 0; /* its holder sees to that */
		set_dates(&l->all[i], f->ca_days * DAY, leaf);
	}
	return 0;
}

int lineage_read(struct front *f, struct store_session *s, const struct issuer_row *issuer, struct lineage *out)
{
	*out = (struct lineage){ 0 };
	return store_lineage_list(s, row_text(issuer->id), row_take, out) ? -1 : lineage_work_out(f, issuer, out);
}

bool lineage_in_use(const struct lineage_ca *ca)
{
	return lineage_is(ca, "active") && !(ca->predecessor && lineage_is(ca->predecessor, "active"));
}

const struct lineage_ca *lineage_newest(const struct lineage_ca *ca)
{
	while (!lineage_is(ca, "active") && ca->successor && !lineage_is(ca->successor, "created"))
		ca = ca->successor;
	return ca;
}

const struct lineage_ca *lineage_signer(const struct lineage_ca *ca, int64_t until)
{
	if (!ca->parent)
		return NULL;
	const struct lineage_ca *parent = lineage_newest(ca->parent), *next = parent->successor;
	bool reaches = next && lineage_is(next, "active") && !next->row.held.len && next->end > parent->end;
	return parent->end < until && reaches ? next : parent;
}

enum lineage_duty lineage_due(const struct lineage_ca *ca, int64_t now)
{
	bool followed = ca->successor && lineage_is(ca->successor, "active");
	if (lineage_is(ca, "retiring"))
		return ca->successor && !lineage_is(ca->successor, "created") ? DUTY_RETIRE : DUTY_NONE;
	if (!lineage_in_use(ca) || ca->rule.off)
		return DUTY_NONE;
	if (followed && !ca->successor->row.held.len)
		return now >= ca->activate_at ? DUTY_ACTIVATE : DUTY_NONE;
	bool wanted = !ca->successor || !is_live(ca->successor);
	return wanted && !ca->row.held.len && now >= ca->prepare_at ? DUTY_PREPARE : DUTY_NONE;
}

int64_t lineage_next(const struct lineage_ca *ca, int64_t now)
{
	if (!lineage_in_use(ca) || ca->rule.off)
		return INT64_MAX;
	return ca->prepare_at > now ? ca->prepare_at : ca->activate_at > now ? ca->activate_at : INT64_MAX;
}

void lineage_show(const struct lineage_ca *ca, json_t *view)
{
	bool followed = ca->successor && (!lineage_is(ca->successor, "created") || ca->successor->row.csr.len);
	bool rotates = lineage_in_use(ca) && !ca->rule.off;
	json_object_set_new(view, "successor_ca_id", followed ? view_text(ca->successor->row.id) : json_null());
	json_object_set_new(view, "next_rotation",
			    rotates ? json_pack("{s:o, s:o}", "prepare_at", view_time(ca->prepare_at), "activate_at",
						view_time(ca->activate_at))
				    : json_null());
}
