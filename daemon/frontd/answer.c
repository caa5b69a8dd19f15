#include "frontd/answer.h"

#include <ctype.h>
#include <stdio.h>

#include "frontd/chain.h"

/* Refusals of the signer that a caller can do something about, or shall tell apart. */
static const struct row {
	uint16_t code;
	unsigned status;
	const char *name, *field;
} rows[] = {
	{ REFUSE_BUSY, 429, "busy", NULL },
	{ REFUSE_RATE, 429, "rate_exceeded", NULL },
	{ REFUSE_DAILY_CAP, 429, "daily_cap_reached", NULL },
	{ REFUSE_TOO_MANY_UNBOUND, 429, "too_many_unbound_keys", NULL },
	{ REFUSE_ALGORITHM, 400, "algorithm_not_supported", "algorithm" },
	{ REFUSE_TOKEN_AWAY, 503, "token_away", NULL },
	{ REFUSE_KEY_PRESENT, 409, "key_present", NULL },
	{ REFUSE_KEY_GONE, 409, "key_gone", NULL },
	{ REFUSE_KEY_CLOSED, 409, "ca_not_active", NULL },
	{ REFUSE_ROOTS_FORBIDDEN, 409, "roots_forbidden", NULL },
	{ REFUSE_PATH_LEN, 400, "path_len_exceeded", "path_len_constraint" },
	{ REFUSE_NAME_OUTSIDE, 400, "name_not_permitted", NULL },
	{ REFUSE_CONSTRAINTS_WIDER, 400, "name_constraint_exceeded", "name_constraints" },
	{ REFUSE_SUBJECT_TAKEN, 400, "subject_taken", "subject" },
	{ REFUSE_SUBJECT, 400, "subject_invalid", "subject" },
	{ REFUSE_VALIDITY_LENGTH, 400, "validity_too_long", NULL },
	{ REFUSE_RENEWAL_DIFFERS, 409, "renewal_differs", NULL },
	{ REFUSE_RENEWAL_SHORTER, 400, "renewal_not_longer", "ttl_days" },
	{ REFUSE_CROSS_WIDER, 400, "cross_wider", NULL },
	{ REFUSE_CROSS_BELOW, 400, "cross_below", "issuer_ca_id" },
	{ REFUSE_APPROVAL_NEEDED, 409, "approval_needed", NULL },
	{ REFUSE_APPROVAL_NOT_NEEDED, 409, "approval_not_needed", NULL },
	{ REFUSE_APPROVAL_IMPOSSIBLE, 409, "approvals_not_configured", NULL },
	{ REFUSE_PROPOSAL_UNKNOWN, 404, "proposal_not_found", NULL },
	{ REFUSE_PROPOSAL_EXPIRED, 409, "proposal_expired", NULL },
	{ REFUSE_PROPOSAL_SPENT, 409, "proposal_spent", NULL },
	{ REFUSE_PROPOSAL_WITHDRAWN, 409, "proposal_rejected", NULL },
	{ REFUSE_PROPOSAL_EPOCH, 409, "proposal_void", NULL },
	{ REFUSE_PROPOSAL_DIFFERS, 409, "proposal_differs", NULL },
	{ REFUSE_PROPOSAL_UNREADY, 409, "proposal_unready", NULL },
	{ REFUSE_REQUESTER_NEEDED, 409, "requester_needed", NULL },
	{ REFUSE_APPROVER_UNKNOWN, 403, "approver_unknown", "key" },
	{ REFUSE_APPROVAL_WRONG, 400, "approval_wrong", "signature" },
	{ REFUSE_APPROVAL_TWICE, 409, "approval_twice", "key" },
	{ REFUSE_APPROVAL_OWN, 403, "approval_own", "key" },
	{ REFUSE_PROPOSALS_FULL, 429, "proposals_full", NULL },
	{ REFUSE_SUBJECT_KEY_LOCAL, 400, "key_local", "csr_pem" },
	{ REFUSE_CONSTRAINTS_NEEDED, 400, "constraints_needed", "name_constraints" },
	{ REFUSE_BACKDATED, 400, "not_before_out_of_range", "not_before" },
	{ REFUSE_ISSUER_EXPIRED, 400, "issuer_expired", NULL },
};

static void lower_name(uint16_t code, char out[48])
{
	const char *name = inner_refusal_name(code);
	size_t i = 0;
	for (; i < 47 && name[i]; i++)
		out[i] = (char)tolower((unsigned char)name[i]);
	out[i] = '\0';
}

static int refuse_row(struct call *c, uint16_t code, unsigned retry)
{
	const char *sentence = inner_refusal_sentence(code);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].code != code)
			continue;
		call_refuse(c, rows[i].status, rows[i].name, rows[i].field, "%s", sentence);
		if (rows[i].status == 429 || rows[i].status == 503)
			c->error.retry_after = retry ? retry : RETRY_SECONDS;
		return 1;
	}
	char name[48];
	lower_name(code, name);
	call_refuse(c, code >= 400 ? 400 : 503, name, NULL, "%s", sentence);
	if (code < 400)
		c->error.retry_after = retry ? retry : RETRY_SECONDS;
	return 1;
}

int answer_signer(struct call *c, enum signer_result result, const struct signer_answer *answer)
{
	if (result == SIGNER_REFUSED)
		return refuse_row(c, answer->refusal.code, answer->refusal.retry_after);
	call_refuse(c, 503, "signer_away", NULL,
		    result == SIGNER_LATE ? "The signer has not answered in time; the request may still be carried out."
					  : "The signer can't be reached at the moment; try again.");
	c->error.retry_after = RETRY_SECONDS;
	return 1;
}

int answer_import(struct call *c, const struct signer_answer *answer, const char *field, const char *key_field,
		  const char *invalid)
{
	switch (answer->refusal.code) {
	case REFUSE_IMPORT_KEY:
		return call_refuse(c, 400, "key_mismatch", key_field, "The key of %s is not that of %s.",
				   key_field == field ? "the CA" : key_field, field);
	case REFUSE_KEY_UNKNOWN:
		return call_refuse(c, 400, "key_not_found", key_field, "The token has no key with this id.");
	case REFUSE_TOKEN_UNKNOWN:
		return call_refuse(c, 400, "token_not_found", key_field, "No token of that name is configured.");
	case REFUSE_KEY_BOUND:
		return call_refuse(c, 409, "key_bound", key_field, "This key is one of this signer's already.");
	case REFUSE_KEY_GONE:
		return call_refuse(c, 409, "key_gone", key_field,
				   "This key was destroyed: its absence is on the ledger.");
	case REFUSE_TOKEN_REFUSED:
		return call_refuse(
			c, 409, "key_refused", key_field,
			"The driver does not let this key sign: it was not made in the token, can be read out of it, "
			"or can do more than sign. The driver's log says which; imported_keys in driver.conf is about "
			"that.");
	case REFUSE_UNLISTED_ROOT:
		return call_refuse(
			c, 409, "root_unlisted", field,
			"The root is not in the signer's anchors folder; its administrator has to put it there first.");
	case REFUSE_IMPORT_CHAIN:
	case REFUSE_IMPORT_CERT:
		return call_refuse(c, 400, invalid, field,
				   "The signer refused %s: it must pass a strict validation, with keys and signatures "
				   "of at least 112 bits.",
				   field);
	case REFUSE_CONSTRAINTS:
		return call_refuse(c, 400, "bad_name_constraint", field,
				   "%s has a name constraint of a form that can't be enforced.", field);
	case REFUSE_SUBJECT_KEY:
		return call_refuse(c, 400, "algorithm_not_supported", field,
				   "The signer can't use a key of this kind.");
	}
	return answer_signer(c, SIGNER_REFUSED, answer);
}

int answer_store(struct call *c)
{
	call_refuse(c, 503, "store_failed", NULL, "The database can't be read or written at the moment.");
	c->error.retry_after = RETRY_SECONDS;
	return 1;
}

int answer_broken(struct call *c)
{
	return call_refuse(c, 503, "unavailable", NULL, "This could not be done now; the log has the reason.");
}

int answer_withheld(struct call *c)
{
	return call_refuse(c, 503, "certificate_withheld", NULL,
			   "The certificate that came back differs from what was asked for; it is withheld, and its CA "
			   "issues nothing more until an administrator lifts that.");
}

int answer_no_ca(struct call *c)
{
	return call_refuse(c, 404, "ca_not_found", NULL, "There is no CA with this id.");
}

int answer_key_elsewhere(struct call *c, const struct ca_row *ca, const char *field)
{
	if (ca->outsider)
		return call_refuse(c, 409, "ca_outside_ledger", field,
				   "The key of %s is another's: what that CA signs, lists and answers is done by its "
				   "holder, outside this ledger.",
				   row_text(ca->name));
	return call_refuse(c, 409, "ca_key_offline", field,
			   "%s was registered as a certificate only: its key is offline, so it signs nothing here.",
			   row_text(ca->name));
}

int answer_no_issuer(struct call *c)
{
	return call_refuse(c, 404, "issuer_not_found", NULL, "There is no issuer with this id.");
}

int answer_lint(struct call *c, const struct lint_report *report, const char *field)
{
	const struct lint_finding *f = lint_worst(report, LINT_NOTICE);
	return call_refuse(c, 400, "lint_failed", field,
			   "The certificate would break the rule %s (%s) in its %s%s%s: %s", f->rule->id,
			   f->rule->source, f->rule->field, f->where[0] ? ", " : "", f->where, f->rule->sentence);
}

int answer_ca(struct front *f, struct call *c, struct store_session **s, struct ca_row *ca)
{
	int r = store_read(f->store, s) ? -1 : store_ca_find(*s, c->param[0], ca);
	if (r < 0)
		return answer_store(c);
	return r || ca_reserved(ca) ? answer_no_ca(c) : 0;
}
