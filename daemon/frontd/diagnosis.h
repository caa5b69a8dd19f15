/*
 * A diagnosis under way: findings and what was looked at, gathered group by
 * group by doctor.c and doctor_keys.c, and nobody else's.
 */
#ifndef CHANCERY_FRONTD_DIAGNOSIS_H
#define CHANCERY_FRONTD_DIAGNOSIS_H

#include <jansson.h>

#include "frontd/signer.h"

struct front;
struct store_session;
struct ca_row;

enum severity { WARNING = 1, CRITICAL = 2 };

struct diagnosis {
	struct front *front;
	json_t *findings, *looked;
	enum severity worst;
	bool told; /* whether status is there */
	struct status_reply status;
	struct signer_answer answer; /* what status points into */
	uint64_t committed;	     /* records that the database reflects; if store_known */
	bool store_known;
};

/*
 * One thing that is wrong. group: as in diagnosis_looked(). code: stable. about: a name or an id, or "". what: one
 * sentence or more, then what to do.
 */
void finding_put(struct diagnosis *d, enum severity severity, const char *group, const char *code, const char *about,
		 const char *todo, const char *format, ...) __attribute__((format(printf, 7, 8)));
/* What this group looked at, for whom nothing is wrong. */
void diagnosis_looked(struct diagnosis *d, const char *group, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A text of the signer's, cut to size and ended with NUL. */
const char *diagnosis_text(struct slice s, char *out, size_t size);

/* doctor_keys.c: keys in their tokens, and CAs against keys. */
void diagnosis_keys(struct diagnosis *d);
/* doctor_crls.c: whether each CRL is there in time. */
void diagnosis_crls(struct diagnosis *d);
/* doctor_offline.c: the CRLs of roots whose keys are elsewhere. */
void diagnosis_offline(struct diagnosis *d);
/* doctor_duties.c: who has which roles and keys, and what waits for people. */
void diagnosis_duties(struct diagnosis *d);
/* doctor_charter.c: what a CA's row says of path length and name constraints against the charter of its bound key. */
void diagnosis_charter(struct diagnosis *d, struct store_session *session, const struct ca_row *ca);

#endif
