#include "cli/record.h"

#include <stdio.h>
#include <string.h>

#include "base/algorithm.h"
#include "base/time.h"
#include "cli/member.h"

#define SHORT_ID 12 /* hex digits of a key id or a hash: enough to tell two apart on a screen */

static const json_t *context_of(const json_t *record)
{
	return json_object_get(record, "context");
}

const char *record_actor(const json_t *record)
{
	return member_text(context_of(record), "actor");
}

static json_int_t number_of(const json_t *record, const char *name)
{
	return json_integer_value(json_object_get(record, name));
}

static const char *algorithm_of(const json_t *record, const char *name)
{
	const struct algorithm *a = algorithm_by_number((uint8_t)number_of(record, name));
	return a ? a->name : "unknown";
}

static void put_start(const json_t *r, struct buf *out)
{
	buf_printf(out, "ledger %s, epoch %lld; its head is signed by an %s key in token %s",
		   member_text(r, "ledger_id"), (long long)number_of(r, "epoch"), algorithm_of(r, "log_algorithm"),
		   member_text(r, "log_token"));
}

static void put_started(const json_t *r, struct buf *out)
{
	json_int_t lost = number_of(r, "lost");
	buf_printf(out, "signer %s started", member_text(r, "software"));
	if (lost)
		buf_printf(out, ", %lld intent%s closed as lost", (long long)lost, lost == 1 ? "" : "s");
}

static void put_key_intent(const json_t *r, struct buf *out)
{
	buf_printf(out, "%s key wanted in token %s for %s", algorithm_of(r, "algorithm"), member_text(r, "token"),
		   member_text(context_of(r), "ca"));
}

static void put_key_result(const json_t *r, struct buf *out)
{
	const char *dropped = member_text(r, "dropped");
	buf_printf(out, "key %.*s made for %lld", SHORT_ID, member_text(r, "key_id"),
		   (long long)number_of(r, "intent"));
	if (*dropped)
		buf_printf(out, "; its token would not take %s", dropped);
}

static void put_cert_intent(const json_t *r, struct buf *out)
{
	static const char *const kinds[] = { "CA", "leaf", "CA", "OCSP responder", "CA outside this ledger" };
	const json_t *tbs = json_object_get(r, "tbs");
	json_int_t kind = number_of(r, "kind");
	const char *subject = member_text(tbs, "subject"), *profile = member_text(context_of(r), "profile");
	buf_printf(out, "%s %s, serial %s", kinds[kind >= 0 && kind < 5 ? kind : 0],
		   *subject ? subject : "without a subject", member_text(tbs, "serial"));
	if (*profile)
		buf_printf(out, ", profile %s", profile);
}

static void put_cert_result(const json_t *r, struct buf *out)
{
	buf_printf(out, "%lld signed", (long long)number_of(r, "intent"));
}

static void put_refused(const json_t *r, struct buf *out)
{
	json_int_t count = number_of(r, "count");
	buf_printf(out, "uid %lld was refused %s (%lld) %s%lld %s", (long long)number_of(r, "uid"),
		   member_text(r, "reason"), (long long)number_of(r, "code"), count == 1 ? "" : "in all ",
		   (long long)count, count == 1 ? "time" : "times");
}

static void put_host(const json_t *r, struct buf *out)
{
	buf_printf(out, "on host %s from here on", member_text(r, "name"));
}

static void put_ceilings(const json_t *r, struct buf *out)
{
	buf_printf(out, "what signd.conf allows, from here on %.*s", SHORT_ID, member_text(r, "hash"));
}

static void put_lost(const json_t *r, struct buf *out)
{
	buf_printf(out, "%lld came to no signature and never will", (long long)number_of(r, "intent"));
}

static void put_key_bound(const json_t *r, struct buf *out)
{
	char until[TIME_TEXT_SIZE];
	time_text(number_of(r, "not_after"), until);
	buf_printf(out, "key %.*s bound to the certificate of %lld until %s", SHORT_ID, member_text(r, "key_id"),
		   (long long)number_of(r, "cert"), until);
}

static void put_key_renewed(const json_t *r, struct buf *out)
{
	char until[TIME_TEXT_SIZE];
	time_text(number_of(r, "not_after"), until);
	buf_printf(out, "key %.*s renewed by the certificate of %lld until %s", SHORT_ID, member_text(r, "key_id"),
		   (long long)number_of(r, "cert"), until);
}

static void put_closed(const json_t *r, struct buf *out)
{
	buf_printf(out, "key %.*s signs no more certificates", SHORT_ID, member_text(r, "ca_key"));
}

static void put_note(const json_t *r, struct buf *out)
{
	const json_t *c = context_of(r);
	const char *op = member_text(c, "op");
	if (strcmp(op, "issuer") == 0)
		buf_printf(out, "issuer %s, mode %s", member_text(c, "iname"), member_text(c, "mode"));
	else if (strcmp(op, "move") == 0 || strcmp(op, "made") == 0 || strcmp(op, "close") == 0)
		buf_printf(out, "%s: %s to %s", member_text(c, "ca"), member_text(c, "from"), member_text(c, "to"));
	else if (strcmp(op, "revoke") == 0)
		buf_printf(out, "revoked: serial %s of CA %s%s", member_text(c, "serial"), member_text(c, "ca"),
			   *member_text(c, "subject_ca") ? ", itself a CA" : "");
	else if (strcmp(op, "release") == 0)
		buf_printf(out, "on hold no more: serial %s of CA %s", member_text(c, "serial"), member_text(c, "ca"));
	else if (strcmp(op, "withheld") == 0)
		buf_printf(out, "withheld: serial %s of CA %s, as it is not what was asked for",
			   member_text(c, "serial"), member_text(c, "ca"));
	else if (strcmp(op, "rule") == 0)
		buf_printf(out, "%s: its successor is made by the rule %s", member_text(c, "ca"),
			   *member_text(c, "rotation") ? member_text(c, "rotation") : "of its issuer");
	else if (*member_text(c, "route"))
		buf_printf(out, "refused: %s %s", member_text(c, "method"), member_text(c, "route"));
}

static void put_proposed(const json_t *r, struct buf *out)
{
	const json_t *c = context_of(r);
	const char *name = member_text(c, "name"), *kind = member_text(json_object_get(r, "bytes"), "kind");
	bool outside = strcmp(kind, "subca-foreign") == 0;
	buf_printf(out, "proposed to people: %s%s",
		   !*name    ? ""
		   : outside ? "CA outside this ledger, "
			     : "CA ",
		   *name ? name : kind);
	if (*member_text(c, "actor"))
		buf_printf(out, ", asked for by %s", member_text(c, "actor"));
}

static void put_approved(const json_t *r, struct buf *out)
{
	buf_printf(out, "proposal %s signed by %s %.*s", member_text(r, "proposal"),
		   number_of(r, "role") ? "requester" : "approver", SHORT_ID, member_text(r, "key"));
}

static void put_withdrawn(const json_t *r, struct buf *out)
{
	buf_printf(out, "proposal %s rejected", member_text(r, "proposal"));
}

static void put_spent(const json_t *r, struct buf *out)
{
	buf_printf(out, "proposal %s carried out by %lld", member_text(r, "proposal"), (long long)number_of(r, "act"));
}

static void put_epoch(const json_t *r, struct buf *out)
{
	json_int_t known = number_of(r, "known_size"), size = number_of(r, "size");
	buf_printf(out, "epoch %lld from %lld on, by uid %lld: %s", (long long)number_of(r, "number"), (long long)size,
		   (long long)number_of(r, "uid"), member_text(r, "reason"));
	if (known > size)
		buf_printf(out, "; %lld records are lost", (long long)(known - size));
}

static void put_imported(const json_t *r, struct buf *out)
{
	const json_t *certificate = json_object_get(r, "certificate");
	const char *token = member_text(r, "token");
	buf_printf(out, "CA %s, serial %s, ", member_text(certificate, "subject"), member_text(certificate, "serial"));
	if (*token)
		buf_printf(out, "its %s key %.*s in token %s", algorithm_of(r, "algorithm"), SHORT_ID,
			   member_text(r, "key_id"), token);
	else
		buf_put_text(out, "its key offline");
}

static void put_admitted(const json_t *r, struct buf *out)
{
	const json_t *certificate = json_object_get(r, "certificate");
	buf_printf(out, "%s, serial %s, signed by key %.*s before", member_text(certificate, "subject"),
		   member_text(certificate, "serial"), SHORT_ID, member_text(r, "ca_key"));
}

static void put_csr_intent(const json_t *r, struct buf *out)
{
	buf_printf(out, "request for a certificate of key %.*s", SHORT_ID, member_text(r, "key_id"));
}

static void put_crl_intent(const json_t *r, struct buf *out)
{
	buf_printf(out, "CRL %lld of key %.*s, %lld entries", (long long)number_of(r, "number"), SHORT_ID,
		   member_text(r, "ca_key"), (long long)number_of(r, "entries"));
	if (number_of(r, "base"))
		buf_printf(out, ", with a delta since %lld", (long long)number_of(r, "base"));
}

static void put_responder(const json_t *r, struct buf *out)
{
	buf_printf(out, "key %.*s answers OCSP for key %.*s", SHORT_ID, member_text(r, "key_id"), SHORT_ID,
		   member_text(r, "ca_key"));
}

static void put_outside(const json_t *r, struct buf *out)
{
	buf_printf(out, "the CA of %lld has its key elsewhere", (long long)number_of(r, "cert"));
}

static void put_ceremony(const json_t *r, struct buf *out)
{
	buf_printf(out, "%s; transcript %.*s", member_text(r, "words"), SHORT_ID, member_text(r, "transcript"));
}

void record_words(const json_t *record, struct buf *out)
{
	static const struct {
		const char *type;
		void (*put)(const json_t *r, struct buf *out);
	} words[] = {
		{ "LEDGER_START", put_start },
		{ "STARTED", put_started },
		{ "KEY_INTENT", put_key_intent },
		{ "KEY_RESULT", put_key_result },
		{ "CERT_INTENT", put_cert_intent },
		{ "CERT_RESULT", put_cert_result },
		{ "KEY_BOUND", put_key_bound },
		{ "LOST", put_lost },
		{ "REFUSED", put_refused },
		{ "CEILINGS", put_ceilings },
		{ "CA_CLOSED", put_closed },
		{ "NOTE", put_note },
		{ "IMPORTED", put_imported },
		{ "CERT_ADMITTED", put_admitted },
		{ "CRL_INTENT", put_crl_intent },
		{ "CRL_RESULT", put_cert_result },
		{ "RESPONDER_BOUND", put_responder },
		{ "CSR_INTENT", put_csr_intent },
		{ "PROPOSED", put_proposed },
		{ "APPROVED", put_approved },
		{ "WITHDRAWN", put_withdrawn },
		{ "SPENT", put_spent },
		{ "CSR_RESULT", put_cert_result },
		{ "KEY_RENEWED", put_key_renewed },
		{ "EPOCH", put_epoch },
		{ "HOST", put_host },
		{ "OUTSIDE_CA", put_outside },
		{ "CEREMONY", put_ceremony },
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(member_text(record, "type"), words[i].type) == 0)
			words[i].put(record, out);
}
