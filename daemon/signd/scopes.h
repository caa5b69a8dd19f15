/*
 * Which CRLs there were: for each CA and shard the newest number that was ever
 * asked for, and what the ledger says of the last one that was signed. Rebuilt
 * from the ledger at each start; grows with CAs and shards, never with entries.
 * The loop's alone.
 */
#ifndef CHANCERY_SIGND_SCOPES_H
#define CHANCERY_SIGND_SCOPES_H

#include "ledger/record.h"
#include "signd/last.h"

#define MAX_SHARDS 1024
#define MAX_SCOPES 65536 /* about 300 bytes each, and the URL of those with shards */

struct scope {
	uint8_t ca_key[KEY_ID_SIZE];
	uint16_t shard, shards;
	struct buf url; /* of the issuing distribution point; empty without shards */
	uint64_t burnt; /* the highest number that an intent has had */
	bool any;	/* whether one was signed: */
	struct last_ref last;
	int64_t this_update;
	uint32_t entries;
	bool sound;	 /* its files were read to their end in this life and were what the ledger says */
	bool busy;	 /* one is being signed */
	bool latched;	 /* its files are damaged, until root says otherwise; */
	bool anew;	 /* ... then the next one begins anew */
	uint64_t intent; /* the last intent whose outcome isn't known, and what it was for */
	struct last_ref pending;
	int64_t pending_update;
	uint32_t pending_entries;
};

struct scopes {
	size_t count;
	struct scope **all;
	bool sharded; /* some CA has shards */
};

void scopes_free(struct scopes *s);
struct scope *scopes_find(const struct scopes *s, const uint8_t ca_key[KEY_ID_SIZE], uint16_t shard);
/* Whether a CRL of it was asked for that may still come, or came: its shards and its URL stay. */
bool scope_fixed(const struct scope *s);
/* A fixed scope of this CA: all have the same number of shards. NULL: it has none yet. */
struct scope *scopes_of(const struct scopes *s, const uint8_t ca_key[KEY_ID_SIZE]);
/* Adds one, or gives one that isn't fixed its shards and URL. NULL: too many, or out of memory. */
struct scope *scopes_add(struct scopes *s, const uint8_t ca_key[KEY_ID_SIZE], uint16_t shard, uint16_t shards,
			 struct slice url);
/*
 * The shard that a certificate of this CA has to be of, by the CRL's URL that is among its own: its number, or
 * NO_SHARDS where the CA has none; -1: the URL of no shard is there.
 */
#define NO_SHARDS MAX_SHARDS
int scopes_shard(const struct scopes *s, const uint8_t ca_key[KEY_ID_SIZE], struct list urls, uint16_t *shards);
/* What an intent, a result and a latch say, now or as they are read back from the ledger. 0, or -1: it can't be. */
int scopes_intend(struct scopes *s, const struct crl_intent_record *r, uint64_t seq);
int scopes_conclude(struct scopes *s, uint64_t intent);
/* What the ledger has said of all of them up to here, for a snapshot; taken back in place of what is there. 0 or -1. */
void scopes_put(const struct scopes *s, struct buf *out);
int scopes_get(struct scopes *s, struct slice in);
/* The name that a scope's latch has on the ledger, and the scope of such a name. */
void scope_latch_name(const struct scope *s, char out[64]);
struct scope *scopes_by_latch(const struct scopes *s, const char *name);
/* After a --resume: what was latched begins anew. */
void scopes_resume(struct scopes *s);
bool scopes_latched(const struct scopes *s);

#endif
