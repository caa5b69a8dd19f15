#include "frontd/made.h"

#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "ledger/proposal.h"
#include "names/name.h"
#include "wire/inner.h"

void made_fill(struct made *m, const struct facts *facts, struct slice der, const char *ca_id, uint8_t kind)
{
	struct certificate_row *row = &m->row;
	memcpy(row->fingerprint, facts->fingerprint, sizeof(row->fingerprint));
	row->ca_id = slice_text(ca_id);
	row->serial = facts->serial;
	row->kind = kind;
	row->state = slice_text(m->why[0] ? "withheld" : "active");
	row->why = slice_text(m->why);
	row->subject = buf_slice(&facts->subject.raw);
	row->not_before = facts->not_before;
	row->not_after = facts->not_after;
	row->der = der;
	row->created_at = m->now;
	items_init(&m->names);
	struct list names = items_list(&facts->alt_names);
	uint8_t type;
	struct slice value;
	while (list_next(&names, &type, &value)) {
		scoped_buf text = { .max = 8192 };
		name_print(AS_NAME, type, value, &text);
		items_put(&m->names, 0, buf_slice(&text));
	}
}

void made_fill_ca(struct made *m, const struct facts *facts, struct slice der, uint64_t ledger_seq)
{
	made_fill(m, facts, der, m->issuing_ca_id, KIND_CA);
	items_put(&m->names, 0, m->ca.id); /* all certificates of one CA are found by its id */
	memcpy(m->ca.key_id, m->key.key_id, sizeof(m->ca.key_id));
	memcpy(m->ca.fingerprint, m->row.fingerprint, sizeof(m->ca.fingerprint));
	m->ca.serial = m->row.serial;
	m->ca.certificate = der;
	m->ca.ledger_seq = m->row.ledger_seq = ledger_seq;
	m->row.actor = m->ca.actor;
	memcpy(m->row.request_id, m->ca.request_id, sizeof(m->row.request_id));
	m->key.ca_id = m->ca.id;
}

void made_free(struct made *m)
{
	items_free(&m->names);
}

/* A CA's row becomes what was made, unless its life has gone on since. */
static int ca_commit(struct store_session *s, struct made *m)
{
	scoped_row(ca) known = { 0 };
	int r = store_ca_find(s, row_text(m->ca.id), &known);
	if (r == STORE_NONE)
		return store_ca_insert(s, &m->ca);
	if (r)
		return r;
	bool waits = slice_equal(known.state, slice_text("created"));
	struct ca_row row = m->ca;
	row.csr = known.csr;
	if (known.csr.len)
		row.created_at = known.created_at;
	return waits || m->why[0] ? store_ca_update(s, &row) : STORE_DONE;
}

/* What was proposed is done now. */
static int proposal_commit(struct store_session *s, const struct made *m, const char *ca_id)
{
	scoped_row(proposal) row = { 0 };
	int r = store_proposal_find_ca(s, ca_id, &row);
	if (r)
		return r == STORE_NONE ? 0 : r;
	bool other = row.kind == PROPOSAL_IMPORT && !memmem(row.bytes.at, row.bytes.len, m->row.der.at, m->row.der.len);
	if (other || (m->renewed_ca_id && row.kind != PROPOSAL_IMPORT))
		return 0;
	r = store_proposal_close(s, row.id, m->why[0] ? "failed" : "executed", m->why, m->row.ledger_seq, m->now);
	return r == STORE_STATE ? 0 : r;
}

static int issuing_commit(struct store_session *s, struct made *m)
{
	scoped_row(issuer) issuer = { 0 };
	int r = store_issuer_find(s, row_text(m->ca.issuer_id), &issuer);
	if (r || issuer.issuing_ca_id.len)
		return r;
	issuer.issuing_ca_id = m->ca.id;
	/* An older note of the issuer, read once more, doesn't take it away. */
	if (issuer.updated_at < m->now)
		issuer.updated_at = m->now;
	return store_issuer_update(s, &issuer);
}

/* The newest certificate of a CA is the one that it is known by. */
static int renewal_commit(struct store_session *s, const struct made *m)
{
	scoped_row(ca) ca = { 0 };
	int r = store_ca_find(s, m->renewed_ca_id, &ca);
	if (r || ca.ledger_seq >= m->row.ledger_seq)
		return r;
	memcpy(ca.fingerprint, m->row.fingerprint, sizeof(ca.fingerprint));
	ca.serial = m->row.serial;
	ca.not_before = m->row.not_before;
	ca.not_after = m->row.not_after;
	ca.certificate = m->row.der;
	ca.ledger_seq = m->row.ledger_seq;
	ca.ttl = 0;
	if (ca.updated_at < m->now)
		ca.updated_at = m->now;
	r = store_crl_put_off(s, m->renewed_ca_id, 0);
	return r ? r : store_ca_update(s, &ca);
}

/* The newest certificate of an OCSP responder is the one that it answers with. */
static int responder_commit(struct store_session *s, const struct made *m)
{
	struct responder_row row = { .ca_id = slice_text(m->issuing_ca_id),
				     .not_before = m->row.not_before,
				     .not_after = m->row.not_after,
				     .ledger_seq = m->row.ledger_seq };
	memcpy(row.key_id, m->responder, sizeof(row.key_id));
	return store_responder_update(s, &row);
}

int made_commit(struct store_session *s, void *with)
{
	struct made *m = with;
	int r = bytes_zero(m->key.key_id, sizeof(m->key.key_id)) ? 0 : store_key_insert(s, &m->key);
	if (!r && m->ca.id.len) {
		r = ca_commit(s, m);
		if (!r)
			r = store_key_bind(s, m->ca.key_id, row_text(m->ca.id));
		if (r == STORE_NONE)
			r = 0; /* the key was made before this database knew of keys */
		if (!r)
			r = proposal_commit(s, m, row_text(m->ca.id));
		if (!r && m->single && !m->why[0])
			r = issuing_commit(s, m);
	}
	if (!r && m->renewed_ca_id && !m->why[0])
		r = renewal_commit(s, m);
	if (!r && m->renewed_ca_id && !m->why[0])
		r = proposal_commit(s, m, m->renewed_ca_id);
	if (!r && m->responder && !m->why[0])
		r = responder_commit(s, m);
	if (!r)
		r = store_certificate_insert(s, &m->row, items_list(&m->names));
	if (r == STORE_TAKEN && m->why[0])
		r = 0; /* what it says can't be stored, but its CA is held all the same */
	if (!r && m->why[0])
		r = store_ca_hold(s, m->issuing_ca_id, m->why, m->now);
	if (!r && m->why[0])
		log_error("certificate_withheld", "ca=%s why=\"%s\"", m->issuing_ca_id, m->why);
	return r;
}
