/*
 * CAs whose certificates are signed elsewhere, because their parent is known
 * by its certificate only: its key lies in a safe. Such a CA has a key here
 * and a PKCS#10 request to take away, stays in state created, and becomes
 * active when its certificate is brought in.
 *
 *	plan -> key -> KEY_CSR -> commit: created, with its request
 *	certificate -> held against key, parent and request -> CA_IMPORT -> commit: active
 *
 * What was brought in is judged here in words that help; the signer judges it
 * once more, by a path validation to a root that its own administrator lists.
 */
#ifndef CHANCERY_FRONTD_OUTSIDE_H
#define CHANCERY_FRONTD_OUTSIDE_H

#include "frontd/made.h"
#include "frontd/plan.h"
#include "frontd/signer.h"

/* Asks for the request of a planned CA; fields: what its certificate shall say. */
enum signer_result outside_ask(struct front *f, const struct cert_sign_request *fields, uint64_t *ledger_seq,
			       struct slice *csr, struct signer_answer *answer);
/* Holds it against the plan and commits the CA as created; m has its key. 0 with 201, or positive: refused. */
int outside_commit(struct front *f, struct call *c, const struct plan *p, const struct cert_sign_request *fields,
		   uint64_t ledger_seq, struct slice csr, struct made *m);

/* Takes a certificate in, as PEM, of the CA that the call's first parameter names, as if somebody had sent it. */
int arrival_take(struct front *f, struct call *c, const char *pem);

call_handler intermediate_csr;	       /* {id}: the request, as PEM */
call_handler intermediate_certificate; /* {id}: the certificate comes in (arrival.c) */
/* A certificate whose bringing in people have approved; answers the call with the CA. */
int arrival_approved(struct front *f, struct call *c, const char *ca_id, struct slice certificate,
		     const uint8_t proposal[16]);
call_handler intermediate_admit; /* {id}: what its key signed in an earlier life (admit.c) */

#endif
