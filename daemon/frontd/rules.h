/*
 * The profiles and templates that hold now. They are read at start and again
 * at SIGHUP; a set with a mistake changes nothing. A request keeps the set that
 * it began with.
 */
#ifndef CHANCERY_FRONTD_RULES_H
#define CHANCERY_FRONTD_RULES_H

#include "policy/profile.h"
#include "policy/templates.h"

struct front;
struct rulebooks;

/* One set; constant. */
struct rulebook {
	struct profiles *profiles;
	struct templates *templates;
	struct rulebooks *of;
	unsigned holders;
};

/* Reads the folder of profiles. 0, or -1 with every mistake in the log. */
int rules_open(const char *folder, bool has_base_url, struct rulebooks **out);
/* Reads it again; the log says what came of it. */
void rules_reload(struct rulebooks *r);
void rules_close(struct rulebooks *r);

/* The set that holds now, kept until it is released. */
const struct rulebook *rules_hold(struct rulebooks *r);
void rules_release(const struct rulebook **held);
#define scoped_rules __attribute__((cleanup(rules_release))) const struct rulebook

#endif
