/* Not guarded: the asking half of the protocol in TABLE writes requests and reads replies. */
#include "wire/half_fields.h"
#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	void ask_##name##_put(struct buf *out, uint64_t tag, const struct name##_request *r)                           \
	{                                                                                                              \
		size_t start = frame_begin(out, FRAME_REQUEST, number, tag);                                           \
		pack_put(out, name##_request_fields(), r);                                                             \
		frame_end(out, start);                                                                                 \
	}                                                                                                              \
	enum pack_refusal ask_##name##_get(struct slice body, struct name##_reply *r, const char **where)              \
	{                                                                                                              \
		return pack_get(body, name##_reply_fields(), r, where);                                                \
	}
#include TABLE
#undef VERB
