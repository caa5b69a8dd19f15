#include "ledger/record_json.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/text.h"
#include "base/time.h"
#include "ledger/proposal.h"

#define MAX_SUBJECT 4096

/* The tables of all records, to walk their fields by name. */
#include "base/pack_fields.h"
#define RECORD(number, NAME, name, fields)                                                                             \
	static const struct pack_field *name##_table(void)                                                             \
	{                                                                                                              \
		typedef struct name##_record THIS;                                                                     \
		static const struct pack_field table[] = { PACK_UNWRAP fields{ 0 } };                                  \
		return table;                                                                                          \
	}
#include "ledger/records.def"
#undef RECORD
#include "base/pack_done.h"

union any_record {
#define RECORD(number, NAME, name, fields) struct name##_record name;
#include "ledger/records.def"
#undef RECORD
};

const struct pack_field *record_fields(uint8_t type)
{
	switch (type) {
#define RECORD(number, NAME, name, fields)                                                                             \
	case number:                                                                                                   \
		return name##_table();
#include "ledger/records.def"
#undef RECORD
	}
	return NULL;
}

static json_t *hex_json(struct slice s)
{
	char *text = malloc(2 * s.len + 1);
	if (!text)
		return NULL;
	hex_encode(s.at, s.len, text);
	json_t *out = json_string(text);
	free(text);
	return out;
}

static json_t *digest_json(struct slice s)
{
	uint8_t digest[32];
	if (EVP_Digest(s.at, s.len, digest, NULL, EVP_sha256(), NULL) != 1)
		return NULL;
	return hex_json((struct slice){ digest, sizeof(digest) });
}

static json_t *blob_json(struct slice s)
{
	return json_pack("{s:o, s:I}", "sha256", digest_json(s), "size", (json_int_t)s.len);
}

static X509 *certificate_of(struct slice tbs)
{
	static const uint8_t none[1] = { 0 };
	scoped_buf der;
	buf_init(&der, MAX_RECORD_BODY);
	if (record_certificate(tbs, (struct slice){ none, 1 }, &der) != 0)
		return NULL;
	const unsigned char *at = der.at;
	return d2i_X509(NULL, &at, (long)der.len);
}

static json_t *subject_json(const X509 *x)
{
	char text[MAX_SUBJECT];
	BIO *out = BIO_new(BIO_s_mem());
	int n = 0;
	if (out && X509_NAME_print_ex(out, X509_get_subject_name(x), 0,
				      XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_FN_SN |
					      (ASN1_STRFLGS_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB)) >= 0)
		n = BIO_read(out, text, sizeof(text));
	BIO_free(out);
	return json_stringn(text, n > 0 ? (size_t)n : 0);
}

static json_t *serial_json(const X509 *x)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	return hex_json((struct slice){ ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial) });
}

/* What a certificate, or its signed part, is about; not its bytes. */
static json_t *about_json(struct slice bytes, X509 *x)
{
	json_t *out = blob_json(bytes);
	if (x && out) {
		json_object_set_new(out, "serial", serial_json(x));
		json_object_set_new(out, "subject", subject_json(x));
	}
	X509_free(x);
	return out;
}

static json_t *certificate_json(struct slice der)
{
	const unsigned char *at = der.at;
	return about_json(der, d2i_X509(NULL, &at, (long)der.len));
}

/* Items as what they are about: certificates, in every record that has a list. */
static json_t *list_json(struct list list)
{
	uint8_t tag;
	struct slice item;
	json_t *out = json_array();
	while (out && list_next(&list, &tag, &item))
		json_array_append_new(out, certificate_json(item));
	return out;
}

/* The front-end's own words come back as the object that they were. */
static json_t *bytes_json(const char *name, struct slice s)
{
	if (strcmp(name, "context") == 0) {
		json_t *object = json_loadb((const char *)s.at, s.len, 0, NULL);
		if (object)
			return object;
	}
	if (strcmp(name, "text") == 0) { /* of several lines */
		json_t *text = json_stringn(s.len ? (const char *)s.at : "", s.len);
		if (text)
			return text;
	}
	return s.len && text_valid(s) ? json_stringn((const char *)s.at, s.len) : hex_json(s);
}

/* What a proposal is for; its words are `chancery proposal`'s. */
static json_t *proposal_json(struct slice bytes)
{
	struct proposal p;
	json_t *out = blob_json(bytes);
	char expires[TIME_TEXT_SIZE];
	if (!out || proposal_get(bytes, &p) != 0)
		return out;
	time_text(p.expires, expires);
	json_object_set_new(out, "proposal", hex_json(SLICE_OF(p.id)));
	json_object_set_new(out, "kind", json_string(proposal_kind_name(p.kind)));
	json_object_set_new(out, "expires", json_string(expires));
	json_object_set_new(out, "needed", json_integer(p.needed));
	if (p.kind <= PROPOSAL_ROOT) {
		X509 *x = certificate_of(p.content);
		json_object_set_new(out, "subject", x ? subject_json(x) : json_null());
		X509_free(x);
	}
	return out;
}

static json_t *field_json(const struct pack_field *f, const void *from)
{
	const uint8_t *at = (const uint8_t *)from + f->offset;
	struct slice s;
	switch (f->kind) {
	case PACK_U8:
		return json_integer(*at);
	case PACK_U16:
		return json_integer(*(const uint16_t *)(const void *)at);
	case PACK_U32:
		return json_integer(*(const uint32_t *)(const void *)at);
	case PACK_U64:
		return json_integer((json_int_t) * (const uint64_t *)(const void *)at);
	case PACK_FIXED:
		return hex_json((struct slice){ at, f->limit });
	case PACK_LIST:
		return list_json(*(const struct list *)(const void *)at);
	default:
		s = *(const struct slice *)(const void *)at;
	}
	if (f->kind == PACK_BLOB && strcmp(f->name, "tbs") == 0)
		return about_json(s, certificate_of(s));
	if (f->kind == PACK_BLOB && strcmp(f->name, "bytes") == 0)
		return proposal_json(s);
	if (f->kind == PACK_BLOB && strcmp(f->name, "certificate") == 0)
		return certificate_json(s);
	if (f->kind == PACK_BLOB)
		return blob_json(s);
	if (f->kind == PACK_TEXT)
		return json_stringn(s.len ? (const char *)s.at : "", s.len);
	return bytes_json(f->name, s);
}

json_t *record_json(const struct record *r)
{
	union any_record any;
	const char *where;
	char when[TIME_TEXT_SIZE];
	time_text(r->time / 1000, when);
	json_t *out = json_pack("{s:I, s:s, s:s}", "seq", (json_int_t)r->seq, "time", when, "type",
				record_type_name(r->type));
	const struct pack_field *table = record_fields(r->type);
	memset(&any, 0, sizeof(any));
	if (!out || !table || pack_get(r->body, table, &any, &where) != PACK_OK) {
		json_object_set_new(out, "undecoded", hex_json(r->body));
		return out;
	}
	for (; table->kind != PACK_END; table++)
		json_object_set_new(out, table->name, field_json(table, &any));
	return out;
}
