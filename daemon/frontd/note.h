/* Steps that are the front-end's alone: on the ledger first, so that the database can be made again from there. */
#ifndef CHANCERY_FRONTD_NOTE_H
#define CHANCERY_FRONTD_NOTE_H

#include "frontd/context.h"
#include "frontd/front.h"
#include "frontd/signer.h"

/*
 * Notes these words, as NOTE_OTHER; request_id NULL: a fresh one. The hold begins here, and whoever asks settles it
 * with *noted once the database says the same. 0; positive: refused; negative: the words have no room.
 */
int note_take(struct front *f, struct call *c, const uint8_t request_id[16], const struct context_words *words,
	      struct signer_hold *hold, uint64_t *noted);

#endif
