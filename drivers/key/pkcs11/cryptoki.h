/*
 * The PKCS#11 module's own function list: the one place where the driver
 * calls foreign code past libp11, and why for each call (cryptoki.c). Nothing
 * here decides anything; every function answers what the module answered.
 */
#ifndef CHANCERY_KEY_PKCS11_CRYPTOKI_H
#define CHANCERY_KEY_PKCS11_CRYPTOKI_H

#include <p11-kit/pkcs11.h>

#include "base/buf.h"

struct cryptoki {
	void *library;
	CK_FUNCTION_LIST *call;
	CK_SLOT_ID slot;
	bool initialized;
	bool one_thread; /* it can't lock: no two threads may be inside it */
};

/* How an answer is to be met. */
enum cryptoki_class {
	CRYPTOKI_FINE,
	CRYPTOKI_LOST,	    /* sessions or handles are gone: open, log in and find anew */
	CRYPTOKI_STALE,	    /* this one session is in the middle of something: another in its place */
	CRYPTOKI_AWAY,	    /* the token is not there: a new process looks for it */
	CRYPTOKI_ASKED,	    /* the token can't or won't do what was asked; asking again changes nothing */
	CRYPTOKI_EXHAUSTED, /* too many sessions, or no memory: fewer sessions */
	CRYPTOKI_PIN,	    /* about the PIN: an operator must look */
	CRYPTOKI_DEAD,	    /* the module is beyond cure: a new process */
	CRYPTOKI_BROKEN,    /* anything else: the module or the token has failed; twice is enough */
};

enum cryptoki_class cryptoki_class(CK_RV rv);
/* "CKR_PIN_INCORRECT", or "CKR_" and hex digits for one without a name here. Thread-safe. */
const char *cryptoki_name(CK_RV rv);

/* Loads the module; libp11 shares the library. 0 or -1, logged. */
int cryptoki_load(struct cryptoki *c, const char *path);
/* Before libp11 does it: who comes first says whether the module must lock. Sets one_thread if it can't. */
CK_RV cryptoki_initialize(struct cryptoki *c, const char *init_args);
/* Finalizes this side's instance and lets go of the library. While no other thread is inside it. */
void cryptoki_unload(struct cryptoki *c);

CK_RV cryptoki_token(struct cryptoki *c, CK_TOKEN_INFO *out);
/* How the token sees a session: logged in or not. */
CK_RV cryptoki_session(struct cryptoki *c, CK_SESSION_HANDLE session, CK_STATE *out);
/* The smallest thing that a token itself must do. */
CK_RV cryptoki_random(struct cryptoki *c, CK_SESSION_HANDLE session);
CK_RV cryptoki_mechanism(struct cryptoki *c, CK_MECHANISM_TYPE mechanism, CK_MECHANISM_INFO *out);
CK_RV cryptoki_open(struct cryptoki *c, bool writable, CK_SESSION_HANDLE *out);
void cryptoki_close(struct cryptoki *c, CK_SESSION_HANDLE session);
/* Only while no thread is inside any other call: modules crash otherwise. */
CK_RV cryptoki_close_all(struct cryptoki *c);
/* An empty PIN: the token asks for it by itself (protected authentication path). */
CK_RV cryptoki_login(struct cryptoki *c, CK_SESSION_HANDLE session, struct slice pin);

/* The first objects that match, at most max of them; *count says how many. */
CK_RV cryptoki_find(struct cryptoki *c, CK_SESSION_HANDLE session, CK_ATTRIBUTE *like, CK_ULONG n,
		    CK_OBJECT_HANDLE *found, CK_ULONG max, CK_ULONG *count);
/* One attribute. An attribute that the object doesn't have is an error from the module. */
CK_RV cryptoki_get(struct cryptoki *c, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
		   void *out, CK_ULONG size, CK_ULONG *len);
CK_RV cryptoki_generate(struct cryptoki *c, CK_SESSION_HANDLE session, CK_MECHANISM_TYPE mechanism,
			CK_ATTRIBUTE *public, CK_ULONG public_n, CK_ATTRIBUTE *private, CK_ULONG private_n);
CK_RV cryptoki_sign(struct cryptoki *c, CK_SESSION_HANDLE session, CK_MECHANISM_TYPE mechanism, CK_OBJECT_HANDLE key,
		    struct slice data, uint8_t *signature, CK_ULONG size, CK_ULONG *len);

#endif
