#include "signd/law.h"

#include <string.h>

#include "base/algorithm.h"
#include "ledger/record.h"
#include "names/name.h"
#include "signd/encode/oid.h"

#define DAY 86400

/* A list of quoted words under construction. */
static void word_put(struct buf *out, bool *first, const char *word)
{
	buf_printf(out, "%s\"%s\"", *first ? " " : ", ", word);
	*first = false;
}

static void put_oids(struct buf *out, const char *name, const struct oid_set *set)
{
	struct list l = oid_set_list(set);
	struct slice oid;
	uint8_t tag;
	bool first = true;
	buf_printf(out, "\t\t%s = [", name);
	while (list_next(&l, &tag, &oid)) {
		char text[OID_TEXT];
		word_put(out, &first, oid_to_text(oid, text));
	}
	buf_put_text(out, " ];\n");
}

static void put_kinds(struct buf *out, const struct ceilings *c)
{
	bool first = true;
	buf_put_text(out, "\t\tkinds = [");
	for (int kind = KIND_LEAF; kind < KIND_COUNT; kind++)
		if (c->kinds >> kind & 1)
			word_put(out, &first, ceilings_kind_name((enum cert_kind)kind));
	buf_put_text(out, " ];\n");
	for (int kind = KIND_LEAF; kind < KIND_COUNT; kind++) {
		const struct rate *r = &c->rates[kind];
		const char *name = ceilings_kind_setting((enum cert_kind)kind);
		buf_printf(out, "\t\t%s_days = %lld; %s_per_minute = %u; %s_burst = %u; %s_per_day = %u;\n", name,
			   (long long)(c->longest[kind] / DAY), name, (unsigned)r->per_minute, name, (unsigned)r->burst,
			   name, (unsigned)r->per_day);
	}
}

static void put_names(struct buf *out, const struct ceilings *c)
{
	const struct algorithm *a;
	const uint8_t last = NAME_DIRECTORY;
	bool first = true;
	buf_put_text(out, "\t\tname_types = [");
	for (uint8_t i = 1; i <= last; i++)
		if (c->name_types >> i & 1)
			word_put(out, &first, name_type_text(i));
	buf_put_text(out, " ];\n\t\tsubject_keys = [");
	first = true;
	for (size_t i = 0; (a = algorithm_at(i)); i++)
		if (c->algorithms >> a->number & 1)
			word_put(out, &first, a->name);
	buf_put_text(out, " ];\n\t\tkey_usages = [");
	first = true;
	for (unsigned i = 0; i < 9; i++)
		if (c->key_usages >> i & 1)
			word_put(out, &first, ceilings_usage_name(i));
	buf_put_text(out, " ];\n");
	if (!c->any_ext_key_usage)
		put_oids(out, "ext_key_usages", &c->ext_key_usages);
	put_oids(out, "opaque_extensions", &c->opaque);
}

static void put_class(struct buf *out, enum key_class class, const struct ceilings *c)
{
	buf_printf(out, "\t%s = {\n", ceilings_class_name(class));
	put_kinds(out, c);
	put_names(out, c);
	buf_printf(out, "\t\tbackdate_seconds = %lld; ahead_seconds = %lld; crl_days = %lld; ocsp_days = %lld;\n\t};\n",
		   (long long)c->backdate, (long long)c->ahead, (long long)(c->crl_longest / DAY),
		   (long long)(c->ocsp_longest / DAY));
}

void law_text(const struct config *c, struct buf *out)
{
	buf_printf(out, "allow_roots = %s;\nmax_unbound_keys = %zu;\nkeys_per_day = %u;\nclasses = {\n",
		   c->allow_roots ? "true" : "false", c->max_unbound, (unsigned)c->new_keys.per_day);
	for (int i = 0; i < CLASS_COUNT; i++)
		put_class(out, (enum key_class)i, &c->classes[i]);
	buf_put_text(out, "};\n");
	approvers_text(&c->approvers, out);
}

int law_record(const struct config *c, const uint8_t last[HASH_SIZE], struct buf *out)
{
	scoped_buf text = { .max = MAX_LAW };
	struct ceilings_record r;
	law_text(c, &text);
	r.text = buf_slice(&text);
	hash_of(r.text, r.hash);
	if (!buf_ok(&text))
		return -1;
	if (memcmp(r.hash, last, HASH_SIZE) == 0)
		return 1;
	record_ceilings_put(out, &r);
	return 0;
}
