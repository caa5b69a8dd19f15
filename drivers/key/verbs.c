#include "key/verbs.h"

#include <string.h>

#define RETRY_BUSY 1  /* seconds: what is in flight takes less */
#define RETRY_TOKEN 5 /* seconds: a restart takes less, if the token is there */

/* A key's id is never empty: an empty one would match every object of a token. */
static bool key_given(uint16_t verb, const union driver_request *r)
{
	switch (verb) {
	case DRIVER_CREATE:
		return r->driver_create.key.len > 0;
	case DRIVER_PUBLIC:
		return r->driver_public.key.len > 0;
	case DRIVER_SIGN:
		return r->driver_sign.key.len > 0;
	default:
		return true;
	}
}

bool verb_decode(uint16_t verb, struct slice body, union driver_request *r, const char **where)
{
	enum pack_refusal refusal = PACK_SHORT;
	*where = "verb";
	switch (verb) {
#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	case number:                                                                                                   \
		refusal = answer_##name##_get(body, &r->name, where);                                                  \
		break;
#include "wire/driver.def"
#undef VERB
	}
	if (refusal != PACK_OK)
		return false;
	*where = "key";
	return key_given(verb, r);
}

bool verb_is_work(uint16_t verb)
{
	return verb != DRIVER_HELLO && verb != DRIVER_STATUS;
}

static const char *refusal_field(enum driver_refusal code)
{
	switch (code) {
	case DRIVER_REFUSE_KEY_UNKNOWN:
	case DRIVER_REFUSE_KEY_EXISTS:
	case DRIVER_REFUSE_KEY_AMBIGUOUS:
	case DRIVER_REFUSE_KEY_ATTRIBUTES:
	case DRIVER_REFUSE_KEY_MISMATCH:
	case DRIVER_REFUSE_KEY_LATCHED:
		return "key";
	case DRIVER_REFUSE_ALGORITHM:
		return "algorithm";
	case DRIVER_REFUSE_DATA_SIZE:
		return "data";
	default:
		return "";
	}
}

static uint32_t refusal_retry(enum driver_refusal code)
{
	if (code == DRIVER_REFUSE_BUSY)
		return RETRY_BUSY;
	return code == DRIVER_REFUSE_TOKEN_AWAY || code == DRIVER_REFUSE_TOKEN_FAILED ? RETRY_TOKEN : 0;
}

void verb_refuse(struct buf *out, uint16_t verb, uint64_t tag, enum driver_refusal code, const char *field)
{
	struct refusal_message refusal = { .code = (uint16_t)code,
					   .retry_after = refusal_retry(code),
					   .field = slice_text(field ? field : refusal_field(code)),
					   .sentence = slice_text(driver_refusal_sentence((uint16_t)code)) };
	refusal_put(out, verb, tag, &refusal);
}

#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	static int name##_act(const struct key_operations *do_, void *token, unsigned worker, uint64_t tag,            \
			      const union driver_request *r, struct key_room *room, struct buf *out)                   \
	{                                                                                                              \
		struct name##_reply done;                                                                              \
		__builtin_memset(&done, 0, sizeof(done));                                                              \
		int result = do_->name(token, worker, &r->name, &done, room);                                          \
		if (result == 0)                                                                                       \
			answer_##name##_put(out, tag, &done);                                                          \
		return result;                                                                                         \
	}
#include "wire/driver.def"
#undef VERB

int verb_act(const struct key_operations *do_, void *token, unsigned worker, uint16_t verb, uint64_t tag,
	     const union driver_request *r, struct key_room *room, struct buf *out)
{
	int result = DRIVER_REFUSE_UNKNOWN_VERB;
	switch (verb) {
#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	case number:                                                                                                   \
		result = name##_act(do_, token, worker, tag, r, room, out);                                            \
		break;
#include "wire/driver.def"
#undef VERB
	}
	if (result > 0)
		verb_refuse(out, verb, tag, (enum driver_refusal)result, NULL);
	return result;
}
