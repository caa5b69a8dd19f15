/*
 * The signer's encoder between two readers that are not its own: a charter and
 * a request; what charter_check() lets through is written by cert_put_tbs(),
 * must be read by libcrypto, and must say what was asked for, field by field.
 * An input: the length of a charter in two bytes, the charter, and the body of
 * a CERT_SIGN; a charter of no bytes: the body of a CA_SELF.
 */
#include <openssl/x509.h>
#include <string.h>

#include "frontd/check.h"
#include "fuzz/bend.h"
#include "fuzz/fields.h"
#include "fuzz/fuzz.h"
#include "fuzz/log_key.h"
#include "ledger/record.h"
#include "names/dn.h"
#include "signd/charter.h"
#include "signd/encode/cert.h"
#include "signd/public_key.h"
#include "wire/inner_answer.h"

#define DAY 86400

static uint8_t ca_key[128];
static struct slice ca_public = { ca_key, 0 };
static struct buf ca_name;
static const struct ceilings ceilings = { .kinds = 1 << KIND_LEAF | 1 << KIND_CA,
					  .longest = { 0, 40000L * DAY, 40000L * DAY, 0, 0 },
					  .backdate = DAY,
					  .ahead = DAY,
					  .name_types = ~0U,
					  .algorithms = ~0U,
					  .key_usages = ~0U,
					  .opaque = { 1, 5, { 0, 2, 0, 0x2a, 3 } },
					  .any_ext_key_usage = true };

/* The CA's key is the base point of P-256: nobody signs here. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t point[] = P256_BASE_POINT;
	scoped_buf dn = { .max = 64 };
	uint16_t count = 0;
	(void)argc;
	(void)argv;
	fuzz_quiet();
	memcpy(ca_key, point, sizeof(point) - 1);
	ca_public.len = sizeof(point) - 1;
	REQUIRE(public_key_read(ca_public, NULL) == ALGORITHM_ECDSA_P256);
	list_put(&dn, &count, DN_COMMON_NAME, slice_text("CA"));
	buf_init(&ca_name, 64);
	cert_put_name(&ca_name, list_of(&dn, count));
	return 0;
}

/* libcrypto and the front-end read what was written, and find what was asked for. */
static void written_holds(const struct cert_fields *f, const struct check_asked *asked)
{
	static const uint8_t raw[64] = { 1, [32] = 1 };
	scoped_buf tbs = { .max = MAX_TBS }, signature = { .max = MAX_DER_SIGNATURE },
		   whole = { .max = 2 * MAX_RECORD };
	char why[FACTS_WHY] = "";
	cert_put_tbs(&tbs, f);
	if (!buf_ok(&tbs))
		return; /* TBS_TOO_LARGE */
	cert_put_signature(&signature, f->algorithm, SLICE_OF(raw));
	REQUIRE(buf_ok(&signature) && record_certificate(buf_slice(&tbs), buf_slice(&signature), &whole) == 0);
	scoped_facts got;
	int r = facts_read(buf_slice(&whole), &got, why);
	if (r == 0)
		r = check_certificate(&got, asked, why);
	if (r)
		fprintf(stderr, "%s\n", why);
	REQUIRE(r == 0);
	/* What libcrypto writes of it again is what we wrote: there was nothing but DER. */
	const unsigned char *at = whole.at;
	unsigned char *again = NULL;
	X509 *x = d2i_X509(NULL, &at, (long)whole.len);
	int n = x ? i2d_X509(x, &again) : -1;
	REQUIRE(n > 0 && slice_equal((struct slice){ again, (size_t)n }, buf_slice(&whole)));
	OPENSSL_free(again);
	X509_free(x);
}

static struct cert_fields fields_of(const struct cert_sign_request *r, struct slice subject)
{
	return (struct cert_fields){ .kind = r->kind,
				     .serial = { 1, 2, 3, 4, 5, 6, 7, 8, 9 },
				     .algorithm = ALGORITHM_ECDSA_P256,
				     .issuer = buf_slice(&ca_name),
				     .not_before = r->not_before,
				     .not_after = r->not_after,
				     .subject = subject,
				     .public_key = ca_public,
				     .alt_names = r->alt_names,
				     .key_usage = r->key_usage,
				     .ext_key_usage = r->ext_key_usage,
				     .path_len = r->path_len,
				     .constraints = { r->permitted, r->excluded },
				     .urls = r->urls,
				     .policies = r->policies,
				     .flags = r->flags };
}

/* A charter's sets come from the ledger and are canonical but for the types of which nothing is permitted. */
static bool charter_stands(const struct charter *c)
{
	uint8_t type;
	struct slice item;
	const struct constraints excluded = { .excluded = c->excluded };
	for (struct list l = c->permitted; list_next(&l, &type, &item);)
		if (type < NAME_DNS || type > MAX_NAME_TYPE || (item.len && !name_is_canonical(AS_SUBTREE, type, item)))
			return false;
	return constraints_check(&excluded);
}

/* A child's own charter fits the form, comes back, and never admits more than its issuer's. */
static void derived_holds(const struct charter *issuer, const struct cert_sign_request *r, struct slice subject)
{
	struct constraints_buf room;
	const struct constraints stated = { r->permitted, r->excluded };
	struct charter back, child = { .algorithm = ALGORITHM_ECDSA_P256, .public_key = ca_public, .subject = subject };
	scoped_buf packed = { .max = 1024 * 1024 };
	constraints_buf_init(&room);
	bool derived = charter_derive(issuer, &stated, r->path_len, &room, &child);
	if (derived)
		charter_put(&packed, &child);
	if (derived && buf_ok(&packed)) {
		REQUIRE(charter_get(buf_slice(&packed), &back) == 0 && charter_stands(&back));
		REQUIRE(back.path_len == r->path_len && slice_equal(back.subject, subject));
		uint8_t type;
		struct slice item;
		const struct constraints inner = { back.permitted, back.excluded };
		const struct constraints outer = { issuer ? issuer->permitted : (struct list){ 0 },
						   issuer ? issuer->excluded : (struct list){ 0 } };
		/* A subtree of DNS names is a name too. */
		for (struct list l = stated.permitted; list_next(&l, &type, &item);)
			if (type == NAME_DNS && constraints_admit(&inner, type, item) == CONSTRAINTS_OK)
				REQUIRE(constraints_admit(&outer, type, item) == CONSTRAINTS_OK);
	}
	constraints_buf_free(&room);
}

static void sign_try(const struct charter *charter, struct slice body)
{
	struct cert_sign_request r;
	const char *where;
	if (!charter_stands(charter) || answer_cert_sign_get(body, &r, &where) != PACK_OK)
		return;
	/* Times from anywhere would stop almost every input; their limits have unit tests. */
	const struct issuer issuer = { charter, &ceilings, INT64_MIN, INT64_MAX };
	if (r.not_before < -60000000000 || r.not_before > 260000000000 ||
	    charter_check(&issuer, &r, r.not_before).code != 0)
		return;
	scoped_buf subject = { .max = MAX_TBS };
	cert_put_name(&subject, r.subject);
	struct cert_fields f = fields_of(&r, buf_slice(&subject));
	static const uint8_t key_id[KEY_HASH_SIZE] = { 7 };
	f.authority_key_id = SLICE_OF(key_id);
	if (r.kind == KIND_LEAF && public_key_read(r.subject_key, NULL))
		f.public_key = r.subject_key;
	const struct check_asked asked = { .fields = r,
					   .public_key = f.public_key,
					   .issuer_name = buf_slice(&ca_name),
					   .issuer_key_id = f.authority_key_id };
	written_holds(&f, &asked);
	if (r.kind == KIND_CA)
		derived_holds(charter, &r, buf_slice(&subject));
}

static void root_try(struct slice body)
{
	struct ca_self_request self;
	const char *where;
	if (answer_ca_self_get(body, &self, &where) != PACK_OK || self.not_before < -60000000000 ||
	    self.not_before > 260000000000 || charter_check_root(&ceilings, &self, self.not_before).code != 0)
		return;
	const struct cert_sign_request r = { .kind = KIND_CA,
					     .not_before = self.not_before,
					     .not_after = self.not_after,
					     .subject = self.subject,
					     .path_len = self.path_len,
					     .permitted = self.permitted,
					     .excluded = self.excluded,
					     .urls = self.urls,
					     .policies = self.policies };
	uint8_t key_id[KEY_HASH_SIZE];
	scoped_buf subject = { .max = MAX_TBS };
	cert_put_name(&subject, r.subject);
	cert_key_hash(ca_public, key_id);
	struct cert_fields f = fields_of(&r, buf_slice(&subject));
	f.issuer = f.subject;
	f.authority_key_id = SLICE_OF(key_id);
	const struct check_asked asked = { .fields = r, .public_key = ca_public };
	written_holds(&f, &asked);
	derived_holds(NULL, &r, buf_slice(&subject));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n = size < 2 ? 0 : get_u16(data);
	if (size < 2 || n > size - 2 || size > 3 * 65536)
		return 0;
	struct charter charter;
	struct slice body = { data + 2 + n, size - 2 - n };
	if (n == 0)
		root_try(body);
	else if (charter_get((struct slice){ data + 2, n }, &charter) == 0)
		sign_try(&charter, body);
	return 0;
}

static const struct pack_field *charter_fields(void)
{
	typedef struct charter THIS;
#include "base/pack_fields.h"
	static const struct pack_field fields[] = { CHARTER_FIELDS{ NULL, PACK_END, 0, 0, 0 } };
#include "base/pack_done.h"
	return fields;
}

/* A field of the charter, or of the request. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct dice d = { seed };
	size_t n = size < 2 ? 0 : get_u16(data);
	scoped_buf out = { .max = max_size }, charter = { .max = 65535 };
	if (size < 2 || n > size - 2 || dice_roll(&d, 10) == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	const struct slice before = { data + 2, n }, body = { data + 2 + n, size - 2 - n };
	bool first = n && dice_roll(&d, 3) == 0;
	if (!first || !fields_bend(&d, charter_fields(), before, &charter))
		buf_put_slice(&charter, before);
	buf_put_u16(&out, (uint16_t)charter.len);
	buf_put_slice(&out, buf_slice(&charter));
	if (first)
		buf_put_slice(&out, body);
	else if (!fields_bend(&d, request_fields(n ? INNER_CERT_SIGN : INNER_CA_SELF), body, &out))
		return LLVMFuzzerMutate(data, size, max_size);
	n = bent(&out, data, max_size);
	return n ? n : LLVMFuzzerMutate(data, size, max_size);
}
