/*
 * Letters: what an offline root is asked for, as a file that people carry to
 * its ceremony, and what they bring back (letter/letter.h).
 *
 *	request -> noted on the ledger (nonce, hash) -> carried away
 *	response -> held against the request -> the certificate comes in by the path of arrival.c, or the CRL is
 *	verified under the root and served -> noted on the ledger: a response counts once
 *
 * What goes out is what the database says now; what comes in is judged as if it
 * came from anybody. Notes: op "asked" and "answered", with the nonce, and of a CRL "NUMBER THIS NEXT ENTRIES".
 */
#ifndef CHANCERY_FRONTD_LETTERS_H
#define CHANCERY_FRONTD_LETTERS_H

#include "frontd/call.h"
#include "frontd/signer.h"
#include "letter/letter.h"
#include "store/store.h"

struct front;

call_handler intermediate_request; /* {id}: writes a request to its offline parent, or of an offline root's CRL */
call_handler response_import;	   /* takes a response in */

/* Takes the notes back from the ledger: 0 or negative. */
int letter_asked(struct store_session *s, json_t *context, int64_t when);
int letter_answered(struct store_session *s, json_t *context, uint64_t noted);

/* note_take() (frontd/note.h) of this op about a letter. crl: NULL or as above. */
int letter_note(struct front *f, struct call *c, const char *op, const struct letter_row *row, const char *crl,
		struct signer_hold *hold, uint64_t *noted);
/* The CRL that a response brought, of the CA in row. 0 or positive: refused; 200 with what it says if it came in. */
int letter_crl(struct front *f, struct call *c, const struct letter_row *row, struct slice der);
/* Whether the file of this CA's CRL is where it belongs. */
bool letter_crl_there(const struct front *f, const char *ca_id);
/* "NUMBER THIS NEXT ENTRIES" of a note into a row; false if it is no such thing. */
bool letter_crl_parse(const char *text, struct lastcrl_row *row);

#endif
