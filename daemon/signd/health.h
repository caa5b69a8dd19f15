/*
 * What the signer knows of a driver beyond its answers to requests: what it
 * and its token said of themselves at HELLO, and since then at STATUS. For
 * those who ask how things stand; no decision is made on it.
 */
#ifndef CHANCERY_SIGND_HEALTH_H
#define CHANCERY_SIGND_HEALTH_H

#include "wire/driver.h"
#include "wire/inner.h"

struct health {
	char label[65], serial[65], manufacturer[65], model[65], detail[257];
	uint16_t workers;
	uint32_t token_flags;
	uint64_t signatures, failures, recoveries;
	uint8_t state; /* enum driver_state, as last reported */
	int64_t since;
};

/* Takes over what a driver says; texts stay when it is gone, so that a missing token has a serial number. */
void health_hello(struct health *h, const struct driver_hello_reply *hello);
void health_status(struct health *h, const struct driver_status_reply *status);
/* Notes in which state the driver is; since changes when that does. */
void health_state(struct health *h, uint8_t state);
/* Fills in the report's fields but name, algorithms and waiting; texts point into h. */
void health_report(const struct health *h, struct driver_report *report);

#endif
