/*
 * The key protocol's words, made from driver.def. Both halves include this.
 */
#ifndef CHANCERY_WIRE_DRIVER_H
#define CHANCERY_WIRE_DRIVER_H

#include "base/algorithm.h"
#include "base/pack.h"
#include "wire/token.h"

#define DRIVER_VERSION 1
#define MAX_DRIVER_KEY 64

enum { FROM_SIGNER = 1 };

enum token_state { TOKEN_READY = 1, TOKEN_AWAY = 2, TOKEN_PIN_LATCHED = 3 };

enum driver_verb {
#define VERB(number, NAME, name, who, most, request, reply) DRIVER_##NAME = number,
#include "wire/driver.def"
#undef VERB
};

#include "base/pack_struct.h"
#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	struct name##_request {                                                                                        \
		PACK_UNWRAP request                                                                                    \
	};                                                                                                             \
	struct name##_reply {                                                                                          \
		PACK_UNWRAP reply                                                                                      \
	};
#include "wire/driver.def"
#undef VERB
#include "base/pack_done.h"

#endif
