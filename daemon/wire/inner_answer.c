#include "wire/inner_answer.h"

#define TABLE "wire/inner.def"
#include "wire/half_answer.h"

static void report_put(struct buf *list, uint16_t *count, uint8_t state, const struct pack_field *table, const void *r)
{
	scoped_buf item = { .max = MAX_REPORT };
	pack_put(&item, table, r);
	list->broken = list->broken || !buf_ok(&item);
	list_put(list, count, state, buf_slice(&item));
}

#include "base/pack_fields.h"
#define REPORT(name, fields)                                                                                           \
	void report_##name##_put(struct buf *list, uint16_t *count, uint8_t state, const struct name##_report *r)      \
	{                                                                                                              \
		typedef struct name##_report THIS;                                                                     \
		static const struct pack_field table[] = { PACK_UNWRAP fields{ NULL, PACK_END, 0, 0, 0 } };            \
		report_put(list, count, state, table, r);                                                              \
	}
#include "wire/reports.def"
#undef REPORT
#include "base/pack_done.h"

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
