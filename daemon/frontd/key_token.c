#include "frontd/key_token.h"

#include <string.h>

#include "frontd/answer.h"
#include "frontd/front.h"
#include "frontd/signer.h"
#include "wire/inner_ask.h"

#define RETRY_SECONDS 2
#define FILE_MODEL "insecure PEM files" /* what the file driver says that it is */

static bool is_file(const struct driver_report *t)
{
	return slice_equal(t->model, slice_text(FILE_MODEL));
}

static bool is_silent(const struct driver_report *t)
{
	return !t->label.len && !t->serial.len && !t->manufacturer.len && !t->model.len;
}

static bool fits(struct slice asked, struct slice is)
{
	return asked.len == 0 || slice_equal(asked, is);
}

/* File drivers take no part in a search among tokens, unless one is named. */
static bool token_fits(const struct key_uri *uri, const struct driver_report *t)
{
	if (uri->form == KEY_URI_FILE)
		return is_file(t);
	bool named =
		uri->token.len ? slice_equal(uri->token, t->name) || slice_equal(uri->token, t->label) : !is_file(t);
	return named && fits(uri->serial, t->serial) && fits(uri->manufacturer, t->manufacturer) &&
	       fits(uri->model, t->model);
}

enum key_token_answer key_token_match(const struct key_uri *uri, struct list drivers, char name[MAX_TOKEN_NAME + 1])
{
	uint8_t state;
	struct slice item;
	struct driver_report t;
	size_t found = 0, silent = 0;
	while (list_next(&drivers, &state, &item)) {
		if (!report_driver_get(item, &t))
			continue;
		if (token_fits(uri, &t) && (!is_silent(&t) || uri->token.len)) {
			slice_to_text(t.name, name, MAX_TOKEN_NAME + 1);
			found++;
		} else {
			silent += is_silent(&t);
		}
	}
	return found == 1 ? TOKEN_ONE : found ? TOKEN_MANY : silent ? TOKEN_SILENT : TOKEN_NONE;
}

static int token_refuse(struct call *c, enum key_token_answer answer)
{
	if (answer == TOKEN_MANY)
		return call_refuse(
			c, 400, "token_ambiguous", "key_driver_id",
			"key_driver_id fits more than one of the signer's tokens; say which by token or serial.");
	if (answer == TOKEN_NONE)
		return call_refuse(c, 400, "token_not_found", "key_driver_id",
				   "key_driver_id fits none of the signer's tokens; GET /api/v1/status lists them.");
	call_refuse(c, 503, "token_away", "key_driver_id",
		    "key_driver_id fits no token that is known, but one that is away may be it.");
	c->error.retry_after = RETRY_SECONDS;
	return 1;
}

int key_token_find(struct front *f, struct call *c, const struct key_uri *uri, char name[MAX_TOKEN_NAME + 1])
{
	struct status_request request;
	memset(&request, 0, sizeof(request));
	struct status_reply reply;
	scoped_answer answer = { .body = { NULL, 0 } };
	enum signer_result r = signer_status(f->signer, &request, &reply, &answer);
	if (r)
		return answer_signer(c, r, &answer);
	enum key_token_answer found = key_token_match(uri, reply.drivers, name);
	return found ? token_refuse(c, found) : 0;
}
