/* chancery cert revoke, release and revoke-many, chancery ca revoke. */
#ifndef CHANCERY_CLI_REVOCATION_H
#define CHANCERY_CLI_REVOCATION_H

#include "cli/options.h"

/* Commands with one certificate, by its fingerprint or by its CA and serial number; never by a serial number alone. */
int cert_revoke(struct cli *c, const struct options *o);
int cert_release(struct cli *c, const struct options *o);
/* All that a filter finds: told first, and done with --yes. */
int cert_revoke_many(struct cli *c, const struct options *o);
int ca_revoke(struct cli *c, const struct options *o);

extern const struct option_spec cert_revoke_options[], cert_release_options[], cert_revoke_many_options[],
	ca_revoke_options[];

#endif
