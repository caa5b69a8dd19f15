/*
 * The key that answers OCSP for a CA, in the CA's own token, with a certificate
 * of that CA (RFC 6960 4.2.2.2): made while the CA still signs certificates,
 * renewed over the same key for as long as something that it signed is valid.
 * What is half made when this process ends is gone on with by the next one.
 */
#ifndef CHANCERY_FRONTD_RESPONDER_H
#define CHANCERY_FRONTD_RESPONDER_H

#include "frontd/front.h"
#include "store/store.h"

struct responders;
struct responders *responders_new(void);
void responders_free(struct responders *r);

enum responder_answer {
	RESPONDER_READY = 0,
	RESPONDER_NONE = 1,  /* and there will be none: the key is offline, or nothing of this CA is valid any more */
	RESPONDER_LATER = 2, /* it is being made, or could not be made now; the log has the reason */
};

/* As the database has it. */
struct responder {
	struct responder_row row;
	struct key_row key;
};
void responder_free(struct responder *r);
#define scoped_responder __attribute__((cleanup(responder_free))) struct responder

/* The responder whose certificate is valid now; makes it if there is none. Negative: broken, logged. */
int responder_get(struct front *f, const char *ca_id, struct responder *out);

/*
 * Before the CA is closed, for then it certifies no new key: makes the responder that its certificates name. READY:
 * there is one, or nobody will ask for it; LATER: not now; NONE: the signer never lets it have one.
 */
int responder_prepare(struct front *f, const struct ca_row *ca);

/* Makes and renews what is due; called by the scheduler. Whether anything is still due. */
void responder_look(struct front *f);

#endif
