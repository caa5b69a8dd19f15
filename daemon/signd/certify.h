/*
 * Certificates, from a checked request to a released one:
 *
 *	charter, serial, encode -> intent durable -> driver -> verify
 *	-> result (and the binding of a CA's key) durable -> reply
 *
 * An intent that comes to no signature is closed by a `lost` record: counted
 * as issued, never signed again.
 */
#ifndef CHANCERY_SIGND_CERTIFY_H
#define CHANCERY_SIGND_CERTIFY_H

#include "signd/charter.h"
#include "wire/frame.h"

struct signer;
struct op;
struct key;

/* 0, or -1: malformed. KEY_CSR goes the same way; its certificate is another CA's to sign. */
int answer_cert_sign(struct signer *s, uint64_t peer, const struct frame *f);
int answer_key_csr(struct signer *s, uint64_t peer, const struct frame *f);
int answer_ca_self(struct signer *s, uint64_t peer, const struct frame *f);

/*
 * What a request of CERT_SIGN or CA_SELF would come to, were it executed now: the content of its proposal and the kind
 * of it, 0 if nobody has to agree to it.
 */
struct verdict certify_propose(struct signer *s, struct op *op, uint16_t verb, struct slice body, struct buf *content,
			       uint8_t *kind);

/*
 * How signing ends without a signature, also that of a CRL: the token gave none, it does not verify, or something
 * else went wrong. The op's intent, records[0], is closed as lost; then the op is refused by its trouble.
 */
void certify_unsigned(struct signer *s, struct op *op);
void certify_wrong(struct signer *s, struct op *op);
void certify_lost(struct signer *s, struct op *op);
/* A signature of this key did not verify. */
void certify_count_wrong(struct signer *s, struct key *k);

#endif
