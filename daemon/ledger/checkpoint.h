/*
 * Checkpoints: the ledger's size and root in the form of C2SP tlog-checkpoint
 * inside a C2SP signed note, signed by the log key.
 *
 *	chancery/LEDGERID          origin; LEDGERID in lower-case hex
 *	SIZE                       decimal
 *	ROOT                       base64
 *	(empty line)
 *	- em dash, space, origin, space, base64(key hash, 4 bytes, then the signature)
 *
 * The key hash is the first four bytes of SHA-256(origin || LF || 0xff ||
 * "chancery" || SubjectPublicKeyInfo): 0xff marks a signature type that C2SP
 * has not assigned. Ed25519 uses type 0x01 with the raw 32-byte key, as C2SP says.
 * ECDSA signatures are DER, over SHA-256 of the note's text; RSA is PKCS#1 v1.5 over SHA-256.
 *
 * The note of a snapshot (ledger/snapshot.h) is the same under the origin
 * chancery/LEDGERID/snapshot, with one line more: the snapshot's hash in
 * base64. Neither is ever taken for the other.
 */
#ifndef CHANCERY_LEDGER_CHECKPOINT_H
#define CHANCERY_LEDGER_CHECKPOINT_H

#include "ledger/record.h"

#define MAX_NOTE 4096

struct checkpoint {
	uint8_t ledger_id[16];
	uint64_t size;
	uint8_t root[HASH_SIZE];
	bool of_snapshot;	     /* then, of the tree's first `size` leaves, */
	uint8_t snapshot[HASH_SIZE]; /* what the signer knew of them */
};

/* The note's text, up to and with the line feed before the empty line: what is signed. */
void checkpoint_text(const struct checkpoint *c, struct buf *out);
/* The whole note: text, empty line, signature line. signature: raw for Ed25519, DER for EC, PKCS#1 for RSA. */
void checkpoint_note(const struct checkpoint *c, struct slice public_key, struct slice signature, struct buf *out);
/* Reads a checkpoint's note, verifying its signature with the log key's SubjectPublicKeyInfo. 0; positive: not a note
 * of ours, or a wrong signature. */
int checkpoint_read(struct slice note, struct slice public_key, struct checkpoint *out);
/* The same for a snapshot's. */
int checkpoint_read_snapshot(struct slice note, struct slice public_key, struct checkpoint *out);
/* What a note says, whoever signed it: to be asked before the key is known, and believed by nobody. 0 or positive. */
int checkpoint_parse(struct slice note, struct checkpoint *out);

/* Base64 (RFC 4648 section 4) on one line, as notes and proofs have it. */
void base64_put(struct buf *out, struct slice bytes);
/* Canonical only: what is decoded and appended to out, which must be empty, encodes to the same text. */
bool base64_get(struct slice text, struct buf *out);

#endif
