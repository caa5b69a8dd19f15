#include "frontd/view.h"

#include <string.h>

#include "base/algorithm.h"
#include "base/text.h"
#include "base/time.h"
#include "frontd/chain.h"
#include "frontd/facts.h"
#include "frontd/gone.h"
#include "frontd/reason.h"
#include "frontd/rule.h"
#include "frontd/shard.h"
#include "names/dn.h"
#include "wire/inner.h"

json_t *view_text(struct slice s)
{
	return json_stringn(s.at ? (const char *)s.at : "", s.len);
}

json_t *view_hex(const void *bytes, size_t n)
{
	char text[2 * 64 + 1];
	hex_encode(bytes, n < 64 ? n : 64, text);
	return json_string(text);
}

json_t *view_time(int64_t t)
{
	char text[TIME_TEXT_SIZE];
	time_text(t, text);
	return json_string(text);
}

json_t *view_path_len(uint16_t path_len)
{
	return path_len == PATH_LEN_NONE ? json_null() : json_integer(path_len);
}

/* Items have a tag and a 16-bit length: base/pack.h. */
struct list view_list(struct slice raw)
{
	struct list l = { 0, raw };
	for (size_t at = 0; at + 3 <= raw.len; at += 3 + (size_t)get_u16(raw.at + at + 1))
		l.count++;
	return list_valid(l, UINT16_MAX) ? l : (struct list){ 0 };
}

json_t *view_name(struct slice items)
{
	scoped_buf text = { .max = 65536 };
	dn_print(view_list(items), &text);
	return view_text(buf_slice(&text));
}

json_t *view_pem(struct slice der)
{
	scoped_buf pem = { .max = 65536 };
	return pem_put(&pem, der) ? NULL : view_text(buf_slice(&pem));
}

static json_t *view_subtrees(struct list l)
{
	json_t *array = json_array();
	uint8_t type;
	struct slice value;
	while (list_next(&l, &type, &value)) {
		scoped_buf text = { .max = 8192 };
		if (value.len)
			name_print(AS_SUBTREE, type, value, &text);
		else
			buf_printf(&text, "%s:", name_type_text(type)); /* nothing of this type is left */
		json_array_append_new(array, view_text(buf_slice(&text)));
	}
	return array;
}

json_t *view_constraints(const struct constraints *c)
{
	json_t *array = json_array();
	if (constraints_empty(c))
		return array;
	json_array_append_new(array, json_pack("{s:o, s:o}", "permitted", view_subtrees(c->permitted), "excluded",
					       view_subtrees(c->excluded)));
	return array;
}

json_t *view_issuer(const struct issuer_row *row)
{
	json_t *issuing = row->issuing_ca_id.len ? view_text(row->issuing_ca_id) : json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", view_text(row->id), "name", view_text(row->name),
			 "hierarchy_mode", view_text(row->hierarchy_mode), "issuing_ca_id", issuing, RULE_FIELD,
			 rule_view(row->rotation), "created_at", view_time(row->created_at), "updated_at",
			 view_time(row->updated_at));
}

static json_t *view_packed_constraints(struct slice packed)
{
	struct constraints c;
	return constraints_unpack(packed, &c) ? NULL : view_constraints(&c);
}

/* Token and key id say where the key is; the path of a module or a PIN never does. */
static json_t *view_key_uri(const struct ca_row *row)
{
	if (ca_offline(row))
		return json_null();
	if (row->key_uri.len)
		return view_text(row->key_uri);
	scoped_buf uri = { .max = 1024 };
	buf_put_text(&uri, "pkcs11:token=");
	for (size_t i = 0; i < row->token.len; i++) {
		uint8_t b = row->token.at[i];
		bool plain = (b >= '0' && b <= '9') || (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || b == '-' ||
			     b == '_' || b == '.';
		buf_printf(&uri, plain ? "%c" : "%%%02X", b);
	}
	buf_put_text(&uri, ";id=");
	for (size_t i = 0; i < sizeof(row->key_id); i++)
		buf_printf(&uri, "%%%02X", row->key_id[i]);
	buf_put_text(&uri, ";type=private");
	return view_text(buf_slice(&uri));
}

static json_t *view_metadata(struct slice text)
{
	json_t *value = text.len ? json_loadb((const char *)text.at, text.len, 0, NULL) : NULL;
	return value ? value : json_object();
}

json_t *view_ca(const struct ca_row *row)
{
	const struct algorithm *a = algorithm_by_number(row->algorithm);
	bool made = row->certificate.len, served = made && !slice_equal(row->state, slice_text("withheld"));
	json_t *ca =
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", view_text(row->id), "owning_issuer_id",
			  view_text(row->issuer_id), "parent_ca_id",
			  row->parent_id.len ? view_text(row->parent_id) : json_null(), "name", view_text(row->name),
			  "subject", view_name(row->subject), "state", view_text(row->state), "certificate_pem",
			  served ? view_pem(row->certificate) : json_null(), "key_driver_id", view_key_uri(row));
	json_t *rest =
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:b}",
			  "serial", made ? view_hex(row->serial.at, row->serial.len) : json_null(), "fingerprint",
			  made ? view_hex(row->fingerprint, 32) : json_null(), "not_before", view_time(row->not_before),
			  "not_after", view_time(row->not_after), "path_len_constraint", view_path_len(row->path_len),
			  "name_constraints", view_packed_constraints(row->constraints), "effective_name_constraints",
			  view_packed_constraints(row->effective), "algorithm", a ? a->name : "unknown", "metadata",
			  view_metadata(row->metadata), "held", row->held.len ? view_text(row->held) : json_null(),
			  "key_state", gone_is(row) ? "gone" : "kept", "ledger_seq",
			  json_integer((json_int_t)row->ledger_seq), "created_at", view_time(row->created_at),
			  "updated_at", view_time(row->updated_at), RULE_FIELD, rule_view(row->rotation),
			  "predecessor_ca_id", row->predecessor_id.len ? view_text(row->predecessor_id) : json_null(),
			  "crl_shards", shard_count(row), "outside_ledger", (int)row->outsider);
	if (!ca || !rest || json_object_update(ca, rest)) {
		json_decref(ca);
		ca = NULL;
	}
	json_decref(rest);
	return ca;
}

/* The alternative names as people write them; read from the certificate, which is the one place that has them all. */
static json_t *view_names(struct slice der)
{
	scoped_facts facts = { 0 };
	char why[FACTS_WHY];
	json_t *names = json_array();
	if (facts_read_foreign(der, &facts, why))
		return names;
	struct list all = items_list(&facts.alt_names);
	uint8_t type;
	struct slice value;
	while (list_next(&all, &type, &value)) {
		scoped_buf text = { .max = 8192 };
		name_print(AS_NAME, type, value, &text);
		json_array_append_new(names, view_text(buf_slice(&text)));
	}
	return names;
}

json_t *view_certificate(const struct certificate_row *row, bool with_pem)
{
	bool lost = slice_equal(row->state, slice_text("lost"));
	bool served = with_pem && !lost && !slice_equal(row->state, slice_text("withheld"));
	json_t *view = json_pack(
		"{s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "fingerprint",
		lost ? json_null() : view_hex(row->fingerprint, 32), "ca_id", view_text(row->ca_id), "serial",
		view_hex(row->serial.at, row->serial.len), "kind",
		row->kind == KIND_LEAF ? "leaf"
		: row->kind == KIND_CA ? "ca"
				       : "other",
		"state", view_text(row->state), "profile", row->profile.len ? view_text(row->profile) : json_null(),
		"subject", view_name(row->subject), "names", view_names(row->der), "not_before",
		view_time(row->not_before), "not_after", view_time(row->not_after), "requested_by",
		view_text(row->actor), "ledger_seq", json_integer((json_int_t)row->ledger_seq), "created_at",
		view_time(row->created_at), "revoked_at", row->revoked_at ? view_time(row->revoked_at) : json_null());
	if (view && served)
		json_object_set_new(view, "certificate_pem", view_pem(row->der));
	if (view && row->revoked_at && reason_text(row->revocation_reason))
		json_object_set_new(view, "revocation_reason", json_string(reason_text(row->revocation_reason)));
	if (view && row->why.len)
		json_object_set_new(view, "withheld_because", view_text(row->why));
	return view;
}
