/* The answering half between front-end and signer: requests as they come in. */
#include "wire/inner_answer.h"
#include "wire/inner_ask.h"

#define INSIDE(number, message) (void)(message)
#define TABLE "wire/inner.def"
#define MESSAGE(name) struct name##_request
#define READ(name) answer_##name##_get
#define WRITE(name) ask_##name##_put
#define KIND FRAME_REQUEST
#include "fuzz/codec.h"
