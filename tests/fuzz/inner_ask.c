/* The asking half between front-end and signer: replies as they come back. */
#include "wire/inner_answer.h"
#include "wire/inner_ask.h"

#define TABLE "wire/inner.def"
#define MESSAGE(name) struct name##_reply
#define READ(name) ask_##name##_get
#define WRITE(name) answer_##name##_put
#define KIND FRAME_REPLY
#include "fuzz/codec.h"
