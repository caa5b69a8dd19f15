/* The root itself: its key, made in the token, and the certificate that it signs for itself. */
#include <openssl/pem.h>
#include <string.h>

#include "base/algorithm.h"
#include "base/text.h"
#include "base/time.h"
#include "ceremony/act.h"
#include "ceremony/desk.h"
#include "ceremony/dialogue.h"
#include "ceremony/history.h"
#include "ceremony/screen.h"
#include "names/dn.h"
#include "signd/encode/cert.h"
#include "wire/inner_ask.h"

#define DAY 86400
#define MAX_CERTIFICATE 65536

struct making {
	struct ca_self_request request;
	struct buf subject_raw, subject; /* the list; DER */
	uint8_t algorithm;
};

static int making_read(const struct act_wish *w, struct making *m)
{
	const char *why;
	uint16_t count = 0;
	uint8_t attribute;
	const struct algorithm *a = algorithm_by_name(w->algorithm);
	if (!a)
		return say_wrong("%s is no kind of key; ECDSA-P384 or RSA-4096 are.", w->algorithm);
	if (!dn_parse(w->subject, &m->subject_raw, &count, &why) || count == 0)
		return say_wrong("The subject must look like \"CN=Example Root, O=Example, C=DE\".");
	struct list subject = list_of(&m->subject_raw, count);
	if (!dn_check(subject, &attribute, &why))
		return say_wrong("The subject can't be used: %s.", why);
	int64_t now = time_now();
	m->algorithm = a->number;
	m->request = (struct ca_self_request){
		.not_before = now,
		.not_after = now + w->days * DAY - 1,
		.subject = subject,
		.path_len = w->path_len < 0 ? PATH_LEN_NONE : (uint16_t)w->path_len,
		.permitted = list_of(&w->permitted, w->permitted_count),
		.excluded = list_of(&w->excluded, w->excluded_count),
	};
	cert_put_name(&m->subject, subject);
	return 0;
}

static void making_tell(const struct making *m)
{
	const struct ca_self_request *r = &m->request;
	const struct constraints c = { r->permitted, r->excluded };
	say("A root is the beginning of a tree of certificates: whoever trusts it trusts all that it\n"
	    "signs, and all that those sign. Its key is made in the token here and never leaves it.\n");
	say("What is made:");
	tell_name(&on_screen, "a root named", r->subject);
	say_row("its key", "%s, new, in the token of this folder", algorithm_by_number(m->algorithm)->name);
	tell_validity(&on_screen, r->not_before, r->not_after);
	tell_path_len(&on_screen, r->path_len);
	tell_constraints(&on_screen, &c);
	say("%s", "");
}

/* A key that an earlier try has left is taken before another one is made. */
static int key_find(struct act *a, const struct making *m, const struct buf *context, uint8_t id[KEY_ID_SIZE])
{
	const struct keys *keys = &a->signer->keys;
	scoped_buf request = { .max = 4096 };
	struct key_create_reply reply;
	struct slice body;
	const char *where;
	for (size_t i = 0; i < keys->count; i++)
		if (keys->all[i]->state == KEY_STATE_UNBOUND && keys->all[i]->algorithm == m->algorithm) {
			memcpy(id, keys->all[i]->id, KEY_ID_SIZE);
			return 0;
		}
	struct key_create_request r = { .token = slice_text(TOKEN_NAME),
					.algorithm = m->algorithm,
					.context = buf_slice(context) };
	desk_id(r.request_id);
	ask_key_create_put(&request, 1, &r);
	int code = desk_ask(a->signer, &request, &body);
	if (code || ask_key_create_get(body, &reply, &where) != PACK_OK)
		return (int)act_refused(code ? code : -1, body);
	memcpy(id, reply.key_id, KEY_ID_SIZE);
	return 0;
}

static int root_sign(struct act *a, struct making *m, struct buf *certificate)
{
	scoped_buf request = { .max = 131072 }, context = { .max = MAX_CONTEXT };
	struct ca_self_reply reply;
	struct slice body;
	const char *where;
	act_context(a, &context);
	int r = key_find(a, m, &context, m->request.key_id);
	if (r)
		return r;
	m->request.context = buf_slice(&context);
	desk_id(m->request.request_id);
	ask_ca_self_put(&request, 1, &m->request);
	int code = desk_ask(a->signer, &request, &body);
	if (code || ask_ca_self_get(body, &reply, &where) != PACK_OK)
		return (int)act_refused(code ? code : -1, body);
	a->outcome = reply.ledger_seq;
	buf_put_slice(certificate, reply.certificate);
	return 0;
}

static enum act_end root_write(const struct act *a, const struct buf *certificate)
{
	scoped_buf pem = { .max = MAX_CERTIFICATE * 2 };
	uint8_t hash[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1], *at;
	BIO *out = BIO_new(BIO_s_mem());
	if (out && PEM_write_bio(out, "CERTIFICATE", "", certificate->at, (long)certificate->len) > 0) {
		long n = BIO_get_mem_data(out, &at);
		buf_put(&pem, at, (size_t)n);
	}
	BIO_free(out);
	hash_of(buf_slice(certificate), hash);
	hex_encode(hash, HASH_SIZE, hex);
	if (!pem.len || act_write(a, buf_slice(&pem)) != 0)
		return ACT_FAILED;
	say("\nThe root is made; it is record %llu of its ledger. Its certificate, with which others recognize\n"
	    "its signatures, is in the file\n    %s\nwith the fingerprint (SHA-256)\n    %s\n",
	    (unsigned long long)a->outcome, a->wish->out, hex);
	screen_words("the root's certificate", hash);
	say("Carry the file to each machine that is to trust the root. It is not secret, but it must be this\n"
	    "one: `chancery-ceremony show FILE` shows the words there.");
	return ACT_DONE;
}

/* The same root once more: its certificate is written again. Positive: there is none yet. */
static int root_again(struct act *a, const struct making *m, struct buf *certificate)
{
	const struct keys *keys = &a->signer->keys;
	for (size_t i = 0; i < keys->count; i++) {
		const struct key *k = keys->all[i];
		if (!k->charter_bytes.len || !key_is_root(k) ||
		    !slice_equal(k->charter.subject, buf_slice(&m->subject)))
			continue;
		if (history_root(a->signer, k->id, &a->outcome, certificate) != 0)
			return -1;
		if (a->outcome)
			return 0;
	}
	return 1;
}

static enum act_end root_make(struct act *a, struct making *m)
{
	scoped_buf certificate = { .max = MAX_CERTIFICATE };
	int known = root_again(a, m, &certificate);
	if (known < 0)
		return act_refused(-1, (struct slice){ NULL, 0 });
	if (known == 0) {
		say("This root is there already; its certificate is written again, and nothing is signed.");
		return root_write(a, &certificate);
	}
	making_tell(m);
	enum act_end end = act_clock();
	if (!end)
		end = act_consent(a, "shall this root be made?");
	if (end)
		return end;
	return root_sign(a, m, &certificate) ? ACT_FAILED : root_write(a, &certificate);
}

enum act_end act_root(struct act *a)
{
	struct making m = { .algorithm = 0 };
	buf_init(&m.subject_raw, 65536);
	buf_init(&m.subject, 65536);
	enum act_end end = making_read(a->wish, &m) ? ACT_FAILED : root_make(a, &m);
	buf_free(&m.subject_raw);
	buf_free(&m.subject);
	return end;
}
