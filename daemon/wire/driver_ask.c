#include "wire/driver_ask.h"

#define TABLE "wire/driver.def"
#include "wire/half_ask.h"
