/*
 * A PKCS#11 module that stands in front of another one (WITNESS_MODULE) and
 * writes down what is to be signed before it passes the call on (WITNESS_FILE):
 * what a token signed without the ledger's knowledge would stand there. A line
 * for each C_Sign: process, key's handle, the data in hex; and "PROCESS 0 0"
 * for each C_Initialize, as handles mean something else from then on.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#define MAX_DATA 512 /* digests; longer messages are cut */
#define MAX_SESSIONS 256

static CK_FUNCTION_LIST list;
static CK_C_Sign real_sign;
static CK_C_SignInit real_sign_init;
static CK_C_Initialize real_initialize;
static int file = -1;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
} begun[MAX_SESSIONS];

/* The key of a session; set first if it isn't 0. */
static CK_OBJECT_HANDLE key_of(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE set)
{
	CK_OBJECT_HANDLE key = set;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < MAX_SESSIONS; i++) {
		if (begun[i].session && begun[i].session != session)
			continue;
		begun[i].session = session;
		key = begun[i].key = set ? set : begun[i].key;
		break;
	}
	pthread_mutex_unlock(&lock);
	return key;
}

static CK_RV initialize_noted(void *arguments)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%d 0 0\n", (int)getpid());
	if (write(file, line, (size_t)n) != n)
		return CKR_DEVICE_ERROR;
	return real_initialize(arguments);
}

static CK_RV sign_init_noted(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	key_of(session, key);
	return real_sign_init(session, mechanism, key);
}

static CK_RV sign_noted(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG n, CK_BYTE *signature, CK_ULONG *size)
{
	char line[2 * MAX_DATA + 64], *at = line;
	at += snprintf(line, 60, "%d %lu ", (int)getpid(), key_of(session, 0));
	for (CK_ULONG i = 0; signature && i < n && i < MAX_DATA; i++, at += 2)
		snprintf(at, 3, "%02x", data[i]);
	*at++ = '\n';
	/* One write, at the file's end whoever writes: a kill leaves whole lines. */
	if (signature && write(file, line, (size_t)(at - line)) != at - line)
		return CKR_DEVICE_ERROR;
	return real_sign(session, data, n, signature, size);
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	const char *path = getenv("WITNESS_MODULE"), *notes = getenv("WITNESS_FILE");
	void *module = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	CK_C_GetFunctionList get = NULL;
	CK_FUNCTION_LIST *real = NULL;
	if (module)
		*(void **)&get = dlsym(module, "C_GetFunctionList");
	if (file < 0 && notes)
		file = open(notes, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (!get || file < 0 || get(&real) != CKR_OK) {
		fprintf(stderr, "witness: WITNESS_MODULE or WITNESS_FILE can't be opened\n");
		return CKR_GENERAL_ERROR;
	}
	list = *real;
	real_sign = real->C_Sign;
	real_sign_init = real->C_SignInit;
	real_initialize = real->C_Initialize;
	list.C_Initialize = initialize_noted;
	list.C_Sign = sign_noted;
	list.C_SignInit = sign_init_noted;
	*out = &list;
	return CKR_OK;
}
