/* Not guarded: the answering half of the protocol in TABLE reads requests and writes replies. */
#include "wire/half_fields.h"
#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	enum pack_refusal answer_##name##_get(struct slice body, struct name##_request *r, const char **where)         \
	{                                                                                                              \
		return pack_get(body, name##_request_fields(), r, where);                                              \
	}                                                                                                              \
	void answer_##name##_put(struct buf *out, uint64_t tag, const struct name##_reply *r)                          \
	{                                                                                                              \
		size_t start = frame_begin(out, FRAME_REPLY, number, tag);                                             \
		pack_put(out, name##_reply_fields(), r);                                                               \
		frame_end(out, start);                                                                                 \
	}
#include TABLE
#undef VERB
