/* What the answers of a PKCS#11 module are called, and how each is to be met. */
#include <stdio.h>

#include "key/pkcs11/cryptoki.h"

struct answer {
	CK_RV rv;
	const char *name;
	enum cryptoki_class class;
};

#define ANSWER(name, class)                                                                                            \
	{                                                                                                              \
		name, #name, CRYPTOKI_##class                                                                          \
	}

static const struct answer answers[] = {
	ANSWER(CKR_OK, FINE),
	/* Handles go with their sessions, and with the login. */
	ANSWER(CKR_SESSION_HANDLE_INVALID, LOST),
	ANSWER(CKR_SESSION_CLOSED, LOST),
	ANSWER(CKR_OBJECT_HANDLE_INVALID, LOST),
	ANSWER(CKR_KEY_HANDLE_INVALID, LOST),
	ANSWER(CKR_USER_NOT_LOGGED_IN, LOST),
	/* A session that some earlier failure left in the middle of an operation. */
	ANSWER(CKR_OPERATION_ACTIVE, STALE),
	ANSWER(CKR_OPERATION_NOT_INITIALIZED, STALE),
	ANSWER(CKR_TOKEN_NOT_PRESENT, AWAY),
	ANSWER(CKR_TOKEN_NOT_RECOGNIZED, AWAY),
	ANSWER(CKR_DEVICE_REMOVED, AWAY),
	ANSWER(CKR_SLOT_ID_INVALID, AWAY),
	ANSWER(CKR_ATTRIBUTE_READ_ONLY, ASKED),
	ANSWER(CKR_ATTRIBUTE_SENSITIVE, ASKED),
	ANSWER(CKR_ATTRIBUTE_TYPE_INVALID, ASKED),
	ANSWER(CKR_ATTRIBUTE_VALUE_INVALID, ASKED),
	ANSWER(CKR_BUFFER_TOO_SMALL, ASKED),
	ANSWER(CKR_CURVE_NOT_SUPPORTED, ASKED),
	ANSWER(CKR_DATA_INVALID, ASKED),
	ANSWER(CKR_DATA_LEN_RANGE, ASKED),
	ANSWER(CKR_DOMAIN_PARAMS_INVALID, ASKED),
	ANSWER(CKR_KEY_FUNCTION_NOT_PERMITTED, ASKED),
	ANSWER(CKR_KEY_SIZE_RANGE, ASKED),
	ANSWER(CKR_KEY_TYPE_INCONSISTENT, ASKED),
	ANSWER(CKR_MECHANISM_INVALID, ASKED),
	ANSWER(CKR_MECHANISM_PARAM_INVALID, ASKED),
	ANSWER(CKR_TEMPLATE_INCOMPLETE, ASKED),
	ANSWER(CKR_TEMPLATE_INCONSISTENT, ASKED),
	ANSWER(CKR_TOKEN_WRITE_PROTECTED, ASKED),
	ANSWER(CKR_SESSION_READ_ONLY, ASKED),
	ANSWER(CKR_USER_ALREADY_LOGGED_IN, BROKEN),
	ANSWER(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, BROKEN),
	ANSWER(CKR_USER_PIN_NOT_INITIALIZED, PIN),
	ANSWER(CKR_PIN_INCORRECT, PIN),
	ANSWER(CKR_PIN_INVALID, PIN),
	ANSWER(CKR_PIN_LEN_RANGE, PIN),
	ANSWER(CKR_PIN_EXPIRED, PIN),
	ANSWER(CKR_PIN_LOCKED, PIN),
	ANSWER(CKR_SESSION_COUNT, EXHAUSTED),
	ANSWER(CKR_HOST_MEMORY, EXHAUSTED),
	ANSWER(CKR_DEVICE_MEMORY, EXHAUSTED),
	ANSWER(CKR_DEVICE_ERROR, BROKEN),
	ANSWER(CKR_FUNCTION_FAILED, BROKEN),
	ANSWER(CKR_FUNCTION_NOT_SUPPORTED, BROKEN),
	ANSWER(CKR_FUNCTION_CANCELED, BROKEN),
	ANSWER(CKR_GENERAL_ERROR, BROKEN),
	ANSWER(CKR_ARGUMENTS_BAD, BROKEN),
	ANSWER(CKR_CANT_LOCK, BROKEN),
	ANSWER(CKR_CRYPTOKI_NOT_INITIALIZED, DEAD),
	ANSWER(CKR_LIBRARY_LOAD_FAILED, DEAD),
};

static const struct answer *answer_find(CK_RV rv)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (answers[i].rv == rv)
			return &answers[i];
	return NULL;
}

enum cryptoki_class cryptoki_class(CK_RV rv)
{
	const struct answer *a = answer_find(rv);
	return a ? a->class : CRYPTOKI_BROKEN;
}

const char *cryptoki_name(CK_RV rv)
{
	static _Thread_local char text[32];
	const struct answer *a = answer_find(rv);
	if (a)
		return a->name;
	snprintf(text, sizeof(text), "CKR_0x%lX", rv);
	return text;
}
