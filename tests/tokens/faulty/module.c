/*
 * faulty.so: a PKCS#11 module that stands in front of another one
 * (FAULTY_MODULE, SoftHSM by default) and fails when it is told to, while it
 * runs: the file FAULTY_DIR/control has one fault a line, and is looked at in
 * each call. How to tell it: tests/tokens/README. Here is the function list;
 * what happens in each call is in faulty/faults.c and faulty/special.c.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "tokens/faulty/special.h"

#define DEFAULT_MODULE "/usr/lib/softhsm/libsofthsm2.so"

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out);

/* (A, B) is (A a, B b), and then the names alone. */
#define TYPED_1(A) (A a)
#define TYPED_2(A, B) (A a, B b)
#define TYPED_3(A, B, C) (A a, B b, C c)
#define TYPED_4(A, B, C, D) (A a, B b, C c, D d)
#define TYPED_5(A, B, C, D, E) (A a, B b, C c, D d, E e)
#define TYPED_6(A, B, C, D, E, F) (A a, B b, C c, D d, E e, F f)
#define TYPED_7(A, B, C, D, E, F, G) (A a, B b, C c, D d, E e, F f, G g)
#define TYPED_8(A, B, C, D, E, F, G, H) (A a, B b, C c, D d, E e, F f, G g, H h)
#define NAMED_1 a
#define NAMED_2 a, b
#define NAMED_3 a, b, c
#define NAMED_4 a, b, c, d
#define NAMED_5 a, b, c, d, e
#define NAMED_6 a, b, c, d, e, f
#define NAMED_7 a, b, c, d, e, f, g
#define NAMED_8 a, b, c, d, e, f, g, h

#define WRAPPED(name, about, n, types, make)                                                                           \
	static CK_RV wrapped_##name TYPED_##n types                                                                    \
	{                                                                                                              \
		struct passage p;                                                                                      \
		CK_RV rv;                                                                                              \
		if (faults_before(&p, CALL_##name, ABOUT_##about, (CK_ULONG)(uintptr_t)a, &rv))                        \
			return rv;                                                                                     \
		return faults_after(&p, (CK_ULONG)(uintptr_t)a, make);                                                 \
	}
#define PLAIN(name, about, n, types) WRAPPED(name, about, n, types, real->name(NAMED_##n))
#define SPECIAL(name, about, n, types) WRAPPED(name, about, n, types, special_##name(&p, NAMED_##n))
#include "tokens/faulty/functions.def"
#undef PLAIN
#undef SPECIAL

static CK_FUNCTION_LIST list = {
	.C_GetFunctionList = C_GetFunctionList,
#define PLAIN(name, about, n, types) .name = wrapped_##name,
#define SPECIAL(name, about, n, types) .name = wrapped_##name,
#include "tokens/faulty/functions.def"
#undef PLAIN
#undef SPECIAL
};

static void module_load(void)
{
	const char *path = getenv("FAULTY_MODULE");
	void *library = dlopen(path ? path : DEFAULT_MODULE, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = NULL;
	if (library)
		*(void **)&get = dlsym(library, "C_GetFunctionList");
	if (!get || get(&real) != CKR_OK) {
		fprintf(stderr, "faulty: no module at %s\n", path ? path : DEFAULT_MODULE);
		real = NULL;
		return;
	}
	list.version = real->version;
	faults_start();
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, module_load);
	if (!real)
		return CKR_GENERAL_ERROR;
	*out = &list;
	return CKR_OK;
}
