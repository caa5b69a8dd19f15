/*
 * Letters: what a host asks of an offline root and what comes back, as files
 * that people carry. Armoured text outside, typed fields inside, with hard
 * limits; no field that anybody would have to guess at.
 *
 *	-----BEGIN CHANCERY REQUEST-----      (or RESPONSE)
 *	base64, 64 to a line
 *	-----END CHANCERY REQUEST-----
 *	sha256 64 hex digits
 *
 * Inside: "chancery-request-v1\n" or "chancery-response-v1\n", then the fields
 * of letter.def. The checksum finds accidents; what nobody may change is held
 * by nonces, hashes and signatures.
 *
 * Both sides of the air gap link this room. It is pure but for libcrypto, and it
 * judges form only (of names, too): what a letter asks for is judged by who acts on it.
 */
#ifndef CHANCERY_LETTER_LETTER_H
#define CHANCERY_LETTER_LETTER_H

#include "base/pack.h"
#include "ledger/hash.h"

#define MAX_LETTER (1024 * 1024)       /* inside: an ask or an answer at its limit with all around it */
#define MAX_LETTER_TEXT (1536 * 1024)  /* outside */
#define MAX_LETTER_OPEN (366 * 86400)  /* seconds from created to expires */
#define MAX_LETTER_APPROVALS 16	       /* letter.def says so, too */
#define MAX_LETTER_SIGNATURE 600       /* an approver's: RSA with 4096 bits has 512 */
#define MAX_REVOKED 8192	       /* entries of a root's CRL: it revokes CAs */
#define MAX_REVOKED_SERIAL 20	       /* RFC 5280 4.1.2.2 */
#define MAX_LETTER_SECONDS 3155760000L /* a hundred years: what is allowed is the signer's to say */

enum letter_kind { LETTER_INTERMEDIATE = 1, LETTER_CRL = 2 };

/* struct request_letter, intermediate_letter, crl_letter, response_letter. */
#include "base/pack_struct.h"
#define LETTER(name, fields)                                                                                           \
	struct name##_letter {                                                                                         \
		PACK_UNWRAP fields                                                                                     \
	};
#include "letter/letter.def"
#undef LETTER
#include "base/pack_done.h"

struct letter_approval {
	struct slice key; /* SHA-256 over the SubjectPublicKeyInfo */
	struct slice signature;
};

struct revoked_entry {
	uint8_t reason;
	int64_t when;
	struct slice serial;
};

enum letter_refusal {
	LETTER_OK = 0,
	LETTER_NOT_ONE,	 /* no armour of this kind */
	LETTER_ALTERED,	 /* the checksum is not that of the content */
	LETTER_VERSION,	 /* of another version or kind */
	LETTER_MALFORMED /* its fields don't fit the table, or contradict each other */
};
/* The end of a sentence that begins with what the file is. */
const char *letter_refusal_text(enum letter_refusal r);

/* The letter itself, armour off. */
void request_letter_put(struct buf *out, const struct request_letter *r);
void response_letter_put(struct buf *out, const struct response_letter *r);
/* Slices point into letter. What is inside of ask is not looked at. */
enum letter_refusal request_letter_get(struct slice letter, struct request_letter *r);
enum letter_refusal response_letter_get(struct slice letter, struct response_letter *r);

/* The request without its approvals: what approvers sign; and its SHA-256, by which the request is known for ever. */
void request_letter_bare(struct buf *out, const struct request_letter *r);
int request_letter_hash(const struct request_letter *r, uint8_t hash[HASH_SIZE]);
/* Puts one into the request; raw holds the new list. LETTER_MALFORMED: its key is there already, or it does not fit. */
enum letter_refusal approval_add(struct request_letter *r, const struct letter_approval *a, struct buf *raw);
/* Takes the first off a list that request_letter_get() has checked; false at its end. */
bool approval_next(struct list *l, struct letter_approval *a);

/* A request's ask, by its kind. */
void intermediate_letter_put(struct buf *out, const struct intermediate_letter *i);
enum letter_refusal intermediate_letter_get(struct slice ask, struct intermediate_letter *i);
void crl_letter_put(struct buf *out, const struct crl_letter *c);
enum letter_refusal crl_letter_get(struct slice ask, struct crl_letter *c);
void revoked_put(struct buf *raw, uint16_t *count, const struct revoked_entry *e);
/* Takes the first entry off a list that crl_letter_get() has checked; false at its end. */
bool revoked_next(struct list *l, struct revoked_entry *e);

/* Armour: what is "REQUEST" or "RESPONSE". Reading takes LF or CRLF, and nothing before or behind. */
void armour_put(struct buf *out, const char *what, struct slice letter);
enum letter_refusal armour_get(struct slice text, const char *what, struct buf *letter, uint8_t hash[HASH_SIZE]);

#endif
