#include "policy/lint.h"

#include <string.h>

#include "policy/lint_view.h"

/* Documents, as they stand in an id and as people call them. */
#define ID_RFC3279 "rfc3279"
#define ID_RFC4055 "rfc4055"
#define ID_RFC5280 "rfc5280"
#define ID_RFC5480 "rfc5480"
#define ID_RFC5758 "rfc5758"
#define ID_RFC6960 "rfc6960"
#define ID_RFC7633 "rfc7633"
#define ID_RFC8017 "rfc8017"
#define ID_RFC8410 "rfc8410"
#define ID_RFC8813 "rfc8813"
#define ID_RFC9525 "rfc9525"
#define ID_X690 "x690"
#define ID_BR "br"
#define ID_CHANCERY "chancery"
#define TEXT_RFC3279 "RFC 3279"
#define TEXT_RFC4055 "RFC 4055"
#define TEXT_RFC5280 "RFC 5280"
#define TEXT_RFC5480 "RFC 5480"
#define TEXT_RFC5758 "RFC 5758"
#define TEXT_RFC6960 "RFC 6960"
#define TEXT_RFC7633 "RFC 7633"
#define TEXT_RFC8017 "RFC 8017"
#define TEXT_RFC8410 "RFC 8410"
#define TEXT_RFC8813 "RFC 8813"
#define TEXT_RFC9525 "RFC 9525"
#define TEXT_X690 "X.690"
#define TEXT_BR "CA/Browser Forum BR"
#define TEXT_CHANCERY "Chancery"

#define LINT_NOT_ROOT (LINT_CERT & ~(unsigned)LINT_ROOT)
#define LINT_ISSUED (LINT_ANY & ~(unsigned)LINT_ROOT)

#define RULE(name, document, section, severity, applies, field, sentence)                                              \
	{ ID_##document "_" section "_" #name,                                                                         \
	  TEXT_##document ", " section,                                                                                \
	  field,                                                                                                       \
	  sentence,                                                                                                    \
	  LINT_##severity,                                                                                             \
	  LINT_##applies },
static const struct lint_rule rules[] = {
#include "policy/lint_rules.def"
};
#undef RULE

#define RULE(name, ...) lint_##name,
static bool (*const holds[])(const struct lint_view *v, struct buf *where) = {
#include "policy/lint_rules.def"
};
#undef RULE

#define RULES LINT_RULES
_Static_assert(RULES <= MAX_LINT_FINDINGS, "a report has room for every rule");

const struct lint_rule *lint_rule(size_t i)
{
	return i < RULES ? &rules[i] : NULL;
}

static void report_add(struct lint_report *r, const struct lint_rule *rule, struct slice where)
{
	struct lint_finding *f = &r->findings[r->count++];
	f->rule = rule;
	slice_to_text(where, f->where, sizeof(f->where));
}

/* Reading it was the first rule; what is left is asked of the rest. */
static void report_rules(const struct lint_view *v, struct lint_report *out)
{
	scoped_buf where = { .max = LINT_WHERE };
	for (size_t i = 0; i < RULES; i++) {
		buf_clear(&where);
		if (rules[i].applies & v->kind && !holds[i](v, &where))
			report_add(out, &rules[i], buf_slice(&where));
	}
}

void lint_rules_hold(const struct lint_view *v, const uint8_t *wanted, size_t count, struct lint_report *out)
{
	uint8_t room[LINT_WHERE];
	struct buf where = { .at = room, .cap = sizeof(room), .max = sizeof(room) }; /* never grows, never freed */
	out->count = 0;
	out->kind = v->kind;
	for (size_t i = 0; i < count; i++) {
		buf_clear(&where);
		if (rules[wanted[i]].applies & v->kind && !holds[wanted[i]](v, &where))
			report_add(out, &rules[wanted[i]], buf_slice(&where));
	}
}

static void report(struct slice der, size_t most, bool (*view)(struct slice der, struct lint_view *v),
		   enum lint_kind otherwise, struct lint_report *out)
{
	struct lint_view v;
	out->count = 0;
	out->kind = otherwise;
	if (der.len > most || !view(der, &v)) {
		report_add(out, &rules[0], slice_text(der.len > most ? "it is too large" : ""));
		return;
	}
	out->kind = v.kind;
	report_rules(&v, out);
}

void lint_certificate(struct slice der, struct lint_report *out)
{
	report(der, MAX_LINT_CERTIFICATE, lint_read_certificate, LINT_LEAF, out);
}

void lint_crl(struct slice der, struct lint_report *out)
{
	report(der, MAX_LINT_CRL, lint_read_crl, LINT_CRL, out);
}

/* A CRL's version is a plain INTEGER and its algorithm comes next; a certificate begins with [0] or a serial number. */
static bool looks_like_crl(struct slice der)
{
	struct slice all, tbs, version;
	struct tlv t;
	if (!tlv_only(der, TLV_SEQUENCE, &all) || !tlv_take(&all, TLV_SEQUENCE, &tbs))
		return false;
	tlv_take(&tbs, TLV_INTEGER, &version);
	struct slice name;
	return tlv_take(&tbs, TLV_SEQUENCE, &name) && tlv_take(&tbs, TLV_SEQUENCE, &name) && tlv_next(&tbs, &t) &&
	       (t.tag == TLV_UTC_TIME || t.tag == TLV_GENERALIZED_TIME);
}

void lint_any(struct slice der, struct lint_report *out)
{
	if (looks_like_crl(der))
		lint_crl(der, out);
	else
		lint_certificate(der, out);
}

const struct lint_finding *lint_worst(const struct lint_report *r, enum lint_severity least)
{
	const struct lint_finding *worst = NULL;
	for (size_t i = 0; i < r->count; i++)
		if (r->findings[i].rule->severity >= least &&
		    (!worst || r->findings[i].rule->severity > worst->rule->severity))
			worst = &r->findings[i];
	return worst;
}

const char *lint_severity_text(enum lint_severity s)
{
	return s == LINT_ERROR ? "error" : s == LINT_WARNING ? "warning" : "notice";
}

const char *lint_kind_text(enum lint_kind k)
{
	switch (k) {
	case LINT_OCSP:
		return "ocsp responder";
	case LINT_CA:
		return "ca";
	case LINT_ROOT:
		return "root";
	case LINT_CRL:
		return "crl";
	default:
		return "leaf";
	}
}
