/* What the signer says of itself to whoever may ask: STATUS, KEY_LIST and CHARTER_READ. It reads everything and changes
 * nothing. */
#ifndef CHANCERY_SIGND_REPORT_H
#define CHANCERY_SIGND_REPORT_H

#include "wire/frame.h"

struct signer;

int answer_status(struct signer *s, uint64_t peer, const struct frame *f);
int answer_key_list(struct signer *s, uint64_t peer, const struct frame *f);
int answer_charter_read(struct signer *s, uint64_t peer, const struct frame *f);

#endif
