/*
 * A root that was made elsewhere, as a caller sends it: one PEM block, every
 * rule that a self-signed CA certificate must keep before the signer is asked
 * to take it, and its facts. Pure: it neither asks nor stores.
 *
 * A private key that was sent by mistake is refused first of all, and its
 * bytes go nowhere.
 */
#ifndef CHANCERY_FRONTD_ROOT_H
#define CHANCERY_FRONTD_ROOT_H

#include "frontd/call.h"
#include "frontd/facts.h"

#define MAX_ROOT_PEM 65536
#define MAX_ROOT 32768 /* bytes of DER: what the signer and the store take */

struct root {
	struct buf der;
	struct facts facts; /* read as a foreign certificate's: canonical names */
	uint8_t algorithm;  /* of its key */
};

/* Refuses a body that holds a private key anywhere; 0, or positive after call_refuse(). */
int root_keyless(struct call *c);
/* The request whose one member, field, holds a certificate: its text. */
int root_read_member(struct call *c, const char *field, const char **pem);
/* 0, or positive after call_refuse() about field. root_free() is due after any answer. */
int root_read(struct call *c, const char *field, const char *pem, int64_t now, struct root *out);
/* The same for a CA's certificate that another CA has signed: all of it but who that was. */
int root_read_issued(struct call *c, const char *field, const char *pem, int64_t now, struct root *out);
/* One PEM block of any certificate: der alone is filled in. */
int root_read_block(struct call *c, const char *field, const char *pem, struct root *out);
/* enum key_algorithm of a SubjectPublicKeyInfo; 0: none of ours. */
uint8_t root_key_algorithm(struct slice public_key);
void root_free(struct root *r);
#define scoped_root __attribute__((cleanup(root_free))) struct root

#endif
