/* From the ledger: a CA that waits for a certificate from elsewhere, with the request that its key has signed. */
#include <stdio.h>
#include <string.h>

#include <openssl/objects.h>
#include <openssl/x509.h>

#include "base/algorithm.h"
#include "base/text.h"
#include "frontd/chain.h"
#include "frontd/context.h"
#include "frontd/facts.h"
#include "frontd/rebuild.h"
#include "frontd/subject.h"

#define MAX_REQUEST (160 * 1024)
#define MAX_PACKED (1024 * 1024)

/* RFC 5758, RFC 8017 (with parameters NULL), RFC 8410. */
static const struct {
	uint8_t algorithm;
	int nid, parameters;
} signatures[] = {
	{ ALGORITHM_ECDSA_P256, NID_ecdsa_with_SHA256, V_ASN1_UNDEF },
	{ ALGORITHM_ECDSA_P384, NID_ecdsa_with_SHA384, V_ASN1_UNDEF },
	{ ALGORITHM_ECDSA_P521, NID_ecdsa_with_SHA512, V_ASN1_UNDEF },
	{ ALGORITHM_RSA_2048, NID_sha256WithRSAEncryption, V_ASN1_NULL },
	{ ALGORITHM_RSA_3072, NID_sha256WithRSAEncryption, V_ASN1_NULL },
	{ ALGORITHM_RSA_4096, NID_sha256WithRSAEncryption, V_ASN1_NULL },
	{ ALGORITHM_ED25519, NID_ED25519, V_ASN1_UNDEF },
};

static void algorithm_put(uint8_t algorithm, struct buf *out)
{
	X509_ALGOR *a = X509_ALGOR_new();
	unsigned char *der = NULL;
	int n = -1;
	for (size_t i = 0; a && i < sizeof(signatures) / sizeof(signatures[0]); i++)
		if (signatures[i].algorithm == algorithm &&
		    X509_ALGOR_set0(a, OBJ_nid2obj(signatures[i].nid), signatures[i].parameters, NULL) == 1)
			n = i2d_X509_ALGOR(a, &der);
	if (n > 0)
		buf_put(out, der, (size_t)n);
	else
		out->broken = true;
	OPENSSL_free(der);
	X509_ALGOR_free(a);
}

/* CertificationRequest, RFC 2986 4.2. */
static bool request_join(struct slice info, uint8_t algorithm, struct slice signature, struct buf *out)
{
	scoped_buf name = { .max = 64 };
	algorithm_put(algorithm, &name);
	int bits = ASN1_object_size(0, (int)signature.len + 1, V_ASN1_BIT_STRING);
	if (!buf_ok(&name) || bits < 0)
		return false;
	record_der_head(out, 0x30, info.len + name.len + (size_t)bits);
	buf_put_slice(out, info);
	buf_put_slice(out, buf_slice(&name));
	record_der_head(out, 0x03, signature.len + 1);
	buf_put_u8(out, 0); /* unused bits */
	buf_put_slice(out, signature);
	return buf_ok(out);
}

struct requested {
	struct csr_intent_record intent;
	json_t *context;
	struct key_row key;
	struct chain above;
	struct facts facts;
	struct constraints_buf effective;
	struct buf csr, fold, packed_stated, packed_effective;
};

static void requested_init(struct requested *x)
{
	*x = (struct requested){ 0 };
	constraints_buf_init(&x->effective);
	buf_init(&x->csr, MAX_REQUEST);
	buf_init(&x->fold, MAX_PACKED);
	buf_init(&x->packed_stated, MAX_PACKED);
	buf_init(&x->packed_effective, MAX_PACKED);
}

static void requested_free(struct requested *x)
{
	json_decref(x->context);
	key_row_free(&x->key);
	chain_free(&x->above);
	facts_free(&x->facts);
	constraints_buf_free(&x->effective);
	buf_free(&x->csr);
	buf_free(&x->fold);
	buf_free(&x->packed_stated);
	buf_free(&x->packed_effective);
}
#define scoped_requested __attribute__((cleanup(requested_free))) struct requested

static int constraints_fill(struct requested *x)
{
	struct constraints stated = facts_constraints(&x->facts);
	subject_fold(items_list(&x->facts.subject), &x->fold);
	return !buf_ok(&x->fold) || constraints_settle(&stated, &x->above.ca[0], &x->effective, &x->packed_stated,
						       &x->packed_effective)
		       ? -1
		       : 0;
}

static struct ca_row row_of(const struct requested *x, const struct rebuild *b)
{
	struct ca_row row = { .id = slice_text(context_text(x->context, "ca")),
			      .issuer_id = slice_text(context_text(x->context, "iss")),
			      .parent_id = x->above.ca[0].id,
			      .name = slice_text(context_text(x->context, "name")),
			      .state = slice_text("created"),
			      .subject = buf_slice(&x->facts.subject.raw),
			      .subject_fold = buf_slice(&x->fold),
			      .token = x->key.token,
			      .algorithm = x->key.algorithm,
			      .path_len = x->facts.path_len,
			      .constraints = buf_slice(&x->packed_stated),
			      .effective = buf_slice(&x->packed_effective),
			      .metadata = slice_text(context_text(x->context, "meta")),
			      .actor = slice_text(context_text(x->context, "actor")),
			      .ledger_seq = b->intent.seq,
			      .csr = buf_slice(&x->csr),
			      .rotation = slice_text(context_text(x->context, "rot")),
			      .predecessor_id = slice_text(context_text(x->context, "pred")),
			      .ttl = strtoll(context_text(x->context, "ttl"), NULL, 10),
			      .crl_shards = (uint16_t)strtoul(context_text(x->context, "shards"), NULL, 10),
			      .crl_url = slice_text(context_text(x->context, "crl")) };
	const char *valid = context_text(x->context, "valid");
	uint64_t from, until;
	if (number_take(&valid, '-', INT64_MAX, &from) && number_take(&valid, '\0', INT64_MAX, &until)) {
		row.not_before = (int64_t)from;
		row.not_after = (int64_t)until;
	}
	memcpy(row.key_id, x->intent.key_id, sizeof(row.key_id));
	memcpy(row.request_id, x->intent.request_id, sizeof(row.request_id));
	row.created_at = row.updated_at = b->intent.time / 1000;
	return row;
}

/* In the place of the reservation, if that is still there; a CA whose life has gone on stays as it is. */
static int row_commit(struct store_session *s, const struct rebuild *b, const struct ca_row *row)
{
	scoped_row(ca) known = { 0 };
	int r = store_ca_find(s, row_text(row->id), &known);
	if (r == STORE_DONE && !ca_reserved(&known))
		return 0;
	if (r >= 0)
		r = r == STORE_DONE ? store_ca_update(s, row) : store_ca_insert(s, row);
	if (r == STORE_DONE)
		r = store_key_bind(s, row->key_id, row_text(row->id));
	return r > 0 ? rebuild_passed_over(b, "something of it is in use by another") : r;
}

static int requested_commit(struct store_session *s, const struct rebuild *b, struct requested *x,
			    struct slice signature)
{
	char why[FACTS_WHY] = "";
	int r = store_key_find(s, x->intent.key_id, &x->key);
	if (!r)
		r = chain_load(s, context_text(x->context, "parent"), &x->above);
	if (r)
		return r < 0 ? r : rebuild_passed_over(b, "its key or its parent is not known here");
	if (!request_join(x->intent.info, x->key.algorithm, signature, &x->csr) ||
	    facts_read_request(buf_slice(&x->csr), &x->facts, why))
		return rebuild_passed_over(b, why[0] ? why : "it holds no request");
	r = rebuild_issuer(s, x->context, b->intent.time / 1000, false);
	if (r)
		return r < 0 ? r : rebuild_passed_over(b, "its issuer's name is another's");
	if (constraints_fill(x))
		return -1;
	struct ca_row row = row_of(x, b);
	return row_commit(s, b, &row);
}

int rebuild_request(struct store_session *s, const struct rebuild *b)
{
	struct csr_result_record result;
	scoped_requested x;
	requested_init(&x);
	if (b->intent.type != RECORD_CSR_INTENT || record_csr_intent_get(b->intent.body, &x.intent) != PACK_OK ||
	    record_csr_result_get(b->record.body, &result) != PACK_OK)
		return rebuild_passed_over(b, "it can't be read");
	x.context = context_read(x.intent.context);
	/* Others' requests are nobody's CA here. */
	if (!x.context || strcmp(context_text(x.context, "op"), "csr") != 0 || !*context_text(x.context, "ca") ||
	    !*context_text(x.context, "iss"))
		return 0;
	return requested_commit(s, b, &x, result.signature);
}
