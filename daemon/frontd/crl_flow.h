/*
 * A file that is read once, from front to back, through one window; on its
 * way it may be copied, and a part of it digested. What a CRL of a million
 * entries takes in memory is this window.
 */
#ifndef CHANCERY_FRONTD_CRL_FLOW_H
#define CHANCERY_FRONTD_CRL_FLOW_H

#include <openssl/evp.h>

#include "base/buf.h"

#define FLOW_WINDOW 262144

struct crl_flow {
	int fd, out;	    /* its owner's; out: -1: not copied */
	uint64_t next, end; /* what has been read so far */
	bool failed;	    /* not read, not written: errno is logged */
	EVP_MD_CTX *digest;
	uint64_t from, to; /* of what is digested */
	size_t at, len;
	uint8_t window[FLOW_WINDOW];
};
void flow_open(struct crl_flow *f, int fd, uint64_t from, uint64_t end, int out);
/* What lies between these, also as far as it has been read: nothing of it may have left the window. */
void flow_digest(struct crl_flow *f, EVP_MD_CTX *digest, uint64_t from, uint64_t to);
/* The next n bytes, n being small, valid until the next call; NULL: there are no more. look: without taking them. */
const uint8_t *flow_take(struct crl_flow *f, size_t n);
const uint8_t *flow_look(struct crl_flow *f, size_t n);
/* Where the next byte stands. */
static inline uint64_t flow_at(const struct crl_flow *f)
{
	return f->next - (f->len - f->at);
}
bool flow_failed(const struct crl_flow *f);

#endif
