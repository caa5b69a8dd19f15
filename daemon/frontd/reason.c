#include "frontd/reason.h"

#include <stddef.h>
#include <string.h>

static const char *const names[] = { "unspecified", "keyCompromise",	    "cACompromise",    "affiliationChanged",
				     "superseded",  "cessationOfOperation", "certificateHold", NULL,
				     NULL,	    "privilegeWithdrawn",   "aACompromise" };
#define REASONS (sizeof(names) / sizeof(names[0]))

bool reason_parse(const char *name, uint8_t *reason)
{
	for (size_t i = 0; i < REASONS; i++)
		if (names[i] && strcmp(names[i], name) == 0) {
			*reason = (uint8_t)i;
			return true;
		}
	return false;
}

const char *reason_text(uint8_t reason)
{
	return reason < REASONS ? names[reason] : NULL;
}
