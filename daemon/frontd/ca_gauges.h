/* What /metrics tells of each CA: when it expires; and how many there are in each state. */
#ifndef CHANCERY_FRONTD_CA_GAUGES_H
#define CHANCERY_FRONTD_CA_GAUGES_H

#include "base/buf.h"

struct front;

/* Appends them; none if the database can't be read (logged): the other numbers matter all the more then. */
void ca_gauges_print(struct front *f, struct buf *out);

#endif
