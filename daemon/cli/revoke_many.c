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
#include "cli/revocation.h"
#include "cli/view.h"

#define MAX_SERIALS_FILE (8 * 1024 * 1024) /* bytes: MAX_ROWS serial numbers, and comments */
#define MAX_SERIAL_DIGITS 40		   /* RFC 5280 4.1.2.2 */
#define SHOWN 10			   /* rows of a preview */
#define BAR 40				   /* characters of a progress bar */

/* What a filter has found. */
struct many {
	struct cli *cli;
	const struct options *options;
	json_t *rows;	 /* to be revoked */
	json_t *strange; /* serial numbers of the file that are of no leaf of the CA */
	size_t before;	 /* those of the file that are revoked already */
};

static void many_free(struct many *m)
{
	json_decref(m->rows);
	json_decref(m->strange);
}
#define scoped_many __attribute__((cleanup(many_free))) struct many

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

static bool row_wanted(const json_t *row, const struct options *o)
{
	const char *profile = option_text(o, "profile"), *pattern = option_text(o, "subject");
	return member_is(row, "kind", "leaf") && (!profile || member_is(row, "profile", profile)) &&
	       (!pattern || pattern_matches(row, pattern));
}

static int row_take(void *with, json_t *row)
{
	struct many *m = with;
	if (!row_wanted(row, m->options))
		return CLI_DONE;
	if (json_array_size(m->rows) == MAX_ROWS)
		return problem_tell(m->cli, CLI_USAGE,
				    (struct problem){ .code = "too_many", .hint = "take a narrower filter." },
				    "these are more than %d certificates.", MAX_ROWS);
	json_array_append(m->rows, row);
	return CLI_DONE;
}

/* All that is active, but for what the filter leaves out. */
static int rows_find(struct many *m, const char *ca)
{
	scoped_buf path;
	path_init(&path, "/certificates");
	path_query(&path, "state", "active");
	path_query(&path, "limit", "1000");
	if (ca)
		path_query(&path, "ca", ca);
	return client_walk(m->cli, &path, row_take, m);
}

/* What is on hold is revoked as well, for whoever names it means it. */
static int named_take(struct many *m, json_t *row)
{
	if (member_is(row, "state", "active") || member_is(row, "revocation_reason", "certificateHold"))
		return row_take(m, row);
	m->before++;
	return CLI_DONE;
}

static int named_find(struct many *m, const char *ca, const char *digits)
{
	scoped_buf path;
	scoped_json *page = NULL;
	bool possible = strcmp(digits, "00") != 0 && strlen(digits) <= MAX_SERIAL_DIGITS;
	path_init(&path, "/certificates");
	path_query(&path, "ca", ca);
	path_query(&path, "serial", digits);
	int r = possible ? client_list(m->cli, &path, 1, &page) : CLI_DONE;
	json_t *row = json_array_get(json_object_get(page, "data"), 0);
	if (r)
		return r;
	if (row && member_is(row, "kind", "leaf"))
		return named_take(m, row);
	json_array_append_new(m->strange, json_string(digits));
	return CLI_DONE;
}

/* A file of serial numbers, one a line; what begins with # is a comment. The object has one member for each. */
static int serials_read(struct cli *c, const char *file, json_t **out)
{
	scoped_buf text = { .max = MAX_SERIALS_FILE + 1 };
	char digits[MAX_DIGITS], serial[MAX_DIGITS + 2], *rest = NULL; /* in whole octets */
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
		size_t zeros = strspn(digits, "0"), n = strlen(digits + zeros);
		snprintf(serial, sizeof(serial), "%s%s", n % 2 ? "0" : n ? "" : "00", digits + zeros);
		json_object_set_new(*out, serial, json_true());
	}
	if (json_object_size(*out) <= MAX_ROWS)
		return CLI_DONE;
	return problem_tell(c, CLI_USAGE, (struct problem){ .code = "too_many", .field = "serials" },
			    "%s has more than %d serial numbers.", file, MAX_ROWS);
}

static void progress(const char *what, size_t done, size_t all)
{
	int filled = (int)(done * BAR / all);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s [%.*s%*s] %zu of %zu%s", what, filled, "########################################",
			BAR - filled, "", done, all, done == all ? "\n" : "");
}

/* One by one: the CA may have signed a million others. */
static int serials_find(struct many *m, const char *ca, const char *file)
{
	scoped_json *serials = NULL;
	size_t done = 0;
	const char *digits;
	json_t *value;
	int r = serials_read(m->cli, file, &serials);
	if (r)
		return r;
	json_object_foreach(serials, digits, value)
	{
		r = named_find(m, ca, digits);
		if (r)
			return r;
		progress("Looking", ++done, json_object_size(serials));
	}
	return CLI_DONE;
}

static int many_find(struct many *m)
{
	const char *ca = option_text(m->options, "ca"), *file = option_text(m->options, "serials");
	char id[MAX_ID];
	int r = ca ? lookup_ca(m->cli, ca, NULL, id) : CLI_DONE;
	if (r)
		return r;
	return file ? serials_find(m, id, file) : rows_find(m, ca ? id : NULL);
}

static int row_revoke(const struct many *m, const json_t *row)
{
	scoped_buf path;
	scoped_json *answer = NULL;
	path_init(&path, "/intermediates");
	path_add(&path, member_text(row, "ca_id"));
	buf_put_text(&path, "/certificates");
	path_add(&path, member_text(row, "serial"));
	buf_put_text(&path, "/revoke");
	return client_send(m->cli, "POST", &path, revocation_body(m->options), &answer);
}

static int many_revoke(const struct many *m)
{
	size_t i, done = 0, count = json_array_size(m->rows);
	const json_t *row;
	int worst = CLI_DONE;
	json_array_foreach(m->rows, i, row)
	{
		int r = row_revoke(m, row);
		if (r && !worst)
			worst = r;
		done += r == CLI_DONE;
		progress("Revoking", i + 1, count);
	}
	if (m->cli->json) {
		scoped_json *all =
			json_pack("{s:I, s:I, s:I, s:O}", "revoked", (json_int_t)done, "failed",
				  (json_int_t)(count - done), "before", (json_int_t)m->before, "unknown", m->strange);
		int r = json_print(m->cli, all);
		return worst ? worst : r;
	}
	scoped_buf text = { .max = 256 };
	buf_printf(&text, "%zu revoked, %zu not.\n", done, count - done);
	int r = output_print(m->cli, &text);
	return worst ? worst : r;
}

static int many_preview(const struct many *m)
{
	scoped_buf text = { .max = 1024 * 1024 };
	size_t i, count = json_array_size(m->rows);
	const json_t *row;
	if (m->cli->json) {
		scoped_json *all = json_pack("{s:I, s:O, s:I, s:O}", "would_revoke", (json_int_t)count, "data", m->rows,
					     "before", (json_int_t)m->before, "unknown", m->strange);
		return json_print(m->cli, all);
	}
	json_array_foreach(m->rows, i, row) if (i < SHOWN)
		buf_printf(&text, "%.40s  %.16s  %.100s\n", member_text(row, "serial"), member_text(row, "profile"),
			   member_text(row, "subject"));
	if (count > SHOWN)
		buf_printf(&text, "and %zu more\n", count - SHOWN);
	if (m->before)
		buf_printf(&text, "%zu are revoked already.\n", m->before);
	buf_printf(&text, "%zu would be revoked; --yes does it.\n", count);
	return output_print(m->cli, &text);
}

/* Whoever names a serial number believes that there is such a certificate. */
static int strange_tell(const struct many *m)
{
	scoped_buf list = { .max = 4096 };
	size_t i, count = json_array_size(m->strange);
	const json_t *one;
	if (!count)
		return CLI_DONE;
	json_array_foreach(m->strange, i, one) if (i < SHOWN)
		buf_printf(&list, "%s%s", i ? ", " : "", json_string_value(one));
	return problem_tell(m->cli, CLI_NOT_FOUND, (struct problem){ .code = "not_found", .field = "serials" },
			    "%zu of the serial numbers are of no certificate that this CA has signed for others: %s%s",
			    count, buf_text(&list), count > SHOWN ? ", ..." : ".");
}

int cert_revoke_many(struct cli *c, const struct options *o)
{
	scoped_many m = { .cli = c, .options = o, .rows = json_array(), .strange = json_array() };
	if (!option_text(o, "ca") && !option_text(o, "profile") && !option_text(o, "subject") &&
	    !option_text(o, "serials"))
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "empty_filter" },
				    "without --ca, --profile, --subject or --serials that would be everything.");
	if (option_text(o, "serials") && !option_text(o, "ca"))
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "serial_alone", .field = "ca" },
				    "serial numbers are their CA's only: --serials needs --ca.");
	int r = many_find(&m);
	if (r)
		return r;
	r = option_flag(o, "yes") ? many_revoke(&m) : many_preview(&m);
	int strange = strange_tell(&m);
	return r ? r : strange;
}
