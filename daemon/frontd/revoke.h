/*
 * Revoking certificates and CAs, and releasing what is on hold: noted on the
 * ledger first, then in the database, then told. Steps of one certificate come
 * one at a time, and asking for what is so already is answered as if it had
 * been done now.
 */
#ifndef CHANCERY_FRONTD_REVOKE_H
#define CHANCERY_FRONTD_REVOKE_H

#include "frontd/call.h"

call_handler certificate_revoke;  /* {sha256}, or {CA id} {serial} */
call_handler certificate_release; /* likewise */
call_handler intermediate_revoke; /* {id} */

#endif
