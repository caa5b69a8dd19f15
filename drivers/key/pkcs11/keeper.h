/*
 * Who looks after the token while nobody asks for it: a thread that scans for
 * one that is away, keeps one that is there awake, and says when this process
 * is done with it. Away at the start: the socket is open, HELLO is answered
 * TOKEN_AWAY, and the module is loaded anew every few seconds until the token
 * is there. Away later: the process ends, since the modules known would not see
 * it come back, and the next one scans.
 */
#ifndef CHANCERY_KEY_PKCS11_KEEPER_H
#define CHANCERY_KEY_PKCS11_KEEPER_H

#include "key/pkcs11/token.h"

struct keeper {
	struct token *token;
	atomic_bool resume_said; /* in the last HELLO */
	pthread_t thread;
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t change;
	bool stopping, told;
};

/*
 * Brings the token up, or finds that it is away, and starts the thread. 0, or
 * an enum driver_exit for what waiting can't cure. A latched PIN is reported
 * to one HELLO, then the process ends as if by SIGTERM, with token->end set;
 * so it does when there is no cure.
 */
int keeper_start(struct keeper *k, struct token *token);
/* The signer has been told that the PIN is latched. */
void keeper_told(struct keeper *k);
/* Joins the thread, which may be inside the module. */
void keeper_stop(struct keeper *k);

#endif
