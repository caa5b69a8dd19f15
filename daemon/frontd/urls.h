/*
 * The URLs in a CA's certificate: where what its issuer says of it is found,
 * below pki_base_url. Of a CA with several CRLs one is drawn.
 */
#ifndef CHANCERY_FRONTD_URLS_H
#define CHANCERY_FRONTD_URLS_H

#include "frontd/facts.h"
#include "frontd/front.h"
#include "store/store.h"

/* CRL and certificate of the issuer; nothing without pki_base_url. */
void urls_put(const struct front *f, const struct ca_row *issuer, struct items *out);
/* The issuer's own responder for OCSP; an offline key has none. */
void urls_put_responder(const struct front *f, const struct ca_row *issuer, struct items *out);
/*
 * For a certificate that follows another: a responder that was stated for that one is this one's, too. issuer: NULL for
 * a root; before: the URLs of the other, and its issuer's id.
 */
void urls_put_following(const struct front *f, const struct ca_row *issuer, struct list before,
			struct slice before_issuer, struct items *out);

#endif
