/*
 * The inside of the link to the signer, shared by signer.c (who asks, and how
 * far the database is complete) and signer_link.c (the thread and the socket).
 */
#ifndef CHANCERY_FRONTD_SIGNER_LINK_H
#define CHANCERY_FRONTD_SIGNER_LINK_H

#include <pthread.h>
#include <stdatomic.h>

#include "frontd/signer.h"

enum link_state { LINK_DOWN, LINK_GREETING, LINK_READY };

struct signer {
	struct signer_options options;
	char *path;
	pthread_t thread;
	int wake; /* eventfd: there is something to send, or the link shall stop */
	atomic_uint_fast64_t next_tag;

	pthread_mutex_t mutex; /* guards all below */
	bool stopping;
	enum link_state state;
	char why[160];
	int fd;
	struct buf out;				/* what the signer has not taken yet: the thread sends it */
	struct passing goes;			/* ... and the descriptors that go with it */
	bool woken;				/* and it knows */
	struct signer_ask *asked, **last_asked; /* in the order in which they were sent */
	unsigned abandoned;			/* requests whose deadline has passed and whose answer may still come */

	/*
	 * What was asked for over an earlier link may still come onto the ledger: as outcome of an intent below
	 * foreign_end, or for a moment (time_boot_ms()) as a record of its own.
	 */
	bool settling;
	uint64_t foreign_end;
	int64_t foreign_until;

	unsigned links; /* that callers could ask over, with this one */
	bool met;	/* a catch-up has succeeded in this process's life */
	bool uncertain; /* something may be on the ledger that the database lacks */
	bool lost;	/* and a signature's loss is, most likely: soon it has its row, and its place on a CRL */
	bool refresh_wanted, refreshing;
	uint64_t refreshes; /* catch-ups finished or failed */
	pthread_cond_t refreshed;
	struct signer_hold *oldest, *newest;
	uint64_t known_end; /* all records below are in the database or under a hold */

	struct passing came; /* descriptors, with frames of `in`; the thread's own, as is what follows */
	struct buf in;
	bool more;	/* `out` was not empty when it was looked at last */
	int64_t looked; /* when deadlines were looked at */
};

/* The link's thread. */
void *link_run(void *signer);
/* Moves bytes for at most so many milliseconds; -1: the link is lost. Only on the thread itself. */
int link_pump(struct signer *s, int milliseconds);
/* Everybody who asked is told that his answer won't come. Likewise. */
void link_lose(struct signer *s);
/* Sends a frame, or as much of it as the signer takes now; the thread sends the rest. The mutex is held. false: no
 * room. The descriptor, unless it is -1, goes along and stays the caller's. */
bool link_send(struct signer *s, struct slice frame, int fd);
/* Tells the thread that there is something to do; the mutex is held. */
bool link_wake(struct signer *s);
/* Moves `known_end` on and tells the store what is complete; the mutex is held. */
void holds_report(struct signer *s, uint64_t end);

#endif
