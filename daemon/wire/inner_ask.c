#include "wire/inner_ask.h"

#define TABLE "wire/inner.def"
#include "wire/half_ask.h"

#include "base/pack_fields.h"
#define REPORT(name, fields)                                                                                           \
	bool report_##name##_get(struct slice item, struct name##_report *r)                                           \
	{                                                                                                              \
		typedef struct name##_report THIS;                                                                     \
		static const struct pack_field table[] = { PACK_UNWRAP fields{ NULL, PACK_END, 0, 0, 0 } };            \
		const char *where;                                                                                     \
		return pack_get(item, table, r, &where) == PACK_OK;                                                    \
	}
#include "wire/reports.def"
#undef REPORT
#include "base/pack_done.h"
