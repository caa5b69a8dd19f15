/* Rules on what a key may be used for: keyUsage and extKeyUsage, and whether they agree. */
#include "policy/lint_view.h"

/* keyUsage is there and can be read. */
static bool usage_there(const struct lint_view *v)
{
	return lint_has(v, EXT_KEY_USAGE) && !v->ext[EXT_KEY_USAGE]->malformed;
}

HOLDS(key_usage_ca_present)
{
	return lint_has(v, EXT_KEY_USAGE);
}

HOLDS(key_usage_critical)
{
	return !lint_has(v, EXT_KEY_USAGE) || lint_critical(v, EXT_KEY_USAGE);
}

HOLDS(key_usage_not_empty)
{
	return !usage_there(v) || v->key_usage;
}

HOLDS(key_usage_known)
{
	return v->key_usage <= (KU_DECIPHER_ONLY << 1) - 1 && lint_inside(v, EXT_KEY_USAGE).len <= 3;
}

HOLDS(cert_sign_ca_only)
{
	return !(v->key_usage & KU_CERT_SIGN);
}

HOLDS(ca_cert_sign)
{
	return !usage_there(v) || v->key_usage & KU_CERT_SIGN;
}

HOLDS(leaf_crl_sign)
{
	return !(v->key_usage & KU_CRL_SIGN);
}

HOLDS(encipherment_rsa_only)
{
	bool never = v->key == KEY_EC || v->key == KEY_ED25519 || v->key == KEY_ED448;
	return !never || !(v->key_usage & (KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT));
}

HOLDS(agreement_ec_only)
{
	bool never = v->key == KEY_RSA || v->key == KEY_ED25519 || v->key == KEY_ED448;
	return !never || !(v->key_usage & KU_AGREEMENT);
}

HOLDS(only_with_agreement)
{
	return !(v->key_usage & (KU_ENCIPHER_ONLY | KU_DECIPHER_ONLY)) || v->key_usage & KU_AGREEMENT;
}

#define EKU_ANY OID(0x55, 0x1d, 37, 0)
#define EKU_SERVER_AUTH OID(0x2b, 6, 1, 5, 5, 7, 3, 1)

static bool eku_has(const struct lint_view *v, struct slice wanted)
{
	struct item_walk list = purpose_walk(v);
	struct slice purpose;
	while (purpose_next(&list, &purpose))
		if (slice_equal(purpose, wanted))
			return true;
	return false;
}

HOLDS(eku_any)
{
	return !eku_has(v, EKU_ANY);
}

HOLDS(eku_any_not_critical)
{
	return !lint_critical(v, EXT_EKU) || !eku_has(v, EKU_ANY);
}

bool oids_repeat(const struct item_walk *list, bool (*next)(struct item_walk *w, struct slice *out), struct buf *where)
{
	struct item_walk from = *list;
	struct slice a, b;
	for (size_t n = 0; n < MAX_LINT_PAIRS && next(&from, &a); n++)
		for (struct item_walk rest = from; next(&rest, &b);)
			if (slice_equal(a, b)) {
				oid_print(a, where);
				return true;
			}
	return false;
}

HOLDS(eku_once)
{
	struct item_walk list = purpose_walk(v);
	return !oids_repeat(&list, purpose_next, where);
}

/* RFC 5280 4.2.1.12 says after each id-kp which bits may be consistent with it: any one of them is enough. */
bool lint_purpose_fulfilled(unsigned key_usage, struct slice purpose)
{
	static const unsigned enough[] = {
		[1] = KU_SIGNATURE | KU_KEY_ENCIPHERMENT | KU_AGREEMENT,
		[2] = KU_SIGNATURE | KU_AGREEMENT,
		[3] = KU_SIGNATURE,
		[4] = KU_SIGNATURE | KU_COMMITMENT | KU_KEY_ENCIPHERMENT | KU_AGREEMENT,
		[8] = KU_SIGNATURE | KU_COMMITMENT,
		[9] = KU_SIGNATURE | KU_COMMITMENT,
	};
	struct slice arc = OID(0x2b, 6, 1, 5, 5, 7, 3);
	if (purpose.len != 8 || !slice_equal((struct slice){ purpose.at, 7 }, arc))
		return true;
	size_t n = purpose.at[7];
	return n >= sizeof(enough) / sizeof(enough[0]) || !enough[n] || key_usage & enough[n];
}

HOLDS(eku_agrees)
{
	struct item_walk list = purpose_walk(v);
	struct slice purpose;
	while (usage_there(v) && purpose_next(&list, &purpose))
		if (!lint_purpose_fulfilled(v->key_usage, purpose)) {
			oid_print(purpose, where);
			return false;
		}
	return true;
}

HOLDS(server_auth_san)
{
	return lint_has(v, EXT_SAN) || !eku_has(v, EKU_SERVER_AUTH);
}

HOLDS(ocsp_signing_alone)
{
	return tlv_count(lint_inside(v, EXT_EKU)) == 1;
}

HOLDS(ocsp_no_check)
{
	return lint_has(v, EXT_NO_CHECK) || lint_has(v, EXT_CRLDP) || lint_has(v, EXT_AIA);
}
