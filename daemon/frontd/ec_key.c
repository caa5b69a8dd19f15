#include "frontd/ec_key.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define EC_PUBLIC_KEY 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01

/* What a SubjectPublicKeyInfo starts with, up to the point. */
static const uint8_t p256_head[] = { 0x30, 0x59, 0x30, 0x13, EC_PUBLIC_KEY, 0x06, 0x08, 0x2a, 0x86,
				     0x48, 0xce, 0x3d, 0x03, 0x01,	    0x07, 0x03, 0x42, 0x00 };
static const uint8_t p384_head[] = { 0x30, 0x76, 0x30, 0x10, EC_PUBLIC_KEY, 0x06, 0x05, 0x2b,
				     0x81, 0x04, 0x00, 0x22, 0x03,	    0x62, 0x00 };
static const uint8_t p521_head[] = { 0x30, 0x81, 0x9b, 0x30, 0x10, EC_PUBLIC_KEY, 0x06, 0x05, 0x2b,
				     0x81, 0x04, 0x00, 0x23, 0x03, 0x81,	  0x86, 0x00 };

static const struct curve {
	const char *name;
	uint8_t algorithm;
	struct slice head;
	size_t point;
} curves[] = {
	{ "P-256", ALGORITHM_ECDSA_P256, { p256_head, sizeof(p256_head) }, 65 },
	{ "P-384", ALGORITHM_ECDSA_P384, { p384_head, sizeof(p384_head) }, 97 },
	{ "P-521", ALGORITHM_ECDSA_P521, { p521_head, sizeof(p521_head) }, 133 },
};
#define CURVES (sizeof(curves) / sizeof(curves[0]))

struct ec_key {
	EVP_PKEY *key;
	EVP_PKEY_CTX *verifier; /* holds the key */
};

/* One a curve; made when a thread first needs one, freed with the thread. */
struct thread_keys {
	struct ec_key keys[CURVES];
};

static pthread_key_t of_thread;

static void keys_free(void *keys)
{
	struct thread_keys *all = keys;
	for (size_t i = 0; i < CURVES; i++) {
		EVP_PKEY_CTX_free(all->keys[i].verifier);
		EVP_PKEY_free(all->keys[i].key);
	}
	free(all);
}

static void of_thread_make(void)
{
	if (pthread_key_create(&of_thread, keys_free) != 0)
		abort();
}

/* A curve, no point yet. */
static bool key_make(struct ec_key *k, const struct curve *curve)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM group[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)curve->name, 0),
		OSSL_PARAM_END,
	};
	bool made = ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
		    EVP_PKEY_fromdata(ctx, &k->key, EVP_PKEY_KEY_PARAMETERS, group) > 0;
	EVP_PKEY_CTX_free(ctx);
	return made;
}

static struct ec_key *key_of_thread(size_t curve)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, of_thread_make);
	struct thread_keys *all = pthread_getspecific(of_thread);
	if (!all) {
		all = calloc(1, sizeof(*all));
		if (!all || pthread_setspecific(of_thread, all) != 0) {
			free(all);
			return NULL;
		}
	}
	struct ec_key *k = &all->keys[curve];
	return k->key || key_make(k, &curves[curve]) ? k : NULL;
}

static struct ec_key *key_of_point(size_t curve, struct slice point)
{
	struct ec_key *k = point.at[0] == POINT_CONVERSION_UNCOMPRESSED ? key_of_thread(curve) : NULL;
	return k && EVP_PKEY_set1_encoded_public_key(k->key, point.at, point.len) == 1 ? k : NULL;
}

struct ec_key *ec_key_read(struct slice public_key, uint8_t *algorithm)
{
	for (size_t i = 0; i < CURVES; i++) {
		struct slice head = curves[i].head;
		if (public_key.len != head.len + curves[i].point || memcmp(public_key.at, head.at, head.len) != 0)
			continue;
		*algorithm = curves[i].algorithm;
		return key_of_point(i, (struct slice){ public_key.at + head.len, curves[i].point });
	}
	return NULL;
}

bool ec_key_verify(struct ec_key *k, struct slice digest, struct slice signature)
{
	if (!k->verifier) {
		k->verifier = EVP_PKEY_CTX_new_from_pkey(NULL, k->key, NULL);
		if (!k->verifier || EVP_PKEY_verify_init(k->verifier) != 1) {
			EVP_PKEY_CTX_free(k->verifier);
			k->verifier = NULL;
			return false;
		}
	}
	return EVP_PKEY_verify(k->verifier, signature.at, signature.len, digest.at, digest.len) == 1;
}
