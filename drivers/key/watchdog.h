/*
 * Deadlines for calls that can't be cancelled. A thread that goes into foreign
 * code says how long that may take; when it takes longer, the process ends
 * with EXIT_TOKEN_HUNG, for its supervisor to start a new one. Time in which
 * the whole process stood still doesn't count.
 */
#ifndef CHANCERY_KEY_WATCHDOG_H
#define CHANCERY_KEY_WATCHDOG_H

#define WATCHDOG_MAIN 0 /* the slot of the thread that brings the token up; workers have 1 and on */
#define MAX_WATCHED 17	/* that one, and as many workers as a driver may have */

/* Starts the watching thread. 0 or -1, logged. */
int watchdog_start(void);
/* What the thread of this slot does now, a static text, and the seconds that it may take. */
void watchdog_arm(unsigned slot, const char *what, unsigned seconds);
void watchdog_disarm(unsigned slot);

#endif
