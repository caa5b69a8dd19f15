/* The signer from its configuration to its end: bring-up, the loop, the way down. */
#ifndef CHANCERY_SIGND_SERVE_H
#define CHANCERY_SIGND_SERVE_H

#define TICK_MS 100 /* how late a deadline or a reconnection may be */

struct config;
struct signer;
struct watch;

#define EXIT_CONFIG 78 /* as sysexits.h has it: another start would change nothing */

/* Serves until SIGTERM or SIGINT. The process's exit status. */
int serve(struct config *config);
/*
 * Makes the ledger and its log key: the folder must not hold a ledger yet, the
 * log token's driver must answer. The process's exit status.
 */
int serve_init(struct config *config);

/*
 * The parts of serve(), for who has a loop of its own: gives up what the signer
 * never needs (out: a file to write besides, or ""), starts all of it, does what
 * is due after each round, ends all of it. 0 or -1; serve_begin(): 0, or as
 * ledger_open(); logged.
 */
int serve_limit(const struct config *c, const char *out);
int serve_begin(struct signer *s, struct watch *signals);
void serve_tick(void *signer);
void serve_end(struct signer *s);

#endif
