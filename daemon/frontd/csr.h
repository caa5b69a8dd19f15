/*
 * A certificate signing request, decoded once: the key, the names and the
 * subject that it wishes for. Nothing in it is trusted but that its signature
 * proves possession of the key. A private key that was sent by mistake is
 * refused, and never stored, echoed or logged.
 *
 * Subject attributes that names/dn.h does not know are dropped, as are all
 * extensions but subjectAltName: the profile decides. An alternative name of
 * a kind that can't be certified is refused, as its owner relies on it.
 */
#ifndef CHANCERY_FRONTD_CSR_H
#define CHANCERY_FRONTD_CSR_H

#include "base/pack.h"
#include "frontd/call.h"

#define MAX_CSR (64 * 1024) /* RSA-4096 with 256 long names stays below half of it */
#define MAX_CSR_NAMES 256   /* the signer takes no more */

struct csr {
	uint8_t algorithm;	 /* enum key_algorithm; 0: an RSA key of a size without a name */
	struct slice public_key; /* DER SubjectPublicKeyInfo */
	struct list subject;	 /* tag enum dn_attribute */
	struct list alt_names;	 /* tag enum name_type, canonical (names/name.h, AS_NAME), without repetition */
	struct buf storage[3];
};

/*
 * 0; positive: refused through call_refuse(), status 422, field csr_pem, with
 * csr_private_key, csr_not_pem, csr_malformed, csr_bad_signature,
 * csr_weak_key, csr_unsupported_key or csr_bad_name; negative: out of memory.
 * csr_free() is due after any answer.
 */
int csr_decode(const char *pem, size_t len, struct csr *out, struct call *c);
void csr_free(struct csr *csr);

#endif
