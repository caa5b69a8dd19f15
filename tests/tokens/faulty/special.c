#include "tokens/faulty/special.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SEEN 64    /* objects among which another key is looked for */
#define MAX_SHAPE 64   /* a named curve */
#define MAX_SECRET 256 /* of FAULTY_PIN_FILE */

CK_RV special_C_GetSlotList(const struct passage *p, CK_BYTE present, CK_SLOT_ID *slots, CK_ULONG *n)
{
	if (!p->plan->away || !present)
		return real->C_GetSlotList(present, slots, n);
	*n = 0;
	return CKR_OK;
}

CK_RV special_C_GetSlotInfo(const struct passage *p, CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	CK_RV rv = real->C_GetSlotInfo(slot, info);
	if (rv == CKR_OK && p->plan->away)
		info->flags &= ~(CK_FLAGS)CKF_TOKEN_PRESENT;
	return rv;
}

/* What a token that counts shows of it. */
static CK_FLAGS pin_flags(const struct plan *plan)
{
	uint64_t wrong = atomic_load(&faults_state()->wrong_pins);
	if (plan->pin_tries == NO_PIN_LIMIT)
		return 0;
	if (wrong >= plan->pin_tries)
		return CKF_USER_PIN_LOCKED;
	return (wrong ? CKF_USER_PIN_COUNT_LOW : 0) | (wrong + 1 == plan->pin_tries ? CKF_USER_PIN_FINAL_TRY : 0);
}

CK_RV special_C_GetTokenInfo(const struct passage *p, CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = real->C_GetTokenInfo(slot, info);
	const struct fault *f = passage_fault(p, DEED_FLAGS);
	if (rv != CKR_OK)
		return rv;
	info->flags |= pin_flags(p->plan);
	if (p->plan->keypad)
		info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
	if (p->plan->open)
		info->flags &= ~(CK_FLAGS)CKF_LOGIN_REQUIRED;
	if (p->plan->other)
		memset(info->serialNumber, '9', sizeof(info->serialNumber));
	if (p->plan->sessions)
		info->ulMaxSessionCount = p->plan->sessions;
	if (f)
		info->flags = (info->flags | f->value) & ~f->without;
	return CKR_OK;
}

CK_RV special_C_GetMechanismInfo(const struct passage *p, CK_SLOT_ID slot, CK_MECHANISM_TYPE type,
				 CK_MECHANISM_INFO *info)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->due[i]->deed == DEED_LACKS && p->due[i]->value == type)
			return CKR_MECHANISM_INVALID;
	return real->C_GetMechanismInfo(slot, type, info);
}

/* The PIN as someone types it on the token, where the caller has none to give. */
static CK_RV login_by_hand(CK_SESSION_HANDLE session, CK_USER_TYPE user)
{
	char pin[MAX_SECRET] = "";
	const char *path = getenv("FAULTY_PIN_FILE");
	FILE *f = path ? fopen(path, "r") : NULL;
	if (!f)
		return CKR_FUNCTION_CANCELED;
	if (!fgets(pin, sizeof(pin), f))
		pin[0] = '\0';
	fclose(f);
	pin[strcspn(pin, "\n")] = '\0';
	return real->C_Login(session, user, (CK_BYTE *)pin, strlen(pin));
}

CK_RV special_C_OpenSession(const struct passage *p, CK_SLOT_ID slot, CK_FLAGS flags, void *application,
			    CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
	if (p->plan->sessions && atomic_load(&faults_sessions) >= p->plan->sessions)
		return CKR_SESSION_COUNT;
	CK_RV rv = real->C_OpenSession(slot, flags, application, notify, session);
	if (rv == CKR_OK && p->plan->open)
		login_by_hand(*session, CKU_USER); /* or it is logged in already */
	atomic_fetch_add(&faults_sessions, rv == CKR_OK);
	return rv;
}

CK_RV special_C_CloseSession(const struct passage *p, CK_SESSION_HANDLE session)
{
	(void)p;
	CK_RV rv = real->C_CloseSession(session);
	atomic_fetch_sub(&faults_sessions, rv == CKR_OK);
	return rv;
}

CK_RV special_C_CloseAllSessions(const struct passage *p, CK_SLOT_ID slot)
{
	(void)p;
	CK_RV rv = real->C_CloseAllSessions(slot);
	if (rv == CKR_OK)
		atomic_store(&faults_sessions, 0);
	return rv;
}

CK_RV special_C_Finalize(const struct passage *p, void *reserved)
{
	(void)p;
	CK_RV rv = real->C_Finalize(reserved);
	if (rv == CKR_OK)
		atomic_store(&faults_sessions, 0);
	return rv;
}

CK_RV special_C_Login(const struct passage *p, CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG n)
{
	atomic_ullong *wrong = &faults_state()->wrong_pins;
	if (user == CKU_USER && atomic_load(wrong) >= p->plan->pin_tries)
		return CKR_PIN_LOCKED;
	CK_RV rv;
	if (p->plan->keypad && !pin)
		rv = login_by_hand(session, user);
	else
		rv = real->C_Login(session, user, pin, n);
	if (rv == CKR_OK)
		atomic_store(wrong, 0);
	else if (rv == CKR_PIN_INCORRECT)
		atomic_fetch_add(wrong, 1);
	return rv;
}

static void attribute_lie(const struct fault *f, CK_ATTRIBUTE *a, CK_RV *rv)
{
	if (f->number) {
		if (a->pValue && a->ulValueLen == sizeof(f->number))
			memcpy(a->pValue, &f->number, sizeof(f->number));
		return;
	}
	if (a->pValue && a->ulValueLen >= 1)
		*(CK_BBOOL *)a->pValue = f->flag; /* 0 if it is absent */
	a->ulValueLen = 1;
	if (f->absent) {
		a->ulValueLen = (CK_ULONG)-1;
		*rv = CKR_ATTRIBUTE_TYPE_INVALID;
	}
}

CK_RV special_C_GetAttributeValue(const struct passage *p, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
				  CK_ATTRIBUTE *attributes, CK_ULONG n)
{
	CK_RV rv = real->C_GetAttributeValue(session, object, attributes, n);
	if (rv != CKR_OK)
		return rv;
	for (unsigned i = 0; i < p->count; i++)
		for (CK_ULONG j = 0; p->due[i]->deed == DEED_SAYS && j < n; j++)
			if (attributes[j].type == p->due[i]->value)
				attribute_lie(p->due[i], &attributes[j], &rv);
	return rv;
}

/* Each object twice: a caller that has room for one sees no lie. */
static CK_RV find_doubled(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *found, CK_ULONG max, CK_ULONG *count)
{
	CK_RV rv = real->C_FindObjects(session, found, (max + 1) / 2, count);
	if (rv != CKR_OK)
		return rv;
	CK_ULONG n = *count;
	for (CK_ULONG i = 0; i < n && n + i < max; i++)
		found[n + i] = found[i];
	*count = 2 * n < max ? 2 * n : max;
	return CKR_OK;
}

CK_RV special_C_FindObjects(const struct passage *p, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *found, CK_ULONG max,
			    CK_ULONG *count)
{
	if (passage_fault(p, DEED_DOUBLED))
		return find_doubled(session, found, max, count);
	CK_RV rv = real->C_FindObjects(session, found, max, count);
	if (rv == CKR_OK && passage_fault(p, DEED_NOTHING))
		*count = 0;
	return rv;
}

/* What keys must share for one's signature to pass as another's: type and curve, or modulus length. */
static CK_ULONG shape_read(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_BYTE *out)
{
	CK_KEY_TYPE type = 0;
	CK_ATTRIBUTE kind = { CKA_KEY_TYPE, &type, sizeof(type) };
	memset(out, 0, MAX_SHAPE);
	if (real->C_GetAttributeValue(session, key, &kind, 1) != CKR_OK)
		return 0;
	CK_ATTRIBUTE shape = { CKA_MODULUS, NULL, 0 };
	if (type == CKK_RSA)
		return real->C_GetAttributeValue(session, key, &shape, 1) == CKR_OK ? shape.ulValueLen : 0;
	shape = (CK_ATTRIBUTE){ CKA_EC_PARAMS, out, MAX_SHAPE };
	return real->C_GetAttributeValue(session, key, &shape, 1) == CKR_OK ? shape.ulValueLen : 0;
}

static CK_OBJECT_HANDLE other_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE like = { CKA_CLASS, &class, sizeof(class) };
	CK_OBJECT_HANDLE found[MAX_SEEN];
	CK_ULONG n = 0;
	CK_BYTE shape[MAX_SHAPE], its[MAX_SHAPE];
	CK_ULONG size = shape_read(session, key, shape);
	if (real->C_FindObjectsInit(session, &like, 1) != CKR_OK)
		return key;
	real->C_FindObjects(session, found, MAX_SEEN, &n);
	real->C_FindObjectsFinal(session);
	for (CK_ULONG i = 0; i < n; i++)
		if (found[i] != key && shape_read(session, found[i], its) == size && memcmp(shape, its, MAX_SHAPE) == 0)
			return found[i];
	fprintf(stderr, "faulty: the token has no other key of that kind\n");
	return key;
}

CK_RV special_C_SignInit(const struct passage *p, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
			 CK_OBJECT_HANDLE key)
{
	if (passage_fault(p, DEED_OTHER_KEY))
		key = other_key(session, key);
	return real->C_SignInit(session, mechanism, key);
}

CK_RV special_C_Sign(const struct passage *p, CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG n, CK_BYTE *signature,
		     CK_ULONG *size)
{
	CK_RV rv = real->C_Sign(session, data, n, signature, size);
	if (rv != CKR_OK || !signature || *size == 0)
		return rv;
	if (passage_fault(p, DEED_FLIP))
		signature[*size / 2] ^= 1;
	if (passage_fault(p, DEED_ZERO))
		memset(signature, 0, *size);
	if (passage_fault(p, DEED_SHORT))
		*size -= 1;
	return CKR_OK;
}
