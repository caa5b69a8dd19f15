/* A proposal in words, for whoever is to approve it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "base/time.h"
#include "ledger/proposal.h"
#include "ledger/record.h"

#define INDENT "             "

/* One line under a heading; what could mislead the eye is shown as its bytes. */
static void line_put(struct buf *out, const char *head, struct slice text)
{
	buf_printf(out, "%-13s", head);
	if (text_visible(text)) {
		buf_put_slice(out, text);
	} else {
		for (size_t i = 0; i < text.len; i++)
			buf_printf(out, text.at[i] >= 0x20 && text.at[i] < 0x7f ? "%c" : "\\%02x", text.at[i]);
	}
	buf_put_u8(out, '\n');
}

static void text_put(struct buf *out, const char *head, const char *text)
{
	line_put(out, head, slice_text(text));
}

static void time_put(struct buf *out, const char *head, int64_t seconds)
{
	char text[TIME_TEXT_SIZE] = "beyond the calendar";
	struct tm tm;
	if (time_calendar(seconds, &tm))
		time_text(seconds, text);
	text_put(out, head, text);
}

static void hex_put(struct buf *out, const char *head, struct slice bytes)
{
	buf_printf(out, "%-13s", head);
	for (size_t i = 0; i < bytes.len; i++)
		buf_printf(out, "%02x", bytes.at[i]);
	buf_put_u8(out, '\n');
}

/* All lines that libcrypto wrote, the first one behind the heading. */
static void lines_put(struct buf *out, const char *head, BIO *bio)
{
	char *at;
	long n = BIO_get_mem_data(bio, &at);
	struct slice rest = { (const uint8_t *)at, n > 0 ? (size_t)n : 0 };
	while (rest.len) {
		const uint8_t *end = memchr(rest.at, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.at) : rest.len;
		size_t skip = 0;
		while (skip < len && rest.at[skip] == ' ')
			skip++;
		if (len > skip) {
			line_put(out, head, (struct slice){ rest.at + skip, len - skip });
			head = INDENT;
		}
		len += end != NULL;
		rest = (struct slice){ rest.at + len, rest.len - len };
	}
}

static void name_tell(struct buf *out, const char *head, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0)
		lines_put(out, head, bio);
	BIO_free(bio);
}

static void key_tell(struct buf *out, X509 *x)
{
	uint8_t hash[HASH_SIZE];
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	EVP_PKEY *key = X509_get0_pubkey(x);
	buf_printf(out, "%-13s%s, %d bits\n", "Its key:", key ? EVP_PKEY_get0_type_name(key) : "unreadable",
		   key ? EVP_PKEY_get_bits(key) : 0);
	if (n > 0) {
		hash_of((struct slice){ der, (size_t)n }, hash);
		hex_put(out, "  SHA-256:", SLICE_OF(hash));
	}
	OPENSSL_free(der);
}

static void extension_tell(struct buf *out, X509_EXTENSION *e)
{
	char head[128], name[96];
	BIO *bio = BIO_new(BIO_s_mem());
	OBJ_obj2txt(name, sizeof(name), X509_EXTENSION_get_object(e), 0);
	snprintf(head, sizeof(head), "  %s%s:", name, X509_EXTENSION_get_critical(e) ? ", critical" : "");
	buf_printf(out, "%s\n", head);
	if (bio && X509V3_EXT_print(bio, e, X509V3_EXT_DUMP_UNKNOWN, 0) == 1)
		lines_put(out, INDENT, bio);
	BIO_free(bio);
}

static void validity_tell(struct buf *out, X509 *x)
{
	struct tm tm;
	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1)
		buf_printf(out, "%-13s%04d-%02d-%02dT%02d:%02d:%02dZ\n", "Valid until:", tm.tm_year + 1900,
			   tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void certificate_tell(struct buf *out, X509 *x)
{
	name_tell(out, "Subject:", X509_get_subject_name(x));
	name_tell(out, "Signed by:", X509_get_issuer_name(x));
	validity_tell(out, x);
	key_tell(out, x);
	buf_put_text(out, "It says:\n");
	for (int i = 0; i < X509_get_ext_count(x); i++)
		extension_tell(out, X509_get_ext(x, i));
}

/* der: a whole certificate. */
static void der_tell(struct buf *out, struct slice der)
{
	const unsigned char *at = der.at;
	uint8_t hash[HASH_SIZE];
	X509 *x = d2i_X509(NULL, &at, (long)der.len);
	if (x)
		certificate_tell(out, x);
	else
		text_put(out, "Subject:", "a certificate that can't be read");
	X509_free(x);
	ERR_clear_error();
	hash_of(der, hash);
	hex_put(out, "SHA-256:", SLICE_OF(hash));
}

static void draft_tell(struct buf *out, struct slice tbs)
{
	static const uint8_t none[1] = { 0 };
	scoped_buf der = { .max = MAX_RECORD_BODY };
	X509 *x = NULL;
	if (record_certificate(tbs, SLICE_OF(none), &der) == 0) {
		const unsigned char *at = der.at;
		x = d2i_X509(NULL, &at, (long)der.len);
	}
	if (x)
		certificate_tell(out, x);
	else
		text_put(out, "Subject:", "a certificate that can't be read");
	X509_free(x);
	ERR_clear_error();
}

static void import_tell(struct buf *out, struct slice content)
{
	struct slice root, certificate = { 0 };
	if (!proposal_certificates(content, &root, &certificate))
		return;
	buf_put_text(out, "\nThe root\n");
	der_tell(out, root);
	if (certificate.len) {
		buf_put_text(out, "\nThe certificate below it that is imported\n");
		der_tell(out, certificate);
	}
}

static void resume_tell(struct buf *out, struct slice content)
{
	struct resume_content c;
	struct slice latch;
	uint8_t tag;
	if (resume_content_get(content, &c) != 0)
		return;
	line_put(out, "Reason:", c.reason);
	while (list_next(&c.latches, &tag, &latch))
		line_put(out, "Latched:", latch);
	buf_printf(out, "%-13s%" PRIu64 " records\n", "Ledger:", c.size);
	hex_put(out, "  root:", SLICE_OF(c.root));
}

static void epoch_tell(struct buf *out, struct slice content)
{
	struct epoch_content c;
	if (epoch_content_get(content, &c) != 0)
		return;
	line_put(out, "Reason:", c.reason);
	buf_printf(out, "%-13s%" PRIu32 "\n%-13s%" PRIu64 " records\n", "New epoch:", c.number, "Ledger:", c.size);
	hex_put(out, "  root:", SLICE_OF(c.root));
	if (c.known_size)
		buf_printf(out, "%-13s%" PRIu64 " records were known: those from %" PRIu64 " on are lost\n",
			   "Lost:", c.known_size, c.shared);
	else
		buf_printf(out, "%-13swhatever came after %" PRIu64 " records; nobody said how much that was\n",
			   "Lost:", c.shared);
}

static const char *kind_words(uint8_t kind)
{
	static const char *const words[] = { [PROPOSAL_CA] = "a CA below a CA of this ledger, over a key of its tokens",
					     [PROPOSAL_SUBCA_FOREIGN] =
						     "a CA OUTSIDE this ledger, over somebody else's key: "
						     "what it signs nobody here will see",
					     [PROPOSAL_ROOT] = "a self-signed root",
					     [PROPOSAL_IMPORT] = "a root from elsewhere, to be trusted by this signer",
					     [PROPOSAL_RESUME] = "a signer that has stopped goes on",
					     [PROPOSAL_EPOCH] =
						     "a ledger that was put back to an older state goes on" };
	return words[kind];
}

int proposal_tell(struct slice bytes, struct buf *out)
{
	struct proposal p;
	uint8_t hash[HASH_SIZE];
	if (proposal_get(bytes, &p) != 0)
		return 1;
	text_put(out, "To approve:", kind_words(p.kind));
	if (p.kind == PROPOSAL_IMPORT)
		import_tell(out, p.content);
	else if (p.kind == PROPOSAL_RESUME)
		resume_tell(out, p.content);
	else if (p.kind == PROPOSAL_EPOCH)
		epoch_tell(out, p.content);
	else
		draft_tell(out, p.content);
	buf_printf(out, "\n%-13s%u%s\n", "Approvals:", p.needed, p.requester ? ", and the requester's signature" : "");
	time_put(out, "Proposed:", p.created);
	time_put(out, "Expires:", p.expires);
	hex_put(out, "Proposal:", SLICE_OF(p.id));
	hex_put(out, "Ledger:", SLICE_OF(p.ledger_id));
	buf_printf(out, "%-13s%" PRIu32 "\n", "Epoch:", p.epoch);
	hash_of(bytes, hash);
	hex_put(out, "SHA-256:", SLICE_OF(hash));
	return 0;
}
