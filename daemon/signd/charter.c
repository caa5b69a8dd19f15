#include "signd/charter.h"

#include <string.h>

#include "base/text.h"
#include "names/dn.h"
#include "signd/encode/cert.h"
#include "signd/encode/oid.h"

#define MAX_PATH_LEN 255

#define REFUSED(name, at) ((struct verdict){ REFUSE_##name, at })
#define FINE ((struct verdict){ 0, NULL })

static const struct pack_field *charter_fields(void)
{
	typedef struct charter THIS;
#include "base/pack_fields.h"
	static const struct pack_field fields[] = { CHARTER_FIELDS{ NULL, PACK_END, 0, 0, 0 } };
#include "base/pack_done.h"
	return fields;
}

void charter_put(struct buf *out, const struct charter *c)
{
	pack_put(out, charter_fields(), c);
}

int charter_get(struct slice message, struct charter *c)
{
	const char *where;
	return (int)pack_get(message, charter_fields(), c, &where);
}

/* Both ends belong to the validity: RFC 5280 4.1.2.5. */
static struct verdict check_window(const struct ceilings *ceilings, int64_t not_before, int64_t not_after, int64_t now,
				   int64_t longest)
{
	if (not_after < not_before)
		return REFUSED(VALIDITY_ORDER, "not_after");
	if (not_before < now - ceilings->backdate || not_before > now + ceilings->ahead)
		return REFUSED(BACKDATED, "not_before");
	if (not_after - longest >= not_before) /* so put, nothing overflows: longest is not negative */
		return REFUSED(VALIDITY_LENGTH, "not_after");
	return FINE;
}

static struct verdict check_validity(const struct issuer *issuer, const struct cert_sign_request *r, int64_t now)
{
	if (now < issuer->not_before || now > issuer->not_after)
		return REFUSED(ISSUER_EXPIRED, "ca_key");
	if (r->not_after > issuer->not_after || r->not_before < issuer->not_before)
		return REFUSED(BEYOND_ISSUER, r->not_after > issuer->not_after ? "not_after" : "not_before");
	return check_window(issuer->ceilings, r->not_before, r->not_after, now, issuer->ceilings->longest[r->kind]);
}

static struct verdict check_subject(struct list subject, bool needed)
{
	uint8_t attribute;
	const char *why;
	if ((needed && subject.count == 0) || !dn_check(subject, &attribute, &why))
		return REFUSED(SUBJECT, "subject");
	return FINE;
}

static struct verdict check_alt_names(const struct issuer *issuer, const struct constraints *c, struct list names)
{
	uint8_t type;
	struct slice value;
	if (names.count == 0)
		return REFUSED(ALT_NAME_MISSING, "alt_names");
	while (list_next(&names, &type, &value)) {
		if (type > MAX_NAME_TYPE || !(issuer->ceilings->name_types >> type & 1) ||
		    !name_is_canonical(AS_NAME, type, value))
			return REFUSED(ALT_NAME, "alt_names");
		if (constraints_admit(c, type, value) != CONSTRAINTS_OK)
			return REFUSED(NAME_OUTSIDE, "alt_names");
	}
	return FINE;
}

/* Whether the list has this OID. */
static bool oid_held(struct list usages, struct slice oid)
{
	uint8_t tag;
	struct slice held;
	while (list_next(&usages, &tag, &held))
		if (slice_equal(held, oid))
			return true;
	return false;
}

/* Where chain or class are limited to some usages a leaf states its own, and only of those. */
static struct verdict check_usages(const struct issuer *issuer, const struct cert_sign_request *r)
{
	const struct ceilings *ceilings = issuer->ceilings;
	struct list usages = r->ext_key_usage, chain = issuer->charter->ext_key_usage;
	struct list class = oid_set_list(&ceilings->ext_key_usages);
	uint8_t tag;
	struct slice oid;
	const unsigned ca_only = USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN;
	if (r->key_usage == 0 || r->key_usage & ca_only || r->key_usage >> 9 || r->key_usage & ~ceilings->key_usages)
		return REFUSED(KEY_USAGE, "key_usage");
	if ((chain.count || !ceilings->any_ext_key_usage) && usages.count == 0)
		return REFUSED(EXT_KEY_USAGE, "ext_key_usage");
	while (list_next(&usages, &tag, &oid)) {
		if (!oid_valid(oid) || slice_equal(oid, OID_SLICE(OID_ANY_EXT_KEY_USAGE)) ||
		    slice_equal(oid, OID_SLICE(OID_OCSP_SIGNING)) || (chain.count && !oid_held(chain, oid)) ||
		    (!ceilings->any_ext_key_usage && !oid_held(class, oid)))
			return REFUSED(EXT_KEY_USAGE, "ext_key_usage");
	}
	return FINE;
}

/*
 * An extension that the signer passes through: only where the class lists its OID, only one of each, and none that has
 * a typed form, which would say it past the checks of that form.
 */
static bool opaque_ok(const struct ceilings *ceilings, struct list before, uint16_t place, uint8_t tag,
		      struct slice item)
{
	struct slice oid, value, other, other_value;
	uint8_t other_tag;
	if (tag > 1 || !cert_opaque_split(item, &oid, &value) || oid_has_typed_form(oid) ||
	    !oid_held(oid_set_list(&ceilings->opaque), oid))
		return false;
	for (uint16_t i = 0; i < place && list_next(&before, &other_tag, &other); i++)
		if (cert_opaque_split(other, &other, &other_value) && slice_equal(other, oid))
			return false;
	return true;
}

static struct verdict check_opaque(const struct issuer *issuer, const struct cert_sign_request *r)
{
	struct list l = r->opaque;
	struct slice item;
	uint8_t tag;
	if (l.count && r->kind != KIND_LEAF)
		return REFUSED(OPAQUE, "opaque");
	for (uint16_t i = 0; list_next(&l, &tag, &item); i++)
		if (!opaque_ok(issuer->ceilings, r->opaque, i, tag, item))
			return REFUSED(OPAQUE, "opaque");
	return FINE;
}

bool charter_url(uint8_t use, struct slice url)
{
	static const char *const schemes[] = { "http://", "https://", "ldap://" };
	if (use < URL_CRL || use > URL_CA_ISSUERS || !text_is_ascii(url) || !text_valid(url))
		return false;
	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(schemes[i]);
		if (url.len > n && memcmp(url.at, schemes[i], n) == 0)
			return memchr(url.at, ' ', url.len) == NULL;
	}
	return false;
}

static struct verdict check_urls_and_policies(struct list urls, struct list policies)
{
	uint8_t use;
	struct slice item;
	while (list_next(&urls, &use, &item))
		if (!charter_url(use, item))
			return REFUSED(URL, "urls");
	while (list_next(&policies, &use, &item))
		if (!oid_valid(item))
			return REFUSED(POLICY, "policies");
	return FINE;
}

static struct verdict check_leaf(const struct issuer *issuer, const struct cert_sign_request *r)
{
	const struct constraints effective = { issuer->charter->permitted, issuer->charter->excluded };
	if (r->path_len != PATH_LEN_NONE || r->permitted.count || r->excluded.count)
		return REFUSED(NOT_FOR_KIND, r->path_len != PATH_LEN_NONE ? "path_len" : "name_constraints");
	if (r->flags & ~CERT_MUST_STAPLE)
		return REFUSED(NOT_FOR_KIND, "flags");
	struct verdict v = check_subject(r->subject, false);
	if (!v.code)
		v = constraints_admit_subject(&effective, r->subject) == CONSTRAINTS_OK
			    ? FINE
			    : REFUSED(NAME_OUTSIDE, "subject");
	if (!v.code)
		v = check_alt_names(issuer, &effective, r->alt_names);
	if (!v.code)
		v = check_usages(issuer, r);
	return v;
}

static struct verdict check_path_len(uint16_t parent, uint16_t child)
{
	bool fits = child == PATH_LEN_NONE ? parent == PATH_LEN_NONE
					   : child <= MAX_PATH_LEN && (parent == PATH_LEN_NONE || child < parent);
	return fits ? FINE : REFUSED(PATH_LEN, "path_len");
}

static struct verdict check_constraints(const struct constraints *stated, const struct constraints *effective)
{
	uint8_t type;
	struct slice culprit;
	if (!constraints_check(stated))
		return REFUSED(CONSTRAINTS, "name_constraints");
	if (!constraints_empty(stated) && constraints_narrower(stated, effective, &type, &culprit) != CONSTRAINTS_OK)
		return REFUSED(CONSTRAINTS_WIDER, "name_constraints");
	return FINE;
}

/* What has a place in a leaf only: the encoder writes these of a CA itself. */
static bool has_leaf_fields(const struct cert_sign_request *r)
{
	return r->alt_names.count || r->key_usage || r->ext_key_usage.count || r->flags;
}

static struct verdict check_ca(const struct issuer *issuer, const struct cert_sign_request *r)
{
	const struct constraints effective = { issuer->charter->permitted, issuer->charter->excluded };
	const struct constraints stated = { r->permitted, r->excluded };
	if (has_leaf_fields(r))
		return REFUSED(NOT_FOR_KIND, "alt_names");
	struct verdict v = check_subject(r->subject, true);
	if (!v.code)
		v = constraints_admit_subject(&effective, r->subject) == CONSTRAINTS_OK
			    ? FINE
			    : REFUSED(NAME_OUTSIDE, "subject");
	if (!v.code)
		v = check_path_len(issuer->charter->path_len, r->path_len);
	if (!v.code)
		v = check_constraints(&stated, &effective);
	return v;
}

/* An OCSP responder's certificate has a name and nothing else to be asked for: the encoder writes the rest. */
static struct verdict check_responder(const struct issuer *issuer, const struct cert_sign_request *r)
{
	const struct constraints effective = { issuer->charter->permitted, issuer->charter->excluded };
	if (has_leaf_fields(r) || r->urls.count || r->policies.count)
		return REFUSED(NOT_FOR_KIND, r->urls.count ? "urls" : "alt_names");
	if (r->path_len != PATH_LEN_NONE || r->permitted.count || r->excluded.count)
		return REFUSED(NOT_FOR_KIND, r->path_len != PATH_LEN_NONE ? "path_len" : "name_constraints");
	if (issuer->charter->ext_key_usage.count &&
	    !oid_held(issuer->charter->ext_key_usage, OID_SLICE(OID_OCSP_SIGNING)))
		return REFUSED(EXT_KEY_USAGE, "kind");
	struct verdict v = check_subject(r->subject, true);
	if (!v.code && constraints_admit_subject(&effective, r->subject) != CONSTRAINTS_OK)
		v = REFUSED(NAME_OUTSIDE, "subject");
	return v;
}

/*
 * A CA whose key is not here signs what no ledger sees: it is bounded by its certificate alone, which therefore says
 * how deep and for which names; and people have to agree to it (signd/approve.h).
 */
static struct verdict check_foreign(const struct cert_sign_request *r)
{
	if (r->path_len == PATH_LEN_NONE || r->permitted.count == 0)
		return REFUSED(CONSTRAINTS_NEEDED, r->path_len == PATH_LEN_NONE ? "path_len" : "name_constraints");
	return FINE;
}

struct verdict charter_check(const struct issuer *issuer, const struct cert_sign_request *r, int64_t now)
{
	if (r->kind < KIND_LEAF || r->kind > KIND_SUBCA_FOREIGN || !(issuer->ceilings->kinds >> r->kind & 1))
		return REFUSED(KIND, "kind");
	bool foreign = r->kind == KIND_LEAF || r->kind == KIND_SUBCA_FOREIGN ||
		       (r->kind == KIND_CA && issuer->ceilings->outside_cas);
	if (r->key_form != (foreign ? KEY_FOREIGN : KEY_LOCAL))
		return REFUSED(SUBJECT_KEY_FORM, "subject_key");
	struct verdict v = check_opaque(issuer, r);
	if (!v.code)
		v = check_validity(issuer, r, now);
	if (!v.code)
		v = check_urls_and_policies(r->urls, r->policies);
	if (!v.code)
		v = r->kind == KIND_LEAF	     ? check_leaf(issuer, r)
		    : r->kind == KIND_OCSP_RESPONDER ? check_responder(issuer, r)
						     : check_ca(issuer, r);
	if (!v.code && r->kind == KIND_SUBCA_FOREIGN)
		v = check_foreign(r);
	return v;
}

struct verdict charter_check_root(const struct ceilings *ceilings, const struct ca_self_request *r, int64_t now)
{
	const struct constraints stated = { r->permitted, r->excluded };
	struct verdict v = check_window(ceilings, r->not_before, r->not_after, now, ceilings->longest[KIND_CA]);
	if (!v.code)
		v = check_urls_and_policies(r->urls, r->policies);
	if (!v.code)
		v = check_subject(r->subject, true);
	if (!v.code)
		v = check_path_len(PATH_LEN_NONE, r->path_len);
	if (!v.code && !constraints_check(&stated))
		v = REFUSED(CONSTRAINTS, "name_constraints");
	return v;
}

struct verdict charter_check_csr(const struct key_csr_request *r, bool bound)
{
	const struct constraints stated = { r->permitted, r->excluded };
	struct verdict v = check_subject(r->subject, !bound);
	if (!v.code)
		v = check_path_len(PATH_LEN_NONE, r->path_len);
	return v.code || constraints_check(&stated) ? v : REFUSED(CONSTRAINTS, "name_constraints");
}

static struct verdict check_update(const struct ceilings *ceilings, int64_t this_update, int64_t next_update,
				   int64_t now, int64_t longest)
{
	if (next_update <= this_update)
		return REFUSED(UPDATE_ORDER, "next_update");
	if (this_update < now - ceilings->backdate || this_update > now + ceilings->ahead)
		return REFUSED(UPDATE_TIME, "this_update");
	return next_update - longest > this_update ? REFUSED(UPDATE_LENGTH, "next_update") : FINE;
}

struct verdict charter_check_crl(const struct ceilings *ceilings, int64_t this_update, int64_t next_update, int64_t now)
{
	return check_update(ceilings, this_update, next_update, now, ceilings->crl_longest);
}

struct verdict charter_check_ocsp(const struct ceilings *ceilings, int64_t this_update, int64_t next_update,
				  int64_t now)
{
	return check_update(ceilings, this_update, next_update, now, ceilings->ocsp_longest);
}

bool charter_derive(const struct charter *issuer, const struct constraints *stated, uint16_t path_len,
		    struct constraints_buf *room, struct charter *child)
{
	const struct constraints above =
		issuer ? (struct constraints){ issuer->permitted, issuer->excluded } : (struct constraints){ 0 };
	if (constraints_combine(&above, stated, room) != CONSTRAINTS_OK)
		return false;
	const struct constraints effective = constraints_of(room);
	child->permitted = effective.permitted;
	child->excluded = effective.excluded;
	child->path_len = path_len;
	child->ext_key_usage = issuer ? issuer->ext_key_usage : (struct list){ 0 };
	return true;
}
