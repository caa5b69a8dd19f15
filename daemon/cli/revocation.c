#include "cli/revocation.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/body.h"
#include "cli/client.h"
#include "cli/detail.h"
#include "cli/lookup.h"
#include "cli/member.h"
#include "cli/view.h"

#define FINGERPRINT_DIGITS 64
#define SHOWN 10 /* CAs that have used a serial number */

static const char *const pem_members[] = { "certificate_pem", NULL };

bool digits_take(const char *text, char out[MAX_DIGITS])
{
	size_t n = 0;
	for (; *text; text++) {
		char d = (char)tolower((unsigned char)*text);
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
	path_dry_run(path, o);
	return CLI_DONE;
}

json_t *revocation_body(const struct options *o)
{
	json_t *body = json_object();
	body_text(&body, "reason", o, "reason");
	body_text(&body, "note", o, "note");
	return body;
}

static int step_send(struct cli *c, const struct options *o, struct buf *path)
{
	scoped_json *answer = NULL;
	int r = client_send(c, "POST", path, revocation_body(o), &answer);
	return r ? r : detail_print(c, answer, pem_members);
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
