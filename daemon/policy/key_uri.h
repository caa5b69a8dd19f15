/*
 * key_driver_id: how a caller names a key that is there already. Either an
 * RFC 7512 URI, "pkcs11:token=Root%20HSM;id=%AA%BB", or "file:NAME" for a key
 * in the file driver's folder.
 *
 * It says which key of which token and nothing else. What would name a
 * module, a slot or a PIN is refused by that attribute's name; its value is
 * never repeated to anybody. Pure: it looks for no key.
 */
#ifndef CHANCERY_POLICY_KEY_URI_H
#define CHANCERY_POLICY_KEY_URI_H

#include "base/buf.h"

#define MAX_KEY_URI 512	  /* bytes as written: it stands in a kilobyte of the ledger's context */
#define MAX_KEY_URI_ID 64 /* bytes of a key's id in the drivers' protocol */
#define KEY_URI_WHY 200

enum key_uri_form { KEY_URI_PKCS11, KEY_URI_FILE };

/* Its slices point into itself: not to be copied. What was not given is empty. */
struct key_uri {
	enum key_uri_form form;
	struct slice token, serial, manufacturer, model; /* of the token, as visible text */
	struct slice object;				 /* the key's label, likewise */
	struct slice id;				 /* the key's CKA_ID, or the file's name; never empty */
	uint8_t bytes[MAX_KEY_URI];
};

/* On false why is a sentence's end, such as "must not have pin-value". */
bool key_uri_parse(const char *text, struct key_uri *out, char why[KEY_URI_WHY]);

#endif
