/* The end of a key: people destroy it with the token's own tool, and the signer proves that it is gone. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "ceremony/act.h"
#include "ceremony/desk.h"
#include "ceremony/dialogue.h"
#include "ceremony/screen.h"
#include "wire/inner_ask.h"

#define MAX_LOOKS 5 /* until the token has it no more */

/* The only key whose number begins so. Positive: said. */
static int key_pick(const struct act *a, const struct key **out)
{
	const struct keys *keys = &a->signer->keys;
	size_t n = strlen(a->wish->key), found = 0;
	for (size_t i = 0; i < keys->count; i++) {
		char id[2 * KEY_ID_SIZE + 1];
		hex_encode(keys->all[i]->id, KEY_ID_SIZE, id);
		if (n >= 4 && n <= 2 * KEY_ID_SIZE && strncmp(id, a->wish->key, n) == 0 && ++found)
			*out = keys->all[i];
	}
	if (found == 1)
		return 0;
	return say_wrong(
		"%s key of this folder has a number that begins with %s; `chancery-ceremony show` lists them, and at "
		"least four digits are needed.",
		found ? "More than one" : "No", a->wish->key);
}

static void key_tell(const struct key *k)
{
	char id[2 * KEY_ID_SIZE + 1], tool[2 * MAX_DRIVER_KEY + 1];
	hex_encode(k->id, KEY_ID_SIZE, id);
	hex_encode(k->driver_key, k->driver_key_len, tool);
	say("What would be destroyed, for ever:");
	say_row("key number", "%s", id);
	say_row("for the token's own tool", "id %s", tool);
	tell_key(&on_screen, "it is", buf_slice(&k->public_key));
	if (k->charter_bytes.len)
		tell_der_name(&on_screen, "the key of", k->charter.subject);
	else
		say_row("the key of", "nobody: no certificate was made for it");
	say("%s", "");
	say("Afterwards nothing can be signed with it any more: no CA below it, and no list of what it\n"
	    "has revoked. A copy in another token or in a backup must be destroyed there.\n");
}

static int key_gone(struct act *a, const struct key *k, struct slice *field)
{
	scoped_buf request = { .max = 4096 }, context = { .max = MAX_CONTEXT };
	struct key_gone_request r = { .context = { NULL, 0 } };
	struct key_gone_reply reply;
	const char *where;
	act_context(a, &context);
	r.context = buf_slice(&context);
	memcpy(r.key_id, k->id, KEY_ID_SIZE);
	desk_id(r.request_id);
	ask_key_gone_put(&request, 1, &r);
	int code = desk_ask(a->signer, &request, field);
	if (!code && ask_key_gone_get(*field, &reply, &where) != PACK_OK)
		code = -1;
	if (!code)
		a->outcome = reply.ledger_seq;
	return code;
}

static enum act_end gone_await(struct act *a, const struct key *k)
{
	struct slice field;
	int code = -1;
	for (int i = 0; i < MAX_LOOKS; i++) {
		if (ask_yes("Destroy it now with the token's own tool. Type yes when it is done:") != 1) {
			say("Then it stays as it is.");
			return ACT_DECLINED;
		}
		code = key_gone(a, k, &field);
		if (code != REFUSE_KEY_PRESENT)
			break;
		say("The token still has it.");
	}
	if (code)
		return act_refused(code, field);
	say("\nThe token lists other keys and not this one. That it is gone is record %llu of this ledger.",
	    (unsigned long long)a->outcome);
	return ACT_DONE;
}

enum act_end act_destroy(struct act *a)
{
	const struct key *k = NULL;
	if (key_pick(a, &k) != 0 || !k)
		return ACT_FAILED;
	if (k->state == KEY_STATE_GONE)
		return act_refused(REFUSE_KEY_GONE, slice_text("key"));
	key_tell(k);
	enum act_end end = act_consent(a, "shall this key be destroyed?");
	return end ? end : gone_await(a, k);
}
