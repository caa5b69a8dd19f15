/*
 * The entries that come with CRL_SIGN: rows in a memory file that who asks has
 * sealed against every change, so that what was checked is what is signed. The
 * seals are looked at before the first byte is read; the file is never mapped.
 */
#ifndef CHANCERY_SIGND_ENTRIES_H
#define CHANCERY_SIGND_ENTRIES_H

#include "signd/stream.h"
#include "wire/rows.h"

struct entries {
	struct stream_in in;
	uint32_t left, taken;
	bool has;
	struct crl_row row; /* the next, if has */
};

/* 0, or a number of inner_refusals.def. fd is its owner's. */
uint16_t entries_open(struct entries *e, int fd, uint32_t count);
/* Moves to the next row. 0, or a refusal: rows that don't ascend, a reason or a date that can't be, a file that ends.
 */
uint16_t entries_next(struct entries *e);
void entries_close(struct entries *e);

#endif
