/* What is in the folder of an offline root. Signs nothing and asks for nobody. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>

#include "base/text.h"
#include "base/time.h"
#include "ceremony/act.h"
#include "ceremony/dialogue.h"
#include "ceremony/screen.h"
#include "signd/chain.h"

static void show_key(const struct signer *s, const struct key *k)
{
	static const char *const states[] = { "without a certificate", "signs", "closed: signs lists only", "destroyed",
					      "answers OCSP" };
	char id[2 * KEY_ID_SIZE + 1];
	const struct scope *crl = scopes_find(&s->scopes, k->id, 0);
	hex_encode(k->id, KEY_ID_SIZE, id);
	say("Key %s", id);
	say_row("state", "%s", states[k->state]);
	tell_key(&on_screen, "it is", buf_slice(&k->public_key));
	if (!k->charter_bytes.len)
		return;
	tell_der_name(&on_screen, "the key of", k->charter.subject);
	tell_validity(&on_screen, k->not_before, k->not_after);
	tell_path_len(&on_screen, k->charter.path_len);
	if (crl && crl->any) {
		char when[MAX_TELL_TIME];
		tell_time(crl->this_update, when);
		say_row("its last list", "number %llu of %s, %u certificates", (unsigned long long)crl->last.number,
			when, crl->entries);
	}
}

static void certificate_tell(X509 *x, struct slice der)
{
	unsigned char *subject = NULL, *key = NULL;
	uint8_t hash[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1];
	int n = i2d_X509_NAME(X509_get_subject_name(x), &subject), m = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &key);
	say("A certificate:");
	tell_der_name(&on_screen, "of", (struct slice){ subject, n > 0 ? (size_t)n : 0 });
	tell_key(&on_screen, "its key", (struct slice){ key, m > 0 ? (size_t)m : 0 });
	tell_validity(&on_screen, certificate_time(X509_get0_notBefore(x)), certificate_time(X509_get0_notAfter(x)));
	hash_of(der, hash);
	hex_encode(hash, HASH_SIZE, hex);
	say_row("its own fingerprint", "%s", hex);
	say("%s", "");
	screen_words("the certificate", hash);
	OPENSSL_free(subject);
	OPENSSL_free(key);
}

int certificate_show(struct slice pem)
{
	BIO *in = BIO_new_mem_buf(pem.at, (int)pem.len);
	X509 *x = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
	unsigned char *der = NULL;
	int n = x ? i2d_X509(x, &der) : -1;
	if (n > 0)
		certificate_tell(x, (struct slice){ der, (size_t)n });
	OPENSSL_free(der);
	X509_free(x);
	BIO_free(in);
	ERR_clear_error();
	return n > 0 ? 0 : say_wrong("The file has no certificate that can be read.");
}

enum act_end act_show(struct act *a)
{
	const struct signer *s = a->signer;
	struct journal_head head;
	char id[2 * LEDGER_ID_SIZE + 1];
	journal_head(s->journal, &head);
	hex_encode(s->config.ledger_id, LEDGER_ID_SIZE, id);
	say("An offline root's folder, %s", a->home->folder);
	say_row("ledger", "%s\n%llu records", id, (unsigned long long)head.size);
	say_row("people that must agree", "%u", a->home->people);
	for (size_t i = 0; i < s->keys.count; i++)
		show_key(s, s->keys.all[i]);
	return ACT_DONE;
}
