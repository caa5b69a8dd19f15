/* What the signer holds a CA's key to, as JSON: its charter, the ceilings of its class, and what follows from both. */
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/algorithm.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/chain.h"
#include "frontd/front.h"
#include "frontd/hierarchy.h"
#include "frontd/signer.h"
#include "frontd/view.h"
#include "wire/inner_ask.h"

#define DAY 86400
#define KINDS 5

static const char *const kind_names[KINDS] = { "", "leaf", "ca", "ocsp-responder", "subca-foreign" };

static json_t *name_json(struct slice der)
{
	char text[4096];
	const unsigned char *at = der.at;
	X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)der.len);
	BIO *out = BIO_new(BIO_s_mem());
	int n = 0;
	if (name && out &&
	    X509_NAME_print_ex(out, name, 0,
			       XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_FN_SN |
				       (ASN1_STRFLGS_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB)) >= 0)
		n = BIO_read(out, text, sizeof(text));
	BIO_free(out);
	X509_NAME_free(name);
	return json_stringn(text, n > 0 ? (size_t)n : 0);
}

static json_t *oid_json(struct slice content)
{
	char text[160] = "";
	uint8_t der[2 + 64] = { 0x06, (uint8_t)content.len };
	const unsigned char *at = der;
	if (content.len > 64)
		return json_string("");
	memcpy(der + 2, content.at, content.len);
	ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &at, (long)(2 + content.len));
	if (object)
		OBJ_obj2txt(text, sizeof(text), object, 1);
	ASN1_OBJECT_free(object);
	return json_string(text);
}

static json_t *oids_json(struct list l)
{
	uint8_t tag;
	struct slice oid;
	json_t *array = json_array();
	while (list_next(&l, &tag, &oid))
		json_array_append_new(array, oid_json(oid));
	return array;
}

/* null stands for any. */
static json_t *usages_json(struct list l, bool any)
{
	return any ? json_null() : oids_json(l);
}

static json_t *bits_json(unsigned bits, const char *const *names, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		if (bits >> i & 1 && names[i])
			json_array_append_new(array, json_string(names[i]));
	return array;
}

static json_t *algorithms_json(uint32_t mask)
{
	const struct algorithm *a;
	json_t *array = json_array();
	for (size_t i = 0; (a = algorithm_at(i)); i++)
		if (mask >> a->number & 1)
			json_array_append_new(array, json_string(a->name));
	return array;
}

/* 0 stands for none. */
static json_t *cap_json(uint32_t n)
{
	return n ? json_integer(n) : json_null();
}

static json_t *limits_json(const struct charter_read_reply *r)
{
	struct list l = r->limits;
	struct limit_report limit;
	struct slice item;
	uint8_t kind;
	json_t *object = json_object();
	while (list_next(&l, &kind, &item))
		if (kind > 0 && kind < KINDS && report_limit_get(item, &limit))
			json_object_set_new(
				object, kind_names[kind],
				json_pack("{s:b, s:I, s:o, s:o, s:o, s:I}", "allowed", r->kinds >> kind & 1, "days",
					  (json_int_t)(limit.longest / DAY), "per_minute", cap_json(limit.per_minute),
					  "burst", limit.per_minute ? json_integer(limit.burst) : json_null(),
					  "per_day", cap_json(limit.per_day), "today", (json_int_t)limit.today));
	return object;
}

static json_t *charter_json(const struct charter_read_reply *r, const char *parent)
{
	const struct constraints names = { r->permitted, r->excluded };
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "subject", name_json(r->subject), "parent_ca_id",
			 *parent ? json_string(parent) : json_null(), "subject_key_id",
			 view_hex(r->key_hash.at, r->key_hash.len), "path_len_constraint", view_path_len(r->path_len),
			 "effective_name_constraints", view_constraints(&names), "ext_key_usages",
			 usages_json(r->ext_key_usage, r->ext_key_usage.count == 0), "not_before",
			 view_time(r->not_before), "not_after", view_time(r->not_after));
}

static json_t *ceilings_json(const struct charter_read_reply *r)
{
	static const char *const types[] = { NULL, "dns", "email", "uri", "ip", "dn" };
	static const char *const usages[] = { "digitalSignature", "nonRepudiation", "keyEncipherment",
					      "dataEncipherment", "keyAgreement",   "keyCertSign",
					      "cRLSign",	  "encipherOnly",   "decipherOnly" };
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "kinds", limits_json(r),
			 "backdate_seconds", (json_int_t)r->backdate, "ahead_seconds", (json_int_t)r->ahead, "crl_days",
			 (json_int_t)(r->crl_longest / DAY), "ocsp_days", (json_int_t)(r->ocsp_longest / DAY),
			 "name_types", bits_json(r->name_types, types, 6), "subject_keys",
			 algorithms_json(r->algorithms), "key_usages", bits_json(r->key_usages, usages, 9),
			 "ext_key_usages", usages_json(r->ext_key_usages, r->any_ext_key_usage), "opaque_extensions",
			 oids_json(r->opaque));
}

/* What both leave of extended key usages: null, any. */
static json_t *usages_left(const struct charter_read_reply *r)
{
	if (r->any_ext_key_usage || r->ext_key_usage.count == 0)
		return r->any_ext_key_usage ? usages_json(r->ext_key_usage, r->ext_key_usage.count == 0)
					    : oids_json(r->ext_key_usages);
	json_t *array = json_array();
	struct list l = r->ext_key_usages;
	struct slice oid, held;
	uint8_t tag;
	while (list_next(&l, &tag, &oid))
		for (struct list chain = r->ext_key_usage; list_next(&chain, &tag, &held);)
			if (slice_equal(oid, held))
				json_array_append_new(array, oid_json(oid));
	return array;
}

/* The kinds that it signs today, each with the latest end that it may have. */
static json_t *signs_json(const struct charter_read_reply *r, int64_t now)
{
	struct list l = r->limits;
	struct limit_report limit;
	struct slice item;
	uint8_t kind;
	json_t *object = json_object();
	bool valid = r->not_before <= now && now <= r->not_after;
	while (r->state == KEY_REPORT_BOUND && valid && list_next(&l, &kind, &item)) {
		bool depth = kind != KIND_CA && kind != KIND_SUBCA_FOREIGN;
		if (kind == 0 || kind >= KINDS || !(r->kinds >> kind & 1) || !(depth || r->path_len) ||
		    !report_limit_get(item, &limit))
			continue;
		int64_t until = limit.longest < r->not_after - now ? now + limit.longest : r->not_after;
		json_object_set_new(object, kind_names[kind], view_time(until));
	}
	return object;
}

static json_t *holds_json(const struct charter_read_reply *r)
{
	bool below = r->path_len != 0 && r->kinds >> KIND_CA & 1;
	json_t *depth = !below || r->path_len == PATH_LEN_NONE ? json_null() : json_integer(r->path_len - 1);
	return json_pack("{s:o, s:o, s:o}", "signs_until", signs_json(r, time_now()), "child_path_len_constraint",
			 depth, "ext_key_usages", usages_left(r));
}

static json_t *answer_json(const struct ca_row *row, const struct charter_read_reply *r, const char *parent)
{
	static const char *const states[] = { "", "unbound", "bound", "closed", "gone" };
	static const char *const classes[] = { "", "root", "single", "intermediate", "issuing" };
	const struct algorithm *a = algorithm_by_number(r->algorithm);
	return json_pack("{s:o, s:o, s:s, s:s, s:s, s:o, s:o, s:o}", "ca_id", view_text(row->id), "name",
			 view_text(row->name), "key_state", r->state <= KEY_REPORT_GONE ? states[r->state] : "",
			 "class", r->class <= KEY_CLASS_ISSUING ? classes[r->class] : "", "algorithm", a ? a->name : "",
			 "charter", charter_json(r, parent), "ceilings", ceilings_json(r), "holds", holds_json(r));
}

static int charter_ask(struct front *f, struct call *c, struct store_session **s, const struct ca_row *row)
{
	struct charter_read_request request = { 0 };
	struct charter_read_reply reply;
	scoped_answer answer = { .body = { NULL, 0 } };
	scoped_row(ca) parent = { 0 };
	memcpy(request.key_id, row->key_id, KEY_ID_SIZE);
	store_read_end(s);
	enum signer_result result = signer_charter_read(f->signer, &request, &reply, &answer);
	if (result != SIGNER_DONE)
		return answer_signer(c, result, &answer);
	if (!reply.class)
		return call_refuse(c, 409, "ca_not_bound", NULL, "The signer has no charter of this CA's key yet.");
	if (store_read(f->store, s))
		return answer_store(c);
	bool own = memcmp(reply.parent, row->key_id, KEY_ID_SIZE) == 0;
	if (!own && store_ca_find_key(*s, reply.parent, &parent) < 0)
		return answer_store(c);
	return call_reply(c, 200, answer_json(row, &reply, row_text(parent.id)));
}

int intermediate_charter(struct front *f, struct call *c)
{
	scoped_session *s = NULL;
	scoped_row(ca) row = { 0 };
	int r = answer_ca(f, c, &s, &row);
	if (r)
		return r;
	if (row.outsider)
		return answer_key_elsewhere(c, &row, NULL);
	if (ca_offline(&row))
		return call_refuse(
			c, 409, "ca_offline", NULL,
			"This CA is known by its certificate only: the signer has no key of it, so no charter.");
	return charter_ask(f, c, &s, &row);
}
