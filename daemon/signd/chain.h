/*
 * Certificates that others have signed, as libcrypto reads them: strict path
 * validation to a root in the anchors folder, and the facts of the whole
 * chain that become a key's charter. What a charter can't say (a name
 * constraint of another form, say) is refused, never left out.
 *
 * Reads the anchors folder and nothing else; decides about no key.
 */
#ifndef CHANCERY_SIGND_CHAIN_H
#define CHANCERY_SIGND_CHAIN_H

#include <openssl/x509.h>

#include "signd/charter.h"

#define MAX_CHAIN 8 /* certificates above the imported one: what its record has room for */

struct chain {
	STACK_OF(X509) * path; /* the imported certificate first, its root last */
	struct buf subject, public_key, usages;
	struct constraints_buf effective;
	uint16_t path_len;
	uint16_t usage_count;
	struct slice key_hash;
	int64_t not_before, not_after; /* inside those of all */
};

void chain_init(struct chain *c);
void chain_free(struct chain *c);
/*
 * Validates as of now and collects the facts. untrusted: what the caller sent to build the path from. anchors_dir NULL:
 * a self-signed certificate among these will do as root; somebody else says whether it is one.
 */
struct verdict chain_read(struct chain *c, const char *anchors_dir, struct slice certificate, struct list untrusted,
			  int64_t now);
/* Fills in what the chain says of its first certificate; key, token and parent are the caller's. Points into c. */
void chain_charter(const struct chain *c, struct charter *out);
/* What people agree to: the root, then the certificate if that is another. */
void chain_approved(const struct chain *c, struct buf *out);
/* The path above the certificate, as a list of DER. */
uint16_t chain_issuers(const struct chain *c, struct buf *raw);

/* One certificate in DER and nothing after it; NULL if it is anything else. The caller frees. */
X509 *certificate_read(struct slice der);
/* DER Name and SubjectPublicKeyInfo as they stand; appended. */
void certificate_subject(const X509 *x, struct buf *out);
void certificate_public_key(const X509 *x, struct buf *out);
int64_t certificate_time(const ASN1_TIME *t);

#endif
