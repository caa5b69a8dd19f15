#include "frontd/ca_gauges.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "frontd/front.h"
#include "frontd/gone.h"
#include "frontd/metrics.h"
#include "store/store.h"

#define MAX_CAS 2048 /* shown, a tree of more is counted whole and shown in part */
#define CRL_GAUGE "chancery_crl_next_update_timestamp_seconds"
#define MAX_KEPT (MAX_CAS * (MAX_CA_LABELS + 16))

static const char *const states[] = { "created", "active", "retiring", "retired", "revoked", "withheld" };
#define STATES (sizeof(states) / sizeof(states[0]))

/* What the database said at this generation: walking all CAs at each scrape would be felt where there are thousands. */
static struct {
	pthread_mutex_t lock;
	bool known;
	uint64_t generation;
	uint64_t counts[STATES];
	size_t shown;
	int64_t ends[MAX_CAS];
	struct buf labels; /* of each that is shown, NUL-terminated */
	size_t known_count;
	struct known {
		char id[64];
		int64_t end; /* nobody wants one any more */
		struct buf labels;
	} cas[MAX_CAS]; /* that may have a CRL, by their ids */
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER, .labels = { .max = MAX_KEPT } };

static int known_compare(const void *a, const void *b)
{
	return strcmp(((const struct known *)a)->id, ((const struct known *)b)->id);
}

static void known_put(struct slice id, struct slice labels, int64_t end)
{
	if (kept.known_count == MAX_CAS)
		return;
	struct known *k = &kept.cas[kept.known_count++];
	slice_to_text(id, k->id, sizeof(k->id));
	k->end = end;
	k->labels = (struct buf){ .max = MAX_CA_LABELS };
	buf_put_slice(&k->labels, labels);
}

static void known_free(void)
{
	while (kept.known_count)
		buf_free(&kept.cas[--kept.known_count].labels);
}

void ca_labels_put(struct buf *out, const struct ca_row *ca)
{
	metrics_label(out, "ca", row_text(ca->id));
	metrics_label(out, "issuer", row_text(ca->issuer_id));
	metrics_label(out, "name", row_text(ca->name));
}

static int ca_take(void *with, const struct ca_row *row)
{
	const char *state = row_text(row->state);
	(void)with;
	for (size_t i = 0; i < STATES; i++)
		kept.counts[i] += strcmp(state, states[i]) == 0;
	bool signs = strcmp(state, "active") == 0 || strcmp(state, "retiring") == 0;
	bool ended = strcmp(state, "retired") == 0 || strcmp(state, "revoked") == 0;
	if (!(signs || ended) || !row->certificate.len)
		return 0;
	scoped_buf labels = { .max = MAX_CA_LABELS };
	ca_labels_put(&labels, row);
	metrics_label(&labels, "state", state);
	if (!buf_ok(&labels))
		return 0;
	if (!gone_is(row))
		known_put(row->id, buf_slice(&labels), row->not_after);
	if (!signs || kept.shown == MAX_CAS)
		return 0;
	buf_put_slice(&kept.labels, buf_slice(&labels));
	buf_put_u8(&kept.labels, 0);
	kept.ends[kept.shown++] = row->not_after;
	return 0;
}

struct walk {
	struct store_session *session;
};

static int issuer_take(void *with, const struct issuer_row *row)
{
	struct walk *w = with;
	return store_ca_list(w->session, row_text(row->id), ca_take, NULL);
}

static int kept_fill(struct front *f)
{
	uint64_t generation = store_ca_generation(f->store);
	if (kept.known && kept.generation == generation)
		return 0;
	scoped_session *ids = NULL, *session = NULL;
	if (store_read(f->store, &ids) != 0 || store_read(f->store, &session) != 0)
		return -1;
	memset(kept.counts, 0, sizeof(kept.counts));
	buf_clear(&kept.labels);
	kept.shown = 0;
	known_free();
	struct walk w = { session };
	kept.known = store_issuer_list(ids, issuer_take, &w) == STORE_DONE && buf_ok(&kept.labels);
	qsort(kept.cas, kept.known_count, sizeof(kept.cas[0]), known_compare);
	kept.generation = generation;
	return kept.known ? 0 : -1;
}

static void kept_print(struct buf *out)
{
	const char *labels = (const char *)kept.labels.at, *name = "chancery_ca_expiry_timestamp_seconds";
	buf_put_text(out, "# HELP chancery_cas CAs in each state.\n# TYPE chancery_cas gauge\n");
	for (size_t i = 0; i < STATES; i++)
		buf_printf(out, "chancery_cas{state=\"%s\"} %llu\n", states[i], (unsigned long long)kept.counts[i]);
	buf_printf(out, "# HELP %s When a CA that signs expires, since the Unix epoch.\n# TYPE %s gauge\n", name, name);
	for (size_t i = 0; i < kept.shown; i++, labels += strlen(labels) + 1)
		buf_printf(out, "%s{%s} %lld\n", name, labels, (long long)kept.ends[i]);
}

/* The CRLs of one CA come one after the other: the one that ends first counts. */
struct crl_ends {
	struct buf *out;
	char ca_id[64];
	int64_t end;
};

static void ends_print(const struct crl_ends *e)
{
	struct known key = { .end = 0 };
	memcpy(key.id, e->ca_id, sizeof(key.id));
	const struct known *k = bsearch(&key, kept.cas, kept.known_count, sizeof(key), known_compare);
	if (k && k->end >= time_now())
		buf_printf(e->out, CRL_GAUGE "{%.*s} %lld\n", (int)k->labels.len, (const char *)k->labels.at,
			   (long long)e->end);
}

static int crl_take(void *with, const struct lastcrl_row *row)
{
	struct crl_ends *e = with;
	if (!row->ledger_seq)
		return 0;
	if (strcmp(e->ca_id, row_text(row->ca_id)) != 0) {
		ends_print(e);
		slice_to_text(row->ca_id, e->ca_id, sizeof(e->ca_id));
		e->end = row->next_update;
	}
	e->end = row->next_update < e->end ? row->next_update : e->end;
	return 0;
}

static void crls_print(struct front *f, struct buf *out)
{
	scoped_session *s = NULL;
	struct crl_ends ends = { .out = out };
	buf_put_text(out,
		     "# HELP " CRL_GAUGE " When the CRL of a CA ends, of several the first, since the Unix epoch.\n"
		     "# TYPE " CRL_GAUGE " gauge\n");
	if (store_read(f->store, &s) == 0 && store_crl_list(s, crl_take, &ends) == STORE_DONE)
		ends_print(&ends);
}

void ca_gauges_print(struct front *f, struct buf *out)
{
	pthread_mutex_lock(&kept.lock);
	if (kept_fill(f) == 0) {
		kept_print(out);
		crls_print(f, out);
	}
	pthread_mutex_unlock(&kept.lock);
}
