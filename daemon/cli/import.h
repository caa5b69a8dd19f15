/*
 * What another program kept of a CA, told to the service: certificates, what
 * was revoked, how far its CRLs have counted. Every file of it is hostile, and
 * all of it is looked at before the first thing is sent.
 */
#ifndef CHANCERY_CLI_IMPORT_H
#define CHANCERY_CLI_IMPORT_H

#include "cli/options.h"

/* A row of index.txt as `openssl ca` keeps it. */
struct index_row {
	char state;	    /* 'V', 'R' or 'E' */
	int64_t expires;    /* Unix time */
	int64_t revoked;    /* 'R' only */
	const char *reason; /* as RFC 5280 writes it; 'R' only */
	char serial[41];    /* hex digits in upper case, as the file has them */
	const char *file;   /* "" if it isn't stated; points into the line */
};

#define INDEX_WHY 160
/* Reads one line without its end, which it takes apart. False: *why is a sentence's end. */
bool index_row_read(char *line, struct index_row *out, char why[INDEX_WHY]);

#endif
