#include "cli/client.h"
#include "cli/detail.h"
#include "cli/groups.h"
#include "cli/member.h"
#include "cli/profile_check.h"
#include "cli/when.h"

static int profile_fetch(struct cli *c, json_t **answer)
{
	scoped_buf path;
	path_init(&path, "/profiles");
	return client_list(c, &path, 0, answer);
}

/* Seconds of a member as "30 days". */
static const char *span_shown(struct buf *scratch, const json_t *row, const char *name)
{
	buf_clear(scratch);
	span_put(scratch, json_integer_value(json_object_get(row, name)));
	return buf_text(scratch);
}

/* What a column can't show as it comes. */
static void row_prepare(json_t *row)
{
	scoped_buf span;
	buf_init(&span, 256);
	json_object_set_new(row, "longest", json_string(span_shown(&span, row, "longest_ttl_seconds")));
}

static int profile_list(struct cli *c, const struct options *o)
{
	(void)o;
	static const struct column columns[] = {
		{ "NAME", "name", SHOW_TEXT },
		{ "NAMES", "name_types", SHOW_TEXT },
		{ "FOR", "extended_key_usage", SHOW_TEXT },
		{ "LONGEST", "longest", SHOW_TEXT },
		{ "DESCRIPTION", "description", SHOW_TEXT },
	};
	scoped_json *answer = NULL;
	int r = profile_fetch(c, &answer);
	if (r)
		return r;
	if (c->json)
		return json_print(c, answer);
	size_t i;
	json_t *row;
	json_array_foreach(json_object_get(answer, "data"), i, row) row_prepare(row);
	return list_print(c, answer, columns, 5, "no profiles are open to you.");
}

/* The members as rows, and what stands for an empty one; NULL: then there is no row. */
static const struct {
	const char *label, *member, *without;
} show_rows[] = {
	{ "name", "name", "" },
	{ "description", "description", "" },
	{ "keys", "algorithms", "" },
	{ "types of names", "name_types", "" },
	{ "names within", "name_patterns", "any" },
	{ "wildcards", "wildcards", "" },
	{ "trust domain", "trust_domain", NULL },
	{ "subject from request", "subject", "nothing" },
	{ "key usage", "key_usage", "" },
	{ "for", "extended_key_usage", "any purpose" },
	{ "policies", "policies", "none" },
	{ "CRL at", "crl_urls", "not said" },
	{ "OCSP responder at", "ocsp_urls", "not said" },
	{ "issuer's certificate at", "ca_issuers_urls", "not said" },
	{ "must staple", "must_staple", "" },
	{ "refused from", "lint", "" },
};

static int show_people(struct cli *c, const json_t *row)
{
	scoped_table t;
	scoped_buf scratch, out;
	table_init_detail(&t, c->colour);
	buf_init(&scratch, MAX_ANSWER);
	buf_init(&out, MAX_ANSWER);
	for (size_t i = 0; i < sizeof(show_rows) / sizeof(show_rows[0]); i++) {
		const char *shown = member_shown(&scratch, row, show_rows[i].member);
		if (*shown || show_rows[i].without)
			table_detail(&t, show_rows[i].label, STYLE_PLAIN, *shown ? shown : show_rows[i].without);
	}
	table_detail(&t, "validity", STYLE_PLAIN, span_shown(&scratch, row, "default_ttl_seconds"));
	table_detail(&t, "longest validity", STYLE_PLAIN, span_shown(&scratch, row, "longest_ttl_seconds"));
	table_render(&t, &out);
	return output_print(c, &out);
}

static int profile_show(struct cli *c, const struct options *o)
{
	scoped_json *answer = NULL;
	int r = profile_fetch(c, &answer);
	if (r)
		return r;
	size_t i;
	const json_t *row;
	json_array_foreach(json_object_get(answer, "data"), i, row)
	{
		if (!member_is(row, "name", o->arguments[0]))
			continue;
		return c->json ? json_print(c, row) : show_people(c, row);
	}
	return problem_tell(c, CLI_NOT_FOUND,
			    (struct problem){ .code = "not_found", .hint = "`chancery profile list` shows them." },
			    "there is no profile \"%s\".", o->arguments[0]);
}

static int profile_templates(struct cli *c, const struct options *o)
{
	(void)o;
	static const struct column columns[] = {
		{ "NAME", "name", SHOW_TEXT },
		{ "DESCRIPTION", "description", SHOW_TEXT },
	};
	return list_show(c, "/constraint-templates", columns, 2,
			 "no templates; constraints.conf(5) says how to write one.");
}

const struct command profile_commands[] = {
	{ "profile", "list", 0, 0, NULL, "List the profiles that leaves are issued under.", "chancery profile list",
	  NULL, profile_list },
	{ "profile", "show", 1, 1, "NAME", "Show what a profile allows.", "chancery profile show server", NULL,
	  profile_show },
	{ "profile", "check", 0, MAX_ARGUMENTS, "FILE...", "Explain every mistake in files of profiles, asking nobody.",
	  "chancery profile check /etc/chancery/profiles", profile_check_options, profile_check },
	{ "profile", "templates", 0, 0, NULL, "List the templates of name constraints that CAs are made with.",
	  "chancery profile templates --json", NULL, profile_templates },
	{ .group = NULL },
};
