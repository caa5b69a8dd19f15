/*
 * The keys of a token that this process has used: found once by CKA_ID, their
 * security attributes read, their public key decoded, their private key
 * proved by a signature. Not searched for again until a recovery, but when
 * somebody asks whether the token still has it.
 */
#ifndef CHANCERY_KEY_PKCS11_KEYS_H
#define CHANCERY_KEY_PKCS11_KEYS_H

#include "key/pkcs11/recovery.h"

#define MAX_KEY_STRIKES 3 /* a key that the token can't use is not asked for again after so many failures */

/* 0 with *out, a positive refusal (KEY_UNKNOWN, KEY_AMBIGUOUS, KEY_MISMATCH), or what attempt_failed() said. */
int keys_find(struct attempt *a, struct slice id, struct key **out);
/* The private key of one that was found proves itself, once in a login: 0, KEY_MISMATCH, or as above. */
int keys_prove(struct attempt *a, struct key *k);
/* The key as the token has it now, read anew; its public key must be the known one and is not the caller's. */
int keys_look(struct attempt *a, struct slice id, struct key *out);
/* Calls seen for the id of each private key, until it refuses. */
typedef int (*key_seen)(struct attempt *a, struct slice id, void *with);
int keys_each(struct attempt *a, key_seen seen, void *with);
/* Whether the key's attributes are what driver.conf wants of a key that signs. */
bool keys_trusted(const struct token *t, const struct key *k);

/* Says that a key has failed too often. */
void keys_latched(const struct token *t, const struct key *k, const char *answer);

/* How many objects of this class (all classes if -1) have the id; the first ones' handles go to found. */
int keys_count(struct attempt *a, long class, CK_ATTRIBUTE_TYPE type, struct slice value, CK_OBJECT_HANDLE *found,
	       CK_ULONG max, CK_ULONG *count);

/* Every handle is of an older login: each key is found and proved anew at its next use. */
void keys_forget(struct token *t);
void keys_free(struct token *t);

#endif
