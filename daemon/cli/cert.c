#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/body.h"
#include "cli/client.h"
#include "cli/detail.h"
#include "cli/groups.h"
#include "cli/lookup.h"
#include "cli/member.h"
#include "cli/outside.h"
#include "cli/pem.h"
#include "cli/revocation.h"

#define MAX_HEX 128 /* digits: a fingerprint has 64, a serial at most 40 */
#define FINGERPRINT_DIGITS 64
#define MAX_SERIAL_DIGITS 40 /* RFC 5280 4.1.2.2: 20 octets */

static const char *const pem_members[] = { "certificate_pem", "chain_pem", "root_pem", "csr_pem", NULL };

/* Upper case and colons, as other programs print them, are taken too. */
static int hex_take(const struct cli *c, const char *what, size_t most, const char *text, char out[MAX_HEX])
{
	size_t n = 0;
	for (const char *at = text; *at && n < MAX_HEX - 1; at++) {
		if (*at == ':')
			continue;
		out[n] = *at;
		if (*at >= 'A' && *at <= 'F')
			out[n] = (char)(*at - 'A' + 'a');
		n++;
	}
	out[n] = '\0';
	if (n && n <= most && strspn(out, "0123456789abcdef") == n)
		return CLI_DONE;
	return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage", .field = what },
			    "a %s is at most %zu hex digits, not \"%s\".", what, most, text);
}

static int issue_path(struct cli *c, const struct options *o, struct buf *path)
{
	const char *ca = option_text(o, "ca"), *issuer = option_text(o, "issuer");
	char id[MAX_ID];
	path_init(path, ca ? "/intermediates" : "/issuers");
	int r = ca ? lookup_ca(c, ca, issuer, id) : lookup_issuer(c, issuer, id);
	path_add(path, r ? "" : id);
	buf_put_text(path, "/certificates");
	path_dry_run(path, o);
	return r;
}

static int issue_targets_check(const struct cli *c, const struct options *o)
{
	static const char *const targets[] = { "out", "chain", "root" };
	int r = CLI_DONE;
	for (size_t i = 0; r == CLI_DONE && i < 3; i++)
		r = pem_target_check(c, targets[i], option_text(o, targets[i]));
	return r;
}

/* All that can be found wrong before anything is asked of the server. */
static int issue_check(const struct cli *c, const struct options *o, struct buf *csr)
{
	if (!option_text(o, "ca") && !option_text(o, "issuer"))
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage" }, "--ca or --issuer is needed.");
	int r = option_need(c, o, "profile");
	if (r == CLI_DONE)
		r = option_need(c, o, "csr");
	if (r == CLI_DONE)
		r = issue_targets_check(c, o);
	return r ? r : pem_read_csr(c, option_text(o, "csr"), csr);
}

/* Written for the caller who has a certificate on record but not on disk. */
static int issue_lost_tell(const struct cli *c, const json_t *answer, int r)
{
	char hint[256];
	snprintf(hint, sizeof(hint), "it is on record: chancery cert show %.64s --out FILE",
		 member_text(answer, "fingerprint"));
	return problem_tell(c, r, (struct problem){ .code = "issued_not_written", .hint = hint },
			    "the certificate with serial %.64s was issued but not written.",
			    member_text(answer, "serial"));
}

static int issue_write(const struct cli *c, const struct options *o, const json_t *answer)
{
	const char *out = option_text(o, "out"), *chain = option_text(o, "chain"), *root = option_text(o, "root");
	int r = CLI_DONE;
	if (out || !c->json)
		r = pem_write(c, out, "certificate_pem", member_text(answer, "certificate_pem"));
	if (r == CLI_DONE && chain)
		r = pem_write(c, chain, "chain_pem", member_text(answer, "chain_pem"));
	if (r == CLI_DONE && root)
		r = pem_write(c, root, "root_pem", member_text(answer, "root_pem"));
	return r ? issue_lost_tell(c, answer, r) : CLI_DONE;
}

/* The certificate went to a file: what it is goes to standard output. */
static int issue_answer(const struct cli *c, const struct options *o, const json_t *answer)
{
	bool dry = option_flag(o, "dry-run");
	int r = dry ? CLI_DONE : issue_write(c, o, answer);
	if (r)
		return r;
	return c->json || dry || option_text(o, "out") ? detail_print(c, answer, pem_members) : CLI_DONE;
}

static int cert_issue(struct cli *c, const struct options *o)
{
	scoped_buf csr, path;
	buf_init(&csr, MAX_PEM_FILE);
	buf_init(&path, MAX_URL);
	int r = issue_check(c, o, &csr);
	if (r == CLI_DONE)
		r = issue_path(c, o, &path);
	if (r)
		return r;
	json_t *body = json_object();
	member_set(&body, "csr_pem", json_string(buf_text(&csr)));
	member_set(&body, "profile", json_string(option_text(o, "profile")));
	body_number(&body, "ttl_seconds", o, "ttl");
	scoped_json *answer = NULL;
	r = client_send(c, "POST", &path, body, &answer);
	return r ? r : issue_answer(c, o, answer);
}

static int list_path(struct cli *c, const struct options *o, struct buf *path)
{
	const char *ca = option_text(o, "ca"), *serial = option_text(o, "serial");
	char id[MAX_ID], hex[MAX_HEX];
	int r = CLI_DONE;
	path_init(path, "/certificates");
	if (ca && (r = lookup_ca(c, ca, NULL, id)) == CLI_DONE)
		path_query(path, "ca", id);
	if (r == CLI_DONE && serial && (r = hex_take(c, "serial", MAX_SERIAL_DIGITS, serial, hex)) == CLI_DONE)
		path_query(path, "serial", hex);
	if (option_text(o, "name"))
		path_query(path, "name", option_text(o, "name"));
	if (option_text(o, "state"))
		path_query(path, "state", option_text(o, "state"));
	return r;
}

static int cert_list(struct cli *c, const struct options *o)
{
	static const struct column columns[] = {
		{ "SERIAL", "serial", SHOW_TEXT },	 { "STATE", "state", SHOW_STATE },
		{ "SUBJECT", "subject", SHOW_TEXT },	 { "NAMES", "names", SHOW_TEXT },
		{ "PROFILE", "profile", SHOW_TEXT },	 { "EXPIRES", "not_after", SHOW_TIME },
		{ "SHA-256", "fingerprint", SHOW_TEXT },
	};
	int64_t limit = 100;
	option_number(o, "limit", &limit);
	if (limit < 1 || limit > MAX_ROWS)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage", .field = "limit" },
				    "--limit is 1 to %d.", MAX_ROWS);
	scoped_buf path;
	int r = list_path(c, o, &path);
	scoped_json *answer = NULL;
	if (r == CLI_DONE)
		r = client_list(c, &path, limit, &answer);
	return r ? r : list_print(c, answer, columns, 7, "no certificate matches.");
}

/* By fingerprint, or by CA and serial: a serial alone is unique per CA only. */
static int show_path(struct cli *c, const struct options *o, struct buf *path)
{
	const char *ca = option_text(o, "ca"), *serial = option_text(o, "serial");
	char id[MAX_ID], hex[MAX_HEX];
	bool by_serial = ca && serial;
	path_init(path, by_serial ? "/intermediates" : "/certificates");
	if ((o->arguments[0] != NULL) == by_serial || !ca != !serial)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage" },
				    "a SHA-256 fingerprint is needed, or --ca and --serial.");
	int r = by_serial ? hex_take(c, "serial", MAX_SERIAL_DIGITS, serial, hex)
			  : hex_take(c, "fingerprint", FINGERPRINT_DIGITS, o->arguments[0], hex);
	if (r == CLI_DONE && by_serial)
		r = lookup_ca(c, ca, NULL, id);
	if (r)
		return r;
	if (by_serial) {
		path_add(path, id);
		buf_put_text(path, "/certificates");
	}
	path_add(path, hex);
	return CLI_DONE;
}

static int show_print(const struct cli *c, const json_t *answer)
{
	scoped_table t;
	table_init_detail(&t, c->colour);
	detail_fill(&t, answer, pem_members);
	pem_describe(&t, member_text(answer, "certificate_pem"));
	scoped_buf out;
	buf_init(&out, 4 * MAX_TABLE_TEXT);
	table_render(&t, &out);
	return output_print(c, &out);
}

static int cert_show(struct cli *c, const struct options *o)
{
	scoped_buf path;
	buf_init(&path, MAX_URL);
	int r = pem_target_check(c, "out", option_text(o, "out"));
	if (r == CLI_DONE)
		r = show_path(c, o, &path);
	scoped_json *answer = NULL;
	if (r == CLI_DONE)
		r = client_get(c, &path, &answer);
	if (r == CLI_DONE && option_text(o, "out"))
		r = pem_write(c, option_text(o, "out"), "certificate_pem", member_text(answer, "certificate_pem"));
	if (r)
		return r;
	return c->json ? json_print(c, answer) : show_print(c, answer);
}

static const struct option_spec issue_options[] = {
	{ "ca", OPTION_TEXT, "CA", "the CA that signs" },
	{ "issuer", OPTION_TEXT, "ISSUER", "or the issuer, whose issuing CA signs" },
	{ "profile", OPTION_TEXT, "NAME", "what kind of certificate (needed; see `chancery profile list`)" },
	{ "csr", OPTION_TEXT, "FILE", "the PEM request; - for standard input (needed)" },
	{ "ttl", OPTION_SPAN, "TIME", "how long it is valid: 90d, 12h, 30m or seconds" },
	{ "out", OPTION_TEXT, "FILE", "where the certificate goes (default: standard output)" },
	{ "chain", OPTION_TEXT, "FILE", "where the CAs between it and the root go" },
	{ "root", OPTION_TEXT, "FILE", "where the root goes" },
	{ "dry-run", OPTION_FLAG, NULL, "check everything and sign nothing" },
	{ .name = NULL },
};

static const struct option_spec list_options[] = {
	{ "ca", OPTION_TEXT, "CA", "issued by this CA" },
	{ "serial", OPTION_TEXT, "HEX", "with this serial number" },
	{ "name", OPTION_TEXT, "NAME", "with this name" },
	{ "state", OPTION_TEXT, "STATE", "in this state: active, revoked, withheld or lost" },
	{ "limit", OPTION_NUMBER, "N", "at most so many (default 100)" },
	{ .name = NULL },
};

static const struct option_spec show_options[] = {
	{ "ca", OPTION_TEXT, "CA", "with --serial, instead of a fingerprint" },
	{ "serial", OPTION_TEXT, "HEX", "the serial number" },
	{ "out", OPTION_TEXT, "FILE", "write the certificate to a file as well" },
	{ .name = NULL },
};

const struct command cert_commands[] = {
	{ "cert", "issue", 0, 0, NULL, "Issue a certificate for a request.",
	  "chancery cert issue --ca issuing --profile server --csr www.csr --ttl 90d --out www.pem --chain chain.pem",
	  issue_options, cert_issue },
	{ "cert", "list", 0, 0, NULL, "List the certificates that were issued.",
	  "chancery cert list --ca issuing --limit 20", list_options, cert_list },
	{ "cert", "show", 0, 1, "[SHA256]", "Show one certificate.", "chancery cert show --ca issuing --serial 4c1f09",
	  show_options, cert_show },
	{ "cert", "revoke", 1, 1, "SHA256|SERIAL",
	  "Revoke a certificate, or put it on hold with the reason certificateHold.",
	  "chancery cert revoke --ca issuing 4c1f09 --reason keyCompromise", cert_revoke_options, cert_revoke },
	{ "cert", "release", 1, 1, "SHA256|SERIAL", "Release a certificate that is on hold.",
	  "chancery cert release --ca issuing 4c1f09", cert_release_options, cert_release },
	{ "cert", "revoke-many", 0, 0, NULL, "Revoke all certificates that a filter finds, after a preview.",
	  "chancery cert revoke-many --ca issuing --subject '*.old.example.com' --reason superseded --yes",
	  cert_revoke_many_options, cert_revoke_many },
	{ "cert", "admit", 2, 2, "CA FILE", "Record a certificate that a CA's key signed before it came here.",
	  "chancery cert admit issuing old.pem", outside_options, cert_admit },
	{ .group = NULL },
};
