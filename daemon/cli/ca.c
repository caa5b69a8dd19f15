#include <stdlib.h>
#include <string.h>

#include "cli/body.h"
#include "cli/client.h"
#include "cli/detail.h"
#include "cli/groups.h"
#include "cli/letters.h"
#include "cli/lookup.h"
#include "cli/member.h"
#include "cli/outside.h"
#include "cli/pem.h"
#include "cli/proposal.h"
#include "cli/revocation.h"
#include "cli/rotation.h"
#include "cli/view.h"

static const char *const pem_members[] = { "certificate_pem", "chain_pem", "root_pem", NULL };

static json_t *subject_make(const struct options *o)
{
	json_t *subject = json_object();
	body_text(&subject, "common_name", o, "cn");
	body_many(&subject, "organization", o, "o");
	body_many(&subject, "organizational_unit", o, "ou");
	body_many(&subject, "country", o, "c");
	body_many(&subject, "locality", o, "l");
	body_many(&subject, "province", o, "st");
	return subject;
}

static json_t *constraints_make(const struct options *o)
{
	json_t *set = json_object();
	body_many(&set, "permitted", o, "permit");
	body_many(&set, "excluded", o, "exclude");
	return set ? json_pack("[o]", set) : NULL;
}

/* k=v; the value may hold more "=". */
static int metadata_make(const struct cli *c, const struct options *o, json_t **out)
{
	const char *pair;
	*out = json_object();
	for (size_t i = 0; (pair = option_many(o, "metadata", i)); i++) {
		const char *equals = strchr(pair, '=');
		if (!equals || equals == pair) {
			json_decref(*out);
			return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage", .field = "metadata" },
					    "--metadata takes KEY=VALUE, not \"%s\".", pair);
		}
		char *key = strndup(pair, (size_t)(equals - pair));
		member_set(out, key ? key : "", key ? json_string(equals + 1) : NULL);
		free(key);
	}
	return CLI_DONE;
}

/* Absent if none was given. */
static int body_metadata(const struct cli *c, const struct options *o, json_t **body)
{
	json_t *metadata = NULL;
	int r = option_flag(o, "metadata") ? metadata_make(c, o, &metadata) : CLI_DONE;
	if (r == CLI_DONE && option_flag(o, "metadata"))
		member_set(body, "metadata", metadata);
	return r;
}

static int body_make(struct cli *c, const struct options *o, const char *parent_id, json_t **out)
{
	json_t *body = json_object();
	int r = body_metadata(c, o, &body);
	if (r == CLI_DONE)
		r = body_rotation(c, o, &body);
	if (r) {
		json_decref(body);
		return r;
	}
	body_text(&body, "name", o, "name");
	if (option_text(o, "cn"))
		member_set(&body, "subject", subject_make(o));
	if (parent_id)
		member_set(&body, "parent_ca_id", json_string(parent_id));
	body_text(&body, "algorithm", o, "algorithm");
	body_text(&body, "constraint_template", o, "template");
	body_number(&body, "ttl_days", o, "ttl-days");
	body_number(&body, "path_len_constraint", o, "path-len");
	body_number(&body, "crl_shards", o, "crl-shards");
	if (option_flag(o, "permit") || option_flag(o, "exclude"))
		member_set(&body, "name_constraints", constraints_make(o));
	*out = body;
	return CLI_DONE;
}

static int ca_answer(const struct cli *c, const json_t *answer)
{
	return answer_print(c, answer, pem_members);
}

/* Posts a CA's body, which is taken, to its issuer. */
static int ca_post(struct cli *c, const struct options *o, const char *issuer_id, json_t *body)
{
	scoped_buf path;
	path_init(&path, "/issuers");
	path_add(&path, issuer_id);
	buf_put_text(&path, "/intermediates");
	path_dry_run(&path, o);
	scoped_json *answer = NULL;
	int r = client_send(c, "POST", &path, body, &answer);
	return r ? r : ca_answer(c, answer);
}

static int ca_create(struct cli *c, const struct options *o)
{
	const char *issuer = option_text(o, "issuer"), *parent = option_text(o, "parent");
	const char *foreign = option_text(o, "foreign-csr");
	char issuer_id[MAX_ID], parent_id[MAX_ID];
	scoped_buf csr = { .max = MAX_PEM_FILE };
	json_t *body = NULL;
	int r = option_need(c, o, "issuer");
	if (r == CLI_DONE)
		r = option_need(c, o, "name");
	if (r == CLI_DONE && foreign)
		r = pem_read_csr(c, foreign, &csr);
	else if (r == CLI_DONE)
		r = option_need(c, o, "cn");
	if (r == CLI_DONE)
		r = lookup_issuer(c, issuer, issuer_id);
	if (r == CLI_DONE && parent)
		r = lookup_ca(c, parent, issuer_id, parent_id);
	if (r == CLI_DONE)
		r = body_make(c, o, parent ? parent_id : NULL, &body);
	if (r == CLI_DONE && foreign)
		member_set(&body, "csr_pem", json_string(buf_text(&csr)));
	return r ? r : ca_post(c, o, issuer_id, body);
}

static int ca_register(struct cli *c, const struct options *o)
{
	char issuer_id[MAX_ID];
	scoped_buf certificate;
	buf_init(&certificate, MAX_PEM_FILE);
	int r = option_need(c, o, "issuer");
	if (r == CLI_DONE)
		r = option_need(c, o, "name");
	if (r == CLI_DONE)
		r = option_need(c, o, "cert");
	if (r == CLI_DONE)
		r = pem_read_certificate(c, "cert", option_text(o, "cert"), &certificate);
	if (r == CLI_DONE)
		r = lookup_issuer(c, option_text(o, "issuer"), issuer_id);
	if (r)
		return r;
	json_t *body = json_object();
	r = body_metadata(c, o, &body);
	if (r == CLI_DONE)
		r = body_rotation(c, o, &body);
	body_text(&body, "name", o, "name");
	member_set(&body, "root_cert_pem", json_string(buf_text(&certificate)));
	body_text(&body, "key_driver_id", o, "key");
	if (r)
		json_decref(body);
	return r ? r : ca_post(c, o, issuer_id, body);
}

static int ca_list(struct cli *c, const struct options *o)
{
	static const struct column columns[] = {
		{ "NAME", "name", SHOW_TEXT },
		{ "STATE", "state", SHOW_STATE },
		{ "ALGORITHM", "algorithm", SHOW_TEXT },
		{ "PATH LEN", "path_len_constraint", SHOW_TEXT },
		{ "EXPIRES", "not_after", SHOW_TIME },
		{ "SUBJECT", "subject", SHOW_TEXT },
		{ "ID", "id", SHOW_TEXT },
	};
	scoped_json *answer = NULL;
	int r = ca_list_fetch(c, option_text(o, "issuer"), &answer);
	if (r)
		return r;
	return list_print(c, answer, columns, 7, "no CAs yet; `chancery ca create` makes one.");
}

static int ca_show(struct cli *c, const struct options *o)
{
	scoped_buf path;
	int r = ca_path(c, o, "", &path);
	scoped_json *answer = NULL;
	if (r == CLI_DONE)
		r = client_get(c, &path, &answer);
	return r ? r : ca_answer(c, answer);
}

static int ca_chain(struct cli *c, const struct options *o)
{
	scoped_buf text;
	int r = ca_text(c, o, option_flag(o, "no-root") ? "/chain?root=false" : "/chain", &text);
	return r ? r : pem_write(c, option_text(o, "out"), "the chain", buf_text(&text));
}

static int ca_retire(struct cli *c, const struct options *o)
{
	scoped_buf path;
	int r = ca_path(c, o, "/retire", &path);
	if (r)
		return r;
	json_t *body = json_pack("{s:b}", "confirm", option_flag(o, "confirm"));
	body_text(&body, "note", o, "note");
	scoped_json *answer = NULL;
	r = client_send(c, "POST", &path, body, &answer);
	return r ? r : ca_answer(c, answer);
}

static int ca_rotate(struct cli *c, const struct options *o)
{
	scoped_buf path;
	int r = ca_path(c, o, "/rotate", &path);
	if (r)
		return r;
	path_dry_run(&path, o);
	scoped_json *answer = NULL;
	r = client_send(c, "POST", &path, json_pack("{s:b}", "now", option_flag(o, "now")), &answer);
	return r ? r : ca_answer(c, answer);
}

static int ca_renew(struct cli *c, const struct options *o)
{
	scoped_buf path;
	int r = ca_path(c, o, "/renew", &path);
	if (r)
		return r;
	json_t *body = json_object();
	body_number(&body, "ttl_days", o, "ttl-days");
	path_dry_run(&path, o);
	scoped_json *answer = NULL;
	r = client_send(c, "POST", &path, body, &answer);
	return r ? r : ca_answer(c, answer);
}

static int ca_cross(struct cli *c, const struct options *o)
{
	char signer[MAX_ID];
	scoped_buf path;
	buf_init(&path, MAX_URL);
	int r = option_need(c, o, "by");
	if (r == CLI_DONE)
		r = pem_target_check(c, "out", option_text(o, "out"));
	if (r == CLI_DONE)
		r = lookup_ca(c, option_text(o, "by"), NULL, signer);
	if (r == CLI_DONE)
		r = ca_path(c, o, "/cross", &path);
	if (r)
		return r;
	json_t *body = json_pack("{s:s}", "issuer_ca_id", signer);
	body_number(&body, "ttl_days", o, "ttl-days");
	body_number(&body, "path_len_constraint", o, "path-len");
	if (option_flag(o, "permit") || option_flag(o, "exclude"))
		member_set(&body, "name_constraints", constraints_make(o));
	path_dry_run(&path, o);
	scoped_json *answer = NULL;
	r = client_send(c, "POST", &path, body, &answer);
	if (r == CLI_DONE && option_text(o, "out") && !option_flag(o, "dry-run"))
		r = pem_write(c, option_text(o, "out"), "the certificate", member_text(answer, "certificate_pem"));
	return r ? r : ca_answer(c, answer);
}

static int ca_set(struct cli *c, const struct options *o)
{
	json_t *rule = NULL;
	scoped_buf path;
	buf_init(&path, MAX_URL);
	int r = option_need(c, o, "rotation");
	if (r == CLI_DONE)
		r = rotation_read(c, option_text(o, "rotation"), &rule);
	if (r == CLI_DONE)
		r = ca_path(c, o, "", &path);
	if (r) {
		json_decref(rule);
		return r;
	}
	scoped_json *answer = NULL;
	r = client_send(c, "PATCH", &path, json_pack("{s:o}", "rotation", rule), &answer);
	return r ? r : ca_answer(c, answer);
}

static int ca_key_gone(struct cli *c, const struct options *o)
{
	scoped_buf path;
	int r = ca_path(c, o, "/key-gone", &path);
	if (r)
		return r;
	json_t *body = json_object();
	body_text(&body, "note", o, "note");
	scoped_json *answer = NULL;
	r = client_send(c, "POST", &path, body, &answer);
	return r ? r : ca_answer(c, answer);
}

static const struct option_spec create_options[] = {
	{ "issuer", OPTION_TEXT, "ISSUER", "the issuer it belongs to (needed)" },
	{ "parent", OPTION_TEXT, "CA", "the CA that signs it; without one it is a root" },
	{ "name", OPTION_TEXT, "NAME", "what it is called here (needed)" },
	{ "cn", OPTION_TEXT, "TEXT", "its subject's common name (needed but with --foreign-csr)" },
	{ "o", OPTION_MANY, "TEXT", "organization" },
	{ "ou", OPTION_MANY, "TEXT", "organizational unit" },
	{ "c", OPTION_MANY, "XX", "country, two letters" },
	{ "l", OPTION_MANY, "TEXT", "locality" },
	{ "st", OPTION_MANY, "TEXT", "state or province" },
	{ "algorithm", OPTION_TEXT, "NAME", "RSA-2048, -3072, -4096, ECDSA-P256, -P384, -P521 or Ed25519" },
	{ "ttl-days", OPTION_NUMBER, "N", "days that it is valid, at most as long as its issuer" },
	{ "path-len", OPTION_NUMBER, "N", "how many CAs may follow below it" },
	{ "crl-shards", OPTION_NUMBER, "N", "over how many CRLs its certificates are spread, if they will be many" },
	{ "permit", OPTION_MANY, "SUBTREE", "a permitted subtree: dns:example.com, ip:10.0.0.0/8, email:, uri:, dn:" },
	{ "exclude", OPTION_MANY, "SUBTREE", "an excluded subtree" },
	{ "template", OPTION_TEXT, "NAME", "name constraints of the site's, which --permit and --exclude may tighten" },
	{ "metadata", OPTION_MANY, "KEY=VALUE", "a note of your own" },
	{ "rotation", OPTION_TEXT, ROTATION_FORM, "when its successor is made and takes over" },
	{ "foreign-csr", OPTION_TEXT, "FILE", "over the key of this request, whose holder signs outside this ledger" },
	{ "dry-run", OPTION_FLAG, NULL, "check everything and make nothing" },
	{ .name = NULL },
};

static const struct option_spec register_options[] = {
	{ "issuer", OPTION_TEXT, "ISSUER", "the issuer it belongs to (needed)" },
	{ "name", OPTION_TEXT, "NAME", "what it is called here (needed)" },
	{ "cert", OPTION_TEXT, "FILE", "its certificate in PEM; - for standard input (needed)" },
	{ "key", OPTION_TEXT, "KEY", "where its key is: a pkcs11: URI, or file:NAME; without it the key is offline" },
	{ "metadata", OPTION_MANY, "KEY=VALUE", "a note of your own" },
	{ "rotation", OPTION_TEXT, ROTATION_FORM, "when its successor is made and takes over" },
	{ "dry-run", OPTION_FLAG, NULL, "check everything and register nothing" },
	{ .name = NULL },
};

static const struct option_spec issuer_options[] = {
	{ "issuer", OPTION_TEXT, "ISSUER", "only the CAs of this issuer" },
	{ .name = NULL },
};

static const struct option_spec chain_options[] = {
	{ "issuer", OPTION_TEXT, "ISSUER", "only the CAs of this issuer" },
	{ "no-root", OPTION_FLAG, NULL, "leave the root out" },
	{ "out", OPTION_TEXT, "FILE", "write to a file instead of standard output" },
	{ .name = NULL },
};

static const struct option_spec retire_options[] = {
	{ "issuer", OPTION_TEXT, "ISSUER", "only the CAs of this issuer" },
	{ "confirm", OPTION_FLAG, NULL, "the second step: from retiring to retired" },
	{ "note", OPTION_TEXT, "TEXT", "why, for the record" },
	{ .name = NULL },
};

static const struct option_spec gone_options[] = {
	{ "issuer", OPTION_TEXT, "ISSUER", "only the CAs of this issuer" },
	{ "note", OPTION_TEXT, "TEXT", "why, for the record" },
	{ .name = NULL },
};

static const struct option_spec rotate_options[] = {
	{ "issuer", OPTION_TEXT, "ISSUER", "only the CAs of this issuer" },
	{ "now", OPTION_FLAG, NULL, "the successor takes over at once, and the CA signs no more certificates" },
	{ "dry-run", OPTION_FLAG, NULL, "check everything and make nothing" },
	{ .name = NULL },
};

static const struct option_spec renew_options[] = {
	{ "issuer", OPTION_TEXT, "ISSUER", "only the CAs of this issuer" },
	{ "ttl-days", OPTION_NUMBER, "N", "days that it is valid from now on; as many as before by default" },
	{ "dry-run", OPTION_FLAG, NULL, "check everything and sign nothing" },
	{ .name = NULL },
};

static const struct option_spec cross_options[] = {
	{ "issuer", OPTION_TEXT, "ISSUER", "only the CAs of this issuer" },
	{ "by", OPTION_TEXT, "CA", "the CA that signs it (needed)" },
	{ "ttl-days", OPTION_NUMBER, "N", "days that it is valid, at most as long as both CAs" },
	{ "path-len", OPTION_NUMBER, "N", "how many CAs may follow below it, at most as many as now" },
	{ "permit", OPTION_MANY, "SUBTREE", "a permitted subtree, within those of the CA" },
	{ "exclude", OPTION_MANY, "SUBTREE", "an excluded subtree; the CA's own must be among them" },
	{ "out", OPTION_TEXT, "FILE", "write the certificate to a file" },
	{ "dry-run", OPTION_FLAG, NULL, "check everything and sign nothing" },
	{ .name = NULL },
};

static const struct option_spec ca_set_options[] = {
	{ "issuer", OPTION_TEXT, "ISSUER", "only the CAs of this issuer" },
	{ "rotation", OPTION_TEXT, ROTATION_FORM, "when its successor is made and takes over (needed)" },
	{ .name = NULL },
};

const struct command ca_commands[] = {
	{ "ca", "create", 0, 0, NULL, "Create a root, or a CA below another.",
	  "chancery ca create --issuer web --parent root --name issuing --cn 'Example Issuing CA' --path-len 0",
	  create_options, ca_create },
	{ "ca", "register", 0, 0, NULL, "Register a root that exists already, with its key or as a certificate only.",
	  "chancery ca register --issuer web --name root --cert root.pem --key 'pkcs11:token=main;id=%01%02'",
	  register_options, ca_register },
	{ "ca", "list", 0, 0, NULL, "List the CAs.", "chancery ca list --issuer web", issuer_options, ca_list },
	{ "ca", "tree", 0, 0, NULL, "Show the CAs as a tree, in the terminal or as a page for a browser.",
	  "chancery ca tree --format html > tree.html", ca_tree_options, ca_tree },
	{ "ca", "show", 1, 1, "CA", "Show one CA.", "chancery ca show issuing", issuer_options, ca_show },
	{ "ca", "chain", 1, 1, "CA", "Write a CA's chain as PEM, the CA first and the root last.",
	  "chancery ca chain issuing --no-root --out chain.pem", chain_options, ca_chain },
	{ "ca", "csr", 1, 1, "CA", "Write the request of a CA whose parent's key is elsewhere.",
	  "chancery ca csr policy --out policy.csr", ca_csr_options, ca_csr },
	{ "ca", "certificate", 2, 2, "CA FILE", "Bring in the certificate that the parent elsewhere has signed.",
	  "chancery ca certificate policy policy.pem", outside_options, ca_certificate },
	{ "ca", "request", 1, 1, "CA",
	  "Write what an offline root is to be asked for: a CA's certificate, or the root's own CRL.",
	  "chancery ca request policy --out policy.request", ca_request_options, ca_request },
	{ "ca", "approve", 1, 1, "FILE",
	  "Show a request for an offline root in words, and add your signature to its file.",
	  "chancery ca approve policy.request --key me.key", ca_approve_options, ca_approve },
	{ "ca", "import", 1, 1, "FILE", "Bring in what came back from the offline root's ceremony.",
	  "chancery ca import policy.response", ca_import_options, ca_import },
	{ "ca", "retire", 1, 1, "CA", "Take a CA out of use: retiring first, and with --confirm retired.",
	  "chancery ca retire issuing --note 'replaced by issuing-2'", retire_options, ca_retire },
	{ "ca", "revoke", 1, 1, "CA",
	  "Revoke a CA: it signs CRLs and OCSP answers only, and nobody takes what is below it.",
	  "chancery ca revoke issuing --reason cACompromise", ca_revoke_options, ca_revoke },
	{ "ca", "rotate", 1, 1, "CA",
	  "Make a CA's successor, which takes over by the CA's rule or, with --now, at once.",
	  "chancery ca rotate issuing --now", rotate_options, ca_rotate },
	{ "ca", "renew", 1, 1, "CA", "Make a CA's certificate anew, with the same key and limits, for longer.",
	  "chancery ca renew root --ttl-days 7300", renew_options, ca_renew },
	{ "ca", "cross", 1, 1, "CA",
	  "Have a CA's key certified by another CA as well, with no more than it may do now.",
	  "chancery ca cross 'root, G2' --by root --out root-g2-by-root.crt", cross_options, ca_cross },
	{ "ca", "set", 1, 1, "CA", "Change the rule by which a CA gets its successor.",
	  "chancery ca set issuing --rotation 30/7", ca_set_options, ca_set },
	{ "ca", "key-gone", 1, 1, "CA", "Record that a CA's key was destroyed in its token.",
	  "chancery ca key-gone old-root --note 'destroyed in the presence of two'", gone_options, ca_key_gone },
	{ .group = NULL },
};
