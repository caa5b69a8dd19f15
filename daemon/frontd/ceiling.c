#include "frontd/ceiling.h"

#include <string.h>

#include "frontd/chain.h"
#include "frontd/signer.h"
#include "wire/inner_ask.h"

#define DAY 86400
#define FIELD "ttl_days"
#define CODE "validity_too_long"

/* In seconds; 0: nobody can say. */
static int64_t ceiling_of(struct front *f, const struct ca_row *issuer, enum cert_kind kind)
{
	struct charter_read_request request = { 0 };
	struct charter_read_reply charter;
	scoped_answer answer = { .body = { NULL, 0 } };
	struct limit_report limit;
	struct slice item;
	uint8_t of;
	if (!issuer || ca_offline(issuer))
		return 0;
	memcpy(request.key_id, issuer->key_id, KEY_ID_SIZE);
	if (signer_charter_read(f->signer, &request, &charter, &answer) != SIGNER_DONE)
		return 0;
	while (list_next(&charter.limits, &of, &item))
		if (of == kind && report_limit_get(item, &limit))
			return limit.longest;
	return 0;
}

int64_t ceiling_within(struct front *f, const struct ca_row *issuer, enum cert_kind kind, int64_t seconds)
{
	int64_t most = ceiling_of(f, issuer, kind);
	return most > 0 && most < seconds ? most : seconds;
}

static int64_t length_of(const struct validity *v)
{
	return v->not_after - v->not_before + 1; /* both ends belong to it: RFC 5280 4.1.2.5 */
}

int ceiling_check(struct front *f, struct call *c, const struct ca_row *issuer, const struct validity *v)
{
	int64_t most = ceiling_of(f, issuer, v->kind);
	if (most <= 0 || length_of(v) <= most)
		return 0;
	return call_refuse(c, 400, CODE, FIELD,
			   "ttl_days must be from 1 to %lld: a longer validity is above the signer's ceiling for what "
			   "%s signs.",
			   (long long)(most / DAY), row_text(issuer->name));
}

int ceiling_refuse_root(struct call *c, uint16_t path_len, const struct validity *v)
{
	return call_refuse(c, 400, CODE, FIELD,
			   "ttl_days of %lld is above the signer's ceiling for a root, which is 9150 days or what "
			   "signd.conf says in classes.%s.ca_days.",
			   (long long)(length_of(v) / DAY), path_len == 0 ? "single" : "root");
}
