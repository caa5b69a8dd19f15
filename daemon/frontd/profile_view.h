/* A profile as the API shows it: all that its file says, in the file's words. */
#ifndef CHANCERY_FRONTD_PROFILE_VIEW_H
#define CHANCERY_FRONTD_PROFILE_VIEW_H

#include <jansson.h>

#include "policy/profile.h"

/* NULL without memory. base_url may be NULL or empty: none. */
json_t *profile_view(const struct profile *p, const char *base_url);

#endif
