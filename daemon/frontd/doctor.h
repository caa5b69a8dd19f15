/*
 * GET /doctor: what is wrong and what to do about it, in sentences, from what
 * the signer says of itself, its tokens and its keys, and from what can be
 * seen here. It looks and changes nothing.
 */
#ifndef CHANCERY_FRONTD_DOCTOR_H
#define CHANCERY_FRONTD_DOCTOR_H

#include "frontd/call.h"

call_handler doctor_get;

#endif
