/*
 * Requests that wait for the token, and the threads that work on them: one
 * thread for each session. The queue is bounded. Keys are made one at a time,
 * so that making one never keeps the other workers from signing.
 */
#ifndef CHANCERY_KEY_JOBS_H
#define CHANCERY_KEY_JOBS_H

#include "key/connection.h"
#include "key/driver.h"

#define MAX_WORKERS 16	  /* sessions; tokens with more are not faster for it */
#define MAX_IN_FLIGHT 256 /* as many as the signer's own requests in flight, twice over */

struct jobs_settings {
	unsigned workers;	 /* 1 to MAX_WORKERS */
	unsigned sign_seconds;	 /* how long any verb but CREATE may take */
	unsigned create_seconds; /* how long CREATE may take */
	int wake;		 /* an eventfd: written when the loop has to look again */
};

struct jobs;

/* Starts the workers; NULL, logged, if it can't. */
struct jobs *jobs_start(const struct jobs_settings *settings, const struct key_operations *do_, void *token);
/* What is running is finished and answered, what waits is dropped; joins the workers. */
void jobs_stop(struct jobs *j);

/*
 * Queues a frame whose head was judged, and decodes it. 0; a positive enum
 * driver_refusal: MALFORMED with *where, or BUSY.
 */
int jobs_add(struct jobs *j, struct connection *from, const struct frame *f, const char **where);
/*
 * To be called in each turn of the loop: wakes all workers if a job has waited for one that was thought to be done in
 * no time. Answers in how many milliseconds to call again at the latest; -1 if nothing waits like that.
 */
int jobs_look(struct jobs *j);
/* An operation said that the token is beyond cure: the process must end. */
bool jobs_broken(struct jobs *j);

#endif
