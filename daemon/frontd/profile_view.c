#include "frontd/profile_view.h"

#include "base/text.h"
#include "frontd/view.h"
#include "policy/oid.h"

static json_t *algorithms_view(unsigned mask)
{
	json_t *out = json_array();
	const struct algorithm *a;
	for (size_t i = 0; (a = algorithm_at(i)); i++)
		if (mask & 1U << a->number)
			json_array_append_new(out, json_string(a->name));
	return out;
}

static json_t *name_types_view(unsigned mask)
{
	json_t *out = json_array();
	for (uint8_t type = 1; type <= MAX_NAME_TYPE; type++)
		if (mask & 1U << type)
			json_array_append_new(out, json_string(name_type_text(type)));
	return out;
}

static json_t *patterns_view(const struct profile *p)
{
	json_t *out = json_array();
	for (size_t i = 0; i < p->pattern_count; i++) {
		scoped_buf text = { .max = 8 * MAX_NAME };
		name_pattern_print(&p->patterns[i], &text);
		json_array_append_new(out, view_text(buf_slice(&text)));
	}
	return out;
}

static json_t *usages_view(uint16_t key_usage)
{
	json_t *out = json_array();
	for (unsigned bit = 1; bit <= key_usage; bit <<= 1)
		if (key_usage & bit)
			json_array_append_new(out, json_string(profile_usage_text((uint16_t)bit)));
	return out;
}

static json_t *oids_view(struct list oids)
{
	json_t *out = json_array();
	uint8_t tag;
	struct slice oid;
	while (list_next(&oids, &tag, &oid)) {
		scoped_buf text = { .max = 512 };
		profile_purpose_put(oid, &text);
		json_array_append_new(out, view_text(buf_slice(&text)));
	}
	return out;
}

static json_t *extensions_view(struct list extensions)
{
	json_t *out = json_array();
	uint8_t tag;
	struct slice item;
	while (list_next(&extensions, &tag, &item)) {
		scoped_buf oid = { .max = 512 };
		size_t begins = (size_t)item.at[0] + 1;
		char hex[2 * 4096 + 1];
		oid_print((struct slice){ item.at + 1, item.at[0] }, &oid);
		hex_encode(item.at + begins, item.len - begins, hex);
		json_array_append_new(out, json_pack("{s:o, s:s}", "oid", view_text(buf_slice(&oid)), "der", hex));
	}
	return out;
}

static json_t *attributes_view(unsigned mask)
{
	json_t *out = json_array();
	for (uint8_t i = 0; i < 32; i++)
		if (mask & 1U << i && dn_kind(i))
			json_array_append_new(out, json_string(dn_kind(i)->short_name));
	return out;
}

static json_t *urls_view(const struct profile *p, const char *base_url, uint8_t use)
{
	json_t *out = json_array();
	scoped_buf raw = { .max = 65536 };
	uint16_t count = 0;
	uint8_t tag;
	struct slice url;
	profile_urls_put(p, base_url ? base_url : "", "{ca}", &raw, &count);
	for (struct list l = list_of(&raw, count); list_next(&l, &tag, &url);)
		if (tag == use)
			json_array_append_new(out, view_text(url));
	return out;
}

json_t *profile_view(const struct profile *p, const char *base_url)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:b, s:b, s:s?, s:o, s:o, s:o, s:o, s:I, s:I, s:b, s:o, s:o, s:o, "
			 "s:s, s:o}",
			 "name", p->name, "description", p->description, "algorithms", algorithms_view(p->algorithms),
			 "name_types", name_types_view(p->name_types), "name_patterns", patterns_view(p), "wildcards",
			 p->wildcards, "spiffe", p->spiffe, "trust_domain", p->trust_domain[0] ? p->trust_domain : NULL,
			 "subject", attributes_view(p->subject_attributes), "key_usage", usages_view(p->key_usage),
			 "extended_key_usage", oids_view(p->ext_key_usage), "policies", oids_view(p->policies),
			 "default_ttl_seconds", (json_int_t)p->default_ttl, "longest_ttl_seconds",
			 (json_int_t)p->longest_ttl, "must_staple", p->must_staple, "crl_urls",
			 urls_view(p, base_url, LINT_URL_CRL), "ocsp_urls", urls_view(p, base_url, LINT_URL_OCSP),
			 "ca_issuers_urls", urls_view(p, base_url, LINT_URL_CA_ISSUERS), "lint",
			 lint_severity_text(p->refuse_from), "extensions", extensions_view(p->extensions));
}
