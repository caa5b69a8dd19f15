/*
 * A CA that is to be made: read from a request, with every rule of the
 * hierarchy already held against it. Making a plan asks nobody but the store.
 */
#ifndef CHANCERY_FRONTD_PLAN_H
#define CHANCERY_FRONTD_PLAN_H

#include "base/algorithm.h"
#include "frontd/chain.h"
#include "frontd/csr.h"
#include "frontd/facts.h"
#include "frontd/front.h"
#include "frontd/rule.h"
#include "frontd/transition.h"

struct plan {
	char id[48];
	uint8_t request_id[16];	    /* of the certificate */
	uint8_t key_request_id[16]; /* of the key */
	struct issuer_row issuer;
	struct chain above; /* parent first; empty for a root */
	const char *name;
	const char *template; /* of name constraints; NULL: none */
	bool foreign;	      /* over somebody else's key (foreign.c), which csr has */
	struct csr csr;
	const char *token, *key_uri; /* where the key is made or is; how it was named, "" if it was not */
	struct items subject;
	struct buf fold;
	const struct algorithm *algorithm;
	int64_t not_before, not_after;
	bool capped; /* notAfter is the chain's, not what was asked for */
	uint16_t path_len;
	int asked_path_len; /* PATH_LEN_UNASKED: none was stated */
	struct constraints_buf asked, stated, effective;
	char rule[RULE_TEXT];	    /* for its own successor, as in a row */
	const char *predecessor_id; /* whose successor it is; "": nobody's */
	int64_t ttl;		    /* seconds that were asked for, if capped */
	uint16_t crl_shards;	    /* 1: it has one CRL */
	const char *crl_url;	    /* where its shards are; "" */
	struct items urls;
	struct buf metadata, context;
	struct buf packed_stated, packed_effective;
};

enum plan_answer {
	PLAN_NAME_TAKEN = STORE_WORK,
	PLAN_SUBJECT_TAKEN,
	PLAN_PARENT_STATE,
	PLAN_PARENT_HELD,
	PLAN_SINGLE,
	PLAN_SUCCEEDED,	  /* its predecessor has a successor already, or one is being made */
	PLAN_PREDECESSOR, /* its predecessor is not active any more */
};

/* 0, or positive after call_refuse(). Free it in either case. */
int plan_make(struct front *f, struct call *c, struct plan *out);
/* Its two ends, for a plan whose middle is not read from the request: who it is for, and what depends on others. */
int plan_begin(struct front *f, struct call *c, const char *const *known, struct plan *p);
int plan_end(struct front *f, struct call *c, struct plan *p);
void plan_free(struct plan *p);
/* The same for a plan that comes from no request at all: empty with its ids. */
void plan_init(struct call *c, struct plan *p);
/* The validity from request time on for so many seconds, within the parent's chain. */
int plan_set_validity(struct front *f, struct call *c, struct plan *p, int64_t ttl);
#define scoped_plan __attribute__((cleanup(plan_free))) struct plan

/* Reads csr_pem, whose holder's CA will be outside this ledger; before the path length is read (foreign.c). */
#define FOREIGN_FIELD "csr_pem"
int foreign_read(struct call *c, struct plan *p);
/* What such a CA must state, once the rest has been read. */
int foreign_check(struct call *c, const struct plan *p);

/* Whether its parent's key is offline, so that its certificate will be signed elsewhere. */
bool plan_outside(const struct plan *p);
/* The rules that depend on what others do meanwhile: once before a key is made, once where the row is written. */
int plan_check(struct store_session *s, const struct plan *p);
/* What was asked for, as transition_limits() says it, with a zero at its end; out is empty before. */
const char *plan_asked(const struct plan *p, struct buf *out);
/* The answer to a dry run. */
int plan_reply(struct call *c, const struct plan *p);
/* What a caller is told for an answer of plan_check(). */
int plan_refuse(struct call *c, int answer);
/* The CA's row as planned, without key and certificate; its texts are the plan's and the call's. */
struct ca_row plan_row(const struct plan *p, const struct call *c, const char *state);
/*
 * Takes name and subject, keeps the parent from being retired, and forgets an earlier try's reservation; *again: that
 * try has made the CA. In the committer.
 */
int plan_reserve(struct store_session *s, const struct plan *p, const struct ca_row *row, bool *again);

/* Reserves, has key and certificate made, and commits: answers the call with the CA (create.c). */
int plan_carry_out(struct front *f, struct call *c, const struct plan *p);
/* A repeated request whose CA is there already is answered; *answered says so. */
int plan_again(struct front *f, struct call *c, bool *answered);

/* Reads the member name_constraints, merged, canonical, without repetition (plan_names.c). */
int plan_read_constraints(struct call *c, struct constraints_buf *out);
/* Reads constraint_template into what is asked for, and takes that within it (plan_names.c). */
int plan_read_template(struct front *f, struct call *c, struct plan *p);
/* Works out what the certificate states and what holds from there on. */
int plan_constraints(struct call *c, struct plan *p);

#endif
