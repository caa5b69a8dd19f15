/*
 * CAs that expect so many certificates that one CRL would be too large: each
 * certificate is of one of their shards, by its serial number, and names the
 * URL of that shard's CRL. Number and URLs are fixed when the CA is made.
 */
#ifndef CHANCERY_FRONTD_SHARD_H
#define CHANCERY_FRONTD_SHARD_H

#include "frontd/facts.h"
#include "frontd/front.h"
#include "store/store.h"

struct call;

#define MAX_CRL_SHARDS 256 /* each is signed when the CA is made, and anew when half of its time is over */
#define MAX_CRL_URL 384	   /* of the URL before the CA's id: with name and metadata it must fit the ledger's context */

/* How many CRLs a CA has. */
static inline uint16_t shard_count(const struct ca_row *ca)
{
	return ca->crl_shards > 1 ? ca->crl_shards : 1;
}
/* The URL of the CA's one CRL, or of a shard's; nothing if relying parties are told none. */
void shard_url_put(const struct front *f, const struct ca_row *ca, uint16_t shard, bool delta, struct buf *out);
/* Where the next certificate of this CA says that its CRL is; a shard is drawn, and the signer's serial number follows.
 */
void shard_draw(const struct front *f, const struct ca_row *ca, struct items *urls);
/* 0; positive: refused, as the signer takes no URL of a shard that has no CRL yet. */
int shard_check(struct front *f, struct call *c, const struct ca_row *ca);
/* Whether a certificate names the shard that its serial number is of: 0; 1 with the end of a sentence. */
int shard_judge(const struct ca_row *ca, const struct facts *got, char why[FACTS_WHY]);
/* The member crl_shards of a request: 1 if it isn't there. */
int shard_read(struct front *f, struct call *c, uint16_t *count);

#endif
