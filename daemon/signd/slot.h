/*
 * A slot: one driver, its socket and what waits for it. It connects by
 * itself, again and again with back-off and jitter, pins the driver to the
 * ledger by HELLO, and repeats what was under way when a connection was lost:
 * the same bytes, within the op's deadline.
 */
#ifndef CHANCERY_SIGND_SLOT_H
#define CHANCERY_SIGND_SLOT_H

#include "signd/loop.h"
#include "signd/queue.h"
#include "wire/driver.h"

#define MAX_SLOTS 32 /* tokens; STATUS has as many rows */

struct slot;

struct slot_options {
	const char *name, *path;
	const uint8_t *ledger_id;
	struct loop *loop;
	struct inbox *back; /* where ops go when they are answered */
};

/* NULL if out of memory. Connects at the next slot_tick(). */
struct slot *slot_new(const struct slot_options *options);
void slot_free(struct slot *s);
const char *slot_name(const struct slot *s);
/*
 * Connects when it is time to, sends what was asked for, gives up what is past
 * its deadline. Call it after each round. Whether somebody who was told that it
 * is busy would be told something else now.
 */
bool slot_tick(struct slot *s);
bool slot_ready(const struct slot *s);
/* Ready, or lost so short a time ago that it is worth while to wait: what is asked for goes out when it is back. */
bool slot_expected(const struct slot *s);
/* How often a driver has answered HELLO; and whether the last answer told of an operator's --resume. */
unsigned slot_connection(const struct slot *s);
bool slot_resumed(const struct slot *s);
/* Whether its token has enough to do for a while. */
bool slot_busy(struct slot *s);
/* How many signatures it makes at a time, as its driver says; 0: not known yet. */
unsigned slot_workers(const struct slot *s);
/* Whether the token makes keys of this algorithm. Only while it is ready. */
bool slot_can(const struct slot *s, uint8_t algorithm);
/* For STATUS: answers enum driver_state; the texts point into the slot. */
uint8_t slot_report(struct slot *s, struct driver_report *report);
/* The serial number of the token that is, or was last, there. */
const char *slot_serial(const struct slot *s);

/*
 * Signs op->message with op->key; the answer goes to op->raw. Trouble:
 * OP_TOKEN_AWAY past the deadline, OP_TOKEN_REFUSED with the driver's number.
 */
void slot_sign(struct slot *s, struct op *op);
/* Asks for the SubjectPublicKeyInfo of the key that op->message names by what the driver knows it by; as slot_sign().
 */
void slot_public(struct slot *s, struct op *op);
/* Asks whether the token lists the key that op->message names: then op->raw is not empty. Trouble as slot_sign(). */
void slot_list(struct slot *s, struct op *op);
/* Makes the key that op->message names (16 bytes); its SubjectPublicKeyInfo goes to op->raw. Never repeated. */
void slot_create(struct slot *s, struct op *op, uint8_t algorithm);

#endif
