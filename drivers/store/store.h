/*
 * What the front-end remembers: issuers, CAs, keys, certificates, replies to
 * repeated requests, and how far into the ledger all that reaches. This is the
 * interface; sqlite/ implements it with an embedded database, and nothing here
 * says so. It stores and finds; it decides nothing.
 *
 * Everything is derived from the signer's ledger and can be made again from
 * it. It never holds a private key or a PIN.
 *
 * All changes are made by one thread, the committer, in transactions shared by
 * whoever waits at that moment: store_change() hands it a piece of work and
 * returns when that is durable, store_post() has a call made then. Work sees the newest state and nothing else
 * changes meanwhile, so a check and the change that rests on it belong into
 * one piece of work. Finding works in a session of the caller's own as well.
 */
#ifndef CHANCERY_STORE_STORE_H
#define CHANCERY_STORE_STORE_H

#include <stdlib.h>

#include "base/pack.h"

struct store;
struct store_session;

enum store_answer {
	STORE_DONE = 0,
	STORE_NONE = 1,	 /* no such row */
	STORE_TAKEN = 2, /* a unique value is in use */
	STORE_STATE = 3, /* the row is in another state than was stated */
	STORE_OTHER = 4, /* the database is a newer version's, or another program's */
	STORE_WORK = 16, /* answers of a piece of work of the caller's own begin here */
};

#define MAX_STORE_SESSIONS 16 /* readers at a time; more wait */
#define MAX_STORE_PAGE 1000

/* struct issuer_row and so on. A row that was found owns its memory; its texts end with a NUL there. */
#include "base/pack_struct.h"
#define ROW(name, columns)                                                                                             \
	struct name##_row {                                                                                            \
		PACK_UNWRAP columns void *memory;                                                                      \
	};                                                                                                             \
	static inline void name##_row_free(struct name##_row *row)                                                     \
	{                                                                                                              \
		free(row->memory);                                                                                     \
		row->memory = NULL;                                                                                    \
	}
#include "store/rows.def"
#undef ROW
#include "base/pack_done.h"
#define scoped_row(name) __attribute__((cleanup(name##_row_free))) struct name##_row

/* The text of a found row as a C string. */
static inline const char *row_text(struct slice s)
{
	return s.at ? (const char *)s.at : "";
}

#define STORE_CACHE_MIB 64

/*
 * Opens or makes the database, one process at a time, with so much memory for
 * its pages and at most as much again for all who read. STORE_DONE; with the
 * reason logged STORE_OTHER, and -1: not writable, damaged, in use.
 */
int store_open(const char *path, unsigned cache_mib, struct store **out);
void store_close(struct store *s);

/* For reading; waits while all sessions are in use. 0 or -1. Give it back before asking the signer anything slow. */
int store_read(struct store *s, struct store_session **out);
void store_read_end(struct store_session **session);
#define scoped_session __attribute__((cleanup(store_read_end))) struct store_session

/*
 * A copy of all of it as it is at one moment, while others change it: a file
 * without a name, read and write, in *out, of the caller's to close. path: a name that it has meanwhile, in a
 * folder with room for all of it. One at a time. 0 or -1, logged.
 */
int store_copy(struct store *s, const char *path, int *out);

/*
 * Work for the committer, to be run once. Its answer: 0 commits, anything else
 * undoes what it did and is handed back; negative also where the commit failed
 * (logged). Work must be quick and must not ask the signer.
 */
typedef int store_work(struct store_session *session, void *with);

/* Runs work and waits until what it did is durable. */
int store_change(struct store *s, store_work *work, void *with);

/* The same for who doesn't wait; belongs to whoever posts it, and stays where it is until finished() is called. */
struct store_job {
	store_work *work;
	void *with;
	/* What the work did is committed, or undone: answer says so. On the committer's thread: must be quick. */
	void (*finished)(struct store_job *job);
	bool sure; /* hardly ever answers anything but 0, and can be run a second time: spares undoing it by itself */
	/*
	 * The ledger has what it does, durable, and a catch-up makes it again: committed before finished() is called,
	 * so that all readers see it and the death of this process takes nothing, but flushed up to a second later.
	 */
	bool repeatable;
	int answer;
	struct store_job *next; /* the store's own */
};
void store_post(struct store *s, struct store_job *job);
/*
 * For many at once, so that they share a transaction: what is queued is begun
 * with store_wake() at the latest. Every call that queues has one that wakes after it.
 */
void store_queue(struct store *s, struct store_job *job);
void store_wake(struct store *s);

/*
 * All below answer enum store_answer, or a negative number: broken, logged.
 * Functions that change need the committer's session.
 */
int store_issuer_insert(struct store_session *s, const struct issuer_row *row);
int store_issuer_update(struct store_session *s, const struct issuer_row *row);
int store_issuer_find(struct store_session *s, const char *id, struct issuer_row *out);
int store_issuer_find_name(struct store_session *s, const char *name, struct issuer_row *out);

/*
 * Grows with every committed change of any CA's row, before whoever made the
 * change hears of it. What was read after a number is good while the number stays.
 */
uint64_t store_ca_generation(const struct store *s);

/* The same for changes of certificates that were there: what was revoked, released or withheld; not for new ones. */
uint64_t store_status_generation(const struct store *s);

/*
 * Who is told when one of the two has grown, on the committer's thread: must be quick, and must not come back here.
 * NULL: nobody any more; nobody is being told once this has returned.
 */
void store_watch(struct store *s, void (*told)(void *with), void *with);

/* Called for each row of a list; a negative answer ends the walk and is handed back. The row is gone afterwards. */
typedef int issuer_visit(void *with, const struct issuer_row *row);
int store_issuer_list(struct store_session *s, issuer_visit *visit, void *with);

int store_key_insert(struct store_session *s, const struct key_row *row); /* a known key_id is STORE_DONE */
int store_key_bind(struct store_session *s, const uint8_t key_id[16], const char *ca_id);
int store_key_find(struct store_session *s, const uint8_t key_id[16], struct key_row *out);
/* Keys of CAs that are not there any more, or were made with another key, belong to none. */
int store_key_free(struct store_session *s);
/* By its SubjectPublicKeyInfo. */
int store_key_find_public(struct store_session *s, struct slice public_key, struct key_row *out);
/* The oldest key of this token and algorithm that belongs to no CA. */
int store_key_find_unbound(struct store_session *s, const char *token, uint8_t algorithm, struct key_row *out);

int store_ca_insert(struct store_session *s, const struct ca_row *row);
/* Writes all columns of the CA with this id. */
int store_ca_update(struct store_session *s, const struct ca_row *row);
/* Forgets a reservation: only a CA in state created that has no request out and no open proposal. */
int store_ca_delete(struct store_session *s, const char *id);
int store_ca_find(struct store_session *s, const char *id, struct ca_row *out);
int store_ca_find_key(struct store_session *s, const uint8_t key_id[16], struct ca_row *out);
int store_ca_find_request(struct store_session *s, const uint8_t request_id[16], struct ca_row *out);
int store_ca_find_subject(struct store_session *s, struct slice subject_fold, struct ca_row *out);
/* A CA of this name that is neither retired nor revoked. */
int store_ca_find_name(struct store_session *s, const char *issuer_id, const char *name, struct ca_row *out);
typedef int ca_visit(void *with, const struct ca_row *row);
int store_ca_list(struct store_session *s, const char *issuer_id, ca_visit *visit, void *with);
/* Compare and set: STORE_STATE if it isn't in state from. */
int store_ca_move(struct store_session *s, const char *id, const char *from, const char *to, int64_t now);
/* Why this CA issues nothing more; "" lets it again. */
int store_ca_hold(struct store_session *s, const char *id, const char *why, int64_t now);
/* How many descendants, at any depth, are created, active or retiring. */
int store_ca_live_descendants(struct store_session *s, const char *id, int64_t *count);
/*
 * The newest CA that was made to follow this one, or is being made; one that is made or active before any that was
 * given up.
 */
int store_ca_find_successor(struct store_session *s, const char *id, struct ca_row *out);
int store_ca_rule(struct store_session *s, const char *id, const char *rule, int64_t now);
/* When the last certificate that this CA signed for another expires, whatever its state; 0: it signed none. */
int store_ca_last_end(struct store_session *s, const char *id, int64_t *end);
/* The visitor may take the row, and then sets its memory to NULL. */
typedef int lineage_visit(void *with, struct lineage_row *row);
int store_lineage_list(struct store_session *s, const char *issuer_id, lineage_visit *visit, void *with);
/* Forgets reservations made before this time; *count says how many. */
int store_ca_expire_created(struct store_session *s, int64_t before, int64_t *count);

/*
 * names: what the certificate can be found by, untagged texts. Inserting the
 * same certificate again is STORE_DONE, but a state withheld is then kept over
 * any other. STORE_NONE: no such CA.
 */
int store_certificate_insert(struct store_session *s, const struct certificate_row *row, struct list names);
/*
 * From when on, and why (RFC 5280 5.3.1), by the ledger's note with this number; an active one is revoked then. What is
 * revoked stays as it is, but for a hold, which may become a revocation; and a note counts once. STORE_NONE: there is
 * no such certificate.
 */
int store_certificate_revoke(struct store_session *s, const char *ca_id, struct slice serial, int64_t when,
			     uint8_t reason, uint64_t noted);
/* What is on hold is active again. */
int store_certificate_release(struct store_session *s, const char *ca_id, struct slice serial, uint64_t noted);
int store_certificate_find(struct store_session *s, const uint8_t fingerprint[32], struct certificate_row *out);
int store_certificate_find_serial(struct store_session *s, const char *ca_id, struct slice serial,
				  struct certificate_row *out);
int store_certificate_find_request(struct store_session *s, const uint8_t request_id[16], struct certificate_row *out);

/* What a listing wants; NULL or empty: any. */
struct certificate_query {
	const char *ca_id;
	const char *state;
	const char *name;
	struct slice serial;
	int64_t after; /* cursor: rows that came after this one; 0: from the first */
	int limit;     /* 1 to MAX_STORE_PAGE */
};
/* cursor: what to put into `after` to go on behind this row. */
typedef int certificate_visit(void *with, const struct certificate_row *row, int64_t cursor);
int store_certificate_list(struct store_session *s, const struct certificate_query *query, certificate_visit *visit,
			   void *with);

/* A CA's CRL, or one of its shards; shards 1: it has the one. */
struct crl_scope {
	const char *ca_id;
	uint16_t shard, shards;
};
/* The shard that a serial number is of: what its last four bytes are, modulo their number. */
uint16_t store_shard(struct slice serial, uint16_t shards);
int store_crl_find(struct store_session *s, const char *ca_id, uint16_t shard, struct lastcrl_row *out);
int store_crl_update(struct store_session *s, const struct lastcrl_row *row);
/* When all CRLs of this CA are due. */
int store_crl_put_off(struct store_session *s, const char *ca_id, int64_t due);
typedef int lastcrl_visit(void *with, const struct lastcrl_row *row);
/* All; those of one CA; those that are due. */
int store_crl_list(struct store_session *s, lastcrl_visit *visit, void *with);
int store_crl_list_ca(struct store_session *s, const char *ca_id, lastcrl_visit *visit, void *with);
int store_crl_list_due(struct store_session *s, int64_t now, lastcrl_visit *visit, void *with);
/* When the first one after now is due; INT64_MAX: none is. */
int store_crl_next(struct store_session *s, int64_t now, int64_t *due);
/* The CAs that lack a CRL, or of which something was revoked that none says yet; without reading through all CAs. */
typedef int crl_ca_visit(void *with, const char *ca_id);
int store_crl_cas(struct store_session *s, crl_ca_visit *visit, void *with);
/* Whether something was revoked or released that the last CRL doesn't say: STORE_DONE or STORE_NONE. */
int store_crl_waits(struct store_session *s, const struct crl_scope *scope);

/* What a CRL is to say. Lost and withheld certificates have reason 0, and a date of their own. */
struct crl_entry {
	struct slice serial; /* gone after the visit */
	uint8_t reason;	     /* 8: released */
	int64_t revoked;
	uint64_t ledger_seq, noted;
	int64_t n; /* the certificate's number, for store_crl_listed() */
	bool unlisted, withheld;
};
typedef int crl_visit(void *with, const struct crl_entry *entry);
/* All that is revoked and expires not before that time, by the order of serial numbers' bytes. */
int store_crl_whole(struct store_session *s, const struct crl_scope *scope, int64_t not_after, crl_visit *visit,
		    void *with);
/* What the last CRL doesn't say yet; released: the date of what was released. */
int store_crl_changes(struct store_session *s, const struct crl_scope *scope, int64_t released, crl_visit *visit,
		      void *with);
/* A CRL says it now, unless there was another note meanwhile. */
int store_crl_listed(struct store_session *s, int64_t n, uint64_t noted);
/* A CRL with this number on the ledger was signed: releases that were noted before it are on it. */
int store_crl_released(struct store_session *s, const struct crl_scope *scope, uint64_t ledger_seq);
/* Its key and newest certificate; an older one changes nothing. */
int store_responder_update(struct store_session *s, const struct responder_row *row);
int store_responder_find(struct store_session *s, const char *ca_id, struct responder_row *out);
typedef int responder_visit(void *with, const struct responder_row *row);
/* Those that end first come first. */
int store_responder_list(struct store_session *s, responder_visit *visit, void *with);

/* What was carried to an offline root, by its nonce; a known one stays as it is. */
int store_letter_insert(struct store_session *s, const struct letter_row *row);
/* Its response came in, by the ledger's note of this number. STORE_NONE: no such letter, or it is answered already. */
int store_letter_answer(struct store_session *s, const uint8_t nonce[32], uint64_t noted);
int store_letter_find(struct store_session *s, const uint8_t nonce[32], struct letter_row *out);
/* A known id is STORE_DONE, and stays as it is. */
int store_proposal_insert(struct store_session *s, const struct proposal_row *row);
int store_proposal_find(struct store_session *s, const uint8_t id[16], struct proposal_row *out);
/* Of the CA that it would make: the open one, or else the last. */
int store_proposal_find_ca(struct store_session *s, const char *ca_id, struct proposal_row *out);
/* Oldest first; state "": all. The visitor may take the row, and then sets its memory to NULL. */
typedef int proposal_visit(void *with, struct proposal_row *row);
int store_proposal_list(struct store_session *s, const char *state, proposal_visit *visit, void *with);
/* An open one becomes what `to` says, and what was reserved for it is free; STORE_STATE: it isn't open. */
int store_proposal_close(struct store_session *s, const uint8_t id[16], const char *to, const char *why,
			 uint64_t executed, int64_t now);
/* The same for all that are open and ended before now. */
int store_proposal_expire(struct store_session *s, int64_t now);
/* A key's second approval is STORE_DONE, and the first stays. */
int store_approval_insert(struct store_session *s, const struct approval_row *row);
typedef int approval_visit(void *with, const struct approval_row *row);
int store_approval_list(struct store_session *s, const uint8_t proposal[16], approval_visit *visit, void *with);

/* How far this store reflects the ledger. */
struct store_ledger {
	bool known; /* false: no ledger was ever met */
	uint8_t ledger_id[16];
	uint64_t committed; /* every record below this number is reflected */
	uint64_t newest;    /* of the latest thousand certificates and of all steps the highest ledger_seq; read only */
	uint64_t checkpoint_size;
	uint8_t checkpoint_root[32];
	uint32_t epoch;	    /* of the ledger that it reflects; 0: of before there were any */
	uint64_t crl_floor; /* CRL numbers begin above, for what may have been signed before the epoch */
};
int store_ledger_find(struct store_session *s, struct store_ledger *out);
int store_ledger_update(struct store_session *s, const struct store_ledger *ledger);
/* Raises `committed` with the next transaction, whoever's that is; never waits. */
void store_mark(struct store *s, uint64_t committed);

/* Which request took a CA to which state; known ones stay, and those of before `oldest` are forgotten. */
int store_step_insert(struct store_session *s, const struct step_row *row, int64_t oldest);
int store_step_find(struct store_session *s, const uint8_t request_id[16], struct step_row *out);

/* Replies to requests with an Idempotency-Key; status 0: not answered yet. */
int store_reply_insert(struct store_session *s, const struct reply_row *row);
int store_reply_update(struct store_session *s, const struct reply_row *row);
int store_reply_delete(struct store_session *s, const struct reply_row *row);
int store_reply_find(struct store_session *s, const char *actor, const char *key, const char *route,
		     struct reply_row *out);
int store_reply_expire(struct store_session *s, int64_t before);

#endif
