#include "frontd/shard.h"

#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "frontd/answer.h"
#include "frontd/input.h"
#include "wire/inner.h"

static void url_put(const char *base, const struct ca_row *ca, uint16_t shard, bool delta, struct buf *out)
{
	if (!base || !*base)
		return;
	buf_printf(out, "%s/%.*s/crl", base, (int)ca->id.len, (const char *)ca->id.at);
	if (shard_count(ca) > 1)
		buf_printf(out, "/%u", shard);
	if (delta)
		buf_put_text(out, "/delta");
}

void shard_url_put(const struct front *f, const struct ca_row *ca, uint16_t shard, bool delta, struct buf *out)
{
	url_put(shard_count(ca) > 1 ? row_text(ca->crl_url) : f->pki_base_url, ca, shard, delta, out);
}

void shard_draw(const struct front *f, const struct ca_row *ca, struct items *urls)
{
	scoped_buf url = { .max = 1024 };
	uint8_t drawn[2];
	random_bytes(drawn, sizeof(drawn));
	shard_url_put(f, ca, get_u16(drawn) % shard_count(ca), false, &url);
	if (url.len)
		items_put(urls, URL_CRL, buf_slice(&url));
}

static int count_signed(void *with, const struct lastcrl_row *row)
{
	unsigned *count = with;
	*count += row->ledger_seq != 0;
	return 0;
}

int shard_check(struct front *f, struct call *c, const struct ca_row *ca)
{
	char id[64];
	unsigned count = 0;
	scoped_session *s = NULL;
	if (shard_count(ca) == 1)
		return 0;
	slice_to_text(ca->id, id, sizeof(id));
	if (store_read(f->store, &s) || store_crl_list_ca(s, id, count_signed, &count))
		return answer_store(c);
	if (count >= shard_count(ca))
		return 0;
	call_refuse(c, 503, "crl_unavailable", NULL,
		    "The CA has %u CRLs of %u: it issues when the first of each shard is signed.", count,
		    shard_count(ca));
	c->error.retry_after = RETRY_SECONDS;
	return 1;
}

int shard_judge(const struct ca_row *ca, const struct facts *got, char why[FACTS_WHY])
{
	if (shard_count(ca) == 1)
		return 0;
	scoped_buf wanted = { .max = 1024 };
	url_put(row_text(ca->crl_url), ca, store_shard(got->serial, ca->crl_shards), false, &wanted);
	if (list_holds(items_list(&got->urls), URL_CRL, buf_slice(&wanted)))
		return 0;
	snprintf(why, FACTS_WHY, "its serial number is of another shard than the CRL that it names");
	return 1;
}

int shard_read(struct front *f, struct call *c, uint16_t *count)
{
	bool there;
	int64_t n = 1;
	int r = input_integer(c, "crl_shards", 1, MAX_CRL_SHARDS, &there, &n);
	*count = (uint16_t)n;
	if (r || n == 1)
		return r;
	if (!f->crl_seconds || !f->pki_base_url || !*f->pki_base_url || strlen(f->pki_base_url) > MAX_CRL_URL)
		return call_refuse(
			c, 400, "bad_field", "crl_shards",
			"crl_shards needs crl_hours, and a pki_base_url of at most %d bytes, in frontd.conf.",
			MAX_CRL_URL);
	return 0;
}
