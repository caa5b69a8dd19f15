/* The structure of each known extension (RFC 5280 4.2 and 5.2), as far as rules rely on it. */
#include "policy/lint_view.h"

/* One value a time, each of this tag; at least one. */
static bool each_is(struct slice list, uint8_t tag, bool (*good)(struct slice value))
{
	struct slice value;
	size_t n = 0;
	for (; tlv_take(&list, tag, &value); n++)
		if (good && !good(value))
			return false;
	return n && !list.len;
}

static bool skip(struct slice *rest, uint8_t tag)
{
	struct slice value;
	return tlv_take(rest, tag, &value);
}

/* [0] to [8] of any form. */
static bool general_names_good(struct slice names)
{
	struct tlv t;
	while (tlv_next(&names, &t))
		if ((t.tag & 0xc0) != 0x80 || (t.tag & 0x1f) > 8)
			return false;
	return !names.len;
}

static bool aki_good(struct slice v)
{
	struct slice names = { 0 };
	skip(&v, TLV_CONTEXT(0));
	bool good = !tlv_take(&v, TLV_INSIDE(1), &names) || general_names_good(names);
	skip(&v, TLV_CONTEXT(2));
	return good && !v.len;
}

static bool basic_good(struct slice v)
{
	struct slice ca;
	uint32_t n;
	if (tlv_take(&v, TLV_BOOLEAN, &ca) && ca.len != 1)
		return false;
	return !v.len || (tlv_only(v, TLV_INTEGER, &v) && tlv_number(v, &n));
}

static bool qualifier_good(struct slice v)
{
	struct tlv t;
	return skip(&v, TLV_OID) && tlv_next(&v, &t) && !v.len;
}

static bool policy_good(struct slice v)
{
	struct slice qualifiers;
	if (!skip(&v, TLV_OID))
		return false;
	return !v.len || (tlv_only(v, TLV_SEQUENCE, &qualifiers) && each_is(qualifiers, TLV_SEQUENCE, qualifier_good));
}

static bool mapping_good(struct slice v)
{
	return skip(&v, TLV_OID) && skip(&v, TLV_OID) && !v.len;
}

static bool subtree_good(struct slice v)
{
	struct tlv base;
	if (!tlv_next(&v, &base) || !general_names_good(base.whole))
		return false;
	skip(&v, TLV_CONTEXT(0));
	skip(&v, TLV_CONTEXT(1));
	return !v.len;
}

static bool subtrees_good(struct slice *rest, uint8_t tag)
{
	struct slice trees;
	return !tlv_take(rest, tag, &trees) || !trees.len || each_is(trees, TLV_SEQUENCE, subtree_good);
}

static bool constraints_good(struct slice v)
{
	return subtrees_good(&v, TLV_INSIDE(0)) && subtrees_good(&v, TLV_INSIDE(1)) && !v.len;
}

static bool skips_good(struct slice v)
{
	struct slice n;
	uint32_t number;
	for (uint8_t i = 0; i < 2; i++)
		if (tlv_take(&v, TLV_CONTEXT(i), &n) && !tlv_number(n, &number))
			return false;
	return !v.len;
}

/* DistributionPointName is a CHOICE, so its tag stands outside of it. */
static bool point_name_good(struct slice v)
{
	struct slice names;
	return (tlv_take(&v, TLV_INSIDE(0), &names) ? names.len && general_names_good(names)
						    : skip(&v, TLV_INSIDE(1))) &&
	       !v.len;
}

static bool point_good(struct slice v)
{
	struct slice name, issuer;
	bool good = !tlv_take(&v, TLV_INSIDE(0), &name) || point_name_good(name);
	skip(&v, TLV_CONTEXT(1));
	good = good && (!tlv_take(&v, TLV_INSIDE(2), &issuer) || general_names_good(issuer));
	return good && !v.len;
}

static bool access_good(struct slice v)
{
	struct tlv location;
	return skip(&v, TLV_OID) && tlv_next(&v, &location) && general_names_good(location.whole) && !v.len;
}

static bool idp_good(struct slice v)
{
	struct slice name;
	bool good = !tlv_take(&v, TLV_INSIDE(0), &name) || point_name_good(name);
	for (uint8_t i = 1; i <= 5; i++)
		skip(&v, TLV_CONTEXT(i));
	return good && !v.len;
}

static bool bits_good(struct slice v)
{
	return v.len && v.at[0] < 8;
}

static bool any_good(struct slice v)
{
	return v.len;
}

static bool none_good(struct slice v)
{
	return !v.len;
}

static bool number_good(struct slice v)
{
	uint32_t n;
	return tlv_number(v, &n);
}

static bool oids_good(struct slice v)
{
	return each_is(v, TLV_OID, any_good);
}

static bool numbers_good(struct slice v)
{
	return each_is(v, TLV_INTEGER, number_good);
}

static bool policies_good(struct slice v)
{
	return each_is(v, TLV_SEQUENCE, policy_good);
}

static bool mappings_good(struct slice v)
{
	return each_is(v, TLV_SEQUENCE, mapping_good);
}

static bool points_good(struct slice v)
{
	return each_is(v, TLV_SEQUENCE, point_good);
}

static bool accesses_good(struct slice v)
{
	return each_is(v, TLV_SEQUENCE, access_good);
}

static bool date_good(struct slice v)
{
	int64_t seconds;
	return tlv_time(TLV_GENERALIZED_TIME, v, &seconds);
}

bool syntax_good(enum lint_extension_kind kind, struct slice value)
{
	static const struct {
		uint8_t tag;
		bool (*good)(struct slice contents);
	} syntax[EXT_UNKNOWN] = {
		[EXT_AKI] = { TLV_SEQUENCE, aki_good },
		[EXT_SKI] = { TLV_OCTET_STRING, any_good },
		[EXT_KEY_USAGE] = { TLV_BIT_STRING, bits_good },
		[EXT_POLICIES] = { TLV_SEQUENCE, policies_good },
		[EXT_MAPPINGS] = { TLV_SEQUENCE, mappings_good },
		[EXT_SAN] = { TLV_SEQUENCE, general_names_good },
		[EXT_IAN] = { TLV_SEQUENCE, general_names_good },
		[EXT_DIRECTORY] = { TLV_SEQUENCE, any_good },
		[EXT_BASIC] = { TLV_SEQUENCE, basic_good },
		[EXT_CONSTRAINTS] = { TLV_SEQUENCE, constraints_good },
		[EXT_POLICY_CONSTRAINTS] = { TLV_SEQUENCE, skips_good },
		[EXT_EKU] = { TLV_SEQUENCE, oids_good },
		[EXT_CRLDP] = { TLV_SEQUENCE, points_good },
		[EXT_INHIBIT_ANY] = { TLV_INTEGER, number_good },
		[EXT_FRESHEST] = { TLV_SEQUENCE, points_good },
		[EXT_AIA] = { TLV_SEQUENCE, accesses_good },
		[EXT_SIA] = { TLV_SEQUENCE, accesses_good },
		[EXT_TLS_FEATURE] = { TLV_SEQUENCE, numbers_good },
		[EXT_NO_CHECK] = { TLV_NULL, none_good },
		[EXT_SCT] = { TLV_OCTET_STRING, any_good },
		[EXT_POISON] = { TLV_NULL, none_good },
		[EXT_CRL_NUMBER] = { TLV_INTEGER, any_good },
		[EXT_DELTA] = { TLV_INTEGER, any_good },
		[EXT_IDP] = { TLV_SEQUENCE, idp_good },
		[EXT_REASON] = { TLV_ENUMERATED, any_good },
		[EXT_INVALIDITY] = { TLV_GENERALIZED_TIME, date_good },
		[EXT_CERT_ISSUER] = { TLV_SEQUENCE, general_names_good },
	};
	if (kind == EXT_UNKNOWN)
		return true;
	struct slice contents;
	return tlv_only(value, syntax[kind].tag, &contents) && syntax[kind].good(contents);
}
