#include "frontd/context.h"

#include <stdio.h>
#include <string.h>

#include <openssl/sha.h>

#include "wire/inner.h"

static bool set_text(json_t *o, const char *key, const char *text)
{
	return !text || !*text || json_object_set_new(o, key, json_string(text)) == 0;
}

static bool set_slice(json_t *o, const char *key, struct slice s)
{
	return s.len == 0 || json_object_set_new(o, key, json_stringn((const char *)s.at, s.len)) == 0;
}

static bool set_words(json_t *o, const struct call *c, const struct context_words *w)
{
	bool good = set_text(o, "op", w->op) && set_text(o, "actor", c->who ? c->who->actor : NULL) &&
		    set_text(o, "req", c->request_id) && set_text(o, "ca", w->ca) && set_text(o, "name", w->name) &&
		    set_text(o, "parent", w->parent) && set_text(o, "profile", w->profile) &&
		    set_text(o, "from", w->from) && set_text(o, "to", w->to) && set_text(o, "note", w->note) &&
		    set_text(o, "serial", w->serial) && set_text(o, "sha256", w->fingerprint) &&
		    set_text(o, "meta", w->metadata) && set_text(o, "key", w->key_uri);
	if (w->issuer)
		good = good && set_slice(o, "iss", w->issuer->id) && set_slice(o, "iname", w->issuer->name) &&
		       set_slice(o, "mode", w->issuer->hierarchy_mode) && set_slice(o, "issuing", w->issuer->issuing_ca_id);
	return good;
}

int context_put(struct buf *out, const struct call *c, const struct context_words *words)
{
	json_t *o = json_object();
	char *text = set_words(o, c, words) ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	bool fits = text && strlen(text) <= MAX_CONTEXT;
	if (fits)
		buf_put_text(out, text);
	free(text);
	return fits && buf_ok(out) ? 0 : 1;
}

json_t *context_read(struct slice context)
{
	json_t *o = json_loadb((const char *)context.at, context.len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(o))
		return o;
	json_decref(o);
	return NULL;
}

const char *context_text(json_t *context, const char *key)
{
	const char *text = json_string_value(json_object_get(context, key));
	return text ? text : "";
}

void context_id(const char *prefix, const uint8_t request_id[16], char out[48])
{
	scoped_buf seed = { .max = 64 };
	buf_put_text(&seed, prefix);
	buf_put(&seed, request_id, 16);
	uint8_t h[SHA256_DIGEST_LENGTH];
	SHA256(seed.at, seed.len, h);
	h[6] = (uint8_t)((h[6] & 0x0f) | 0x80); /* RFC 9562: version 8, made our own way */
	h[8] = (uint8_t)((h[8] & 0x3f) | 0x80);
	snprintf(out, 48, "%s%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", prefix, h[0], h[1],
		 h[2], h[3], h[4], h[5], h[6], h[7], h[8], h[9], h[10], h[11], h[12], h[13], h[14], h[15]);
}

int64_t request_time(const uint8_t request_id[16])
{
	uint64_t ms = 0;
	for (int i = 0; i < 6; i++)
		ms = ms << 8 | request_id[i];
	return (int64_t)(ms / 1000);
}
