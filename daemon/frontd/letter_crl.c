/* The CRL of an offline root: read with libcrypto, held against the root and against the last one, kept and served. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/crl.h"
#include "frontd/crls.h"
#include "frontd/front.h"
#include "frontd/letters.h"
#include "frontd/signer.h"
#include "frontd/view.h"
#include "policy/lint.h"
#include "wire/inner.h"

#define FIELD "response_pem"
#define CLOCKS_APART 300 /* seconds that the ceremony's clock may be ahead of ours */

#define refuse(c, code, ...) call_refuse(c, 400, code, FIELD, __VA_ARGS__)

struct listed {
	X509_CRL *crl;
	struct ca_row root;
	struct lastcrl_row last, row;
	char words[96]; /* as the note has them */
};

static void listed_free(struct listed *l)
{
	X509_CRL_free(l->crl);
	ca_row_free(&l->root);
	lastcrl_row_free(&l->last);
}
#define scoped_listed __attribute__((cleanup(listed_free))) struct listed

bool letter_crl_there(const struct front *f, const char *ca_id)
{
	char path[CRL_PATH];
	const struct crl_scope scope = { .ca_id = ca_id };
	crl_path(f, &scope, false, path);
	return access(path, R_OK) == 0;
}

/* It is its only CRL, and none here makes the next one. */
static void row_settle(struct lastcrl_row *row)
{
	row->signed_number = row->base = row->pivot = row->number;
	row->pivot_until = row->next_update;
	row->due = INT64_MAX;
}

bool letter_crl_parse(const char *text, struct lastcrl_row *row)
{
	uint64_t number, from, until, entries;
	if (!number_take(&text, ' ', INT64_MAX, &number) || !number_take(&text, ' ', INT64_MAX, &from) ||
	    !number_take(&text, ' ', INT64_MAX, &until) || !number_take(&text, '\0', INT64_MAX, &entries))
		return false;
	row->number = number;
	row->this_update = (int64_t)from;
	row->next_update = (int64_t)until;
	row->entries = entries;
	row_settle(row);
	return true;
}

static int64_t time_of(const ASN1_TIME *t)
{
	struct tm when;
	return t && ASN1_TIME_to_tm(t, &when) == 1 ? (int64_t)timegm(&when) : -1;
}

static bool number_of(X509_CRL *crl, uint64_t *number)
{
	int critical;
	ASN1_INTEGER *n = X509_CRL_get_ext_d2i(crl, NID_crl_number, &critical, NULL);
	bool fits = n && ASN1_INTEGER_get_uint64(number, n) == 1 && *number <= INT64_MAX;
	ASN1_INTEGER_free(n);
	return fits;
}

/* A whole CRL without anything that a validator would have to know of. */
static int crl_read(struct call *c, struct slice der, struct listed *l)
{
	const unsigned char *at = der.at;
	struct lint_report *report = calloc(1, sizeof(*report));
	const struct lint_finding *worst = NULL;
	l->crl = d2i_X509_CRL(NULL, &at, (long)der.len);
	bool whole = report && l->crl && at == der.at + der.len && number_of(l->crl, &l->row.number);
	ERR_clear_error();
	if (whole) {
		lint_crl(der, report);
		worst = lint_worst(report, LINT_ERROR);
		l->row.this_update = time_of(X509_CRL_get0_lastUpdate(l->crl));
		l->row.next_update = time_of(X509_CRL_get0_nextUpdate(l->crl));
		int entries = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(l->crl));
		l->row.entries = entries > 0 ? (uint64_t)entries : 0;
		whole = l->row.this_update > 0 && l->row.next_update > l->row.this_update &&
			X509_CRL_get_ext_by_NID(l->crl, NID_delta_crl, -1) < 0 &&
			X509_CRL_get_ext_by_NID(l->crl, NID_issuing_distribution_point, -1) < 0;
	}
	int r = 0;
	if (!whole || worst)
		r = refuse(c, "crl_invalid", "The response holds no whole CRL that could be served%s%s.",
			   worst ? ": it breaks " : "", worst ? worst->rule->id : "");
	free(report);
	return r;
}

static int load(struct front *f, struct call *c, const char *ca_id, struct listed *l)
{
	scoped_session *s = NULL;
	int r = store_read(f->store, &s) ? -1 : store_ca_find(s, ca_id, &l->root);
	if (r)
		return r < 0 ? r : answer_no_ca(c);
	return 0;
}

static int load_last(struct front *f, const char *ca_id, struct listed *l)
{
	scoped_session *s = NULL;
	int r = store_read(f->store, &s) ? -1 : store_crl_find(s, ca_id, 0, &l->last);
	return r < 0 ? r : 0;
}

static bool name_same(const X509_NAME *a, const X509_NAME *b)
{
	const unsigned char *as = NULL, *bs = NULL;
	size_t an = 0, bn = 0;
	return X509_NAME_get0_der(a, &as, &an) == 1 && X509_NAME_get0_der(b, &bs, &bn) == 1 &&
	       slice_equal((struct slice){ as, an }, (struct slice){ bs, bn });
}

/* Names are compared by the byte: some validators do. */
static int check_signed_by(struct call *c, const struct listed *l)
{
	const unsigned char *at = l->root.certificate.at;
	X509 *root = d2i_X509(NULL, &at, (long)l->root.certificate.len);
	bool names = root && name_same(X509_CRL_get_issuer(l->crl), X509_get_subject_name(root));
	bool good = names && X509_CRL_verify(l->crl, X509_get0_pubkey(root)) == 1;
	X509_free(root);
	ERR_clear_error();
	if (good)
		return 0;
	if (names)
		return refuse(c, "wrong_issuer",
			      "The CRL names %s as its issuer, but that root's key has not signed it.",
			      row_text(l->root.name));
	return refuse(c, "wrong_issuer", "The CRL is of another CA than %s, which was asked for.",
		      row_text(l->root.name));
}

static int check_newer(struct call *c, const struct listed *l)
{
	char when[TIME_TEXT_SIZE];
	if (l->last.ledger_seq && l->row.number <= l->last.number)
		return call_refuse(
			c, 409, "crl_number", FIELD,
			"The CRL has the number %llu, and number %llu came in before: only a higher one is taken.",
			(unsigned long long)l->row.number, (unsigned long long)l->last.number);
	time_text(l->row.this_update, when);
	if (l->row.this_update > time_now() + CLOCKS_APART)
		return refuse(c, "crl_not_yet", "The CRL begins on %s, which is still to come: is a clock wrong?",
			      when);
	time_text(l->row.next_update, when);
	if (l->row.next_update <= time_now())
		return refuse(c, "crl_expired", "The CRL ended on %s.", when);
	return 0;
}

/* What the database has as revoked and not listed yet, and the CRL lists. */
struct taking {
	const struct listed *listed;
	struct letter_row *letter;
	size_t count;
	struct {
		int64_t n;
		uint64_t noted;
	} seen[MAX_REVOKED];
};

static int entry_see(void *with, const struct crl_entry *e)
{
	struct taking *t = with;
	X509_REVOKED *found = NULL;
	BIGNUM *n = BN_bin2bn(e->serial.at, (int)e->serial.len, NULL);
	ASN1_INTEGER *serial = n ? BN_to_ASN1_INTEGER(n, NULL) : NULL;
	if (serial && t->count < MAX_REVOKED && X509_CRL_get0_by_serial(t->listed->crl, &found, serial) == 1) {
		t->seen[t->count].n = e->n;
		t->seen[t->count++].noted = e->noted;
	}
	ASN1_INTEGER_free(serial);
	BN_free(n);
	return 0;
}

static int take_work(struct store_session *s, void *with)
{
	struct taking *t = with;
	const struct listed *l = t->listed;
	t->count = 0;
	const struct crl_scope scope = { .ca_id = row_text(l->root.id) };
	int r = store_crl_changes(s, &scope, time_now(), entry_see, t);
	for (size_t i = 0; !r && i < t->count; i++)
		r = store_crl_listed(s, t->seen[i].n, t->seen[i].noted);
	if (!r)
		r = store_crl_update(s, &l->row);
	if (!r)
		r = store_letter_answer(s, t->letter->nonce, t->letter->answered);
	return r < 0 ? r : 0;
}

static int reply(struct call *c, const struct listed *l)
{
	return call_reply(c, 200,
			  json_pack("{s:o, s:s, s:I, s:o, s:o, s:I, s:b}", "ca_id", view_text(l->root.id), "kind",
				    "crl", "number", (json_int_t)l->row.number, "this_update",
				    view_time(l->row.this_update), "next_update", view_time(l->row.next_update),
				    "entries", (json_int_t)l->row.entries, "dry_run", (int)c->dry_run));
}

/* The file, then the ledger, then the database: what was told of is there to be served. */
static int keep(struct front *f, struct call *c, struct listed *l, struct letter_row *letter, struct slice der)
{
	char path[CRL_PATH];
	uint64_t noted;
	scoped_hold hold = { 0 };
	struct taking *t = calloc(1, sizeof(*t));
	if (!t)
		return -1;
	const struct crl_scope scope = { .ca_id = row_text(l->root.id) };
	crl_path(f, &scope, false, path);
	snprintf(l->words, sizeof(l->words), "%llu %lld %lld %llu", (unsigned long long)l->row.number,
		 (long long)l->row.this_update, (long long)l->row.next_update, (unsigned long long)l->row.entries);
	int r = fd_replace_file(path, der, 0644);
	if (r)
		log_error("crl_not_kept", "path=%s why=\"%s\"", path, log_errno());
	else
		r = letter_note(f, c, "answered", letter, l->words, &hold, &noted);
	if (!r) {
		letter->answered = l->row.ledger_seq = noted;
		l->row.ca_id = l->root.id;
		row_settle(&l->row);
		*t = (struct taking){ .listed = l, .letter = letter };
		r = store_change(f->store, take_work, t) ? -1 : 0;
	}
	if (!r)
		signer_settle(&hold, noted);
	free(t);
	return r;
}

int letter_crl(struct front *f, struct call *c, const struct letter_row *row, struct slice der)
{
	scoped_listed l = { .crl = NULL };
	struct letter_row letter = *row;
	letter.memory = NULL;
	if (!f->crls)
		return call_refuse(c, 409, "crls_off", NULL, "No CRLs are served: frontd.conf has crl_hours = 0.");
	int r = crl_read(c, der, &l);
	if (!r)
		r = load(f, c, row_text(row->ca_id), &l);
	if (!r)
		r = check_signed_by(c, &l);
	if (r)
		return r;
	/* Nothing is due of a root that is elsewhere: it only keeps others out. */
	crls_lock(f->crls, row_text(row->ca_id), 0);
	r = load_last(f, row_text(row->ca_id), &l);
	if (!r)
		r = check_newer(c, &l);
	if (!r && !c->dry_run)
		r = keep(f, c, &l, &letter, der);
	crls_unlock(f->crls, row_text(row->ca_id));
	return r ? r : reply(c, &l);
}
