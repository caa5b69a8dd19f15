/* Rules on extensions: which may be there, critical or not, and what stands in them. */
#include "policy/lint_view.h"

#include <string.h>

#include "names/name.h"

static bool not_critical(const struct lint_view *v, enum lint_extension_kind kind)
{
	return !lint_critical(v, kind);
}

/* Absent, or critical. */
static bool always_critical(const struct lint_view *v, enum lint_extension_kind kind)
{
	return !lint_has(v, kind) || lint_critical(v, kind);
}

HOLDS(extensions_not_empty)
{
	return !v->extensions_there || v->count;
}

HOLDS(extension_once)
{
	for (size_t i = 0; i < v->count; i++)
		for (size_t j = i + 1; j < v->count; j++)
			if (slice_equal(v->list[i].oid, v->list[j].oid)) {
				extension_print(&v->list[i], where);
				return false;
			}
	return true;
}

HOLDS(extension_critical_known)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->list[i].critical && v->list[i].kind == EXT_UNKNOWN) {
			extension_print(&v->list[i], where);
			return false;
		}
	return true;
}

HOLDS(extension_syntax)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->list[i].malformed) {
			extension_print(&v->list[i], where);
			return false;
		}
	return true;
}

HOLDS(basic_ca_critical)
{
	return lint_critical(v, EXT_BASIC);
}

HOLDS(path_len_ca_only)
{
	return !v->path_len_there || (v->ca && (!lint_has(v, EXT_KEY_USAGE) || v->key_usage & KU_CERT_SIGN));
}

static bool aki_member(const struct lint_view *v, uint8_t tag, struct slice *value)
{
	struct slice rest = lint_inside(v, EXT_AKI);
	struct tlv t;
	while (tlv_next(&rest, &t))
		if (t.tag == tag) {
			*value = t.value;
			return true;
		}
	return false;
}

static bool aki_readable(const struct lint_view *v)
{
	return lint_has(v, EXT_AKI) && !v->ext[EXT_AKI]->malformed;
}

HOLDS(aki_present)
{
	return lint_has(v, EXT_AKI) || slice_equal(v->issuer, v->subject);
}

HOLDS(aki_key_id)
{
	struct slice id;
	return !aki_readable(v) || (aki_member(v, TLV_CONTEXT(0), &id) && id.len);
}

HOLDS(aki_pair)
{
	struct slice value;
	return aki_member(v, TLV_INSIDE(1), &value) == aki_member(v, TLV_CONTEXT(2), &value);
}

HOLDS(aki_not_critical)
{
	return not_critical(v, EXT_AKI);
}

HOLDS(aki_root_matches)
{
	struct slice id, own = lint_inside(v, EXT_SKI);
	return !own.len || !aki_member(v, TLV_CONTEXT(0), &id) || slice_equal(id, own);
}

HOLDS(ski_ca_present)
{
	return lint_has(v, EXT_SKI);
}

HOLDS(ski_leaf_present)
{
	return lint_has(v, EXT_SKI);
}

HOLDS(ski_not_critical)
{
	return not_critical(v, EXT_SKI);
}

HOLDS(constraints_ca_only)
{
	return !lint_has(v, EXT_CONSTRAINTS);
}

HOLDS(constraints_critical)
{
	return always_critical(v, EXT_CONSTRAINTS);
}

HOLDS(constraints_not_empty)
{
	struct slice rest = lint_inside(v, EXT_CONSTRAINTS);
	struct tlv t;
	if (!lint_has(v, EXT_CONSTRAINTS) || v->ext[EXT_CONSTRAINTS]->malformed)
		return true;
	if (!rest.len)
		return false;
	while (tlv_next(&rest, &t))
		if (!t.value.len)
			return false;
	return true;
}

static bool asked_each(struct list trees, bool (*good)(const struct tlv *base, struct slice after))
{
	uint8_t type;
	struct tlv base = { 0 };
	while (list_next(&trees, &type, &base.value)) {
		base.tag = alt_tag(type);
		if (!good(&base, (struct slice){ 0 }))
			return false;
	}
	return true;
}

/* Each subtree of permitted and excluded: its base, and what follows it. */
static bool subtrees_each(const struct lint_view *v, bool (*good)(const struct tlv *base, struct slice after))
{
	struct slice sides = lint_inside(v, EXT_CONSTRAINTS), tree;
	struct tlv side, base;
	if (v->asked)
		return asked_each(v->asked->permitted, good) && asked_each(v->asked->excluded, good);
	while (tlv_next(&sides, &side))
		while (tlv_take(&side.value, TLV_SEQUENCE, &tree))
			if (!tlv_next(&tree, &base) || !good(&base, tree))
				return false;
	return true;
}

static bool nothing_after(const struct tlv *base, struct slice after)
{
	(void)base;
	return !after.len;
}

HOLDS(constraints_no_minimum)
{
	return subtrees_each(v, nothing_after);
}

enum { TREE_EMAIL = 1, TREE_DNS = 2, TREE_URI = 6, TREE_IP = 7 };

static bool tree_ip_size(const struct tlv *base, struct slice after)
{
	(void)after;
	return base->tag != TLV_CONTEXT(TREE_IP) || base->value.len == 8 || base->value.len == 32;
}

HOLDS(constraints_ip_size)
{
	return subtrees_each(v, tree_ip_size);
}

/* Ones, and then only zeros. */
static bool is_prefix(struct slice mask)
{
	bool ended = false;
	for (size_t i = 0; i < mask.len * 8; i++) {
		bool one = mask.at[i / 8] >> (7 - i % 8) & 1;
		if (one && ended)
			return false;
		ended |= !one;
	}
	return true;
}

static bool tree_prefix(const struct tlv *base, struct slice after)
{
	if (base->tag != TLV_CONTEXT(TREE_IP) || !tree_ip_size(base, after))
		return true;
	size_t half = base->value.len / 2;
	return is_prefix((struct slice){ base->value.at + half, half });
}

HOLDS(constraints_ip_prefix)
{
	return subtrees_each(v, tree_prefix);
}

static bool tree_ip_bits(const struct tlv *base, struct slice after)
{
	if (base->tag != TLV_CONTEXT(TREE_IP) || !tree_ip_size(base, after))
		return true;
	for (size_t i = 0, half = base->value.len / 2; i < half; i++)
		if (base->value.at[i] & ~base->value.at[half + i] & 0xff)
			return false;
	return true;
}

HOLDS(constraints_ip_bits)
{
	return subtrees_each(v, tree_ip_bits);
}

/* As names/name.h writes them; no text at all is every name of the type, which all read alike too. */
static bool tree_syntax(const struct tlv *base, struct slice after)
{
	(void)after;
	uint8_t type = base->tag == TLV_CONTEXT(TREE_EMAIL) ? NAME_EMAIL
		       : base->tag == TLV_CONTEXT(TREE_DNS) ? NAME_DNS
		       : base->tag == TLV_CONTEXT(TREE_URI) ? NAME_URI
							    : 0;
	if (!type || !base->value.len)
		return true;
	if (type == NAME_DNS && base->value.at[0] == '.')
		return false;
	uint8_t room[MAX_NAME];
	struct buf canonical = { .at = room, .cap = sizeof(room), .max = sizeof(room) }; /* never grows, never freed */
	const char *why;
	return name_canonize(AS_SUBTREE, type, base->value, &canonical, &why);
}

HOLDS(constraints_syntax)
{
	return subtrees_each(v, tree_syntax);
}

/* The policies' own identifiers: qualifiers may differ, and it still is the same policy. */
HOLDS(policies_once)
{
	struct item_walk list = policy_walk(v);
	return !oids_repeat(&list, policy_next, where);
}

HOLDS(mappings_critical)
{
	return always_critical(v, EXT_MAPPINGS);
}

HOLDS(mappings_any)
{
	struct slice list = lint_inside(v, EXT_MAPPINGS), one, policy;
	while (tlv_take(&list, TLV_SEQUENCE, &one))
		while (tlv_take(&one, TLV_OID, &policy))
			if (slice_equal(policy, OID_ANY_POLICY))
				return false;
	return true;
}

HOLDS(policy_constraints_critical)
{
	return always_critical(v, EXT_POLICY_CONSTRAINTS);
}

HOLDS(policy_constraints_not_empty)
{
	return !lint_has(v, EXT_POLICY_CONSTRAINTS) || v->ext[EXT_POLICY_CONSTRAINTS]->malformed ||
	       lint_inside(v, EXT_POLICY_CONSTRAINTS).len;
}

HOLDS(inhibit_any_critical)
{
	return always_critical(v, EXT_INHIBIT_ANY);
}

HOLDS(policy_law_ca_only)
{
	return !lint_has(v, EXT_MAPPINGS) && !lint_has(v, EXT_POLICY_CONSTRAINTS) && !lint_has(v, EXT_INHIBIT_ANY);
}

HOLDS(access_not_critical)
{
	return not_critical(v, EXT_AIA) && not_critical(v, EXT_SIA);
}

#define URI_NAME TLV_CONTEXT(6)

static bool is_http(struct slice url)
{
	return url.len > 7 && strncasecmp((const char *)url.at, "http://", 7) == 0;
}

static bool asked_http(const struct lint_view *v, unsigned uses, struct buf *where)
{
	struct list urls = v->asked->urls;
	uint8_t use;
	struct slice url;
	while (list_next(&urls, &use, &url))
		if (use <= LINT_URL_CA_ISSUERS && uses >> use & 1 && !is_http(url)) {
			where_put(where, url);
			return false;
		}
	return true;
}

/* id-ad-ocsp and id-ad-caIssuers, where they name a URI: TLS there would need the very check that they serve. */
HOLDS(access_http)
{
	struct slice list = lint_inside(v, EXT_AIA), one, method;
	struct tlv at;
	if (v->asked)
		return asked_http(v, 1U << LINT_URL_OCSP | 1U << LINT_URL_CA_ISSUERS, where);
	while (tlv_take(&list, TLV_SEQUENCE, &one) && tlv_take(&one, TLV_OID, &method) && tlv_next(&one, &at)) {
		bool known = slice_equal(method, OID(0x2b, 6, 1, 5, 5, 7, 48, 1)) ||
			     slice_equal(method, OID(0x2b, 6, 1, 5, 5, 7, 48, 2));
		if (known && at.tag == URI_NAME && !is_http(at.value)) {
			where_put(where, at.value);
			return false;
		}
	}
	return true;
}

HOLDS(crldp_not_critical)
{
	return not_critical(v, EXT_CRLDP);
}

/* One http URL among those of each point that gives names at all. */
static bool point_http(struct slice point)
{
	struct slice name, full;
	struct tlv t;
	if (!tlv_take(&point, TLV_INSIDE(0), &name) || !tlv_take(&name, TLV_INSIDE(0), &full))
		return true;
	while (tlv_next(&full, &t))
		if (t.tag == URI_NAME && is_http(t.value))
			return true;
	return false;
}

HOLDS(crldp_http)
{
	struct slice points = lint_inside(v, EXT_CRLDP), point;
	if (v->asked)
		return asked_http(v, 1U << LINT_URL_CRL, where);
	while (tlv_take(&points, TLV_SEQUENCE, &point))
		if (!point_http(point))
			return false;
	return true;
}

HOLDS(crldp_not_reasons_only)
{
	struct slice points = lint_inside(v, EXT_CRLDP), point, reasons;
	while (tlv_take(&points, TLV_SEQUENCE, &point))
		if (!point.len || (tlv_take(&point, TLV_CONTEXT(1), &reasons) && !point.len))
			return false;
	return true;
}

HOLDS(freshest_not_critical)
{
	return not_critical(v, EXT_FRESHEST);
}

HOLDS(directory_not_critical)
{
	return not_critical(v, EXT_DIRECTORY);
}

HOLDS(tls_feature_not_critical)
{
	return not_critical(v, EXT_TLS_FEATURE);
}

#define STATUS_REQUEST ((uint8_t)5) /* RFC 6066 8, as RFC 7633 has it written */

static bool must_staple(const struct lint_view *v)
{
	struct slice features = lint_inside(v, EXT_TLS_FEATURE), one;
	if (v->asked)
		return v->asked->must_staple;
	while (tlv_take(&features, TLV_INTEGER, &one))
		if (slice_equal(one, OID(STATUS_REQUEST)))
			return true;
	return false;
}

static bool has_responder(const struct lint_view *v)
{
	struct slice list = lint_inside(v, EXT_AIA), one, method, url;
	uint8_t use;
	if (v->asked) {
		for (struct list urls = v->asked->urls; list_next(&urls, &use, &url);)
			if (use == LINT_URL_OCSP)
				return true;
		return false;
	}
	while (tlv_take(&list, TLV_SEQUENCE, &one) && tlv_take(&one, TLV_OID, &method))
		if (slice_equal(method, OID(0x2b, 6, 1, 5, 5, 7, 48, 1)))
			return true;
	return false;
}

HOLDS(staple_responder)
{
	return !must_staple(v) || has_responder(v);
}

HOLDS(ocsp_no_check_not_critical)
{
	return not_critical(v, EXT_NO_CHECK);
}
