#include "cli/revocation.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/client.h"
#include "cli/detail.h"
#include "cli/lookup.h"
#include "cli/member.h"
#include "cli/view.h"

#define FINGERPRINT_DIGITS 64
#define MAX_DIGITS 65			   /* of a serial number or a fingerprint, with the NUL */
#define MAX_SERIALS_FILE (8 * 1024 * 1024) /* bytes: MAX_ROWS serial numbers, and comments */
#define SHOWN 10			   /* rows of a preview */
#define BAR 40				   /* characters of a progress bar */

static const char *const pem_members[] = { "certificate_pem", NULL };

/* Lower case, without colons and leading zeros: as the server writes it. False: it is no hexadecimal number. */
static bool digits_take(const char *text, char out[MAX_DIGITS])
{
	size_t n = 0;
	for (; *text; text++) {
		char d = *text >= 'A' && *text <= 'F' ? (char)(*text - 'A' + 'a') : *text;
		if (d == ':')
			continue;
		if (n == MAX_DIGITS - 1 || !strchr("0123456789abcdef", d))
			return false;
		out[n++] = d;
	}
	out[n] = '\0';
	return n > 0;
}

/* Whose is it? One serial number can be that of several CAs. */
static int candidates_tell(struct cli *c, const char *serial)
{
	scoped_buf path, list;
	scoped_json *found = NULL;
	size_t i;
	const json_t *row;
	buf_init(&list, 4096);
	path_init(&path, "/certificates");
	path_query(&path, "serial", serial);
	int r = client_list(c, &path, SHOWN, &found);
	if (r)
		return r;
	json_array_foreach(json_object_get(found, "data"), i, row) buf_printf(
		&list, "%s--ca %.64s (%.200s)", i ? ", " : "", member_text(row, "ca_id"), member_text(row, "subject"));
	if (!i)
		return problem_tell(c, CLI_NOT_FOUND, (struct problem){ .code = "not_found" },
				    "no certificate has the serial number %s.", serial);
	return problem_tell(c, CLI_USAGE,
			    (struct problem){ .code = "serial_alone",
					      .field = "ca",
					      .hint = "say which with --ca, or "
						      "name it by its SHA-256 fingerprint." },
			    "a serial number is its CA's only; %s is that of: %s.", serial, buf_text(&list));
}

static int named_path(struct cli *c, const struct options *o, const char *below, struct buf *path)
{
	const char *ca = option_text(o, "ca");
	char digits[MAX_DIGITS], id[MAX_ID];
	if (!digits_take(o->arguments[0], digits))
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage" },
				    "\"%s\" is neither a serial number nor a SHA-256 fingerprint, in hex.",
				    o->arguments[0]);
	if (!ca && strlen(digits) != FINGERPRINT_DIGITS)
		return candidates_tell(c, digits);
	int r = ca ? lookup_ca(c, ca, NULL, id) : CLI_DONE;
	if (r)
		return r;
	path_init(path, ca ? "/intermediates" : "/certificates");
	if (ca) {
		path_add(path, id);
		buf_put_text(path, "/certificates");
	}
	path_add(path, digits);
	buf_put_text(path, below);
	if (option_flag(o, "dry-run"))
		path_query(path, "dry_run", "true");
	return CLI_DONE;
}

static json_t *body_make(const struct options *o)
{
	json_t *body = json_object();
	if (option_text(o, "reason"))
		member_set(&body, "reason", json_string(option_text(o, "reason")));
	if (option_text(o, "note"))
		member_set(&body, "note", json_string(option_text(o, "note")));
	return body;
}

static int step_send(struct cli *c, const struct options *o, struct buf *path)
{
	scoped_json *answer = NULL;
	int r = client_send(c, "POST", path, body_make(o), &answer);
	if (r)
		return r;
	return c->json ? json_print(c, answer) : detail_print(c, answer, pem_members);
}

int cert_revoke(struct cli *c, const struct options *o)
{
	scoped_buf path = { .max = MAX_URL };
	int r = named_path(c, o, "/revoke", &path);
	return r ? r : step_send(c, o, &path);
}

int cert_release(struct cli *c, const struct options *o)
{
	scoped_buf path = { .max = MAX_URL };
	int r = named_path(c, o, "/release", &path);
	return r ? r : step_send(c, o, &path);
}

int ca_revoke(struct cli *c, const struct options *o)
{
	scoped_buf path = { .max = MAX_URL };
	int r = ca_path(c, o, "/revoke", &path);
	if (r == CLI_DONE && option_flag(o, "dry-run"))
		path_query(&path, "dry_run", "true");
	return r ? r : step_send(c, o, &path);
}

/* A file of serial numbers, one a line; what begins with # is a comment. */
static int serials_read(struct cli *c, const char *file, json_t **out)
{
	scoped_buf text = { .max = MAX_SERIALS_FILE };
	char digits[MAX_DIGITS], *rest = NULL;
	if (fd_read_file(file, MAX_SERIALS_FILE, &text) != 0)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "unreadable", .field = "serials" },
				    "%s can't be read.", file);
	buf_put_u8(&text, 0);
	*out = json_object();
	for (char *line = buf_ok(&text) ? strtok_r((char *)text.at, "\r\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\r\n", &rest)) {
		if (*line == '#')
			continue;
		if (!digits_take(line, digits))
			return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage", .field = "serials" },
					    "%s: \"%.64s\" is no serial number in hex.", file, line);
		json_object_set_new(*out, digits + strspn(digits, "0"), json_true());
	}
	return CLI_DONE;
}

static bool pattern_matches(const json_t *row, const char *pattern)
{
	size_t i;
	const json_t *name;
	if (fnmatch(pattern, member_text(row, "subject"), 0) == 0)
		return true;
	json_array_foreach(json_object_get(row, "names"), i, name)
	{
		const char *text = json_string_value(name);
		if (text && fnmatch(pattern, text, 0) == 0)
			return true;
	}
	return false;
}

static bool row_wanted(const json_t *row, const struct options *o, const json_t *serials)
{
	const char *profile = option_text(o, "profile"), *pattern = option_text(o, "subject");
	const char *serial = member_text(row, "serial");
	return member_is(row, "kind", "leaf") && (!profile || member_is(row, "profile", profile)) &&
	       (!pattern || pattern_matches(row, pattern)) &&
	       (!serials || json_object_get(serials, serial + strspn(serial, "0")));
}

/* What the filter finds among all that is active. */
static int many_find(struct cli *c, const struct options *o, json_t **out)
{
	const char *ca = option_text(o, "ca"), *file = option_text(o, "serials");
	scoped_json *serials = NULL, *all = NULL;
	scoped_buf path;
	char id[MAX_ID];
	size_t i;
	json_t *row;
	path_init(&path, "/certificates");
	path_query(&path, "state", "active");
	int r = file ? serials_read(c, file, &serials) : CLI_DONE;
	if (r == CLI_DONE && ca && (r = lookup_ca(c, ca, NULL, id)) == CLI_DONE)
		path_query(&path, "ca", id);
	if (r == CLI_DONE)
		r = client_list(c, &path, 0, &all);
	*out = json_array();
	json_array_foreach(json_object_get(all, "data"), i, row) if (row_wanted(row, o, serials))
		json_array_append(*out, row);
	return r;
}

static void progress(size_t done, size_t all)
{
	int filled = (int)(done * BAR / all);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r[%.*s%*s] %zu of %zu%s", filled, "########################################",
			BAR - filled, "", done, all, done == all ? "\n" : "");
}

static int many_revoke(struct cli *c, const struct options *o, const json_t *rows)
{
	size_t i, done = 0, count = json_array_size(rows);
	const json_t *row;
	int worst = CLI_DONE;
	json_array_foreach((json_t *)rows, i, row)
	{
		scoped_buf path;
		scoped_json *answer = NULL;
		path_init(&path, "/intermediates");
		path_add(&path, member_text(row, "ca_id"));
		buf_put_text(&path, "/certificates");
		path_add(&path, member_text(row, "serial"));
		buf_put_text(&path, "/revoke");
		int r = client_send(c, "POST", &path, body_make(o), &answer);
		if (r && !worst)
			worst = r;
		done += r == CLI_DONE;
		progress(i + 1, count);
	}
	scoped_buf text = { .max = 256 };
	if (c->json)
		buf_printf(&text, "{\"revoked\": %zu, \"failed\": %zu}\n", done, count - done);
	else
		buf_printf(&text, "%zu revoked, %zu not.\n", done, count - done);
	int r = output_print(c, &text);
	return worst ? worst : r;
}

static int many_preview(const struct cli *c, const json_t *rows)
{
	scoped_buf text = { .max = 1024 * 1024 };
	size_t i, count = json_array_size(rows);
	const json_t *row;
	if (c->json) {
		scoped_json *all = json_pack("{s:I, s:O}", "would_revoke", (json_int_t)count, "data", rows);
		return json_print(c, all);
	}
	json_array_foreach((json_t *)rows, i, row) if (i < SHOWN)
		buf_printf(&text, "%.40s  %.16s  %.100s\n", member_text(row, "serial"), member_text(row, "profile"),
			   member_text(row, "subject"));
	if (count > SHOWN)
		buf_printf(&text, "and %zu more\n", count - SHOWN);
	buf_printf(&text, "%zu would be revoked; --yes does it.\n", count);
	return output_print(c, &text);
}

int cert_revoke_many(struct cli *c, const struct options *o)
{
	scoped_json *rows = NULL;
	if (!option_text(o, "ca") && !option_text(o, "profile") && !option_text(o, "subject") &&
	    !option_text(o, "serials"))
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "empty_filter" },
				    "without --ca, --profile, --subject or --serials that would be everything.");
	if (option_text(o, "serials") && !option_text(o, "ca"))
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "serial_alone", .field = "ca" },
				    "serial numbers are their CA's only: --serials needs --ca.");
	int r = many_find(c, o, &rows);
	if (r)
		return r;
	return option_flag(o, "yes") ? many_revoke(c, o, rows) : many_preview(c, rows);
}

#define REASON_OPTION                                                                                                  \
	{                                                                                                              \
		"reason", OPTION_TEXT, "REASON",                                                                       \
			"keyCompromise, superseded, cessationOfOperation, ... as RFC 5280 has them"                    \
	}
#define NOTE_OPTION                                                                                                    \
	{                                                                                                              \
		"note", OPTION_TEXT, "TEXT", "why, for the record"                                                     \
	}

const struct option_spec cert_revoke_options[] = {
	{ "ca", OPTION_TEXT, "CA", "whose serial number it is" },
	REASON_OPTION,
	NOTE_OPTION,
	{ "dry-run", OPTION_FLAG, NULL, "check everything and change nothing" },
	{ .name = NULL },
};

const struct option_spec cert_release_options[] = {
	{ "ca", OPTION_TEXT, "CA", "whose serial number it is" },
	NOTE_OPTION,
	{ "dry-run", OPTION_FLAG, NULL, "check everything and change nothing" },
	{ .name = NULL },
};

const struct option_spec cert_revoke_many_options[] = {
	{ "ca", OPTION_TEXT, "CA", "what this CA issued" },
	{ "profile", OPTION_TEXT, "NAME", "what was issued by this profile" },
	{ "subject", OPTION_TEXT, "PATTERN", "with this subject or name, where * stands for anything" },
	{ "serials", OPTION_TEXT, "FILE", "whose serial numbers stand in a file, one a line; with --ca" },
	REASON_OPTION,
	NOTE_OPTION,
	{ "yes", OPTION_FLAG, NULL, "do it; else it is only told what would be revoked" },
	{ .name = NULL },
};

const struct option_spec ca_revoke_options[] = {
	{ "issuer", OPTION_TEXT, "ISSUER", "only the CAs of this issuer" },	 REASON_OPTION,	   NOTE_OPTION,
	{ "dry-run", OPTION_FLAG, NULL, "check everything and change nothing" }, { .name = NULL },
};
