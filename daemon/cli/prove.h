/* Proofs of the ledger for somebody else: made from its files, checked without them. */
#ifndef CHANCERY_CLI_PROVE_H
#define CHANCERY_CLI_PROVE_H

#include "cli/options.h"

int audit_prove(struct cli *c, const struct options *o);
int audit_check_proof(struct cli *c, const struct options *o);
int audit_consistency(struct cli *c, const struct options *o);
int audit_key(struct cli *c, const struct options *o);
extern const struct option_spec prove_options[], check_proof_options[], consistency_options[], key_options[];

#endif
