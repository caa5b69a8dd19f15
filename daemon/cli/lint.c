/* chancery lint: the rules of policy/lint.h over anyone's certificates and CRLs. Nothing is asked of the service. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "cli/client.h"
#include "cli/detail.h"
#include "cli/groups.h"
#include "cli/member.h"
#include "cli/pem.h"
#include "cli/plain.h"
#include "cli/table.h"
#include "policy/lint.h"

#define MAX_LINT_FILE (2 * MAX_LINT_CRL) /* bytes: the longest CRL as PEM, and some */
#define MAX_LINT_ITEMS 10000 /* certificates and CRLs of one run: the largest stores of roots have hundreds */

struct lint_run {
	const struct cli *c;
	struct buf out;	 /* for people */
	json_t *results; /* for programs */
	size_t items, unreadable, of_severity[LINT_ERROR + 1];
	struct lint_report report;
};

static const struct option_spec lint_options[] = {
	{ "rules", OPTION_FLAG, NULL, "list all rules, and look at no file" },
	{ .name = NULL },
};

static enum table_style severity_style(enum lint_severity s)
{
	return s == LINT_ERROR ? STYLE_BAD : s == LINT_WARNING ? STYLE_WARN : STYLE_PLAIN;
}

static void kinds_put(struct buf *out, unsigned applies)
{
	static const char *const texts[] = { "leaf", "ocsp", "ca", "root", "crl" };
	if (applies == LINT_ANY) {
		buf_put_text(out, "any");
		return;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (applies & 1U << i)
			buf_printf(out, "%s%s", out->len ? "," : "", texts[i]);
}

static json_t *rule_json(const struct lint_rule *r)
{
	scoped_buf kinds;
	buf_init(&kinds, 64);
	kinds_put(&kinds, r->applies);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "rule", r->id, "severity", lint_severity_text(r->severity),
			 "field", r->field, "applies_to", buf_text(&kinds), "source", r->source, "sentence",
			 r->sentence);
}

static int rules_print_json(const struct cli *c)
{
	const struct lint_rule *r;
	json_t *list = json_array();
	for (size_t i = 0; (r = lint_rule(i)); i++) {
		json_t *one = rule_json(r);
		json_object_set_new(one, "before_signing", json_boolean(lint_rule_before(i)));
		json_array_append_new(list, one);
	}
	scoped_json *all = json_pack("{s:o}", "data", list);
	return json_print(c, all);
}

static int rules_print(const struct cli *c)
{
	static const char *const heads[] = { "SEVERITY", "RULE", "FOR", "SOURCE", "WHAT MUST HOLD" };
	const struct lint_rule *r;
	scoped_table t;
	table_init(&t, heads, 5, c->colour);
	for (size_t i = 0; (r = lint_rule(i)); i++) {
		scoped_buf kinds;
		buf_init(&kinds, 64);
		kinds_put(&kinds, r->applies);
		table_put(&t, severity_style(r->severity), lint_severity_text(r->severity));
		table_put(&t, STYLE_PLAIN, r->id);
		table_put(&t, STYLE_PLAIN, buf_text(&kinds));
		table_put(&t, STYLE_PLAIN, r->source);
		table_put(&t, STYLE_PLAIN, r->sentence);
	}
	scoped_buf out;
	buf_init(&out, MAX_TABLE_TEXT);
	table_render(&t, &out);
	return output_print(c, &out);
}

static void item_text(struct lint_run *run, const char *name)
{
	static const char *const heads[] = { "SEVERITY", "RULE", "FIELD", "AT", "WHAT MUST HOLD" };
	buf_printf(&run->out, "%s: %s, %s\n", name, lint_kind_text(run->report.kind),
		   run->report.count ? "findings:" : "clean");
	if (!run->report.count)
		return;
	scoped_table t;
	table_init(&t, heads, 5, run->c->colour);
	for (size_t i = 0; i < run->report.count; i++) {
		const struct lint_finding *f = &run->report.findings[i];
		table_put(&t, severity_style(f->rule->severity), lint_severity_text(f->rule->severity));
		table_put(&t, STYLE_PLAIN, f->rule->id);
		table_put(&t, STYLE_PLAIN, f->rule->field);
		table_put(&t, STYLE_PLAIN, *f->where ? f->where : "-");
		table_put(&t, STYLE_PLAIN, f->rule->sentence);
	}
	table_render(&t, &run->out);
	buf_put_u8(&run->out, '\n');
}

static void item_json(struct lint_run *run, const char *name)
{
	json_t *findings = json_array();
	for (size_t i = 0; i < run->report.count; i++) {
		const struct lint_finding *f = &run->report.findings[i];
		json_t *one = rule_json(f->rule);
		json_object_del(one, "applies_to");
		json_object_set_new(one, "at", json_string(f->where));
		json_array_append_new(findings, one);
	}
	json_array_append_new(run->results, json_pack("{s:s, s:s, s:o}", "what", name, "kind",
						      lint_kind_text(run->report.kind), "findings", findings));
}

static void item_tell(struct lint_run *run, const char *path, size_t number, struct slice der)
{
	scoped_buf name;
	buf_init(&name, 8 * MAX_PLAIN);
	plain_put(&name, slice_text(strcmp(path, "-") == 0 ? "standard input" : path), MAX_PLAIN);
	if (number)
		buf_printf(&name, " (%zu)", number);
	lint_any(der, &run->report);
	run->items++;
	for (size_t i = 0; i < run->report.count; i++)
		run->of_severity[run->report.findings[i].rule->severity]++;
	if (run->c->json)
		item_json(run, buf_text(&name));
	else
		item_text(run, buf_text(&name));
}

#define UNREADABLE ((struct problem){ .code = "lint_unreadable", .field = "FILE" })

/* Told at once, and for programs among the results as well; the other files are looked at all the same. */
static void unreadable(struct lint_run *run, const char *path, const char *why)
{
	run->unreadable++;
	problem_tell(run->c, CLI_USAGE, UNREADABLE, "%s: %s.", strcmp(path, "-") == 0 ? "standard input" : path, why);
	if (run->c->json)
		json_array_append_new(run->results, json_pack("{s:s, s:n, s:[], s:s}", "what", path, "kind", "findings",
							      "unreadable", why));
}

static void bio_cleanup(BIO **b)
{
	BIO_free(*b);
}

/* One block; 1: it was one of ours, 0: another, -1: there is no more, -2: what begins like a block is none. */
static int block_lint(struct lint_run *run, const char *path, BIO *bio, size_t number)
{
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	long len = 0;
	if (PEM_read_bio(bio, &name, &header, &der, &len) != 1) {
		bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
		ERR_clear_error();
		return ended ? -1 : -2;
	}
	bool ours = strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0 ||
		    strcmp(name, PEM_STRING_X509_CRL) == 0;
	if (ours)
		item_tell(run, path, number, (struct slice){ der, (size_t)len });
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_clear_free(der, (size_t)len); /* it may be somebody's private key */
	return ours;
}

static void blocks_lint(struct lint_run *run, const char *path, const struct buf *file)
{
	__attribute__((cleanup(bio_cleanup))) BIO *bio = BIO_new_mem_buf(file->at, (int)file->len);
	size_t number = 1, others = 0;
	int r = 0;
	while (bio && r >= 0 && run->items < MAX_LINT_ITEMS) {
		r = block_lint(run, path, bio, number);
		number += r == 1;
		others += r == 0;
	}
	if (r == -2)
		unreadable(run, path, "a PEM block in it is broken or cut");
	else if (r >= 0)
		unreadable(run, path, "more than 10000 certificates and CRLs are too many");
	else if (number == 1)
		unreadable(run, path, others ? "it holds neither a certificate nor a CRL" : "it holds no PEM block");
}

static void file_lint(struct lint_run *run, const char *path)
{
	scoped_buf file;
	buf_init(&file, MAX_LINT_FILE);
	if (file_drain(path, &file) != 0)
		unreadable(run, path, errno == EFBIG ? "it is too large" : strerror(errno));
	else if (!file.len)
		unreadable(run, path, "it is empty");
	else if (memmem(file.at, file.len, "-----BEGIN ", 11) && file.at[0] != 0x30)
		blocks_lint(run, path, &file);
	else if (file.at[0] != 0x30)
		unreadable(run, path, "it is neither PEM nor DER");
	else
		item_tell(run, path, 0, buf_slice(&file));
}

static int run_print(struct lint_run *run)
{
	const size_t *n = run->of_severity;
	if (run->c->json) {
		scoped_json *all =
			json_pack("{s:O, s:I, s:I, s:I, s:I}", "results", run->results, "errors",
				  (json_int_t)n[LINT_ERROR], "warnings", (json_int_t)n[LINT_WARNING], "notices",
				  (json_int_t)n[LINT_NOTICE], "unreadable", (json_int_t)run->unreadable);
		return json_print(run->c, all);
	}
	buf_printf(&run->out, "%zu looked at: %zu errors, %zu warnings, %zu notices", run->items, n[LINT_ERROR],
		   n[LINT_WARNING], n[LINT_NOTICE]);
	if (run->unreadable)
		buf_printf(&run->out, "; %zu can't be read", run->unreadable);
	buf_put_u8(&run->out, '\n');
	return output_print(run->c, &run->out);
}

static void run_free(struct lint_run *run)
{
	buf_free(&run->out);
	json_decref(run->results);
}

static int lint(struct cli *c, const struct options *o)
{
	if (option_flag(o, "rules"))
		return c->json ? rules_print_json(c) : rules_print(c);
	if (!o->argument_count)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage" }, "a file is needed, or --rules.");
	__attribute__((cleanup(run_free))) struct lint_run run = { .c = c, .results = json_array() };
	buf_init(&run.out, MAX_TABLE_TEXT);
	for (size_t i = 0; i < o->argument_count; i++)
		file_lint(&run, o->arguments[i]);
	int r = run.items || c->json ? run_print(&run) : CLI_DONE;
	if (r)
		return r;
	return run.of_severity[LINT_ERROR]     ? CLI_CRITICAL
	       : run.unreadable		       ? CLI_USAGE
	       : run.of_severity[LINT_WARNING] ? CLI_WARNINGS
					       : CLI_DONE;
}

const struct command lint_commands[] = {
	{ "lint", NULL, 0, MAX_ARGUMENTS, "FILE...", "Hold certificates and CRLs, of anybody, against RFC 5280.",
	  "chancery lint chain.pem", lint_options, lint },
	{ .group = NULL },
};
