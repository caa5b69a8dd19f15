/*
 * Carrying out what was approved: the request is made anew out of the bytes
 * that people signed, and names their proposal. The signer takes each proposal
 * once, in the same act as the intent, so that whoever asks again, after a
 * crash of either side or at the same time, makes nothing twice.
 */
#ifndef CHANCERY_FRONTD_EXECUTE_H
#define CHANCERY_FRONTD_EXECUTE_H

#include "frontd/call.h"

struct front;

/*
 * Of the proposal that the path names: 201 with it and its CA, 200 if that was done before; refused: what stands
 * against it now.
 */
int execute_answer(struct front *f, struct call *c);
/* After an approval, which is there in any case: the same if that was the last one, and 200 with the proposal if not.
 */
int execute_if_complete(struct front *f, struct call *c);

#endif
