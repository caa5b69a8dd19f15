/*
 * A PKCS#11 module that breaks on purpose: the real one (FAULTY_MODULE) with
 * one call in the way. The file FAULTY_PLAN names the fault for the next
 * calls of C_SignInit, and is looked at each time:
 *
 *	drop    the sessions are gone: C_CloseAllSessions, once
 *	device  CKR_DEVICE_ERROR, for as long as the file says so
 *	once    CKR_DEVICE_ERROR, once
 *	lie     the signature has a wrong bit, for as long as the file says so
 *	hang    never comes back
 *
 * PIN tries: FAULTY_FLAGS (a number) is added to the token's flags.
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST list;

static void plan_read(char *out, size_t size)
{
	const char *path = getenv("FAULTY_PLAN");
	FILE *f = path ? fopen(path, "r") : NULL;
	out[0] = '\0';
	if (!f)
		return;
	if (fgets(out, (int)size, f))
		out[strcspn(out, "\n")] = '\0';
	fclose(f);
}

static CK_RV faulty_sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	char plan[16];
	CK_SESSION_INFO info;
	plan_read(plan, sizeof(plan));
	if (strcmp(plan, "drop") == 0) {
		unlink(getenv("FAULTY_PLAN"));
		real->C_GetSessionInfo(session, &info);
		real->C_CloseAllSessions(info.slotID);
	}
	while (strcmp(plan, "hang") == 0)
		pause();
	if (strcmp(plan, "once") == 0)
		unlink(getenv("FAULTY_PLAN"));
	if (strcmp(plan, "once") == 0 || strcmp(plan, "device") == 0)
		return CKR_DEVICE_ERROR;
	return real->C_SignInit(session, mechanism, key);
}

static CK_RV faulty_sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG n, CK_BYTE *signature, CK_ULONG *size)
{
	char plan[16];
	CK_RV rv = real->C_Sign(session, data, n, signature, size);
	plan_read(plan, sizeof(plan));
	if (rv == CKR_OK && strcmp(plan, "lie") == 0)
		signature[0] ^= 1;
	return rv;
}

static CK_RV faulty_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = real->C_GetTokenInfo(slot, info);
	const char *flags = getenv("FAULTY_FLAGS");
	if (rv == CKR_OK && flags)
		info->flags |= strtoul(flags, NULL, 0);
	return rv;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	const char *path = getenv("FAULTY_MODULE");
	void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	CK_C_GetFunctionList get;
	if (!library)
		return CKR_GENERAL_ERROR;
	*(void **)&get = dlsym(library, "C_GetFunctionList");
	if (!get || get(&real) != CKR_OK)
		return CKR_GENERAL_ERROR;
	list = *real;
	list.C_SignInit = faulty_sign_init;
	list.C_Sign = faulty_sign;
	list.C_GetTokenInfo = faulty_token_info;
	*out = &list;
	return CKR_OK;
}
