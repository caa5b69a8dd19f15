/*
 * Registering a root that exists already: with a reference to its key, which
 * the signer proves and binds, or as a certificate only, which then signs
 * nothing here. Its path length, name constraints, validity, subject and
 * serial are its certificate's and bind what is made below it like those of a
 * root that was made here.
 *
 *	rules of the root -> which token -> reservation -> CA_IMPORT -> commit
 */
#ifndef CHANCERY_FRONTD_REGISTRATION_H
#define CHANCERY_FRONTD_REGISTRATION_H

#include "frontd/call.h"

/* Whether the request to make a CA is one of these. */
bool registration_wanted(const struct call *c);
/* A call_handler: {issuer id}. */
int registration_run(struct front *f, struct call *c);

#endif
