/* The records of one certificate, found in a ledger's files by its CA and serial number or by its very bytes. */
#ifndef CHANCERY_CLI_SEARCH_H
#define CHANCERY_CLI_SEARCH_H

#include "cli/cli.h"
#include "ledger/proof.h"

#define MAX_SEARCH_KEYS 64 /* CAs that had one name, one after the other */

struct search {
	/* What is looked for: a CA and a serial number, or the signed part of a certificate. */
	const char *ca; /* its id or name as the ledger's contexts have it, or its key id in hex */
	uint8_t serial_bytes[64];
	struct slice serial; /* without leading zeros */
	struct buf tbs;

	/* What was found. */
	uint64_t seqs[MAX_PROOF_RECORDS];
	size_t count;  /* 1: an intent whose result isn't there, or a certificate that was signed elsewhere */
	bool is_whole; /* the records are all that there is to be */
	bool twice;    /* another one fits as well */

	struct search_key {
		uint8_t key_id[16];
	} keys[MAX_SEARCH_KEYS];
	size_t key_count;
};
void search_free(struct search *s);
/* For each record in order (ledger/inspection.h). */
int search_visit(struct search *s, const struct record *r);
/* The signed part of a whole certificate as it stands there; empty if there is none. */
struct slice search_tbs(struct slice certificate);

#endif
