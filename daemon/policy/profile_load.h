/*
 * One profile's file, read and checked: every setting of profile_settings.def
 * by itself, then what contradicts itself among them. The folder of files is
 * profile.h's.
 */
#ifndef CHANCERY_POLICY_PROFILE_LOAD_H
#define CHANCERY_POLICY_PROFILE_LOAD_H

#include "policy/profile.h"

enum profile_setting_index {
#define SETTING(name, ...) SETTING_##name,
#include "policy/profile_settings.def"
#undef SETTING
	SETTING_COUNT
};

/* A profile and what its lists point into. */
struct profile_row {
	struct profile profile;
	struct buf purposes, policies, urls, extensions;
	struct name_pattern *patterns;
	unsigned wrong; /* mask of settings with a mistake of their own: what leans on them isn't judged */
};

/*
 * A file ending in ".conf"; its name is the profile's. 0, or -1 with every mistake told. profile_row_free() is due in
 * either case.
 */
int profile_load(const char *path, const struct profile_site *site, conf_listener *listener, void *with,
		 struct profile_row *row);
void profile_row_free(struct profile_row *row);

/* profile_rules.c: mistakes that lie between settings. */
void profile_rules_check(struct conf *c, const struct profile_site *site, const struct profile_row *row);

#endif
