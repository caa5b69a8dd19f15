/*
 * What a token can do with nobody in between: some threads, a session each,
 * sign with one key for some seconds. This is what the other figures are held
 * against, so it does no more than C_SignInit and C_Sign.
 *
 *	raw_sign MODULE TOKEN PIN-FILE KEY-IN-HEX rsa|ec256|ec384 SECONDS THREADS
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <p11-kit/pkcs11.h>

#include "base/text.h"
#include "base/time.h"

#define MAX_THREADS 64
#define MAX_TOKENS 16

static CK_FUNCTION_LIST *p11;
static CK_SLOT_ID slot;
static CK_BYTE key_id[64];
static CK_ULONG key_id_len;
static CK_MECHANISM mechanism;
static CK_BYTE data[64]; /* a digest, for RSA within its DigestInfo */
static CK_ULONG data_len;
static int64_t end;

static void check(CK_RV rv, const char *what)
{
	if (rv == CKR_OK)
		return;
	fprintf(stderr, "raw_sign: %s answered 0x%lx\n", what, rv);
	exit(1);
}

static void module_load(const char *path)
{
	void *module = dlopen(path, RTLD_NOW);
	CK_C_GetFunctionList get = module ? (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList") : NULL;
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	if (!get) {
		fprintf(stderr, "raw_sign: %s\n", dlerror());
		exit(1);
	}
	check(get(&p11), "C_GetFunctionList");
	check(p11->C_Initialize(&args), "C_Initialize");
}

static void token_find(const char *label)
{
	CK_SLOT_ID slots[MAX_TOKENS];
	CK_ULONG count = MAX_TOKENS;
	check(p11->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO info;
		check(p11->C_GetTokenInfo(slots[i], &info), "C_GetTokenInfo");
		if (strncmp((const char *)info.label, label, strlen(label)) == 0 && info.label[strlen(label)] == ' ') {
			slot = slots[i];
			return;
		}
	}
	fprintf(stderr, "raw_sign: no token %s\n", label);
	exit(1);
}

static CK_SESSION_HANDLE session_open(void)
{
	CK_SESSION_HANDLE session;
	check(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), "C_OpenSession");
	return session;
}

static void token_login(const char *pin_file)
{
	char pin[128] = "";
	FILE *f = fopen(pin_file, "r");
	if (!f || !fgets(pin, sizeof(pin), f)) {
		perror(pin_file);
		exit(1);
	}
	fclose(f);
	CK_ULONG len = strcspn(pin, "\n");
	check(p11->C_Login(session_open(), CKU_USER, (CK_BYTE *)pin, len), "C_Login");
}

static void work_set(const char *kind)
{
	static const CK_BYTE sha256_info[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
					       0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };
	memset(data, 0x5a, sizeof(data));
	mechanism.mechanism = CKM_ECDSA;
	data_len = strcmp(kind, "ec384") == 0 ? 48 : 32;
	if (strcmp(kind, "rsa") != 0)
		return;
	mechanism.mechanism = CKM_RSA_PKCS;
	memcpy(data, sha256_info, sizeof(sha256_info));
	data_len = sizeof(sha256_info) + 32;
}

static CK_OBJECT_HANDLE key_find(CK_SESSION_HANDLE session)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE what[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, key_id, key_id_len } };
	CK_OBJECT_HANDLE key = 0;
	CK_ULONG found = 0;
	check(p11->C_FindObjectsInit(session, what, 2), "C_FindObjectsInit");
	check(p11->C_FindObjects(session, &key, 1, &found), "C_FindObjects");
	check(p11->C_FindObjectsFinal(session), "C_FindObjectsFinal");
	check(found == 1 ? CKR_OK : CKR_KEY_HANDLE_INVALID, "the search for the key");
	return key;
}

static void *worker_run(void *count)
{
	CK_SESSION_HANDLE session = session_open();
	CK_OBJECT_HANDLE key = key_find(session);
	CK_BYTE signature[1024];
	unsigned long done = 0;
	while (time_boot_ms() < end) {
		CK_ULONG len = sizeof(signature);
		check(p11->C_SignInit(session, &mechanism, key), "C_SignInit");
		check(p11->C_Sign(session, data, data_len, signature, &len), "C_Sign");
		done++;
	}
	*(unsigned long *)count = done;
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc != 8)
		return 64;
	pthread_t threads[MAX_THREADS];
	unsigned long done[MAX_THREADS] = { 0 }, sum = 0;
	int count = atoi(argv[7]);
	key_id_len = strlen(argv[4]) / 2;
	if (count < 1 || count > MAX_THREADS || key_id_len > sizeof(key_id) ||
	    !hex_decode(argv[4], strlen(argv[4]), key_id, key_id_len))
		return 64;
	module_load(argv[1]);
	token_find(argv[2]);
	token_login(argv[3]);
	work_set(argv[5]);
	int64_t start = time_boot_ms();
	end = start + (int64_t)(1000 * atof(argv[6]));
	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, worker_run, &done[i]) != 0)
			return 1;
	for (int i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		sum += done[i];
	}
	printf("done=%lu rate=%.1f\n", sum, 1000.0 * (double)sum / (double)(time_boot_ms() - start));
	return 0;
}
