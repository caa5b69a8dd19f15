/*
 * The signer's way into its ledger: a thread of its own that writes what the
 * loop hands it. While one flush runs the next batch gathers, so that all
 * requests in flight share their flushes and a lone one waits for nobody.
 */
#ifndef CHANCERY_SIGND_JOURNAL_H
#define CHANCERY_SIGND_JOURNAL_H

#include "ledger/ledger.h"
#include "signd/clock.h"
#include "ledger/merkle.h"
#include "signd/queue.h"

struct journal;

/* Takes the open ledger over and starts the thread; ops come back by way of the inbox. 0 or -1. */
int journal_start(struct ledger *ledger, struct clock *clock, struct inbox *back, struct journal **out);
/* Writes out what is queued, ends the thread, closes the ledger. */
void journal_stop(struct journal *j);

/*
 * The ops' records become durable in order, with their seq filled in; or an
 * op's trouble is OP_LEDGER_FAILED. What isn't urgent waits for company: it
 * goes with the next that is, or when it is urged. The chain is taken over.
 */
void journal_submit(struct journal *j, struct op_chain *ops, bool urgent);
void journal_urge(struct journal *j);

/* What is committed: readable, and told to anybody who asks. */
struct journal_head {
	uint64_t size;
	int64_t last_time; /* milliseconds */
	bool failed;	   /* a write failed: nothing more will be written in this life */
};
void journal_head(struct journal *j, struct journal_head *out);
/* The tree of what is committed, to be signed. */
void journal_tree(struct journal *j, struct merkle *out);

#endif
