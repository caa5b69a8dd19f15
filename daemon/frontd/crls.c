#include "frontd/crls.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cond.h"
#include "base/log.h"
#include "base/time.h"
#include "frontd/chain.h"
#include "frontd/crl.h"
#include "frontd/front.h"
#include "frontd/gone.h"
#include "frontd/shard.h"
#include "frontd/signer.h"
#include "frontd/view.h"
#include "store/store.h"

#define LOOK_MS 60000	  /* how often the folder is looked at, and the clock: somebody may have set it */
#define UNREADY_MS 1000	  /* how often the signer is, while it is away */
#define LEAST_REST_MS 100 /* what is due in this second is not tried all the time */
#define FIRST_PAUSE_MS 1000
#define MAX_PAUSE_MS 60000 /* after a CRL that could not be made */
#define MAX_LATE 1024	   /* CRLs that could not be made and are remembered; more are tried at each look */
#define MAX_LATE_SHOWN 100
#define STRIPES 64
#define ALL_SHARDS (-1)

/* A CRL that could not be made when it was due; the last one stays where it is. */
struct late {
	char ca_id[64];
	int shard;
	int64_t since; /* Unix time */
	int64_t again, pause;
};

struct crls {
	struct front *front;
	pthread_t thread;
	pthread_mutex_t lock; /* of these and of what is late */
	pthread_cond_t wake;
	bool stopping, woken;
	size_t late_count;
	struct late late[MAX_LATE];
	pthread_mutex_t stripes[STRIPES]; /* a CA's CRLs come one at a time */

	/* the thread's alone */
	int64_t next;	 /* Unix time of the next that is due */
	int64_t look_at; /* time_boot_ms() of the next look at the folder, */
	int64_t again;	 /* and of the next try of what is late */
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

static bool is_there(const struct front *f, const struct crl_scope *scope, bool delta)
{
	char path[CRL_PATH];
	crl_path(f, scope, delta, path);
	return access(path, R_OK) == 0;
}

/* What the last CRL's row says by itself, and the folder. */
static bool row_due(const struct front *f, const struct crl_scope *scope, const struct lastcrl_row *row, int64_t now)
{
	if (!row->ledger_seq || row->whole || now >= row->due)
		return true;
	bool other = (row->delta_next != 0) != (f->delta_seconds != 0); /* frontd.conf was changed */
	return (other && row->this_update <= f->started) || !is_there(f, scope, false) ||
	       (row->delta_next && !is_there(f, scope, true));
}

static int crl_due(struct front *f, struct store_session *s, const struct crl_scope *scope, int64_t now)
{
	scoped_row(lastcrl) row = { 0 };
	int r = store_crl_find(s, scope->ca_id, scope->shard, &row);
	if (r < 0)
		return r;
	if (r || row_due(f, scope, &row, now))
		return 1;
	r = store_crl_waits(s, scope);
	return r < 0 ? r : r == STORE_DONE;
}

/* With its stripe held, if there is a reason to. 0 or negative. */
static int shard_update(struct front *f, const struct ca_row *ca, uint16_t shard)
{
	const struct crl_scope scope = { row_text(ca->id), shard, shard_count(ca) };
	scoped_session *s = NULL;
	int r = store_read(f->store, &s) ? -1 : crl_due(f, s, &scope, time_now());
	store_read_end(&s);
	s = NULL;
	return r > 0 ? crl_make(f, ca, shard) : r;
}

/* Positive: there is no such CA, or it has none. */
static int ca_find(struct front *f, const char *ca_id, struct ca_row *ca)
{
	scoped_session *s = NULL;
	int r = store_read(f->store, &s) ? -1 : store_ca_find(s, ca_id, ca);
	return r ? r : !has_crl(ca, time_now());
}

/* shard: ALL_SHARDS, or the one. */
static int crl_update(struct front *f, const char *ca_id, int shard)
{
	scoped_row(ca) ca = { 0 };
	int r = ca_find(f, ca_id, &ca), worst = 0;
	if (r || shard >= shard_count(&ca))
		return r ? r : 1;
	if (shard != ALL_SHARDS)
		return shard_update(f, &ca, (uint16_t)shard);
	for (uint16_t i = 0; i < shard_count(&ca); i++) {
		r = shard_update(f, &ca, i);
		worst = r < 0 ? r : worst;
	}
	return worst;
}

int crls_lock(struct crls *k, const char *ca_id, uint16_t shard)
{
	if (!k)
		return 0;
	pthread_mutex_lock(stripe_of(k, ca_id));
	int r = crl_update(k->front, ca_id, shard);
	return r < 0 ? r : 0;
}

void crls_unlock(struct crls *k, const char *ca_id)
{
	if (k)
		pthread_mutex_unlock(stripe_of(k, ca_id));
}

int crls_begin(struct crls *k, const char *ca_id)
{
	if (!k)
		return 0;
	pthread_mutex_lock(stripe_of(k, ca_id));
	int r = crl_update(k->front, ca_id, ALL_SHARDS);
	pthread_mutex_unlock(stripe_of(k, ca_id));
	return r < 0 ? r : 0;
}

void crls_wake(struct crls *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	k->woken = true;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
}

static struct late *late_find(struct crls *k, const char *ca_id, int shard)
{
	for (size_t i = 0; i < k->late_count; i++)
		if (k->late[i].shard == shard && strcmp(k->late[i].ca_id, ca_id) == 0)
			return &k->late[i];
	return NULL;
}

/* Whether one that could not be made pauses still. */
static bool late_pauses(struct crls *k, const char *ca_id, int shard)
{
	pthread_mutex_lock(&k->lock);
	const struct late *l = late_find(k, ca_id, shard);
	bool pauses = l && time_boot_ms() < l->again;
	pthread_mutex_unlock(&k->lock);
	return pauses;
}

static void late_put(struct crls *k, const char *ca_id, int shard)
{
	pthread_mutex_lock(&k->lock);
	struct late *l = late_find(k, ca_id, shard);
	if (!l && k->late_count < MAX_LATE) {
		l = &k->late[k->late_count++];
		*l = (struct late){ .shard = shard, .since = time_now(), .pause = FIRST_PAUSE_MS };
		snprintf(l->ca_id, sizeof(l->ca_id), "%s", ca_id);
	}
	if (l) {
		l->again = time_boot_ms() + l->pause;
		l->pause = 2 * l->pause < MAX_PAUSE_MS ? 2 * l->pause : MAX_PAUSE_MS;
	}
	pthread_mutex_unlock(&k->lock);
}

static void late_drop(struct crls *k, const char *ca_id, int shard)
{
	pthread_mutex_lock(&k->lock);
	struct late *l = late_find(k, ca_id, shard);
	if (l)
		*l = k->late[--k->late_count];
	pthread_mutex_unlock(&k->lock);
}

/* When the first of them is tried again. */
static int64_t late_again(struct crls *k)
{
	int64_t again = INT64_MAX;
	pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < k->late_count; i++)
		again = k->late[i].again < again ? k->late[i].again : again;
	pthread_mutex_unlock(&k->lock);
	return again;
}

size_t crls_late(struct crls *k)
{
	if (!k)
		return 0;
	pthread_mutex_lock(&k->lock);
	size_t count = k->late_count;
	pthread_mutex_unlock(&k->lock);
	return count;
}

json_t *crls_json(struct crls *k)
{
	json_t *list = json_array();
	if (k) {
		pthread_mutex_lock(&k->lock);
		for (size_t i = 0; i < k->late_count && i < MAX_LATE_SHOWN; i++)
			json_array_append_new(
				list,
				json_pack("{s:s, s:o, s:o}", "ca_id", k->late[i].ca_id, "shard",
					  k->late[i].shard == ALL_SHARDS ? json_null() : json_integer(k->late[i].shard),
					  "since", view_time(k->late[i].since)));
		pthread_mutex_unlock(&k->lock);
	}
	return json_pack("{s:o}", "late", list);
}

struct target {
	char ca_id[64];
	int shard;
};

struct targets {
	struct front *front;
	int64_t now;
	struct target *all;
	size_t count, room;
};

static int target_put(struct targets *t, struct slice ca_id, int shard)
{
	if (t->count == t->room) {
		size_t room = t->room ? 2 * t->room : 64;
		struct target *grown = realloc(t->all, room * sizeof(*grown));
		if (!grown)
			return -1;
		t->all = grown;
		t->room = room;
	}
	t->all[t->count].shard = shard;
	slice_to_text(ca_id, t->all[t->count++].ca_id, sizeof(t->all->ca_id));
	return 0;
}

static int row_take(void *with, const struct lastcrl_row *row)
{
	return target_put(with, row->ca_id, row->shard);
}

/*
 * Of what isn't wanted any more the folder may lack what it likes. Of how many a first shard is only its CA says: it is
 * looked for under the name of the one CRL, and if that isn't there its CA is asked.
 */
static int row_look(void *with, const struct lastcrl_row *row)
{
	struct targets *t = with;
	const struct crl_scope scope = { row_text(row->ca_id), row->shard, (uint16_t)(row->shard + 1) };
	return row->due != INT64_MAX && row_due(t->front, &scope, row, t->now) ? row_take(with, row) : 0;
}

static int ca_take(void *with, const char *ca_id)
{
	return target_put(with, slice_text(ca_id), ALL_SHARDS);
}

/* What could not be made is tried again, or was made meanwhile for somebody who asked. */
static int late_take(struct crls *k, struct targets *t)
{
	int r = 0;
	pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < k->late_count && !r; i++)
		r = target_put(t, slice_text(k->late[i].ca_id), k->late[i].shard);
	pthread_mutex_unlock(&k->lock);
	return r;
}

/* All that is to be made, and when there is more. No CA's row is read for it. */
static int targets_read(struct crls *k, bool look, struct targets *out)
{
	scoped_session *s = NULL;
	int64_t now = time_now();
	*out = (struct targets){ .front = k->front, .now = now };
	if (store_read(k->front->store, &s))
		return -1;
	int r = store_crl_cas(s, ca_take, out);
	if (!r)
		r = late_take(k, out);
	if (r)
		return r;
	return look ? store_crl_list(s, row_look, out) : store_crl_list_due(s, now, row_take, out);
}

/* What was due before has been made, or is late. */
static int next_read(struct crls *k, int64_t now)
{
	scoped_session *s = NULL;
	return store_read(k->front->store, &s) ? -1 : store_crl_next(s, now - 1, &k->next);
}

static bool is_stopping(struct crls *k)
{
	pthread_mutex_lock(&k->lock);
	bool stopping = k->stopping;
	pthread_mutex_unlock(&k->lock);
	return stopping;
}

static int put_off_work(struct store_session *s, void *with)
{
	return store_crl_put_off(s, with, INT64_MAX);
}

static void target_make(struct crls *k, struct target *t)
{
	if (late_pauses(k, t->ca_id, t->shard))
		return;
	pthread_mutex_lock(stripe_of(k, t->ca_id));
	int r = crl_update(k->front, t->ca_id, t->shard);
	pthread_mutex_unlock(stripe_of(k, t->ca_id));
	if (r < 0)
		late_put(k, t->ca_id, t->shard);
	else
		late_drop(k, t->ca_id, t->shard);
	if (r > 0 && t->shard != ALL_SHARDS) /* its CA has no more CRLs */
		store_change(k->front->store, put_off_work, t->ca_id);
}

/* How long there is nothing to do, if nobody wakes it. */
static int64_t rest_ms(const struct crls *k)
{
	int64_t boot = time_boot_ms(), rest = k->look_at - boot, due = k->next - time_now();
	rest = k->again - boot < rest ? k->again - boot : rest;
	rest = due < LOOK_MS / 1000 && due * 1000 < rest ? due * 1000 : rest;
	return rest < LEAST_REST_MS ? LEAST_REST_MS : rest < LOOK_MS ? rest : LOOK_MS;
}

/* All that is due, once. woken: until it has been heeded. */
static int64_t pass(struct crls *k, bool *woken)
{
	char why[160];
	struct targets targets;
	int64_t boot = time_boot_ms();
	bool look = boot >= k->look_at;
	if (!signer_ready(k->front->signer, why)) {
		*woken = true; /* nobody knows what comes meanwhile */
		return UNREADY_MS;
	}
	if (!look && !*woken && time_now() < k->next && boot < k->again)
		return rest_ms(k);
	bool read = targets_read(k, look, &targets) == 0;
	for (size_t i = 0; read && i < targets.count && !is_stopping(k); i++)
		target_make(k, &targets.all[i]);
	free(targets.all);
	read = read && next_read(k, targets.now) == 0;
	k->again = read ? late_again(k) : boot + FIRST_PAUSE_MS;
	if (look)
		k->look_at = boot + LOOK_MS;
	*woken = false;
	return rest_ms(k);
}

static void *crls_run(void *with)
{
	struct crls *k = with;
	bool woken = false;
	pthread_mutex_lock(&k->lock);
	while (!k->stopping) {
		struct timespec until;
		woken = woken || k->woken;
		k->woken = false;
		pthread_mutex_unlock(&k->lock);
		int64_t rest = pass(k, &woken);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += rest / 1000;
		until.tv_nsec += rest % 1000 * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		pthread_mutex_lock(&k->lock);
		if (!k->stopping && !k->woken)
			pthread_cond_timedwait(&k->wake, &k->lock, &until);
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

static void store_changed(void *with)
{
	crls_wake(with);
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
	k->again = INT64_MAX;
	pthread_mutex_init(&k->lock, NULL);
	for (int i = 0; i < STRIPES; i++)
		pthread_mutex_init(&k->stripes[i], NULL);
	cond_init(&k->wake);
	store_watch(f->store, store_changed, k);
	if (pthread_create(&k->thread, NULL, crls_run, k) != 0) {
		log_error("thread_failed", "of=crls");
		store_watch(f->store, NULL, NULL);
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
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	store_watch(k->front->store, NULL, NULL);
	free(k);
}
