/* What goes to a CA elsewhere and comes back: requests, certificates, and what a key signed before it came here. */
#include "cli/body.h"
#include "cli/client.h"
#include "cli/detail.h"
#include "cli/groups.h"
#include "cli/lookup.h"
#include "cli/member.h"
#include "cli/outside.h"
#include "cli/pem.h"
#include "cli/proposal.h"

static const char *const pem_members[] = { "certificate_pem", NULL };

const struct option_spec ca_csr_options[] = {
	{ "issuer", OPTION_TEXT, "ISSUER", "only the CAs of this issuer" },
	{ "out", OPTION_TEXT, "FILE", "write to a file instead of standard output" },
	{ .name = NULL },
};

const struct option_spec outside_options[] = {
	{ "issuer", OPTION_TEXT, "ISSUER", "only the CAs of this issuer" },
	{ "dry-run", OPTION_FLAG, NULL, "check everything and take nothing" },
	{ .name = NULL },
};

int ca_csr(struct cli *c, const struct options *o)
{
	scoped_buf text;
	int r = ca_text(c, o, "/csr", &text);
	return r ? r : pem_write_csr(c, option_text(o, "out"), buf_text(&text));
}

/* Sends the certificate in the file that the second argument names. */
static int certificate_send(struct cli *c, const struct options *o, const char *below)
{
	scoped_buf path, pem;
	buf_init(&path, MAX_URL);
	buf_init(&pem, MAX_PEM_FILE);
	int r = pem_read_certificate(c, "certificate", o->arguments[1], &pem);
	if (r)
		return r;
	r = ca_path(c, o, below, &path);
	if (r)
		return r;
	path_dry_run(&path, o);
	json_t *body = json_object();
	member_set(&body, "certificate_pem", json_string(buf_text(&pem)));
	scoped_json *answer = NULL;
	r = client_send(c, "POST", &path, body, &answer);
	return r ? r : answer_print(c, answer, pem_members);
}

int ca_certificate(struct cli *c, const struct options *o)
{
	return certificate_send(c, o, "/certificate");
}

int cert_admit(struct cli *c, const struct options *o)
{
	return certificate_send(c, o, "/admit");
}
