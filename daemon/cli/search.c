#include "cli/search.h"

#include <string.h>

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/text.h"
#include "cli/member.h"

#define KIND_CA 2 /* as the signer's intents say it */

void search_free(struct search *s)
{
	buf_free(&s->tbs);
}

static bool key_add(struct search *s, const uint8_t key_id[16])
{
	for (size_t i = 0; i < s->key_count; i++)
		if (memcmp(s->keys[i].key_id, key_id, 16) == 0)
			return true;
	if (s->key_count == MAX_SEARCH_KEYS)
		return false;
	memcpy(s->keys[s->key_count++].key_id, key_id, 16);
	return true;
}

static bool key_is(const struct search *s, const uint8_t key_id[16])
{
	for (size_t i = 0; i < s->key_count; i++)
		if (memcmp(s->keys[i].key_id, key_id, 16) == 0)
			return true;
	return false;
}

/* A CA begins: its key is remembered if it is the one that is meant. */
static void ca_take(struct search *s, const uint8_t key_id[16], struct slice context)
{
	char hex[33];
	if (!s->ca)
		return;
	json_t *o = json_loadb((const char *)context.at, context.len, JSON_REJECT_DUPLICATES, NULL);
	hex_encode(key_id, 16, hex);
	if (member_is(o, "ca", s->ca) || member_is(o, "name", s->ca) || strcmp(hex, s->ca) == 0)
		key_add(s, key_id);
	json_decref(o);
}

static void found(struct search *s, uint64_t seq, bool whole)
{
	if (s->count) {
		s->twice = true;
		return;
	}
	s->seqs[s->count++] = seq;
	s->is_whole = whole;
}

static bool wanted(const struct search *s, const uint8_t ca_key[16], struct slice tbs)
{
	struct slice serial;
	if (!s->ca)
		return slice_equal(tbs, buf_slice(&s->tbs));
	return key_is(s, ca_key) && record_serial(tbs, &serial) && slice_equal(serial, s->serial);
}

struct slice search_tbs(struct slice certificate)
{
	const unsigned char *at = certificate.at;
	long length;
	int tag, class;
	if (ASN1_get_object(&at, &length, &tag, &class, (long)certificate.len) & 0x81) {
		ERR_clear_error();
		return (struct slice){ NULL, 0 };
	}
	const uint8_t *start = at, *end = certificate.at + certificate.len;
	if (ASN1_get_object(&at, &length, &tag, &class, end - start) & 0x81) {
		ERR_clear_error();
		return (struct slice){ NULL, 0 };
	}
	return (struct slice){ start, (size_t)(at - start) + (size_t)length };
}

static void intent_take(struct search *s, const struct record *r)
{
	struct cert_intent_record in;
	if (record_cert_intent_get(r->body, &in) != PACK_OK)
		return;
	if (in.kind == KIND_CA)
		ca_take(s, in.subject_key_id, in.context);
	if (wanted(s, in.ca_key, in.tbs))
		found(s, r->seq, false);
}

static void result_take(struct search *s, const struct record *r)
{
	struct cert_result_record result;
	if (s->count != 1 || s->is_whole || record_cert_result_get(r->body, &result) != PACK_OK ||
	    result.intent != s->seqs[0])
		return;
	s->seqs[s->count++] = r->seq;
	s->is_whole = true;
}

static void imported_take(struct search *s, const struct record *r)
{
	struct imported_record in;
	if (record_imported_get(r->body, &in) != PACK_OK)
		return;
	ca_take(s, in.key_id, in.context);
	if (wanted(s, in.key_id, search_tbs(in.certificate)))
		found(s, r->seq, true);
}

static void admitted_take(struct search *s, const struct record *r)
{
	struct cert_admitted_record in;
	if (record_cert_admitted_get(r->body, &in) == PACK_OK && wanted(s, in.ca_key, search_tbs(in.certificate)))
		found(s, r->seq, true);
}

int search_visit(struct search *s, const struct record *r)
{
	if (r->type == RECORD_CERT_INTENT)
		intent_take(s, r);
	else if (r->type == RECORD_CERT_RESULT)
		result_take(s, r);
	else if (r->type == RECORD_IMPORTED)
		imported_take(s, r);
	else if (r->type == RECORD_CERT_ADMITTED)
		admitted_take(s, r);
	return 0;
}
