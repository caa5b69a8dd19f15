/* A CA's subject: from a request's JSON to a list of attributes, and the form in which two subjects are the same. */
#ifndef CHANCERY_FRONTD_SUBJECT_H
#define CHANCERY_FRONTD_SUBJECT_H

#include "frontd/call.h"
#include "frontd/facts.h"

/* Reads the member "subject": 0, or positive after call_refuse(). Order: C, ST, L, O, OU, CN. */
int subject_read(struct call *c, struct items *out);
/* RFC 5280 7.1: ASCII case and white space folded. Equal subjects have equal folds. */
void subject_fold(struct list subject, struct buf *out);

#endif
