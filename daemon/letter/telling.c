#include "letter/telling.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "names/dn.h"
#include "names/name.h"

#define DAY 86400
#define MAX_TOLD 65536
#define PATH_LEN_ANY 0xffff /* as wire/inner.h has it */

enum { URL_OF_CRL = 1, URL_OF_OCSP = 2, URL_OF_ISSUER = 3 };

static void row(const struct teller *t, const char *label, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void row(const struct teller *t, const char *label, const char *format, ...)
{
	char text[MAX_TOLD];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	t->row(t->with, label, text);
}

void tell_time(int64_t seconds, char out[MAX_TELL_TIME])
{
	char text[TIME_TEXT_SIZE];
	time_text(seconds, text);
	if (strlen(text) == 20)
		snprintf(out, MAX_TELL_TIME, "%.10s %.8s UTC", text, text + 11);
	else
		snprintf(out, MAX_TELL_TIME, "%s", text);
}

void tell_span(int64_t seconds, char out[48])
{
	int64_t days = (seconds + DAY / 2) / DAY;
	if (days >= 730 && days % 365 < 12)
		snprintf(out, 48, "%lld years", (long long)(days / 365));
	else if (days >= 2)
		snprintf(out, 48, "%lld days", (long long)days);
	else
		snprintf(out, 48, "%lld hours", (long long)(seconds / 3600));
}

static const char *text_of(struct buf *b)
{
	buf_put_u8(b, 0);
	return buf_ok(b) ? (const char *)b->at : "(too long to be shown)";
}

static void row_text_of(const struct teller *t, const char *label, struct slice text)
{
	row(t, label, "%.*s", (int)text.len, text_visible(text) ? (const char *)text.at : "(it can't be shown)");
}

void tell_name(const struct teller *t, const char *label, struct list dn)
{
	scoped_buf text = { .max = MAX_TOLD };
	dn_print(dn, &text);
	row(t, label, "%s", text_of(&text));
}

void tell_der_name(const struct teller *t, const char *label, struct slice der)
{
	const unsigned char *at = der.at;
	X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)der.len);
	BIO *out = BIO_new(BIO_s_mem());
	char *text = NULL;
	long n = 0;
	unsigned long form = (XN_FLAG_RFC2253 & ~(unsigned long)(XN_FLAG_DN_REV | XN_FLAG_SEP_MASK)) | XN_FLAG_SEP_CPLUS_SPC;
	if (name && out && X509_NAME_print_ex(out, name, 0, form) >= 0)
		n = BIO_get_mem_data(out, &text);
	row(t, label, "%.*s", (int)n, n ? text : "");
	BIO_free(out);
	X509_NAME_free(name);
	ERR_clear_error();
}

static void key_kind(struct slice public_key, char out[32])
{
	const unsigned char *at = public_key.at;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)public_key.len);
	const char *type = key ? EVP_PKEY_get0_type_name(key) : NULL;
	snprintf(out, 32, "of an unknown kind");
	if (key && EVP_PKEY_is_a(key, "EC"))
		snprintf(out, 32, "ECDSA-P%d", EVP_PKEY_get_bits(key));
	else if (key && EVP_PKEY_is_a(key, "RSA"))
		snprintf(out, 32, "RSA-%d", EVP_PKEY_get_bits(key));
	else if (type)
		snprintf(out, 32, "%s", type);
	EVP_PKEY_free(key);
	ERR_clear_error();
}

void tell_key(const struct teller *t, const char *label, struct slice public_key)
{
	uint8_t hash[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1], kind[32];
	key_kind(public_key, kind);
	hash_of(public_key, hash);
	hex_encode(hash, HASH_SIZE, hex);
	row(t, label, "%s, with the fingerprint\n%.32s\n%s", kind, hex, hex + 32);
}

void tell_validity(const struct teller *t, int64_t not_before, int64_t not_after)
{
	char from[MAX_TELL_TIME], until[MAX_TELL_TIME], span[48];
	tell_time(not_before, from);
	tell_time(not_after, until);
	tell_span(not_after + 1 - not_before, span);
	row(t, "valid for", "%s\nfrom  %s\nuntil %s", span, from, until);
}

void tell_path_len(const struct teller *t, uint16_t path_len)
{
	if (path_len == PATH_LEN_ANY)
		row(t, "further CAs below it", "any number of levels");
	else if (path_len == 0)
		row(t, "further CAs below it", "none: it certifies servers and people only");
	else
		row(t, "further CAs below it", "%u level%s at most", path_len, path_len == 1 ? "" : "s");
}

static const char *const kinds[MAX_NAME_TYPE + 1] = { [NAME_DNS] = "names of hosts",
						      [NAME_EMAIL] = "mailboxes",
						      [NAME_URI] = "web addresses",
						      [NAME_IP] = "IP addresses",
						      [NAME_DIRECTORY] = "names of people and organizations" };

/* One a line; the kinds that are there, as bits. */
static unsigned put_subtrees(struct list l, struct buf *out)
{
	uint8_t type;
	struct slice item;
	unsigned seen = 0;
	for (; list_next(&l, &type, &item); seen |= type <= MAX_NAME_TYPE ? 1U << type : 0) {
		if (out->len)
			buf_put_u8(out, '\n');
		name_print(AS_SUBTREE, type, item, out);
		if (type == NAME_DNS)
			buf_put_text(out, " and all below it");
	}
	return seen;
}

/* A kind of which nothing is permitted by name is free: RFC 5280 4.2.1.10. */
static void put_free(unsigned seen, struct buf *out)
{
	for (uint8_t type = NAME_DNS; type <= MAX_NAME_TYPE; type++)
		if (!(seen >> type & 1))
			buf_printf(out, "%s%s", out->len ? ", " : "", kinds[type]);
}

void tell_constraints(const struct teller *t, const struct constraints *c)
{
	scoped_buf permitted = { .max = MAX_TOLD }, excluded = { .max = MAX_TOLD }, rest = { .max = MAX_TOLD };
	unsigned seen = put_subtrees(c->permitted, &permitted);
	put_subtrees(c->excluded, &excluded);
	put_free(seen, &rest);
	row(t, "names it may certify", "%s", permitted.len ? text_of(&permitted) : "all");
	if (permitted.len && rest.len)
		row(t, "and of other kinds all", "%s", text_of(&rest));
	if (excluded.len)
		row(t, "but none of", "%s", text_of(&excluded));
}

static void tell_urls(const struct teller *t, struct list urls)
{
	static const char *const labels[] = { [URL_OF_CRL] = "its revocations are at",
					      [URL_OF_OCSP] = "it is asked for at",
					      [URL_OF_ISSUER] = "its issuer is at" };
	uint8_t use;
	struct slice url;
	while (list_next(&urls, &use, &url))
		row_text_of(t, use >= URL_OF_CRL && use <= URL_OF_ISSUER ? labels[use] : "an address", url);
}

void tell_request(const struct teller *t, const struct request_letter *r)
{
	char id[33], created[MAX_TELL_TIME], expires[MAX_TELL_TIME];
	hex_encode(r->ledger_id, sizeof(r->ledger_id), id);
	tell_time(r->created, created);
	tell_time(r->expires, expires);
	row_text_of(t, "the machine", r->host);
	row(t, "its ledger (record book)", "%s\n%llu records", id, (unsigned long long)r->ledger_size);
	row(t, "written", "%s", created);
	row(t, "may be answered until", "%s", expires);
	row(t, "it asks for", "%s",
	    r->kind == LETTER_CRL ? "the list of what the root has revoked" : "the certificate of a CA below the root");
	row_text_of(t, "its name there", r->name);
	tell_der_name(t, "to be signed by", r->parent);
}

void tell_intermediate(const struct teller *t, const struct intermediate_letter *i, struct slice public_key)
{
	const struct constraints c = { i->permitted, i->excluded };
	char span[48];
	tell_name(t, "a CA named", i->subject);
	tell_key(t, "its key", public_key);
	tell_span(i->seconds, span);
	row(t, "asked to be valid for", "%s", span);
	tell_path_len(t, i->path_len);
	tell_constraints(t, &c);
	tell_urls(t, i->urls);
}

static const char *reason_text(uint8_t reason)
{
	static const char *const reasons[] = { "no reason is given",
					       "its key was stolen",
					       "a CA's key was stolen",
					       "its owner belongs elsewhere now",
					       "another one has replaced it",
					       "it is not used any more",
					       "on hold",
					       "unknown",
					       "released",
					       "its owner may not have it any more",
					       "an attribute authority's key was stolen" };
	return reason < sizeof(reasons) / sizeof(reasons[0]) ? reasons[reason] : "unknown";
}

void tell_revoked(const struct teller *t, const struct revoked_entry *e, const char *whose)
{
	char when[MAX_TELL_TIME], serial[2 * MAX_REVOKED_SERIAL + 1];
	tell_time(e->when, when);
	hex_encode(e->serial.at, e->serial.len, serial);
	row(t, "  no longer to be trusted", "%s%sserial number %s\nsince %s: %s", whose ? whose : "", whose ? "\n" : "",
	    serial, when, reason_text(e->reason));
}

void tell_crl(const struct teller *t, const struct crl_letter *c)
{
	char span[48];
	tell_span(c->seconds, span);
	row(t, "good for", "%s, then there must be another one", span);
	row(t, "its number", "%llu or more", (unsigned long long)c->number);
	row(t, "certificates on it", "%u", c->revoked.count);
}

void asked_key_free(struct asked_key *k)
{
	buf_free(&k->subject);
	buf_free(&k->public_key);
}

static void take(struct buf *out, int n, unsigned char *der)
{
	buf_init(out, 65536);
	if (n > 0)
		buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
}

int asked_key_read(struct slice csr, struct asked_key *out)
{
	const unsigned char *at = csr.at;
	unsigned char *der = NULL;
	*out = (struct asked_key){ .subject = { .max = 1 } };
	X509_REQ *x = d2i_X509_REQ(NULL, &at, (long)csr.len);
	bool proved = x && at == csr.at + csr.len && X509_REQ_verify(x, X509_REQ_get0_pubkey(x)) == 1;
	if (proved) {
		int n = i2d_X509_NAME(X509_REQ_get_subject_name(x), &der);
		take(&out->subject, n, der);
		der = NULL;
		n = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(x), &der);
		take(&out->public_key, n, der);
	}
	X509_REQ_free(x);
	ERR_clear_error();
	return proved && out->subject.len && out->public_key.len ? 0 : 1;
}
