#include <string.h>

#include "cli/client.h"
#include "cli/detail.h"
#include "cli/groups.h"
#include "cli/lookup.h"
#include "cli/member.h"
#include "cli/rotation.h"

static int issuer_answer(const struct cli *c, const json_t *answer)
{
	return detail_print(c, answer, NULL);
}

static int issuer_create(struct cli *c, const struct options *o)
{
	const char *mode = option_text(o, "mode");
	scoped_buf path;
	path_init(&path, "/issuers");
	json_t *body = json_pack("{s:s,s:s}", "name", o->arguments[0], "hierarchy_mode", mode ? mode : "tree");
	int r = body_rotation(c, o, &body);
	if (r) {
		json_decref(body);
		return r;
	}
	scoped_json *answer = NULL;
	r = client_send(c, "POST", &path, body, &answer);
	return r ? r : issuer_answer(c, answer);
}

static int issuer_list(struct cli *c, const struct options *o)
{
	(void)o;
	static const struct column columns[] = {
		{ "NAME", "name", SHOW_TEXT },
		{ "MODE", "hierarchy_mode", SHOW_TEXT },
		{ "ISSUING CA", "issuing_ca_id", SHOW_TEXT },
		{ "ID", "id", SHOW_TEXT },
	};
	return list_show(c, "/issuers", columns, 4, "no issuers yet; `chancery issuer create NAME` makes one.");
}

static int issuer_show(struct cli *c, const struct options *o)
{
	char id[MAX_ID];
	int r = lookup_issuer(c, o->arguments[0], id);
	if (r)
		return r;
	scoped_buf path;
	path_init(&path, "/issuers");
	path_add(&path, id);
	scoped_json *answer = NULL;
	r = client_get(c, &path, &answer);
	return r ? r : issuer_answer(c, answer);
}

static int issuer_set(struct cli *c, const struct options *o)
{
	const char *mode = option_text(o, "mode"), *ca = option_text(o, "issuing-ca");
	char id[MAX_ID], ca_id[MAX_ID];
	if (!mode && !ca && !option_flag(o, "rotation"))
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage" },
				    "there is nothing to set: --mode, --issuing-ca or --rotation is needed.");
	int r = lookup_issuer(c, o->arguments[0], id);
	if (r == CLI_DONE && ca)
		r = lookup_ca(c, ca, id, ca_id);
	if (r)
		return r;
	scoped_buf path;
	path_init(&path, "/issuers");
	path_add(&path, id);
	json_t *body = json_object();
	if (mode)
		member_set(&body, "hierarchy_mode", json_string(mode));
	if (ca)
		member_set(&body, "issuing_ca_id", json_string(ca_id));
	r = body_rotation(c, o, &body);
	if (r) {
		json_decref(body);
		return r;
	}
	scoped_json *answer = NULL;
	r = client_send(c, "PATCH", &path, body, &answer);
	return r ? r : issuer_answer(c, answer);
}

/* From one CA that signs leaves itself to a tree: its CA stays who issues. */
static int issuer_migrate(struct cli *c, const struct options *o)
{
	char id[MAX_ID];
	int r = lookup_issuer(c, o->arguments[0], id);
	if (r)
		return r;
	scoped_buf path, change;
	path_init(&path, "/issuers");
	path_add(&path, id);
	scoped_json *issuer = NULL, *answer = NULL;
	r = client_get(c, &path, &issuer);
	if (r == CLI_DONE && !member_is(issuer, "hierarchy_mode", "single"))
		r = problem_tell(c, CLI_CONFLICT, (struct problem){ .code = "not_single" },
				 "issuer \"%s\" is a tree already.", o->arguments[0]);
	if (r)
		return r;
	path_init(&change, "/issuers");
	path_add(&change, id);
	if (option_flag(o, "dry-run"))
		path_query(&change, "dry_run", "true");
	r = client_send(c, "PATCH", &change, json_pack("{s:s}", "hierarchy_mode", "tree"), &answer);
	return r ? r : issuer_answer(c, answer);
}

static const struct option_spec migrate_options[] = {
	{ "dry-run", OPTION_FLAG, NULL, "check everything and change nothing" },
	{ .name = NULL },
};

static const struct option_spec create_options[] = {
	{ "mode", OPTION_TEXT, "single|tree", "one CA that signs leaves itself, or a tree of CAs (default tree)" },
	{ "rotation", OPTION_TEXT, ROTATION_FORM, "when its CAs' successors are made and take over" },
	{ .name = NULL },
};

static const struct option_spec set_options[] = {
	{ "mode", OPTION_TEXT, "single|tree", "the hierarchy mode" },
	{ "issuing-ca", OPTION_TEXT, "CA", "the CA that signs what is asked of the issuer" },
	{ "rotation", OPTION_TEXT, ROTATION_FORM, "when its CAs' successors are made and take over" },
	{ .name = NULL },
};

const struct command issuer_commands[] = {
	{ "issuer", "create", 1, 1, "NAME", "Make an issuer: one tree of CAs.", "chancery issuer create web",
	  create_options, issuer_create },
	{ "issuer", "list", 0, 0, NULL, "List the issuers.", "chancery issuer list --json", NULL, issuer_list },
	{ "issuer", "show", 1, 1, "ISSUER", "Show one issuer.", "chancery issuer show web", NULL, issuer_show },
	{ "issuer", "set", 1, 1, "ISSUER", "Change an issuer's mode, its issuing CA or its rule of rotation.",
	  "chancery issuer set web --mode tree --issuing-ca issuing", set_options, issuer_set },
	{ "issuer", "migrate", 1, 1, "ISSUER", "Make a tree of an issuer with one CA, which goes on issuing.",
	  "chancery issuer migrate web --dry-run", migrate_options, issuer_migrate },
	{ .group = NULL },
};
