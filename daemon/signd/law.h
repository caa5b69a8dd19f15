/*
 * What signd.conf allows, as one text: the settings that bound what may be
 * signed, each with the value that holds, in signd.conf's own syntax. A start
 * that finds another text than the ledger's last puts it there.
 */
#ifndef CHANCERY_SIGND_LAW_H
#define CHANCERY_SIGND_LAW_H

#include "base/buf.h"
#include "ledger/hash.h"
#include "signd/config.h"

#define MAX_LAW 16384 /* as the record has it */

/* Appends the text. */
void law_text(const struct config *c, struct buf *out);
/* The body of the record that says it, into out; positive: what holds is what the ledger has (hash, of the last). */
int law_record(const struct config *c, const uint8_t last[HASH_SIZE], struct buf *out);

#endif
