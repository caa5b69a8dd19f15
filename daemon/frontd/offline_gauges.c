#include "frontd/offline_gauges.h"

#include <pthread.h>
#include <string.h>

#include "frontd/ca_gauges.h"
#include "frontd/chain.h"
#include "frontd/front.h"
#include "frontd/gone.h"
#include "store/store.h"

#define MAX_ROOTS 64 /* shown: a ceremony a week for all of them */
#define NAME "chancery_offline_crl_next_update_timestamp_seconds"

/* The roots as the database had them at this generation. */
static struct {
	pthread_mutex_t lock;
	bool known;
	uint64_t generation;
	size_t count;
	char ids[MAX_ROOTS][64];
	struct buf labels[MAX_ROOTS];
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int ca_take(void *with, const struct ca_row *ca)
{
	(void)with;
	if (!ca_offline(ca) || !ca->certificate.len || gone_is(ca) || kept.count == MAX_ROOTS)
		return 0;
	struct buf *labels = &kept.labels[kept.count];
	buf_init(labels, MAX_CA_LABELS);
	ca_labels_put(labels, ca);
	slice_to_text(ca->id, kept.ids[kept.count++], sizeof(kept.ids[0]));
	return 0;
}

static int issuer_take(void *with, const struct issuer_row *row)
{
	return store_ca_list(with, row_text(row->id), ca_take, NULL);
}

static int kept_fill(struct front *f)
{
	uint64_t generation = store_ca_generation(f->store);
	scoped_session *ids = NULL, *session = NULL;
	if (kept.known && kept.generation == generation)
		return 0;
	if (store_read(f->store, &ids) != 0 || store_read(f->store, &session) != 0)
		return -1;
	while (kept.count)
		buf_free(&kept.labels[--kept.count]);
	kept.known = store_issuer_list(ids, issuer_take, session) == STORE_DONE;
	kept.generation = generation;
	return kept.known ? 0 : -1;
}

static void root_print(struct store_session *s, size_t i, struct buf *out)
{
	scoped_row(lastcrl) crl = { 0 };
	if (store_crl_find(s, kept.ids[i], 0, &crl) == STORE_DONE && crl.ledger_seq && buf_ok(&kept.labels[i]))
		buf_printf(out, NAME "{%.*s} %lld\n", (int)kept.labels[i].len, (const char *)kept.labels[i].at,
			   (long long)crl.next_update);
}

void offline_gauges_print(struct front *f, struct buf *out)
{
	scoped_session *s = NULL;
	pthread_mutex_lock(&kept.lock);
	if (kept_fill(f) == 0 && (kept.count == 0 || store_read(f->store, &s) == 0)) {
		buf_put_text(out,
			     "# HELP " NAME " When the CRL of a root ends whose key is offline, since the Unix epoch.\n"
			     "# TYPE " NAME " gauge\n");
		for (size_t i = 0; i < kept.count; i++)
			root_print(s, i, out);
	}
	pthread_mutex_unlock(&kept.lock);
}
