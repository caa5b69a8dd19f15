/*
 * What can become of a certificate besides being served: its signature was
 * lost, what came back was withheld, it was revoked. Each stands on the
 * ledger, so that a database from a backup knows it again; here it is read
 * from there, inside the committer, and withholding is put there.
 */
#ifndef CHANCERY_FRONTD_OUTCOME_H
#define CHANCERY_FRONTD_OUTCOME_H

#include <jansson.h>

#include "frontd/made.h"
#include "ledger/record.h"

struct front;
struct call;

/*
 * An intent that was closed as lost: counted as issued, since nobody knows
 * whether the token signed it, and never good. Its row has what was to be
 * signed under a signature of nothing, which is served to nobody.
 */
int outcome_lost(struct store_session *s, const struct cert_intent_record *intent, uint64_t seq, int64_t when);
/* The context of a note "withheld". 0; positive: there is no such certificate; negative: broken. */
int outcome_withheld(struct store_session *s, json_t *context, int64_t when);
/*
 * A note of NOTE_REVOCATION, "revoke" or "release", and its number. It counts from the time in its request's id on,
 * whoever reads it; with a subject_ca that CA is revoked as well. Answers as outcome_withheld().
 */
int outcome_revoked(struct store_session *s, json_t *context, const uint8_t request_id[16], uint64_t seq);

/* Sends the note of a certificate that was just withheld, and waits for nobody. m: committed. */
void outcome_note(struct front *f, const struct call *c, const struct made *m);

#endif
