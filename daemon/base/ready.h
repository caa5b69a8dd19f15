/*
 * What a service manager wants to know, and what it hands over: readiness
 * notices (sd_notify) and listening sockets (socket activation), as datagrams
 * and environment variables, without libsystemd.
 */
#ifndef CHANCERY_BASE_READY_H
#define CHANCERY_BASE_READY_H

/* Sends a state such as "READY=1" to $NOTIFY_SOCKET; nothing if there is none. */
void ready_notify(const char *state);
/*
 * To be called in each turn of a main loop: says WATCHDOG=1 whenever a quarter of
 * the time has passed after which the service manager takes this process for hung.
 * Answers in how many milliseconds to call again at the latest; -1 if nobody watches.
 */
int ready_alive(void);
/* The socket that the service manager passed under this name (FileDescriptorName=); -1 if none. */
int ready_socket(const char *name);

#endif
