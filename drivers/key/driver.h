/*
 * What every kind of driver must be able to do: the interface between the
 * server of the key protocol (key/server.h), which all kinds share, and the
 * one that holds the keys. It stands in the driver's process, behind the
 * third wall: keys, digests and public keys, never a certificate.
 */
#ifndef CHANCERY_KEY_DRIVER_H
#define CHANCERY_KEY_DRIVER_H

#include "wire/driver.h"

#define MAX_PUBLIC_KEY 2048  /* driver.def: a SubjectPublicKeyInfo; RSA-4096 takes 550 */
#define MAX_DROPPED_TEXT 256 /* driver.def: names of the attributes that a token would not take */
#define MAX_LISTED_KEYS 4096 /* driver.def: more keys than that and LIST says so in the log */

/* Where an operation puts what its reply points to; one for each worker, good until its next operation. */
struct key_room {
	uint8_t public_key[MAX_PUBLIC_KEY];
	char dropped[MAX_DROPPED_TEXT];
	uint8_t signature[MAX_SIGNATURE];
	struct buf list;
};

/*
 * The token is beyond cure from inside: the process ends and is started anew. Nothing is answered: the signer, whose
 * connection is lost, repeats what it had asked for.
 */
#define KEY_FATAL(refusal) (-(int)(refusal))

/*
 * One operation for each row of driver.def. Requests are decoded and have a
 * key id that isn't empty. They return 0 with the reply filled in, a positive
 * enum driver_refusal, or KEY_FATAL(refusal), the reason being logged.
 *
 * driver_hello and driver_status must answer at once, from memory: they are
 * called by the server's loop. The others are called by worker threads, the
 * same number never by two at a time; driver_create by one worker at a time.
 */
struct key_operations {
#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	int (*name)(void *token, unsigned worker, const struct name##_request *r, struct name##_reply *reply_,         \
		    struct key_room *room);
#include "wire/driver.def"
#undef VERB
};

/* How a driver's process ends, for its supervisor. The first two are not to be answered by a restart. */
enum driver_exit {
	EXIT_PIN_LATCHED = 77, /* the PIN was refused, or may have been: an operator must look */
	EXIT_CONFIG = 78,      /* driver.conf is wrong */
	EXIT_USAGE = 64,
	EXIT_TOKEN_AWAY = 69, /* no such token, now */
	EXIT_TOKEN_FAILED = 70,
	EXIT_TOKEN_HUNG = 75, /* a call was over its deadline */
};

#endif
