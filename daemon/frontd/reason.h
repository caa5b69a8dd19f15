/*
 * Why a certificate is revoked: RFC 5280's names and numbers (5.3.1). removeFromCRL is none of a caller's, and 7 is not
 * assigned.
 */
#ifndef CHANCERY_FRONTD_REASON_H
#define CHANCERY_FRONTD_REASON_H

#include <stdbool.h>
#include <stdint.h>

/* The name as RFC 5280 writes it; false: there is no such reason. */
bool reason_parse(const char *name, uint8_t *reason);
/* NULL: no reason of a revocation. */
const char *reason_text(uint8_t reason);

#endif
