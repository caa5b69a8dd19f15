/* What /metrics tells of each CA: when it expires; and how many there are in each state. */
#ifndef CHANCERY_FRONTD_CA_GAUGES_H
#define CHANCERY_FRONTD_CA_GAUGES_H

#include "store/store.h"

#define MAX_CA_LABELS 2048 /* a name of 256 bytes, each of them escaped, and two ids */

struct front;

/* Appends them; none if the database can't be read (logged): the other numbers matter all the more then. */
void ca_gauges_print(struct front *f, struct buf *out);
/* How each series of a CA's is labelled: its id, its issuer's, its name. */
void ca_labels_put(struct buf *out, const struct ca_row *ca);

#endif
