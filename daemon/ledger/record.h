/*
 * One record of the ledger: its bytes in a segment file and the structs made
 * from records.def.
 *
 *	u32 length    bytes of the body
 *	u8  type      from records.def
 *	u8  flags     1: the last record of a batch that was flushed as one; 2: the first of one
 *	u16 version   1
 *	u64 seq       sequence number, from 0, over all segments
 *	u64 time      Unix milliseconds by the signer's clock
 *	body
 *	u64 check     the first eight bytes of the leaf hash, as they stand there
 *
 * The leaf of the Merkle tree (RFC 6962 2.1) is head and body: its hash is
 * SHA-256(0x00 || head || body). check is not part of it: it only finds torn
 * writes. A length of 0 with type 0 is reserved space: zeros to the file's end.
 */
#ifndef CHANCERY_LEDGER_RECORD_H
#define CHANCERY_LEDGER_RECORD_H

#include "base/pack.h"
#include "ledger/hash.h"

#define RECORD_HEAD 24
#define RECORD_TAIL 8
#define RECORD_VERSION 1
#define RECORD_BATCH_END 1
#define RECORD_BATCH_BEGIN 2
#define MAX_RECORD_BODY (160 * 1024) /* a TBSCertificate at its limit with all around it */
#define MAX_RECORD (RECORD_HEAD + MAX_RECORD_BODY + RECORD_TAIL)

struct record {
	uint8_t type;
	uint8_t flags;
	uint64_t seq;
	int64_t time; /* milliseconds */
	struct slice body;
	struct slice leaf; /* head and body as they stand */
};

enum record_type {
#define RECORD(number, NAME, name, fields) RECORD_##NAME = number,
#include "ledger/records.def"
#undef RECORD
};

/* struct ledger_start_record and so on. */
#include "base/pack_struct.h"
#define RECORD(number, NAME, name, fields)                                                                             \
	struct name##_record {                                                                                         \
		PACK_UNWRAP fields                                                                                     \
	};
#include "ledger/records.def"
#undef RECORD
#include "base/pack_done.h"

/* Appends the body of one record to out: record_cert_intent_put(out, &r) and so on; reads one back. */
#define RECORD(number, NAME, name, fields)                                                                             \
	void record_##name##_put(struct buf *out, const struct name##_record *r);                                      \
	enum pack_refusal record_##name##_get(struct slice body, struct name##_record *r);
#include "ledger/records.def"
#undef RECORD

/* "CERT_INTENT" and so on; "UNKNOWN". */
const char *record_type_name(uint8_t type);

enum record_state {
	RECORD_WHOLE,
	RECORD_PARTIAL,	 /* the bytes end inside it */
	RECORD_RESERVED, /* zeros: no record begins here */
	RECORD_BROKEN,	 /* a length, version or check that can't be */
};
/*
 * Reads the record at the front of bytes, checking its hash; hash may be NULL.
 * *size is what it takes, head to check; of RECORD_PARTIAL, how many bytes are needed to say more.
 */
enum record_state record_peek(struct slice bytes, struct record *out, size_t *size, uint8_t hash[HASH_SIZE]);
/* Appends a whole record, head to check; the hash of its leaf goes to hash. A body over its limit breaks the buffer. */
void record_put(struct buf *out, const struct record *r, uint8_t hash[HASH_SIZE]);
/*
 * The same in two steps, for a batch whose last record isn't known yet: all
 * but the check; then flags and check in place. record_close() answers the record's size.
 */
void record_put_open(struct buf *out, const struct record *r);
size_t record_close(uint8_t *at, uint8_t flags, uint8_t hash[HASH_SIZE]);

/*
 * A certificate from what the ledger has of it: SEQUENCE { tbs, the
 * AlgorithmIdentifier that stands in tbs (RFC 5280 4.1.1.2), signature }.
 * signature: what the BIT STRING holds. 0; positive if tbs is not a TBSCertificate; -1: out has no room.
 */
int record_certificate(struct slice tbs, struct slice signature, struct buf *out);
/* Takes one DER element with this tag byte off the front, head and contents; false if it isn't there, whole. */
bool record_der_take(struct slice *rest, uint8_t tag, struct slice *whole, struct slice *contents);
/* The head of one of ASN.1's own types, of so many bytes of contents. */
void record_der_head(struct buf *out, uint8_t tag, size_t length);
/* The serial number that stands in a TBSCertificate, without a leading zero byte. False if it is none. */
bool record_serial(struct slice tbs, struct slice *serial);

/* notAfter of a TBSCertificate, in Unix seconds. 0; positive if tbs is not one; then *seconds stays. */
int record_not_after(struct slice tbs, int64_t *seconds);

/*
 * The CRL number behind which those of an epoch begin, by the time of its EPOCH record: in what was lost CRLs may have
 * been signed and fetched, and numbers never go back (RFC 5280 5.2.3). So they go on at the time in milliseconds,
 * which no counter has got to.
 */
uint64_t epoch_crl_floor(int64_t time);

#endif
