#include "frontd/crls.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cond.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/chain.h"
#include "frontd/crl.h"
#include "frontd/front.h"
#include "frontd/gone.h"
#include "frontd/signer.h"

#define POLL_MS 200   /* how often the clock is looked at; a look costs nothing while nothing is due */
#define LOOK_MS 60000 /* how often all is looked at anyway */
#define FIRST_PAUSE_MS 1000
#define MAX_PAUSE_MS 60000 /* after a CRL that could not be made */
#define STRIPES 64
#define MAX_AGE 300 /* seconds that a CRL may be kept unasked: what is revoked meanwhile comes that late */

struct crls {
	struct front *front;
	pthread_t thread;
	pthread_mutex_t lock; /* of stopping */
	pthread_cond_t stop;
	bool stopping;
	atomic_bool woken;
	pthread_mutex_t stripes[STRIPES]; /* a CA's CRLs come one at a time */

	/* the thread's alone */
	uint64_t generation;
	int64_t next;	 /* Unix time of the next that is due */
	int64_t look_at; /* time_boot_ms() */
	int64_t pause;
	bool failed;
};

static pthread_mutex_t *stripe_of(struct crls *k, const char *ca_id)
{
	unsigned h = 0;
	for (const char *at = ca_id; *at; at++)
		h = h * 31 + (unsigned char)*at;
	return &k->stripes[h % STRIPES];
}

/* Whether the CA's key can sign CRLs, and anybody may still want one. */
static bool has_crl(const struct ca_row *ca, int64_t now)
{
	static const char *const states[] = { "active", "retiring", "retired", "revoked" };
	bool live = false;
	for (size_t i = 0; i < 4; i++)
		live = live || slice_equal(ca->state, slice_text(states[i]));
	return live && ca->certificate.len && !ca_offline(ca) && !gone_is(ca) && ca->not_after >= now;
}

/* 1: it is due now; 0 with the time when it will be; negative. */
static int crl_due(struct front *f, struct store_session *s, const struct ca_row *ca, int64_t now, int64_t *at)
{
	char path[CRL_PATH];
	scoped_row(lastcrl) row = { 0 };
	int r = store_crl_find(s, row_text(ca->id), &row);
	if (r < 0)
		return r;
	crl_path(f, row_text(ca->id), path);
	if (r || !row.ledger_seq || row.whole || access(path, R_OK) != 0)
		return 1;
	*at = row.this_update + (row.next_update - row.this_update) / 2;
	if (now >= *at)
		return 1;
	r = store_crl_waits(s, row_text(ca->id));
	return r < 0 ? r : r == STORE_DONE;
}

/* With its stripe held. only: when something waits for it alone. Positive: there is no such CA, or it has none. */
static int crl_update(struct front *f, const char *ca_id, int64_t *at)
{
	scoped_row(ca) ca = { 0 };
	int64_t now = time_now();
	int r;
	{
		scoped_session *s = NULL;
		if (store_read(f->store, &s))
			return -1;
		r = store_ca_find(s, ca_id, &ca);
		if (r || !has_crl(&ca, now))
			return r < 0 ? r : 1;
		r = crl_due(f, s, &ca, now, at);
	}
	return r > 0 ? crl_make(f, &ca) : r;
}

int crls_lock(struct crls *k, const char *ca_id)
{
	int64_t at;
	if (!k)
		return 0;
	pthread_mutex_lock(stripe_of(k, ca_id));
	int r = crl_update(k->front, ca_id, &at);
	return r < 0 ? r : 0;
}

void crls_unlock(struct crls *k, const char *ca_id)
{
	if (k)
		pthread_mutex_unlock(stripe_of(k, ca_id));
}

void crls_wake(struct crls *k)
{
	if (k)
		atomic_store(&k->woken, true);
}

struct ids {
	char (*id)[64];
	size_t count;
};

static int id_add(void *with, const struct ca_row *row)
{
	struct ids *ids = with;
	void *grown = realloc(ids->id, (ids->count + 1) * sizeof(*ids->id));
	if (!grown)
		return -1;
	ids->id = grown;
	snprintf(ids->id[ids->count++], sizeof(*ids->id), "%s", row_text(row->id));
	return 0;
}

struct walk {
	struct store_session *session;
	struct ids *ids;
};

static int issuer_add(void *with, const struct issuer_row *row)
{
	const struct walk *w = with;
	return store_ca_list(w->session, row_text(row->id), id_add, w->ids);
}

static int ids_read(struct front *f, struct ids *out)
{
	scoped_session *s = NULL;
	if (store_read(f->store, &s))
		return -1;
	struct walk w = { s, out };
	return store_issuer_list(s, issuer_add, &w);
}

static bool is_stopping(struct crls *k)
{
	pthread_mutex_lock(&k->lock);
	bool stopping = k->stopping;
	pthread_mutex_unlock(&k->lock);
	return stopping;
}

static void one_pass(struct crls *k, const char *ca_id)
{
	int64_t at = INT64_MAX;
	pthread_mutex_lock(stripe_of(k, ca_id));
	int r = crl_update(k->front, ca_id, &at);
	if (!r && at == INT64_MAX)
		r = crl_update(k->front, ca_id, &at); /* it was made: when is the next one? */
	pthread_mutex_unlock(stripe_of(k, ca_id));
	if (r < 0)
		k->failed = true;
	if (!r && at < k->next)
		k->next = at;
}

static void pass(struct crls *k)
{
	char why[160];
	struct ids ids = { 0 };
	bool due = atomic_load(&k->woken) || time_now() >= k->next || time_boot_ms() >= k->look_at ||
		   store_ca_generation(k->front->store) != k->generation;
	if (k->failed && time_boot_ms() < k->look_at)
		return;
	if (!due || !signer_ready(k->front->signer, why))
		return;
	atomic_store(&k->woken, false);
	k->generation = store_ca_generation(k->front->store);
	k->next = INT64_MAX;
	k->failed = ids_read(k->front, &ids) != 0;
	for (size_t i = 0; i < ids.count && !is_stopping(k); i++)
		one_pass(k, ids.id[i]);
	free(ids.id);
	k->pause = !k->failed ? FIRST_PAUSE_MS : 2 * k->pause < MAX_PAUSE_MS ? 2 * k->pause : MAX_PAUSE_MS;
	k->look_at = time_boot_ms() + (k->failed ? k->pause : LOOK_MS);
}

static void *crls_run(void *with)
{
	struct crls *k = with;
	pthread_mutex_lock(&k->lock);
	while (!k->stopping) {
		struct timespec until;
		pthread_mutex_unlock(&k->lock);
		pass(k);
		pthread_mutex_lock(&k->lock);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += POLL_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		if (!k->stopping)
			pthread_cond_timedwait(&k->stop, &k->lock, &until);
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

int crls_start(struct front *f, struct crls **out)
{
	*out = NULL;
	if (!f->crl_seconds)
		return 0;
	struct crls *k = calloc(1, sizeof(*k));
	if (!k)
		return -1;
	k->front = f;
	k->pause = FIRST_PAUSE_MS;
	pthread_mutex_init(&k->lock, NULL);
	for (int i = 0; i < STRIPES; i++)
		pthread_mutex_init(&k->stripes[i], NULL);
	cond_init(&k->stop);
	if (pthread_create(&k->thread, NULL, crls_run, k) != 0) {
		log_error("thread_failed", "of=crls");
		free(k);
		return -1;
	}
	*out = k;
	return 0;
}

void crls_stop(struct crls *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	k->stopping = true;
	pthread_cond_signal(&k->stop);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	free(k);
}

static int no_crl(struct call *c)
{
	return call_refuse(c, 404, "not_found", NULL, "There is no CRL of such a CA.");
}

/* The file, and what the database says of it. */
static int crl_open(struct front *f, const char *ca_id, struct lastcrl_row *row, int *file)
{
	char path[CRL_PATH];
	scoped_session *s = NULL;
	int r = store_read(f->store, &s) ? -1 : store_crl_find(s, ca_id, row);
	crl_path(f, ca_id, path);
	if (r == STORE_DONE)
		*file = open(path, O_RDONLY | O_CLOEXEC);
	return r < 0 ? r : *file < 0 ? 1 : 0;
}

int crl_get(struct front *f, struct call *c)
{
	scoped_row(lastcrl) row = { 0 };
	scoped_fd int file = -1;
	const char *ca_id = c->param[0];
	if (!f->crls)
		return no_crl(c);
	int made = crls_lock(f->crls, ca_id);
	int r = crl_open(f, ca_id, &row, &file);
	crls_unlock(f->crls, ca_id);
	if (r < 0)
		return -1;
	int64_t left = row.next_update - time_now();
	if (r > 0 && made == 0)
		return no_crl(c);
	if (r > 0 || (made < 0 && left <= 0)) {
		call_refuse(c, 503, "crl_unavailable", NULL, "A CRL can't be signed at the moment.");
		c->error.retry_after = 2;
		return 1;
	}
	snprintf(c->fresh.etag, sizeof(c->fresh.etag), "\"%llu-%llu\"", (unsigned long long)row.number,
		 (unsigned long long)row.ledger_seq);
	c->fresh.made = row.this_update;
	/* One that might say less than it should is to be asked for again at once. */
	c->fresh.until = time_now() + (left < 0 || made < 0 ? 0 : left < MAX_AGE ? left : MAX_AGE);
	return call_reply_file(c, 200, fd_take(&file), "application/pkix-crl");
}
