#include "frontd/catchup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "frontd/rebuild.h"

#define READ_BYTES (1024 * 1024) /* of records at a time: what a reply holds */
#define STALE_SECONDS 600	 /* a reservation that old is nobody's: request ids are good for ten minutes */

/* Intents that were read and their outcomes not, in order. */
struct open_intents {
	uint64_t *seq;
	size_t count, room;
};

static void open_free(struct open_intents *o)
{
	free(o->seq);
}
#define scoped_open __attribute__((cleanup(open_free))) struct open_intents

static int open_add(struct open_intents *o, uint64_t seq)
{
	if (o->count == o->room) {
		size_t room = o->room ? o->room * 2 : 64;
		uint64_t *grown = realloc(o->seq, room * sizeof(*grown));
		if (!grown)
			return -1;
		o->seq = grown;
		o->room = room;
	}
	o->seq[o->count++] = seq;
	return 0;
}

static void open_close(struct open_intents *o, uint64_t seq)
{
	size_t i = 0;
	while (i < o->count && o->seq[i] != seq)
		i++;
	if (i == o->count)
		return;
	memmove(o->seq + i, o->seq + i + 1, (o->count - i - 1) * sizeof(*o->seq));
	o->count--;
}

static uint64_t open_oldest(const struct open_intents *o)
{
	return o->count ? o->seq[0] : UINT64_MAX;
}

/* Records of one reading, each with its intent. */
struct batch {
	struct buf records; /* as they were read */
	struct rebuild *all;
	size_t count, room;
	struct buf *fetched; /* intents from before this reading */
	size_t fetched_count;
	struct store_ledger ledger; /* as it stands when they are in */
};

static void batch_free(struct batch *b)
{
	for (size_t i = 0; i < b->fetched_count; i++)
		buf_free(&b->fetched[i]);
	free(b->fetched);
	free(b->all);
	buf_free(&b->records);
}
#define scoped_batch __attribute__((cleanup(batch_free))) struct batch

static int ledger_known(struct front *f, struct store_ledger *out)
{
	scoped_session *s = NULL;
	return store_read(f->store, &s) || store_ledger_find(s, out) ? -1 : 0;
}

int catchup_hello(struct front *f, struct hello_request *out)
{
	struct store_ledger known;
	if (ledger_known(f, &known))
		return -1;
	/* A certificate that was answered stands on the ledger, though what came before it may not be reflected yet. */
	bool ahead = known.newest >= known.committed;
	*out = (struct hello_request){ .version = INNER_VERSION,
				       .checkpoint_size = known.checkpoint_size,
				       .epoch = known.epoch,
				       .committed = ahead && known.newest ? known.newest + 1 : known.committed };
	memcpy(out->ledger_id, known.ledger_id, sizeof(out->ledger_id));
	memcpy(out->checkpoint_root, known.checkpoint_root, sizeof(out->checkpoint_root));
	return 0;
}

static int batch_add(struct batch *b, const struct record *r)
{
	if (b->count == b->room) {
		size_t room = b->room ? b->room * 2 : 256;
		struct rebuild *all = realloc(b->all, room * sizeof(*all));
		if (!all)
			return -1;
		b->all = all;
		b->room = room;
	}
	b->all[b->count++] = (struct rebuild){ .record = *r };
	return 0;
}

/* Splits what was read into records, which must follow on each other. */
static int batch_split(struct batch *b, uint64_t from)
{
	struct slice rest = buf_slice(&b->records);
	while (rest.len) {
		struct record r;
		size_t size = 0;
		if (record_peek(rest, &r, &size, NULL) != RECORD_WHOLE || r.seq != from + b->count ||
		    batch_add(b, &r)) {
			log_error("catchup", "after=%llu why=\"the signer's records can't be read\"",
				  (unsigned long long)(from + b->count));
			return -1;
		}
		rest.at += size;
		rest.len -= size;
	}
	return 0;
}

static int records_read(struct signer *s, uint64_t from, uint32_t most, struct buf *out, uint64_t *head)
{
	struct ledger_read_request request = { .from = from, .most = most };
	struct ledger_read_reply reply;
	scoped_answer answer;
	if (signer_ledger_read(s, &request, &reply, &answer) != SIGNER_DONE)
		return -1;
	buf_put_slice(out, reply.records);
	*head = reply.head;
	return buf_ok(out) ? 0 : -1;
}

/* The number of the intent that a record answers, or of the import that it makes good; false: it answers none. */
static bool intent_of(const struct record *r, uint64_t *seq)
{
	struct key_result_record key;
	struct key_bound_record bound;
	struct cert_result_record cert;
	struct lost_record lost;
	struct csr_result_record csr;
	struct crl_result_record crl;
	if (r->type == RECORD_KEY_RESULT && record_key_result_get(r->body, &key) == PACK_OK)
		*seq = key.intent;
	else if (r->type == RECORD_CERT_RESULT && record_cert_result_get(r->body, &cert) == PACK_OK)
		*seq = cert.intent;
	else if (r->type == RECORD_KEY_BOUND && record_key_bound_get(r->body, &bound) == PACK_OK)
		*seq = bound.cert;
	else if (r->type == RECORD_CSR_RESULT && record_csr_result_get(r->body, &csr) == PACK_OK)
		*seq = csr.intent;
	else if (r->type == RECORD_CRL_RESULT && record_crl_result_get(r->body, &crl) == PACK_OK)
		*seq = crl.intent;
	else if (r->type == RECORD_LOST && record_lost_get(r->body, &lost) == PACK_OK)
		*seq = lost.intent;
	else
		return false;
	return *seq < r->seq;
}

static int intent_fetch(struct signer *s, struct batch *b, uint64_t seq, struct record *out)
{
	struct buf *all = realloc(b->fetched, (b->fetched_count + 1) * sizeof(*all));
	if (!all)
		return -1;
	b->fetched = all;
	struct buf *bytes = &all[b->fetched_count++];
	buf_init(bytes, READ_BYTES);
	uint64_t head;
	size_t size;
	if (records_read(s, seq, 1, bytes, &head))
		return -1;
	return record_peek(buf_slice(bytes), out, &size, NULL) == RECORD_WHOLE && out->seq == seq ? 0 : -1;
}

static int batch_pair(struct signer *s, struct batch *b, uint64_t from)
{
	for (size_t i = 0; i < b->count; i++) {
		uint64_t seq;
		if (!intent_of(&b->all[i].record, &seq))
			continue;
		if (seq >= from)
			b->all[i].intent = b->all[seq - from].record;
		else if (intent_fetch(s, b, seq, &b->all[i].intent))
			return -1;
	}
	return 0;
}

static int batch_open(const struct batch *b, struct open_intents *open)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct record *r = &b->all[i].record;
		uint64_t seq;
		bool intent = r->type == RECORD_KEY_INTENT || r->type == RECORD_CERT_INTENT ||
			      r->type == RECORD_CSR_INTENT || r->type == RECORD_CRL_INTENT;
		if (intent && open_add(open, r->seq))
			return -1;
		if (intent_of(r, &seq))
			open_close(open, seq);
	}
	return 0;
}

static int batch_work(struct store_session *s, void *with)
{
	const struct batch *b = with;
	for (size_t i = 0; i < b->count; i++)
		if (rebuild_record(s, &b->all[i]))
			return -1;
	return store_ledger_update(s, &b->ledger);
}

static void floor_raise(const struct batch *b, struct store_ledger *ledger)
{
	for (size_t i = 0; i < b->count; i++) {
		uint64_t floor = epoch_crl_floor(b->all[i].record.time);
		if (b->all[i].record.type == RECORD_EPOCH && floor > ledger->crl_floor)
			ledger->crl_floor = floor;
	}
}

/* One reading; *next moves on, and ledger->committed as far as it may. */
static int catchup_step(struct front *f, struct signer *s, struct store_ledger *ledger, struct open_intents *open,
			uint64_t *next, uint64_t *head)
{
	scoped_batch b = { .records = { .max = READ_BYTES } };
	uint64_t from = *next;
	if (records_read(s, from, READ_BYTES, &b.records, head) || batch_split(&b, from) || batch_pair(s, &b, from) ||
	    batch_open(&b, open))
		return -1;
	if (b.count == 0 && from < *head)
		return -1;
	*next = from + b.count;
	ledger->committed = *next < open_oldest(open) ? *next : open_oldest(open);
	floor_raise(&b, ledger);
	b.ledger = *ledger;
	return store_change(f->store, batch_work, &b) ? -1 : 0;
}

static int expire_work(struct store_session *s, void *with)
{
	int64_t before = *(int64_t *)with, count = 0;
	int r = store_proposal_expire(s, time_now());
	if (!r)
		r = store_ca_expire_created(s, before, &count);
	if (!r && count)
		log_info("catchup", "reservations_dropped=%lld", (long long)count);
	return r ? r : store_key_free(s);
}

static int ledger_work(struct store_session *s, void *with)
{
	return store_ledger_update(s, with);
}

void catchup_checkpoint(struct front *f, struct signer *s)
{
	struct checkpoint_request request;
	struct checkpoint_reply reply;
	struct store_ledger ledger;
	scoped_answer answer;
	if (signer_checkpoint(s, &request, &reply, &answer) != SIGNER_DONE || ledger_known(f, &ledger) ||
	    reply.size <= ledger.checkpoint_size)
		return;
	ledger.checkpoint_size = reply.size;
	memcpy(ledger.checkpoint_root, reply.root, sizeof(ledger.checkpoint_root));
	store_change(f->store, ledger_work, &ledger);
}

static bool ledger_fits(const struct store_ledger *ledger, const struct hello_reply *hello, char why[CATCHUP_WHY])
{
	if (ledger->known && memcmp(ledger->ledger_id, hello->ledger_id, sizeof(hello->ledger_id)) != 0)
		snprintf(why, CATCHUP_WHY, "The signer has another ledger than this database.");
	else
		return true;
	return false;
}

int catchup_run(struct front *f, struct signer *s, const struct hello_reply *hello, bool first, struct reached *out,
		char why[CATCHUP_WHY])
{
	struct store_ledger ledger;
	if (ledger_known(f, &ledger)) {
		snprintf(why, CATCHUP_WHY, "The database can't be read.");
		return -1;
	}
	if (!ledger_fits(&ledger, hello, why))
		return -1;
	memcpy(ledger.ledger_id, hello->ledger_id, sizeof(ledger.ledger_id));
	ledger.epoch = hello->epoch;
	uint64_t head = 0, before = ledger.committed, next = before;
	scoped_open open = { 0 };
	do {
		if (catchup_step(f, s, &ledger, &open, &next, &head)) {
			snprintf(why, CATCHUP_WHY, "The ledger can't be taken into the database; see the log.");
			return -1;
		}
	} while (next < head);
	int64_t stale = first ? INT64_MAX : time_now() - STALE_SECONDS;
	if (store_change(f->store, expire_work, &stale))
		return -1;
	if (next > before)
		log_info("catchup", "from=%llu to=%llu open=%zu", (unsigned long long)before, (unsigned long long)next,
			 open.count);
	*out = (struct reached){ next, open_oldest(&open) };
	return 0;
}
