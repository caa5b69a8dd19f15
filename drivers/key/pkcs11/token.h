/*
 * One token: its module, its login, its sessions, its keys. All of it lives in
 * the driver's process and nowhere else. It signs whatever digest the server
 * hands it; who may ask was judged before.
 *
 * Locks, in the order in which they are taken. life: everybody who is inside
 * the module holds it for reading, recovery for writing, because modules crash
 * when sessions are closed under a signature; writers go first. A session's
 * own: two threads never use one, also when there are fewer sessions than
 * workers. keys_lock: the table of keys, and the search for one.
 */
#ifndef CHANCERY_KEY_PKCS11_TOKEN_H
#define CHANCERY_KEY_PKCS11_TOKEN_H

#include <libp11.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/secret.h"
#include "key/jobs.h"
#include "key/pkcs11/cryptoki.h"
#include "key/pkcs11/health.h"
#include "key/pkcs11/public.h"
#include "key/pkcs11/settings.h"

#define MAX_TOKEN_TEXT 64 /* driver.def; PKCS#11 has 32 bytes, and 16 for the serial number */

/* A key in use. Once ready, all but the atomic members stay as they are until a recovery. */
struct key {
	struct key *next;
	uint8_t id[MAX_DRIVER_KEY];
	size_t id_len;
	bool ready;  /* handle, attributes and public key are of this login */
	bool proven; /* the private key has signed a challenge that the public key verified */
	CK_OBJECT_HANDLE handle;
	atomic_uint attributes; /* enum key_attribute */
	atomic_uint strikes;	/* refusals in a row that only this key or its use can explain */
	struct public_key public;
};

#define KEY_CHAINS 256

struct session {
	pthread_mutex_t busy;
	CK_SESSION_HANDLE handle;
};

struct token {
	const struct settings *settings;
	struct cryptoki module;
	PKCS11_CTX *ctx;
	unsigned scans; /* how often it was looked for */
	PKCS11_SLOT *slots;
	unsigned slot_count;
	/* What follows is filled in before state says TOKEN_READY for the first time, and stays. */
	char label[MAX_TOKEN_TEXT + 1], serial[MAX_TOKEN_TEXT + 1];
	char manufacturer[MAX_TOKEN_TEXT + 1], model[MAX_TOKEN_TEXT + 1];
	uint32_t algorithms; /* 1 << number, for each that the token makes and signs with */
	struct secret *pin;
	atomic_int state; /* enum token_state */
	atomic_int end;	  /* enum driver_exit: this process is done with the token; 0 while it isn't */
	struct health health;
	atomic_bool resumed; /* an operator let the PIN be tried again, and the signer has not been told */
	atomic_uint flags;   /* CK_TOKEN_INFO's, as read at the last login */
	atomic_ullong signatures, failures, recoveries;
	atomic_uint strikes; /* failures in a row that had no cure, where trying again was out of the question */
	pthread_rwlock_t life;
	unsigned epoch;	  /* recoveries so far */
	atomic_uint pool; /* sessions that are open; workers share them */
	bool one_session; /* the token gives no more than one, so that it must do for everything */
	struct session sessions[MAX_WORKERS];
	pthread_mutex_t keys_lock;
	struct key *keys[KEY_CHAINS];
};

/* A token that isn't there yet; reads the PIN. NULL, logged, if that can't be done. */
struct token *token_new(const struct settings *settings);
/* When no thread is left that uses it. */
void token_free(struct token *t);

/*
 * Brings the token up: module, slot, sessions, PIN, mechanisms, keys. 0, or an
 * enum driver_exit with the reason logged, and then all of it is undone. Only
 * while nobody is inside: before it is ready.
 */
int token_bring_up(struct token *t);

/* Whether this is what the token said of itself when it was found. */
bool token_same(const struct token *t, const CK_TOKEN_INFO *info);
/* Opens at most so many sessions; the pool then has what the token gave. 0, or an enum driver_exit. */
int sessions_open(struct token *t, unsigned wanted);

#endif
