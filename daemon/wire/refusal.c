#include "wire/driver.h"
#include "wire/inner.h"

const char *inner_refusal_sentence(uint16_t code)
{
	switch (code) {
#define REFUSAL(number, NAME, sentence)                                                                                \
	case number:                                                                                                   \
		return sentence;
#include "wire/inner_refusals.def"
#undef REFUSAL
	}
	return "The signer refused with a number that this program does not know.";
}

const char *inner_refusal_name(uint16_t code)
{
	switch (code) {
#define REFUSAL(number, NAME, sentence)                                                                                \
	case number:                                                                                                   \
		return #NAME;
#include "wire/inner_refusals.def"
#undef REFUSAL
	}
	return "UNKNOWN";
}

const char *driver_refusal_sentence(uint16_t code)
{
	switch (code) {
#define REFUSAL(number, NAME, sentence)                                                                                \
	case number:                                                                                                   \
		return sentence;
#include "wire/driver_refusals.def"
#undef REFUSAL
	}
	return "The driver refused with a number that this program does not know.";
}
