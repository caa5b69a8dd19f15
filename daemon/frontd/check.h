/*
 * Trust no answer: what came back from the signer is held against what was
 * asked, field by field, and a CA's whole chain is validated by libcrypto.
 * Pure: it neither asks nor stores.
 */
#ifndef CHANCERY_FRONTD_CHECK_H
#define CHANCERY_FRONTD_CHECK_H

#include "frontd/facts.h"
#include "policy/lint.h"
#include "wire/inner.h"

struct check_asked {
	struct cert_sign_request fields; /* kind, validity, names, usages ... as asked; a root's too */
	struct slice public_key;	 /* SubjectPublicKeyInfo of the subject */
	struct slice issuer_name;	 /* DER of the issuer's subject; empty: self-signed */
	struct slice issuer_key_id;	 /* the issuer's subject key identifier; empty: self-signed */
};

/*
 * Before the signer is asked: 0, or positive if the linter finds something of at least this severity in the fields.
 * *out has all findings, also on 0. A key of the signer's own is not looked at.
 */
int check_request(const struct cert_sign_request *fields, enum lint_severity least, struct lint_report *out);
/* 0; positive: it differs, *why says where. */
int check_certificate(const struct facts *got, const struct check_asked *asked, char why[FACTS_WHY]);
/*
 * 0; positive: the linter (policy/lint.h) finds an error, *why says which. What a request can bring about is refused
 * before anything is signed, so here only the signer can be wrong.
 */
int check_rules(struct slice certificate, char why[FACTS_WHY]);
/* Whether the issuer's key has signed the certificate; both DER, whatever else they say. */
bool check_signed(struct slice certificate, struct slice issuer);
/*
 * 0; positive: it does not validate at this time, *why says why. certificates: DER,
 * the one in question first, each one's issuer next, the root last.
 */
int check_chain(const struct slice *certificates, size_t count, int64_t now, char why[FACTS_WHY]);

#endif
