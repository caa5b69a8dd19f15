/*
 * The rows of CRL_SIGN and OCSP_SIGN, which are too many, or too alike, to be
 * fields of a message: one fixed, packed layout each, written by who asks and
 * read by the signer. Pure; looks at nothing but its bytes.
 */
#ifndef CHANCERY_WIRE_ROWS_H
#define CHANCERY_WIRE_ROWS_H

#include "base/buf.h"

#define ROW_SERIAL_SIZE 20 /* RFC 5280 4.1.2.2: 20 octets; big-endian, zeros in front */

/*
 * An entry of a CRL, in the sealed memory file that comes with CRL_SIGN:
 *
 *	serial[20]    zeros in front, so that bytewise order is the order of numbers
 *	u8  reason    RFC 5280 5.3.1; 8: the hold is released
 *	u64 revoked   Unix seconds
 *	u64 seq       of the ledger's record of the certificate; looked at if the last CRL hasn't got the serial
 */
#define CRL_ROW_SIZE 37
struct crl_row {
	uint8_t serial[ROW_SERIAL_SIZE];
	uint8_t reason;
	int64_t revoked;
	uint64_t seq;
};
void crl_row_put(uint8_t at[CRL_ROW_SIZE], const struct crl_row *row);
void crl_row_get(const uint8_t at[CRL_ROW_SIZE], struct crl_row *row);

/* What OCSP_SIGN is to say of one certificate, an item of its list; the tag is the status. */
#define OCSP_ROW_SIZE 54
struct ocsp_row {
	uint8_t hash; /* enum cert_id_hash */
	uint8_t serial[ROW_SERIAL_SIZE];
	int64_t this_update, next_update;
	int64_t revoked; /* of a certificate that is: since when, else 0 */
	uint8_t reason;	 /* ... and why, else 0 */
	uint64_t seq;	 /* of a good one: the ledger's record of the certificate, else 0 */
};
void ocsp_row_put(uint8_t at[OCSP_ROW_SIZE], const struct ocsp_row *row);
void ocsp_row_get(const uint8_t at[OCSP_ROW_SIZE], struct ocsp_row *row);

/* A serial number's bytes as a row has them; false: more than 20 of them count. */
bool row_serial(struct slice number, uint8_t serial[ROW_SERIAL_SIZE]);

#endif
