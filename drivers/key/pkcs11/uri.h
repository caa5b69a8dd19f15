/*
 * A token named by an RFC 7512 URI in driver.conf: "pkcs11:token=main;serial=0123".
 * Only what stays the same when slots are numbered anew; and no PIN, which has
 * a setting of its own.
 */
#ifndef CHANCERY_KEY_PKCS11_URI_H
#define CHANCERY_KEY_PKCS11_URI_H

#define MAX_URI_VALUE 64 /* as MAX_TOKEN_TEXT; PKCS#11 itself has 32 bytes at most */
#define URI_SCHEME "pkcs11:"

/* "" for what the URI doesn't say. */
struct token_uri {
	char token[MAX_URI_VALUE + 1], serial[MAX_URI_VALUE + 1];
	char manufacturer[MAX_URI_VALUE + 1], model[MAX_URI_VALUE + 1];
};

/* NULL when done; otherwise what would be accepted instead. */
const char *uri_read(const char *text, struct token_uri *out);

#endif
