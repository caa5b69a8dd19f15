/*
 * Issuing a leaf certificate from a CSR under a profile. The CSR is a wish;
 * profile, caller's rights and the chain's name constraints decide.
 */
#ifndef CHANCERY_FRONTD_ISSUE_H
#define CHANCERY_FRONTD_ISSUE_H

#include "frontd/call.h"

/* Both never wait themselves: CALL_WAITS where all is well. */
call_handler certificate_issue_ca;     /* {CA id} */
call_handler certificate_issue_issuer; /* {issuer id}: under its issuing CA */

#endif
