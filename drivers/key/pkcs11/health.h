/*
 * What a driver says of its token in STATUS: since when it is as it is, and
 * the last trouble in the module's own words. Any thread may write it, the
 * server's loop reads it.
 */
#ifndef CHANCERY_KEY_PKCS11_HEALTH_H
#define CHANCERY_KEY_PKCS11_HEALTH_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct health {
	pthread_mutex_t lock;
	int64_t since;
	char call[32], answer[40]; /* "" while there was no trouble */
	int64_t trouble_at;
	unsigned long troubles; /* with this answer, in a row */
};

void health_init(struct health *h);
void health_free(struct health *h);
/* From now on it is in another state. */
void health_turn(struct health *h);
/* A call of the module was answered so. */
void health_trouble(struct health *h, const char *call, const char *answer);
int64_t health_since(struct health *h);
/* "C_Sign answered CKR_DEVICE_ERROR 3 times, last at 2026-01-31T09:00:00Z"; "" while there was no trouble. */
void health_text(struct health *h, char *out, size_t size);

#endif
