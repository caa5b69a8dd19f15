/* The asking half between front-end and signer: replies as they come back. */
#include <string.h>

#include "wire/inner_answer.h"
#include "wire/inner_ask.h"

#include "fuzz/fuzz.h"

/* The items of these lists are reports; a report that was read is written byte for byte. */
#define REPORT(name, fields)                                                                                           \
	static void name##_reports_try(struct list l)                                                                  \
	{                                                                                                              \
		uint8_t state;                                                                                         \
		struct slice item;                                                                                     \
		while (list_next(&l, &state, &item)) {                                                                 \
			struct name##_report r;                                                                        \
			scoped_buf again = { .max = 2 * MAX_REPORT };                                                  \
			uint16_t count = 0;                                                                            \
			if (!report_##name##_get(item, &r))                                                            \
				continue;                                                                              \
			report_##name##_put(&again, &count, state, &r);                                                \
			REQUIRE(buf_ok(&again) && again.len == 3 + item.len &&                                         \
				memcmp(again.at + 3, item.at, item.len) == 0);                                         \
		}                                                                                                      \
	}
#include "wire/reports.def"
#undef REPORT

static void inside(uint16_t verb, const void *message)
{
	if (verb == INNER_STATUS)
		driver_reports_try(((const struct status_reply *)message)->drivers);
	else if (verb == INNER_KEY_LIST)
		key_reports_try(((const struct key_list_reply *)message)->keys);
	else if (verb == INNER_CHARTER_READ)
		limit_reports_try(((const struct charter_read_reply *)message)->limits);
	else if (verb == INNER_APPROVERS_READ)
		approver_reports_try(((const struct approvers_read_reply *)message)->keys);
}

#define INSIDE(number, message) inside(number, message)
#define TABLE "wire/inner.def"
#define MESSAGE(name) struct name##_reply
#define READ(name) ask_##name##_get
#define WRITE(name) answer_##name##_put
#define KIND FRAME_REPLY
#include "fuzz/codec.h"
