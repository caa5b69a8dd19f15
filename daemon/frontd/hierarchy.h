/*
 * Issuers and their trees of CAs: the rules of RFC 5280 that hold when a CA is
 * made, and its life from active over retiring to retired. Handlers of the
 * API's routes; roles are checked before they are called.
 *
 * All that can be checked is checked before a key is made. A CA that is being
 * made is a row in state created, which takes its name and subject and keeps
 * its parent from being retired; whether it may become active is decided where
 * its certificate is committed.
 */
#ifndef CHANCERY_FRONTD_HIERARCHY_H
#define CHANCERY_FRONTD_HIERARCHY_H

#include "frontd/call.h"

call_handler issuer_create;
call_handler issuer_list;
call_handler issuer_get;   /* {id} */
call_handler issuer_patch; /* {id} */

call_handler intermediate_create;   /* {issuer id} */
call_handler intermediate_list;	    /* {issuer id}; ?format=tree */
call_handler intermediate_get;	    /* {id} */
call_handler intermediate_chain;    /* {id}; ?root=false */
call_handler intermediate_patch;    /* {id} */
call_handler intermediate_charter;  /* {id}: what the signer holds its key to */
call_handler intermediate_retire;   /* {id} */
call_handler intermediate_rotate;   /* {id} */
call_handler intermediate_renew;    /* {id} */
call_handler intermediate_cross;    /* {id} */
call_handler intermediate_key_gone; /* {id} */

#endif
