#include "key/pkcs11/signature.h"

#include <string.h>

/*
 * SEQUENCE { SEQUENCE { OBJECT IDENTIFIER 2.16.840.1.101.3.4.2.n, NULL },
 * OCTET STRING }: only the sizes and the last arc differ.
 */
size_t digest_info(enum key_digest digest, struct slice value, uint8_t *out)
{
	static const uint8_t last_arc[] = { 0, 1, 2, 3 };
	uint8_t head[] = { 0x30, 17, 0x30, 13, 0x06, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0,
			   0x05, 0,  0x04, 0 };
	head[1] = (uint8_t)(sizeof(head) - 2 + value.len);
	head[14] = last_arc[digest];
	head[18] = (uint8_t)value.len;
	memcpy(out, head, sizeof(head));
	memcpy(out + sizeof(head), value.at, value.len);
	return sizeof(head) + value.len;
}

static CK_MECHANISM_TYPE mechanism_of(const struct algorithm *a)
{
	switch (a->family) {
	case FAMILY_EC:
		return CKM_ECDSA; /* a digest made here: the one form of ECDSA that every token has */
	case FAMILY_RSA:
		return CKM_RSA_PKCS;
	case FAMILY_EDWARDS:
		break;
	}
	return CKM_EDDSA;
}

int signature_make(struct attempt *a, const struct key *k, struct slice data, uint8_t *out)
{
	const struct algorithm *algorithm = k->public.algorithm;
	uint8_t info[MAX_DIGEST_INFO];
	if (algorithm->digest != DIGEST_NONE && data.len != digest_size(algorithm->digest))
		return DRIVER_REFUSE_DATA_SIZE;
	if (algorithm->family == FAMILY_RSA)
		data = (struct slice){ info, digest_info(algorithm->digest, data, info) };
	CK_ULONG n;
	CK_RV rv = cryptoki_sign(&a->token->module, a->session, mechanism_of(algorithm), k->handle, data, out,
				 MAX_SIGNATURE, &n);
	if (rv != CKR_OK)
		return attempt_failed(a, "C_Sign", rv);
	return n == algorithm->signature_size ? 0 : attempt_failed(a, "C_Sign", CKR_GENERAL_ERROR);
}
