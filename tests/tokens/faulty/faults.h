/*
 * Which faults are due in a call, and those that are the same in every call.
 * Within the module, in front of the real one.
 */
#ifndef CHANCERY_TESTS_FAULTY_FAULTS_H
#define CHANCERY_TESTS_FAULTY_FAULTS_H

#include "tokens/faulty/plan.h"
#include "tokens/faulty/state.h"

/* What a call is about, and so what it answers while the token is away. */
enum about { ABOUT_LIBRARY, ABOUT_SLOT, ABOUT_SESSION };

/* One call on its way through the module. */
struct passage {
	enum call call;
	const struct fault *due[MAX_FAULTS]; /* of the plan */
	unsigned count;
	struct plan *plan;
	uint64_t until; /* it is not answered before; CLOCK_MONOTONIC, 0: at once */
};

/* The real module, known before the first call. */
extern CK_FUNCTION_LIST *real;

/* FAULTY_DIR is read here. */
void faults_start(void);

struct state *faults_state(void);

/*
 * Counts the call, looks at the plan, and does what comes before the real
 * call. first is its first argument: a slot or a session, if it has one. True:
 * the real call is not to be made, *answer is the answer. False: it is to be
 * made now, and until faults_after no sessions are closed under it.
 */
bool faults_before(struct passage *p, enum call call, enum about about, CK_ULONG first, CK_RV *answer);
CK_RV faults_after(struct passage *p, CK_ULONG first, CK_RV answer);

/* How many sessions this process has open. */
extern atomic_ulong faults_sessions;

/* The fault of this kind that is due, or NULL. */
const struct fault *passage_fault(const struct passage *p, enum deed deed);

#endif
