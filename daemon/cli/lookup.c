#include "cli/lookup.h"

#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/member.h"
#include "cli/pem.h"

#define MAX_CANDIDATES 16 /* shown of an ambiguous name */
#define UUID_TEXT 36

/* A CA's id needs no list: "ica-" and a UUID. */
static bool is_ca_id(const char *text)
{
	return strncmp(text, "ica-", 4) == 0 && strlen(text) == 4 + UUID_TEXT &&
	       strspn(text + 4, "0123456789abcdef-") == UUID_TEXT;
}

static bool is_named(const json_t *row, const char *text)
{
	return member_is(row, "id", text) || member_is(row, "name", text);
}

static int id_take(const struct cli *c, const char *text, char id[MAX_ID])
{
	if (*text && snprintf(id, MAX_ID, "%s", text) < MAX_ID)
		return CLI_DONE;
	return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "bad_answer" },
			    "the front-end's answer has no usable id for that name.");
}

static int ambiguous_tell(const struct cli *c, const json_t *rows, const char *kind, const char *text)
{
	scoped_buf list;
	buf_init(&list, (MAX_CANDIDATES + 1) * 1024);
	size_t i, found = 0;
	const json_t *row;
	json_array_foreach((json_t *)rows, i, row)
	{
		if (!is_named(row, text) || ++found > MAX_CANDIDATES)
			continue;
		const char *issuer = member_text(row, "owning_issuer_id");
		buf_printf(&list, "%s%.128s", found > 1 ? ", " : "", member_text(row, "id"));
		if (*issuer)
			buf_printf(&list, " (issuer %.128s)", issuer);
	}
	return problem_tell(c, CLI_USAGE,
			    (struct problem){ .code = "ambiguous_name", .hint = "use the id, or for a CA --issuer." },
			    "%zu %ss are named \"%s\": %s.", found, kind, text, buf_text(&list));
}

/* A name is free again once its CA is retired or revoked: then it means the CA that has it now. */
static bool is_past(const json_t *row)
{
	return member_is(row, "state", "retired") || member_is(row, "state", "revoked");
}

/* An id wins over names; of names there must be one, or one that is in use. */
static int row_find(const struct cli *c, const json_t *rows, const char *kind, const char *text, char id[MAX_ID])
{
	size_t i, found = 0, in_use = 0;
	const json_t *row, *hit = NULL;
	json_array_foreach((json_t *)rows, i, row)
	{
		if (member_is(row, "id", text))
			return id_take(c, text, id);
		if (!member_is(row, "name", text))
			continue;
		found++;
		in_use += !is_past(row);
		if (!hit || is_past(hit))
			hit = row;
	}
	if (found > 1 && in_use != 1)
		return ambiguous_tell(c, rows, kind, text);
	if (hit)
		return id_take(c, member_text(hit, "id"), id);
	return problem_tell(c, CLI_NOT_FOUND,
			    (struct problem){ .code = "not_found",
					      .hint = strcmp(kind, "CA") ? "`chancery issuer list` shows them."
									 : "`chancery ca list` shows them." },
			    "there is no %s with the id or name \"%s\".", kind, text);
}

static int issuer_list_fetch(struct cli *c, json_t **answer)
{
	scoped_buf path;
	path_init(&path, "/issuers");
	return client_list(c, &path, 0, answer);
}

int lookup_issuer(struct cli *c, const char *text, char id[MAX_ID])
{
	scoped_json *issuers = NULL;
	int r = issuer_list_fetch(c, &issuers);
	return r ? r : row_find(c, json_object_get(issuers, "data"), "issuer", text, id);
}

static int issuer_ca_list(struct cli *c, const char *issuer_id, const char *format, json_t **answer)
{
	scoped_buf path;
	path_init(&path, "/issuers");
	path_add(&path, issuer_id);
	buf_put_text(&path, "/intermediates");
	if (format)
		path_query(&path, "format", format);
	return client_list(c, &path, 0, answer);
}

/* Every issuer's CAs behind each other. */
static int all_ca_list(struct cli *c, const char *format, json_t **answer)
{
	scoped_json *issuers = NULL;
	int r = issuer_list_fetch(c, &issuers);
	json_t *all = json_pack("{s:[]}", "data");
	size_t i;
	const json_t *issuer;
	json_array_foreach(json_object_get(issuers, "data"), i, issuer)
	{
		scoped_json *some = NULL;
		char id[MAX_ID];
		r = id_take(c, member_text(issuer, "id"), id);
		if (r == CLI_DONE)
			r = issuer_ca_list(c, id, format, &some);
		if (r)
			break;
		json_array_extend(json_object_get(all, "data"), json_object_get(some, "data"));
	}
	if (r)
		json_decref(all);
	else
		*answer = all;
	return r;
}

static int some_ca_list(struct cli *c, const char *issuer, const char *format, json_t **answer)
{
	char id[MAX_ID];
	if (!issuer)
		return all_ca_list(c, format, answer);
	int r = lookup_issuer(c, issuer, id);
	return r ? r : issuer_ca_list(c, id, format, answer);
}

int ca_list_fetch(struct cli *c, const char *issuer, json_t **answer)
{
	return some_ca_list(c, issuer, NULL, answer);
}

int ca_tree_fetch(struct cli *c, const char *issuer, json_t **answer)
{
	return some_ca_list(c, issuer, "tree", answer);
}

int lookup_ca(struct cli *c, const char *text, const char *issuer, char id[MAX_ID])
{
	if (is_ca_id(text))
		return id_take(c, text, id);
	scoped_json *list = NULL;
	int r = ca_list_fetch(c, issuer, &list);
	return r ? r : row_find(c, json_object_get(list, "data"), "CA", text, id);
}

int ca_path(struct cli *c, const struct options *o, const char *below, struct buf *path)
{
	char id[MAX_ID];
	path_init(path, "/intermediates");
	int r = lookup_ca(c, o->arguments[0], option_text(o, "issuer"), id);
	if (r)
		return r;
	path_add(path, id);
	buf_put_text(path, below);
	return CLI_DONE;
}

int ca_text(struct cli *c, const struct options *o, const char *below, struct buf *text)
{
	scoped_buf path;
	buf_init(&path, MAX_URL);
	buf_init(text, MAX_ANSWER);
	int r = pem_target_check(c, "out", option_text(o, "out"));
	if (r == CLI_DONE)
		r = ca_path(c, o, below, &path);
	return r ? r : client_get_text(c, &path, text);
}
