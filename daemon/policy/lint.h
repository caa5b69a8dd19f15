/*
 * The linter: what RFC 5280 and its neighbours say of a certificate or a CRL,
 * as rules with stable ids (lint_rules.def). It looks at the DER as anybody
 * may have written it, asks nobody and keeps nothing: the front-end runs it
 * over what came from the signer, the command line over any file. It checks
 * no signature and no chain.
 */
#ifndef CHANCERY_POLICY_LINT_H
#define CHANCERY_POLICY_LINT_H

#include "base/pack.h"

enum lint_severity {
	LINT_NOTICE,  /* allowed, and worth knowing */
	LINT_WARNING, /* a SHOULD, or something that a common relying party trips over */
	LINT_ERROR,   /* a MUST */
};

/* What a rule applies to. */
enum lint_kind {
	LINT_LEAF = 1,
	LINT_OCSP = 2, /* an OCSP responder's certificate */
	LINT_CA = 4,
	LINT_ROOT = 8, /* a CA that is its own issuer */
	LINT_CRL = 16,
	LINT_ENDS = LINT_LEAF | LINT_OCSP,
	LINT_CAS = LINT_CA | LINT_ROOT,
	LINT_CERT = LINT_ENDS | LINT_CAS,
	LINT_ANY = LINT_CERT | LINT_CRL,
};

#define MAX_LINT_CERTIFICATE (256 * 1024) /* bytes: a thousand names are a tenth of it */
#define MAX_LINT_CRL (64 * 1024 * 1024)	  /* bytes: above a million entries */
#define MAX_LINT_FINDINGS 160		  /* at least as many as there are rules */
#define LINT_WHERE 96			  /* bytes of a finding's detail */

struct lint_rule {
	const char *id;	      /* "rfc5280_4.1.2.2_serial_positive": never changes */
	const char *source;   /* "RFC 5280, 4.1.2.2" */
	const char *field;    /* "serialNumber" */
	const char *sentence; /* what the rule says */
	enum lint_severity severity;
	unsigned applies; /* to these kinds */
};

struct lint_finding {
	const struct lint_rule *rule;
	char where[LINT_WHERE]; /* which name, which extension; visible text, may be empty */
};

struct lint_report {
	enum lint_kind kind; /* what it was taken for */
	size_t count;
	struct lint_finding findings[MAX_LINT_FINDINGS]; /* each rule once, in the table's order */
};

/* One certificate, one CRL, in DER. What can't be read at all is one finding. */
void lint_certificate(struct slice der, struct lint_report *out);
void lint_crl(struct slice der, struct lint_report *out);
/* Whichever of the two it looks like. */
void lint_any(struct slice der, struct lint_report *out);

/* What a URL is for: as in wire/inner.h, which this room doesn't see. */
enum lint_url { LINT_URL_CRL = 1, LINT_URL_OCSP = 2, LINT_URL_CA_ISSUERS = 3 };

/* What a certificate is asked for with, before there is one. Lists as they cross the wire: inner.def has their tags. */
struct lint_asked {
	enum lint_kind kind; /* LINT_LEAF, LINT_CA or LINT_ROOT */
	int64_t not_before, not_after;
	struct slice public_key; /* SubjectPublicKeyInfo; empty: the signer's own, which it makes well */
	struct list subject, alt_names, ext_key_usage, permitted, excluded, urls, policies;
	unsigned key_usage; /* bit 0: digitalSignature; a CA's is the encoder's */
	bool path_len_there, must_staple;
};

/*
 * Before anything is signed: the rules that speak of what is asked for, under the ids that they have over the
 * certificate. What only the encoder decides (DER, serial numbers, what is critical) is not looked at.
 */
void lint_fields(const struct lint_asked *asked, struct lint_report *out);

/*
 * Before anything is signed: whether some bit of keyUsage (bit 0: digitalSignature) can fulfil a purpose, the contents
 * octets of an OBJECT IDENTIFIER (RFC 5280 4.2.1.12). A purpose that it doesn't speak of is fulfilled by any.
 */
bool lint_purpose_fulfilled(unsigned key_usage, struct slice purpose);

/* The first finding of at least this severity; NULL: none. */
const struct lint_finding *lint_worst(const struct lint_report *r, enum lint_severity least);
/* The i-th rule of all; NULL past the last. */
const struct lint_rule *lint_rule(size_t i);
/* Whether lint_fields() looks at the i-th rule. */
bool lint_rule_before(size_t i);
const char *lint_severity_text(enum lint_severity s);
/* "leaf", "ca", "root", "ocsp responder", "crl". */
const char *lint_kind_text(enum lint_kind k);

#endif
