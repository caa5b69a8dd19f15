#include "key/pkcs11/create.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "key/pkcs11/attributes.h"
#include "key/pkcs11/keys.h"

#define MAX_TEMPLATE 24
#define MAX_LABEL 200 /* prefix, and a label or an id in hex, and a NUL */

/*
 * Attributes that a token may refuse without harm: none of them guards the
 * key's bytes. In the order in which they are given up; each alone first,
 * then one after the other.
 */
enum optional {
	OPTIONAL_ALLOWED_MECHANISMS,
	OPTIONAL_ALWAYS_AUTHENTICATE,
	OPTIONAL_COPYABLE,
	OPTIONAL_MODIFIABLE,
	OPTIONAL_SIGN_RECOVER,
	OPTIONAL_DERIVE,
	OPTIONAL_UNWRAP,
	OPTIONAL_DECRYPT,
	OPTIONAL_COUNT
};

static const char *const optional_names[OPTIONAL_COUNT] = {
	"ALLOWED_MECHANISMS",
	"ALWAYS_AUTHENTICATE",
	"COPYABLE",
	"MODIFIABLE",
	"SIGN_RECOVER",
	"DERIVE",
	"UNWRAP",
	"DECRYPT",
};

/* What the templates point to. */
struct pair {
	const struct algorithm *algorithm;
	struct slice id, label;
	CK_KEY_TYPE type;
	CK_MECHANISM_TYPE generate, sign;
	CK_ULONG bits;
	CK_ATTRIBUTE public[MAX_TEMPLATE], private[MAX_TEMPLATE];
	CK_ULONG public_n, private_n;
};

_Static_assert(MAX_LABEL > MAX_LABEL_PREFIX + 2 * MAX_DRIVER_KEY, "labels are never cut: a cut one could be taken");

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS class_private = CKO_PRIVATE_KEY, class_public = CKO_PUBLIC_KEY;
static uint8_t exponent_65537[] = { 1, 0, 1 };

static void add(CK_ATTRIBUTE *list, CK_ULONG *n, CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
	list[(*n)++] = (CK_ATTRIBUTE){ type, (void *)(uintptr_t)value, size };
}

static void add_private(struct pair *p, CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
	add(p->private, &p->private_n, type, value, size);
}

static void add_public(struct pair *p, CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
	add(p->public, &p->public_n, type, value, size);
}

static void private_template(struct pair *p, unsigned dropped)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		enum optional which;
	} denied[] = {
		{ CKA_ALWAYS_AUTHENTICATE, OPTIONAL_ALWAYS_AUTHENTICATE },
		{ CKA_COPYABLE, OPTIONAL_COPYABLE },
		{ CKA_MODIFIABLE, OPTIONAL_MODIFIABLE },
		{ CKA_SIGN_RECOVER, OPTIONAL_SIGN_RECOVER },
		{ CKA_DERIVE, OPTIONAL_DERIVE },
		{ CKA_UNWRAP, OPTIONAL_UNWRAP },
		{ CKA_DECRYPT, OPTIONAL_DECRYPT },
	};
	p->private_n = 0;
	add_private(p, CKA_CLASS, &class_private, sizeof(class_private));
	add_private(p, CKA_KEY_TYPE, &p->type, sizeof(p->type));
	add_private(p, CKA_TOKEN, &yes, sizeof(yes));
	add_private(p, CKA_PRIVATE, &yes, sizeof(yes));
	add_private(p, CKA_SENSITIVE, &yes, sizeof(yes));
	add_private(p, CKA_EXTRACTABLE, &no, sizeof(no));
	add_private(p, CKA_SIGN, &yes, sizeof(yes));
	add_private(p, CKA_ID, p->id.at, p->id.len);
	add_private(p, CKA_LABEL, p->label.at, p->label.len);
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		if (!(dropped & 1U << denied[i].which))
			add_private(p, denied[i].type, &no, sizeof(no));
	if (!(dropped & 1U << OPTIONAL_ALLOWED_MECHANISMS))
		add_private(p, CKA_ALLOWED_MECHANISMS, &p->sign, sizeof(p->sign));
}

/*
 * What the token may do with the public key is left to it: we verify outside,
 * and whoever has the certificate can encrypt. A TPM has one bit for VERIFY
 * and DECRYPT and fails if both are stated.
 */
static void public_template(struct pair *p)
{
	p->public_n = 0;
	add_public(p, CKA_CLASS, &class_public, sizeof(class_public));
	add_public(p, CKA_KEY_TYPE, &p->type, sizeof(p->type));
	add_public(p, CKA_TOKEN, &yes, sizeof(yes));
	add_public(p, CKA_PRIVATE, &no, sizeof(no));
	add_public(p, CKA_ID, p->id.at, p->id.len);
	add_public(p, CKA_LABEL, p->label.at, p->label.len);
	if (p->algorithm->family == FAMILY_RSA) {
		add_public(p, CKA_MODULUS_BITS, &p->bits, sizeof(p->bits));
		add_public(p, CKA_PUBLIC_EXPONENT, exponent_65537, sizeof(exponent_65537));
	} else {
		struct slice params = public_ec_params(p->algorithm);
		add_public(p, CKA_EC_PARAMS, params.at, params.len);
	}
}

static void pair_init(struct pair *p, const struct algorithm *a, struct slice id, struct slice label)
{
	*p = (struct pair){ .algorithm = a, .id = id, .label = label, .bits = a->bits };
	switch (a->family) {
	case FAMILY_EC:
		p->type = CKK_EC;
		p->generate = CKM_EC_KEY_PAIR_GEN;
		p->sign = CKM_ECDSA;
		return;
	case FAMILY_RSA:
		p->type = CKK_RSA;
		p->generate = CKM_RSA_PKCS_KEY_PAIR_GEN;
		p->sign = CKM_RSA_PKCS;
		return;
	case FAMILY_EDWARDS:
		p->type = CKK_EC_EDWARDS;
		p->generate = CKM_EC_EDWARDS_KEY_PAIR_GEN;
		p->sign = CKM_EDDSA;
		return;
	}
}

/* Nothing, then each optional attribute alone, then more and more of them. */
static unsigned dropped_at(unsigned round)
{
	if (round == 0)
		return 0;
	if (round <= OPTIONAL_COUNT)
		return 1U << (round - 1);
	return (2U << (round - OPTIONAL_COUNT)) - 1;
}
#define ROUNDS (2 * OPTIONAL_COUNT)

/* The round without COPYABLE and all before it, which are younger than some modules. */
#define ROUND_OF_THE_YOUNGEST (OPTIONAL_COUNT + OPTIONAL_COPYABLE)

static bool template_refused(CK_RV rv)
{
	return rv == CKR_TEMPLATE_INCONSISTENT || rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID;
}

static void dropped_name(unsigned dropped, char *out)
{
	size_t n = 0;
	out[0] = '\0';
	for (unsigned i = 0; i < OPTIONAL_COUNT; i++)
		if (dropped & 1U << i)
			n += (size_t)snprintf(out + n, MAX_DROPPED_TEXT - n, "%s%s", n ? "," : "", optional_names[i]);
}

/* A session that may write, for as long as the key takes; the token's only one may. */
static CK_RV session_open(struct attempt *a, CK_SESSION_HANDLE *out)
{
	*out = a->session;
	return a->token->one_session ? CKR_OK : cryptoki_open(&a->token->module, true, out);
}

/* Ids and labels are for ever: what is there is never touched, and never doubled. */
static int absent_check(struct attempt *a, struct slice id, struct slice label)
{
	CK_OBJECT_HANDLE found;
	CK_ULONG count;
	int refused = keys_count(a, -1, CKA_ID, id, &found, 1, &count);
	if (refused || count)
		return refused ? refused : DRIVER_REFUSE_KEY_EXISTS;
	refused = keys_count(a, -1, CKA_LABEL, label, &found, 1, &count);
	return refused || !count ? refused : DRIVER_REFUSE_KEY_EXISTS;
}

/*
 * After a failure: whether it is certain, or once likely enough, that there is no pair. Of an answer like
 * CKR_GENERAL_ERROR that can't be known, so the token is asked; a second try looks again before it makes anything.
 */
static bool nothing_made(struct attempt *a, struct creation *c, const struct pair *p, CK_RV rv)
{
	enum cryptoki_class class = cryptoki_class(rv);
	if (class == CRYPTOKI_LOST)
		return true;
	if (c->tried_twice || (class != CRYPTOKI_BROKEN && class != CRYPTOKI_EXHAUSTED))
		return false;
	c->tried_twice = true;
	return absent_check(a, p->id, p->label) == 0;
}

/*
 * NSS answers CKR_GENERAL_ERROR to an attribute that it doesn't know. Whoever
 * answers so twice, and made nothing, is asked once without the youngest.
 */
static bool less_is_asked(struct attempt *a, const struct creation *c, const struct pair *p, CK_RV rv, unsigned *round)
{
	if (template_refused(rv))
		return ++*round < ROUNDS;
	if (rv != CKR_GENERAL_ERROR || !c->tried_twice || *round || absent_check(a, p->id, p->label) != 0)
		return false;
	*round = ROUND_OF_THE_YOUNGEST;
	return true;
}

static int pair_generate(struct attempt *a, struct creation *c, struct pair *p)
{
	CK_SESSION_HANDLE session;
	CK_RV rv = session_open(a, &session);
	if (rv != CKR_OK)
		return attempt_failed(a, "C_OpenSession", rv);
	unsigned round = 0;
	do {
		private_template(p, dropped_at(round));
		public_template(p);
		rv = cryptoki_generate(&a->token->module, session, p->generate, p->public, p->public_n, p->private,
				       p->private_n);
	} while (less_is_asked(a, c, p, rv, &round));
	a->final = rv == CKR_OK || !nothing_made(a, c, p, rv);
	if (session != a->session)
		cryptoki_close(&a->token->module, session);
	if (rv != CKR_OK)
		return attempt_failed(a, "C_GenerateKeyPair", rv);
	dropped_name(dropped_at(round), c->dropped);
	return 0;
}

/* What the token made, found again as every later process will find it. A key that fails stays, unused. */
static int made_check(struct attempt *a, struct creation *c, const struct pair *p, const char *hex)
{
	bool as_asked = false;
	int refused = keys_find(a, c->request->key, &c->key);
	if (!refused)
		refused = attributes_made_with(a, c->key->handle, p->generate, &as_asked);
	if (refused)
		return refused;
	if (c->key->public.algorithm->number == c->request->algorithm && as_asked && keys_trusted(a->token, c->key))
		return keys_prove(a, c->key);
	log_error("key_attributes", "key=%s attributes=0x%02x algorithm=%s generated_as_asked=%s dropped=%s", hex,
		  atomic_load(&c->key->attributes), c->key->public.algorithm->name, as_asked ? "yes" : "no",
		  c->dropped);
	return DRIVER_REFUSE_KEY_ATTRIBUTES;
}

/* The label is the prefix and what the signer says; the id in hex if it says nothing. */
static struct slice label_make(const struct token *t, const struct driver_create_request *r, const char *hex, char *out)
{
	int n = snprintf(out, MAX_LABEL, "%s%.*s", t->settings->key_label_prefix,
			 r->label.len ? (int)r->label.len : (int)strlen(hex),
			 r->label.len ? (const char *)r->label.at : hex);
	return (struct slice){ (const uint8_t *)out, (size_t)n };
}

int create_act(struct attempt *a, void *creation)
{
	struct creation *c = creation;
	const struct driver_create_request *r = c->request;
	const struct algorithm *algorithm = algorithm_by_number(r->algorithm);
	char hex[2 * MAX_DRIVER_KEY + 1], label_at[MAX_LABEL];
	if (!algorithm || !(a->token->algorithms & 1U << algorithm->number))
		return DRIVER_REFUSE_ALGORITHM;
	hex_encode(r->key.at, r->key.len, hex);
	struct slice label = label_make(a->token, r, hex, label_at);
	struct pair pair;
	pair_init(&pair, algorithm, r->key, label);
	int refused = absent_check(a, r->key, label);
	if (!refused)
		refused = pair_generate(a, c, &pair);
	if (!refused)
		refused = made_check(a, c, &pair, hex);
	if (!refused)
		log_info("key_created", "key=%s algorithm=%s attributes=0x%02x dropped=%s", hex, algorithm->name,
			 atomic_load(&c->key->attributes), c->dropped);
	return refused;
}
