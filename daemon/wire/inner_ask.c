#include "wire/inner_ask.h"

#define TABLE "wire/inner.def"
#include "wire/half_ask.h"
