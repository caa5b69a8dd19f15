/* What is in the folder of an offline root. Signs nothing and asks for nobody. */
#include <stdio.h>

#include "base/text.h"
#include "base/time.h"
#include "ceremony/act.h"
#include "ceremony/dialogue.h"
#include "ceremony/telling.h"

static void show_key(const struct signer *s, const struct key *k)
{
	static const char *const states[] = { "without a certificate", "signs", "closed: signs lists only", "destroyed",
					      "answers OCSP" };
	char id[2 * KEY_ID_SIZE + 1];
	const struct scope *crl = scopes_find(&s->scopes, k->id, 0);
	hex_encode(k->id, KEY_ID_SIZE, id);
	say("Key %s", id);
	say_row("state", "%s", states[k->state]);
	tell_key("it is", buf_slice(&k->public_key));
	if (!k->charter_bytes.len)
		return;
	tell_der_name("the key of", k->charter.subject);
	tell_validity(k->not_before, k->not_after);
	tell_path_len(k->charter.path_len);
	if (crl && crl->any) {
		char when[TIME_TEXT_SIZE];
		time_text(crl->this_update, when);
		say_row("its last list", "number %llu of %s, %u certificates", (unsigned long long)crl->last.number,
			when, crl->entries);
	}
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
