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
#include "policy/pattern.h"

#define MAX_GRANTS 32	      /* entries of roles.issuer: a mask's width */
#define MAX_GRANT_PATTERNS 64 /* CAs, profiles or names of one entry */

struct authz;

/* Reads the group `roles`; what is wrong is reported through conf_finish(). NULL only without memory. */
struct authz *authz_read(struct conf *conf);
void authz_free(struct authz *a);

/* Fills in actor, roles and grant from who->peer; a NULL authz gives no role. Undone by authz_forget(). */
void authz_identify(const struct authz *a, struct caller *who);
/* The roles of whoever that is. */
unsigned authz_roles_of(const struct authz *a, const struct peer *peer);
/* The i-th user or group that admin, auditor or approver names; false past the last. */
bool authz_named(const struct authz *a, size_t i, struct peer_rule *out);
void authz_forget(struct caller *who);
/*
 * The same for a caller whom somebody else vouches for, by the names of his certificate (canonical): entries of the
 * issuer role whose `identities` match one of them are his, and nothing else is.
 */
void authz_vouch(const struct authz *a, struct list names, struct caller *who);
/*
 * Whether an admin, or one entry of an issuer role by itself, allows a leaf of
 * this profile with these names (canonical, names/name.h) from this CA. On
 * false why is a sentence's end.
 */
bool authz_may_issue(const struct caller *who, const char *ca_id, const char *profile, struct list alt_names,
		     char why[200]);
/* The roles' names as a JSON array; NULL without memory. */
json_t *authz_roles_json(unsigned roles);

#endif
