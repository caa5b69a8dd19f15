#include "ledger/proposal.h"

#include <string.h>

#include <openssl/asn1.h>

#include "ledger/record.h"

#define WORDS_SIZE (sizeof(PROPOSAL_WORDS) - 1)

/* Whether each of them can be read is what proposal_get() and the two below look at further. */
#include "base/pack_fields.h"
#define PART(name, fields)                                                                                             \
	static const struct pack_field *name##_fields(void)                                                            \
	{                                                                                                              \
		typedef struct name THIS;                                                                              \
		static const struct pack_field table[] = { PACK_UNWRAP fields{ 0 } };                                  \
		return table;                                                                                          \
	}
#include "ledger/proposal.def"
#undef PART
#include "base/pack_done.h"

void proposal_put(struct buf *out, const struct proposal *p)
{
	buf_put_text(out, PROPOSAL_WORDS);
	pack_put(out, proposal_fields(), p);
}

void resume_content_put(struct buf *out, const struct resume_content *c)
{
	pack_put(out, resume_content_fields(), c);
}

void epoch_content_put(struct buf *out, const struct epoch_content *c)
{
	pack_put(out, epoch_content_fields(), c);
}

int resume_content_get(struct slice content, struct resume_content *out)
{
	const char *where;
	return pack_get(content, resume_content_fields(), out, &where) == PACK_OK && out->reason.len ? 0 : 1;
}

int epoch_content_get(struct slice content, struct epoch_content *out)
{
	const char *where;
	return pack_get(content, epoch_content_fields(), out, &where) == PACK_OK && out->reason.len && out->number ? 0
														   : 1;
}

/* A draft has serial number 1, and is one whole SEQUENCE. */
static bool draft_valid(struct slice tbs)
{
	struct slice serial, whole, contents, rest = tbs;
	int64_t not_after;
	return record_der_take(&rest, 0x30, &whole, &contents) && rest.len == 0 && record_serial(tbs, &serial) &&
	       serial.len == 1 && serial.at[0] == 1 && record_not_after(tbs, &not_after) == 0;
}

bool proposal_certificates(struct slice content, struct slice *root, struct slice *certificate)
{
	struct slice inside;
	return record_der_take(&content, 0x30, root, &inside) &&
	       (content.len == 0 || record_der_take(&content, 0x30, certificate, &inside)) && content.len == 0;
}

static bool content_valid(const struct proposal *p)
{
	struct resume_content resume;
	struct epoch_content epoch;
	struct slice root, certificate;
	switch (p->kind) {
	case PROPOSAL_CA:
	case PROPOSAL_SUBCA_FOREIGN:
	case PROPOSAL_ROOT:
		return draft_valid(p->content);
	case PROPOSAL_IMPORT:
		return proposal_certificates(p->content, &root, &certificate);
	case PROPOSAL_RESUME:
		return resume_content_get(p->content, &resume) == 0;
	case PROPOSAL_EPOCH:
		return epoch_content_get(p->content, &epoch) == 0 && epoch.number > p->epoch;
	}
	return false;
}

/* RFC 5280 4.1: version, serialNumber, signature, issuer, validity, and what follows stays as it is. */
int proposal_draft(struct slice tbs, struct buf *out)
{
	static const uint8_t serial[] = { 0x02, 0x01, 0x01 };
	static const char not_before[] = "\x17\x0d"
					 "700101000000Z";
	struct slice whole, inside, version, skipped, algorithm, issuer, validity, time, not_after;
	if (!record_der_take(&tbs, 0x30, &whole, &inside) || tbs.len ||
	    !record_der_take(&inside, 0xa0, &version, &skipped) || !record_der_take(&inside, 0x02, &skipped, &time) ||
	    !record_der_take(&inside, 0x30, &algorithm, &skipped) ||
	    !record_der_take(&inside, 0x30, &issuer, &skipped) ||
	    !record_der_take(&inside, 0x30, &skipped, &validity) ||
	    !(record_der_take(&validity, 0x17, &skipped, &time) || record_der_take(&validity, 0x18, &skipped, &time)))
		return 1;
	not_after = validity;
	size_t dates = sizeof(not_before) - 1 + not_after.len;
	if (dates > 127) /* their head has two bytes; nobody's notAfter is that long */
		return 1;
	record_der_head(out, 0x30, version.len + sizeof(serial) + algorithm.len + issuer.len + 2 + dates + inside.len);
	buf_put_slice(out, version);
	buf_put(out, serial, sizeof(serial));
	buf_put_slice(out, algorithm);
	buf_put_slice(out, issuer);
	record_der_head(out, 0x30, dates);
	buf_put(out, not_before, sizeof(not_before) - 1);
	buf_put_slice(out, not_after);
	buf_put_slice(out, inside);
	return buf_ok(out) ? 0 : 1;
}

uint32_t proposal_epoch(const uint8_t id[16])
{
	return (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
}

int proposal_get(struct slice bytes, struct proposal *out)
{
	const char *where;
	if (bytes.len < WORDS_SIZE || bytes.len > MAX_PROPOSAL || memcmp(bytes.at, PROPOSAL_WORDS, WORDS_SIZE) != 0)
		return 1;
	bytes = (struct slice){ bytes.at + WORDS_SIZE, bytes.len - WORDS_SIZE };
	if (pack_get(bytes, proposal_fields(), out, &where) != PACK_OK)
		return 1;
	bool fields = out->epoch && proposal_epoch(out->id) == out->epoch && out->created >= 0 &&
		      out->created < out->expires && out->needed >= 1 && out->needed <= MAX_APPROVALS &&
		      out->requester <= 1;
	return fields && content_valid(out) ? 0 : 1;
}

const char *proposal_kind_name(uint8_t kind)
{
	static const char *const names[] = { "unknown", "ca", "subca-foreign", "root", "import", "resume", "epoch" };
	return names[kind <= PROPOSAL_EPOCH ? kind : 0];
}
