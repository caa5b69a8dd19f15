#include "frontd/call.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/text.h"

/* Half a character would make an answer that is no JSON. */
static void text_copy(const char *text, char *out, size_t size)
{
	size_t n = text_cut(slice_text(text), size - 1);
	memcpy(out, text, n);
	out[n] = '\0';
}

int call_refuse(struct call *c, unsigned status, const char *code, const char *field, const char *format, ...)
{
	struct call_error *e = &c->error;
	char message[2 * sizeof(e->message)];
	e->status = status;
	snprintf(e->code, sizeof(e->code), "%s", code);
	text_copy(field ? field : "", e->field, sizeof(e->field));
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	text_copy(message, e->message, sizeof(e->message));
	return 1;
}

int call_reply(struct call *c, unsigned status, json_t *reply)
{
	if (!reply)
		return -1;
	json_decref(c->reply);
	c->reply = reply;
	c->status = status;
	return 0;
}

static int text_take(struct call *c, unsigned status, char *text, size_t len, const char *content_type)
{
	if (!text)
		return -1;
	free(c->text);
	c->text = text;
	c->text_len = len;
	c->content_type = content_type;
	c->status = status;
	return 0;
}

int call_reply_text(struct call *c, unsigned status, char *text, const char *content_type)
{
	return text_take(c, status, text, text ? strlen(text) : 0, content_type);
}

int call_reply_bytes(struct call *c, unsigned status, struct buf *bytes, const char *content_type)
{
	if (!buf_ok(bytes))
		return -1;
	char *text = (char *)bytes->at;
	size_t len = bytes->len;
	bytes->at = NULL;
	bytes->len = bytes->cap = 0;
	return text_take(c, status, text, len, content_type);
}

int call_reply_file(struct call *c, unsigned status, int file, const char *content_type)
{
	c->status = status;
	c->has_file = true;
	c->file = file;
	c->content_type = content_type;
	return 0;
}

struct call_waiter {
	pthread_mutex_t mutex;
	pthread_cond_t finished;
	bool done;
};

static void waiter_wake(struct call *c)
{
	struct call_waiter *w = c->waiter;
	pthread_mutex_lock(&w->mutex);
	w->done = true;
	pthread_cond_signal(&w->finished);
	pthread_mutex_unlock(&w->mutex);
}

void call_wait(struct call *c)
{
	struct call_waiter w = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false };
	c->waiter = &w;
	c->finished = waiter_wake;
	c->start(c);
	pthread_mutex_lock(&w.mutex);
	while (!w.done)
		pthread_cond_wait(&w.finished, &w.mutex);
	pthread_mutex_unlock(&w.mutex);
	pthread_cond_destroy(&w.finished);
	pthread_mutex_destroy(&w.mutex);
	c->waiter = NULL;
}

void call_clear(struct call *c)
{
	json_decref(c->reply);
	free(c->text);
	c->reply = NULL;
	c->text = NULL;
	c->text_len = 0;
	c->status = 0;
	if (c->has_file)
		fd_close(&c->file);
	c->has_file = false;
	c->fresh = (struct call_freshness){ .until = 0 };
	c->error = (struct call_error){ .status = 0 };
}
