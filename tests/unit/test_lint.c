/* policy/lint: for every rule a certificate or CRL that breaks it, and exactly the rules that fire on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "policy/lint.h"
#include "policy/tlv.h"
#include "unit/lint_bad.h"

#define MAX_DER (1024 * 1024)

/* --- the small language --- */

static unsigned hex_of(const char **at)
{
	uint8_t byte;
	assert_true(hex_decode(*at, 2, &byte, 1));
	*at += 2;
	return byte;
}

static void length_put(struct buf *out, size_t n)
{
	if (n >= 0x10000)
		buf_put_u8(out, 0x83);
	else if (n >= 0x80)
		buf_put_u8(out, n >= 0x100 ? 0x82 : 0x81);
	if (n >= 0x10000)
		buf_put_u8(out, (uint8_t)(n >> 16));
	if (n >= 0x100)
		buf_put_u8(out, (uint8_t)(n >> 8));
	buf_put_u8(out, (uint8_t)n);
}

static bool is_hex(char c)
{
	return c && strchr("0123456789abcdef", c);
}

/* Hex and #N until something else. */
static void bytes_write(const char **at, struct buf *out)
{
	for (;;) {
		if (**at == '#') {
			char *end;
			for (unsigned long n = strtoul(*at + 1, &end, 10); n; n--)
				buf_put_u8(out, 0x55);
			*at = end;
		} else if (is_hex((*at)[0]) && is_hex((*at)[1]) && !strchr("{:'", (*at)[2] ? (*at)[2] : ' ')) {
			buf_put_u8(out, (uint8_t)hex_of(at));
		} else {
			return;
		}
	}
}

static void der_write(const char **at, struct buf *out)
{
	for (; **at && **at != '}'; *at += **at == ' ') {
		if (**at == ' ')
			continue;
		if (strchr("{:'", (*at)[2] ? (*at)[2] : ' ') == NULL) {
			bytes_write(at, out); /* octets as they are */
			continue;
		}
		scoped_buf inner;
		buf_init(&inner, MAX_DER);
		unsigned tag = hex_of(at);
		char form = *(*at)++;
		if (form == '{') {
			der_write(at, &inner);
			assert_true(*(*at)++ == '}');
		} else if (form == ':') {
			bytes_write(at, &inner);
		} else {
			const char *end = strchr(*at, '\'');
			assert_non_null(end);
			buf_put(&inner, *at, (size_t)(end - *at));
			*at = end + 1;
		}
		buf_put_u8(out, (uint8_t)tag);
		length_put(out, inner.len);
		buf_put_slice(out, buf_slice(&inner));
	}
}

static void der_of(const char *text, struct buf *out)
{
	der_write(&text, out);
	assert_true(*text == '\0' && buf_ok(out));
}

/* --- good ones --- */

static const char * or (const char *given, const char *otherwise)
{
	return given ? given : otherwise;
}

#define LEAF_KEY EC_KEY(P256, "04#64")
#define KEY_ID "#20"
#define OWN_AKI EXT(AKI, "30{80:" KEY_ID "}")

static void extensions_text(const struct certificate_case *c, struct buf *text)
{
	bool ca = c->as == AS_CA || c->as == AS_ROOT;
	buf_put_text(text, or (c->basic, ca ? CRIT(BASIC, "30{01:ff}") : CRIT(BASIC, "30{}")));
	buf_put_text(text, or (c->usage, ca ? CRIT(KU, "03:0106") : CRIT(KU, "03:0780")));
	buf_put_text(text, or (c->san, c->as == AS_LEAF ? EXT(SAN, "30{82'www.example.com'}") : ""));
	buf_put_text(text, or (c->eku, c->as == AS_LEAF	  ? EXT(EKU, "30{" SERVER_AUTH "}")
				       : c->as == AS_OCSP ? EXT(EKU, "30{" OCSP_SIGNING "}") EXT(NO_CHECK, "05:")
							  : ""));
	buf_put_text(text, or (c->aki, c->as == AS_ROOT ? "" : OWN_AKI));
	buf_put_text(text, or (c->ski, EXT(SKI, "04:" KEY_ID)));
	buf_put_text(text, or (c->more, ""));
}

static void certificate_text(const struct certificate_case *c, struct buf *text)
{
	scoped_buf extensions;
	buf_init(&extensions, MAX_DER);
	extensions_text(c, &extensions);
	buf_put_u8(&extensions, 0);
	buf_printf(text, "30{30{%s %s %s %s 30{%s %s} %s %s %s ", or (c->version, "a0{02:02}"),
		   or (c->serial, "02:#16"), or (c->inner, ECDSA_SHA256), or (c->issuer, NAME(CN, "0c'CA'")),
		   or (c->first, "17'260101000000Z'"), or (c->last, "17'260401000000Z'"),
		   or (c->subject, c->as == AS_ROOT ? NAME(CN, "0c'CA'") : NAME(CN, "0c'www.example.com'")),
		   or (c->key, LEAF_KEY), or (c->unique, ""));
	if (c->extensions)
		buf_put_text(text, c->extensions);
	else
		buf_printf(text, "a3{30{%s}}", (const char *)extensions.at);
	buf_printf(text, "} %s %s}", or (c->outer, or (c->inner, ECDSA_SHA256)), or (c->signature, "03:00#64"));
}

static void crl_text(const struct crl_case *c, struct buf *text)
{
	buf_printf(text, "30{30{%s %s %s %s %s %s a0{30{%s%s%s}}} %s 03:00#64}", or (c->version, "02:01"), ECDSA_SHA256,
		   NAME(CN, "0c'CA'"), or (c->first, "17'260101000000Z'"), or (c->last, "17'260108000000Z'"),
		   or (c->revoked, ""), or (c->aki, OWN_AKI), or (c->number, EXT(CRL_NUMBER, "02:05")),
		   or (c->more, ""), ECDSA_SHA256);
}

/* --- cases --- */

#define ID(document, section, name) document "_" section "_" name
#define R(section, name) ID("rfc5280", section, name)
#define BR(section, name) ID("br", section, name)
#define OWN(section, name) ID("chancery", section, name)

#define SAN_OF(name) .san = EXT(SAN, "30{" name "}"), .eku = EXT(EKU, "30{" CLIENT_AUTH "}")
#define TREE(base) .as = AS_CA, .more = CRIT(CONSTRAINTS, "30{a0{30{" base "}}}")
#define SIXTY_FIVE "55555555555555555555555555555555555555555555555555555555555555555"

#define RESPONDER EXT(AIA, "30{30{06:2b06010505073001 86'http://x/'}}")

static const struct certificate_case certificates[] = {
	{ "", .as = AS_LEAF },
	{ "", .as = AS_CA },
	{ "", .as = AS_ROOT },
	{ "", .as = AS_ROOT, .aki = OWN_AKI },
	{ "", .as = AS_OCSP, .first = "17'491231235959Z'", .last = "18'20500101000000Z'" },
	{ "", .key = ED25519_KEY, .inner = "30{06:2b6570}" },
	{ "", .key = RSA_KEY("00d5#255", "010001"), .inner = RSA_SHA256 },
	{ "", .subject = "30{}",
	  .san = CRIT(SAN, "30{82'*.example.com' 87:0a000001 86'spiffe://x/y' 81'a@example.com'}") },
	{ "", TREE("82'example.com'} 30{87:0a000000ff000000} 30{86'.example.com'} 30{81:") },
	{ "", .san = EXT(SAN, "30{87:0a000001}"), .subject = NAME(CN, "0c'10.0.0.1'") },

	{ R("4.1", "readable"), .whole = "30{02:01}" },
	{ R("4.1", "readable"), .extensions = "a3{30{30{06:551d0f}}}" },
	{ R("4.1", "readable"), .subject = "30{31{}}" },
	{ ID("x690", "10", "der"), .serial = "02:0000#14" },
	{ ID("x690", "10", "der"), .subject = "30{31{30{06:550403 0c'www.example.com'}30{06:55040a 0c'b'}}}" },
	{ ID("x690", "10", "der"), .basic = CRIT(BASIC, "30{01:01}"), .as = AS_CA },
	{ ID("x690", "11.5", "defaults_omitted"), .basic = CRIT(BASIC, "30{01:00}") },
	{ ID("x690", "11.5", "defaults_omitted"), .ski = "30{06:" SKI " 01:00 04{04:#20}}" },
	{ ID("x690", "11.2.2", "named_bits"), .usage = CRIT(KU, "03:0080") },
	{ R("4.1.2.1", "version_3"), .version = "a0{02:01}" },
	{ R("4.1.2.2", "serial_positive"), .serial = "02:80#15" },
	{ R("4.1.2.2", "serial_not_zero") " " BR("7.1", "serial_entropy"), .serial = "02:00" },
	{ R("4.1.2.2", "serial_length"), .serial = "02:#21" },
	{ BR("7.1", "serial_entropy"), .serial = "02:#7" },
	{ R("4.1.1.2", "signature_algorithm_same"), .outer = "30{06:2a8648ce3d040303}" },
	{ ID("rfc4055", "5", "rsa_parameters_null"), .inner = "30{06:2a864886f70d01010b}" },
	{ ID("rfc5758", "3.2", "ecdsa_parameters_absent"), .inner = "30{06:2a8648ce3d040302 05:}" },
	{ ID("rfc8410", "3", "eddsa_parameters_absent"), .inner = "30{06:2b6570 05:}" },
	{ BR("7.1.3.2", "signature_hash"), .inner = "30{06:2a864886f70d010105 05:}" },
	{ BR("7.1.3.2", "signature_hash"), .inner = "30{06:2a8648ce3d0401}" },
	{ BR("7.1.3.2", "root_signature_hash"), .as = AS_ROOT, .inner = "30{06:2a864886f70d010104 05:}" },
	{ R("4.1.1.3", "signature_octets"), .signature = "03:0454" },
	{ R("4.1.1.3", "signature_octets"), .signature = "03:00" },
	{ R("4.1.2.5", "validity_form"), .first = "17'2601010000Z'" },
	{ R("4.1.2.5", "validity_form"), .last = "18'20500101000000.5Z'" },
	{ R("4.1.2.5", "validity_form"), .last = "17'270229000000Z'" },
	{ R("4.1.2.5", "validity_type"), .last = "18'20491231235959Z'" },
	{ R("4.1.2.5", "validity_order"), .last = "17'251231235959Z'" },
	{ R("4.1.2.8", "unique_ids"), .unique = "81:0055" },

	{ ID("rfc3279", "2.3", "key_known"), .key = "30{30{06:2a8648ce380401} 03:00#64}" },
	{ ID("rfc3279", "2.3.1", "rsa_key_parameters"),
	  .key = "30{30{06:2a864886f70d010101} 03{00 30{02:00d5#255 02:010001}}}" },
	{ ID("rfc8017", "A.1.1", "rsa_key_form"), .key = RSA_KEY("00d5#254aa", "010001") },
	{ ID("rfc8017", "A.1.1", "rsa_key_form") " " BR("6.1.6", "rsa_exponent"), .key = RSA_KEY("00d5#255", "01") },
	{ BR("6.1.5", "rsa_bits"), .key = RSA_KEY("00d5#127", "010001") },
	{ BR("6.1.5", "rsa_bits") " " BR("6.1.5", "rsa_whole_octets"), .key = RSA_KEY("#256", "010001") },
	{ BR("6.1.5", "rsa_whole_octets"), .key = RSA_KEY("#264", "010001") },
	{ BR("6.1.6", "rsa_exponent"), .key = RSA_KEY("00d5#255", "03") },
	{ BR("6.1.5", "ec_curve"), .key = EC_KEY("2b8104000a", "04#64") },
	{ ID("rfc5480", "2.2", "ec_point_length"), .key = EC_KEY(P256, "04#63") },
	{ ID("rfc5480", "2.2", "ec_point_uncompressed"), .key = EC_KEY(P256, "02#32") },
	{ ID("rfc8410", "4", "eddsa_key_form"), .key = "30{30{06:2b6570} 03:00#33}" },

	{ R("4.1.2.4", "issuer_not_empty"), .issuer = "30{}" },
	{ R("4.1.2.6", "ca_subject_not_empty"), .as = AS_CA, .subject = "30{}" },
	{ R("4.1.2.6", "empty_subject_san"), .subject = "30{}" },
	{ R("4.1.2.4", "name_string_types"), .as = AS_CA, .subject = NAME(CN, "14'CA'") },
	{ R("4.1.2.4", "name_string_types"), .as = AS_CA, .subject = NAME("0992268993f22c640119", "0c'com'") },
	{ ID("x690", "8.23", "name_encoding"), .as = AS_CA, .subject = NAME(CN, "13'a@b'") },
	{ ID("x690", "8.23", "name_encoding"), .as = AS_CA, .subject = NAME(CN, "0c:c328") },
	{ R("A.1", "name_not_empty"), .as = AS_CA, .subject = NAME(CN, "0c:") },
	{ R("A.1", "name_lengths"), .as = AS_CA, .subject = NAME(CN, "0c'" SIXTY_FIVE "'") },
	{ R("A.1", "country_code"), .as = AS_CA, .subject = NAME(COUNTRY, "13'ch'") },
	{ R("A.1", "country_code"), .as = AS_CA, .subject = NAME(COUNTRY, "0c'CH'") },
	{ OWN("names", "name_visible"), .as = AS_CA, .subject = NAME(CN, "0c:41e280ae42") },
	{ OWN("names", "name_visible"), .as = AS_CA, .subject = NAME(CN, "0c:410042") },
	{ OWN("names", "name_visible"), .as = AS_CA, .subject = NAME(CN, "0c:c285") },
	{ OWN("names", "name_blanks"), .as = AS_CA, .subject = NAME(CN, "0c:4120") },
	{ OWN("names", "common_name_once"),
	  .subject = "30{" ATTRIBUTE(CN, "0c'www.example.com'") ATTRIBUTE(CN, "0c'x'") "}" },
	{ BR("7.1.4.3", "common_name_in_san"), .subject = NAME(CN, "0c'other.example.com'") },
	{ R("4.1.2.6", "email_in_subject"), .subject = NAME(EMAIL, "16'a@example.com'"), .eku = "",
	  .san = EXT(SAN, "30{81'a@example.com'}") },
	{ R("4.1.2.6", "email_in_subject") " " R("4.1.2.6", "email_in_san"),
	  .subject = NAME(EMAIL, "16'a@example.com'") },
	{ R("4.2.1.6", "san_not_empty"), SAN_OF("") },
	{ R("4.2.1.6", "san_criticality"), .san = CRIT(SAN, "30{82'www.example.com'}") },
	{ R("4.2.1.6", "san_ascii"), SAN_OF("82:c3a9") },
	{ R("4.2.1.6", "san_ascii"), SAN_OF("86:") },
	{ OWN("names", "san_twice"), SAN_OF("82'a.example' 82'b.example' 82'a.example'") },
	{ R("4.2.1.6", "dns_trailing_dot"), SAN_OF("82'www.example.com.'") },
	{ ID("rfc9525", "6.3", "dns_wildcard"), SAN_OF("82'www.*.com'") },
	{ ID("rfc9525", "6.3", "dns_wildcard"), SAN_OF("82'w*.example.com'") },
	{ ID("rfc9525", "6.3", "dns_wildcard"), SAN_OF("82'*'") },
	{ R("4.2.1.6", "dns_syntax"), SAN_OF("82'a_b.example.com'") },
	{ R("4.2.1.6", "dns_syntax"), SAN_OF("82'" SIXTY_FIVE ".example.com'") },
	{ R("4.2.1.6", "dns_syntax"), SAN_OF("82'10.0.0.1'") },
	{ R("4.2.1.6", "ip_size"), SAN_OF("87:0a0000") },
	{ R("4.2.1.6", "ip_size"), SAN_OF("87:0a000000ff000000") },
	{ R("4.2.1.6", "email_syntax"), SAN_OF("81'<a@example.com>'") },
	{ R("4.2.1.6", "uri_absolute"), SAN_OF("86'/path'") },
	{ R("4.2.1.6", "uri_absolute"), SAN_OF("86'urn:'") },
	{ R("4.2.1.6", "uri_host"), SAN_OF("86'http:///path'") },

	{ R("4.1.2.9", "extensions_not_empty") " " ID("rfc5280", "4.2.1.1", "aki_present") " " R("4.2.1.2",
												 "ski_leaf_present"),
	  .extensions = "a3{30{}}" },
	{ R("4.2", "extension_once"), .more = EXT(SKI, "04:" KEY_ID) },
	{ R("4.2", "extension_critical_known"), .more = CRIT("2a0304", "05:") },
	{ R("4.2.1", "extension_syntax"), .ski = EXT(SKI, "02:05") },
	{ R("4.2.1", "extension_syntax"), .eku = EXT(EKU, "30{}") },
	{ R("4.2.1.9", "basic_ca_critical"), .as = AS_CA, .basic = EXT(BASIC, "30{01:ff}") },
	{ R("4.2.1.9", "path_len_ca_only"), .basic = CRIT(BASIC, "30{02:00}") },
	{ R("4.2.1.9", "path_len_ca_only") " " R("4.2.1.3", "ca_cert_sign"), .as = AS_CA,
	  .basic = CRIT(BASIC, "30{01:ff 02:00}"), .usage = CRIT(KU, "03:0102") },
	{ R("4.2.1.3", "key_usage_ca_present"), .as = AS_CA, .usage = "" },
	{ R("4.2.1.3", "key_usage_critical"), .usage = EXT(KU, "03:0780") },
	{ R("4.2.1.3", "key_usage_not_empty") " " R("4.2.1.12", "eku_agrees"), .usage = CRIT(KU, "03:00") },
	{ R("4.2.1.3", "key_usage_known"), .usage = CRIT(KU, "03:068040") },
	{ R("4.2.1.9", "cert_sign_ca_only"), .usage = CRIT(KU, "03:0284") },
	{ R("4.2.1.3", "ca_cert_sign"), .as = AS_CA, .usage = CRIT(KU, "03:0102") },
	{ R("4.2.1.3", "leaf_crl_sign"), .usage = CRIT(KU, "03:0182") },
	{ ID("rfc8813", "3", "encipherment_rsa_only"), .usage = CRIT(KU, "03:05a0") },
	{ ID("rfc3279", "2.3.1", "agreement_ec_only"), .usage = CRIT(KU, "03:0388"), .key = ED25519_KEY },
	{ R("4.2.1.3", "only_with_agreement"), .usage = CRIT(KU, "03:0081") },
	{ BR("7.1.2.7.10", "eku_any"), .eku = EXT(EKU, "30{" ANY_EKU "}") },
	{ BR("7.1.2.7.10", "eku_any") " " R("4.2.1.12", "eku_any_not_critical"), .eku = CRIT(EKU, "30{" ANY_EKU "}") },
	{ OWN("extensions", "eku_once"), .eku = EXT(EKU, "30{" SERVER_AUTH SERVER_AUTH "}") },
	{ R("4.2.1.12", "eku_agrees"), .usage = CRIT(KU, "03:0520"), .key = RSA_KEY("00d5#255", "010001"),
	  .eku = EXT(EKU, "30{" CLIENT_AUTH "}") },
	{ ID("rfc9525", "2", "server_auth_san"), .san = "" },
	{ BR("7.1.2.8.5", "ocsp_signing_alone"), .as = AS_OCSP,
	  .eku = EXT(EKU, "30{" OCSP_SIGNING CLIENT_AUTH "}") EXT(NO_CHECK, "05:") },
	{ ID("rfc6960", "4.2.2.2.1", "ocsp_no_check"), .as = AS_OCSP, .eku = EXT(EKU, "30{" OCSP_SIGNING "}") },
	{ ID("rfc6960", "4.2.2.2.1", "ocsp_no_check_not_critical"), .as = AS_OCSP,
	  .eku = EXT(EKU, "30{" OCSP_SIGNING "}") CRIT(NO_CHECK, "05:") },
	{ R("4.2.1.1", "aki_present"), .aki = "" },
	{ R("4.2.1.1", "aki_key_id"), .aki = EXT(AKI, "30{}") },
	{ R("4.2.1.1", "aki_pair"), .aki = EXT(AKI, "30{80:" KEY_ID " 82:05}") },
	{ R("4.2.1.1", "aki_not_critical"), .aki = CRIT(AKI, "30{80:" KEY_ID "}") },
	{ R("4.2.1.1", "aki_root_matches"), .as = AS_ROOT, .aki = EXT(AKI, "30{80:#19}") },
	{ R("4.2.1.2", "ski_ca_present"), .as = AS_CA, .ski = "" },
	{ R("4.2.1.2", "ski_leaf_present"), .ski = "" },
	{ R("4.2.1.2", "ski_not_critical"), .ski = CRIT(SKI, "04:" KEY_ID) },
	{ R("4.2.1.10", "constraints_ca_only"), .more = CRIT(CONSTRAINTS, "30{a0{30{82'example.com'}}}") },
	{ R("4.2.1.10", "constraints_critical"), .as = AS_CA, .more = EXT(CONSTRAINTS, "30{a0{30{82'example.com'}}}") },
	{ R("4.2.1.10", "constraints_not_empty"), .as = AS_CA, .more = CRIT(CONSTRAINTS, "30{}") },
	{ R("4.2.1.10", "constraints_not_empty"), .as = AS_CA, .more = CRIT(CONSTRAINTS, "30{a1{}}") },
	{ R("4.2.1.10", "constraints_no_minimum"), TREE("82'example.com' 81:05") },
	{ R("4.2.1.10", "constraints_ip_size"), TREE("87:0a000000") },
	{ R("4.2.1.10", "constraints_ip_prefix"), TREE("87:0a000000ff00ff00") },
	{ OWN("constraints", "constraints_ip_bits"), TREE("87:0a000001ff000000") },
	{ R("4.2.1.10", "constraints_syntax"), TREE("82'.example.com'") },
	{ R("4.2.1.10", "constraints_syntax"), TREE("86'http://example.com'") },
	{ R("4.2.1.4", "policies_once"), .more = EXT(POLICIES, "30{30{06:2a0304}30{06:2a0305}30{06:2a0304}}") },
	{ R("4.2.1.5", "mappings_critical"), .as = AS_CA, .more = EXT(MAPPINGS, "30{30{06:2a0304 06:2a0305}}") },
	{ R("4.2.1.5", "mappings_any"), .as = AS_CA, .more = CRIT(MAPPINGS, "30{30{06:2a0304 06:551d2000}}") },
	{ R("4.2.1.11", "policy_constraints_critical"), .as = AS_CA, .more = EXT(POLICY_CON, "30{80:00}") },
	{ R("4.2.1.11", "policy_constraints_not_empty"), .as = AS_CA, .more = CRIT(POLICY_CON, "30{}") },
	{ R("4.2.1.14", "inhibit_any_critical"), .as = AS_CA, .more = EXT(INHIBIT, "02:00") },
	{ R("4.2.1.11", "policy_law_ca_only"), .more = CRIT(INHIBIT, "02:00") },
	{ R("4.2.2.1", "access_not_critical"), .more = CRIT(AIA, "30{30{06:2b06010505073001 86'http://x/'}}") },
	{ R("4.2.2.1", "access_http"), .more = EXT(AIA, "30{30{06:2b06010505073001 86'https://x/'}}") },
	{ R("4.2.1.13", "crldp_not_critical"), .more = CRIT(CRLDP, "30{30{a0{a0{86'http://x/'}}}}") },
	{ R("4.2.1.13", "crldp_http"), .more = EXT(CRLDP, "30{30{a0{a0{86'ldap://x/'}}}}") },
	{ R("4.2.1.13", "crldp_not_reasons_only"), .more = EXT(CRLDP, "30{30{81:0640}}") },
	{ R("4.2.1.15", "freshest_not_critical"), .more = CRIT(FRESHEST, "30{30{a0{a0{86'http://x/'}}}}") },
	{ R("4.2.1.8", "directory_not_critical"), .more = CRIT(DIRECTORY, "30{30{06:2a0304 31{0c'x'}}}") },
	{ "", .more = RESPONDER EXT(TLS_FEATURE, "30{02:05}") },
	{ "", .more = EXT(TLS_FEATURE, "30{02:11}") },
	{ ID("rfc7633", "4", "tls_feature_not_critical"), .more = RESPONDER CRIT(TLS_FEATURE, "30{02:05}") },
	{ ID("rfc7633", "6", "staple_responder"), .more = EXT(TLS_FEATURE, "30{02:05}") },
	{ ID("rfc7633", "6", "staple_responder"),
	  .more = EXT(AIA, "30{30{06:2b06010505073002 86'http://x/'}}") EXT(TLS_FEATURE, "30{02:11 02:05}") },
};

#define ENTRY(rest) .revoked = "30{30{02:05 " rest "}}"
#define DATE "17'251231000000Z'"
#define ENTRY_WITH(e) ENTRY(DATE " 30{" e "}")
#define ENTRIES(a, b, c) "30{30{02:" a " " DATE "}30{02:" b " " DATE "}30{02:" c " " DATE "}}"
#define A_DELTA CRIT(DELTA, "02:04")

static const struct crl_case crls[] = {
	{ .ids = "" },
	{ "", ENTRY_WITH(EXT(REASON, "0a:01") EXT(INVALIDITY, "18'20251230000000Z'")) },
	{ "", ENTRY_WITH(EXT(REASON, "0a:08")), .more = A_DELTA },
	{ "", ENTRY_WITH(CRIT(CERT_ISSUER, "30{a4{30{}}}")), .more = CRIT(IDP, "30{84:ff}") },

	{ R("4.1", "readable"), .revoked = "30{30{02:05}}" },
	{ R("5.1.2.1", "crl_version_2"), .version = "" },
	{ R("5.1.2.4", "crl_times_form"), .last = "18'20260108000000Z'" },
	{ R("5.1.2.5", "crl_next_update"), .last = "" },
	{ R("5.1.2.5", "crl_order"), .last = "17'260101000000Z'" },
	{ R("5.1.2.6", "crl_empty_list"), .revoked = "30{}" },
	{ R("5.2.1", "crl_aki_present"), .aki = "" },
	{ R("5.2.3", "crl_number_present"), .number = "" },
	{ R("5.2.3", "crl_number_form"), .number = EXT(CRL_NUMBER, "02:#21") },
	{ R("5.2.3", "crl_number_form"), .number = CRIT(CRL_NUMBER, "02:05") },
	{ R("5.2.4", "crl_delta_critical"), .more = EXT(DELTA, "02:04") },
	{ R("5.2.4", "crl_delta_older"), .more = CRIT(DELTA, "02:05") },
	{ R("5.2.5", "crl_idp_critical"), .more = EXT(IDP, "30{81:ff}") },
	{ R("5.2.5", "crl_idp_form"), .more = CRIT(IDP, "30{81:ff 82:ff}") },
	{ R("5.2.5", "crl_idp_form"), .more = CRIT(IDP, "30{}") },
	{ R("4.1.2.2", "crl_entry_serial"), .revoked = "30{30{02:00 " DATE "}}" },
	{ R("5.1.2.6", "crl_entry_date"), ENTRY("18'20251231000000Z'") },
	{ OWN("crl", "crl_entry_future"), ENTRY("17'260101000001Z'") },
	{ R("5.3.1", "crl_reason_assigned"), ENTRY_WITH(EXT(REASON, "0a:07")) },
	{ R("5.3.1", "crl_reason_assigned"), ENTRY_WITH(EXT(REASON, "0a:0b")) },
	{ R("5.3.1", "crl_reason_unspecified"), ENTRY_WITH(EXT(REASON, "0a:00")) },
	{ R("5.3.1", "crl_reason_remove"), ENTRY_WITH(EXT(REASON, "0a:08")) },
	{ R("5.3", "crl_entry_criticality"), ENTRY_WITH(CRIT(REASON, "0a:01")) },
	{ R("5.3", "crl_entry_criticality"), ENTRY_WITH(EXT(CERT_ISSUER, "30{a4{30{}}}")),
	  .more = CRIT(IDP, "30{84:ff}") },
	{ R("5.3.3", "crl_entry_issuer"), ENTRY_WITH(CRIT(CERT_ISSUER, "30{a4{30{}}}")) },
	{ R("5.3.3", "crl_entry_issuer"), ENTRY_WITH(CRIT(CERT_ISSUER, "30{a4{30{}}}")),
	  .more = CRIT(IDP, "30{81:ff}") },
	{ "", .revoked = ENTRIES("05", "0080", "0100") },
	{ OWN("crl", "crl_entry_order"), .revoked = ENTRIES("0100", "05", "06") },
	{ OWN("crl", "crl_entry_order"), .revoked = ENTRIES("05", "07", "06") },
	{ R("5.1.2.6", "crl_entry_once") " " OWN("crl", "crl_entry_order"), .revoked = ENTRIES("05", "06", "05") },
	{ R("5.1.2.6", "crl_entry_once") " " OWN("crl", "crl_entry_order"), .revoked = ENTRIES("05", "06", "06") },
	{ "", .revoked = ENTRIES("06", "05", "06"), .more = CRIT(IDP, "30{84:ff}") },
	{ R("5.2.6", "crl_freshest_full"), .more = A_DELTA EXT(FRESHEST, "30{30{a0{a0{86'http://x/'}}}}") },
	{ "", .more = EXT(FRESHEST, "30{30{a0{a0{86'http://x/'}}}}") },
	{ "", .more = EXT(AIA, "30{30{06:2b06010505073002 86'http://x/'}}") },
	{ R("5.2.7", "crl_access_issuers"), .more = EXT(AIA, "30{30{06:2b06010505073001 86'http://x/'}}") },
	{ R("4.2.2.1", "access_not_critical"), .more = CRIT(AIA, "30{30{06:2b06010505073002 86'http://x/'}}") },
	{ "", .last = "17'270102000000Z'" },
	{ BR("4.9.7", "crl_lifetime"), .last = "17'270102000001Z'" },
	{ R("5.3", "crl_entry_extensions"), ENTRY(DATE " 30{}") },
	{ R("5.3", "crl_entry_extensions"), ENTRY_WITH(EXT(REASON, "0a:01") EXT(REASON, "0a:01")) },
	{ R("5.3", "crl_entry_extensions"), ENTRY_WITH(EXT(INVALIDITY, "17'251230000000Z'")) },
};

/* --- running them --- */

static bool fired[MAX_LINT_FINDINGS];

static void report_note(const struct lint_report *report, struct buf *ids)
{
	for (size_t i = 0; i < report->count; i++) {
		buf_printf(ids, "%s%s", i ? " " : "", report->findings[i].rule->id);
		assert_true(text_visible(slice_text(report->findings[i].where)));
		for (size_t r = 0; lint_rule(r); r++)
			fired[r] |= lint_rule(r) == report->findings[i].rule;
	}
	buf_put_u8(ids, 0);
}

static void expect(struct buf *text, const char *ids)
{
	static struct lint_report report;
	scoped_buf der, found;
	buf_init(&der, MAX_DER);
	buf_init(&found, 65536);
	buf_put_u8(text, 0);
	der_of((const char *)text->at, &der);
	lint_any(buf_slice(&der), &report);
	report_note(&report, &found);
	if (strcmp((const char *)found.at, ids) != 0)
		print_error("of %s\n", (const char *)text->at);
	assert_string_equal((const char *)found.at, ids);
}

static void certificates_fire_exactly(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(certificates) / sizeof(certificates[0]); i++) {
		scoped_buf text;
		buf_init(&text, MAX_DER);
		if (certificates[i].whole)
			buf_put_text(&text, certificates[i].whole);
		else
			certificate_text(&certificates[i], &text);
		expect(&text, certificates[i].ids);
	}
}

static void crls_fire_exactly(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(crls) / sizeof(crls[0]); i++) {
		scoped_buf text;
		buf_init(&text, MAX_DER);
		crl_text(&crls[i], &text);
		expect(&text, crls[i].ids);
	}
}

static void every_rule_has_a_case(void **state)
{
	(void)state;
	for (size_t r = 0; lint_rule(r); r++) {
		if (!fired[r])
			print_error("%s was never broken\n", lint_rule(r)->id);
		assert_true(fired[r]);
		for (size_t other = 0; other < r; other++)
			assert_string_not_equal(lint_rule(other)->id, lint_rule(r)->id);
	}
}

/* Every cut of a good one is unreadable, and nothing is read past its end. */
static void cuts_are_unreadable(void **state)
{
	(void)state;
	static struct lint_report report;
	const struct certificate_case leaf = { .as = AS_LEAF };
	scoped_buf text, der;
	buf_init(&text, MAX_DER);
	buf_init(&der, MAX_DER);
	certificate_text(&leaf, &text);
	buf_put_u8(&text, 0);
	der_of((const char *)text.at, &der);
	for (size_t n = 0; n < der.len; n++) {
		uint8_t *exact = malloc(n + !n);
		memcpy(exact, der.at, n);
		lint_any((struct slice){ exact, n }, &report);
		assert_int_equal(report.count, 1);
		assert_ptr_equal(report.findings[0].rule, lint_rule(0));
		free(exact);
	}
	buf_put_u8(&der, 0);
	lint_any(buf_slice(&der), &report);
	assert_ptr_equal(report.findings[0].rule, lint_rule(0));
}

/* At the limit it is looked at, one octet more and it isn't. */
static void size_has_a_limit(void **state)
{
	(void)state;
	static struct lint_report report;
	scoped_buf der;
	buf_init(&der, MAX_DER);
	for (size_t i = 0; i < 2; i++) {
		size_t size = MAX_LINT_CERTIFICATE + i;
		char whole[64];
		snprintf(whole, sizeof(whole), "30{04:#%zu}", size - 10);
		buf_clear(&der);
		der_of(whole, &der);
		assert_true(der.len == MAX_LINT_CERTIFICATE + i);
		lint_certificate(buf_slice(&der), &report);
		assert_int_equal(report.count, 1);
		assert_string_equal(report.findings[0].where, i ? "it is too large" : "");
	}
}

static void times_are_dates(void **state)
{
	(void)state;
	int64_t seconds;
	assert_true(tlv_time(TLV_UTC_TIME, slice_text("700101000000Z"), &seconds) && seconds == 0);
	assert_true(tlv_time(TLV_UTC_TIME, slice_text("491231235959Z"), &seconds) && seconds == 2524607999);
	assert_true(tlv_time(TLV_UTC_TIME, slice_text("500101000000Z"), &seconds) && seconds == -631152000);
	assert_true(tlv_time(TLV_GENERALIZED_TIME, slice_text("20000229120000Z"), &seconds) && seconds == 951825600);
	assert_true(tlv_time(TLV_GENERALIZED_TIME, slice_text("99991231235959Z"), &seconds) && seconds == 253402300799);
	static const char *const never[] = { "21000229000000Z", "20261301000000Z", "20260100000000Z", "20260101240000Z",
					     "20260101006000Z", "20260101000060Z", "202601010000000", "2026010100000Z",
					     "20260101000000z", "2026010100000-Z", "00000101000000Z" };
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		assert_false(tlv_time(TLV_GENERALIZED_TIME, slice_text(never[i]), &seconds));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_fire_exactly), cmocka_unit_test(crls_fire_exactly),
		cmocka_unit_test(every_rule_has_a_case),     cmocka_unit_test(cuts_are_unreadable),
		cmocka_unit_test(size_has_a_limit),	     cmocka_unit_test(times_are_dates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
