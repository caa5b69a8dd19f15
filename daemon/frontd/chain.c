#include "frontd/chain.h"

#include <string.h>

#include <openssl/evp.h>

#include "base/log.h"

#define MAX_PEM (1024 * 1024)

int chain_load(struct store_session *s, const char *ca_id, struct chain *out)
{
	*out = (struct chain){ 0 };
	const char *id = ca_id;
	while (*id) {
		if (out->count == MAX_CHAIN) {
			log_error("chain_load", "ca=%s why=\"the chain is longer than %d\"", ca_id, MAX_CHAIN);
			return -1;
		}
		struct ca_row *row = &out->ca[out->count];
		int r = store_ca_find(s, id, row);
		if (r)
			return r;
		out->count++;
		id = row_text(row->parent_id);
	}
	return out->count ? 0 : STORE_NONE;
}

void chain_free(struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		ca_row_free(&chain->ca[i]);
	chain->count = 0;
}

bool ca_offline(const struct ca_row *ca)
{
	return bytes_zero(ca->key_id, sizeof(ca->key_id));
}

bool ca_reserved(const struct ca_row *ca)
{
	return ca_is(ca, "created") && !ca->csr.len;
}

bool ca_waits(const struct ca_row *ca)
{
	return ca_is(ca, "created") && ca->csr.len;
}

bool ca_is(const struct ca_row *ca, const char *state)
{
	return slice_equal(ca->state, slice_text(state));
}

int64_t chain_not_after(const struct chain *chain)
{
	int64_t least = INT64_MAX;
	for (size_t i = 0; i < chain->count; i++)
		if (chain->ca[i].not_after < least)
			least = chain->ca[i].not_after;
	return least;
}

int64_t chain_not_before(const struct chain *chain)
{
	int64_t most = INT64_MIN;
	for (size_t i = 0; i < chain->count; i++)
		if (chain->ca[i].not_before > most)
			most = chain->ca[i].not_before;
	return most;
}

static const struct pack_field *constraints_fields(void)
{
	typedef struct constraints THIS;
#include "base/pack_fields.h"
	static const struct pack_field fields[] = { LIST(permitted, MAX_SUBTREES + MAX_NAME_TYPE, MAX_NAME) LIST(
		excluded, MAX_SUBTREES, MAX_NAME){ NULL, PACK_END, 0, 0, 0 } };
#include "base/pack_done.h"
	return fields;
}

int constraints_unpack(struct slice packed, struct constraints *out)
{
	*out = (struct constraints){ 0 };
	const char *where;
	if (packed.len == 0 || pack_get(packed, constraints_fields(), out, &where) == PACK_OK)
		return 0;
	log_error("constraints_unpack", "why=\"a row's constraints can't be read\"");
	return -1;
}

void constraints_pack(const struct constraints *c, struct buf *out)
{
	pack_put(out, constraints_fields(), c);
}

int constraints_settle(const struct constraints *stated, const struct ca_row *above, struct constraints_buf *effective,
		       struct buf *packed_stated, struct buf *packed_effective)
{
	struct constraints of_above = { 0 };
	if ((above && constraints_unpack(above->effective, &of_above)) ||
	    constraints_combine(stated, &of_above, effective))
		return -1;
	struct constraints holds = constraints_of(effective);
	constraints_pack(stated, packed_stated);
	constraints_pack(&holds, packed_effective);
	return buf_ok(packed_stated) && buf_ok(packed_effective) ? 0 : -1;
}

int pem_put_block(struct buf *out, const char *label, struct slice der)
{
	size_t size = 4 * ((der.len + 2) / 3) + 1;
	scoped_buf base64 = { .max = size };
	uint8_t *at = buf_room(&base64, size);
	if (!at)
		return -1;
	size_t n = (size_t)EVP_EncodeBlock(at, der.at, (int)der.len);
	buf_printf(out, "-----BEGIN %s-----\n", label);
	for (size_t i = 0; i < n; i += 64) {
		buf_put(out, at + i, n - i < 64 ? n - i : 64);
		buf_put_text(out, "\n");
	}
	buf_printf(out, "-----END %s-----\n", label);
	return buf_ok(out) ? 0 : -1;
}

int pem_put(struct buf *out, struct slice der)
{
	return pem_put_block(out, "CERTIFICATE", der);
}

char *chain_pem(const struct chain *chain, size_t from, size_t to)
{
	scoped_buf pem = { .max = MAX_PEM };
	for (size_t i = from; i < to; i++)
		if (pem_put(&pem, chain->ca[i].certificate))
			return NULL;
	buf_put_u8(&pem, 0);
	return buf_ok(&pem) ? strdup((const char *)pem.at) : NULL;
}
