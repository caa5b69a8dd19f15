/*
 * A system call filter: seccomp, written as plain BPF from a table. It holds
 * a process that was taken over to what the table allows.
 *
 * What no row allows is answered EPERM, so that a call which a later libc tries
 * first does no harm; a row that kills is for calls that this program can only
 * make in somebody else's hands.
 */
#ifndef CHANCERY_BASE_FILTER_H
#define CHANCERY_BASE_FILTER_H

#include <stddef.h>
#include <stdint.h>

enum filter_verdict {
	FILTER_ALLOW,
	FILTER_KILL,   /* the whole process, with SIGSYS */
	FILTER_ABSENT, /* ENOSYS: libc takes the older call, whose arguments can be judged */
};

/* Rows are tried in order. With a mask one holds only if the argument's low half under the mask is value. */
struct filter_row {
	long call; /* SYS_… */
	enum filter_verdict verdict;
	unsigned argument; /* 0 to 5 */
	uint32_t mask;	   /* 0: whatever the arguments are */
	uint32_t value;
};

#define MAX_FILTER_ROWS 192 /* six instructions each, well within BPF's 4096 */

/*
 * Holds all threads of the process to the rows, for ever; no new privileges must be
 * set. 0, also where the kernel has no filters (one warning in the log); -1 broken, logged.
 */
int filter_apply(const struct filter_row *rows, size_t n);

#endif
