/*
 * A CA over somebody else's key: an intermediate for a service mesh or a
 * partner, whose holder signs with it as he likes. It is in the tree to be seen
 * and revoked; what it signs is on no ledger of ours. So it must be held within
 * limits by its certificate alone, and people have to approve it.
 */
#include <string.h>

#include "frontd/answer.h"
#include "frontd/input.h"
#include "frontd/plan.h"
#include "frontd/root.h"

static bool is_given(const struct call *c, const char *field)
{
	json_t *value = json_object_get(c->body, field);
	return value && !json_is_null(value);
}

/* A subject that the request states counts; else the holder's own. */
static int take_subject(struct call *c, struct plan *p)
{
	struct list subject = p->csr.subject;
	struct slice value;
	uint8_t attribute;
	if (is_given(c, "subject"))
		return 0;
	while (list_next(&subject, &attribute, &value))
		items_put(&p->subject, attribute, value);
	return p->subject.count ? 0
				: call_refuse(c, 400, "missing_field", "subject",
					      "The request in csr_pem has no subject; state one in subject.");
}

int foreign_read(struct call *c, struct plan *p)
{
	const char *pem = NULL;
	int r = is_given(c, FOREIGN_FIELD) ? input_block(c, FOREIGN_FIELD, MAX_CSR, &pem) : 0;
	if (r || !pem)
		return r;
	p->foreign = true;
	p->token = "";
	if (!p->above.count)
		return call_refuse(c, 400, "missing_field", "parent_ca_id",
				   "A CA over an outside key needs a parent: parent_ca_id is required.");
	if (ca_offline(&p->above.ca[0]))
		return answer_key_elsewhere(c, &p->above.ca[0], "parent_ca_id");
	if (is_given(c, "algorithm") || is_given(c, RULE_FIELD))
		return call_refuse(c, 400, "conflicting_fields", is_given(c, "algorithm") ? "algorithm" : RULE_FIELD,
				   "algorithm and rotation can't be stated with csr_pem: its holder has the key.");
	r = csr_decode(pem, strlen(pem), &p->csr, c);
	if (r)
		return r;
	p->algorithm = algorithm_by_number(p->csr.algorithm);
	if (!p->algorithm)
		return call_refuse(c, 400, "algorithm_not_supported", FOREIGN_FIELD,
				   "The key in csr_pem must be RSA with 2048, 3072 or 4096 bits, ECDSA on P-256, P-384 "
				   "or P-521, or Ed25519.");
	return take_subject(c, p);
}

/* What isn't mentioned in name constraints isn't limited by them (RFC 5280 4.2.1.10). */
static const struct {
	uint8_t type;
	const char *name, *nothing;
} forms[] = { { NAME_DNS, "DNS name", "dns:invalid" },
	      { NAME_EMAIL, "e-mail address", "email:invalid" },
	      { NAME_URI, "URI", "uri:invalid" },
	      { NAME_IP, "IP address", "or exclude ip:0.0.0.0/0 and ip:::/0, which" } };

/* Some of it is permitted; or, of addresses, all are excluded. */
static bool is_limited(const struct constraints *stated, uint8_t type)
{
	struct list permitted = stated->permitted, excluded = stated->excluded;
	struct slice subtree;
	uint8_t form;
	bool four = false, six = false;
	while (list_next(&permitted, &form, &subtree))
		if (form == type)
			return true;
	while (type == NAME_IP && list_next(&excluded, &form, &subtree)) {
		bool all = form == NAME_IP && bytes_zero(subtree.at, subtree.len);
		four = four || (all && subtree.len == 8);
		six = six || (all && subtree.len == 32);
	}
	return four && six;
}

int foreign_check(struct call *c, const struct plan *p)
{
	if (p->asked_path_len == PATH_LEN_UNASKED)
		return call_refuse(
			c, 400, "missing_field", "path_len_constraint",
			"A CA over an outside key must state path_len_constraint; 0 lets it sign leaves only.");
	struct constraints stated = constraints_of(&p->stated);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (!is_limited(&stated, forms[i].type))
			return call_refuse(
				c, 400, "constraints_needed", "name_constraints",
				"A CA over an outside key must be limited in every form of name, and with these "
				"constraints it could certify any %s: permit some subtree of it (%s lets it certify "
				"none), "
				"in name_constraints or by a constraint_template.",
				forms[i].name, forms[i].nothing);
	return 0;
}
