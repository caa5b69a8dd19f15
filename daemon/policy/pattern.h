/*
 * Patterns of names: what an issuer role of frontd.conf may ask for, and what
 * a profile takes. Pure.
 */
#ifndef CHANCERY_POLICY_PATTERN_H
#define CHANCERY_POLICY_PATTERN_H

#include "names/name.h"

/*
 * Whether a name lies within a pattern: "dns:*.example.com" is every
 * name below example.com, "dns:example.com" that name alone; a URI with "://"
 * is itself, or with a final "/" and star all below it; other email, uri, ip
 * and dn patterns are subtrees as in name constraints; "*" is any name.
 */
struct name_pattern {
	enum { PATTERN_ANY, PATTERN_EXACT, PATTERN_BELOW, PATTERN_PREFIX, PATTERN_SUBTREE } kind;
	uint8_t type;
	struct buf value;
};
bool name_pattern_parse(const char *text, struct name_pattern *out, const char **why);
bool name_pattern_matches(const struct name_pattern *p, uint8_t type, struct slice name);
/* The text that name_pattern_parse() reads. */
void name_pattern_print(const struct name_pattern *p, struct buf *out);

#endif
