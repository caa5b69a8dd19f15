#include "key/pkcs11/attributes.h"

#include <stdio.h>

static const struct flag {
	CK_ATTRIBUTE_TYPE type;
	bool absent; /* what it counts as if the token doesn't have it */
	uint32_t bit;
} flags[] = {
	{ CKA_LOCAL, false, KEY_IS_LOCAL },
	{ CKA_SENSITIVE, false, KEY_IS_SENSITIVE },
	{ CKA_ALWAYS_SENSITIVE, false, KEY_ALWAYS_SENSITIVE },
	{ CKA_EXTRACTABLE, true, KEY_IS_EXTRACTABLE },
	{ CKA_NEVER_EXTRACTABLE, false, KEY_NEVER_EXTRACTABLE },
	{ CKA_SIGN, false, KEY_CAN_SIGN },
	{ CKA_DECRYPT, false, KEY_CAN_OTHER },
	{ CKA_UNWRAP, false, KEY_CAN_OTHER },
	{ CKA_DERIVE, false, KEY_CAN_OTHER },
	{ CKA_SIGN_RECOVER, false, KEY_CAN_OTHER },
	{ CKA_ALWAYS_AUTHENTICATE, false, KEY_WANTS_PIN },
};

static const struct {
	uint32_t bit;
	const char *name;
} names[] = {
	{ KEY_IS_LOCAL, "LOCAL" },
	{ KEY_IS_SENSITIVE, "SENSITIVE" },
	{ KEY_ALWAYS_SENSITIVE, "ALWAYS_SENSITIVE" },
	{ KEY_IS_EXTRACTABLE, "EXTRACTABLE" },
	{ KEY_NEVER_EXTRACTABLE, "NEVER_EXTRACTABLE" },
	{ KEY_CAN_SIGN, "SIGN" },
	{ KEY_CAN_OTHER, "for more than signatures" },
	{ KEY_WANTS_PIN, "ALWAYS_AUTHENTICATE" },
};

/* Sessions that are lost are not an answer. */
static int flag_read(struct attempt *a, CK_OBJECT_HANDLE object, const struct flag *flag, bool *out)
{
	CK_BBOOL value = CK_FALSE;
	CK_ULONG n = 0;
	CK_RV rv = cryptoki_get(&a->token->module, a->session, object, flag->type, &value, sizeof(value), &n);
	if (rv != CKR_OK && cryptoki_class(rv) != CRYPTOKI_ASKED)
		return attempt_failed(a, "C_GetAttributeValue", rv);
	*out = rv == CKR_OK && n == sizeof(value) ? value != CK_FALSE : flag->absent;
	return 0;
}

int attributes_read(struct attempt *a, CK_OBJECT_HANDLE object, uint32_t *out)
{
	*out = 0;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		bool set = false;
		int refused = flag_read(a, object, &flags[i], &set);
		if (refused)
			return refused;
		*out |= set ? flags[i].bit : 0;
	}
	return 0;
}

int attributes_made_with(struct attempt *a, CK_OBJECT_HANDLE object, CK_MECHANISM_TYPE mechanism, bool *out)
{
	CK_MECHANISM_TYPE value = CK_UNAVAILABLE_INFORMATION;
	CK_ULONG n = 0;
	CK_RV rv =
		cryptoki_get(&a->token->module, a->session, object, CKA_KEY_GEN_MECHANISM, &value, sizeof(value), &n);
	if (rv != CKR_OK && cryptoki_class(rv) != CRYPTOKI_ASKED)
		return attempt_failed(a, "C_GetAttributeValue", rv);
	*out = rv != CKR_OK || n != sizeof(value) || value == CK_UNAVAILABLE_INFORMATION || value == mechanism;
	return 0;
}

/* What a key is now is never a matter of configuration. */
static uint32_t wrong_now(uint32_t attributes)
{
	return (~attributes & (KEY_IS_SENSITIVE | KEY_CAN_SIGN)) | (attributes & (KEY_IS_EXTRACTABLE | KEY_WANTS_PIN));
}

uint32_t attributes_foreign(const struct settings *s, uint32_t attributes)
{
	uint32_t must = KEY_ALWAYS_SENSITIVE | KEY_NEVER_EXTRACTABLE | (s->require_local ? KEY_IS_LOCAL : 0);
	return wrong_now(attributes) | (~attributes & must) | (attributes & KEY_CAN_OTHER);
}

uint32_t attributes_wrong(const struct settings *s, uint32_t attributes)
{
	return s->imported_keys ? wrong_now(attributes) : attributes_foreign(s, attributes);
}

void attributes_text(uint32_t attributes, uint32_t wrong, char out[MAX_ATTRIBUTES_TEXT])
{
	size_t n = 0;
	out[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (wrong & names[i].bit)
			n += (size_t)snprintf(out + n, MAX_ATTRIBUTES_TEXT - n, "%s%s%s", n ? ", " : "",
					      attributes & names[i].bit ? "" : "not ", names[i].name);
}
