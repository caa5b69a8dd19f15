#include "key/pkcs11/cryptoki.h"

#include <dlfcn.h>

#include "base/log.h"

/*
 * The same library that libp11 loads; dlopen() counts, it doesn't load twice.
 * Why not libp11's: it keeps its function list to itself. And dlerror() says
 * what is wrong with a module, where libp11 says that it could not be loaded.
 */
int cryptoki_load(struct cryptoki *c, const char *path)
{
	c->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!c->library) {
		log_error("module_missing", "module=%s why=\"%s\"", path, dlerror());
		return -1;
	}
	CK_C_GetFunctionList get;
	*(void **)&get = dlsym(c->library, "C_GetFunctionList");
	if (get && get(&c->call) == CKR_OK && c->call)
		return 0;
	log_error("module_invalid", "module=%s why=\"no C_GetFunctionList: not a PKCS#11 module\"", path);
	return -1;
}

/*
 * Why before libp11's: it can't initialize a module that can't lock. Most
 * modules then tell libp11 that it is done already; each C_GetFunctionList of
 * p11-kit's client is an instance of its own.
 */
CK_RV cryptoki_initialize(struct cryptoki *c, const char *init_args)
{
	/* Some modules' headers have one more pointer after pReserved and read it. */
	struct {
		CK_C_INITIALIZE_ARGS args;
		void *room;
	} with_room = { { .flags = CKF_OS_LOCKING_OK, .pReserved = (void *)(uintptr_t)init_args }, NULL };
	CK_RV rv = c->call->C_Initialize(&with_room.args);
	c->one_thread = rv == CKR_CANT_LOCK;
	if (c->one_thread) {
		with_room.args.flags = 0;
		rv = c->call->C_Initialize(&with_room.args);
	}
	c->initialized = rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED;
	return c->initialized ? CKR_OK : rv;
}

/* Why not libp11's: of a module with separate instances it finalizes its own only. */
void cryptoki_unload(struct cryptoki *c)
{
	if (c->initialized)
		c->call->C_Finalize(NULL);
	if (c->library)
		dlclose(c->library);
	*c = (struct cryptoki){ 0 };
}

/* Why not libp11's: its copy of the flags is as old as its list of slots, and they count PIN tries. */
CK_RV cryptoki_token(struct cryptoki *c, CK_TOKEN_INFO *out)
{
	return c->call->C_GetTokenInfo(c->slot, out);
}

/* Why not libp11's: its sessions are its own. */
CK_RV cryptoki_session(struct cryptoki *c, CK_SESSION_HANDLE session, CK_STATE *out)
{
	CK_SESSION_INFO info = { 0 };
	CK_RV rv = c->call->C_GetSessionInfo(session, &info);
	*out = info.state;
	return rv;
}

/* Why not libp11's: the same. A token without random numbers has done what it can by saying so. */
CK_RV cryptoki_random(struct cryptoki *c, CK_SESSION_HANDLE session)
{
	CK_BYTE unused[8];
	CK_RV rv = c->call->C_GenerateRandom(session, unused, sizeof(unused));
	return rv == CKR_RANDOM_NO_RNG || rv == CKR_FUNCTION_NOT_SUPPORTED ? CKR_OK : rv;
}

/* Why not libp11's: it can't ask for mechanisms. */
CK_RV cryptoki_mechanism(struct cryptoki *c, CK_MECHANISM_TYPE mechanism, CK_MECHANISM_INFO *out)
{
	return c->call->C_GetMechanismInfo(c->slot, mechanism, out);
}

/* Why not libp11's: its pool waits for ever when a session can't be opened, and hands out dead ones. */
CK_RV cryptoki_open(struct cryptoki *c, bool writable, CK_SESSION_HANDLE *out)
{
	CK_FLAGS flags = CKF_SERIAL_SESSION | (writable ? CKF_RW_SESSION : 0);
	return c->call->C_OpenSession(c->slot, flags, NULL, NULL, out);
}

void cryptoki_close(struct cryptoki *c, CK_SESSION_HANDLE session)
{
	c->call->C_CloseSession(session);
}

/* Why not libp11's: it does this only when a session is opened in another mode, and keeps what it closed. */
CK_RV cryptoki_close_all(struct cryptoki *c)
{
	return c->call->C_CloseAllSessions(c->slot);
}

/*
 * Why not libp11's: it logs in on a session of its pool, remembers success
 * when the token has forgotten it, and keeps a copy of the PIN for forks.
 */
CK_RV cryptoki_login(struct cryptoki *c, CK_SESSION_HANDLE session, struct slice pin)
{
	return c->call->C_Login(session, CKU_USER, pin.len ? (CK_UTF8CHAR *)(uintptr_t)pin.at : NULL, pin.len);
}

/* Why not libp11's: it reads all keys, and one Ed25519 key in the token makes that fail. */
CK_RV cryptoki_find(struct cryptoki *c, CK_SESSION_HANDLE session, CK_ATTRIBUTE *like, CK_ULONG n,
		    CK_OBJECT_HANDLE *found, CK_ULONG max, CK_ULONG *count)
{
	*count = 0;
	CK_RV rv = c->call->C_FindObjectsInit(session, like, n);
	if (rv != CKR_OK)
		return rv;
	CK_ULONG now;
	do {
		now = 0;
		rv = c->call->C_FindObjects(session, found + *count, max - *count, &now);
		if (rv != CKR_OK || now > max - *count)
			break;
		*count += now;
	} while (now > 0 && *count < max);
	CK_RV final = c->call->C_FindObjectsFinal(session);
	return rv != CKR_OK ? rv : final;
}

/* Why not libp11's: it can't read attributes. */
CK_RV cryptoki_get(struct cryptoki *c, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
		   void *out, CK_ULONG size, CK_ULONG *len)
{
	CK_ATTRIBUTE attribute = { type, out, size };
	CK_RV rv = c->call->C_GetAttributeValue(session, object, &attribute, 1);
	if (rv == CKR_OK && attribute.ulValueLen > size)
		return CKR_BUFFER_TOO_SMALL;
	*len = attribute.ulValueLen;
	return rv;
}

/*
 * Why not libp11's: it makes RSA keys only, with a template that leaves
 * CKA_EXTRACTABLE to the token and asks for decryption. The handles are not
 * handed on: the keys are found again, as every later process will find them.
 */
CK_RV cryptoki_generate(struct cryptoki *c, CK_SESSION_HANDLE session, CK_MECHANISM_TYPE mechanism,
			CK_ATTRIBUTE *public, CK_ULONG public_n, CK_ATTRIBUTE *private, CK_ULONG private_n)
{
	CK_MECHANISM how = { mechanism, NULL, 0 };
	CK_OBJECT_HANDLE made[2];
	return c->call->C_GenerateKeyPair(session, &how, public, public_n, private, private_n, &made[0], &made[1]);
}

/* Why not libp11's: it would search and keep keys its own way, on a session that another thread may share. */
CK_RV cryptoki_sign(struct cryptoki *c, CK_SESSION_HANDLE session, CK_MECHANISM_TYPE mechanism, CK_OBJECT_HANDLE key,
		    struct slice data, uint8_t *signature, CK_ULONG size, CK_ULONG *len)
{
	CK_MECHANISM how = { mechanism, NULL, 0 };
	*len = size;
	CK_RV rv = c->call->C_SignInit(session, &how, key);
	if (rv != CKR_OK)
		return rv;
	rv = c->call->C_Sign(session, (CK_BYTE *)(uintptr_t)data.at, data.len, signature, len);
	return rv == CKR_OK && *len > size ? CKR_GENERAL_ERROR : rv;
}
