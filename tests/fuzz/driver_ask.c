/* The asking half between signer and driver: replies as they come back. */
#include "wire/driver_answer.h"
#include "wire/driver_ask.h"

#define INSIDE(number, message) (void)(message)
#define TABLE "wire/driver.def"
#define MESSAGE(name) struct name##_reply
#define READ(name) ask_##name##_get
#define WRITE(name) answer_##name##_put
#define KIND FRAME_REPLY
#include "fuzz/codec.h"
