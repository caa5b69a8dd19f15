#include "fuzz/fields.h"

#include "base/pack.h"
#include "wire/inner.h"

#define TABLE "wire/inner.def"
#include "wire/half_fields.h"

const struct pack_field *request_fields(uint8_t verb)
{
	switch (verb) {
#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	case number:                                                                                                   \
		(void)name##_reply_fields;                                                                             \
		return name##_request_fields();
#include "wire/inner.def"
#undef VERB
	}
	return NULL;
}
