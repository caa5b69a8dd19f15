/*
 * Makes one CRL, and its delta where frontd.conf wants deltas: the entries go
 * from the database into a sealed memory file, the signer signs what it makes
 * of them, and the files in crl_dir are replaced. A CA has one CRL, or as many
 * as its shards, each with its own numbers.
 */
#ifndef CHANCERY_FRONTD_CRL_H
#define CHANCERY_FRONTD_CRL_H

#include "store/store.h"

struct front;

#define CRL_PATH 4096
void crl_path(const struct front *f, const struct crl_scope *scope, bool delta, char out[CRL_PATH]);

/* The next CRL of this CA, with nobody else making one. 0 or negative, logged. */
int crl_make(struct front *f, const struct ca_row *ca, uint16_t shard);

/* Records of CRLs, in the committer: what number was to have one, and what came of it. 0, positive: no such CA. */
struct record;
int crl_intended(struct store_session *s, const struct record *intent);
int crl_signed(struct store_session *s, const struct record *intent);

#endif
