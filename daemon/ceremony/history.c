#include "ceremony/history.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "signd/chain.h"

#define MAX_HISTORY 65536 /* certificates of one offline root */

int history_walk(struct signer *s, history_visit *visit, void *with)
{
	scoped_buf bytes = { .max = MAX_RECORD + 4096 };
	struct journal_head head;
	struct record r;
	journal_head(s->journal, &head);
	for (uint64_t seq = 0; seq < head.size; seq++) {
		if (ledger_read(s->reader, seq, &bytes, &r) != 0)
			return -1;
		if (!visit(with, &r))
			break;
	}
	return 0;
}

struct answer {
	char wanted[2 * HASH_SIZE + 16]; /* as the context has it; or */
	const uint8_t *root;		 /* ... the key that signed itself */
	uint64_t intent, done;
	struct buf tbs, *certificate;
	bool broken;
};

static void answer_conclude(struct answer *a, const struct record *r)
{
	struct cert_result_record result;
	if (record_cert_result_get(r->body, &result) != PACK_OK || !a->intent || result.intent != a->intent)
		return;
	buf_clear(a->certificate);
	a->broken = record_certificate(buf_slice(&a->tbs), result.signature, a->certificate) != 0;
	a->done = a->intent;
}

static bool answer_wanted(const struct answer *a, const struct cert_intent_record *intent)
{
	if (a->root)
		return memcmp(intent->ca_key, a->root, KEY_ID_SIZE) == 0 &&
		       memcmp(intent->subject_key_id, a->root, KEY_ID_SIZE) == 0;
	return memmem(intent->context.at, intent->context.len, a->wanted, strlen(a->wanted)) != NULL;
}

static bool answer_visit(void *with, const struct record *r)
{
	struct answer *a = with;
	struct cert_intent_record intent;
	if (r->type == RECORD_CERT_RESULT)
		answer_conclude(a, r);
	if (r->type != RECORD_CERT_INTENT || record_cert_intent_get(r->body, &intent) != PACK_OK ||
	    !answer_wanted(a, &intent))
		return !a->done;
	a->intent = r->seq;
	buf_clear(&a->tbs);
	buf_put_slice(&a->tbs, intent.tbs);
	return true;
}

static int answer_find(struct signer *s, struct answer *a, uint64_t *seq)
{
	buf_init(&a->tbs, MAX_RECORD_BODY);
	int r = history_walk(s, answer_visit, a);
	buf_free(&a->tbs);
	*seq = a->done;
	return r || a->broken || !buf_ok(a->certificate) ? -1 : 0;
}

int history_answer(struct signer *s, const uint8_t request[HASH_SIZE], uint64_t *seq, struct buf *certificate)
{
	struct answer a = { .certificate = certificate };
	char hex[2 * HASH_SIZE + 1];
	hex_encode(request, HASH_SIZE, hex);
	snprintf(a.wanted, sizeof(a.wanted), "\"request\":\"%s\"", hex);
	return answer_find(s, &a, seq);
}

int history_root(struct signer *s, const uint8_t key_id[KEY_ID_SIZE], uint64_t *seq, struct buf *certificate)
{
	struct answer a = { .certificate = certificate, .root = key_id };
	return answer_find(s, &a, seq);
}

struct certificates {
	const uint8_t *key_id;
	struct history_certificate *all;
	size_t count;
	bool broken;
};

/* Cut if it is long; escaped where it could not be shown. */
static void name_put(const X509 *x, char out[256])
{
	BIO *bio = BIO_new(BIO_s_mem());
	unsigned long form = (XN_FLAG_RFC2253 & ~(unsigned long)(XN_FLAG_DN_REV | XN_FLAG_SEP_MASK)) | XN_FLAG_SEP_CPLUS_SPC;
	char *text;
	if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(x), 0, form) > 0) {
		long n = BIO_get_mem_data(bio, &text);
		snprintf(out, 256, "%.*s", (int)n, text);
	}
	BIO_free(bio);
}

static bool certificate_add(struct certificates *c, const struct record *r, const X509 *x)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	struct slice number = { ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial) };
	void *grown = c->count < MAX_HISTORY ? realloc(c->all, (c->count + 1) * sizeof(*c->all)) : NULL;
	if (!grown || number.len > sizeof(c->all->serial))
		return false;
	c->all = grown;
	struct history_certificate *one = &c->all[c->count++];
	*one = (struct history_certificate){ .serial_len = number.len,
					     .seq = r->seq,
					     .not_after = certificate_time(X509_get0_notAfter(x)) };
	memcpy(one->serial, number.at, number.len);
	name_put(x, one->name);
	return true;
}

static bool certificate_visit(void *with, const struct record *r)
{
	static const uint8_t no_signature[1] = { 0 };
	struct certificates *c = with;
	struct cert_intent_record intent;
	scoped_buf der = { .max = MAX_RECORD_BODY };
	if (r->type != RECORD_CERT_INTENT || record_cert_intent_get(r->body, &intent) != PACK_OK ||
	    memcmp(intent.ca_key, c->key_id, KEY_ID_SIZE) != 0)
		return true;
	X509 *x = record_certificate(intent.tbs, SLICE_OF(no_signature), &der) == 0 ? certificate_read(buf_slice(&der))
										    : NULL;
	c->broken = !x || !certificate_add(c, r, x);
	X509_free(x);
	return !c->broken;
}

int history_certificates(struct signer *s, const uint8_t key_id[KEY_ID_SIZE], struct history_certificate **all,
			 size_t *count)
{
	struct certificates c = { .key_id = key_id };
	int r = history_walk(s, certificate_visit, &c);
	*all = c.all;
	*count = c.count;
	return r || c.broken ? -1 : 0;
}
