/* The doctor on CRLs: one that has ended, and one that can't be made although it is due, while nobody notices yet. */
#include <string.h>

#include "base/time.h"
#include "frontd/crls.h"
#include "frontd/diagnosis.h"
#include "frontd/front.h"
#include "frontd/view.h"
#include "store/store.h"

#define MAX_FOUND 100
#define TODO "Is the token of this CA there? The front-end's log says why it can't be made (crl_refused, crl_failed)."

struct look {
	struct diagnosis *d;
	int64_t now;
	size_t all, ended;
};

static int row_look(void *with, const struct lastcrl_row *row)
{
	struct look *l = with;
	char when[TIME_TEXT_SIZE];
	if (!row->ledger_seq || row->due == INT64_MAX)
		return 0;
	l->all++;
	if (row->next_update >= l->now || l->ended++ >= MAX_FOUND)
		return 0;
	time_text(row->next_update, when);
	finding_put(l->d, CRITICAL, "crls", "crl_expired", row_text(row->ca_id), TODO,
		    "CRL %u of CA %s ended on %s: whoever checks it refuses all that it covers.", row->shard,
		    row_text(row->ca_id), when);
	return 0;
}

/* What was tried and failed; a CRL of millions that takes its time is none of them. */
static size_t late_look(struct diagnosis *d)
{
	json_t *told = crls_json(d->front->crls), *one;
	size_t i;
	json_array_foreach(json_object_get(told, "late"), i, one)
	{
		const char *id = json_string_value(json_object_get(one, "ca_id"));
		finding_put(d, WARNING, "crls", "crl_late", id, TODO,
			    "A CRL of CA %s is due since %s and can't be made; the last one is served until it ends.",
			    id, json_string_value(json_object_get(one, "since")));
	}
	json_decref(told);
	return i;
}

void diagnosis_crls(struct diagnosis *d)
{
	scoped_session *s = NULL;
	struct look l = { .d = d, .now = time_now() };
	if (!d->front->crls) {
		diagnosis_looked(d, "crls", "None are made: crl_hours is 0 in frontd.conf.");
		return;
	}
	if (store_read(d->front->store, &s) || store_crl_list(s, row_look, &l))
		return;
	diagnosis_looked(d, "crls", "%zu CRLs, %zu of them over, %zu late.", l.all, l.ended, late_look(d));
}
