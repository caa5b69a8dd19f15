#include "frontd/audit.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/text.h"
#include "base/time.h"
#include "frontd/front.h"
#include "frontd/signer.h"

#define DEFAULT_RECORDS 100
#define MAX_RECORDS 1000      /* in one answer */
#define MAX_READ (512 * 1024) /* bytes asked of the signer at a time */
#define MAX_ROUNDS 64	      /* reads for one answer: a filter that finds nothing ends, and says where */
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

static const struct pack_field *table_of(uint8_t type)
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
	return s.len && text_valid(s) ? json_stringn((const char *)s.at, s.len) : hex_json(s);
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
	if (f->kind == PACK_BLOB && strcmp(f->name, "certificate") == 0)
		return certificate_json(s);
	if (f->kind == PACK_BLOB)
		return blob_json(s);
	if (f->kind == PACK_TEXT)
		return json_stringn(s.len ? (const char *)s.at : "", s.len);
	return bytes_json(f->name, s);
}

json_t *audit_record_json(const struct record *r)
{
	union any_record any;
	const char *where;
	char when[TIME_TEXT_SIZE];
	time_text(r->time / 1000, when);
	json_t *out = json_pack("{s:I, s:s, s:s}", "seq", (json_int_t)r->seq, "time", when, "type",
				record_type_name(r->type));
	const struct pack_field *table = table_of(r->type);
	memset(&any, 0, sizeof(any));
	if (!out || !table || pack_get(r->body, table, &any, &where) != PACK_OK) {
		json_object_set_new(out, "undecoded", hex_json(r->body));
		return out;
	}
	for (; table->kind != PACK_END; table++)
		json_object_set_new(out, table->name, field_json(table, &any));
	return out;
}

/* What a caller wants to see, and how far the answer has come. */
struct walk {
	uint64_t from, next, head;
	uint64_t limit;
	uint8_t type; /* 0: all */
	json_t *data;
};

static int number_read(struct call *c, const char *name, uint64_t least, uint64_t most, uint64_t *out)
{
	const char *text = c->query(c, name);
	if (!text)
		return 0;
	char *end;
	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || v < least || v > most)
		return call_refuse(c, 400, "bad_parameter", name, "%s must be a whole number from %llu to %llu.", name,
				   (unsigned long long)least, (unsigned long long)most);
	*out = v;
	return 0;
}

static int type_read(struct call *c, uint8_t *type)
{
	const char *text = c->query(c, "type");
	if (!text)
		return 0;
	for (unsigned i = 1; i < 256; i++)
		if (table_of((uint8_t)i) && strcmp(record_type_name((uint8_t)i), text) == 0)
			*type = (uint8_t)i;
	return *type ? 0
		     : call_refuse(c, 400, "bad_parameter", "type",
				   "type must be the name of a record's type, such as CERT_INTENT.");
}

static int signer_failed(struct call *c, enum signer_result result, const struct signer_answer *a)
{
	struct slice why = slice_text("the signer is away or did not answer in time.");
	if (result == SIGNER_REFUSED && a->refusal.code == REFUSE_ARCHIVED)
		return call_refuse(c, 404, "archived", "from",
				   "These records are kept in an archive; see --archive in chancery-signd(8).");
	if (result == SIGNER_REFUSED)
		why = a->refusal.sentence;
	int refused = call_refuse(c, 503, "signer_unavailable", NULL, "The ledger can't be read now: %.*s",
				  (int)why.len, why.len ? (const char *)why.at : "");
	c->error.retry_after = 5;
	return refused;
}

static void records_take(struct walk *w, struct slice bytes)
{
	struct record r;
	uint8_t hash[HASH_SIZE];
	size_t size;
	while (bytes.len && json_array_size(w->data) < w->limit &&
	       record_peek(bytes, &r, &size, hash) == RECORD_WHOLE) {
		if (!w->type || r.type == w->type)
			json_array_append_new(w->data, audit_record_json(&r));
		w->next = r.seq + 1;
		bytes.at += size;
		bytes.len -= size;
	}
}

static int records_read(struct front *f, struct call *c, struct walk *w)
{
	for (int i = 0; i < MAX_ROUNDS && w->next < w->head && json_array_size(w->data) < w->limit; i++) {
		struct ledger_read_request request = { .from = w->next, .most = MAX_READ };
		struct ledger_read_reply reply;
		scoped_answer answer = { .body = { NULL, 0 } };
		enum signer_result result = signer_ledger_read(f->signer, &request, &reply, &answer);
		if (result != SIGNER_DONE)
			return signer_failed(c, result, &answer);
		uint64_t before = w->next;
		records_take(w, reply.records);
		if (w->next == before)
			break;
	}
	return 0;
}

static int head_read(struct front *f, struct call *c, uint64_t *head)
{
	struct status_request request;
	struct status_reply reply;
	memset(&request, 0, sizeof(request));
	scoped_answer answer = { .body = { NULL, 0 } };
	enum signer_result result = signer_status(f->signer, &request, &reply, &answer);
	if (result != SIGNER_DONE)
		return signer_failed(c, result, &answer);
	*head = reply.head;
	return 0;
}

int audit_list(struct front *f, struct call *c)
{
	struct walk w = { .limit = DEFAULT_RECORDS };
	uint64_t last = 0;
	if (number_read(c, "from", 0, INT64_MAX, &w.from) || number_read(c, "limit", 1, MAX_RECORDS, &w.limit) ||
	    number_read(c, "last", 1, MAX_RECORDS, &last) || type_read(c, &w.type))
		return 1;
	if (last && (c->query(c, "from") || c->query(c, "limit")))
		return call_refuse(c, 400, "bad_parameter", "last", "last can't be combined with from or limit.");
	if (head_read(f, c, &w.head) != 0)
		return 1;
	if (last) {
		w.limit = last;
		w.from = w.head > last ? w.head - last : 0;
	}
	w.next = w.from;
	w.data = json_array();
	int result = w.data ? records_read(f, c, &w) : -1;
	if (result != 0) {
		json_decref(w.data);
		return result;
	}
	json_t *next = w.next < w.head ? json_integer((json_int_t)w.next) : json_null();
	return call_reply(c, 200,
			  json_pack("{s:o, s:I, s:o}", "data", w.data, "head", (json_int_t)w.head, "next", next));
}

int audit_checkpoint(struct front *f, struct call *c)
{
	struct checkpoint_request request;
	struct checkpoint_reply reply;
	memset(&request, 0, sizeof(request));
	scoped_answer answer = { .body = { NULL, 0 } };
	enum signer_result result = signer_checkpoint(f->signer, &request, &reply, &answer);
	if (result != SIGNER_DONE)
		return signer_failed(c, result, &answer);
	return call_reply(c, 200,
			  json_pack("{s:I, s:o, s:s%}", "size", (json_int_t)reply.size, "root",
				    hex_json(SLICE_OF(reply.root)), "note",
				    reply.note.len ? (const char *)reply.note.at : "", reply.note.len));
}
