/*
 * The charter of a CA key: the facts of its certificate chain, fixed when the
 * key is bound, and the check that holds every certificate against them and
 * against the ceilings of the key's class. A captured front-end can ask only
 * for what passes here.
 *
 * Pure but for libcrypto: no I/O, no clock of its own.
 */
#ifndef CHANCERY_SIGND_CHARTER_H
#define CHANCERY_SIGND_CHARTER_H

#include "names/constraints.h"
#include "signd/ceilings.h"
#include "wire/inner.h"

#include "base/pack_struct.h"
/* clang-format off */
#define CHARTER_FIELDS                                                                                          \
	FIXED(key_id, 16) /* its own number */                                                                  \
	FIXED(parent, 16) /* the issuer's; its own for a root */                                                \
	TEXT(token, 64) BYTES(driver_key, 64) U8(algorithm) BYTES(public_key, 2048)                             \
	BYTES(subject, 16384) /* DER Name: the issuer bytes of all that it signs */                             \
	BYTES(key_hash, 64) /* its SKI: the AKI of all that it signs */                                         \
	U16(path_len) /* its own, always less than its issuer's; PATH_LEN_NONE */                               \
	LIST(permitted, 256, 1024) LIST(excluded, 256, 1024) /* effective: over the whole chain */               \
	LIST(ext_key_usage, 16, 64) /* none: unrestricted */
/* clang-format on */
struct charter {
	CHARTER_FIELDS
};
#include "base/pack_done.h"

void charter_put(struct buf *out, const struct charter *c);
/* Slices point into message. Positive: it does not fit. */
int charter_get(struct slice message, struct charter *c);

/* The issuer as a request finds it: charter, its class's ceilings, its validity. */
struct issuer {
	const struct charter *charter;
	const struct ceilings *ceilings;
	int64_t not_before, not_after; /* of the whole chain */
};

/* 0, or a number of inner_refusals.def, with the field it is about. */
struct verdict {
	uint16_t code;
	const char *field;
};

/* Whether a URL is one that a certificate or a CRL may carry for this use. */
bool charter_url(uint8_t use, struct slice url);
/* Everything of CERT_SIGN that can be said without looking at other keys or the request's id. */
struct verdict charter_check(const struct issuer *issuer, const struct cert_sign_request *r, int64_t now);
/* The same for CA_SELF, which has no issuer but itself. */
struct verdict charter_check_root(const struct ceilings *ceilings, const struct ca_self_request *r, int64_t now);
/* The same for KEY_CSR; what another CA makes of it is that CA's law. A bound key may leave its subject out. */
struct verdict charter_check_csr(const struct key_csr_request *r, bool bound);

/*
 * What CRL_SIGN and OCSP_SIGN ask of a window from thisUpdate to nextUpdate, under the ceilings of the CA that it is
 * about: its order, how far thisUpdate lies from now, how long it is.
 */
struct verdict charter_check_crl(const struct ceilings *ceilings, int64_t this_update, int64_t next_update,
				 int64_t now);
struct verdict charter_check_ocsp(const struct ceilings *ceilings, int64_t this_update, int64_t next_update,
				  int64_t now);

/*
 * The facts for a child of this issuer (NULL: a root) that asked for these
 * constraints and path length; key, token and names are the caller's to fill
 * in. The effective constraints point into room. False: there would be too many.
 */
bool charter_derive(const struct charter *issuer, const struct constraints *stated, uint16_t path_len,
		    struct constraints_buf *room, struct charter *child);

#endif
