/* The certificate of a CA below the root. */
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "ceremony/desk.h"
#include "ceremony/dialogue.h"
#include "ceremony/history.h"
#include "ceremony/request.h"
#include "ceremony/screen.h"
#include "signd/encode/cert.h"
#include "wire/inner_ask.h"

#define BACKDATE 300 /* seconds that a host's clock may be behind this one's */
#define MAX_CERTIFICATE 65536

struct signing {
	struct request_letter letter;
	struct intermediate_letter ask;
	struct asked_key asked;
	const struct key *root;
	struct cert_sign_request request;
};

static int signing_read(struct act *a, struct signing *s)
{
	scoped_buf subject = { .max = 65536 };
	int r = request_read(a, &s->letter, &s->root);
	if (r)
		return r;
	enum letter_refusal refusal = intermediate_letter_get(s->letter.ask, &s->ask);
	if (refusal)
		return say_wrong("The request %s (request_malformed).", letter_refusal_text(refusal));
	if (asked_key_read(s->ask.csr, &s->asked) != 0)
		return say_wrong("The request does not prove that whoever wrote it has the key of that CA: the key's own "
				 "signature is missing or wrong (no_proof).");
	cert_put_name(&subject, s->ask.subject);
	if (buf_ok(&subject) && slice_equal(buf_slice(&subject), buf_slice(&s->asked.subject)))
		return 0;
	return say_wrong("The request names one CA and the proof of its key another (subject_mismatch).");
}

/* What will be asked of the signer: no longer than the root itself, from now on. */
static void signing_draft(struct signing *s)
{
	int64_t now = time_now(), from = now - BACKDATE, until = now + s->ask.seconds;
	const struct intermediate_letter *i = &s->ask;
	s->request = (struct cert_sign_request){
		.kind = KIND_CA,
		.not_before = from < s->root->not_before ? s->root->not_before : from,
		.not_after = until > s->root->not_after ? s->root->not_after : until,
		.key_form = KEY_FOREIGN,
		.subject_key = buf_slice(&s->asked.public_key),
		.subject = i->subject,
		.path_len = i->path_len,
		.permitted = i->permitted,
		.excluded = i->excluded,
		.urls = i->urls,
		.policies = i->policies,
	};
	memcpy(s->request.ca_key, s->root->id, KEY_ID_SIZE);
}

/* What can be said before people are asked. */
static int signing_check(const struct act *a, const struct signing *s)
{
	const struct issuer issuer = key_issuer(s->root, a->signer->config.classes);
	struct verdict v = charter_check(&issuer, &s->request, time_now());
	uint16_t stopped = key_stopped(s->root);
	if (stopped)
		v = (struct verdict){ stopped, "ca_key" };
	if (!v.code &&
	    keys_subject_taken(&a->signer->keys, buf_slice(&s->asked.subject), buf_slice(&s->asked.public_key)))
		v = (struct verdict){ REFUSE_SUBJECT_TAKEN, "subject" };
	return v.code ? (int)act_refused(v.code, slice_text(v.field)) : 0;
}

static enum act_end signing_do(struct act *a, struct signing *s, struct buf *certificate)
{
	scoped_buf request = { .max = 131072 }, context = { .max = MAX_CONTEXT };
	struct cert_sign_reply reply;
	struct slice body;
	const char *where;
	act_context(a, &context);
	s->request.context = buf_slice(&context);
	desk_id(s->request.request_id);
	ask_cert_sign_put(&request, 1, &s->request);
	int code = desk_ask(a->signer, &request, &body);
	if (code || ask_cert_sign_get(body, &reply, &where) != PACK_OK)
		return act_refused(code ? code : -1, body);
	a->outcome = reply.ledger_seq;
	buf_put_slice(certificate, reply.certificate);
	return ACT_DONE;
}

static enum act_end signing_ask(struct act *a, struct signing *s, struct buf *certificate)
{
	enum act_end end = request_greet(a, &s->letter);
	if (end)
		return end;
	say("What would be signed: a certificate, which says that the key below belongs to this CA, and what\n"
	    "the CA may do. A CA is an office that certifies others. Whoever trusts the root then trusts it.");
	tell_intermediate(&on_screen, &s->ask, buf_slice(&s->asked.public_key));
	signing_draft(s);
	tell_validity(&on_screen, s->request.not_before, s->request.not_after);
	if (s->request.not_after == s->root->not_after)
		say_row("", "(it ends with the root itself)");
	tell_der_name(&on_screen, "signed by the root", s->root->charter.subject);
	say("%s", "");
	if (signing_check(a, s) != 0)
		return ACT_FAILED;
	end = act_consent(a, "shall the root sign this?");
	signing_draft(s);
	return end ? end : signing_do(a, s, certificate);
}

static enum act_end signing_run(struct act *a, struct signing *s)
{
	scoped_buf certificate = { .max = MAX_CERTIFICATE };
	uint8_t hash[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1];
	if (history_answer(a->signer, a->wish->hash, &a->outcome, &certificate) != 0)
		return act_refused(-1, (struct slice){ NULL, 0 });
	bool again = a->outcome != 0;
	enum act_end end = again ? ACT_DONE : signing_ask(a, s, &certificate);
	if (end)
		return end;
	hash_of(buf_slice(&certificate), hash);
	hex_encode(hash, HASH_SIZE, hex);
	say(again ? "\nThis request was answered before, by record %llu of this ledger. Nothing is signed again;\n"
		    "the response is written once more. The certificate has the fingerprint (SHA-256)\n    %s\n"
		  : "\nSigned, and the signature was checked. It is record %llu of this root's ledger. The certificate\n"
		    "has the fingerprint (SHA-256)\n    %s\n",
	    (unsigned long long)a->outcome, hex);
	return request_answer(a, &s->letter, buf_slice(&certificate));
}

enum act_end act_sign(struct act *a)
{
	struct signing s = { .root = NULL };
	enum act_end end = signing_read(a, &s) ? ACT_FAILED : signing_run(a, &s);
	asked_key_free(&s.asked);
	return end;
}
