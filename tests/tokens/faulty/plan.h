/*
 * What the token that fails is told: one fault a line, or one word on the
 * whole token. The language stands in tests/tokens/README. Used by the module
 * and by the program that tells it; pure, no files, no module.
 */
#ifndef CHANCERY_TESTS_FAULTY_PLAN_H
#define CHANCERY_TESTS_FAULTY_PLAN_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_FAULTS 32	   /* lines of one plan */
#define MAX_LINE 256	   /* the longest has three words of 40 and numbers */
#define MAX_PLAN 8192	   /* MAX_FAULTS * MAX_LINE */
#define MAX_PARALLEL 64	   /* operations at a time of the largest network HSM that is played */
#define NO_PIN_LIMIT 65535 /* tries: more than any test makes */

enum call {
#define PLAIN(name, away, n, types) CALL_##name,
#define SPECIAL(name, away, n, types) CALL_##name,
#include "tokens/faulty/functions.def"
#undef PLAIN
#undef SPECIAL
	CALL_COUNT
};

const char *call_name(enum call call);

enum deed {
	DEED_ANSWER, /* value: the CK_RV */
	DEED_HANG,
	DEED_CRASH,
	DEED_SLEEP, /* nanoseconds, parallel */
	DEED_LOSE_SESSIONS,
	DEED_LOGOUT,
	DEED_FLIP,
	DEED_ZERO,
	DEED_SHORT,
	DEED_OTHER_KEY,
	DEED_NOTHING,
	DEED_DOUBLED,
	DEED_SAYS,  /* value: the CK_ATTRIBUTE_TYPE; flag, or absent, or number */
	DEED_FLAGS, /* value: added, without: taken away */
	DEED_LACKS, /* value: the CK_MECHANISM_TYPE */
};

struct fault {
	bool calls[CALL_COUNT];
	enum deed deed;
	CK_ULONG value, without;
	bool flag, absent;
	CK_ULONG number; /* 0: none */
	uint64_t nanoseconds;
	unsigned parallel;    /* 0: no limit */
	uint64_t skip, times; /* times 0: for as long as the line stands */
	bool after;	      /* the real call is made first */
};

struct plan {
	struct fault faults[MAX_FAULTS];
	unsigned count;
	bool away;	    /* the token is not in its slot */
	bool keypad;	    /* a PIN is typed on the token itself */
	bool open;	    /* no login is needed */
	bool other;	    /* another token is in its slot */
	unsigned pin_tries; /* before the PIN is locked */
	CK_ULONG sessions;  /* open at a time at most, 0: no limit */
	unsigned users;	    /* calls under way that look at it, counted by the module */
};

/* One line. 0, or -1 with a sentence in why. An empty line and a comment (#) are none. */
int plan_add(struct plan *plan, const char *line, char why[MAX_LINE]);

/* A whole text; a line that is none is handed to complain (if any) and left out. The number of such lines. */
int plan_read(struct plan *plan, const char *text, void (*complain)(unsigned line, const char *why));

#endif
