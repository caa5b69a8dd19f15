#include "cli/audit_charter.h"

#include <string.h>

#include "cli/client.h"
#include "cli/detail.h"
#include "cli/lookup.h"
#include "cli/member.h"
#include "cli/table.h"

/* "at most 400 days; at most 60 a minute, 120 at once; 12 of 1000 today". */
static void kind_put(struct buf *out, const json_t *kind)
{
	scoped_buf value;
	buf_init(&value, 256);
	if (!json_is_true(json_object_get(kind, "allowed"))) {
		buf_put_text(out, "no");
		return;
	}
	buf_printf(out, "at most %s days", member_shown(&value, kind, "days"));
	if (json_is_integer(json_object_get(kind, "per_minute"))) {
		buf_printf(out, "; %s a minute", member_shown(&value, kind, "per_minute"));
		buf_printf(out, ", %s at once", member_shown(&value, kind, "burst"));
	}
	buf_printf(out, "; %s", member_shown(&value, kind, "today"));
	if (json_is_integer(json_object_get(kind, "per_day")))
		buf_printf(out, " of %s", member_shown(&value, kind, "per_day"));
	buf_put_text(out, " today");
}

static void kinds_fill(struct table *t, const json_t *ceilings)
{
	const char *key;
	json_t *kind;
	json_object_foreach(json_object_get(ceilings, "kinds"), key, kind)
	{
		scoped_buf text, label;
		buf_init(&text, 1024);
		buf_init(&label, 128);
		kind_put(&text, kind);
		buf_printf(&label, "ceilings, %s", key);
		table_detail(t, buf_text(&label), STYLE_PLAIN, buf_text(&text));
	}
}

static void row(struct table *t, const json_t *object, const char *member, const char *label, const char *none)
{
	scoped_buf value;
	buf_init(&value, MAX_ANSWER);
	const char *text = member_shown(&value, object, member);
	table_detail(t, label, STYLE_PLAIN, *text ? text : none);
}

/* A list of objects with permitted and excluded: each of the two in a row of its own. */
static void names_fill(struct table *t, const json_t *charter)
{
	const json_t *sets = member_list(charter, "effective_name_constraints");
	const json_t *first = json_array_get(sets, 0);
	row(t, first, "permitted", "charter, names permitted", "any");
	row(t, first, "excluded", "charter, names excluded", "none");
}

static void charter_fill(struct table *t, const json_t *charter)
{
	row(t, charter, "subject", "charter, subject", "-");
	row(t, charter, "parent_ca_id", "charter, issuer", "itself, or outside this ledger");
	row(t, charter, "path_len_constraint", "charter, path length", "none");
	names_fill(t, charter);
	row(t, charter, "ext_key_usages", "charter, extended key usages", "any");
	row(t, charter, "not_before", "charter, valid from", "-");
	row(t, charter, "not_after", "charter, valid until", "-");
}

static void ceilings_fill(struct table *t, const json_t *ceilings)
{
	kinds_fill(t, ceilings);
	row(t, ceilings, "backdate_seconds", "ceilings, seconds before now", "-");
	row(t, ceilings, "ahead_seconds", "ceilings, seconds after now", "-");
	row(t, ceilings, "crl_days", "ceilings, days of a CRL", "-");
	row(t, ceilings, "ocsp_days", "ceilings, days of an OCSP answer", "-");
	row(t, ceilings, "name_types", "ceilings, types of names", "none");
	row(t, ceilings, "subject_keys", "ceilings, keys of leaves", "none");
	row(t, ceilings, "key_usages", "ceilings, key usages", "none");
	row(t, ceilings, "ext_key_usages", "ceilings, extended key usages",
	    json_is_null(json_object_get(ceilings, "ext_key_usages")) ? "any" : "none");
	row(t, ceilings, "opaque_extensions", "ceilings, other extensions", "none");
}

static void holds_fill(struct table *t, const json_t *holds)
{
	const char *kind;
	json_t *until;
	size_t kinds = 0;
	json_object_foreach(json_object_get(holds, "signs_until"), kind, until)
	{
		scoped_buf label;
		buf_init(&label, 128);
		buf_printf(&label, "holds, %s until at most", kind);
		table_detail(t, buf_text(&label), STYLE_GOOD, json_string_value(until));
		kinds++;
	}
	if (!kinds)
		table_detail(t, "holds, signs", STYLE_WARN, "no certificates");
	row(t, holds, "child_path_len_constraint", "holds, path length of a child", "-");
	row(t, holds, "ext_key_usages", "holds, extended key usages",
	    json_is_null(json_object_get(holds, "ext_key_usages")) ? "any" : "none");
}

int audit_charter(struct cli *c, const struct options *o)
{
	char id[MAX_ID];
	int r = lookup_ca(c, o->arguments[0], option_text(o, "issuer"), id);
	if (r)
		return r;
	scoped_buf path;
	path_init(&path, "/intermediates");
	path_add(&path, id);
	path_add(&path, "charter");
	scoped_json *answer = NULL;
	r = client_get(c, &path, &answer);
	if (r || c->json)
		return r ? r : json_print(c, answer);
	scoped_table t;
	table_init_detail(&t, c->colour);
	row(&t, answer, "name", "CA", "-");
	row(&t, answer, "class", "class of key", "-");
	row(&t, answer, "algorithm", "algorithm", "-");
	const char *state = member_text(answer, "key_state");
	table_detail(&t, "key", strcmp(state, "bound") == 0 ? STYLE_GOOD : STYLE_WARN, state);
	charter_fill(&t, json_object_get(answer, "charter"));
	ceilings_fill(&t, json_object_get(answer, "ceilings"));
	holds_fill(&t, json_object_get(answer, "holds"));
	scoped_buf out;
	buf_init(&out, 4 * MAX_TABLE_TEXT);
	table_render(&t, &out);
	return output_print(c, &out);
}
