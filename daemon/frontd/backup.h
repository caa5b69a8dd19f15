/*
 * GET /backup/database: the whole database as it is at one moment, for a
 * backup. It holds certificates, names and who asked for them; never a key.
 */
#ifndef CHANCERY_FRONTD_BACKUP_H
#define CHANCERY_FRONTD_BACKUP_H

#include "frontd/call.h"

call_handler backup_database;

#endif
