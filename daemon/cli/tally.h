/*
 * What a ledger says there must be in the database: certificates, lost ones,
 * CAs and their states, revocations, denials. Gathered record by record, a few
 * bytes for each certificate, so that ten million fit into memory.
 */
#ifndef CHANCERY_CLI_TALLY_H
#define CHANCERY_CLI_TALLY_H

#include <jansson.h>

#include "ledger/record.h"

#define MARK_SIZE 8 /* of a fingerprint: enough to tell two certificates with one number apart */
#define MAX_TALLY_SERIAL 40

enum entry_state { ENTRY_SIGNED, ENTRY_LOST };

/* A certificate: the row with this ledger_seq. */
struct entry {
	uint64_t seq;
	uint8_t mark[MARK_SIZE];
	uint8_t state;
	bool seen;
};
/* An intent, or an import, of which the ledger has not said yet what became of it. */
struct pending {
	uint64_t seq;
	uint8_t mark[MARK_SIZE]; /* of an import */
	uint8_t key_id[16];	 /* a CA's */
	bool imported, root, is_ca;
	char ca[64];
	struct buf tbs;
};
struct tally_ca {
	char id[64];
	uint8_t key_id[16];
	int rank; /* how far its life has gone on: tally_state_rank() */
	uint64_t seq;
	bool seen;
};
/* A CRL that was to be signed. */
struct tally_crl {
	uint64_t seq, number;
	uint8_t key_id[16];
	uint16_t shard, shards;
	bool done;
};
struct tally_note {
	char ca[64], serial[MAX_TALLY_SERIAL + 1];
	uint64_t seq;
	bool seen;
	bool released; /* a revocation that is over; none is left after tally_sort() */
};

struct tally {
	struct entry *entries;
	size_t count, room;
	struct pending *pending;
	size_t pending_count, pending_room;
	struct tally_ca *cas;
	size_t ca_count, ca_room;
	struct tally_note *revoked, *withheld;
	size_t revoked_count, revoked_room, withheld_count, withheld_room;
	struct tally_crl *crls; /* ascending by seq */
	size_t crl_count, crl_room;
	uint64_t lost, transitions, denials;
	bool failed; /* no memory */
};
void tally_free(struct tally *t);
#define scoped_tally __attribute__((cleanup(tally_free))) struct tally

/* The next record. 0, or -1: no memory. */
int tally_take(struct tally *t, const struct record *r);
/* Puts all in order, after the last record; from then on they can be found. */
void tally_sort(struct tally *t);
struct entry *tally_find(struct tally *t, uint64_t seq);
/* Whether the ledger, as far as it is here, doesn't say what became of this intent. */
bool tally_open(const struct tally *t, uint64_t seq);
/* How many CRLs have no result. */
size_t tally_lost_crls(const struct tally *t);
struct tally_ca *tally_find_ca(struct tally *t, const char *id);
struct tally_note *tally_find_note(struct tally_note *notes, size_t count, const char *ca, const char *serial);

/* created 0, active 1, retiring 2, retired 3, revoked 4, others -1. */
int tally_state_rank(const char *state);
const char *tally_state_text(int rank);

#endif
