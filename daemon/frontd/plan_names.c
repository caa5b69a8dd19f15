/* Name constraints of a CA that is to be made. */
#include "frontd/plan.h"

#include <string.h>

#include "base/text.h"
#include "frontd/input.h"
#include "frontd/rules.h"

static int constraints_bad(struct call *c, const char *text, const char *why)
{
	bool shown = text && text_visible(slice_text(text)) && strlen(text) <= 200;
	return call_refuse(c, 400, "bad_name_constraint", "name_constraints", "name_constraints: %s%s%s.",
			   shown ? text : "", shown ? " " : "", why);
}

static int subtree_read(struct call *c, json_t *text, struct buf *raw, uint16_t *count)
{
	if (!json_is_string(text))
		return constraints_bad(c, NULL, "must hold lists of texts such as \"dns:example.com\"");
	scoped_buf value = { .max = MAX_NAME };
	uint8_t type = 0;
	const char *why = "";
	if (!name_parse(AS_SUBTREE, json_string_value(text), &type, &value, &why))
		return constraints_bad(c, json_string_value(text), why);
	if (*count >= MAX_SUBTREES)
		return constraints_bad(c, NULL, "at most 256 permitted and 256 excluded subtrees can be stated");
	if (!list_holds(list_of(raw, *count), type, buf_slice(&value)))
		list_put(raw, count, type, buf_slice(&value));
	return 0;
}

static int subtrees_read(struct call *c, json_t *array, struct buf *raw, uint16_t *count)
{
	if (array && !json_is_array(array))
		return constraints_bad(c, NULL, "permitted and excluded must be lists");
	int r = 0;
	for (size_t i = 0; !r && i < json_array_size(array); i++)
		r = subtree_read(c, json_array_get(array, i), raw, count);
	return r;
}

static int member_read(struct call *c, json_t *member, struct constraints_buf *out)
{
	static const char form[] = "must be a list of {\"permitted\":[…],\"excluded\":[…]}";
	json_t *permitted = json_object_get(member, "permitted"), *excluded = json_object_get(member, "excluded");
	size_t known = (permitted != NULL) + (size_t)(excluded != NULL);
	if (!json_is_object(member))
		return constraints_bad(c, NULL, form);
	if (json_object_size(member) != known)
		return call_refuse(c, 400, "unknown_field", "name_constraints", "name_constraints %s.", form);
	int r = subtrees_read(c, permitted, &out->permitted, &out->permitted_count);
	return r ? r : subtrees_read(c, excluded, &out->excluded, &out->excluded_count);
}

int plan_read_constraints(struct call *c, struct constraints_buf *out)
{
	json_t *all = json_object_get(c->body, "name_constraints");
	if (!all || json_is_null(all))
		return 0;
	if (!json_is_array(all))
		return constraints_bad(c, NULL, "must be a list of {\"permitted\":[…],\"excluded\":[…]}");
	int r = 0;
	for (size_t i = 0; !r && i < json_array_size(all); i++)
		r = member_read(c, json_array_get(all, i), out);
	return r;
}

static int constraints_refuse(struct call *c, const char *whose, enum constraints_answer answer, uint8_t type,
			      struct slice culprit)
{
	static const char *const whys[] = {
		[CONSTRAINTS_NOT_PERMITTED] = "lies outside the permitted names of the",
		[CONSTRAINTS_EXCLUDED] = "lies within the excluded names of the",
		[CONSTRAINTS_WIDER] = "is wider than the permitted names of the",
		[CONSTRAINTS_DROPPED] = "must stay excluded, as it is by the",
		[CONSTRAINTS_NOTHING_LEFT] = "is permitted, but all of it is excluded, by itself or the",
	};
	if (answer == CONSTRAINTS_TOO_MANY)
		return constraints_bad(c, NULL, "more than 256 subtrees would hold over the chain");
	scoped_buf text = { .max = 1024 };
	if (culprit.len)
		name_print(AS_SUBTREE, type, culprit, &text);
	else
		buf_put_text(&text, name_type_text(type));
	return call_refuse(c, 400, "name_constraint_exceeded", "name_constraints", "name_constraints: %.*s %s %s.",
			   (int)text_cut(buf_slice(&text), 300), text.at ? (const char *)text.at : "", whys[answer],
			   whose);
}

/* The template that the request names, which it may only tighten: from here on it is as if it had stated all of it. */
static int template_apply(struct call *c, struct plan *p, const struct template *t)
{
	struct constraints asked = constraints_of(&p->asked);
	struct constraints_buf whole;
	uint8_t type = 0;
	struct slice culprit = { 0 };
	constraints_buf_init(&whole);
	enum constraints_answer r = template_tighten(t, &asked, &type, &culprit, &whole);
	if (!r) {
		constraints_buf_free(&p->asked);
		p->asked = whole;
		return 0;
	}
	constraints_buf_free(&whole);
	return constraints_refuse(c, "template", r, type, culprit);
}

int plan_read_template(struct front *f, struct call *c, struct plan *p)
{
	const char *name;
	int r = input_text(c, "constraint_template", false, MAX_TEMPLATE_NAME, &name);
	if (r || !name)
		return r;
	scoped_rules *rules = rules_hold(f->rules);
	const struct template *t = template_find(rules->templates, name);
	if (!t)
		return call_refuse(c, 400, "unknown_template", "constraint_template",
				   "There is no such template; GET /api/v1/constraint-templates lists them.");
	p->template = name; /* the call's: the set may go */
	return template_apply(c, p, t);
}

/* A root answers to itself alone: what it permits must not be excluded altogether. */
static int root_constraints(struct call *c, struct plan *p)
{
	struct constraints asked = constraints_of(&p->asked), nothing = { 0 };
	uint8_t type = 0;
	struct slice culprit = { 0 };
	enum constraints_answer r = constraints_narrower(&asked, &nothing, &type, &culprit);
	return r ? constraints_refuse(c, "root", r, type, culprit) : 0;
}

/* A CA's own subject is among the directory names that are constrained (RFC 5280 4.2.1.10); a root's isn't. */
static int subject_check(struct call *c, const struct plan *p, const struct constraints *parent)
{
	if (!p->above.count || constraints_admit_subject(parent, items_list(&p->subject)) == CONSTRAINTS_OK)
		return 0;
	return call_refuse(c, 400, "name_not_permitted", "subject",
			   "The subject must be one of the directory names that the parent's name constraints allow.");
}

/* What the signer would refuse in a certificate, too: all that was read is canonical, but for this. */
static int stated_check(struct call *c, const struct constraints *asked)
{
	if (constraints_check(asked))
		return 0;
	return constraints_bad(c, NULL,
			       "an excluded dn: must be ASCII, since its other spellings would not be excluded");
}

int plan_constraints(struct call *c, struct plan *p)
{
	struct constraints parent = { 0 }, asked = constraints_of(&p->asked);
	if (p->above.count && constraints_unpack(p->above.ca[0].effective, &parent))
		return -1;
	uint8_t type = 0;
	struct slice culprit = { 0 };
	enum constraints_answer r = CONSTRAINTS_OK;
	if (stated_check(c, &asked) || subject_check(c, p, &parent) || (!p->above.count && root_constraints(c, p)))
		return 1;
	if (p->above.count && !constraints_empty(&asked))
		r = constraints_narrower(&asked, &parent, &type, &culprit);
	if (!r)
		r = constraints_inherit(&asked, &parent, &p->stated);
	if (r)
		return constraints_refuse(c, "parent", r, type, culprit);
	struct constraints stated = constraints_of(&p->stated);
	r = constraints_combine(&stated, &parent, &p->effective);
	if (r)
		return constraints_refuse(c, "parent", r, type, culprit);
	struct constraints effective = constraints_of(&p->effective);
	constraints_pack(&stated, &p->packed_stated);
	constraints_pack(&effective, &p->packed_effective);
	return buf_ok(&p->packed_stated) && buf_ok(&p->packed_effective) ? 0 : -1;
}
