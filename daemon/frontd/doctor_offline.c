/* What an offline root has to be asked for again: nobody but people can make its next CRL. */
#include "base/time.h"
#include "frontd/chain.h"
#include "frontd/diagnosis.h"
#include "frontd/front.h"
#include "frontd/gone.h"
#include "store/store.h"

#define DAY 86400
#define REMIND (30 * DAY) /* a ceremony takes people, and they take time */

struct offline {
	struct diagnosis *d;
	struct store_session *session;
	unsigned count;
};

static const char todo[] = "Ask for the next one (chancery ca request CA --out FILE), hold a ceremony "
			   "(chancery-ceremony crl), bring it in (chancery ca import).";

static void look_at_end(struct diagnosis *d, const struct ca_row *ca, const struct lastcrl_row *crl)
{
	char when[TIME_TEXT_SIZE];
	int64_t left = crl->next_update - time_now();
	time_text(crl->next_update, when);
	if (left <= 0)
		finding_put(
			d, CRITICAL, "crls", "offline_crl_over", row_text(ca->name), todo,
			"The CRL of the offline root %s has ended on %s: whoever asks for one takes nothing below it "
			"any more.",
			row_text(ca->name), when);
	else if (left <= REMIND)
		finding_put(d, WARNING, "crls", "offline_crl_soon", row_text(ca->name), todo,
			    "The CRL of the offline root %s ends on %s, in %lld days.", row_text(ca->name), when,
			    (long long)(left / DAY));
}

static int look_at_ca(void *with, const struct ca_row *ca)
{
	struct offline *o = with;
	const char *id = row_text(ca->id), *base = o->d->front->pki_base_url;
	scoped_row(lastcrl) crl = { 0 };
	int64_t end = 0;
	const struct crl_scope scope = { .ca_id = id };
	if (!ca_offline(ca) || !ca->certificate.len || gone_is(ca) || ca->not_after < time_now())
		return 0;
	if (store_ca_last_end(o->session, id, &end) || end < time_now())
		return 0;
	o->count++;
	int found = store_crl_find(o->session, id, 0, &crl);
	if (found == STORE_DONE && crl.ledger_seq)
		look_at_end(o->d, ca, &crl);
	if (store_crl_waits(o->session, &scope) == STORE_DONE)
		finding_put(o->d, CRITICAL, "crls", "offline_crl_waits", row_text(ca->name), todo,
			    "Something below the offline root %s is revoked, and no CRL of the root says so yet.",
			    row_text(ca->name));
	else if (found == STORE_NONE && base && *base)
		finding_put(o->d, WARNING, "crls", "offline_crl_missing", row_text(ca->name), todo,
			    "Certificates below the offline root %s name a CRL of it, and there is none.",
			    row_text(ca->name));
	return 0;
}

static int look_at_issuer(void *with, const struct issuer_row *issuer)
{
	struct offline *o = with;
	return store_ca_list(o->session, row_text(issuer->id), look_at_ca, o);
}

void diagnosis_offline(struct diagnosis *d)
{
	scoped_session *session = NULL;
	struct offline o = { .d = d };
	if (!d->front->crls || store_read(d->front->store, &session) != 0)
		return;
	o.session = session;
	store_issuer_list(session, look_at_issuer, &o);
	diagnosis_looked(d, "crls", "%u offline roots with something below them.", o.count);
}
