/*
 * The folder of an offline root: everything that it has but its token.
 *
 *	ceremony.conf   how many people, which driver
 *	signer.conf     as signd.conf(5): the signer's settings
 *	driver.conf     as driver.conf(5): the token's
 *	ledger/         what was done, and crls/: as a signer's state folder has them
 *	approvers/      public keys of who may approve requests beforehand
 *	transcripts/    what people saw and answered
 *	anchors/ driver/ run/ host log
 *
 * It is carried with the token, or stays on the host; nothing in it is secret.
 */
#ifndef CHANCERY_CEREMONY_HOME_H
#define CHANCERY_CEREMONY_HOME_H

#include <limits.h>

#include "base/conf.h"
#include "ledger/proposal.h"
#include "wire/inner.h"

#define MAX_PEOPLE 16
#define TOKEN_NAME "offline" /* in both configurations */

struct home {
	char folder[PATH_MAX];
	struct conf *file;
	unsigned people;    /* that must agree to each signature */
	unsigned approvals; /* of approvers in signer.conf, that each request must bring */
	const char *driver; /* the program */
	bool pin;	    /* asked for; false: the token has a keypad of its own */
};

/* What init is told. */
struct home_wish {
	const char *module, *token, *serial, *driver;
	int64_t people, approvals;
	struct {
		const char *name, *file; /* of its public key */
	} approvers[MAX_APPROVALS];
	size_t approver_count;
	bool keypad;
};

/* Makes the folder, which must not be there or be empty, with its configurations. 0 or positive: said. */
int home_make(const char *folder, const struct home_wish *wish);
/* Reads it. 0 or positive: said. */
int home_open(const char *folder, struct home *out);
void home_close(struct home *h);
/* "FOLDER/name"; dies if it does not fit. */
const char *home_path(const struct home *h, const char *name, char out[PATH_MAX]);

#endif
