/* A private key's security attributes, as the token states them, and what driver.conf wants of a key that signs. */
#ifndef CHANCERY_KEY_PKCS11_ATTRIBUTES_H
#define CHANCERY_KEY_PKCS11_ATTRIBUTES_H

#include "key/pkcs11/recovery.h"

#define MAX_ATTRIBUTES_TEXT 160 /* all of them, with words in front */

/* What isn't stated counts against the key, but for uses that many tokens don't know of. */
int attributes_read(struct attempt *a, CK_OBJECT_HANDLE object, uint32_t *out);
/* Whether CKA_KEY_GEN_MECHANISM is this one; true for tokens that don't say. */
int attributes_made_with(struct attempt *a, CK_OBJECT_HANDLE object, CK_MECHANISM_TYPE mechanism, bool *out);

/* The bits of enum key_attribute that keep a key from signing: missing ones and others; 0 for a key that may. */
uint32_t attributes_wrong(const struct settings *s, uint32_t attributes);
/* The same for a key that was made in a token and never left it. */
uint32_t attributes_foreign(const struct settings *s, uint32_t attributes);
/* "not LOCAL, EXTRACTABLE" of what is wrong with these attributes. */
void attributes_text(uint32_t attributes, uint32_t wrong, char out[MAX_ATTRIBUTES_TEXT]);

#endif
