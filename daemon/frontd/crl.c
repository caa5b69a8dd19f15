#include "frontd/crl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/time.h"
#include "frontd/context.h"
#include "frontd/crl_check.h"
#include "frontd/front.h"
#include "frontd/signer.h"
#include "ledger/record.h"
#include "wire/rows.h"

#define MAX_TRIES 4		   /* a number that was burnt, a form that doesn't fit, what can't be listed */
#define ROOM (1024 * CRL_ROW_SIZE) /* rows that are written at a time */
#define LISTED_AT_ONCE 2000	   /* rows of one piece of work: others wait for the committer meanwhile */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* A certificate that the CRL says something new of. */
struct seen {
	int64_t n;
	uint64_t noted;
};

struct making {
	struct front *front;
	const struct ca_row *ca;
	struct lastcrl_row last; /* number 0: there was none */
	uint64_t floor;		 /* the numbers below may be those of CRLs that the ledger has lost */
	bool whole;		 /* the form */
	bool bare;		 /* without withheld certificates, of which the ledger may know other bytes */
	bool unreleased;	 /* without releases: the last CRL doesn't have what they release */
	int64_t this_update;
	int before_file; /* the last CRL as it was published, unless the next one is whole */

	int file;
	uint32_t count;
	uint8_t rows[ROOM], before[ROW_SERIAL_SIZE];
	size_t used;
	bool unsorted, releases_only;
	struct seen *seen;
	size_t seen_count, seen_room;
};

static void making_free(struct making *m)
{
	fd_close(&m->file);
	fd_close(&m->before_file);
	free(m->seen);
	lastcrl_row_free(&m->last);
	free(m);
}

void crl_path(const struct front *f, const char *ca_id, char out[CRL_PATH])
{
	snprintf(out, CRL_PATH, "%s/%s.crl", f->crl_dir, ca_id);
}

static int rows_flush(struct making *m)
{
	size_t n = m->used;
	m->used = 0;
	return n ? fd_write_all(m->file, m->rows, n) : 0;
}

static int seen_add(struct making *m, const struct crl_entry *e)
{
	if (m->seen_count == m->seen_room) {
		size_t room = m->seen_room ? 2 * m->seen_room : 64;
		struct seen *grown = realloc(m->seen, room * sizeof(*grown));
		if (!grown)
			return -1;
		m->seen = grown;
		m->seen_room = room;
	}
	m->seen[m->seen_count++] = (struct seen){ e->n, e->noted };
	return 0;
}

static int entry_put(void *with, const struct crl_entry *e)
{
	struct making *m = with;
	struct crl_row row = { .reason = e->reason, .revoked = e->revoked, .seq = e->ledger_seq };
	bool release = e->reason == REASON_REMOVE;
	/* What can't be listed, or has expired so long ago that it needn't be, waits for no further CRL. */
	bool out = (m->bare && e->withheld) || (m->unreleased && release) || (m->releases_only && !release) ||
		   !row_serial(e->serial, row.serial);
	if (out)
		return e->unlisted ? seen_add(m, e) : 0;
	if (m->count && memcmp(m->before, row.serial, ROW_SERIAL_SIZE) >= 0)
		m->unsorted = true;
	memcpy(m->before, row.serial, ROW_SERIAL_SIZE);
	if (e->revoked > m->this_update)
		m->this_update = e->revoked;
	crl_row_put(m->rows + m->used, &row);
	m->used += CRL_ROW_SIZE;
	m->count++;
	if (e->unlisted && seen_add(m, e))
		return -1;
	return m->used == ROOM ? rows_flush(m) : 0;
}

static int row_compare(const void *a, const void *b)
{
	return memcmp(a, b, ROW_SERIAL_SIZE);
}

/* Serial numbers of several lengths, or releases behind all others. */
static int rows_sort(struct making *m)
{
	size_t size = (size_t)m->count * CRL_ROW_SIZE;
	if (!m->unsorted)
		return 0;
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, m->file, 0);
	if (at == MAP_FAILED)
		return -1;
	qsort(at, m->count, CRL_ROW_SIZE, row_compare);
	return munmap(at, size);
}

static int entries_walk(struct making *m, struct store_session *s)
{
	const char *id = row_text(m->ca->id);
	int64_t now = m->this_update;
	int r = 0;
	if (m->whole)
		r = store_crl_whole(s, id, m->last.ledger_seq ? m->last.this_update : now, entry_put, m);
	m->releases_only = m->whole;
	return r ? r : store_crl_changes(s, id, now, entry_put, m);
}

/* All entries, sorted and sealed. */
static int entries_write(struct making *m)
{
	scoped_session *s = NULL;
	fd_close(&m->file);
	m->count = 0;
	m->used = m->seen_count = 0;
	m->unsorted = m->releases_only = false;
	m->file = memfd_create("entries", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	bool done = m->file >= 0 && store_read(m->front->store, &s) == 0 && entries_walk(m, s) == 0 &&
		    rows_flush(m) == 0 && rows_sort(m) == 0 && fcntl(m->file, F_ADD_SEALS, SEALS) == 0;
	if (!done)
		log_error("crl_entries_failed", "ca=%s errno=%d", row_text(m->ca->id), errno);
	return done ? 0 : -1;
}

static int last_read(struct making *m)
{
	char path[CRL_PATH];
	scoped_session *s = NULL;
	lastcrl_row_free(&m->last);
	m->last = (struct lastcrl_row){ 0 };
	struct store_ledger ledger;
	int r = store_read(m->front->store, &s) || store_ledger_find(s, &ledger)
			? -1
			: store_crl_find(s, row_text(m->ca->id), &m->last);
	m->floor = r < 0 ? 0 : ledger.crl_floor;
	m->whole = m->whole || r == STORE_NONE || !m->last.ledger_seq || m->last.whole;
	m->unreleased = m->unreleased || !m->last.ledger_seq;
	fd_close(&m->before_file);
	crl_path(m->front, row_text(m->ca->id), path);
	m->before_file = m->whole ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	m->whole = m->before_file < 0;
	return r < 0 ? -1 : 0;
}

/* What was sent and does not belong there another time; false: there is nothing to change. */
static bool refusal_heed(struct making *m, uint16_t code)
{
	if (code == REFUSE_CRL_NUMBER || code == REFUSE_CRL_BUSY)
		return signer_refresh(m->front->signer); /* a number was burnt that the database doesn't know of yet */
	if ((code == REFUSE_CRL_FORM || code == REFUSE_CRL_BASE) && !m->whole)
		return m->whole = true;
	if (code == REFUSE_CRL_FOREIGN && !m->bare)
		return m->bare = true;
	if (code == REFUSE_CRL_UNREVOKED && !m->unreleased)
		return m->unreleased = true;
	return false;
}

struct listing {
	const struct making *m;
	struct lastcrl_row row;
	size_t from, to;
};

static int listed_work(struct store_session *s, void *with)
{
	const struct listing *l = with;
	int r = 0;
	if (l->from == 0)
		r = store_crl_update(s, &l->row);
	if (!r && l->from == 0)
		r = store_crl_released(s, row_text(l->m->ca->id), l->row.ledger_seq);
	for (size_t i = l->from; !r && i < l->to; i++)
		r = store_crl_listed(s, l->m->seen[i].n, l->m->seen[i].noted);
	return r;
}

/* Releases and the row come first and together: who sends what is listed twice does no harm, but for a release. */
static int listed_put(struct making *m, const struct lastcrl_row *row)
{
	struct listing l = { .m = m, .row = *row };
	int r = 0;
	do {
		l.to = m->seen_count - l.from > LISTED_AT_ONCE ? l.from + LISTED_AT_ONCE : m->seen_count;
		r = store_change(m->front->store, listed_work, &l);
		l.from = l.to;
	} while (!r && l.from < m->seen_count);
	return r;
}

/* An entry goes one CRL after its certificate's end: RFC 5280 3.3. */
static int may_leave(void *with, struct slice serial)
{
	const struct making *m = with;
	scoped_row(certificate) row = { 0 };
	scoped_session *s = NULL;
	while (serial.len > 1 && !serial.at[0])
		serial = (struct slice){ serial.at + 1, serial.len - 1 };
	int r = store_read(m->front->store, &s) ? -1
						: store_certificate_find_serial(s, row_text(m->ca->id), serial, &row);
	return r < 0 ? -1 : r == STORE_DONE && row.not_after < m->last.this_update;
}

/* Copies it to beside its place, and in doing so holds it against what was asked for. */
static int file_copy(struct making *m, const struct crl_sign_request *request, const struct crl_sign_reply *reply,
		     int came, int out)
{
	char why[CRL_WHY];
	const struct crl_expected expected = { .certificate = m->ca->certificate,
					       .number = request->number,
					       .this_update = request->this_update,
					       .next_update = request->next_update,
					       .entries = reply->entries,
					       .rows = m->file,
					       .count = m->count,
					       .before = m->whole ? -1 : m->before_file,
					       .may_leave = may_leave,
					       .with = m };
	int r = crl_check(&expected, came, reply->full_at, reply->full_size, out, why);
	if (r > 0)
		log_error("crl_answer_wrong", "ca=%s number=%llu why=\"%s\"", row_text(m->ca->id),
			  (unsigned long long)request->number, why);
	return r;
}

static int file_put(struct making *m, const struct crl_sign_request *request, const struct crl_sign_reply *reply,
		    int came)
{
	char path[CRL_PATH];
	struct replacement new;
	crl_path(m->front, row_text(m->ca->id), path);
	if (replacement_begin(&new, path, 0644) != 0)
		return -1;
	int r = file_copy(m, request, reply, came, new.fd);
	if (r == 0)
		return replacement_end(&new);
	replacement_abandon(&new);
	return -1;
}

static int crl_keep(struct making *m, const struct crl_sign_request *request, const struct crl_sign_reply *reply,
		    struct signer_answer *answer)
{
	scoped_fd int came = passing_take(&answer->came);
	struct lastcrl_row row = { .ca_id = m->ca->id,
				   .number = request->number,
				   .this_update = request->this_update,
				   .next_update = request->next_update,
				   .entries = reply->entries,
				   .ledger_seq = reply->ledger_seq };
	if (came < 0 || lseek(came, 0, SEEK_END) < (off_t)(reply->full_at + reply->full_size) ||
	    file_put(m, request, reply, came) || listed_put(m, &row)) {
		log_error("crl_not_kept", "ca=%s number=%llu", row_text(m->ca->id), (unsigned long long)row.number);
		return -1;
	}
	log_info("crl", "ca=%s number=%llu entries=%u news=%zu whole=%d", row_text(m->ca->id),
		 (unsigned long long)row.number, reply->entries, m->seen_count, (int)m->whole);
	return 0;
}

static void request_fill(const struct making *m, struct crl_sign_request *r)
{
	signer_request_id(r->request_id);
	memcpy(r->ca_key, m->ca->key_id, sizeof(r->ca_key));
	r->shards = 1;
	r->form = m->whole ? CRL_WHOLE : CRL_CHANGES;
	r->number = (m->last.number > m->floor ? m->last.number : m->floor) + 1;
	r->this_update = m->this_update;
	r->next_update = m->this_update + m->front->crl_seconds;
	r->count = m->count;
}

/* 0, negative, or what the signer refused it for. */
static int crl_ask(struct making *m)
{
	static const struct caller who = { .actor = "crl" };
	const struct call c = { .who = &who };
	scoped_buf context = { .max = MAX_CONTEXT };
	struct context_words words = { .op = "crl", .ca = row_text(m->ca->id) };
	struct crl_sign_request request = { 0 };
	struct crl_sign_reply reply;
	scoped_answer answer = { .body = { NULL, 0 } };
	if (context_put(&context, &c, &words))
		return -1;
	request_fill(m, &request);
	request.context = buf_slice(&context);
	scoped_hold hold;
	signer_hold(m->front->signer, &hold);
	enum signer_result result = signer_crl_sign_entries(m->front->signer, &request, m->file, &reply, &answer);
	if (result == SIGNER_REFUSED)
		return answer.refusal.code;
	if (result || crl_keep(m, &request, &reply, &answer))
		return -1;
	signer_settle(&hold, reply.ledger_seq);
	return 0;
}

int crl_make(struct front *f, const struct ca_row *ca)
{
	struct making *m = calloc(1, sizeof(*m));
	int r = m ? 1 : -1;
	if (!m)
		return -1;
	m->front = f;
	m->ca = ca;
	m->file = m->before_file = -1;
	for (int i = 0; r > 0 && i < MAX_TRIES; i++) {
		int64_t now = time_now();
		if (last_read(m))
			r = -1;
		m->this_update = now > m->last.this_update ? now : m->last.this_update;
		if (r > 0)
			r = entries_write(m) ? -1 : crl_ask(m);
		if (r > 0)
			log_info("crl_refused", "ca=%s code=%d reason=%s", row_text(ca->id), r,
				 inner_refusal_name((uint16_t)r));
		if (r > 0 && !refusal_heed(m, (uint16_t)r))
			r = -1;
	}
	making_free(m);
	if (r)
		log_warning("crl_failed", "ca=%s", row_text(ca->id));
	return r ? -1 : 0;
}

/* The CA and what is known of its CRLs. */
static int known_find(struct store_session *s, const uint8_t ca_key[16], struct ca_row *ca, struct lastcrl_row *row)
{
	int r = store_ca_find_key(s, ca_key, ca);
	if (r)
		return r;
	r = store_crl_find(s, row_text(ca->id), row);
	if (r == STORE_NONE)
		*row = (struct lastcrl_row){ .ca_id = ca->id, .whole = 1 };
	return r < 0 ? r : 0;
}

int crl_intended(struct store_session *s, const struct record *intent)
{
	struct crl_intent_record in;
	scoped_row(ca) ca = { 0 };
	scoped_row(lastcrl) row = { 0 };
	if (record_crl_intent_get(intent->body, &in) != PACK_OK)
		return 1;
	int r = known_find(s, in.ca_key, &ca, &row);
	if (r || in.number <= row.number)
		return r;
	row.number = in.number;
	return store_crl_update(s, &row);
}

int crl_signed(struct store_session *s, const struct record *intent)
{
	struct crl_intent_record in;
	scoped_row(ca) ca = { 0 };
	scoped_row(lastcrl) row = { 0 };
	if (intent->type != RECORD_CRL_INTENT || record_crl_intent_get(intent->body, &in) != PACK_OK)
		return 1;
	int r = known_find(s, in.ca_key, &ca, &row);
	if (r || row.ledger_seq >= intent->seq)
		return r;
	row.this_update = in.this_update;
	row.next_update = in.next_update;
	row.entries = in.entries;
	row.ledger_seq = intent->seq;
	row.whole = 1; /* which of what was revoked it has nobody here knows */
	r = store_crl_update(s, &row);
	return r ? r : store_crl_released(s, row_text(ca.id), intent->seq);
}
