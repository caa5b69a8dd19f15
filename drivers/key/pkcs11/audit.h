/*
 * A look at every private key of the token, before the first request: is there
 * one of its id, has it the attributes that it should have. Whatever is found
 * is said in the log; a key that fails is refused when it is asked for.
 */
#ifndef CHANCERY_KEY_PKCS11_AUDIT_H
#define CHANCERY_KEY_PKCS11_AUDIT_H

#include "key/pkcs11/token.h"

/* 0, or an enum driver_exit if the token fails meanwhile. */
int audit(struct token *t);

#endif
