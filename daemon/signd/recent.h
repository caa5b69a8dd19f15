/*
 * The request ids of the last twenty minutes and where their outcome stands
 * in the ledger, so that a repeated request gets the same answer. Two hash
 * tables in anonymous files, read and written a few cells at a time: the
 * signer's own memory doesn't grow with requests, and that of the files with
 * 16 bytes for each.
 */
#ifndef CHANCERY_SIGND_RECENT_H
#define CHANCERY_SIGND_RECENT_H

#include "wire/inner.h"

#define REQUEST_WINDOW_MS (10 * 60 * 1000) /* how far an id's time may be from the clock, either side */

struct recent;
/* cells: how many ids a period of twenty minutes may have, a power of two; 0 for the default of 2^23. NULL: logged. */
struct recent *recent_new(uint64_t cells);
void recent_free(struct recent *r);

/* Milliseconds from a request id. */
int64_t request_time(const uint8_t id[REQUEST_ID_SIZE]);
/* Remembers where the outcome of a request stands. Positive: the table is full for this period. */
int recent_put(struct recent *r, const uint8_t id[REQUEST_ID_SIZE], uint64_t seq, int64_t now_ms);
/* Whether the outcome is known, and where it stands. */
bool recent_find(struct recent *r, const uint8_t id[REQUEST_ID_SIZE], uint64_t *seq);
bool recent_full(const struct recent *r);

#endif
