/*
 * The head file: how many records were flushed last and the tree's root over
 * them, written over after each flush, without a flush of its own. Whoever
 * cuts the ledger or puts an older one in its place must put this back as
 * well; it may therefore stand on another disk, and be copied from there to
 * another host. It is no proof of anything: that is what checkpoints are for.
 *
 *	SIZE ROOT\n        twenty decimal digits, a space, the root in hex
 *
 * What power loss leaves of it may be older than the ledger, which is no harm.
 */
#ifndef CHANCERY_LEDGER_HEAD_H
#define CHANCERY_LEDGER_HEAD_H

#include "ledger/merkle.h"

struct head {
	uint64_t size; /* 0: nothing is known */
	uint8_t root[HASH_SIZE];
};

/* Opens the file for head_write(), making it if need be, and reads what it says. The descriptor, or -1, logged. */
int head_open(int folder, const char *path, struct head *out);
/* What is written nobody waits for; a failure is logged by who calls. 0 or -1 (errno). */
int head_write(int fd, const struct merkle *tree);

#endif
