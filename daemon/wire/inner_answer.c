#include "wire/inner_answer.h"

#define TABLE "wire/inner.def"
#include "wire/half_answer.h"

const struct verb *inner_verb(uint16_t number)
{
	static const struct verb verbs[] = {
#define VERB(number, NAME, name, who, most, request, reply) { number, #NAME, who, most },
#include "wire/inner.def"
#undef VERB
	};
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (verbs[i].number == number)
			return &verbs[i];
	return NULL;
}
