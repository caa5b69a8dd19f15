/*
 * What a daemon gives up before it reads its first request.
 */
#ifndef CHANCERY_BASE_JAIL_H
#define CHANCERY_BASE_JAIL_H

/*
 * No new privileges, no core, not dumpable (so no ptrace and no /proc/PID/mem
 * by its own user), SIGPIPE ignored, files made for the owner alone. 0 or -1, logged.
 */
int jail_enter(void);

#endif
