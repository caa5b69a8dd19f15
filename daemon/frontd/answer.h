/* What the signer and the store answered, as what a caller is told. */
#ifndef CHANCERY_FRONTD_ANSWER_H
#define CHANCERY_FRONTD_ANSWER_H

#include "frontd/call.h"
#include "frontd/front.h"
#include "frontd/signer.h"
#include "policy/lint.h"
#include "store/store.h"

#define RETRY_SECONDS 2 /* after what passes by itself */

/* For anything but SIGNER_DONE: refuses the call, answers positive. */
int answer_signer(struct call *c, enum signer_result result, const struct signer_answer *answer);
/*
 * For a refused CA_IMPORT: field holds the certificate, key_field names the key (field itself: a key of ours); invalid
 * is the code for a certificate that the signer's path validation does not take.
 */
int answer_import(struct call *c, const struct signer_answer *answer, const char *field, const char *key_field,
		  const char *invalid);
/* For a negative answer of the store: 503. */
int answer_store(struct call *c);
/* For what was broken here, and is logged: 503. */
int answer_broken(struct call *c);
/* What came back is not what was asked for: 503, and it was put away. */
int answer_withheld(struct call *c);
int answer_no_ca(struct call *c);
/* 409: the CA's key is in none of the signer's tokens. */
int answer_key_elsewhere(struct call *c, const struct ca_row *ca, const char *field);
int answer_no_issuer(struct call *c);
/* The CA that the route's first parameter names, read in a session that the caller owns: 0, or the call is refused. */
int answer_ca(struct front *f, struct call *c, struct store_session **s, struct ca_row *ca);
/* 400, lint_failed, for the worst of these findings over what was asked for, with the rule's id. */
int answer_lint(struct call *c, const struct lint_report *report, const char *field);

#endif
