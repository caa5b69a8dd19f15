#include "ledger/hash.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

/* Fetched once: looking SHA-256 up by name costs more than hashing a node of the tree. */
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void sha256_fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void hash_parts(const struct slice *parts, size_t count, uint8_t hash[HASH_SIZE])
{
	pthread_once(&sha256_once, sha256_fetch);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool done = ctx && sha256 && EVP_DigestInit_ex2(ctx, sha256, NULL) == 1;
	for (size_t i = 0; done && i < count; i++)
		done = EVP_DigestUpdate(ctx, parts[i].at, parts[i].len) == 1;
	if (!done || EVP_DigestFinal_ex(ctx, hash, NULL) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
}
