/*
 * SPIFFE IDs (the SPIFFE-ID and X509-SVID standards): spiffe://TRUST_DOMAIN/path
 * without port, user information, query, fragment or percent escapes. Pure.
 */
#ifndef CHANCERY_POLICY_SPIFFE_H
#define CHANCERY_POLICY_SPIFFE_H

#include "base/buf.h"

bool spiffe_trust_domain_valid(struct slice domain);
/* An ID that a workload's certificate may carry: its path is not empty. *domain is its trust domain. */
bool spiffe_id_valid(struct slice id, struct slice *domain);

#endif
