/* Looking at CAs: as a list, as a tree, one, and its chain. */
#include <string.h>

#include "frontd/answer.h"
#include "frontd/chain.h"
#include "frontd/front.h"
#include "frontd/hierarchy.h"
#include "frontd/lineage.h"
#include "frontd/view.h"

struct listing {
	json_t *data;
	struct lineage lineage;
};

static int append_ca(void *with, const struct ca_row *row)
{
	struct listing *l = with;
	return json_array_append_new(l->data, view_ca(row)) || lineage_put(&l->lineage, row) ? -1 : 0;
}

static const char *member_text(json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

/* Hangs each CA under its parent; what is left are the roots. CAs come in the order in which they were made. */
static json_t *tree_of(json_t *list)
{
	json_t *roots = json_array(), *by_id = json_object(), *ca;
	size_t i;
	json_array_foreach(list, i, ca)
	{
		json_object_set_new(ca, "children", json_array());
		json_object_set(by_id, member_text(ca, "id"), ca);
		json_t *parent = json_object_get(by_id, member_text(ca, "parent_ca_id"));
		json_array_append(parent ? json_object_get(parent, "children") : roots, ca);
	}
	json_decref(by_id);
	return roots;
}

/* Whether a CA above it is revoked: then nobody takes what it signs. */
static void broken_show(json_t *list)
{
	json_t *by_id = json_object(), *ca;
	size_t i;
	json_array_foreach(list, i, ca) json_object_set(by_id, member_text(ca, "id"), ca);
	json_array_foreach(list, i, ca)
	{
		json_t *above = ca;
		bool broken = false;
		for (int depth = 0; !broken && depth < MAX_CHAIN && above; depth++) {
			above = json_object_get(by_id, member_text(above, "parent_ca_id"));
			broken = strcmp(member_text(above, "state"), "revoked") == 0;
		}
		json_object_set_new(ca, "broken", json_boolean(broken));
	}
	json_decref(by_id);
}

static int broken_find(struct store_session *s, const char *ca_id, json_t *ca)
{
	scoped_chain chain = { 0 };
	bool broken = false;
	int r = chain_load(s, ca_id, &chain);
	for (size_t i = 1; i < chain.count; i++)
		broken = broken || slice_equal(chain.ca[i].state, slice_text("revoked"));
	return r || !ca ? -1 : json_object_set_new(ca, "broken", json_boolean(broken));
}

static void lineage_add(const struct lineage *l, json_t *list)
{
	json_t *ca;
	size_t i;
	json_array_foreach(list, i, ca)
	{
		const struct lineage_ca *row = lineage_find(l, member_text(ca, "id"));
		if (row)
			lineage_show(row, ca);
	}
}

int intermediate_list(struct front *f, struct call *c)
{
	const char *format = c->query(c, "format");
	if (format && strcmp(format, "tree") != 0 && strcmp(format, "list") != 0)
		return call_refuse(c, 400, "bad_field", "format", "format must be \"list\" or \"tree\".");
	scoped_session *s = NULL;
	scoped_row(issuer) issuer = { 0 };
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = store_issuer_find(s, c->param[0], &issuer);
	if (r)
		return r < 0 ? answer_store(c) : answer_no_issuer(c);
	struct listing l = { .data = json_array() };
	r = store_ca_list(s, c->param[0], append_ca, &l);
	if (!r)
		r = lineage_work_out(f, &issuer, &l.lineage);
	if (!r)
		lineage_add(&l.lineage, l.data);
	lineage_free(&l.lineage);
	json_t *data = l.data;
	if (!r)
		broken_show(data);
	if (r) {
		json_decref(data);
		return answer_store(c);
	}
	if (format && strcmp(format, "tree") == 0) {
		json_t *roots = tree_of(data);
		json_decref(data);
		data = roots;
	}
	return call_reply(c, 200, json_pack("{s:o}", "data", data));
}

int intermediate_get(struct front *f, struct call *c)
{
	scoped_session *s = NULL;
	scoped_row(ca) row = { 0 };
	int r = answer_ca(f, c, &s, &row);
	if (r)
		return r;
	scoped_row(issuer) issuer = { 0 };
	scoped_lineage l = { 0 };
	json_t *ca = view_ca(&row);
	broken_find(s, c->param[0], ca);
	if (ca && store_issuer_find(s, row_text(row.issuer_id), &issuer) == STORE_DONE &&
	    lineage_read(f, s, &issuer, &l) == 0 && lineage_find(&l, c->param[0]))
		lineage_show(lineage_find(&l, c->param[0]), ca);
	return call_reply(c, 200, ca);
}

int intermediate_chain(struct front *f, struct call *c)
{
	const char *root = c->query(c, "root");
	if (root && strcmp(root, "true") != 0 && strcmp(root, "false") != 0)
		return call_refuse(c, 400, "bad_field", "root", "root must be \"true\" or \"false\".");
	scoped_session *s = NULL;
	scoped_chain chain = { 0 };
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = chain_load(s, c->param[0], &chain);
	if (r < 0)
		return answer_store(c);
	if (r || ca_reserved(&chain.ca[0]))
		return answer_no_ca(c);
	if (!chain.ca[0].certificate.len)
		return call_refuse(c, 409, "no_certificate", NULL,
				   "The CA has no certificate yet, so it has no chain.");
	if (slice_equal(chain.ca[0].state, slice_text("withheld")))
		return answer_withheld(c);
	size_t to = root && strcmp(root, "false") == 0 ? chain.count - 1 : chain.count;
	char *pem = chain_pem(&chain, 0, to);
	return pem ? call_reply_text(c, 200, pem, "application/x-pem-file") : answer_store(c);
}
