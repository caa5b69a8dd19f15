/* A new key pair: every security attribute stated, read back, and the pair proved. */
#ifndef CHANCERY_KEY_PKCS11_CREATE_H
#define CHANCERY_KEY_PKCS11_CREATE_H

#include "key/pkcs11/recovery.h"

struct creation {
	const struct driver_create_request *request;
	struct key *key;		/* out */
	bool tried_twice;		/* a pair could not be made at first, and left nothing behind */
	char dropped[MAX_DROPPED_TEXT]; /* out: optional attributes that the token would not take, comma-separated */
};

/* An act for token_run(). */
int create_act(struct attempt *a, void *creation);

#endif
