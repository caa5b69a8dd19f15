/* chancery cert revoke, release and revoke-many, chancery ca revoke. */
#ifndef CHANCERY_CLI_REVOCATION_H
#define CHANCERY_CLI_REVOCATION_H

#include <jansson.h>

#include "cli/options.h"

#define MAX_DIGITS 65 /* of a serial number or a fingerprint, with the NUL */

/* Commands with one certificate, by its fingerprint or by its CA and serial number; never by a serial number alone. */
int cert_revoke(struct cli *c, const struct options *o);
int cert_release(struct cli *c, const struct options *o);
/* All that a filter finds: told first, and done with --yes. */
int cert_revoke_many(struct cli *c, const struct options *o);
int ca_revoke(struct cli *c, const struct options *o);

/* Lower case and without colons, as the server writes it. False: it is no hexadecimal number. */
bool digits_take(const char *text, char out[MAX_DIGITS]);
/* The reason and the note that were given, for a request. */
json_t *revocation_body(const struct options *o);

extern const struct option_spec cert_revoke_options[], cert_release_options[], cert_revoke_many_options[],
	ca_revoke_options[];

#endif
