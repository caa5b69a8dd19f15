/*
 * The keys of a token that this process has used: found once by CKA_ID, their
 * security attributes read, their public key decoded, their private key
 * proved by a signature. Not searched for again until a recovery, but when
 * somebody asks whether the token still has it.
 */
#ifndef CHANCERY_KEY_PKCS11_KEYS_H
#define CHANCERY_KEY_PKCS11_KEYS_H

#include "key/pkcs11/token.h"

/* 0 with *out, a positive refusal (KEY_UNKNOWN, KEY_AMBIGUOUS, KEY_MISMATCH), or what attempt_failed() said. */
int keys_find(struct attempt *a, struct slice id, struct key **out);
/* As keys_find(), but looks in the token also for a key that was found before. */
int keys_look(struct attempt *a, struct slice id, struct key **out);
/* As keys_find(), and the private key has proved itself in this login. */
int keys_prove(struct attempt *a, struct slice id, struct key **out);
/* Whether the key's attributes are what driver.conf wants of a key that signs. */
bool keys_trusted(const struct token *t, const struct key *k);

/* How many objects of this class (all classes if -1) have the id; the first ones' handles go to found. */
int keys_count(struct attempt *a, long class, CK_ATTRIBUTE_TYPE type, struct slice value, CK_OBJECT_HANDLE *found,
	       CK_ULONG max, CK_ULONG *count);

/* Every handle is of an older login: each key is found and proved anew at its next use. */
void keys_forget(struct token *t);
void keys_free(struct token *t);

#endif
