/*
 * Object identifiers between the text that people write and the contents
 * octets that stand in DER and in messages. Pure.
 */
#ifndef CHANCERY_POLICY_OID_H
#define CHANCERY_POLICY_OID_H

#include "base/buf.h"

/* "1.3.6.1.5.5.7.3.1", arcs of at most nine digits. False, and what is in out is not to be used, for anything else. */
bool oid_parse(const char *text, struct buf *out);
void oid_print(struct slice oid, struct buf *out);

#endif
