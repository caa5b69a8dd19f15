#include "frontd/tokens.h"

#include <string.h>

#include "frontd/answer.h"
#include "frontd/front.h"
#include "frontd/signer.h"

#define FILE_TOKEN "files" /* the name of the file driver */

/* What a driver says of its token; empty: it has not said so yet. */
struct token {
	struct slice name, label, serial, manufacturer, model;
};

static bool token_read(struct slice item, struct token *out)
{
	const uint8_t *end = item.len ? memchr(item.at, ' ', item.len) : NULL;
	*out = (struct token){ .name = { item.at, end ? (size_t)(end - item.at) : item.len } };
	return out->name.len > 0;
}

/* What was not asked for fits, and what the driver has not said can't be held against it. */
static bool fits(struct slice asked, struct slice is)
{
	return asked.len == 0 || slice_equal(asked, is);
}

static bool token_fits(const struct key_uri *uri, const struct token *t)
{
	if (uri->form == KEY_URI_FILE)
		return slice_equal(t->name, slice_text(FILE_TOKEN));
	return (fits(uri->token, t->label) || slice_equal(uri->token, t->name)) && fits(uri->serial, t->serial) &&
	       fits(uri->manufacturer, t->manufacturer) && fits(uri->model, t->model);
}

static int token_refuse(struct call *c, size_t found)
{
	if (found)
		return call_refuse(c, 400, "token_ambiguous", "key_driver_id",
				   "key_driver_id fits more than one of the signer's tokens; say which by token or serial.");
	return call_refuse(c, 400, "token_not_found", "key_driver_id",
			   "key_driver_id fits none of the signer's tokens; GET /api/v1/status lists them.");
}

static int token_choose(struct call *c, const struct key_uri *uri, struct list drivers, char name[MAX_TOKEN_NAME + 1])
{
	uint8_t state;
	struct slice item;
	size_t found = 0;
	while (list_next(&drivers, &state, &item)) {
		struct token t;
		if (!token_read(item, &t) || !token_fits(uri, &t))
			continue;
		slice_to_text(t.name, name, MAX_TOKEN_NAME + 1);
		found++;
	}
	return found == 1 ? 0 : token_refuse(c, found);
}

int token_find(struct front *f, struct call *c, const struct key_uri *uri, char name[MAX_TOKEN_NAME + 1])
{
	struct status_request request;
	memset(&request, 0, sizeof(request));
	struct status_reply reply;
	scoped_answer answer = { .body = { NULL, 0 } };
	enum signer_result r = signer_status(f->signer, &request, &reply, &answer);
	return r ? answer_signer(c, r, &answer) : token_choose(c, uri, reply.drivers, name);
}
