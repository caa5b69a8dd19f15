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
#include "wire/inner.h"
#include "wire/rows.h"

#define MAX_HEAD 70000	 /* before the entries: the issuer's name and a few words */
#define MAX_TAIL 8192	 /* behind them: extensions, algorithm, signature */
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

struct check {
	const struct crl_expected *e;
	struct crl_flow fresh, before, rows;
	struct entries new, old;
	uint32_t rows_left, counted;
	struct entry asked; /* the next row that was asked for, */
	bool release;	    /* ... which may be one that takes an entry away */
	uint8_t asked_bytes[MAX_ENTRY];
	struct buf head, tail; /* of the CRL, without its entries */
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

/* The entry that is to come next is there. */
static int entry_match(struct check *c, const struct entry *want)
{
	const struct entry *is = &c->new.now;
	if (!is->at || is->size != want->size || memcmp(is->at, want->at, is->size) != 0)
		return wrong(c, "an entry is not the one that was asked for");
	c->counted++;
	return entry_next(&c->new) ? 0 : wrong(c, "an entry can't be read");
}

/* An entry of the CRL before of which nothing was said. */
static int old_step(struct check *c)
{
	const struct entry *old = &c->old.now, *is = &c->new.now;
	if (is->at && is->size == old->size && memcmp(is->at, old->at, is->size) == 0) {
		int r = entry_match(c, old);
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
	int r = c->release ? 0 : entry_match(c, &c->asked);
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
	if (!entry_next(&c->new) || !entry_next(&c->old))
		return wrong(c, "an entry can't be read");
	while (!r && (c->asked.at || c->old.now.at)) {
		int order = !c->old.now.at ? -1
			    : !c->asked.at ? 1
					   : serial_compare(c->asked.serial, c->old.now.serial);
		r = order <= 0 ? asked_step(c, order == 0) : old_step(c);
	}
	if (!r && c->new.now.at)
		return wrong(c, "an entry was not asked for");
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
static X509_CRL *frame_decode(const struct check *c, size_t extensions)
{
	scoped_buf out = { .max = MAX_HEAD + MAX_TAIL + 16 }, tbs = { .max = MAX_HEAD + MAX_TAIL + 16 };
	der_head(&tbs, c->head.len + extensions);
	buf_put_slice(&tbs, buf_slice(&c->head));
	buf_put(&tbs, c->tail.at, extensions);
	der_head(&out, tbs.len + c->tail.len - extensions);
	buf_put_slice(&out, buf_slice(&tbs));
	buf_put(&out, c->tail.at + extensions, c->tail.len - extensions);
	const unsigned char *p = out.at;
	X509_CRL *crl = buf_ok(&out) && buf_ok(&tbs) ? d2i_X509_CRL(NULL, &p, (long)out.len) : NULL;
	if (crl && p == out.at + out.len)
		return crl;
	X509_CRL_free(crl);
	return NULL;
}

static bool number_is(X509_CRL *crl, uint64_t number)
{
	uint64_t is = 0;
	ASN1_INTEGER *n = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	bool same = n && ASN1_INTEGER_get_uint64(&is, n) == 1 && is == number;
	ASN1_INTEGER_free(n);
	return same;
}

static bool authority_is(X509_CRL *crl, X509 *ca)
{
	AUTHORITY_KEYID *id = X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, NULL, NULL);
	const ASN1_OCTET_STRING *key = X509_get0_subject_key_id(ca);
	bool same = id && id->keyid && key && ASN1_OCTET_STRING_cmp(id->keyid, key) == 0 && !id->issuer && !id->serial;
	AUTHORITY_KEYID_free(id);
	return same;
}

static int frame_check(struct check *c, X509_CRL *crl, X509 *ca)
{
	const struct crl_expected *e = c->e;
	if (X509_CRL_get_version(crl) != X509_CRL_VERSION_2)
		return wrong(c, "the version is another");
	if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(ca)) != 0)
		return wrong(c, "the issuer is another");
	if (ASN1_TIME_cmp_time_t(X509_CRL_get0_lastUpdate(crl), e->this_update) != 0 ||
	    ASN1_TIME_cmp_time_t(X509_CRL_get0_nextUpdate(crl), e->next_update) != 0)
		return wrong(c, "a time is another");
	if (!number_is(crl, e->number))
		return wrong(c, "the number is another");
	if (!authority_is(crl, ca))
		return wrong(c, "the authority key identifier is another");
	return X509_CRL_get_ext_count(crl) == 2 ? 0 : wrong(c, "there is another extension");
}

/* Verified as it is read, but for a key that wants the whole at once. */
struct verdict_way {
	EVP_MD_CTX *ctx;
	bool pure;
};

static void way_free(struct verdict_way *w)
{
	EVP_MD_CTX_free(w->ctx);
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
	return w->ctx && EVP_DigestVerifyInit_ex(w->ctx, NULL, w->pure ? NULL : OBJ_nid2sn(digest), NULL, NULL, key,
						 NULL) == 1;
}

static bool way_pure(const struct verdict_way *w, int file, const struct slice *signature, uint64_t from, uint64_t to)
{
	scoped_buf tbs = { .max = MAX_PURE_TBS };
	size_t size = (size_t)(to - from);
	uint8_t *at = size <= MAX_PURE_TBS ? buf_room(&tbs, size) : NULL;
	return at && pread(file, at, size, (off_t)from) == (ssize_t)size &&
	       EVP_DigestVerify(w->ctx, signature->at, signature->len, at, size) == 1;
}

static int signature_check(struct check *c, const X509_CRL *crl, const struct verdict_way *w, uint64_t from,
			   uint64_t to)
{
	const ASN1_BIT_STRING *bits;
	X509_CRL_get0_signature(crl, &bits, NULL);
	const struct slice signature = { ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits) };
	if (bits->flags & 0x07)
		return wrong(c, "the signature is not whole octets");
	bool good = w->pure ? way_pure(w, c->fresh.fd, &signature, from, to)
			    : EVP_DigestVerifyFinal(w->ctx, signature.at, signature.len) == 1;
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
static bool algorithms_same(const struct check *c, size_t extensions)
{
	const uint8_t *inner = c->head.at + 3;
	size_t n = c->head.len > 5 ? inner[1] + 2U : 0;
	return n && c->head.len >= 3 + n && c->tail.len - extensions >= n &&
	       memcmp(inner, c->tail.at + extensions, n) == 0;
}

static int fresh_check(struct check *c, X509 *ca, struct verdict_way *way, uint64_t from)
{
	uint64_t tbs_end, before_end;
	scoped_buf head_before = { .max = MAX_HEAD };
	if (!frame_take(&c->fresh, &c->head, &c->new, &tbs_end))
		return wrong(c, "it is no CRL");
	if (c->e->before >= 0 && !frame_take(&c->before, &head_before, &c->old, &before_end))
		return wrong(c, "the CRL before is none");
	if (!way_begin(way, buf_slice(&c->head), X509_get0_pubkey(ca)))
		return wrong(c, "the signature is of another algorithm than the key");
	flow_digest(&c->fresh, way->pure ? NULL : way->ctx, from, tbs_end);
	int r = entries_check(c);
	if (r)
		return r;
	if (flow_at(&c->fresh) > tbs_end)
		return wrong(c, "it is no CRL");
	size_t extensions = (size_t)(tbs_end - flow_at(&c->fresh));
	if (!bytes_take(&c->fresh, c->fresh.end - flow_at(&c->fresh), &c->tail))
		return wrong(c, "it is no CRL");
	if (!algorithms_same(c, extensions))
		return wrong(c, "its two algorithms differ");
	X509_CRL *crl = frame_decode(c, extensions);
	r = crl ? frame_check(c, crl, ca) : wrong(c, "its frame can't be read");
	if (!r)
		r = signature_check(c, crl, way, from, tbs_end);
	X509_CRL_free(crl);
	return r;
}

static int check_run(struct check *c, int file, uint64_t at, uint64_t size, int out)
{
	const unsigned char *p = c->e->certificate.at;
	struct verdict_way way __attribute__((cleanup(way_free))) = { NULL, false };
	struct stat st = { .st_size = 0 };
	X509 *ca = d2i_X509(NULL, &p, (long)c->e->certificate.len);
	if (!ca || (c->e->before >= 0 && fstat(c->e->before, &st) != 0)) {
		X509_free(ca);
		return -1;
	}
	flow_open(&c->fresh, file, at, at + size, out);
	flow_open(&c->before, c->e->before, 0, (uint64_t)st.st_size, -1);
	flow_open(&c->rows, c->e->rows, 0, (uint64_t)c->e->count * CRL_ROW_SIZE, -1);
	c->rows_left = c->e->count;
	int r = fresh_check(c, ca, &way, tbs_begin(file, at));
	X509_free(ca);
	return flow_failed(&c->fresh) || flow_failed(&c->before) || flow_failed(&c->rows) ? -1 : r;
}

int crl_check(const struct crl_expected *e, int file, uint64_t at, uint64_t size, int out, char why[CRL_WHY])
{
	struct check *c = malloc(sizeof(*c));
	if (!c)
		return -1;
	c->e = e;
	c->new = c->old = (struct entries){ .flow = NULL };
	c->counted = 0;
	c->why = why;
	buf_init(&c->head, MAX_HEAD);
	buf_init(&c->tail, MAX_TAIL);
	int r = check_run(c, file, at, size, out);
	buf_free(&c->head);
	buf_free(&c->tail);
	free(c);
	return r;
}
