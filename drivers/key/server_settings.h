/* The settings that every kind of driver has: its name, its socket, who may connect, the ledger that it serves. */
#ifndef CHANCERY_KEY_SERVER_SETTINGS_H
#define CHANCERY_KEY_SERVER_SETTINGS_H

#include "key/server.h"

#define MAX_DRIVER_NAME 32 /* it is part of a user's name, chancery-drv-NAME */

struct conf;

/* Fills in out and returns the driver's name, both owned by c; what is wrong is conf_finish()'s to tell. */
const char *server_settings_read(struct conf *c, struct server_settings *out);

#endif
