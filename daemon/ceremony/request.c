#include "ceremony/request.h"

#include <openssl/x509.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "ceremony/desk.h"
#include "ceremony/dialogue.h"
#include "ceremony/telling.h"

static const struct key *root_find(const struct act *a, const struct request_letter *r)
{
	const struct keys *keys = &a->signer->keys;
	uint8_t hash[HASH_SIZE];
	for (size_t i = 0; i < keys->count; i++) {
		const struct key *k = keys->all[i];
		hash_of(buf_slice(&k->public_key), hash);
		if (k->charter_bytes.len && memcmp(hash, r->parent_key, HASH_SIZE) == 0 &&
		    slice_equal(k->charter.subject, r->parent))
			return k;
	}
	return NULL;
}

int request_read(const struct act *a, struct request_letter *r, const struct key **root)
{
	enum letter_refusal refusal = request_letter_get(a->wish->letter, r);
	if (refusal)
		return say_wrong("The request %s (request_malformed).", letter_refusal_text(refusal));
	if (r->kind != (a->number == ACT_CRL ? LETTER_CRL : LETTER_INTERMEDIATE))
		return say_wrong("The request asks for another thing: use `chancery-ceremony %s` (request_kind).",
				 r->kind == LETTER_CRL ? "crl" : "sign");
	*root = root_find(a, r);
	if (*root)
		return 0;
	tell_der_name("the request is for", r->parent);
	return say_wrong("No root of this folder has that name and key: it is another root's request (wrong_root).");
}

void request_tell(const struct request_letter *r, const uint8_t hash[HASH_SIZE])
{
	char id[33], created[TIME_TEXT_SIZE];
	hex_encode(r->ledger_id, sizeof(r->ledger_id), id);
	time_text(r->created, created);
	say("A request from another machine:");
	say_row("the machine", "%.*s", (int)r->host.len, r->host.len ? (const char *)r->host.at : "");
	say_row("its ledger", "%s\n%llu records", id, (unsigned long long)r->ledger_size);
	say_row("written", "%s", created);
	say_row("it asks for", "%s",
		r->kind == LETTER_CRL ? "the list of what the root has revoked"
				      : "the certificate of a CA below the root");
	say_row("named there", "%.*s", (int)r->name.len, r->name.len ? (const char *)r->name.at : "");
	tell_der_name("to be signed by", r->parent);
	if (r->approvals.count)
		say_row("approvals there", "%u", r->approvals.count);
	say("%s", "");
	tell_words("the request", hash);
}

enum act_end request_greet(const struct act *a, const struct request_letter *r)
{
	request_tell(r, a->wish->hash);
	if (ask_yes("Do the people at that machine read the same words? Type yes:") != 1) {
		say("Then it is another request than theirs. Nothing is done.");
		return ACT_DECLINED;
	}
	if (tell_clock() != 1) {
		say("Put the clock right first. Nothing is done.");
		return ACT_DECLINED;
	}
	say("%s", "");
	return ACT_DONE;
}

static int armoured(const struct act *a, const struct request_letter *r, struct slice made, struct buf *text,
		    uint8_t hash[HASH_SIZE])
{
	scoped_buf letter = { .max = MAX_LETTER }, note = { .max = MAX_NOTE };
	struct response_letter out = { .kind = r->kind, .created = time_now(), .ledger_seq = a->outcome, .made = made };
	if (desk_checkpoint(a->signer, &note) != 0)
		return say_wrong("The ledger's head could not be signed.");
	memcpy(out.nonce, r->nonce, sizeof(out.nonce));
	memcpy(out.request, a->wish->hash, sizeof(out.request));
	memcpy(out.ledger_id, a->signer->config.ledger_id, sizeof(out.ledger_id));
	out.checkpoint = buf_slice(&note);
	response_letter_put(&letter, &out);
	hash_of(buf_slice(&letter), hash);
	armour_put(text, "RESPONSE", buf_slice(&letter));
	return buf_ok(&letter) && buf_ok(text) ? 0 : say_wrong("The response is too large.");
}

enum act_end request_answer(const struct act *a, const struct request_letter *r, struct slice made)
{
	scoped_buf text = { .max = MAX_LETTER_TEXT };
	uint8_t hash[HASH_SIZE];
	if (armoured(a, r, made, &text, hash) != 0 || act_write(a, buf_slice(&text)) != 0)
		return ACT_FAILED;
	say("The response is in\n    %s\nCarry it to the machine that asked; there: chancery ca import FILE\n",
	    a->wish->out);
	tell_words("the response", hash);
	return ACT_DONE;
}

void asked_key_free(struct asked_key *k)
{
	buf_free(&k->subject);
	buf_free(&k->public_key);
}

static void take(struct buf *out, int n, unsigned char *der)
{
	buf_init(out, 65536);
	if (n > 0)
		buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
}

int asked_key_read(struct slice csr, struct asked_key *out)
{
	const unsigned char *at = csr.at;
	unsigned char *der = NULL;
	*out = (struct asked_key){ .subject = { .max = 1 } };
	X509_REQ *x = d2i_X509_REQ(NULL, &at, (long)csr.len);
	bool whole = x && at == csr.at + csr.len;
	bool proved = whole && X509_REQ_verify(x, X509_REQ_get0_pubkey(x)) == 1;
	if (proved) {
		int n = i2d_X509_NAME(X509_REQ_get_subject_name(x), &der);
		take(&out->subject, n, der);
		der = NULL;
		n = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(x), &der);
		take(&out->public_key, n, der);
	}
	X509_REQ_free(x);
	if (proved && out->subject.len && out->public_key.len)
		return 0;
	return say_wrong("The request does not prove that whoever wrote it has the key: %s (no_proof).",
			 whole ? "its signature is wrong" : "it can't be read");
}

void intermediate_tell(const struct intermediate_letter *i, struct slice public_key)
{
	const struct constraints c = { i->permitted, i->excluded };
	char span[48];
	tell_name("a CA named", i->subject);
	tell_key("its key", public_key);
	tell_span(i->seconds, span);
	say_row("asked to be valid for", "%s", span);
	tell_path_len(i->path_len);
	tell_constraints(&c);
	tell_urls(i->urls);
}

void crl_tell(const struct crl_letter *c)
{
	struct list l = c->revoked;
	struct revoked_entry e;
	char span[48], when[TIME_TEXT_SIZE], serial[2 * MAX_REVOKED_SERIAL + 1];
	tell_span(c->seconds, span);
	say_row("good for", "%s, then there must be another one", span);
	say_row("its number", "%llu or more", (unsigned long long)c->number);
	say_row("certificates on it", "%u", c->revoked.count);
	while (revoked_next(&l, &e)) {
		time_text(e.when, when);
		hex_encode(e.serial.at, e.serial.len, serial);
		say_row("  no longer to be trusted", "serial %s\nsince %s: %s", serial, when, tell_reason(e.reason));
	}
}
