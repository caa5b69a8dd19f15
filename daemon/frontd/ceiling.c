#include "frontd/ceiling.h"

#include <string.h>

#include "frontd/chain.h"
#include "frontd/signer.h"
#include "wire/inner_ask.h"

#define DAY 86400
#define FIELD "ttl_days"
#define CODE "validity_too_long"

struct ceiling {
	bool allowed;
	int64_t longest; /* seconds */
	unsigned class;
};

/* False: nobody can say. */
static bool ceiling_read(struct front *f, const struct ca_row *issuer, enum cert_kind kind, struct ceiling *out)
{
	struct charter_read_request request = { 0 };
	struct charter_read_reply charter;
	scoped_answer answer = { .body = { NULL, 0 } };
	struct limit_report limit;
	struct slice item;
	uint8_t of;
	if (!issuer || ca_offline(issuer))
		return false;
	memcpy(request.key_id, issuer->key_id, KEY_ID_SIZE);
	if (signer_charter_read(f->signer, &request, &charter, &answer) != SIGNER_DONE)
		return false;
	while (list_next(&charter.limits, &of, &item))
		if (of == kind && report_limit_get(item, &limit)) {
			*out = (struct ceiling){ charter.kinds >> kind & 1, limit.longest, charter.class };
			return true;
		}
	return false;
}

int64_t ceiling_within(struct front *f, const struct ca_row *issuer, enum cert_kind kind, int64_t seconds)
{
	struct ceiling most;
	return ceiling_read(f, issuer, kind, &most) && most.longest < seconds ? most.longest : seconds;
}

static int64_t length_of(const struct validity *v)
{
	return v->not_after - v->not_before + 1; /* both ends belong to it: RFC 5280 4.1.2.5 */
}

static int refuse_kind(struct call *c, const struct ca_row *issuer, enum cert_kind kind, unsigned class)
{
	static const char *const classes[] = { "", "root", "single", "intermediate", "issuing" };
	bool foreign = kind == KIND_SUBCA_FOREIGN;
	return call_refuse(c, 400, "kind", "parent_ca_id",
			   "%s may not sign a CA%s: signd.conf would have to list \"%s\" in classes.%s.kinds.",
			   row_text(issuer->name), foreign ? " over an outside key" : "",
			   foreign ? "subca-foreign" : "ca", class <= KEY_CLASS_ISSUING ? classes[class] : "");
}

int ceiling_check(struct front *f, struct call *c, const struct ca_row *issuer, const struct validity *v)
{
	struct ceiling most;
	if (!ceiling_read(f, issuer, v->kind, &most))
		return 0;
	if (!most.allowed && !v->own)
		return refuse_kind(c, issuer, v->kind, most.class);
	if (length_of(v) <= most.longest)
		return 0;
	return call_refuse(c, 400, CODE, FIELD,
			   "ttl_days must be from 1 to %lld: a longer validity is above the signer's ceiling for what "
			   "%s signs.",
			   (long long)(most.longest / DAY), row_text(issuer->name));
}

int ceiling_refuse_root(struct call *c, uint16_t path_len, const struct validity *v)
{
	return call_refuse(c, 400, CODE, FIELD,
			   "ttl_days of %lld is above the signer's ceiling for a root, which is 9150 days or what "
			   "signd.conf says in classes.%s.ca_days.",
			   (long long)(length_of(v) / DAY), path_len == 0 ? "single" : "root");
}
