/*
 * OCSP for relying parties (RFC 6960, RFC 5019, RFC 9654): what the database
 * says of the certificates that a request asks for, signed by the CA's
 * responder. The signer makes the answer; here it is asked for, read back and
 * kept. Never says good of a certificate that the database doesn't say that of
 * at this moment, and never gives out what is past its nextUpdate.
 */
#ifndef CHANCERY_FRONTD_OCSP_H
#define CHANCERY_FRONTD_OCSP_H

#include "frontd/http.h"

struct ocsp;
struct ocsp *ocsp_new(void);
void ocsp_free(struct ocsp *o);

/* Whether a request is for a responder, /pki/{ca}/ocsp and below; only then the others are called. */
bool ocsp_is_for(const struct http_request *r);
/* A request that was too large gets the error of one that is malformed. */
void ocsp_refuse(struct http_request *r);
/* Answers from what is kept, without waiting. */
enum http_begun ocsp_begin(struct http_request *r);
/* Answers; may wait for the signer. */
void ocsp_serve(struct http_request *r);

#endif
