/* The ledger for people: records as the signer has them, decoded into JSON (ledger/record_json.h). */
#ifndef CHANCERY_FRONTD_AUDIT_H
#define CHANCERY_FRONTD_AUDIT_H

#include "frontd/call.h"

call_handler audit_list, audit_checkpoint;

#endif
