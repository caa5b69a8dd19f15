/*
 * All CAs of an issuer as rotation looks at them: who signed whom, who follows
 * whom, until when each can sign without cutting short what it signs, and so
 * when its successor is to be made and to take over.
 *
 * The end of a CA is the smallest notAfter of its chain, its life the time
 * from its notBefore to that end. What it signs is cut short from its end
 * minus its span on. Span: of a CA that signs leaves (path length 0) the
 * longest lifetime that a profile gives; of one that signs CAs the longest life
 * that a child which isn't retired was asked for, without one the default of
 * frontd.conf; in either case at most a third of the CA's own life, as a CA
 * that lives shorter than what it signs would have to be replaced at once.
 */
#ifndef CHANCERY_FRONTD_LINEAGE_H
#define CHANCERY_FRONTD_LINEAGE_H

#include "frontd/front.h"
#include "frontd/rule.h"
#include "store/store.h"

struct lineage_ca {
	struct lineage_row row;
	struct lineage_ca *parent, *predecessor, *successor; /* NULL: none. successor: as store_ca_find_successor() */
	struct rule rule;
	int64_t end, span;
	int64_t prepare_at, activate_at; /* of its successor; if the rule is off they mean nothing */
};

struct lineage {
	size_t count;
	struct lineage_ca *all; /* in the order in which they were made: parents before children */
	struct lineage_ca **by_id;
};

/* 0, or -1: logged. Free it in either case. */
int lineage_read(struct front *f, struct store_session *s, const struct issuer_row *issuer, struct lineage *out);
/* The same from CAs that one has at hand, in the order in which they were made. */
int lineage_put(struct lineage *l, const struct ca_row *ca);
int lineage_work_out(struct front *f, const struct issuer_row *issuer, struct lineage *l);
void lineage_free(struct lineage *l);
#define scoped_lineage __attribute__((cleanup(lineage_free))) struct lineage

/* NULL: no such CA. */
struct lineage_ca *lineage_find(const struct lineage *l, const char *id);

bool lineage_is(const struct lineage_ca *ca, const char *state);
/* Active, and not the successor of one that is still in use. */
bool lineage_in_use(const struct lineage_ca *ca);
/* The generation of this CA that is in use: itself, or the last that has taken over. */
const struct lineage_ca *lineage_newest(const struct lineage_ca *ca);

enum lineage_duty { DUTY_NONE, DUTY_PREPARE, DUTY_ACTIVATE, DUTY_RETIRE };
/* What is to be done with a CA now. DUTY_RETIRE: once its last certificate has expired. */
enum lineage_duty lineage_due(const struct lineage_ca *ca, int64_t now);
/* When there may be something to do next; INT64_MAX: never. */
int64_t lineage_next(const struct lineage_ca *ca, int64_t now);
/*
 * Which CA signs a successor of this one that shall live until `until`, NULL for a root: the generation of its parent
 * that is in use, or that one's successor if it reaches further and the other not far enough.
 */
const struct lineage_ca *lineage_signer(const struct lineage_ca *ca, int64_t until);
/* Seconds that a successor shall live. */
int64_t lineage_ttl(const struct lineage_ca *ca);
/* Adds successor_ca_id and next_rotation to a CA as the API shows it. */
void lineage_show(const struct lineage_ca *ca, json_t *view);

#endif
