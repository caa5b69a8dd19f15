/*
 * signd/encode: what the signer writes from typed fields is what libcrypto
 * reads. An input's first byte says what is written: the body of a KEY_CSR; of
 * a CERT_SIGN of any kind, also of those that no charter allows yet; a
 * signature; or the values that all of it is made of.
 */
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "fuzz/bend.h"
#include "fuzz/fields.h"
#include "fuzz/fuzz.h"
#include "ledger/record.h"
#include "names/dn.h"
#include "signd/charter.h"
#include "signd/encode/csr.h"
#include "signd/encode/der.h"
#include "signd/encode/oid.h"
#include "wire/inner_answer.h"

enum { REQUEST, CERTIFICATE, SIGNATURE, VALUES, KINDS };

static const uint8_t public_key[] = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"
				    "\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a"
				    "\x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a";
static const struct slice spki = { public_key, sizeof(public_key) - 1 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	return 0;
}

/* What libcrypto writes again is what was written: there was nothing but DER. */
static void same(unsigned char *again, int n, struct slice written)
{
	REQUIRE(n > 0 && slice_equal((struct slice){ again, (size_t)n }, written));
	OPENSSL_free(again);
}

static void value_same(const ASN1_STRING *s, struct slice value)
{
	REQUIRE(slice_equal((struct slice){ ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s) }, value));
}

static void directory_same(const X509_NAME *name, struct slice value)
{
	scoped_buf dn = { .max = MAX_TBS };
	unsigned char *der = NULL;
	cert_put_name(&dn, (struct list){ get_u16(value.at), { value.at + 2, value.len - 2 } });
	int n = i2d_X509_NAME(name, &der);
	same(der, n, buf_slice(&dn));
}

static void general_name_same(const GENERAL_NAME *name, uint8_t type, struct slice value)
{
	static const int forms[] = { [NAME_DNS] = GEN_DNS,
				     [NAME_EMAIL] = GEN_EMAIL,
				     [NAME_URI] = GEN_URI,
				     [NAME_IP] = GEN_IPADD,
				     [NAME_DIRECTORY] = GEN_DIRNAME };
	int form;
	const void *at = GENERAL_NAME_get0_value(name, &form);
	REQUIRE(form == forms[type]);
	if (form == GEN_DIRNAME)
		directory_same(at, value);
	else
		value_same(at, value);
}

static void subtrees_same(const STACK_OF(GENERAL_SUBTREE) * all, struct list asked)
{
	uint8_t type;
	struct slice value;
	REQUIRE(all ? sk_GENERAL_SUBTREE_num(all) == asked.count : asked.count == 0);
	for (int i = 0; list_next(&asked, &type, &value); i++) {
		const GENERAL_SUBTREE *s = sk_GENERAL_SUBTREE_value(all, i);
		REQUIRE(!s->minimum && !s->maximum);
		general_name_same(s->base, type, value);
	}
}

static void constraints_same(const STACK_OF(X509_EXTENSION) * extensions, const struct constraints *asked)
{
	int critical = 0;
	NAME_CONSTRAINTS *nc = X509V3_get_d2i(extensions, NID_name_constraints, &critical, NULL);
	REQUIRE((nc == NULL) == constraints_empty(asked));
	if (!nc)
		return;
	REQUIRE(critical == 1);
	subtrees_same(nc->permittedSubtrees, asked->permitted);
	subtrees_same(nc->excludedSubtrees, asked->excluded);
	NAME_CONSTRAINTS_free(nc);
}

static void alt_names_same(const STACK_OF(X509_EXTENSION) * extensions, struct list asked, bool no_subject)
{
	int critical = 0;
	uint8_t type;
	struct slice value;
	GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, &critical, NULL);
	REQUIRE(names ? sk_GENERAL_NAME_num(names) == asked.count && critical == no_subject : asked.count == 0);
	for (int i = 0; list_next(&asked, &type, &value); i++)
		general_name_same(sk_GENERAL_NAME_value(names, i), type, value);
	GENERAL_NAMES_free(names);
}

static void basic_same(const STACK_OF(X509_EXTENSION) * extensions, bool ca, uint16_t path_len)
{
	int critical = 0;
	BASIC_CONSTRAINTS *basic = X509V3_get_d2i(extensions, NID_basic_constraints, &critical, NULL);
	REQUIRE(basic && critical == 1 && !basic->ca == !ca);
	bool stated = ca && path_len != PATH_LEN_NONE;
	REQUIRE(stated ? basic->pathlen && ASN1_INTEGER_get(basic->pathlen) == path_len : !basic->pathlen);
	BASIC_CONSTRAINTS_free(basic);
}

static void usage_same(const STACK_OF(X509_EXTENSION) * extensions, uint16_t usage)
{
	int critical = 0;
	ASN1_BIT_STRING *bits = X509V3_get_d2i(extensions, NID_key_usage, &critical, NULL);
	REQUIRE(bits && critical == 1);
	for (int i = 0; i < 16; i++)
		REQUIRE(ASN1_BIT_STRING_get_bit(bits, i) == (usage >> i & 1));
	ASN1_BIT_STRING_free(bits);
}

static void request_try(struct slice body)
{
	struct key_csr_request r;
	const char *where;
	static const uint8_t raw[132] = { 1, [48] = 1 };
	if (answer_key_csr_get(body, &r, &where) != PACK_OK || charter_check_csr(&r, false).code)
		return;
	const struct algorithm *a = algorithm_at(r.key_id[0] % 7);
	scoped_buf subject = { .max = MAX_TBS }, info = { .max = MAX_TBS }, signature = { .max = 1024 },
		   whole = { .max = 2 * MAX_TBS };
	cert_put_name(&subject, r.subject);
	const struct cert_fields f = { .kind = KIND_CA,
				       .subject = buf_slice(&subject),
				       .public_key = spki,
				       .path_len = r.path_len,
				       .constraints = { r.permitted, r.excluded } };
	csr_put_info(&info, &f);
	if (!buf_ok(&info))
		return;
	cert_put_signature(&signature, a->number,
			   (struct slice){ raw, a->signature_size < 132 ? a->signature_size : 132 });
	csr_put(&whole, buf_slice(&info), a->number, buf_slice(&signature));
	const unsigned char *at = whole.at;
	unsigned char *again = NULL;
	X509_REQ *read = d2i_X509_REQ(NULL, &at, (long)whole.len);
	REQUIRE(read && at == whole.at + whole.len && X509_REQ_get_version(read) == X509_REQ_VERSION_1);
	int n = i2d_X509_REQ(read, &again);
	same(again, n, buf_slice(&whole));
	again = NULL;
	n = i2d_X509_NAME(X509_REQ_get_subject_name(read), &again);
	same(again, n, buf_slice(&subject));
	again = NULL;
	n = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(read), &again);
	same(again, n, spki);
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(read);
	REQUIRE(extensions && X509_REQ_get_attr_count(read) == 1);
	basic_same(extensions, true, r.path_len);
	usage_same(extensions, USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN);
	constraints_same(extensions, &f.constraints);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(read);
}

/* What the encoder's callers have seen to before. */
static bool fields_fit(const struct cert_sign_request *r)
{
	uint8_t type;
	const char *why;
	struct slice value;
	const struct constraints stated = { r->permitted, r->excluded };
	bool fit = r->kind >= KIND_LEAF && r->kind <= KIND_SUBCA_FOREIGN && dn_check(r->subject, &type, &why) &&
		   constraints_check(&stated) && r->not_before >= -600000000 && r->not_after <= 253402300799 &&
		   r->not_before <= r->not_after && r->key_usage < 512;
	for (struct list l = r->alt_names; fit && list_next(&l, &type, &value);)
		fit = name_is_canonical(AS_NAME, type, value);
	for (struct list l = r->ext_key_usage; fit && list_next(&l, &type, &value);)
		fit = oid_valid(value);
	for (struct list l = r->policies; fit && list_next(&l, &type, &value);)
		fit = oid_valid(value);
	for (struct list l = r->urls; fit && list_next(&l, &type, &value);)
		fit = type >= URL_CRL && type <= URL_CA_ISSUERS;
	return fit;
}

static struct cert_fields certificate_fields(const struct cert_sign_request *r, struct slice subject)
{
	static const uint8_t key_id[KEY_HASH_SIZE] = { 7 };
	bool ca = r->kind == KIND_CA || r->kind == KIND_SUBCA_FOREIGN;
	return (struct cert_fields){ .kind = r->kind,
				     .serial = { 1, 0x80, 3 },
				     .algorithm = ALGORITHM_ED25519,
				     .issuer = subject,
				     .authority_key_id = SLICE_OF(key_id),
				     .not_before = r->not_before,
				     .not_after = r->not_after,
				     .subject = subject,
				     .public_key = spki,
				     .alt_names = r->alt_names,
				     .key_usage = r->key_usage,
				     .ext_key_usage = r->ext_key_usage,
				     .path_len = r->path_len,
				     .constraints = ca ? (struct constraints){ r->permitted, r->excluded }
						       : (struct constraints){ .permitted = { 0 } },
				     .urls = r->urls,
				     .policies = r->policies,
				     .flags = r->flags };
}

static int64_t time_of(const ASN1_TIME *t)
{
	struct tm tm;
	REQUIRE(ASN1_TIME_to_tm(t, &tm) == 1);
	return timegm(&tm);
}

static void certificate_same(const X509 *x, const struct cert_fields *f)
{
	static const uint8_t no_subject[] = { DER_SEQUENCE, 0 };
	const STACK_OF(X509_EXTENSION) *extensions = X509_get0_extensions(x);
	bool ca = f->kind == KIND_CA || f->kind == KIND_SUBCA_FOREIGN;
	uint16_t usage = ca ? USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN : f->key_usage;
	REQUIRE(X509_get_version(x) == X509_VERSION_3);
	REQUIRE(time_of(X509_get0_notBefore(x)) == f->not_before && time_of(X509_get0_notAfter(x)) == f->not_after);
	basic_same(extensions, ca, f->path_len);
	usage_same(extensions, f->kind == KIND_OCSP_RESPONDER ? USAGE_DIGITAL_SIGNATURE : usage);
	constraints_same(extensions, &f->constraints);
	alt_names_same(extensions, f->alt_names, slice_equal(f->subject, SLICE_OF(no_subject)));
	bool responder = f->kind == KIND_OCSP_RESPONDER;
	REQUIRE((X509v3_get_ext_by_NID(extensions, NID_id_pkix_OCSP_noCheck, -1) >= 0) == responder);
	REQUIRE((X509v3_get_ext_by_NID(extensions, NID_ext_key_usage, -1) >= 0) ==
		(responder || f->ext_key_usage.count));
}

static void certificate_try(struct slice body)
{
	static const uint8_t raw[64] = { 1, [32] = 1 };
	struct cert_sign_request r;
	const char *where;
	if (answer_cert_sign_get(body, &r, &where) != PACK_OK || !fields_fit(&r))
		return;
	scoped_buf subject = { .max = MAX_TBS }, tbs = { .max = MAX_TBS }, whole = { .max = 2 * MAX_RECORD };
	cert_put_name(&subject, r.subject);
	const struct cert_fields f = certificate_fields(&r, buf_slice(&subject));
	cert_put_tbs(&tbs, &f);
	if (!buf_ok(&tbs))
		return;
	REQUIRE(record_certificate(buf_slice(&tbs), SLICE_OF(raw), &whole) == 0);
	const unsigned char *at = whole.at;
	X509 *x = d2i_X509(NULL, &at, (long)whole.len);
	REQUIRE(x && at == whole.at + whole.len);
	/* Written anew, not from what was kept of the bytes. */
	unsigned char *again = NULL;
	int n = i2d_re_X509_tbs(x, &again);
	same(again, n, buf_slice(&tbs));
	certificate_same(x, &f);
	X509_free(x);
}

static void signature_try(struct slice raw)
{
	scoped_buf der = { .max = 1024 };
	const struct algorithm *a = raw.len ? algorithm_at(raw.at[0] % 7) : NULL;
	if (!a || a->family != FAMILY_EC || raw.len - 1 != a->signature_size)
		return;
	size_t half = a->signature_size / 2;
	cert_put_signature(&der, a->number, (struct slice){ raw.at + 1, raw.len - 1 });
	const unsigned char *at = der.at;
	unsigned char *again = NULL;
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
	uint8_t back[132];
	REQUIRE(s && at == der.at + der.len && der.len <= MAX_DER_SIGNATURE);
	REQUIRE(BN_bn2binpad(ECDSA_SIG_get0_r(s), back, (int)half) == (int)half &&
		BN_bn2binpad(ECDSA_SIG_get0_s(s), back + half, (int)half) == (int)half &&
		memcmp(back, raw.at + 1, 2 * half) == 0);
	int n = i2d_ECDSA_SIG(s, &again);
	same(again, n, buf_slice(&der));
	ECDSA_SIG_free(s);
}

static void time_try(int64_t seconds)
{
	scoped_buf der = { .max = 64 };
	der_put_time(&der, seconds);
	if (!buf_ok(&der)) {
		REQUIRE(seconds < -631152000 || seconds > 253402300799);
		return;
	}
	const unsigned char *at = der.at;
	ASN1_TIME *t = d2i_ASN1_TIME(NULL, &at, (long)der.len);
	REQUIRE(t && at == der.at + der.len && time_of(t) == seconds && ASN1_TIME_check(t) == 1);
	/* RFC 5280 4.1.2.5. */
	REQUIRE((ASN1_STRING_type(t) == V_ASN1_UTCTIME) == (seconds < 2524608000));
	ASN1_TIME_free(t);
}

static void unsigned_try(struct slice big_endian)
{
	scoped_buf der = { .max = MAX_TBS };
	der_put_unsigned(&der, DER_INTEGER, big_endian);
	if (!buf_ok(&der))
		return;
	const unsigned char *at = der.at;
	unsigned char *again = NULL;
	ASN1_INTEGER *i = d2i_ASN1_INTEGER(NULL, &at, (long)der.len);
	REQUIRE(i && at == der.at + der.len);
	BIGNUM *n = ASN1_INTEGER_to_BN(i, NULL), *asked = BN_bin2bn(big_endian.at, (int)big_endian.len, NULL);
	REQUIRE(n && asked && BN_cmp(n, asked) == 0);
	int len = i2d_ASN1_INTEGER(i, &again);
	same(again, len, buf_slice(&der));
	BN_free(n);
	BN_free(asked);
	ASN1_INTEGER_free(i);
}

static void string_try(struct slice content)
{
	scoped_buf der = { .max = MAX_TBS };
	der_put(&der, DER_OCTET_STRING, content);
	if (!buf_ok(&der))
		return;
	const unsigned char *at = der.at;
	unsigned char *again = NULL;
	ASN1_OCTET_STRING *s = d2i_ASN1_OCTET_STRING(NULL, &at, (long)der.len);
	REQUIRE(s && at == der.at + der.len);
	value_same(s, content);
	int n = i2d_ASN1_OCTET_STRING(s, &again);
	same(again, n, buf_slice(&der));
	ASN1_OCTET_STRING_free(s);
}

static void bits_try(uint16_t flags)
{
	scoped_buf der = { .max = 64 };
	der_put_named_bits(&der, flags);
	const unsigned char *at = der.at;
	unsigned char *again = NULL;
	ASN1_BIT_STRING *s = d2i_ASN1_BIT_STRING(NULL, &at, (long)der.len), *other = ASN1_BIT_STRING_new();
	REQUIRE(s && at == der.at + der.len);
	for (int i = 0; i < 16; i++) {
		REQUIRE(ASN1_BIT_STRING_get_bit(s, i) == (flags >> i & 1));
		ASN1_BIT_STRING_set_bit(other, i, flags >> i & 1);
	}
	int n = i2d_ASN1_BIT_STRING(other, &again);
	same(again, n, buf_slice(&der));
	ASN1_BIT_STRING_free(s);
	ASN1_BIT_STRING_free(other);
}

/* What is held to be an identifier is one that libcrypto reads. */
static void oid_try(struct slice content)
{
	scoped_buf der = { .max = MAX_TBS };
	if (!oid_valid(content))
		return;
	der_put_oid(&der, content);
	const unsigned char *at = der.at;
	ASN1_OBJECT *o = d2i_ASN1_OBJECT(NULL, &at, (long)der.len);
	REQUIRE(o && at == der.at + der.len && slice_equal((struct slice){ OBJ_get0_data(o), OBJ_length(o) }, content));
	ASN1_OBJECT_free(o);
}

static void values_try(struct slice bytes)
{
	unsigned_try(bytes);
	string_try(bytes);
	oid_try(bytes);
	if (bytes.len >= 8)
		time_try((int64_t)get_u64(bytes.at));
	if (bytes.len >= 2)
		bits_try(get_u16(bytes.at));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[KINDS])(struct slice) = { request_try, certificate_try, signature_try, values_try };
	if (size && size <= MAX_TBS)
		tries[data[0] % KINDS]((struct slice){ data + 1, size - 1 });
	ERR_clear_error();
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct dice d = { seed };
	scoped_buf out = { .max = max_size };
	if (size == 0 || data[0] % KINDS > CERTIFICATE || dice_roll(&d, 16) == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	buf_put_u8(&out, data[0]);
	fields_bend(&d, request_fields(data[0] % KINDS == REQUEST ? INNER_KEY_CSR : INNER_CERT_SIGN),
		    (struct slice){ data + 1, size - 1 }, &out);
	size_t n = bent(&out, data, max_size);
	return n > 1 ? n : LLVMFuzzerMutate(data, size, max_size);
}
