#include "key/pkcs11/operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "key/pkcs11/create.h"
#include "key/pkcs11/keeper.h"
#include "key/pkcs11/keys.h"
#include "key/pkcs11/latch.h"
#include "key/pkcs11/signature.h"

static struct token *token_of(void *keeper)
{
	return ((struct keeper *)keeper)->token;
}

static int state_refusal(const struct token *t)
{
	switch (atomic_load(&t->state)) {
	case TOKEN_READY:
		return 0;
	case TOKEN_PIN_LATCHED:
		return DRIVER_REFUSE_PIN_LATCHED;
	default:
		return DRIVER_REFUSE_TOKEN_AWAY;
	}
}

static int token_hello(void *of, unsigned worker, const struct driver_hello_request *r,
		       struct driver_hello_reply *reply, struct key_room *room)
{
	struct keeper *keeper = of;
	struct token *t = keeper->token;
	(void)worker;
	(void)r;
	(void)room;
	int refused = state_refusal(t);
	if (refused == DRIVER_REFUSE_PIN_LATCHED)
		keeper_told(keeper);
	if (refused)
		return refused;
	*reply = (struct driver_hello_reply){ .version = DRIVER_VERSION,
					      .workers = (uint16_t)atomic_load(&t->pool),
					      .algorithms = t->algorithms,
					      .name = slice_text(t->settings->name),
					      .label = slice_text(t->label),
					      .serial = slice_text(t->serial),
					      .manufacturer = slice_text(t->manufacturer),
					      .model = slice_text(t->model),
					      .resumed = atomic_load(&t->resumed) };
	atomic_store(&keeper->resume_said, reply->resumed);
	return 0;
}

/* Who asks on after the HELLO that told of a --resume has read it. */
static void resume_tell(struct keeper *keeper)
{
	if (!atomic_exchange(&keeper->resume_said, false))
		return;
	atomic_store(&keeper->token->resumed, false);
	latch_told(keeper->token->settings);
}

/* Answered while the token is away too: then it says why. */
static int token_status(void *of, unsigned worker, const struct driver_status_request *r,
			struct driver_status_reply *reply, struct key_room *room)
{
	struct token *t = token_of(of);
	(void)worker;
	(void)r;
	resume_tell(of);
	health_text(&t->health, room->dropped, sizeof(room->dropped));
	*reply = (struct driver_status_reply){ .state = (uint8_t)atomic_load(&t->state),
					       .detail = slice_text(room->dropped),
					       .token_flags = atomic_load(&t->flags),
					       .sessions = atomic_load(&t->pool),
					       .signatures = atomic_load(&t->signatures),
					       .failures = atomic_load(&t->failures),
					       .recoveries = atomic_load(&t->recoveries),
					       .since = health_since(&t->health) };
	return 0;
}

struct listing {
	struct key_room *room;
	uint16_t count;
};

static int list_add(struct attempt *a, struct slice id, void *listing)
{
	struct listing *l = listing;
	(void)a;
	list_put(&l->room->list, &l->count, 0, id);
	return 0;
}

/* Also a proof of absence, so the token must be there and logged in. */
static int list_act(struct attempt *a, void *listing)
{
	struct listing *l = listing;
	buf_clear(&l->room->list);
	l->count = 0;
	int refused = keys_each(a, list_add, l);
	return refused ? refused : attempt_sound(a);
}

static int token_list(void *of, unsigned worker, const struct driver_list_request *r, struct driver_list_reply *reply,
		      struct key_room *room)
{
	struct listing l = { .room = room };
	(void)r;
	int result = token_run(token_of(of), worker, list_act, &l);
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
	int result = token_run(token_of(of), worker, create_act, &c);
	if (result != 0)
		return result;
	snprintf(room->dropped, sizeof(room->dropped), "%s", c.dropped);
	reply->public_key = public_copy(c.key, room);
	reply->dropped = slice_text(room->dropped);
	return 0;
}

struct look {
	struct slice id;
	struct key key;
};

/* As the token has it now: what an auditor asks for, or who wants to know whether the key is still there. */
static int public_act(struct attempt *a, void *look)
{
	struct look *l = look;
	return keys_look(a, l->id, &l->key);
}

static int token_public(void *of, unsigned worker, const struct driver_public_request *r,
			struct driver_public_reply *reply, struct key_room *room)
{
	struct look l = { .id = r->key };
	int result = token_run(token_of(of), worker, public_act, &l);
	if (result != 0)
		return result;
	reply->algorithm = l.key.public.algorithm->number;
	reply->attributes = atomic_load(&l.key.attributes);
	reply->public_key = public_copy(&l.key, room);
	return 0;
}

struct signing {
	const struct driver_sign_request *request;
	uint8_t *signature;
	size_t size;
};

/* The request names the algorithm too, so that a mix-up of keys is a refusal and never a signature. */
static int key_check(const struct attempt *a, const struct key *k, uint8_t algorithm)
{
	if (!keys_trusted(a->token, k))
		return DRIVER_REFUSE_KEY_ATTRIBUTES;
	if (atomic_load(&k->strikes) >= MAX_KEY_STRIKES)
		return DRIVER_REFUSE_KEY_LATCHED;
	return k->public.algorithm->number == algorithm ? 0 : DRIVER_REFUSE_ALGORITHM;
}

static int sign_act(struct attempt *a, void *signing)
{
	struct signing *s = signing;
	struct key *k;
	int refused = keys_find(a, s->request->key, &k);
	if (!refused)
		refused = key_check(a, k, s->request->algorithm);
	if (refused)
		return refused;
	a->key = k;
	refused = keys_prove(a, k);
	if (!refused)
		refused = signature_make(a, k, s->request->data, s->signature);
	s->size = k->public.algorithm->signature_size;
	return refused;
}

static int token_sign(void *of, unsigned worker, const struct driver_sign_request *r, struct driver_sign_reply *reply,
		      struct key_room *room)
{
	struct token *t = token_of(of);
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
