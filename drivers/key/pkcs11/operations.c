#include "key/pkcs11/operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "key/pkcs11/create.h"
#include "key/pkcs11/keys.h"
#include "key/pkcs11/signature.h"
#include "key/pkcs11/token.h"

static int token_hello(void *of, unsigned worker, const struct driver_hello_request *r,
		       struct driver_hello_reply *reply, struct key_room *room)
{
	struct token *t = of;
	(void)worker;
	(void)r;
	(void)room;
	*reply = (struct driver_hello_reply){ .version = DRIVER_VERSION,
					      .workers = (uint16_t)t->workers,
					      .algorithms = t->algorithms,
					      .name = slice_text(t->settings->name),
					      .label = slice_text(t->label),
					      .serial = slice_text(t->serial),
					      .manufacturer = slice_text(t->manufacturer),
					      .model = slice_text(t->model),
					      .resumed = atomic_exchange(&t->resumed, false) };
	return 0;
}

static int token_status(void *of, unsigned worker, const struct driver_status_request *r,
			struct driver_status_reply *reply, struct key_room *room)
{
	struct token *t = of;
	(void)worker;
	(void)r;
	(void)room;
	*reply = (struct driver_status_reply){ .state = TOKEN_READY,
					       .detail = slice_text(""),
					       .token_flags = atomic_load(&t->flags),
					       .sessions = t->workers,
					       .signatures = atomic_load(&t->signatures),
					       .failures = atomic_load(&t->failures),
					       .recoveries = atomic_load(&t->recoveries),
					       .since = t->since };
	return 0;
}

struct listing {
	struct key_room *room;
	uint16_t count;
};

/* Ids that no request can name are left out, and said so. */
static int list_add(struct attempt *a, CK_OBJECT_HANDLE object, struct listing *l)
{
	uint8_t id[MAX_DRIVER_KEY];
	CK_ULONG n = 0;
	CK_RV rv = cryptoki_get(&a->token->module, a->session, object, CKA_ID, id, sizeof(id), &n);
	if (rv != CKR_OK && cryptoki_class(rv) != CRYPTOKI_ASKED)
		return attempt_failed(a, "C_GetAttributeValue", rv);
	if (rv != CKR_OK || n == 0)
		log_info("key_without_id", "expected=\"a CKA_ID of 1 to %d bytes\"", MAX_DRIVER_KEY);
	else
		list_put(&l->room->list, &l->count, 0, (struct slice){ id, n });
	return 0;
}

static int list_act(struct attempt *a, void *listing)
{
	struct listing *l = listing;
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
	buf_clear(&l->room->list);
	l->count = 0;
	for (CK_ULONG i = 0; !refused && i < count && i < MAX_LISTED_KEYS; i++)
		refused = list_add(a, found[i], l);
	free(found);
	return refused;
}

static int token_list(void *of, unsigned worker, const struct driver_list_request *r, struct driver_list_reply *reply,
		      struct key_room *room)
{
	struct listing l = { .room = room };
	(void)r;
	int result = token_run(of, worker, list_act, &l);
	reply->keys = list_of(&room->list, l.count);
	return result;
}

static struct slice public_copy(const struct key *k, struct key_room *room)
{
	memcpy(room->public_key, k->public.spki, k->public.spki_len);
	return (struct slice){ room->public_key, k->public.spki_len };
}

static int token_create(void *of, unsigned worker, const struct driver_create_request *r,
			struct driver_create_reply *reply, struct key_room *room)
{
	struct creation c = { .request = r };
	int result = token_run(of, worker, create_act, &c);
	if (result != 0)
		return result;
	snprintf(room->dropped, sizeof(room->dropped), "%s", c.dropped);
	reply->public_key = public_copy(c.key, room);
	reply->dropped = slice_text(room->dropped);
	return 0;
}

struct look {
	struct slice id;
	struct key *key;
	uint32_t attributes; /* as of this attempt: a recovery reads them anew */
};

static int public_act(struct attempt *a, void *look)
{
	struct look *l = look;
	int refused = keys_look(a, l->id, &l->key);
	if (!refused)
		l->attributes = l->key->attributes;
	return refused;
}

static int token_public(void *of, unsigned worker, const struct driver_public_request *r,
			struct driver_public_reply *reply, struct key_room *room)
{
	struct look l = { .id = r->key };
	int result = token_run(of, worker, public_act, &l);
	if (result != 0)
		return result;
	reply->algorithm = l.key->public.algorithm->number;
	reply->attributes = l.attributes;
	reply->public_key = public_copy(l.key, room);
	return 0;
}

struct signing {
	const struct driver_sign_request *request;
	uint8_t *signature;
	size_t size;
};

/* The request names the algorithm too, so that a mix-up of keys is a refusal and never a signature. */
static int sign_act(struct attempt *a, void *signing)
{
	struct signing *s = signing;
	struct key *k;
	int refused = keys_prove(a, s->request->key, &k);
	if (refused)
		return refused;
	if (!keys_trusted(a->token, k))
		return DRIVER_REFUSE_KEY_ATTRIBUTES;
	if (k->public.algorithm->number != s->request->algorithm)
		return DRIVER_REFUSE_ALGORITHM;
	refused = signature_make(a, k, s->request->data, s->signature);
	s->size = k->public.algorithm->signature_size;
	return refused;
}

static int token_sign(void *of, unsigned worker, const struct driver_sign_request *r, struct driver_sign_reply *reply,
		      struct key_room *room)
{
	struct token *t = of;
	struct signing s = { .request = r, .signature = room->signature };
	int result = token_run(t, worker, sign_act, &s);
	if (result != 0)
		return result;
	atomic_fetch_add(&t->signatures, 1);
	reply->signature = (struct slice){ room->signature, s.size };
	return 0;
}

const struct key_operations token_operations = {
	.driver_hello = token_hello,
	.driver_list = token_list,
	.driver_create = token_create,
	.driver_public = token_public,
	.driver_sign = token_sign,
	.driver_status = token_status,
};
