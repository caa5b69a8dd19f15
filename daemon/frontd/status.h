/*
 * How the parts are, who is calling and which profiles there are: for people
 * and programs with a role, on api.sock.
 */
#ifndef CHANCERY_FRONTD_STATUS_H
#define CHANCERY_FRONTD_STATUS_H

#include "frontd/call.h"

call_handler status_get, whoami_get, profiles_list, templates_list, profiles_get;

#endif
