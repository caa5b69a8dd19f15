/* Certificates, names and spans of time in words for people who know no PKI. */
#ifndef CHANCERY_CEREMONY_TELLING_H
#define CHANCERY_CEREMONY_TELLING_H

#include "ledger/hash.h"
#include "names/constraints.h"

/* "10 years", "366 days", "3 hours". */
void tell_span(int64_t seconds, char out[48]);
/* Eight words, on a line of their own, and what they are for. */
void tell_words(const char *of, const uint8_t hash[HASH_SIZE]);
/* Rows of a table. */
void tell_name(const char *label, struct list dn);
void tell_der_name(const char *label, struct slice der);
void tell_key(const char *label, struct slice public_key);
void tell_validity(int64_t not_before, int64_t not_after);
void tell_path_len(uint16_t path_len);
void tell_constraints(const struct constraints *c);
void tell_urls(struct list urls);
/* The clock of this machine, which decides when a certificate begins: 1 if people say that it is right. */
int tell_clock(void);
/* "keyCompromise: ..." for a reason of RFC 5280 5.3.1. */
const char *tell_reason(uint8_t reason);

#endif
