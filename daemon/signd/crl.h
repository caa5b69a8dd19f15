/*
 * CRL_SIGN: a full CRL, or a full one and its delta with one number. The loop
 * decides what can be decided without the entries; a scribe merges them with
 * the last CRL (signd/merge.h) and writes the TBSCertLists into a memory file;
 * then, as for a certificate: intent durable, driver, verify, result durable,
 * answer. The files of the new last CRL are durable before its intent, and
 * count only once its result is.
 */
#ifndef CHANCERY_SIGND_CRL_H
#define CHANCERY_SIGND_CRL_H

#include "wire/frame.h"

struct signer;
struct scope;

int answer_crl_sign(struct signer *s, uint64_t peer, const struct frame *f);
/* The files of a scope's last CRL are not what the ledger says: no more CRLs of it until root says so. */
void crl_latch(struct signer *s, struct scope *scope);

#endif
