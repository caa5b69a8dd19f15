#include "key/pkcs11/keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "key/pkcs11/signature.h"

#define MAX_EC_PARAMS 64 /* a named curve; explicit parameters are refused */
#define MAX_EC_POINT 160 /* P-521: 133 bytes in an OCTET STRING */
#define MAX_MODULUS 520	 /* RSA-4096, and zeroes in front */
#define MAX_EXPONENT 16
#define CHALLENGE_RANDOM 32

/* The key ids of the signer are random, so any of their bytes spread well. */
static struct key **chain_of(struct token *t, struct slice id)
{
	uint32_t hash = 2166136261U;
	for (size_t i = 0; i < id.len; i++)
		hash = (hash ^ id.at[i]) * 16777619U;
	return &t->keys[(hash ^ hash >> 16) % KEY_CHAINS];
}

static struct key *key_lookup(struct token *t, struct slice id)
{
	for (struct key *k = *chain_of(t, id); k; k = k->next)
		if (k->id_len == id.len && memcmp(k->id, id.at, id.len) == 0)
			return k;
	return NULL;
}

int keys_count(struct attempt *a, long class, CK_ATTRIBUTE_TYPE type, struct slice value, CK_OBJECT_HANDLE *found,
	       CK_ULONG max, CK_ULONG *count)
{
	CK_OBJECT_CLASS wanted = (CK_OBJECT_CLASS) class;
	CK_ATTRIBUTE like[] = { { type, (void *)(uintptr_t)value.at, value.len },
				{ CKA_CLASS, &wanted, sizeof(wanted) } };
	CK_RV rv = cryptoki_find(&a->token->module, a->session, like, class < 0 ? 1 : 2, found, max, count);
	return rv == CKR_OK ? 0 : attempt_failed(a, "C_FindObjects", rv);
}

/* Exactly one object of this class and id. */
static int object_find(struct attempt *a, CK_OBJECT_CLASS class, struct slice id, CK_OBJECT_HANDLE *out)
{
	CK_OBJECT_HANDLE found[2];
	CK_ULONG count;
	int refused = keys_count(a, (long)class, CKA_ID, id, found, 2, &count);
	if (refused)
		return refused;
	*out = found[0];
	if (count == 1)
		return 0;
	char hex[2 * MAX_DRIVER_KEY + 1];
	hex_encode(id.at, id.len, hex);
	log_warning(count ? "key_ambiguous" : "key_unknown", "key=%s class=%s", hex,
		    class == CKO_PRIVATE_KEY ? "private" : "public");
	return count ? DRIVER_REFUSE_KEY_AMBIGUOUS : DRIVER_REFUSE_KEY_UNKNOWN;
}

static int attribute_read(struct attempt *a, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, uint8_t *at, size_t size,
			  struct slice *out)
{
	CK_ULONG n;
	CK_RV rv = cryptoki_get(&a->token->module, a->session, object, type, at, size, &n);
	if (rv != CKR_OK)
		return attempt_failed(a, "C_GetAttributeValue", rv);
	*out = (struct slice){ at, n };
	return 0;
}

static int ec_read(struct attempt *a, CK_OBJECT_HANDLE object, struct public_key *out)
{
	uint8_t params_at[MAX_EC_PARAMS], point_at[MAX_EC_POINT];
	struct slice params = { 0 }, point = { 0 };
	int refused = attribute_read(a, object, CKA_EC_PARAMS, params_at, sizeof(params_at), &params);
	if (!refused)
		refused = attribute_read(a, object, CKA_EC_POINT, point_at, sizeof(point_at), &point);
	if (refused)
		return refused;
	return public_from_ec(params, point, out) ? 0 : DRIVER_REFUSE_ALGORITHM;
}

static int rsa_read(struct attempt *a, CK_OBJECT_HANDLE object, struct public_key *out)
{
	uint8_t modulus_at[MAX_MODULUS], exponent_at[MAX_EXPONENT];
	struct slice modulus = { 0 }, exponent = { 0 };
	int refused = attribute_read(a, object, CKA_MODULUS, modulus_at, sizeof(modulus_at), &modulus);
	if (!refused)
		refused = attribute_read(a, object, CKA_PUBLIC_EXPONENT, exponent_at, sizeof(exponent_at), &exponent);
	if (refused)
		return refused;
	return public_from_rsa(modulus, exponent, out) ? 0 : DRIVER_REFUSE_ALGORITHM;
}

static int public_read(struct attempt *a, CK_OBJECT_HANDLE object, struct public_key *out)
{
	CK_KEY_TYPE type;
	struct slice read = { NULL, 0 };
	int refused = attribute_read(a, object, CKA_KEY_TYPE, (uint8_t *)&type, sizeof(type), &read);
	if (refused)
		return refused;
	if (read.len != sizeof(type))
		return DRIVER_REFUSE_ALGORITHM;
	if (type == CKK_RSA)
		return rsa_read(a, object, out);
	return type == CKK_EC || type == CKK_EC_EDWARDS ? ec_read(a, object, out) : DRIVER_REFUSE_ALGORITHM;
}

/* A flag that the token doesn't have counts as the given answer. Sessions that are lost are not an answer. */
static int flag_read(struct attempt *a, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool absent, bool *out)
{
	CK_BBOOL value = CK_FALSE;
	CK_ULONG n = 0;
	CK_RV rv = cryptoki_get(&a->token->module, a->session, object, type, &value, sizeof(value), &n);
	if (rv != CKR_OK && cryptoki_class(rv) != CRYPTOKI_ASKED)
		return attempt_failed(a, "C_GetAttributeValue", rv);
	*out = rv == CKR_OK && n == sizeof(value) ? value != CK_FALSE : absent;
	return 0;
}

/* What isn't stated counts against the key, but for uses that many tokens don't know of. */
static int attributes_read(struct attempt *a, CK_OBJECT_HANDLE object, uint32_t *out)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		bool absent;
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
	};
	*out = 0;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		bool set = false;
		int refused = flag_read(a, object, flags[i].type, flags[i].absent, &set);
		if (refused)
			return refused;
		*out |= set ? flags[i].bit : 0;
	}
	return 0;
}

/* A key that was known before must come back with the same public key. */
static int key_fill(struct key *k, struct public_key *found)
{
	if (!k->public.spki) {
		k->public = *found;
		return 0;
	}
	bool same = slice_equal((struct slice){ k->public.spki, k->public.spki_len },
				(struct slice){ found->spki, found->spki_len });
	public_free(found);
	if (same)
		return 0;
	log_error("key_changed", "why=\"the token has another public key under this id than before\"");
	return DRIVER_REFUSE_KEY_MISMATCH;
}

static int key_load(struct attempt *a, struct key *k, struct slice id)
{
	CK_OBJECT_HANDLE public;
	struct public_key found;
	int refused = object_find(a, CKO_PRIVATE_KEY, id, &k->handle);
	if (!refused)
		refused = object_find(a, CKO_PUBLIC_KEY, id, &public);
	if (!refused)
		refused = attributes_read(a, k->handle, &k->attributes);
	if (!refused)
		refused = public_read(a, public, &found);
	if (!refused)
		refused = key_fill(k, &found);
	k->ready = !refused;
	k->proven = false;
	return refused;
}

/* With keys_lock held. A key that isn't there is never remembered. */
static int key_find(struct attempt *a, struct slice id, struct key **out)
{
	struct token *t = a->token;
	*out = key_lookup(t, id);
	if (*out)
		return (*out)->ready ? 0 : key_load(a, *out, id);
	if (id.len > MAX_DRIVER_KEY)
		return DRIVER_REFUSE_KEY_UNKNOWN;
	struct key *k = calloc(1, sizeof(*k));
	if (!k)
		return DRIVER_REFUSE_BUSY;
	memcpy(k->id, id.at, id.len);
	k->id_len = id.len;
	int refused = key_load(a, k, id);
	if (refused) {
		free(k);
		return refused;
	}
	k->next = *chain_of(t, id);
	*chain_of(t, id) = k;
	*out = k;
	return 0;
}

/* The words in front keep the challenge from ever being anything that a certificate's key signs. */
static int key_challenge(struct attempt *a, struct key *k)
{
	static const char words[] = "chancery: this key proves itself to its driver";
	uint8_t challenge[sizeof(words) + CHALLENGE_RANDOM], digest[64], signature[MAX_SIGNATURE];
	memcpy(challenge, words, sizeof(words));
	random_bytes(challenge + sizeof(words), CHALLENGE_RANDOM);
	struct slice data = SLICE_OF(challenge);
	if (k->public.algorithm->digest != DIGEST_NONE)
		data = (struct slice){ digest, public_digest(k->public.algorithm, data, digest) };
	int refused = signature_make(a, k, data, signature);
	if (refused)
		return refused;
	if (public_verify(&k->public, data, (struct slice){ signature, k->public.algorithm->signature_size }))
		return 0;
	log_error("key_mismatch", "why=\"the private key's signature does not verify under the public key\"");
	return DRIVER_REFUSE_KEY_MISMATCH;
}

int keys_find(struct attempt *a, struct slice id, struct key **out)
{
	pthread_mutex_lock(&a->token->keys_lock);
	int refused = key_find(a, id, out);
	pthread_mutex_unlock(&a->token->keys_lock);
	return refused;
}

/*
 * What workers hold of a key stays as it is until a recovery: so a key that
 * isn't what it was is told as lost handles, which leads to one.
 */
static int key_look(struct attempt *a, struct slice id, const struct key *known)
{
	struct key now = { .ready = false };
	int refused = key_load(a, &now, id);
	bool same = !refused && now.attributes == known->attributes &&
		    slice_equal((struct slice){ now.public.spki, now.public.spki_len },
				(struct slice){ known->public.spki, known->public.spki_len });
	public_free(&now.public);
	if (same || a->rv != CKR_OK)
		return refused;
	return attempt_failed(a, "C_FindObjects", CKR_OBJECT_HANDLE_INVALID);
}

int keys_look(struct attempt *a, struct slice id, struct key **out)
{
	pthread_mutex_lock(&a->token->keys_lock);
	*out = key_lookup(a->token, id);
	int refused = *out && (*out)->ready ? key_look(a, id, *out) : key_find(a, id, out);
	pthread_mutex_unlock(&a->token->keys_lock);
	return refused;
}

int keys_prove(struct attempt *a, struct slice id, struct key **out)
{
	pthread_mutex_lock(&a->token->keys_lock);
	int refused = key_find(a, id, out);
	if (!refused && !(*out)->proven) {
		refused = key_challenge(a, *out);
		(*out)->proven = !refused;
	}
	pthread_mutex_unlock(&a->token->keys_lock);
	return refused;
}

bool keys_trusted(const struct token *t, const struct key *k)
{
	if (t->settings->imported_keys)
		return k->attributes & KEY_CAN_SIGN;
	uint32_t must = KEY_IS_SENSITIVE | KEY_ALWAYS_SENSITIVE | KEY_NEVER_EXTRACTABLE | KEY_CAN_SIGN;
	uint32_t must_not = KEY_IS_EXTRACTABLE | KEY_CAN_OTHER;
	if (t->settings->require_local)
		must |= KEY_IS_LOCAL;
	return (k->attributes & (must | must_not)) == must;
}

void keys_forget(struct token *t)
{
	for (size_t i = 0; i < KEY_CHAINS; i++)
		for (struct key *k = t->keys[i]; k; k = k->next)
			k->ready = false;
}

void keys_free(struct token *t)
{
	for (size_t i = 0; i < KEY_CHAINS; i++) {
		for (struct key *k; (k = t->keys[i]);) {
			t->keys[i] = k->next;
			public_free(&k->public);
			free(k);
		}
	}
}
