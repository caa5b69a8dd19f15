/*
 * Whether people agreed to what needed them: every act on the ledger, held
 * against the ceilings of its time, its proposal, and the signatures under it,
 * which are verified here again. The signer's own conclusions are not believed:
 * what it took for an approval has to be one by the records alone.
 */
#ifndef CHANCERY_CLI_ASSENT_H
#define CHANCERY_CLI_ASSENT_H

#include "ledger/record.h"

struct assent;

struct assent *assent_new(void);
void assent_free(struct assent *a);

/* What was found wrong with the record of this number. */
typedef void assent_finder(void *with, const char *code, uint64_t seq, const char *sentence);
/*
 * Takes the records in order. some_missing: those before this one are not all here (archived), so that what isn't known
 * is no fault.
 */
void assent_take(struct assent *a, const struct record *r, bool some_missing, assent_finder *find, void *with);
/* No record follows. */
void assent_end(struct assent *a, assent_finder *find, void *with);
/* Acts that needed people, and had them. */
uint64_t assent_count(const struct assent *a);

#endif
