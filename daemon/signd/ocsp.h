/*
 * OCSP_SIGN: one answer for at most sixteen certificates of one CA, signed by
 * the key of its OCSP responder. A scribe holds each row against the ledger's
 * record of the certificate and the last CRL of its scope, and writes the
 * ResponseData; what has come together goes onto the ledger as one record
 * before any of it is signed. Less urgent than all else: while a token has
 * enough to do, answers wait.
 */
#ifndef CHANCERY_SIGND_OCSP_H
#define CHANCERY_SIGND_OCSP_H

#include "wire/frame.h"

struct signer;

int answer_ocsp_sign(struct signer *s, uint64_t peer, const struct frame *f);
/* Puts what waits onto the ledger, and hands to tokens what they take, if its time has come. Called at every tick. */
void ocsp_tick(struct signer *s);

#endif
