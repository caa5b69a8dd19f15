#include "frontd/answer.h"

#include <ctype.h>
#include <stdio.h>

#define RETRY_SECONDS 2

/* Refusals of the signer that a caller can do something about, or shall tell apart. */
static const struct row {
	uint16_t code;
	unsigned status;
	const char *name, *field;
} rows[] = {
	{ REFUSE_BUSY, 429, "busy", NULL },
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

int answer_store(struct call *c)
{
	call_refuse(c, 503, "store_failed", NULL, "The database can't be read or written at the moment.");
	c->error.retry_after = RETRY_SECONDS;
	return 1;
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

int answer_no_issuer(struct call *c)
{
	return call_refuse(c, 404, "issuer_not_found", NULL, "There is no issuer with this id.");
}
