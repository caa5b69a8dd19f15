/* Rules on the fields of a certificate: encoding, version, serial number, algorithms, validity. */
#include "policy/lint_view.h"

/* Whoever calls has read it: there would be no view otherwise. */
HOLDS(readable)
{
	return true;
}

HOLDS(der)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->list[i].kind != EXT_UNKNOWN && !v->list[i].malformed && !tlv_canonical(v->list[i].value)) {
			extension_print(&v->list[i], where);
			return false;
		}
	return tlv_canonical(v->tbs) && tlv_canonical(v->outer);
}

HOLDS(defaults_omitted)
{
	return !v->default_written;
}

HOLDS(named_bits)
{
	struct slice bits = lint_inside(v, EXT_KEY_USAGE);
	if (bits.len < 2)
		return true;
	return bits.at[bits.len - 1] >> bits.at[0] & 1;
}

HOLDS(version_3)
{
	return v->version == 2 || (!v->extensions_there && v->version < 2);
}

HOLDS(serial_positive)
{
	return v->serial.len && v->serial.at[0] < 0x80;
}

static bool all_zero(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i])
			return false;
	return true;
}

HOLDS(serial_not_zero)
{
	return !v->serial.len || !all_zero(v->serial);
}

HOLDS(serial_length)
{
	return v->serial.len <= 20;
}

HOLDS(serial_entropy)
{
	return v->serial.len >= 8;
}

HOLDS(signature_algorithm_same)
{
	return slice_equal(v->inner, v->outer);
}

/* The algorithm's identifier, and what follows it. */
static struct slice algorithm_of(const struct lint_view *v, struct slice *parameters)
{
	struct slice inside = { 0 }, oid = { 0 };
	tlv_only(v->outer, TLV_SEQUENCE, &inside);
	tlv_take(&inside, TLV_OID, &oid);
	*parameters = inside;
	return oid;
}

static bool begins(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && slice_equal((struct slice){ s.at, prefix.len }, prefix);
}

static bool is_null(struct slice der)
{
	return slice_equal(der, OID(TLV_NULL, 0));
}

#define PKCS1 OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1)
#define X962SIG OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 4)

HOLDS(rsa_parameters_null)
{
	struct slice parameters, oid = algorithm_of(v, &parameters);
	bool pss = oid.len == 9 && oid.at[8] == 10;
	return !begins(oid, PKCS1) || pss || is_null(parameters);
}

HOLDS(ecdsa_parameters_absent)
{
	struct slice parameters, oid = algorithm_of(v, &parameters);
	return !begins(oid, X962SIG) || !parameters.len;
}

HOLDS(eddsa_parameters_absent)
{
	struct slice parameters, oid = algorithm_of(v, &parameters);
	return !(slice_equal(oid, OID(0x2b, 0x65, 0x70)) || slice_equal(oid, OID(0x2b, 0x65, 0x71))) || !parameters.len;
}

/* PKCS #1 numbers: 2 MD2, 3 MD4, 4 MD5, 5 SHA-1; ecdsa-with-SHA1 and the old dsa-with-sha1 besides. */
static bool hash_good(struct slice oid)
{
	bool weak_rsa = begins(oid, PKCS1) && oid.len == 9 && oid.at[8] >= 2 && oid.at[8] <= 5;
	return !weak_rsa && !slice_equal(oid, OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1)) &&
	       !slice_equal(oid, OID(0x2a, 0x86, 0x48, 0xce, 0x38, 4, 3)) &&
	       !slice_equal(oid, OID(0x2b, 0x0e, 3, 2, 29));
}

HOLDS(signature_hash)
{
	struct slice parameters, oid = algorithm_of(v, &parameters);
	if (hash_good(oid))
		return true;
	oid_print(oid, where);
	return false;
}

HOLDS(root_signature_hash)
{
	struct slice parameters;
	return hash_good(algorithm_of(v, &parameters));
}

HOLDS(signature_octets)
{
	return v->signature.len > 1 && v->signature.at[0] == 0;
}

HOLDS(validity_form)
{
	where_put(where, v->first.valid ? v->last.text : v->first.text);
	return v->first.valid && v->last.valid;
}

HOLDS(validity_type)
{
	where_put(where, time_type_right(&v->first) ? v->last.text : v->first.text);
	return time_type_right(&v->first) && time_type_right(&v->last);
}

HOLDS(validity_order)
{
	return !v->first.valid || !v->last.valid || v->first.seconds <= v->last.seconds;
}

HOLDS(unique_ids)
{
	return !v->unique_ids;
}
