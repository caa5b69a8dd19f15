#include "frontd/context.h"

#include <stdio.h>
#include <string.h>

#include <openssl/sha.h>

#include "frontd/json_text.h"
#include "frontd/signer.h"
#include "wire/inner.h"

static void put_slice(struct buf *out, const char *key, struct slice s)
{
	if (s.len)
		json_member_put(out, key, s);
}

static void put_text(struct buf *out, const char *key, const char *text)
{
	put_slice(out, key, slice_text(text));
}

static const char *number_text(int64_t n, char out[24])
{
	snprintf(out, 24, "%lld", (long long)n);
	return out;
}

static void put_words(struct buf *out, const struct call *c, const struct context_words *w)
{
	char number[24];
	put_text(out, "op", w->op);
	put_text(out, "actor", c->who ? c->who->actor : NULL);
	put_text(out, "req", c->request_id);
	put_text(out, "ca", w->ca);
	put_text(out, "name", w->name);
	put_text(out, "parent", w->parent);
	put_text(out, "profile", w->profile);
	put_text(out, "from", w->from);
	put_text(out, "to", w->to);
	put_text(out, "note", w->note);
	put_text(out, "serial", w->serial);
	put_text(out, "sha256", w->fingerprint);
	put_text(out, "reason", w->reason);
	put_text(out, "when", w->when);
	put_text(out, "subject_ca", w->subject_ca);
	put_text(out, "template", w->template);
	put_text(out, "asked", w->asked);
	put_text(out, "eff", w->effective);
	put_text(out, "meta", w->metadata);
	put_text(out, "valid", w->valid);
	put_text(out, "key", w->key_uri);
	put_text(out, "pred", w->predecessor);
	put_text(out, "succ", w->successor);
	put_text(out, "rot", w->rotation);
	if (w->ttl)
		put_text(out, "ttl", number_text(w->ttl, number));
	put_text(out, "of", w->of);
	put_text(out, "nonce", w->nonce);
	put_text(out, "letter", w->letter);
	put_text(out, "crl", w->crl);
	if (!w->issuer)
		return;
	put_slice(out, "iss", w->issuer->id);
	put_slice(out, "iname", w->issuer->name);
	put_slice(out, "mode", w->issuer->hierarchy_mode);
	put_slice(out, "issuing", w->issuer->issuing_ca_id);
	if (!w->ca)
		put_slice(out, "rot", w->issuer->rotation);
}

int context_put(struct buf *out, const struct call *c, const struct context_words *words)
{
	size_t start = out->len;
	buf_put_u8(out, '{');
	put_words(out, c, words);
	buf_put_u8(out, '}');
	return buf_ok(out) && out->len - start <= MAX_CONTEXT ? 0 : 1;
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

void context_note_id(const uint8_t request_id[16], uint8_t out[16])
{
	memcpy(out, request_id, 16);
	out[15] ^= 0xff;
}

void context_request_id(const struct call *c, uint8_t out[16])
{
	if (c->signing_id_given)
		memcpy(out, c->signing_id, 16);
	else
		signer_request_id(out);
}

int64_t request_time(const uint8_t request_id[16])
{
	uint64_t ms = 0;
	for (int i = 0; i < 6; i++)
		ms = ms << 8 | request_id[i];
	return (int64_t)(ms / 1000);
}
