/* The tables of requests, for harnesses that bend them field by field. */
#ifndef CHANCERY_TESTS_FIELDS_H
#define CHANCERY_TESTS_FIELDS_H

#include <stdint.h>

struct pack_field;

/* Of a verb of inner.def; NULL if there is none of that number. */
const struct pack_field *request_fields(uint8_t verb);

#endif
