/*
 * The rule by which a CA gets its successor: how long before the point at
 * which it would cut short what it signs the successor is made, and how long
 * before it the successor takes over. Stands at a CA, or at its issuer for all
 * CAs that have none of their own.
 *
 * In a row: "" (what stands above decides), "off", "default", or the two
 * numbers of days, "30/7". Pure but for refusing a call.
 */
#ifndef CHANCERY_FRONTD_RULE_H
#define CHANCERY_FRONTD_RULE_H

#include "base/buf.h"
#include "frontd/call.h"

#define RULE_TEXT 32
#define RULE_FIELD "rotation"

struct rule {
	bool off;
	int64_t prepare, activate; /* seconds before that point; of a short life at most a half and a sixth */
};

/* The member `rotation` as its text in a row; *there says whether it was stated at all. 0, or positive: refused. */
int rule_read(struct call *c, bool *there, char out[RULE_TEXT]);
/* The rule of a CA with this text, in an issuer with that. */
struct rule rule_of(struct slice ca, struct slice issuer);
/* As it was stated: null, "off", "default" or an object. */
json_t *rule_view(struct slice text);

#endif
