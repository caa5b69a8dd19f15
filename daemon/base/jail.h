/*
 * What a daemon gives up before it reads its first request. Each step only
 * takes away, for this thread and all that it starts later, and none can be
 * taken back; so each is called before the first thread. A step that the
 * kernel does not know is left out with one warning in the log: permissions
 * and the walls' own checks stand without it. System calls: base/filter.h.
 */
#ifndef CHANCERY_BASE_JAIL_H
#define CHANCERY_BASE_JAIL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether AddressSanitizer is linked in: a build for tests. Its reports read the
 * program and /proc and are written where ASAN_OPTIONS says, so jail_paths allows all
 * files; its leak check clones and traces, so calls_limit of signd/calls.h is told.
 * Nothing else may ask.
 */
#if defined(__SANITIZE_ADDRESS__)
#define JAIL_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define JAIL_SANITIZED true
#endif
#endif
#ifndef JAIL_SANITIZED
#define JAIL_SANITIZED false
#endif

/*
 * No new privileges, no core, not dumpable (so no ptrace and no /proc/PID/mem
 * by its own user), SIGPIPE ignored, files made for the owner alone. 0 or -1, logged.
 */
int jail_enter(void);

/* At most so many open files; fewer if the hard limit is lower already. 0 or -1, logged. */
int jail_files(unsigned most);

enum jail_use {
	JAIL_READ,	  /* the file, or the folder and all below, is read; no program in it is run */
	JAIL_WRITE,	  /* made, written, renamed within its folder and removed as well */
	JAIL_WRITE_BESIDE /* as JAIL_WRITE, for the folder in which path stands */
};

struct jail_path {
	const char *path; /* "" and what does not exist are passed over */
	enum jail_use use;
};

/*
 * From here on only these paths can be opened (Landlock). What is open stays
 * open, and connecting to a Unix socket is not opening. 0, also with a kernel
 * that has no Landlock; -1 broken, logged.
 */
int jail_paths(const struct jail_path *paths, size_t n);

#endif
