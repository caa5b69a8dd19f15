/* Not guarded: the field tables of one protocol, for the half that includes it. TABLE names the .def file. */
#include "base/pack_fields.h"
#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	static const struct pack_field *name##_request_fields(void)                                                    \
	{                                                                                                              \
		typedef struct name##_request THIS;                                                                    \
		static const struct pack_field fields[] = { PACK_UNWRAP request{ NULL, PACK_END, 0, 0, 0 } };          \
		(void)sizeof(THIS);                                                                                    \
		return fields;                                                                                         \
	}                                                                                                              \
	static const struct pack_field *name##_reply_fields(void)                                                      \
	{                                                                                                              \
		typedef struct name##_reply THIS;                                                                      \
		static const struct pack_field fields[] = { PACK_UNWRAP reply{ NULL, PACK_END, 0, 0, 0 } };            \
		(void)sizeof(THIS);                                                                                    \
		return fields;                                                                                         \
	}
#include TABLE
#undef VERB
#include "base/pack_done.h"
