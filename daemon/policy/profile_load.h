/*
 * One profile's file, read and checked. The folder of them is profile.h's; a
 * fault is logged with file, line and what was expected (base/conf.h).
 */
#ifndef CHANCERY_POLICY_PROFILE_LOAD_H
#define CHANCERY_POLICY_PROFILE_LOAD_H

#include "policy/profile.h"

/* A profile and what its lists point into. */
struct profile_row {
	struct profile profile;
	struct buf purposes, policies;
};

/* FOLDER/FILE, FILE ending in ".conf" and not too long for a name. 0 or -1; the row is freed either way by its owner.
 */
int profile_load(const char *folder, const char *file, struct profile_row *row);

#endif
