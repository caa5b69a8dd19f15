#include "frontd/issue.h"

#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/authz.h"
#include "frontd/issuing.h"
#include "frontd/check.h"
#include "frontd/context.h"
#include "frontd/csr.h"
#include "frontd/front.h"
#include "frontd/input.h"
#include "frontd/made.h"
#include "frontd/metrics.h"
#include "frontd/view.h"
#include "policy/profile.h"

#define MAX_CSR_PEM 65536
#define MAX_TTL	    (INT64_C(100) * 366 * 86400)

/* One issuance on its way. */
struct issue {
	struct issuing *ca;
	const struct profile *profile;
	struct csr csr;
	struct leaf_fields leaf;
	int64_t ttl, not_before, not_after;
	bool not_before_given;
	uint8_t request_id[16];
	struct items urls;
	struct buf context;
};

static void issue_init(struct issue *i)
{
	*i = (struct issue){ 0 };
	items_init(&i->urls);
	buf_init(&i->context, MAX_CONTEXT);
}

static void issue_free(struct issue *i)
{
	issuing_release(&i->ca);
	csr_free(&i->csr);
	leaf_fields_free(&i->leaf);
	items_free(&i->urls);
	buf_free(&i->context);
}
#define scoped_issue __attribute__((cleanup(issue_free))) struct issue

static const char *ca_id(const struct issue *i)
{
	return row_text(i->ca->chain.ca[0].id);
}

static int issue_load(struct front *f, struct call *c, const char *id, struct issue *i)
{
	int r = issuing_get(f->issuings, f->store, id, &i->ca);
	if (r < 0)
		return answer_store(c);
	if (r || slice_equal(i->ca->chain.ca[0].state, slice_text("created")))
		return answer_no_ca(c);
	if (!slice_equal(i->ca->chain.ca[0].state, slice_text("active")))
		return call_refuse(c, 409, "ca_not_active", NULL, "The CA is %s; only an active CA issues certificates.",
				   row_text(i->ca->chain.ca[0].state));
	if (i->ca->chain.ca[0].held.len)
		return call_refuse(c, 409, "ca_held", NULL,
				   "The CA issues nothing until an administrator lifts what holds it.");
	if (ca_offline(&i->ca->chain.ca[0]))
		return call_refuse(c, 409, "ca_key_offline", NULL,
				   "The CA was registered as a certificate only: its key is offline, so it issues nothing here.");
	return 0;
}

static int read_profile(struct front *f, struct call *c, struct issue *i)
{
	const char *name;
	int r = input_text(c, "profile", true, MAX_PROFILE_NAME, &name);
	if (r)
		return r;
	i->profile = profile_find(f->profiles, name);
	if (i->profile)
		return 0;
	return call_refuse(c, 400, "unknown_profile", "profile", "There is no such profile; GET /api/v1/profiles lists them.");
}

static int read_times(struct call *c, struct issue *i)
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

static int read_csr(struct call *c, struct issue *i)
{
	const char *pem;
	int r = input_block(c, "csr_pem", MAX_CSR_PEM, &pem);
	return r ? r : csr_decode(pem, strlen(pem), &i->csr, c);
}

static int apply_profile(struct call *c, struct issue *i)
{
	struct leaf_wish wish = { .algorithm = i->csr.algorithm,
				  .subject = i->csr.subject,
				  .alt_names = i->csr.alt_names,
				  .ttl = i->ttl };
	struct policy_refusal why = { 0 };
	if (profile_apply(i->profile, &wish, &i->leaf, &why) == 0)
		return 0;
	return call_refuse(c, 400, why.code, why.field, "%s", why.message);
}

static int check_rights(struct call *c, const struct issue *i)
{
	char why[200] = "";
	if (authz_may_issue(c->who, ca_id(i), i->profile->name, i->leaf.alt_names, why))
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
	return call_refuse(c, 400, "name_not_permitted", "csr_pem", "The name %.*s is %s the CA's effective name constraints.",
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
			return call_refuse(c, 400, "subject_invalid", "csr_pem", "The subject's email address %s.", why);
		r = check_name(c, effective, NAME_EMAIL, buf_slice(&email));
	}
	return r;
}

static int check_constraints(struct call *c, const struct issue *i)
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

static int set_validity(struct front *f, struct call *c, struct issue *i)
{
	int64_t now = request_time(i->request_id), first = chain_not_before(&i->ca->chain), last = chain_not_after(&i->ca->chain);
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

static void set_url(struct front *f, struct issue *i, uint8_t use, const char *last)
{
	scoped_buf url = { .max = 1024 };
	buf_printf(&url, "%s/%s/%s", f->pki_base_url, ca_id(i), last);
	items_put(&i->urls, use, buf_slice(&url));
}

static int set_words(struct front *f, struct call *c, struct issue *i)
{
	if (f->pki_base_url && *f->pki_base_url) {
		set_url(f, i, URL_CRL, "crl");
		set_url(f, i, URL_OCSP, "ocsp");
		set_url(f, i, URL_CA_ISSUERS, "ca.crt");
	}
	struct context_words words = { .op = "leaf", .ca = ca_id(i), .profile = i->profile->name };
	return context_put(&i->context, c, &words) ? -1 : 0;
}

static int issue_plan(struct front *f, struct call *c, struct issue *i)
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
	return r ? r : set_words(f, c, i);
}

static struct cert_sign_request issue_fields(const struct issue *i)
{
	struct cert_sign_request r = { .kind = KIND_LEAF,
				       .not_before = i->not_before,
				       .not_after = i->not_after,
				       .key_form = KEY_FOREIGN,
				       .subject_key = i->csr.public_key,
				       .subject = i->leaf.subject,
				       .alt_names = i->leaf.alt_names,
				       .key_usage = i->leaf.key_usage,
				       .ext_key_usage = i->leaf.ext_key_usage,
				       .path_len = PATH_LEN_NONE,
				       .urls = items_list(&i->urls),
				       .policies = i->leaf.policies,
				       .flags = i->leaf.flags,
				       .context = buf_slice(&i->context) };
	memcpy(r.request_id, i->request_id, sizeof(r.request_id));
	memcpy(r.ca_key, i->ca->chain.ca[0].key_id, sizeof(r.ca_key));
	return r;
}

static int issue_reply(struct call *c, const struct issuing *ca, const struct certificate_row *row)
{
	json_t *view = json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "certificate_pem", view_pem(row->der),
				 "chain_pem", ca->chain_pem, "root_pem", ca->root_pem, "serial",
				 view_hex(row->serial.at, row->serial.len), "fingerprint", view_hex(row->fingerprint, 32),
				 "not_before", view_time(row->not_before), "not_after", view_time(row->not_after),
				 "ledger_seq", json_integer((json_int_t)row->ledger_seq), "ca_id",
				 view_text(ca->chain.ca[0].id));
	return call_reply(c, 201, view);
}

static void leaf_check(const struct issue *i, const struct cert_sign_request *fields, const struct facts *got,
		       struct made *m)
{
	memcpy(m->why, i->ca->why, sizeof(m->why));
	if (m->why[0])
		return;
	struct check_asked asked = { .fields = *fields,
				     .public_key = i->csr.public_key,
				     .issuer_name = i->ca->facts.subject_name,
				     .issuer_key_id = i->ca->facts.subject_key_id };
	check_certificate(got, &asked, m->why);
}

static int leaf_commit(struct front *f, struct call *c, struct issue *i, const struct cert_sign_request *fields,
		       const struct cert_sign_reply *reply)
{
	scoped_facts got = { 0 };
	scoped_made m = { .now = time_now(), .issuing_ca_id = ca_id(i) };
	if (facts_read(reply->certificate, &got, m.why) == 0)
		leaf_check(i, fields, &got, &m);
	made_fill(&m, &got, reply->certificate, ca_id(i), KIND_LEAF);
	m.row.profile = slice_text(i->profile->name);
	m.row.actor = slice_text(c->who->actor);
	m.row.ledger_seq = reply->ledger_seq;
	memcpy(m.row.request_id, i->request_id, sizeof(m.row.request_id));
	if (store_change(f->store, made_commit, &m))
		return answer_store(c);
	if (m.why[0])
		return answer_withheld(c);
	metrics_issued(f->metrics, ca_id(i), i->profile->name);
	return issue_reply(c, i->ca, &m.row);
}

static int leaf_make(struct front *f, struct call *c, struct issue *i)
{
	struct cert_sign_request fields = issue_fields(i);
	struct cert_sign_reply reply = { 0 };
	scoped_hold hold;
	scoped_answer answer;
	signer_hold(f->signer, &hold);
	enum signer_result asked = signer_cert_sign(f->signer, &fields, &reply, &answer);
	if (asked == SIGNER_REFUSED)
		signer_settle(&hold, 0);
	if (asked)
		return answer_signer(c, asked, &answer);
	int r = leaf_commit(f, c, i, &fields, &reply);
	if (r == 0 || strcmp(c->error.code, "certificate_withheld") == 0)
		signer_settle(&hold, reply.ledger_seq);
	return r;
}

/* A repeated request whose certificate is there already. */
static int leaf_again(struct front *f, struct call *c, const struct issue *i, bool *answered)
{
	scoped_session *s = NULL;
	scoped_row(certificate) row = { 0 };
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = store_certificate_find_request(s, c->signing_id, &row);
	*answered = r == STORE_DONE;
	if (!*answered)
		return r < 0 ? answer_store(c) : 0;
	return slice_equal(row.state, slice_text("withheld")) ? answer_withheld(c) : issue_reply(c, i->ca, &row);
}

static int leaf_dry(struct call *c, const struct issue *i)
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
			  json_pack("{s:b, s:s, s:s, s:o, s:o, s:o, s:o}", "dry_run", 1, "ca_id", ca_id(i), "profile",
				    i->profile->name, "subject", view_name(i->leaf.subject.raw), "names", names,
				    "not_before", view_time(i->not_before), "not_after", view_time(i->not_after)));
}

static int issue(struct front *f, struct call *c, const char *id)
{
	scoped_issue i;
	issue_init(&i);
	bool answered = false;
	int r = issue_load(f, c, id, &i);
	if (!r && c->signing_id_given && !c->dry_run)
		r = leaf_again(f, c, &i, &answered);
	if (r || answered)
		return r;
	if (c->signing_id_given)
		memcpy(i.request_id, c->signing_id, sizeof(i.request_id));
	else
		signer_request_id(i.request_id);
	r = issue_plan(f, c, &i);
	if (r)
		return r < 0 ? answer_store(c) : r;
	return c->dry_run ? leaf_dry(c, &i) : leaf_make(f, c, &i);
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
		return call_refuse(c, 409, "no_issuing_ca", NULL,
				   "This issuer has no issuing CA; name one with PATCH, or issue under a CA's own address.");
	return issue(f, c, row_text(row.issuing_ca_id));
}
