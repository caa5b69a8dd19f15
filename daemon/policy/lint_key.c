/* Rules on the subject's public key: its form and its strength. */
#include "policy/lint_view.h"

/* The key's octets; empty if the BIT STRING is not of whole ones. */
static struct slice key_octets(const struct lint_view *v)
{
	if (v->key_bits.len < 1 || v->key_bits.at[0])
		return (struct slice){ 0 };
	return (struct slice){ v->key_bits.at + 1, v->key_bits.len - 1 };
}

/* Both without leading zeros; false if it is no positive modulus and exponent. */
static bool rsa_numbers(const struct lint_view *v, struct slice *modulus, struct slice *exponent)
{
	struct slice inside;
	if (!tlv_only(key_octets(v), TLV_SEQUENCE, &inside) || !tlv_take(&inside, TLV_INTEGER, modulus) ||
	    !tlv_take(&inside, TLV_INTEGER, exponent) || inside.len)
		return false;
	struct slice *const both[] = { modulus, exponent };
	for (size_t i = 0; i < 2; i++) {
		if (both[i]->len && both[i]->at[0] >= 0x80)
			return false;
		while (both[i]->len && !both[i]->at[0])
			*both[i] = (struct slice){ both[i]->at + 1, both[i]->len - 1 };
		if (!both[i]->len)
			return false;
	}
	return true;
}

static size_t bits_of(struct slice number)
{
	size_t bits = (number.len - 1) * 8;
	for (unsigned top = number.at[0]; top; top >>= 1)
		bits++;
	return bits;
}

HOLDS(key_known)
{
	if (v->key == KEY_OTHER)
		oid_print(v->key_oid, where);
	return v->key != KEY_OTHER;
}

HOLDS(rsa_key_parameters)
{
	return v->key != KEY_RSA || slice_equal(v->key_parameters, OID(TLV_NULL, 0));
}

HOLDS(rsa_key_form)
{
	struct slice n, e;
	if (v->key != KEY_RSA)
		return true;
	return rsa_numbers(v, &n, &e) && n.at[n.len - 1] & 1 && e.at[e.len - 1] & 1 && (e.len > 1 || e.at[0] >= 3);
}

HOLDS(rsa_bits)
{
	struct slice n, e;
	if (v->key != KEY_RSA || !rsa_numbers(v, &n, &e))
		return true;
	buf_printf(where, "%zu bits", bits_of(n));
	return bits_of(n) >= 2048;
}

HOLDS(rsa_whole_octets)
{
	struct slice n, e;
	if (v->key != KEY_RSA || !rsa_numbers(v, &n, &e))
		return true;
	buf_printf(where, "%zu bits", bits_of(n));
	return bits_of(n) % 8 == 0;
}

HOLDS(rsa_exponent)
{
	struct slice n, e;
	return v->key != KEY_RSA || !rsa_numbers(v, &n, &e) || bits_of(e) > 16;
}

/* Octets of one coordinate on a curve that is taken; 0 for any other. */
static size_t curve_octets(const struct lint_view *v)
{
	struct slice curve;
	if (!tlv_only(v->key_parameters, TLV_OID, &curve))
		return 0;
	return slice_equal(curve, OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7)) ? 32
	       : slice_equal(curve, OID(0x2b, 0x81, 4, 0, 34))		      ? 48
	       : slice_equal(curve, OID(0x2b, 0x81, 4, 0, 35))		      ? 66
									      : 0;
}

HOLDS(ec_curve)
{
	struct slice curve;
	if (v->key != KEY_EC || curve_octets(v))
		return true;
	if (tlv_only(v->key_parameters, TLV_OID, &curve))
		oid_print(curve, where);
	return false;
}

static bool compressed(struct slice point)
{
	return point.len && (point.at[0] == 2 || point.at[0] == 3);
}

HOLDS(ec_point_length)
{
	size_t octets = curve_octets(v);
	struct slice point = key_octets(v);
	if (v->key != KEY_EC || !octets)
		return true;
	return compressed(point) ? point.len == 1 + octets : point.len == 1 + 2 * octets && point.at[0] == 4;
}

HOLDS(ec_point_uncompressed)
{
	return v->key != KEY_EC || !compressed(key_octets(v));
}

HOLDS(eddsa_key_form)
{
	if (v->key != KEY_ED25519 && v->key != KEY_ED448)
		return true;
	return !v->key_parameters.len && key_octets(v).len == (v->key == KEY_ED25519 ? 32 : 57);
}
