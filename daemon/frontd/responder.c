#include "frontd/responder.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/chain.h"
#include "frontd/check.h"
#include "frontd/context.h"
#include "frontd/gone.h"
#include "frontd/made.h"
#include "frontd/rules.h"
#include "names/dn.h"
#include "policy/lint.h"
#include "policy/profile.h"

#define DAY 86400
#define LOOK_MS 5000	    /* between looks at all responders while nothing changes */
#define PAUSE_MS 2000	    /* after a failure, so that requests don't repeat it */
#define MAX_PAUSES 64	    /* CAs that pause at a time; of more, some are tried again sooner */
#define SUBJECT_NAME "OCSP" /* stands behind the CA's own subject, so within the same subtrees */

struct responders {
	pthread_mutex_t making; /* one at a time */
	pthread_mutex_t lock;	/* the pauses */
	struct {
		char ca_id[64];
		int64_t until; /* time_boot_ms() */
	} pauses[MAX_PAUSES];
	size_t next_pause;

	/* the scheduler's thread alone */
	uint64_t generation;
	int64_t look_at, next; /* time_boot_ms(); Unix time */
};

struct responders *responders_new(void)
{
	struct responders *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	pthread_mutex_init(&r->making, NULL);
	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void responders_free(struct responders *r)
{
	if (!r)
		return;
	pthread_mutex_destroy(&r->making);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static bool is_paused(struct responders *r, const char *ca_id)
{
	bool paused = false;
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < MAX_PAUSES && !paused; i++)
		paused = strcmp(r->pauses[i].ca_id, ca_id) == 0 && time_boot_ms() < r->pauses[i].until;
	pthread_mutex_unlock(&r->lock);
	return paused;
}

static void pause_begin(struct responders *r, const char *ca_id)
{
	pthread_mutex_lock(&r->lock);
	size_t at = MAX_PAUSES;
	for (size_t i = 0; i < MAX_PAUSES && at == MAX_PAUSES; i++)
		if (strcmp(r->pauses[i].ca_id, ca_id) == 0)
			at = i;
	if (at == MAX_PAUSES)
		at = r->next_pause++ % MAX_PAUSES;
	slice_to_text(slice_text(ca_id), r->pauses[at].ca_id, sizeof(r->pauses[at].ca_id));
	r->pauses[at].until = time_boot_ms() + PAUSE_MS;
	pthread_mutex_unlock(&r->lock);
}

/* A responder on its way. */
struct making {
	struct front *front;
	struct call call; /* as if somebody had asked for it: whom the ledger names, and what went wrong */
	struct chain chain;
	struct responder_row row; /* as the database has it; memory NULL: it has none */
	struct facts ca;
	struct items subject;
	struct key_row key;
	struct cert_sign_request fields;
};

static void making_free(struct making *m)
{
	call_clear(&m->call);
	chain_free(&m->chain);
	responder_row_free(&m->row);
	facts_free(&m->ca);
	items_free(&m->subject);
	key_row_free(&m->key);
}
#define scoped_making __attribute__((cleanup(making_free))) struct making

/* How long the next certificate could be valid. */
static int64_t end_possible(const struct making *m, int64_t now)
{
	int64_t end = now - m->front->backdate + m->front->responder_days * DAY - 1, last = chain_not_after(&m->chain);
	return end < last ? end : last;
}

/* Past two thirds of its life, if there is something to gain. */
static int64_t renewal_at(const struct responder_row *row)
{
	return row->not_after - (row->not_after - row->not_before) / 3;
}

static bool is_valid(const struct responder_row *row, int64_t now)
{
	return row->ledger_seq && now >= row->not_before && now <= row->not_after;
}

/* Positive: RESPONDER_NONE. */
static int making_read(struct making *m, const char *ca_id)
{
	int64_t end = INT64_MAX, now = time_now();
	scoped_session *s = NULL;
	if (store_read(m->front->store, &s))
		return -1;
	int r = chain_load(s, ca_id, &m->chain);
	if (!r)
		r = store_responder_find(s, ca_id, &m->row);
	if (r < 0 || (r && !m->chain.count))
		return r;
	const struct ca_row *ca = &m->chain.ca[0];
	bool active = ca_is(ca, "active");
	if (!active && store_ca_last_end(s, ca_id, &end))
		return -1;
	/* A CA that is closed signs for a key that it has certified before, and for no other. */
	bool possible = (active || m->row.ledger_seq) && !ca_offline(ca) && !gone_is(ca) && !ca_reserved(ca) &&
			!ca_is(ca, "withheld");
	return possible && now <= end && now >= chain_not_before(&m->chain) && now <= chain_not_after(&m->chain)
		       ? RESPONDER_READY
		       : RESPONDER_NONE;
}

/* The key is the responder's as soon as the database says so, and nobody else's. */
static int key_take(struct store_session *s, void *with)
{
	struct making *m = with;
	const struct ca_row *ca = &m->chain.ca[0];
	int r = m->key.ledger_seq ? store_key_insert(s, &m->key)
				  : store_key_find_unbound(s, row_text(ca->token), ca->algorithm, &m->key);
	if (r)
		return r;
	struct responder_row row = { .ca_id = ca->id };
	memcpy(row.key_id, m->key.key_id, sizeof(row.key_id));
	return store_responder_update(s, &row);
}

static int key_create(struct making *m)
{
	const struct ca_row *ca = &m->chain.ca[0];
	scoped_buf context = { .max = MAX_CONTEXT };
	struct context_words words = { .op = "key", .note = "OCSP" };
	struct key_create_request request = { .token = ca->token, .algorithm = ca->algorithm };
	struct key_create_reply reply = { 0 };
	scoped_answer answer = { 0 };
	scoped_hold hold;
	if (context_put(&context, &m->call, &words))
		return -1;
	request.context = buf_slice(&context);
	signer_request_id(request.request_id);
	signer_hold(m->front->signer, &hold);
	enum signer_result asked = signer_key_create(m->front->signer, &request, &reply, &answer);
	if (asked) {
		signer_settle_failed(&hold, asked, &answer);
		return answer_signer(&m->call, asked, &answer);
	}
	m->key = (struct key_row){ .token = ca->token,
				   .algorithm = ca->algorithm,
				   .public_key = reply.public_key,
				   .ledger_seq = reply.ledger_seq,
				   .created_at = time_now() };
	memcpy(m->key.key_id, reply.key_id, sizeof(m->key.key_id));
	int r = store_change(m->front->store, key_take, m);
	m->key = (struct key_row){ .ledger_seq = 0 };
	if (!r)
		signer_settle(&hold, reply.ledger_seq);
	return r;
}

static int key_read(struct making *m)
{
	scoped_session *s = NULL;
	if (store_read(m->front->store, &s))
		return -1;
	responder_row_free(&m->row);
	int r = store_responder_find(s, row_text(m->chain.ca[0].id), &m->row);
	return r ? -1 : store_key_find(s, m->row.key_id, &m->key);
}

static int key_ensure(struct making *m)
{
	if (!m->row.memory) {
		int r = store_change(m->front->store, key_take, m);
		key_row_free(&m->key);
		m->key = (struct key_row){ .ledger_seq = 0 };
		if (r == STORE_NONE)
			r = key_create(m);
		if (r)
			return r;
	}
	return key_read(m);
}

/* The CA's own subject, with one more common name. */
static void fields_fill(struct making *m, struct slice context)
{
	int64_t now = time_now(), first = chain_not_before(&m->chain), begin = now - m->front->backdate;
	struct list own = items_list(&m->ca.subject);
	uint8_t type;
	struct slice value;
	while (list_next(&own, &type, &value))
		items_put(&m->subject, type, value);
	items_put(&m->subject, DN_COMMON_NAME, slice_text(SUBJECT_NAME));
	m->fields = (struct cert_sign_request){ .kind = KIND_OCSP_RESPONDER,
						.not_before = begin < first ? first : begin,
						.not_after = end_possible(m, now),
						.key_form = KEY_LOCAL,
						.subject_key = { m->key.key_id, sizeof(m->key.key_id) },
						.subject = items_list(&m->subject),
						.path_len = PATH_LEN_NONE,
						.context = context };
	signer_request_id(m->fields.request_id);
	memcpy(m->fields.ca_key, m->chain.ca[0].key_id, sizeof(m->fields.ca_key));
}

static int certificate_commit(struct making *m, const struct cert_sign_reply *came)
{
	scoped_made made = { .now = time_now() };
	scoped_facts got = { 0 };
	struct check_asked asked = { .fields = m->fields,
				     .public_key = m->key.public_key,
				     .issuer_name = m->ca.subject_name,
				     .issuer_key_id = m->ca.subject_key_id };
	if (facts_read(came->certificate, &got, made.why) == 0 && check_certificate(&got, &asked, made.why) == 0 &&
	    check_rules(came->certificate, made.why) == 0 &&
	    !check_signed(came->certificate, m->chain.ca[0].certificate))
		strcpy(made.why, "its signature is not the CA's");
	made.issuing_ca_id = row_text(m->chain.ca[0].id);
	made.responder = m->key.key_id;
	made_fill(&made, &got, came->certificate, made.issuing_ca_id, KIND_OCSP_RESPONDER);
	made.row.actor = slice_text(m->call.who->actor);
	made.row.ledger_seq = came->ledger_seq;
	memcpy(made.row.request_id, m->fields.request_id, sizeof(made.row.request_id));
	int r = store_change(m->front->store, made_commit, &made);
	return r ? -1 : made.why[0] ? answer_withheld(&m->call) : 0;
}

static int certificate_make(struct making *m)
{
	char why[FACTS_WHY];
	scoped_buf context = { .max = MAX_CONTEXT };
	struct context_words words = { .op = "responder", .ca = row_text(m->chain.ca[0].id) };
	struct cert_sign_reply reply = { 0 };
	scoped_answer answer = { 0 };
	scoped_hold hold;
	if (facts_read_foreign(m->chain.ca[0].certificate, &m->ca, why)) {
		log_error("ocsp_responder", "ca=%s why=\"%s\"", row_text(m->chain.ca[0].id), why);
		return -1;
	}
	if (context_put(&context, &m->call, &words))
		return -1;
	fields_fill(m, buf_slice(&context));
	signer_hold(m->front->signer, &hold);
	enum signer_result asked = signer_cert_sign(m->front->signer, &m->fields, &reply, &answer);
	if (asked) {
		signer_settle_failed(&hold, asked, &answer);
		return answer_signer(&m->call, asked, &answer);
	}
	int r = certificate_commit(m, &reply);
	if (r >= 0)
		signer_settle(&hold, reply.ledger_seq);
	return r;
}

/* 0: made, or there was nothing to do. */
static int making_run(struct making *m, const char *ca_id)
{
	int64_t now = time_now();
	int r = making_read(m, ca_id);
	if (r)
		return r < 0 ? r : RESPONDER_NONE;
	bool fresh = is_valid(&m->row, now) && (now < renewal_at(&m->row) || end_possible(m, now) <= m->row.not_after);
	if (fresh)
		return RESPONDER_READY;
	r = key_ensure(m);
	if (!r)
		r = certificate_make(m);
	if (r)
		log_warning("ocsp_responder_waits", "ca=%s code=%s why=\"%s\"", ca_id,
			    m->call.error.status ? m->call.error.code : "-",
			    m->call.error.status ? m->call.error.message : "the log has said it");
	else
		log_info("ocsp_responder", "ca=%s until=%lld", ca_id, (long long)m->fields.not_after);
	return r < 0 ? r : r ? RESPONDER_LATER : RESPONDER_READY;
}

/* Renews it too, if that is due. The lock is held. *passes: whether what stopped it may pass by itself. */
static int responder_make(struct front *f, const char *ca_id, bool *passes)
{
	static const struct caller who = { .actor = "ocsp", .roles = ROLE_ADMIN };
	scoped_making m = { .front = f, .call = { .who = &who } };
	uint8_t id[8];
	random_bytes(id, sizeof(id));
	hex_encode(id, sizeof(id), m.call.request_id);
	items_init(&m.subject);
	int r = making_run(&m, ca_id);
	if (r == RESPONDER_LATER || r < 0)
		pause_begin(f->responders, ca_id);
	*passes = r < 0 || m.call.error.status >= 429;
	return r;
}

void responder_free(struct responder *r)
{
	responder_row_free(&r->row);
	key_row_free(&r->key);
	*r = (struct responder){ .row = { .memory = NULL } };
}

static int responder_read(struct front *f, const char *ca_id, struct responder *out)
{
	scoped_session *s = NULL;
	responder_free(out);
	if (store_read(f->store, &s))
		return -1;
	int r = store_responder_find(s, ca_id, &out->row);
	if (r || !is_valid(&out->row, time_now()))
		return r < 0 ? r : RESPONDER_LATER;
	return store_key_find(s, out->row.key_id, &out->key) ? -1 : RESPONDER_READY;
}

int responder_get(struct front *f, const char *ca_id, struct responder *out)
{
	bool passes;
	int r = responder_read(f, ca_id, out);
	if (r != RESPONDER_LATER || is_paused(f->responders, ca_id) || pthread_mutex_trylock(&f->responders->making))
		return r;
	r = responder_make(f, ca_id, &passes);
	pthread_mutex_unlock(&f->responders->making);
	return r ? r : responder_read(f, ca_id, out);
}

static bool profile_names(const struct profile *p)
{
	uint8_t use;
	struct slice url;
	for (struct list l = p->urls; list_next(&l, &use, &url);)
		if (use == LINT_URL_OCSP)
			return true;
	return false;
}

/* Whether certificates are issued that name a responder: below pki_base_url, or where a profile says. */
static bool is_named(const struct front *f)
{
	scoped_rules *rules = rules_hold(f->rules);
	const struct profile *p;
	bool named = f->pki_base_url && *f->pki_base_url;
	for (size_t i = 0; !named && (p = profile_at(rules->profiles, i)); i++)
		named = profile_names(p);
	return named;
}

/* Whether somebody may yet ask about what the CA has signed. */
static bool is_asked_for(struct front *f, const char *ca_id)
{
	int64_t end = INT64_MAX;
	scoped_session *s = NULL;
	return store_read(f->store, &s) || store_ca_last_end(s, ca_id, &end) || end >= time_now();
}

int responder_prepare(struct front *f, const struct ca_row *ca)
{
	bool passes = false;
	const char *ca_id = row_text(ca->id);
	if (!is_named(f) || !ca_is(ca, "active") || ca_offline(ca) || gone_is(ca) || !is_asked_for(f, ca_id))
		return RESPONDER_READY;
	pthread_mutex_lock(&f->responders->making);
	int r = responder_make(f, ca_id, &passes);
	pthread_mutex_unlock(&f->responders->making);
	return r == RESPONDER_READY ? RESPONDER_READY : passes ? RESPONDER_LATER : RESPONDER_NONE;
}

/* All CAs that are to have a responder, or have one that is due. */
struct due {
	struct front *front;
	struct store_session *session;
	int64_t now, next;
	size_t count;
	char (*ca_ids)[64];
};

static int due_put(struct due *d, struct slice ca_id)
{
	char(*all)[64] = realloc(d->ca_ids, (d->count + 1) * sizeof(*all));
	if (!all)
		return -1;
	d->ca_ids = all;
	slice_to_text(ca_id, all[d->count++], sizeof(*all));
	return 0;
}

static int due_responder(void *with, const struct responder_row *row)
{
	struct due *d = with;
	int64_t at = row->ledger_seq ? renewal_at(row) : 0;
	if (d->now >= at)
		return due_put(d, row->ca_id);
	d->next = at < d->next ? at : d->next;
	return 0;
}

static int due_ca(void *with, const struct ca_row *ca)
{
	struct due *d = with;
	scoped_row(responder) row = { 0 };
	if (!ca_is(ca, "active") || ca_offline(ca))
		return 0;
	int r = store_responder_find(d->session, row_text(ca->id), &row);
	return r == STORE_NONE ? due_put(d, ca->id) : r;
}

static int due_issuer(void *with, const struct issuer_row *issuer)
{
	struct due *d = with;
	return store_ca_list(d->session, row_text(issuer->id), due_ca, d);
}

/* Where certificates name a responder there is one from the beginning; elsewhere from the first question on. */
static int due_read(struct due *d)
{
	scoped_session *s = NULL;
	if (store_read(d->front->store, &s))
		return -1;
	d->session = s;
	int r = store_responder_list(s, due_responder, d);
	return r || !is_named(d->front) ? r : store_issuer_list(s, due_issuer, d);
}

void responder_look(struct front *f)
{
	struct responders *r = f->responders;
	char why[160];
	uint64_t generation = store_ca_generation(f->store);
	struct due d = { .front = f, .now = time_now(), .next = INT64_MAX };
	bool due = d.now >= r->next || generation != r->generation || time_boot_ms() >= r->look_at;
	if (!due || !signer_ready(f->signer, why))
		return;
	r->generation = generation;
	r->look_at = time_boot_ms() + LOOK_MS;
	if (due_read(&d) == 0) {
		for (size_t i = 0; i < d.count; i++) {
			if (is_paused(r, d.ca_ids[i]))
				continue;
			bool passes;
			pthread_mutex_lock(&r->making);
			responder_make(f, d.ca_ids[i], &passes);
			pthread_mutex_unlock(&r->making);
		}
		r->next = d.next;
	}
	free(d.ca_ids);
}
