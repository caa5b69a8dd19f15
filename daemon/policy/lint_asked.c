/* The rules over what is asked for, before anything is signed: the same functions, over fields instead of DER. */
#include "policy/lint_view.h"

#define FIRST_SECOND INT64_C(-631152000)  /* 1950: what UTCTime begins with (RFC 5280 4.1.2.5.1) */
#define LAST_SECOND INT64_C(253402300799) /* the end of 9999: what GeneralizedTime ends with */

/* In the table's order. What is not here only the encoder decides, or can't be said in a request. */
static const uint8_t asked_rules[] = {
#define R(name) LINT_RULE_##name
	R(validity_form),
	R(validity_order),
	R(key_known),
	R(rsa_key_parameters),
	R(rsa_key_form),
	R(rsa_bits),
	R(rsa_whole_octets),
	R(rsa_exponent),
	R(ec_curve),
	R(ec_point_length),
	R(ec_point_uncompressed),
	R(eddsa_key_form),
	R(ca_subject_not_empty),
	R(empty_subject_san),
	R(name_encoding),
	R(name_not_empty),
	R(name_lengths),
	R(country_code),
	R(name_visible),
	R(name_blanks),
	R(common_name_once),
	R(common_name_in_san),
	R(email_in_subject),
	R(email_in_san),
	R(san_ascii),
	R(dns_trailing_dot),
	R(dns_wildcard),
	R(dns_syntax),
	R(ip_size),
	R(email_syntax),
	R(uri_absolute),
	R(uri_host),
	R(path_len_ca_only),
	R(key_usage_not_empty),
	R(key_usage_known),
	R(cert_sign_ca_only),
	R(leaf_crl_sign),
	R(encipherment_rsa_only),
	R(agreement_ec_only),
	R(only_with_agreement),
	R(eku_any),
	R(eku_once),
	R(eku_agrees),
	R(server_auth_san),
	R(constraints_ca_only),
	R(constraints_ip_size),
	R(constraints_ip_prefix),
	R(constraints_ip_bits),
	R(constraints_syntax),
	R(policies_once),
	R(access_http),
	R(crldp_http),
	R(staple_responder),
#undef R
};

bool lint_rule_before(size_t i)
{
	for (size_t n = 0; n < sizeof(asked_rules); n++)
		if (asked_rules[n] == i)
			return true;
	return false;
}

static struct lint_time time_of(int64_t seconds)
{
	return (struct lint_time){ .seconds = seconds,
				   .there = true,
				   .valid = seconds >= FIRST_SECOND && seconds <= LAST_SECOND };
}

static void key_view(struct lint_view *v, struct slice public_key)
{
	struct slice contents;
	bool read = tlv_only(public_key, TLV_SEQUENCE, &contents) && lint_read_key(v, contents);
	if (!read)
		v->key = KEY_OTHER;
}

void lint_fields(const struct lint_asked *a, struct lint_report *out)
{
	static const struct lint_extension critical = { .critical = true }, plain = { .critical = false };
	bool ca = a->kind & LINT_CAS;
	struct lint_view v = { .kind = a->kind,
			       .asked = a,
			       .first = time_of(a->not_before),
			       .last = time_of(a->not_after),
			       .subject = a->subject.raw,
			       .ca = ca,
			       .path_len_there = a->path_len_there,
			       .key_usage = ca ? KU_CERT_SIGN | KU_CRL_SIGN : a->key_usage,
			       .key = KEY_UNSEEN };
	v.ext[EXT_KEY_USAGE] = &critical;
	if (a->alt_names.count)
		v.ext[EXT_SAN] = a->subject.count ? &plain : &critical;
	if (a->permitted.count || a->excluded.count)
		v.ext[EXT_CONSTRAINTS] = &critical;
	if (a->public_key.len)
		key_view(&v, a->public_key);
	lint_rules_hold(&v, asked_rules, sizeof(asked_rules), out);
}
