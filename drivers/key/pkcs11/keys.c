#include "key/pkcs11/keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "key/pkcs11/attributes.h"
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
	/* A token that has lost the login shows no private key at all, and one that is away nothing. */
	if (count == 0 && (refused = attempt_sound(a)) != 0)
		return refused;
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

/* What the token has under an id, as it is now. */
static int key_read(struct attempt *a, struct slice id, struct key *k)
{
	CK_OBJECT_HANDLE public;
	uint32_t attributes;
	int refused = object_find(a, CKO_PRIVATE_KEY, id, &k->handle);
	if (!refused)
		refused = object_find(a, CKO_PUBLIC_KEY, id, &public);
	if (!refused)
		refused = attributes_read(a, k->handle, &attributes);
	if (!refused)
		refused = public_read(a, public, &k->public);
	if (!refused)
		atomic_store(&k->attributes, attributes);
	return refused;
}

/* A key that was known before must come back with the same public key; that is kept, the other one freed. */
static int key_compare(const struct key *known, struct key *found)
{
	bool same = slice_equal((struct slice){ known->public.spki, known->public.spki_len },
				(struct slice){ found->public.spki, found->public.spki_len });
	public_free(&found->public);
	if (same)
		return 0;
	log_error("key_changed", "why=\"the token has another public key under this id than before\"");
	return DRIVER_REFUSE_KEY_MISMATCH;
}

/* Says once for each login what keeps a key from signing, or would without imported_keys. */
static void key_report(const struct token *t, const struct key *k)
{
	char hex[2 * MAX_DRIVER_KEY + 1], text[MAX_ATTRIBUTES_TEXT];
	uint32_t attributes = atomic_load(&k->attributes);
	uint32_t wrong = attributes_wrong(t->settings, attributes);
	uint32_t foreign = attributes_foreign(t->settings, attributes);
	if (!wrong && !foreign)
		return;
	hex_encode(k->id, k->id_len, hex);
	attributes_text(attributes, wrong ? wrong : foreign, text);
	log_warning(wrong ? "key_refused" : "key_imported", "key=%s algorithm=%s attributes=\"%s\"", hex,
		    k->public.algorithm->name, text);
}

static int key_load(struct attempt *a, struct key *k, struct slice id)
{
	struct key found = { 0 };
	int refused = key_read(a, id, &found);
	if (!refused && k->public.spki)
		refused = key_compare(k, &found);
	else if (!refused)
		k->public = found.public;
	k->handle = found.handle;
	atomic_store(&k->attributes, atomic_load(&found.attributes));
	k->ready = !refused;
	k->proven = false;
	if (!refused)
		key_report(a->token, k);
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
	log_challenge(SLICE_OF(challenge));
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

int keys_prove(struct attempt *a, struct key *k)
{
	int refused = 0;
	pthread_mutex_lock(&a->token->keys_lock);
	if (!k->proven) {
		refused = key_challenge(a, k);
		k->proven = !refused;
	}
	pthread_mutex_unlock(&a->token->keys_lock);
	return refused;
}

/* Ids that no request can name are left out, and said so. */
static int object_see(struct attempt *a, CK_OBJECT_HANDLE object, key_seen seen, void *with)
{
	uint8_t id[MAX_DRIVER_KEY];
	CK_ULONG n = 0;
	CK_RV rv = cryptoki_get(&a->token->module, a->session, object, CKA_ID, id, sizeof(id), &n);
	if (rv != CKR_OK && cryptoki_class(rv) != CRYPTOKI_ASKED)
		return attempt_failed(a, "C_GetAttributeValue", rv);
	if (rv == CKR_OK && n > 0)
		return seen(a, (struct slice){ id, n }, with);
	log_info("key_without_id", "expected=\"a CKA_ID of 1 to %d bytes\"", MAX_DRIVER_KEY);
	return 0;
}

int keys_look(struct attempt *a, struct slice id, struct key *out)
{
	struct key *known;
	*out = (struct key){ 0 };
	int refused = keys_find(a, id, &known);
	if (!refused)
		refused = key_read(a, id, out);
	if (refused)
		return refused;
	atomic_store(&known->attributes, atomic_load(&out->attributes));
	refused = key_compare(known, out);
	out->public = known->public; /* as long as the token lives */
	return refused;
}

int keys_each(struct attempt *a, key_seen seen, void *with)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE like = { CKA_CLASS, &class, sizeof(class) };
	CK_ULONG count;
	CK_OBJECT_HANDLE *found = calloc(MAX_LISTED_KEYS + 1, sizeof(*found));
	if (!found)
		return DRIVER_REFUSE_BUSY;
	CK_RV rv = cryptoki_find(&a->token->module, a->session, &like, 1, found, MAX_LISTED_KEYS + 1, &count);
	int refused = rv == CKR_OK ? 0 : attempt_failed(a, "C_FindObjects", rv);
	if (count > MAX_LISTED_KEYS)
		log_warning("keys_not_listed", "listed=%d why=\"the token has more\"", MAX_LISTED_KEYS);
	for (CK_ULONG i = 0; !refused && i < count && i < MAX_LISTED_KEYS; i++)
		refused = object_see(a, found[i], seen, with);
	free(found);
	return refused;
}

bool keys_trusted(const struct token *t, const struct key *k)
{
	return attributes_wrong(t->settings, atomic_load(&k->attributes)) == 0;
}

void keys_latched(const struct token *t, const struct key *k, const char *answer)
{
	char hex[2 * MAX_DRIVER_KEY + 1];
	hex_encode(k->id, k->id_len, hex);
	log_error("key_latched",
		  "token=%s key=%s answer=%s why=\"%d times in a row; until this process is started anew\"", t->label,
		  hex, answer, MAX_KEY_STRIKES);
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
