/*
 * Who may do what: roles from frontd.conf, mapped from the users and groups
 * that the kernel names for a connection. Decides about roles and about what
 * an issuer role is limited to; which route needs which role stands in the
 * route table.
 */
#ifndef CHANCERY_FRONTD_AUTHZ_H
#define CHANCERY_FRONTD_AUTHZ_H

#include "base/conf.h"
#include "base/pack.h"
#include "frontd/call.h"

#define MAX_GRANTS 32	      /* entries of roles.issuer: a mask's width */
#define MAX_GRANT_PATTERNS 64 /* CAs, profiles or names of one entry */

struct authz;

/* Reads the group `roles`; what is wrong is reported through conf_finish(). NULL only without memory. */
struct authz *authz_read(struct conf *conf);
void authz_free(struct authz *a);

/* Fills in actor, roles and grant from who->peer; a NULL authz gives no role. Undone by authz_forget(). */
void authz_identify(const struct authz *a, struct caller *who);
void authz_forget(struct caller *who);
/*
 * Whether an admin, or one entry of an issuer role by itself, allows a leaf of
 * this profile with these names (canonical, names/name.h) from this CA. On
 * false why is a sentence's end.
 */
bool authz_may_issue(const struct caller *who, const char *ca_id, const char *profile, struct list alt_names,
		     char why[200]);
/* The roles' names as a JSON array; NULL without memory. */
json_t *authz_roles_json(unsigned roles);

/*
 * Whether a name lies within a pattern of `names`: "dns:*.example.com" is every
 * name below example.com, "dns:example.com" that name alone; a URI with "://"
 * is itself, or with a final "/" and star all below it; other email, uri and
 * ip patterns are subtrees as in name constraints; "*" is any name.
 */
struct name_pattern {
	enum { PATTERN_ANY, PATTERN_EXACT, PATTERN_BELOW, PATTERN_PREFIX, PATTERN_SUBTREE } kind;
	uint8_t type;
	struct buf value;
};
bool name_pattern_parse(const char *text, struct name_pattern *out, const char **why);
bool name_pattern_matches(const struct name_pattern *p, uint8_t type, struct slice name);

#endif
