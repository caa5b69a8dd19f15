/*
 * Letters, keys, names and spans of time in words for people who know no PKI:
 * rows of a table, each a label and a text of one or more lines. The ceremony
 * and whoever approves a request beforehand read the same words, made of the
 * same bytes. Pure: where the rows go is the caller's to say.
 *
 * Whatever a letter holds, what comes out is visible text.
 */
#ifndef CHANCERY_LETTER_TELLING_H
#define CHANCERY_LETTER_TELLING_H

#include "letter/letter.h"
#include "names/constraints.h"

typedef void teller_row(void *with, const char *label, const char *text);
struct teller {
	teller_row *row;
	void *with;
};

#define MAX_TELL_TIME 32

/* "2026-11-21 17:00:00 UTC" */
void tell_time(int64_t seconds, char out[MAX_TELL_TIME]);
/* "10 years", "366 days", "3 hours". */
void tell_span(int64_t seconds, char out[48]);
/* Rows. */
void tell_name(const struct teller *t, const char *label, struct list dn);
void tell_der_name(const struct teller *t, const char *label, struct slice der);
void tell_key(const struct teller *t, const char *label, struct slice public_key);
void tell_validity(const struct teller *t, int64_t not_before, int64_t not_after);
void tell_path_len(const struct teller *t, uint16_t path_len);
void tell_constraints(const struct teller *t, const struct constraints *c);

/* A request but for its ask and its approvals. */
void tell_request(const struct teller *t, const struct request_letter *r);
/* Its ask; public_key: of the CA that is asked for, once it was proved. */
void tell_intermediate(const struct teller *t, const struct intermediate_letter *i, struct slice public_key);
void tell_crl(const struct teller *t, const struct crl_letter *c); /* but for its entries */
/* An entry of it; whose: the name in that certificate, or NULL. */
void tell_revoked(const struct teller *t, const struct revoked_entry *e, const char *whose);

/* What a certification request is about, as libcrypto reads it. */
struct asked_key {
	struct buf subject, public_key; /* DER */
};
/* 0: its signature proves the key. Positive: it is none, or proves nothing. */
int asked_key_read(struct slice csr, struct asked_key *out);
void asked_key_free(struct asked_key *k);

#endif
