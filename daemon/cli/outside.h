/* Commands about what was signed elsewhere or earlier: `ca csr`, `ca certificate`, `cert admit`. */
#ifndef CHANCERY_CLI_OUTSIDE_H
#define CHANCERY_CLI_OUTSIDE_H

#include "cli/options.h"

extern const struct option_spec ca_csr_options[];
extern const struct option_spec outside_options[];

int ca_csr(struct cli *c, const struct options *o);
int ca_certificate(struct cli *c, const struct options *o);
int cert_admit(struct cli *c, const struct options *o);

#endif
