/*
 * What can be done with an offline root, each a dialogue from beginning to end:
 * what is asked is shown in words, people agree or don't, the signer records
 * and signs, the result is written for whoever asked.
 *
 * An act never signs what it did not show, and shows what it read, not what a file calls itself.
 */
#ifndef CHANCERY_CEREMONY_ACT_H
#define CHANCERY_CEREMONY_ACT_H

#include "ceremony/home.h"
#include "ledger/hash.h"
#include "names/constraints.h"
#include "signd/signer.h"

/* In CEREMONY records, for ever. */
enum act_number { ACT_ROOT = 1, ACT_INTERMEDIATE = 2, ACT_CRL = 3, ACT_DESTROY = 4, ACT_INIT = 5 };

/* What the acts are told on the command line. */
struct act_wish {
	const char *out;	/* the file to write; NULL: none is */
	const char *subject;	/* root: "CN=..., O=..." */
	const char *algorithm;	/* root */
	int64_t days, path_len; /* root; path_len negative: no limit */
	struct buf permitted, excluded;
	uint16_t permitted_count, excluded_count;
	const char *key;     /* destroy: hex digits that its number begins with */
	struct slice letter; /* of a request */
	uint8_t hash[HASH_SIZE];
};

/* What a ceremony goes about with. */
struct act {
	const struct home *home;
	struct signer *signer;
	struct act_wish *wish;
	enum act_number number;
	char agreed[400]; /* who agreed, for the ledger */
	uint64_t outcome; /* the record of what came of it; 0: nothing */
};

/* Exit statuses. */
enum act_end { ACT_DONE = 0, ACT_FAILED = 1, ACT_DECLINED = 3 };

enum act_end act_root(struct act *a);
enum act_end act_sign(struct act *a); /* a request of either kind, which the act's number names */
enum act_end act_crl(struct act *a);
enum act_end act_destroy(struct act *a);
enum act_end act_show(struct act *a);

/* A certificate in PEM by itself: what it is, and its eight words. 0 or positive: said. */
int certificate_show(struct slice pem);

/* The clock of this machine, which decides when a certificate begins: ACT_DONE if people say that it is right. */
enum act_end act_clock(void);
/* Everybody in turn: their name, and yes. ACT_DONE, and a->agreed says who. */
enum act_end act_consent(struct act *a, const char *question);
/* The words that stand with what is signed: who agreed, and the request. */
void act_context(const struct act *a, struct buf *out);
/* Says a refusal of the signer's, negative: that it failed. */
enum act_end act_refused(int code, struct slice field);
/* Writes the file that the caller named. 0 or positive: said. */
int act_write(const struct act *a, struct slice content);

#endif
