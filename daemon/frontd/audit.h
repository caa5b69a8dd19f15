/*
 * The ledger for people: records as the signer has them, decoded into JSON.
 * A TBSCertificate or a charter is named by its facts and hash, not dumped.
 */
#ifndef CHANCERY_FRONTD_AUDIT_H
#define CHANCERY_FRONTD_AUDIT_H

#include "frontd/call.h"
#include "ledger/record.h"

call_handler audit_list, audit_checkpoint;

/* One record as JSON: seq, time, type and its fields; NULL without memory. A body that doesn't fit says so. */
json_t *audit_record_json(const struct record *r);

#endif
