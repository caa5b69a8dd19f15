/* Rules on CRLs (RFC 5280 5). */
#include "policy/lint_view.h"

#include <stdlib.h>

HOLDS(crl_version_2)
{
	return v->version == 1;
}

static bool time_good(const struct lint_time *t)
{
	return t->valid && time_type_right(t);
}

HOLDS(crl_times_form)
{
	return time_good(&v->first) && (!v->last.there || time_good(&v->last));
}

HOLDS(crl_next_update)
{
	return v->last.there;
}

HOLDS(crl_order)
{
	return !v->first.valid || !v->last.valid || v->first.seconds < v->last.seconds;
}

#define YEAR ((int64_t)366 * 86400)

HOLDS(crl_lifetime)
{
	return !v->first.valid || !v->last.valid || v->last.seconds - v->first.seconds <= YEAR;
}

HOLDS(crl_empty_list)
{
	return !v->revoked_there || v->revoked.len;
}

HOLDS(crl_aki_present)
{
	return lint_has(v, EXT_AKI);
}

HOLDS(crl_number_present)
{
	return lint_has(v, EXT_CRL_NUMBER);
}

HOLDS(crl_number_form)
{
	struct slice number = lint_inside(v, EXT_CRL_NUMBER);
	return !lint_critical(v, EXT_CRL_NUMBER) && number.len <= 20 && (!number.len || number.at[0] < 0x80);
}

HOLDS(crl_delta_critical)
{
	return !lint_has(v, EXT_DELTA) || lint_critical(v, EXT_DELTA);
}

/* Numbers without leading zeros, as DER has them: the longer is the larger. */
static int number_compare(struct slice a, struct slice b)
{
	return a.len == b.len ? slice_compare(a, b) : a.len < b.len ? -1 : 1;
}

HOLDS(crl_delta_older)
{
	struct slice own = lint_inside(v, EXT_CRL_NUMBER), base = lint_inside(v, EXT_DELTA);
	if (!own.len || !base.len)
		return true;
	return number_compare(base, own) < 0;
}

HOLDS(crl_freshest_full)
{
	return !lint_has(v, EXT_DELTA) || !lint_has(v, EXT_FRESHEST);
}

HOLDS(crl_access_issuers)
{
	struct slice list = lint_inside(v, EXT_AIA), one, method;
	while (tlv_take(&list, TLV_SEQUENCE, &one) && tlv_take(&one, TLV_OID, &method))
		if (!slice_equal(method, OID(0x2b, 6, 1, 5, 5, 7, 48, 2))) {
			oid_print(method, where);
			return false;
		}
	return true;
}

HOLDS(crl_idp_critical)
{
	return !lint_has(v, EXT_IDP) || lint_critical(v, EXT_IDP);
}

/* onlyContainsUserCerts [1], onlyContainsCACerts [2], onlyContainsAttributeCerts [5]. */
HOLDS(crl_idp_form)
{
	struct slice rest = lint_inside(v, EXT_IDP);
	struct tlv t;
	unsigned only = 0;
	if (!lint_has(v, EXT_IDP) || v->ext[EXT_IDP]->malformed)
		return true;
	if (!rest.len)
		return false;
	while (tlv_next(&rest, &t))
		only += (t.tag == TLV_CONTEXT(1) || t.tag == TLV_CONTEXT(2) || t.tag == TLV_CONTEXT(5)) &&
			t.value.len && t.value.at[0];
	return only <= 1;
}

static void serial_put(struct buf *where, struct slice serial)
{
	buf_put_text(where, "serial ");
	for (size_t i = 0; i < serial.len && i < 20; i++)
		buf_printf(where, "%02x", serial.at[i]);
}

/* Every entry; the first that is not good is where. */
static bool entries_each(const struct lint_view *v, bool (*good)(const struct lint_view *v, const struct crl_entry *e),
			 struct buf *where)
{
	struct slice entries = v->revoked;
	struct crl_entry e;
	while (crl_entry_next(&entries, &e))
		if (!good(v, &e)) {
			serial_put(where, e.serial);
			return false;
		}
	return true;
}

static bool serial_good(const struct lint_view *v, const struct crl_entry *e)
{
	(void)v;
	bool zero = e->serial.len == 1 && e->serial.at[0] == 0;
	return e->serial.len && e->serial.len <= 20 && e->serial.at[0] < 0x80 && !zero;
}

HOLDS(crl_entry_serial)
{
	return entries_each(v, serial_good, where);
}

static int serial_order(const void *a, const void *b)
{
	return number_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* How many entries there are; *out_of_order is the first that is not larger than the one before it. */
static size_t entries_count(const struct lint_view *v, struct slice *out_of_order)
{
	struct slice entries = v->revoked, before = { 0 };
	struct crl_entry e;
	size_t n = 0;
	*out_of_order = (struct slice){ 0 };
	for (; crl_entry_next(&entries, &e); n++) {
		if (n && !out_of_order->at && number_compare(before, e.serial) >= 0)
			*out_of_order = e.serial;
		before = e.serial;
	}
	return n;
}

/* An indirect CRL's serial numbers are those of several issuers. */
static bool indirect(const struct lint_view *v)
{
	struct slice rest = lint_inside(v, EXT_IDP);
	struct tlv t;
	while (tlv_next(&rest, &t))
		if (t.tag == TLV_CONTEXT(4) && t.value.len && t.value.at[0])
			return true;
	return false;
}

HOLDS(crl_entry_order)
{
	struct slice odd;
	entries_count(v, &odd);
	if (indirect(v) || !odd.at)
		return true;
	serial_put(where, odd);
	return false;
}

HOLDS(crl_entry_once)
{
	struct slice odd, entries = v->revoked;
	struct crl_entry e;
	size_t n = entries_count(v, &odd), i = 0;
	if (indirect(v) || !odd.at)
		return true;
	struct slice *serials = calloc(n, sizeof(*serials));
	while (serials && i < n && crl_entry_next(&entries, &e))
		serials[i++] = e.serial;
	if (serials)
		qsort(serials, n, sizeof(*serials), serial_order);
	bool once = serials;
	for (i = 1; once && i < n; i++)
		once = number_compare(serials[i - 1], serials[i]) != 0;
	if (!once)
		serial_put(where, serials ? serials[i - 1] : odd);
	free(serials);
	return once;
}

static bool date_good(const struct lint_view *v, const struct crl_entry *e)
{
	(void)v;
	return time_good(&e->date);
}

HOLDS(crl_entry_date)
{
	return entries_each(v, date_good, where);
}

static bool not_in_future(const struct lint_view *v, const struct crl_entry *e)
{
	return !e->date.valid || !v->first.valid || e->date.seconds <= v->first.seconds;
}

HOLDS(crl_entry_future)
{
	return entries_each(v, not_in_future, where);
}

/* The entry's reason; -1: none that can be read. */
static int reason_of(const struct crl_entry *e)
{
	struct lint_extension list[MAX_LINT_EXTENSIONS];
	size_t count;
	struct slice reason;
	if (!e->extensions_there || !extensions_read(e->extensions, list, &count))
		return -1;
	for (size_t i = 0; i < count; i++)
		if (list[i].kind == EXT_REASON && tlv_only(list[i].value, TLV_ENUMERATED, &reason) && reason.len)
			return reason.len == 1 ? reason.at[0] : 255;
	return -1;
}

static bool reason_assigned(const struct lint_view *v, const struct crl_entry *e)
{
	(void)v;
	int reason = reason_of(e);
	return reason <= 10 && reason != 7;
}

HOLDS(crl_reason_assigned)
{
	return entries_each(v, reason_assigned, where);
}

static bool reason_said(const struct lint_view *v, const struct crl_entry *e)
{
	(void)v;
	return reason_of(e) != 0;
}

HOLDS(crl_reason_unspecified)
{
	return entries_each(v, reason_said, where);
}

static bool removes_in_delta(const struct lint_view *v, const struct crl_entry *e)
{
	return lint_has(v, EXT_DELTA) || reason_of(e) != 8;
}

HOLDS(crl_reason_remove)
{
	return entries_each(v, removes_in_delta, where);
}

static bool issuer_in_place(const struct lint_view *v, const struct crl_entry *e)
{
	struct lint_extension list[MAX_LINT_EXTENSIONS];
	size_t count;
	if (!e->extensions_there || indirect(v) || !extensions_read(e->extensions, list, &count))
		return true;
	for (size_t i = 0; i < count; i++)
		if (list[i].kind == EXT_CERT_ISSUER)
			return false;
	return true;
}

HOLDS(crl_entry_issuer)
{
	return entries_each(v, issuer_in_place, where);
}

static bool criticality_good(const struct lint_view *v, const struct crl_entry *e)
{
	(void)v;
	struct lint_extension list[MAX_LINT_EXTENSIONS];
	size_t count;
	if (!e->extensions_there || !extensions_read(e->extensions, list, &count))
		return true;
	for (size_t i = 0; i < count; i++)
		if (list[i].critical != (list[i].kind == EXT_CERT_ISSUER))
			return false;
	return true;
}

HOLDS(crl_entry_criticality)
{
	return entries_each(v, criticality_good, where);
}

static bool entry_extensions_good(const struct lint_view *v, const struct crl_entry *e)
{
	(void)v;
	struct lint_extension list[MAX_LINT_EXTENSIONS];
	size_t count;
	if (!e->extensions_there)
		return true;
	if (!extensions_read(e->extensions, list, &count) || !count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (list[i].malformed || list[i].default_written)
			return false;
		for (size_t j = i + 1; j < count; j++)
			if (slice_equal(list[i].oid, list[j].oid))
				return false;
	}
	return true;
}

HOLDS(crl_entry_extensions)
{
	return entries_each(v, entry_extensions_good, where);
}
