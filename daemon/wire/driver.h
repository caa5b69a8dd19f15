/*
 * The key protocol's words, made from driver.def. Both halves include this.
 */
#ifndef CHANCERY_WIRE_DRIVER_H
#define CHANCERY_WIRE_DRIVER_H

#include "base/algorithm.h"
#include "base/pack.h"

#define DRIVER_VERSION 1
#define MAX_DRIVER_KEY 64

enum { FROM_SIGNER = 1 };

/* What PUBLIC says of a private key, one bit each, as the token states it. */
enum key_attribute {
	KEY_IS_LOCAL = 1 << 0,
	KEY_IS_SENSITIVE = 1 << 1,
	KEY_ALWAYS_SENSITIVE = 1 << 2,
	KEY_IS_EXTRACTABLE = 1 << 3,
	KEY_NEVER_EXTRACTABLE = 1 << 4,
	KEY_CAN_SIGN = 1 << 5,
	KEY_CAN_OTHER = 1 << 6, /* decrypt, unwrap, derive or sign-recover */
	KEY_WANTS_PIN = 1 << 7, /* before each signature */
};

enum token_state { TOKEN_READY = 1, TOKEN_AWAY = 2, TOKEN_PIN_LATCHED = 3 };

enum driver_verb {
#define VERB(number, NAME, name, who, most, request, reply) DRIVER_##NAME = number,
#include "wire/driver.def"
#undef VERB
};

enum driver_refusal {
#define REFUSAL(number, NAME, sentence) DRIVER_REFUSE_##NAME = number,
#include "wire/driver_refusals.def"
#undef REFUSAL
};

#include "base/pack_struct.h"
#define VERB(number, NAME, name, who, most, request, reply) \
	struct name##_request {                             \
		PACK_UNWRAP request                         \
	};                                                  \
	struct name##_reply {                               \
		PACK_UNWRAP reply                           \
	};
#include "wire/driver.def"
#undef VERB
#include "base/pack_done.h"

const char *driver_refusal_sentence(uint16_t code);

#endif
