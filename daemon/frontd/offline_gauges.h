/* What /metrics tells of each root whose key is offline: when its CRL ends, since its next one takes people and time.
 */
#ifndef CHANCERY_FRONTD_OFFLINE_GAUGES_H
#define CHANCERY_FRONTD_OFFLINE_GAUGES_H

#include "base/buf.h"

struct front;

/* Appends them; none if the database can't be read. */
void offline_gauges_print(struct front *f, struct buf *out);

#endif
