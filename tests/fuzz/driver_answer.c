/* The answering half between signer and driver: requests as they come in. */
#include "wire/driver_answer.h"
#include "wire/driver_ask.h"

#define INSIDE(number, message) (void)(message)
#define TABLE "wire/driver.def"
#define MESSAGE(name) struct name##_request
#define READ(name) answer_##name##_get
#define WRITE(name) ask_##name##_put
#define KIND FRAME_REQUEST
#include "fuzz/codec.h"
