#include "frontd/issue.h"

#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/authz.h"
#include "frontd/check.h"
#include "frontd/context.h"
#include "frontd/front.h"
#include "frontd/input.h"
#include "frontd/issuance.h"
#include "frontd/view.h"

#define MAX_CSR_PEM 65536
#define MAX_TTL (INT64_C(100) * 366 * 86400)

static int refuse_held(struct call *c, struct slice why)
{
	bool whole = why.at[why.len - 1] == '.';
	return call_refuse(c, 409, "ca_held", NULL, "The CA issues nothing: %s%s", row_text(why), whole ? "" : ".");
}

static int issue_load(struct front *f, struct call *c, const char *id, struct issuance *i)
{
	int r = issuing_get(f->issuings, f->store, id, &i->ca);
	if (r < 0)
		return answer_store(c);
	if (r || ca_reserved(&i->ca->chain.ca[0]))
		return answer_no_ca(c);
	if (!slice_equal(i->ca->chain.ca[0].state, slice_text("active")))
		return call_refuse(c, 409, "ca_not_active", NULL,
				   "The CA is %s; only an active CA issues certificates.",
				   row_text(i->ca->chain.ca[0].state));
	for (size_t k = 1; k < i->ca->chain.count; k++)
		if (slice_equal(i->ca->chain.ca[k].state, slice_text("revoked")))
			return call_refuse(c, 409, "chain_revoked", NULL, "%s, which stands above this CA, is revoked.",
					   row_text(i->ca->chain.ca[k].name));
	if (i->ca->chain.ca[0].held.len)
		return refuse_held(c, i->ca->chain.ca[0].held);
	if (ca_offline(&i->ca->chain.ca[0]))
		return answer_key_elsewhere(c, &i->ca->chain.ca[0], NULL);
	return 0;
}

static int read_profile(struct front *f, struct call *c, struct issuance *i)
{
	const char *name;
	int r = input_text(c, "profile", true, MAX_PROFILE_NAME, &name);
	if (r)
		return r;
	i->rules = rules_hold(f->rules);
	i->profile = profile_find(i->rules->profiles, name);
	if (i->profile)
		return 0;
	return call_refuse(c, 400, "unknown_profile", "profile",
			   "There is no such profile; GET /api/v1/profiles lists them.");
}

static int read_times(struct call *c, struct issuance *i)
{
	bool there;
	const char *text;
	int r = input_integer(c, "ttl_seconds", 1, MAX_TTL, &there, &i->ttl);
	if (!r)
		r = input_text(c, "not_before", false, TIME_TEXT_SIZE, &text);
	if (r)
		return r;
	i->not_before_given = text != NULL;
	if (text && !time_parse(text, &i->not_before))
		return call_refuse(c, 400, "bad_field", "not_before",
				   "not_before must be a time in UTC such as 2026-01-31T09:00:00Z.");
	return 0;
}

static int read_csr(struct call *c, struct issuance *i)
{
	const char *pem;
	int r = input_block(c, "csr_pem", MAX_CSR_PEM, &pem);
	return r ? r : csr_decode(pem, strlen(pem), &i->csr, c);
}

static int apply_profile(struct call *c, struct issuance *i)
{
	struct leaf_wish wish = {
		.algorithm = i->csr.algorithm, .subject = i->csr.subject, .alt_names = i->csr.alt_names, .ttl = i->ttl
	};
	struct policy_refusal why = { 0 };
	if (profile_apply(i->profile, &wish, &i->leaf, &why) == 0)
		return 0;
	return call_refuse(c, 400, why.code, why.field, "%s", why.message);
}

static int check_rights(struct call *c, const struct issuance *i)
{
	char why[200] = "";
	if (authz_may_issue(c->who, issuance_ca_id(i), i->profile->name, i->leaf.alt_names, why))
		return 0;
	for (size_t at = 0; at < i->ca->before_count; at++)
		if (authz_may_issue(c->who, i->ca->before[at], i->profile->name, i->leaf.alt_names, why))
			return 0;
	return call_refuse(c, 403, "not_allowed", NULL, "You may not have this certificate issued: %s.", why);
}

static int check_name(struct call *c, const struct constraints *effective, uint8_t type, struct slice name)
{
	enum constraints_answer r = constraints_admit(effective, type, name);
	if (r == CONSTRAINTS_OK)
		return 0;
	scoped_buf text = { .max = 8192 };
	name_print(AS_NAME, type, name, &text);
	return call_refuse(c, 400, "name_not_permitted", "csr_pem",
			   "The name %.*s is %s the CA's effective name constraints.",
			   (int)text_cut(buf_slice(&text), 300), text.at ? (const char *)text.at : "",
			   r == CONSTRAINTS_EXCLUDED ? "excluded by" : "not permitted by");
}

/* The subject counts as a directory name, and its email addresses as such: RFC 5280 4.2.1.10. */
static int check_subject(struct call *c, const struct constraints *effective, struct list subject)
{
	if (!subject.count)
		return 0;
	scoped_buf name = { .max = MAX_NAME * 8 };
	buf_put_u16(&name, subject.count);
	buf_put_slice(&name, subject.raw);
	if (!buf_ok(&name))
		return call_refuse(c, 400, "subject_invalid", "csr_pem", "The subject is too long.");
	int r = check_name(c, effective, NAME_DIRECTORY, buf_slice(&name));
	uint8_t attribute;
	struct slice value;
	while (!r && list_next(&subject, &attribute, &value)) {
		scoped_buf email = { .max = MAX_NAME };
		const char *why;
		if (attribute != DN_EMAIL_ADDRESS)
			continue;
		if (!name_canonize(AS_NAME, NAME_EMAIL, value, &email, &why))
			return call_refuse(c, 400, "subject_invalid", "csr_pem", "The subject's email address %s.",
					   why);
		r = check_name(c, effective, NAME_EMAIL, buf_slice(&email));
	}
	return r;
}

static int check_constraints(struct call *c, const struct issuance *i)
{
	struct constraints effective;
	if (constraints_unpack(i->ca->chain.ca[0].effective, &effective))
		return -1;
	struct list names = i->leaf.alt_names;
	uint8_t type;
	struct slice name;
	int r = check_subject(c, &effective, i->leaf.subject);
	while (!r && list_next(&names, &type, &name))
		r = check_name(c, &effective, type, name);
	return r;
}

static int set_validity(struct front *f, struct call *c, struct issuance *i)
{
	int64_t now = request_time(i->request_id), first = chain_not_before(&i->ca->chain),
		last = chain_not_after(&i->ca->chain);
	if (now > last || now < first)
		return call_refuse(c, 400, "issuer_expired", NULL,
				   "The CA's chain is not valid now, so it can issue nothing.");
	/* A certificate for minutes is not backdated by more than a tenth of its life. */
	int64_t back = f->backdate < i->leaf.ttl / 10 ? f->backdate : i->leaf.ttl / 10;
	if (!i->not_before_given)
		i->not_before = now - back < first ? first : now - back;
	if (i->not_before < first || i->not_before > last)
		return call_refuse(c, 400, "not_before_out_of_range", "not_before",
				   "not_before must lie within the validity of the CA's chain.");
	i->not_after = i->leaf.ttl - 1 < last - i->not_before ? i->not_before + i->leaf.ttl - 1 : last;
	return 0;
}

static int set_words(struct front *f, struct call *c, struct issuance *i)
{
	profile_urls_put(i->profile, f->pki_base_url ? f->pki_base_url : "", issuance_ca_id(i), &i->urls.raw,
			 &i->urls.count);
	struct context_words words = { .op = "leaf", .ca = issuance_ca_id(i), .profile = i->profile->name };
	return context_put(&i->context, c, &words) ? -1 : 0;
}

/* What the signer would be asked for, held against the rules that speak of it, before it is asked. */
static int check_fields(struct call *c, struct issuance *i)
{
	struct lint_report report;
	issuance_fields(i);
	return check_request(&i->fields, i->profile->refuse_from, &report) ? answer_lint(c, &report, "csr_pem") : 0;
}

static int issue_plan(struct front *f, struct call *c, struct issuance *i)
{
	static const char *const known[] = { "csr_pem", "profile", "ttl_seconds", "not_before", NULL };
	int r = input_members(c, known);
	if (!r)
		r = read_profile(f, c, i);
	if (!r)
		r = read_times(c, i);
	if (!r)
		r = read_csr(c, i);
	if (!r)
		r = apply_profile(c, i);
	if (!r)
		r = check_rights(c, i);
	if (!r)
		r = check_constraints(c, i);
	if (!r)
		r = set_validity(f, c, i);
	if (!r)
		r = set_words(f, c, i);
	return r ? r : check_fields(c, i);
}

/* A repeated request whose certificate is there already. */
static int leaf_again(struct front *f, struct call *c, const struct issuance *i, bool *answered)
{
	scoped_session *s = NULL;
	scoped_row(certificate) row = { 0 };
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = store_certificate_find_request(s, c->signing_id, &row);
	*answered = r == STORE_DONE;
	if (!*answered)
		return r < 0 ? answer_store(c) : 0;
	return slice_equal(row.state, slice_text("withheld")) ? answer_withheld(c) : issuance_reply(c, i->ca, &row);
}

/* What the linter says, also where it is not refused for. */
static json_t *findings_view(const struct issuance *i)
{
	struct lint_report report;
	json_t *list = json_array();
	check_request(&i->fields, LINT_NOTICE, &report);
	for (size_t n = 0; n < report.count; n++) {
		const struct lint_finding *f = &report.findings[n];
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "rule", f->rule->id, "severity",
						      lint_severity_text(f->rule->severity), "field", f->rule->field,
						      "at", f->where, "sentence", f->rule->sentence));
	}
	return list;
}

static int leaf_dry(struct call *c, const struct issuance *i)
{
	json_t *names = json_array();
	struct list l = i->leaf.alt_names;
	uint8_t type;
	struct slice name;
	while (list_next(&l, &type, &name)) {
		scoped_buf text = { .max = 8192 };
		name_print(AS_NAME, type, name, &text);
		json_array_append_new(names, view_text(buf_slice(&text)));
	}
	return call_reply(c, 200,
			  json_pack("{s:b, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "dry_run", 1, "ca_id",
				    issuance_ca_id(i), "profile", i->profile->name, "subject",
				    view_name(i->leaf.subject.raw), "names", names, "not_before",
				    view_time(i->not_before), "not_after", view_time(i->not_after), "findings",
				    findings_view(i)));
}

static int issue(struct front *f, struct call *c, const char *id)
{
	scoped_issuance *i = issuance_new(f, c);
	if (!i)
		return -1;
	bool answered = false;
	int r = issue_load(f, c, id, i);
	if (!r && c->signing_id_given && !c->dry_run)
		r = leaf_again(f, c, i, &answered);
	if (r || answered)
		return r;
	context_request_id(c, i->request_id);
	r = issue_plan(f, c, i);
	if (r)
		return r < 0 ? answer_store(c) : r;
	return c->dry_run ? leaf_dry(c, i) : issuance_hand_over(&i);
}

int certificate_issue_ca(struct front *f, struct call *c)
{
	return issue(f, c, c->param[0]);
}

int certificate_issue_issuer(struct front *f, struct call *c)
{
	scoped_row(issuer) row = { 0 };
	{
		scoped_session *s = NULL;
		if (store_read(f->store, &s))
			return answer_store(c);
		int r = store_issuer_find(s, c->param[0], &row);
		if (r)
			return r < 0 ? answer_store(c) : answer_no_issuer(c);
	}
	if (!row.issuing_ca_id.len)
		return call_refuse(
			c, 409, "no_issuing_ca", NULL,
			"This issuer has no issuing CA; name one with PATCH, or issue under a CA's own address.");
	return issue(f, c, row_text(row.issuing_ca_id));
}
