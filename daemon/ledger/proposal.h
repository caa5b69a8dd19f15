/*
 * A proposal: the bytes that people approve. The signer alone writes them, out
 * of a request that would be executed if they were approved; approvers sign
 * them as they stand, with whatever tool holds their key; the signer builds
 * them anew out of the request that spends the proposal.
 *
 *	"chancery-proposal-v1\n"    so that no signature over a proposal is one over DER
 *	fields of proposal.def      one way to write each; nothing may follow
 *
 * content, by kind. CA, SUBCA_FOREIGN, ROOT: the TBSCertificate as it will be
 * signed but for serial number 1 and notBefore 19700101000000Z, which are set
 * when it is executed. IMPORT: the certificate of the root that is registered,
 * and behind it the one that is imported, if that is another. RESUME, EPOCH:
 * resume_content and epoch_content of proposal.def.
 *
 * An id begins with its epoch, big-endian; the rest is random.
 */
#ifndef CHANCERY_LEDGER_PROPOSAL_H
#define CHANCERY_LEDGER_PROPOSAL_H

#include "base/pack.h"

#define PROPOSAL_WORDS "chancery-proposal-v1\n"
#define MAX_PROPOSAL 66048 /* two certificates and what stands around them */
#define MAX_APPROVALS 16   /* approvers, and so approvals, at most */

enum proposal_kind {
	PROPOSAL_CA = 1,
	PROPOSAL_SUBCA_FOREIGN,
	PROPOSAL_ROOT,
	PROPOSAL_IMPORT,
	PROPOSAL_RESUME,
	PROPOSAL_EPOCH,
};

/* struct proposal, struct resume_content, struct epoch_content, and how each is written and read. */
#include "base/pack_struct.h"
#define PART(name, fields)                                                                                             \
	struct name {                                                                                                  \
		PACK_UNWRAP fields                                                                                     \
	};
#include "ledger/proposal.def"
#undef PART
#include "base/pack_done.h"

/* The bytes, words first. A field over its limit breaks the buffer. */
void proposal_put(struct buf *out, const struct proposal *p);
/*
 * Reads one, strictly: 0; positive: it is none that could have been written
 * here (words, kind, a number of approvals, order of times, a content that
 * is not of its kind). Slices point into bytes.
 */
int proposal_get(struct slice bytes, struct proposal *out);

void resume_content_put(struct buf *out, const struct resume_content *c);
void epoch_content_put(struct buf *out, const struct epoch_content *c);
/* 0; positive: it is none. */
int resume_content_get(struct slice content, struct resume_content *out);
int epoch_content_get(struct slice content, struct epoch_content *out);

/* The certificates of an import, whole DER: the root's, and the imported one's (left as it is if they are one). */
bool proposal_certificates(struct slice content, struct slice *root, struct slice *certificate);
/* The content that a TBSCertificate, as it was signed, must have been approved under. 0; positive: tbs is none. */
int proposal_draft(struct slice tbs, struct buf *out);
/*
 * Whether signature is this key's (a SubjectPublicKeyInfo) over bytes, in one of the forms that openssl dgst and
 * pkcs11-tool write: ECDSA (in DER, or r and s side by side), RSA by PKCS #1 v1.5 or PSS, each over SHA-256, 384 or
 * 512; Ed25519.
 */
bool proposal_signed(struct slice public_key, struct slice bytes, struct slice signature);
/* The epoch that an id begins with. */
uint32_t proposal_epoch(const uint8_t id[16]);

/* "ca", "subca-foreign", "root", "import", "resume", "epoch"; "unknown". */
const char *proposal_kind_name(uint8_t kind);
/* What is approved, for people: lines of visible text, whatever the bytes hold. 0; positive: it is not a proposal. */
int proposal_tell(struct slice bytes, struct buf *out);

#endif
