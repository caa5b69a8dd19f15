/*
 * The desk: the signer's rooms in this process, asked over the same messages
 * that cross sign.sock elsewhere, without a socket. It takes the place of the
 * guard (signd/guard.h): there is one peer, this program, and no other can come.
 *
 * What is asked here is judged, recorded and signed by the daemon's own code.
 */
#ifndef CHANCERY_CEREMONY_DESK_H
#define CHANCERY_CEREMONY_DESK_H

#include "signd/signer.h"
#include "wire/frame.h"

/* Starts the signer on this state; out: a file that will be written besides it. 0, or -1: logged. */
int desk_open(struct signer *s, const char *out);
void desk_close(struct signer *s);

/* Waits until the token is there; false: it did not come. */
bool desk_token(struct signer *s, int64_t patience_ms);

/*
 * Asks what is in request, a whole frame (wire/inner_ask.h), and waits. 0: *body
 * is the reply's, good until the next call; positive: refused by that number, *body is the field it is about; -1:
 * broken.
 */
int desk_ask(struct signer *s, struct buf *request, struct slice *body);
/* The same, with a descriptor that goes with the request, which is taken, and one that comes with the reply. */
int desk_ask_with(struct signer *s, struct buf *request, int *fd, struct slice *body);

/* A record of this program's own, durable: 0 with its number, or -1. */
int desk_record(struct signer *s, uint8_t type, struct slice body, uint64_t *seq);
/* The ledger's head, signed: the note. */
int desk_checkpoint(struct signer *s, struct buf *note);

/* A new request id. */
void desk_id(uint8_t id[REQUEST_ID_SIZE]);

#endif
