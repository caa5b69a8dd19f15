/*
 * Writes TBSCertList and CertificateList (RFC 5280 5.1) in pieces, so that a
 * list of a million entries needs no more memory than one of ten: what stands
 * before the entries, each entry, what stands behind them. It can only write
 * these shapes: version 2, entries with a reason at most, and of extensions
 * the AKI, the number, and where asked for the delta's base, the issuing
 * distribution point of a shard and the way to the delta.
 */
#ifndef CHANCERY_SIGND_ENCODE_CRL_H
#define CHANCERY_SIGND_ENCODE_CRL_H

#include "wire/rows.h"

#define MAX_CRL_ENTRY 64	  /* bytes of one entry; 57 is the longest */
#define MAX_CRL_HEAD 70000	  /* the issuer's name and a few words */
#define MAX_CRL_SIZE 0x0fffffffUL /* bytes of a TBSCertList: keeps each length in four octets */
#define CRL_SLACK 8 /* bytes that are kept free before a TBSCertList for CertificateList's tag and length */

struct crl_fields {
	uint8_t algorithm;	       /* the signing key's */
	struct slice issuer;	       /* DER Name, the CA's subject as it stands */
	struct slice authority_key_id; /* the CA's SKI */
	int64_t this_update, next_update;
	uint64_t number;
	uint64_t base;	    /* of a delta: its BaseCRLNumber; 0: a full CRL */
	struct slice point; /* the shard's URL, or empty */
	struct slice delta; /* in a full CRL: where its delta is, or empty */
};

/* The entry's bytes; answers their number. REASON_REMOVE only in a delta, which the caller sees to; revoked: from 1970
 * to 9999. */
size_t crl_write_entry(uint8_t at[MAX_CRL_ENTRY], const uint8_t serial[ROW_SERIAL_SIZE], int64_t revoked,
		       uint8_t reason);
/* How many it takes. */
size_t crl_entry_size(const uint8_t serial[ROW_SERIAL_SIZE], int64_t revoked, uint8_t reason);

/*
 * Of the TBSCertList what stands before its entries, which take so many bytes
 * together, and what stands behind them. head is broken if that is over MAX_CRL_SIZE.
 */
void crl_put_frame(struct buf *head, struct buf *tail, const struct crl_fields *f, uint64_t entries);
/* Of the CertificateList what stands before and behind a TBSCertList of this size. */
void crl_put_signed(struct buf *head, struct buf *tail, uint64_t tbs, uint8_t algorithm, struct slice signature);

#endif
