/*
 * Writes TBSCertificate and Certificate (RFC 5280 4.1). It can only write the
 * shapes below; what the constants of a kind forbid has no field to say it:
 * a leaf has no CA:TRUE, a CA always has critical basicConstraints, keyCertSign
 * and cRLSign, name constraints are always critical, the issuer is the parent's
 * subject copied, the AKI the parent's SKI copied.
 */
#ifndef CHANCERY_SIGND_ENCODE_CERT_H
#define CHANCERY_SIGND_ENCODE_CERT_H

#include "names/constraints.h"
#include "wire/inner.h"

#define SERIAL_SIZE 19	 /* one positive byte, a 16-bit day number, 128 random bits */
#define KEY_HASH_SIZE 20 /* RFC 7093 section 2, method 1 */
#define MAX_TBS 65536	 /* what the ledger and the wire have room for */
#define MAX_DER_SIGNATURE 600

struct cert_fields {
	enum cert_kind kind;
	uint8_t serial[SERIAL_SIZE];
	uint8_t algorithm;	       /* the signing key's: decides both AlgorithmIdentifiers */
	struct slice issuer;	       /* DER Name, the parent's subject as it stands */
	struct slice authority_key_id; /* the parent's SKI */
	int64_t not_before, not_after;
	struct slice subject;		/* DER Name, from cert_put_name() */
	struct slice public_key;	/* DER SubjectPublicKeyInfo */
	struct slice subject_key_id;	/* empty: made from public_key */
	struct list alt_names;		/* leaf */
	uint16_t key_usage;		/* leaf; a CA's and a responder's are constants */
	struct list ext_key_usage;	/* leaf */
	uint16_t path_len;		/* CA; PATH_LEN_NONE */
	struct constraints constraints; /* CA */
	struct list urls, policies;
	uint8_t flags;	    /* leaf */
	struct list opaque; /* leaf */
};

/* Day number as it stands in a serial: days since 1970, modulo 2^16; the rest is random. */
void cert_new_serial(int64_t now, uint8_t serial[SERIAL_SIZE]);
/* Makes the number that its last four bytes are, modulo shards, this shard's: on that shard's CRL it would be listed.
 */
void cert_serial_into(uint8_t serial[SERIAL_SIZE], uint16_t shard, uint16_t shards);
/* The key's own bytes: what the BIT STRING in a SubjectPublicKeyInfo holds. */
struct slice cert_key_bits(struct slice public_key);
/* RFC 7093 2 (1): the first 160 bits of SHA-256 over the BIT STRING's contents in a SubjectPublicKeyInfo. */
void cert_key_hash(struct slice public_key, uint8_t hash[KEY_HASH_SIZE]);
/* A DER Name from a checked list (names/dn.h). */
void cert_put_name(struct buf *out, struct list dn);
/*
 * An item of opaque: one octet with the length of an OID, the OID, then what extnValue holds; its tag is 1 if the
 * extension is critical. False: it does not fit, or what it holds isn't one whole DER element.
 */
bool cert_opaque_split(struct slice item, struct slice *oid, struct slice *value);
/* The whole TBSCertificate; breaks out if it would grow over its limit. */
void cert_put_tbs(struct buf *out, const struct cert_fields *f);
/* The Extensions that a CA's certification request asks for. */
void cert_put_asked(struct buf *out, const struct cert_fields *f);
/* The contents of signatureValue from what a driver answered: a DER Ecdsa-Sig-Value for EC (RFC 3279 2.2.3). */
void cert_put_signature(struct buf *out, uint8_t algorithm, struct slice raw);

#endif
