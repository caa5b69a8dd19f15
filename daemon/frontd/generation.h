/*
 * How the next generation of a CA is called: "Issuing A", "Issuing A, G2",
 * "Issuing A, G3". A subject is never used with another key, so each new key
 * has a new one. Pure.
 */
#ifndef CHANCERY_FRONTD_GENERATION_H
#define CHANCERY_FRONTD_GENERATION_H

#include "frontd/facts.h"

#define MAX_GENERATION 9999

/* Which one a text names; 1 if it says nothing of that. */
unsigned generation_of(struct slice text);
/* The text for this generation, cut at its end to so many characters. */
void generation_put(struct buf *out, struct slice text, unsigned generation, size_t longest);
/* The subject likewise: its last common name says it, or one that is added. */
unsigned generation_of_subject(struct list subject);
void generation_put_subject(struct items *out, struct list subject, unsigned generation);

#endif
