/*
 * The handful of system calls that the signer needs once it serves: to read
 * and write its ledger, speak over sockets that exist or to its drivers, wait,
 * and have memory. Nothing that starts a program, a process or a thread, maps
 * code, opens a network socket or looks into another process.
 */
#ifndef CHANCERY_SIGND_CALLS_H
#define CHANCERY_SIGND_CALLS_H

#include <stdbool.h>

/* After the last thread was started. sanitized: JAIL_SANITIZED of base/jail.h. 0 or -1, logged. */
int calls_limit(bool sanitized);

#endif
