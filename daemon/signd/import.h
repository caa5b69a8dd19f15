/*
 * What other CAs have signed, and what this one did in an earlier life:
 *
 *	CA_IMPORT   strict path validation to an anchor -> the key learnt from its
 *	            token -> a challenge signed and verified -> charter over the whole
 *	            chain -> the binding durable -> reply
 *	CERT_ADMIT  verified under the bound key -> durable -> reply
 *
 * Nothing that CA_IMPORT has signed can be taken for a certificate, a CRL or
 * a request: the challenge's first byte is no SEQUENCE.
 */
#ifndef CHANCERY_SIGND_IMPORT_H
#define CHANCERY_SIGND_IMPORT_H

#include "signd/charter.h"
#include "wire/frame.h"

struct signer;

/* 0, or -1: malformed. */
int answer_ca_import(struct signer *s, uint64_t peer, const struct frame *f);
int answer_cert_admit(struct signer *s, uint64_t peer, const struct frame *f);
/* What an import would come to: the content of its proposal and the kind of it, 0 if nobody has to agree to it. */
struct verdict import_propose(struct signer *s, struct slice body, struct buf *content, uint8_t *kind);
/* Remembers the CA of a certificate that an import validated: its name is taken by its key. 0, or -1. */
int import_know(struct signer *s, struct slice certificate);

#endif
