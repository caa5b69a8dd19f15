/* The command groups; each list ends with a command whose group is NULL. */
#ifndef CHANCERY_CLI_GROUPS_H
#define CHANCERY_CLI_GROUPS_H

#include "cli/options.h"

extern const struct command issuer_commands[];
extern const struct command ca_commands[];
extern const struct command cert_commands[];
extern const struct command proposal_commands[];
extern const struct command profile_commands[];
extern const struct command status_commands[];
extern const struct command doctor_commands[];
extern const struct command whoami_commands[];
extern const struct command audit_commands[];
extern const struct command lint_commands[];
extern const struct command backup_commands[];
extern const struct command import_commands[];
extern const struct command export_commands[];

#endif
