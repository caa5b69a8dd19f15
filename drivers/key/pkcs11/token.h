/*
 * One token: its module, its login, a session for each worker, its keys. All
 * of it lives in the driver's process and nowhere else. It signs whatever
 * digest the server hands it; who may ask was judged before.
 *
 * Locks. life: everybody who is inside the module holds it for reading,
 * recovery for writing, because modules crash when sessions are closed under
 * a signature; writers go first. keys_lock: the table of keys, and the search
 * for one. Taken in this order.
 */
#ifndef CHANCERY_KEY_PKCS11_TOKEN_H
#define CHANCERY_KEY_PKCS11_TOKEN_H

#include <libp11.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/secret.h"
#include "key/jobs.h"
#include "key/pkcs11/cryptoki.h"
#include "key/pkcs11/public.h"
#include "key/pkcs11/settings.h"

#define MAX_TOKEN_TEXT 64 /* driver.def; PKCS#11 has 32 bytes, and 16 for the serial number */

/* A key in use. Once ready, all but `proven` stays as it is until a recovery. */
struct key {
	struct key *next;
	uint8_t id[MAX_DRIVER_KEY];
	size_t id_len;
	bool ready;  /* handle, attributes and public key are of this login */
	bool proven; /* the private key has signed a challenge that the public key verified */
	CK_OBJECT_HANDLE handle;
	uint32_t attributes; /* enum key_attribute */
	struct public_key public;
};

#define KEY_CHAINS 256

struct token {
	const struct settings *settings;
	struct cryptoki module;
	PKCS11_CTX *ctx;
	PKCS11_SLOT *slots;
	unsigned slot_count;
	char label[MAX_TOKEN_TEXT + 1], serial[MAX_TOKEN_TEXT + 1];
	char manufacturer[MAX_TOKEN_TEXT + 1], model[MAX_TOKEN_TEXT + 1];
	uint32_t algorithms; /* 1 << number, for each that the token makes and signs with */
	struct secret *pin;
	unsigned workers;
	atomic_ullong signatures, failures, recoveries;
	atomic_uint flags; /* CK_TOKEN_INFO's, when the PIN was last tried or needn't be */
	atomic_bool resumed; /* an operator allowed the try that brought the token up; told to the first HELLO */
	int64_t since; /* when it came up */
	atomic_uint strikes; /* failures in a row that had no cure */
	pthread_rwlock_t life;
	unsigned epoch; /* recoveries so far */
	CK_SESSION_HANDLE sessions[MAX_WORKERS];
	pthread_mutex_t keys_lock;
	struct key *keys[KEY_CHAINS];
};

/*
 * Brings the token up: module, slot, PIN, sessions, mechanisms. NULL with the
 * reason logged, and in *status the enum driver_exit that says it.
 */
struct token *token_open(const struct settings *settings, int *status);
/* When no worker is left. */
void token_close(struct token *t);

/* One try of an operation, inside the module. */
struct attempt {
	struct token *token;
	CK_SESSION_HANDLE session;
	unsigned epoch;
	CK_RV rv;   /* the module's answer that made it fail; CKR_OK if none did */
	bool final; /* something was changed in the token: never try again */
};

typedef int (*token_act)(struct attempt *a, void *what);

/*
 * Runs act with the worker's session. When sessions or handles are gone they
 * are made anew and act is run once more; what has no cure is KEY_FATAL.
 */
int token_run(struct token *t, unsigned worker, token_act act, void *what);
/* For an act: remembers and logs what the module answered; returns the refusal that it comes to. */
int attempt_failed(struct attempt *a, const char *call, CK_RV rv);

#endif
