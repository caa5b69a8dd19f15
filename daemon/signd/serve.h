/* The signer from its configuration to its end: bring-up, the loop, the way down. */
#ifndef CHANCERY_SIGND_SERVE_H
#define CHANCERY_SIGND_SERVE_H

struct config;

#define EXIT_CONFIG 78 /* as sysexits.h has it: another start would change nothing */

/* Serves until SIGTERM or SIGINT. The process's exit status. */
int serve(struct config *config);
/*
 * Makes the ledger and its log key: the folder must not hold a ledger yet, the
 * log token's driver must answer. The process's exit status.
 */
int serve_init(struct config *config);

#endif
