/*
 * A record as JSON, for people and programs: seq, time, type and its fields
 * by name, for whatever types records.def has. A TBSCertificate, a certificate
 * or a charter is named by its facts and hash, not dumped. A library of its
 * own: the signer has no use for JSON and must not carry it.
 */
#ifndef CHANCERY_LEDGER_RECORD_JSON_H
#define CHANCERY_LEDGER_RECORD_JSON_H

#include <jansson.h>

#include "ledger/record.h"

/* NULL without memory. A body that doesn't fit its table, or of an unknown type, says so. */
json_t *record_json(const struct record *r);
/* The fields of a type, to walk them by name; NULL: this version doesn't know it. */
const struct pack_field *record_fields(uint8_t type);

#endif
