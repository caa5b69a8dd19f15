/*
 * What is said of tokens and their keys on both inner wires: a driver tells
 * the signer, the signer tells the front-end. Words and numbers only; nothing
 * here asks a driver for anything.
 */
#ifndef CHANCERY_WIRE_TOKEN_H
#define CHANCERY_WIRE_TOKEN_H

#include <stdint.h>

/* Of a private key, one bit each, as the token states it. */
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

/* Bits of token_flags that anybody here looks at: PKCS#11's CKF_ of the same names. */
enum token_flag {
	TOKEN_WRITE_PROTECTED = 1 << 1,
	TOKEN_INITIALIZED =
		1 << 10, /* set for every token that a driver serves, so that no flags at all means: not known */
	TOKEN_USER_PIN_COUNT_LOW = 1 << 16,
	TOKEN_USER_PIN_FINAL_TRY = 1 << 17,
	TOKEN_USER_PIN_LOCKED = 1 << 18,
	TOKEN_USER_PIN_TO_BE_CHANGED = 1 << 19,
};

enum driver_refusal {
#define REFUSAL(number, NAME, sentence) DRIVER_REFUSE_##NAME = number,
#include "wire/driver_refusals.def"
#undef REFUSAL
};

/* The stable sentence of a driver's refusal; a general one for an unknown number. */
const char *driver_refusal_sentence(uint16_t code);

#endif
