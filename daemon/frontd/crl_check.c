#include "frontd/crl_check.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/time.h"
#include "frontd/crl_flow.h"
#include "frontd/item.h"
#include "wire/inner.h"
#include "wire/rows.h"

#define MAX_HEAD 70000	   /* before the entries: the issuer's name and a few words */
#define MAX_TAIL 8192	   /* behind them: extensions, algorithm, signature */
#define MAX_PURE_TBS 65536 /* of a key that signs whole messages */
#define MAX_ENTRY 64

/* An entry as it stands in a CRL. */
struct entry {
	const uint8_t *at; /* valid until the next is taken; NULL: there is none */
	size_t size;
	struct slice serial;
};

/* The entries of a CRL that is being read. */
struct entries {
	struct crl_flow *flow;
	uint64_t left; /* bytes */
	struct entry now;
};

/* Verified as it is read, but for a key that wants the whole at once. */
struct verdict_way {
	EVP_MD_CTX *ctx;
	bool pure;
};

/* A CRL that came back. */
struct reading {
	struct crl_flow flow;
	struct entries list;
	uint64_t from, tbs_end; /* of its TBSCertList */
	size_t extensions;	/* bytes at the beginning of the tail */
	struct buf head, tail;	/* without its entries */
	struct verdict_way way;
};

struct check {
	const struct crl_expected *e;
	struct reading full, delta;
	bool has_delta;
	struct crl_flow before, rows;
	struct entries old;
	uint32_t rows_left, counted;
	struct entry asked; /* the next row that was asked for, */
	bool release;	    /* ... which may be one that takes an entry away */
	uint8_t asked_bytes[MAX_ENTRY];
	char *why;
};

static int wrong(struct check *c, const char *what)
{
	snprintf(c->why, CRL_WHY, "%s", what);
	return 1;
}

/* Tag and length, at most 2^28; appended to out as well. False: there is none, or none that is short. */
static bool head_take(struct crl_flow *f, uint8_t *tag, uint64_t *len, struct buf *out)
{
	const uint8_t *at = flow_take(f, 2);
	if (!at)
		return false;
	buf_put(out, at, 2);
	*tag = at[0];
	*len = at[1];
	if (*len < 0x80)
		return true;
	size_t octets = *len & 0x7f;
	at = octets && octets <= 4 ? flow_take(f, octets) : NULL;
	if (!at)
		return false;
	buf_put(out, at, octets);
	for (*len = 0; octets--; at++)
		*len = *len << 8 | *at;
	return *len <= 0x0fffffff;
}

static bool bytes_take(struct crl_flow *f, uint64_t n, struct buf *out)
{
	while (n) {
		size_t part = n < 4096 ? (size_t)n : 4096;
		const uint8_t *at = flow_take(f, part);
		if (!at || !buf_ok(out))
			return false;
		buf_put(out, at, part);
		n -= part;
	}
	return buf_ok(out);
}

/* Moves to the next entry. Every entry that the signer writes has a length of one octet. */
static bool entry_next(struct entries *s)
{
	s->now.at = NULL;
	if (!s->left)
		return true;
	const uint8_t *at = s->left >= 4 ? flow_look(s->flow, 4) : NULL;
	if (!at || at[0] != 0x30 || at[1] >= MAX_ENTRY || at[2] != 0x02 || at[3] > ROW_SERIAL_SIZE + 1U ||
	    at[3] + 4U > at[1] || s->left < at[1] + 2U)
		return false;
	size_t size = at[1] + 2U;
	at = flow_take(s->flow, size);
	if (!at)
		return false;
	s->left -= size;
	s->now = (struct entry){ at, size, { at + 4, at[3] } };
	return true;
}

/* Positive numbers without needless octets: the longer one is the larger. */
static int serial_compare(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return memcmp(a.at, b.at, a.len);
}

/* RFC 5280 5.1.2.6: UTCTime through 2049. */
static size_t time_write(int64_t seconds, uint8_t *at)
{
	static _Thread_local int64_t day = -1;
	static _Thread_local char date[20]; /* YYYYMMDD of that day: most entries have a neighbour's */
	if (seconds / 86400 != day) {
		struct tm tm;
		day = time_calendar(seconds, &tm) ? seconds / 86400 : -1;
		strftime(date, sizeof(date), "%Y%m%d", &tm);
	}
	int of_day = (int)(seconds % 86400), part[3] = { of_day / 3600, of_day / 60 % 60, of_day % 60 };
	size_t skip = strcmp(date, "2050") < 0 ? 2 : 0, n = 2;
	at[0] = skip ? 0x17 : 0x18;
	at[1] = (uint8_t)(15 - skip);
	memcpy(at + n, date + skip, 8 - skip);
	n += 8 - skip;
	for (int i = 0; i < 3; i++) {
		at[n++] = (uint8_t)('0' + part[i] / 10);
		at[n++] = (uint8_t)('0' + part[i] % 10);
	}
	at[n++] = 'Z';
	return n;
}

/* What an entry of this row has to look like. */
static void asked_write(struct check *c, const struct crl_row *row)
{
	static const uint8_t reason[13] = { 0x30, 12, 0x30, 10, 0x06, 3, 0x55, 0x1d, 0x15, 0x04, 3, 0x0a, 1 };
	uint8_t *at = c->asked_bytes;
	size_t zeros = 0, n = 4;
	while (zeros < ROW_SERIAL_SIZE - 1 && !row->serial[zeros])
		zeros++;
	at[0] = 0x30;
	at[2] = 0x02;
	if (row->serial[zeros] & 0x80)
		at[n++] = 0;
	memcpy(at + n, row->serial + zeros, ROW_SERIAL_SIZE - zeros);
	n += ROW_SERIAL_SIZE - zeros;
	at[3] = (uint8_t)(n - 4);
	n += time_write(row->revoked, at + n);
	if (row->reason) {
		memcpy(at + n, reason, sizeof(reason));
		n += sizeof(reason);
		at[n++] = row->reason;
	}
	at[1] = (uint8_t)(n - 2);
	c->asked = (struct entry){ at, n, { at + 4, at[3] } };
	c->release = row->reason == REASON_REMOVE;
}

static bool asked_next(struct check *c)
{
	struct crl_row row;
	c->asked.at = NULL;
	if (!c->rows_left)
		return true;
	const uint8_t *at = flow_take(&c->rows, CRL_ROW_SIZE);
	if (!at)
		return false;
	c->rows_left--;
	crl_row_get(at, &row);
	asked_write(c, &row);
	return true;
}

static bool entry_same(const struct entry *a, const struct entry *b)
{
	return a->at && b->at && a->size == b->size && memcmp(a->at, b->at, a->size) == 0;
}

/* removeFromCRL: an entry ends with its reason. */
static bool entry_removes(const struct entry *e)
{
	static const uint8_t reason[3] = { 0x0a, 1, REASON_REMOVE };
	return memcmp(e->at + e->size - sizeof(reason), reason, sizeof(reason)) == 0;
}

/* What the delta says of serial numbers below this one, of which the full CRL says nothing. NULL: of all that are left.
 */
static int delta_skip(struct check *c, const struct slice *serial)
{
	struct entries *d = &c->delta.list;
	while (d->now.at && (!serial || serial_compare(d->now.serial, *serial) < 0)) {
		if (!entry_removes(&d->now))
			return wrong(c, "the delta has an entry that the CRL has not");
		if (!entry_next(d))
			return wrong(c, "an entry of the delta can't be read");
	}
	return 0;
}

/* listed: the full CRL has this entry; else it is one that was asked to go. news: the delta can't do without it. */
static int delta_step(struct check *c, const struct entry *e, bool listed, bool news)
{
	struct entries *d = &c->delta.list;
	int r = c->has_delta ? delta_skip(c, &e->serial) : 0;
	if (r || !c->has_delta)
		return r;
	if (!d->now.at || serial_compare(d->now.serial, e->serial) != 0)
		return news ? wrong(c, "the delta lacks an entry") : 0;
	if (listed ? !entry_same(&d->now, e) : !entry_removes(&d->now))
		return wrong(c, "the delta has another entry than the CRL");
	return entry_next(d) ? 0 : wrong(c, "an entry of the delta can't be read");
}

/* The entry that is to come next is there. */
static int entry_match(struct check *c, const struct entry *want, bool news)
{
	if (!entry_same(&c->full.list.now, want))
		return wrong(c, "an entry is not the one that was asked for");
	c->counted++;
	int r = delta_step(c, want, true, news);
	if (r)
		return r;
	return entry_next(&c->full.list) ? 0 : wrong(c, "an entry can't be read");
}

/* An entry of the CRL before of which nothing was said. */
static int old_step(struct check *c)
{
	const struct entry *old = &c->old.now;
	if (entry_same(&c->full.list.now, old)) {
		int r = entry_match(c, old, false);
		if (r)
			return r;
	} else {
		int gone = c->e->may_leave(c->e->with, old->serial);
		if (gone <= 0)
			return gone ? -1 : wrong(c, "an entry of the CRL before is missing");
	}
	return entry_next(&c->old) ? 0 : wrong(c, "the CRL before can't be read");
}

static int asked_step(struct check *c, bool both)
{
	bool news = c->e->before >= 0 && !(both && entry_same(&c->asked, &c->old.now));
	int r = c->release ? delta_step(c, &c->asked, false, both) : entry_match(c, &c->asked, news);
	if (r)
		return r;
	if (both && !entry_next(&c->old))
		return wrong(c, "the CRL before can't be read");
	return asked_next(c) ? 0 : -1;
}

static int entries_check(struct check *c)
{
	int r = 0;
	if (!asked_next(c))
		return -1;
	if (!entry_next(&c->full.list) || !entry_next(&c->old) || !entry_next(&c->delta.list))
		return wrong(c, "an entry can't be read");
	while (!r && (c->asked.at || c->old.now.at)) {
		int order = !c->old.now.at ? -1 : !c->asked.at ? 1 : serial_compare(c->asked.serial, c->old.now.serial);
		r = order <= 0 ? asked_step(c, order == 0) : old_step(c);
	}
	if (!r && c->full.list.now.at)
		return wrong(c, "an entry was not asked for");
	if (!r)
		r = delta_skip(c, NULL);
	return r || c->counted == c->e->entries ? r : wrong(c, "the number of entries is another");
}

/* Reads a CRL up to its entries; head gets the members before them. tbs_end: where its TBSCertList ends. */
static bool frame_take(struct crl_flow *f, struct buf *head, struct entries *entries, uint64_t *tbs_end)
{
	scoped_buf length = { .max = 16 };
	uint8_t tag;
	uint64_t len;
	if (!head_take(f, &tag, &len, &length) || tag != 0x30 || flow_at(f) + len != f->end ||
	    !head_take(f, &tag, &len, &length) || tag != 0x30)
		return false;
	*tbs_end = flow_at(f) + len;
	if (*tbs_end > f->end)
		return false;
	for (int i = 0; i < 5; i++) /* version, algorithm, issuer, two times */
		if (!head_take(f, &tag, &len, head) || !bytes_take(f, len, head))
			return false;
	const uint8_t *next = flow_look(f, 1);
	entries->flow = f;
	if (!next || *next != 0x30)
		return next != NULL;
	if (!head_take(f, &tag, &len, &length) || flow_at(f) + len > *tbs_end)
		return false;
	entries->left = len;
	return true;
}

static void der_head(struct buf *out, size_t len)
{
	const uint8_t head[] = { 0x30, 0x83, (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len };
	if (len < 0x80)
		buf_put(out, (const uint8_t[]){ 0x30, (uint8_t)len }, 2);
	else if (len < 0x100)
		buf_put(out, (const uint8_t[]){ 0x30, 0x81, (uint8_t)len }, 3);
	else if (len < 0x10000)
		buf_put(out, (const uint8_t[]){ 0x30, 0x82, (uint8_t)(len >> 8), (uint8_t)len }, 4);
	else
		buf_put(out, head, sizeof(head));
}

/* The CRL as it would be without entries: small enough for libcrypto's own decoder. */
static X509_CRL *frame_decode(const struct reading *in)
{
	scoped_buf out = { .max = MAX_HEAD + MAX_TAIL + 16 }, tbs = { .max = MAX_HEAD + MAX_TAIL + 16 };
	der_head(&tbs, in->head.len + in->extensions);
	buf_put_slice(&tbs, buf_slice(&in->head));
	buf_put(&tbs, in->tail.at, in->extensions);
	der_head(&out, tbs.len + in->tail.len - in->extensions);
	buf_put_slice(&out, buf_slice(&tbs));
	buf_put(&out, in->tail.at + in->extensions, in->tail.len - in->extensions);
	const unsigned char *p = out.at;
	X509_CRL *crl = buf_ok(&out) && buf_ok(&tbs) ? d2i_X509_CRL(NULL, &p, (long)out.len) : NULL;
	if (crl && p == out.at + out.len)
		return crl;
	X509_CRL_free(crl);
	return NULL;
}

static bool number_is(const X509_CRL *crl, int nid, bool critical, uint64_t number)
{
	uint64_t is = 0;
	int marked = -1;
	ASN1_INTEGER *n = X509_CRL_get_ext_d2i(crl, nid, &marked, NULL);
	bool same = n && ASN1_INTEGER_get_uint64(&is, n) == 1 && is == number && marked == (int)critical;
	ASN1_INTEGER_free(n);
	return same;
}

static bool authority_is(const X509_CRL *crl, const X509 *ca)
{
	AUTHORITY_KEYID *id = X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, NULL, NULL);
	const ASN1_OCTET_STRING *key = X509_get0_subject_key_id((X509 *)ca);
	bool same = id && id->keyid && key && ASN1_OCTET_STRING_cmp(id->keyid, key) == 0 && !id->issuer && !id->serial;
	AUTHORITY_KEYID_free(id);
	return same;
}

/* One URL, and nothing else. */
static bool name_is(const DIST_POINT_NAME *name, struct slice url)
{
	const GENERAL_NAMES *names = name && name->type == 0 ? name->name.fullname : NULL;
	const GENERAL_NAME *one = sk_GENERAL_NAME_num(names) == 1 ? sk_GENERAL_NAME_value(names, 0) : NULL;
	const ASN1_STRING *is = one && one->type == GEN_URI ? one->d.uniformResourceIdentifier : NULL;
	return is && slice_equal(url, item_slice(is));
}

/* RFC 5280 5.2.5: for all kinds of certificates and all reasons, of this issuer alone. */
static bool point_is(const X509_CRL *crl, struct slice url)
{
	int critical = -1;
	ISSUING_DIST_POINT *p = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, &critical, NULL);
	bool same = p && critical == 1 && name_is(p->distpoint, url) && p->onlyuser <= 0 && p->onlyCA <= 0 &&
		    !p->onlysomereasons && p->indirectCRL <= 0 && p->onlyattr <= 0;
	ISSUING_DIST_POINT_free(p);
	return same;
}

static bool freshest_is(const X509_CRL *crl, struct slice url)
{
	int critical = -1;
	CRL_DIST_POINTS *all = X509_CRL_get_ext_d2i(crl, NID_freshest_crl, &critical, NULL);
	const DIST_POINT *one = sk_DIST_POINT_num(all) == 1 ? sk_DIST_POINT_value(all, 0) : NULL;
	bool same = one && critical == 0 && name_is(one->distpoint, url) && !one->reasons && !one->CRLissuer;
	CRL_DIST_POINTS_free(all);
	return same;
}

static int extensions_check(struct check *c, const X509_CRL *crl, const X509 *ca, bool delta)
{
	const struct crl_expected *e = c->e;
	int count = 2 + (int)delta + (e->url.len != 0) + (!delta && e->delta_url.len);
	if (!number_is(crl, NID_crl_number, false, e->number))
		return wrong(c, "the number is another");
	if (!authority_is(crl, ca))
		return wrong(c, "the authority key identifier is another");
	if (delta && !number_is(crl, NID_delta_crl, true, e->base))
		return wrong(c, "the delta's base is another");
	if (e->url.len && !point_is(crl, e->url))
		return wrong(c, "the issuing distribution point is another");
	if (!delta && e->delta_url.len && !freshest_is(crl, e->delta_url))
		return wrong(c, "the delta's URL is another");
	return X509_CRL_get_ext_count(crl) == count ? 0 : wrong(c, "there is another extension");
}

static int frame_check(struct check *c, const X509_CRL *crl, const X509 *ca, bool delta)
{
	const struct crl_expected *e = c->e;
	if (X509_CRL_get_version(crl) != X509_CRL_VERSION_2)
		return wrong(c, "the version is another");
	if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(ca)) != 0)
		return wrong(c, "the issuer is another");
	if (ASN1_TIME_cmp_time_t(X509_CRL_get0_lastUpdate(crl), e->this_update) != 0 ||
	    ASN1_TIME_cmp_time_t(X509_CRL_get0_nextUpdate(crl), delta ? e->delta_next : e->next_update) != 0)
		return wrong(c, "a time is another");
	return extensions_check(c, crl, ca, delta);
}

/* The digest that goes with the algorithm that stands in the frame's head: OBJ_find_sigid_algs() knows it. */
static bool way_begin(struct verdict_way *w, struct slice head, EVP_PKEY *key)
{
	int digest = NID_undef, kind = NID_undef;
	const unsigned char *p = head.len > 3 ? head.at + 3 : NULL; /* behind the version, 02 01 01 */
	X509_ALGOR *algorithm = p ? d2i_X509_ALGOR(NULL, &p, (long)(head.len - 3)) : NULL;
	const ASN1_OBJECT *oid = NULL;
	if (algorithm)
		X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
	bool known = oid && OBJ_find_sigid_algs(OBJ_obj2nid(oid), &digest, &kind) == 1;
	X509_ALGOR_free(algorithm);
	w->pure = digest == NID_undef;
	w->ctx = known ? EVP_MD_CTX_new() : NULL;
	return w->ctx &&
	       EVP_DigestVerifyInit_ex(w->ctx, NULL, w->pure ? NULL : OBJ_nid2sn(digest), NULL, NULL, key, NULL) == 1;
}

static bool way_pure(const struct reading *in, const struct slice *signature)
{
	scoped_buf tbs = { .max = MAX_PURE_TBS };
	size_t size = (size_t)(in->tbs_end - in->from);
	uint8_t *at = size <= MAX_PURE_TBS ? buf_room(&tbs, size) : NULL;
	return at && pread(in->flow.fd, at, size, (off_t)in->from) == (ssize_t)size &&
	       EVP_DigestVerify(in->way.ctx, signature->at, signature->len, at, size) == 1;
}

static int signature_check(struct check *c, const struct reading *in, const X509_CRL *crl)
{
	const ASN1_BIT_STRING *bits;
	X509_CRL_get0_signature(crl, &bits, NULL);
	const struct slice signature = item_slice(bits);
	if (bits->flags & 0x07)
		return wrong(c, "the signature is not whole octets");
	bool good = in->way.pure ? way_pure(in, &signature)
				 : EVP_DigestVerifyFinal(in->way.ctx, signature.at, signature.len) == 1;
	return good ? 0 : wrong(c, "the signature is wrong");
}

/* Where the TBSCertList begins: behind the tag and the length of the whole. */
static uint64_t tbs_begin(int file, uint64_t at)
{
	uint8_t head[2];
	if (pread(file, head, sizeof(head), (off_t)at) != (ssize_t)sizeof(head))
		return at;
	return at + 2 + (head[1] & 0x80 ? head[1] & 0x7f : 0);
}

/* RFC 5280 5.1.1.2: the algorithm stands in the TBSCertList, behind the version, and once more behind all of it. */
static bool algorithms_same(const struct reading *in)
{
	const uint8_t *inner = in->head.at + 3;
	size_t n = in->head.len > 5 ? inner[1] + 2U : 0;
	return n && in->head.len >= 3 + n && in->tail.len - in->extensions >= n &&
	       memcmp(inner, in->tail.at + in->extensions, n) == 0;
}

/* Up to its entries. */
static int reading_begin(struct check *c, struct reading *in, const X509 *ca)
{
	if (!frame_take(&in->flow, &in->head, &in->list, &in->tbs_end))
		return wrong(c, "it is no CRL");
	if (!way_begin(&in->way, buf_slice(&in->head), X509_get0_pubkey(ca)))
		return wrong(c, "the signature is of another algorithm than the key");
	flow_digest(&in->flow, in->way.pure ? NULL : in->way.ctx, in->from, in->tbs_end);
	return 0;
}

/* From behind its entries. */
static int reading_end(struct check *c, struct reading *in, const X509 *ca)
{
	uint64_t at = flow_at(&in->flow);
	if (at > in->tbs_end || !bytes_take(&in->flow, in->flow.end - at, &in->tail))
		return wrong(c, "it is no CRL");
	in->extensions = (size_t)(in->tbs_end - at);
	if (!algorithms_same(in))
		return wrong(c, "its two algorithms differ");
	X509_CRL *crl = frame_decode(in);
	int r = crl ? frame_check(c, crl, ca, in == &c->delta) : wrong(c, "its frame can't be read");
	if (!r)
		r = signature_check(c, in, crl);
	X509_CRL_free(crl);
	return r;
}

static int all_check(struct check *c, const X509 *ca)
{
	uint64_t before_end;
	scoped_buf head_before = { .max = MAX_HEAD };
	int r = reading_begin(c, &c->full, ca);
	if (!r && c->has_delta)
		r = reading_begin(c, &c->delta, ca);
	if (!r && c->e->before >= 0 && !frame_take(&c->before, &head_before, &c->old, &before_end))
		r = wrong(c, "the CRL before is none");
	if (!r)
		r = entries_check(c);
	if (!r)
		r = reading_end(c, &c->full, ca);
	return r || !c->has_delta ? r : reading_end(c, &c->delta, ca);
}

static int check_run(struct check *c)
{
	const unsigned char *p = c->e->certificate.at;
	struct stat st = { .st_size = 0 };
	X509 *ca = d2i_X509(NULL, &p, (long)c->e->certificate.len);
	if (!ca || (c->e->before >= 0 && fstat(c->e->before, &st) != 0)) {
		X509_free(ca);
		return -1;
	}
	flow_open(&c->before, c->e->before, 0, (uint64_t)st.st_size, -1);
	flow_open(&c->rows, c->e->rows, 0, (uint64_t)c->e->count * CRL_ROW_SIZE, -1);
	c->rows_left = c->e->count;
	int r = all_check(c, ca);
	X509_free(ca);
	bool failed = flow_failed(&c->full.flow) || (c->has_delta && flow_failed(&c->delta.flow));
	return failed || flow_failed(&c->before) || flow_failed(&c->rows) ? -1 : r;
}

static void reading_open(struct reading *in, int file, const struct crl_piece *piece)
{
	if (piece->size) {
		flow_open(&in->flow, file, piece->at, piece->at + piece->size, piece->out);
		in->from = tbs_begin(file, piece->at);
	}
	in->list = (struct entries){ .flow = NULL };
	in->way = (struct verdict_way){ NULL, false };
	buf_init(&in->head, MAX_HEAD);
	buf_init(&in->tail, MAX_TAIL);
}

static void reading_close(struct reading *in)
{
	buf_free(&in->head);
	buf_free(&in->tail);
	EVP_MD_CTX_free(in->way.ctx);
}

int crl_check(const struct crl_expected *e, int file, const struct crl_piece *full, const struct crl_piece *delta,
	      char why[CRL_WHY])
{
	struct check *c = malloc(sizeof(*c));
	if (!c)
		return -1;
	c->e = e;
	c->old = (struct entries){ .flow = NULL };
	c->counted = 0;
	c->why = why;
	c->has_delta = e->base != 0;
	reading_open(&c->full, file, full);
	reading_open(&c->delta, file, delta);
	int r = !full->size ? wrong(c, "there is none")
		: c->has_delta != (delta->size != 0)
			? wrong(c, "there is a delta that was not asked for, or none that was")
			: check_run(c);
	reading_close(&c->full);
	reading_close(&c->delta);
	free(c);
	return r;
}

/* The next member of the head, as libcrypto reads times. */
static bool time_read(struct slice *head, int64_t *out)
{
	struct tm tm;
	const unsigned char *p = head->at;
	ASN1_TIME *t = d2i_ASN1_TIME(NULL, &p, (long)head->len);
	bool good = t && ASN1_TIME_to_tm(t, &tm) == 1;
	ASN1_TIME_free(t);
	if (good)
		*out = timegm(&tm);
	*head = (struct slice){ p, head->len - (size_t)(p - head->at) };
	return good;
}

/* Skips version, algorithm and issuer. */
static bool head_times(struct slice head, int64_t *this_update, int64_t *next_update)
{
	for (int i = 0; i < 3; i++) {
		const unsigned char *p = head.at;
		long len;
		int tag, class;
		if (ASN1_get_object(&p, &len, &tag, &class, (long)head.len) & 0x80)
			return false;
		size_t size = (size_t)(p - head.at) + (size_t)len;
		head = (struct slice){ head.at + size, head.len - size };
	}
	return time_read(&head, this_update) && time_read(&head, next_update);
}

int crl_times(int file, int64_t *this_update, int64_t *next_update)
{
	struct stat st;
	struct reading *in = malloc(sizeof(*in));
	bool good = in && fstat(file, &st) == 0;
	if (good) {
		const struct crl_piece whole = { 0, (uint64_t)st.st_size, -1 };
		reading_open(in, file, &whole);
		good = whole.size && frame_take(&in->flow, &in->head, &in->list, &in->tbs_end) &&
		       head_times(buf_slice(&in->head), this_update, next_update);
		reading_close(in);
	}
	free(in);
	return good ? 0 : -1;
}
