/* The certificate of a CA comes in that was signed elsewhere: outside.h says how it went out. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/check.h"
#include "frontd/context.h"
#include "frontd/outside.h"
#include "frontd/proposal.h"
#include "frontd/root.h"
#include "frontd/view.h"
#include "names/dn.h"
#include "wire/inner_ask.h"

#define FIELD "certificate_pem"
#define DAY 86400
#define MAX_SENT_CHAIN 8 /* what CA_IMPORT takes */
#define MAX_PACKED (1024 * 1024)

struct arrival {
	struct ca_row ca;
	struct issuer_row issuer;
	struct chain above; /* the parent first */
	struct facts parent;
	struct key_row key;
	struct root in;
	struct constraints_buf effective;
	struct buf packed_stated, packed_effective, context, asked;
	uint8_t request_id[16];
	const uint8_t *proposal; /* what it spends; NULL: none */
};

static void arrival_init(struct arrival *a)
{
	*a = (struct arrival){ .in = { .algorithm = 0 } };
	constraints_buf_init(&a->effective);
	buf_init(&a->packed_stated, MAX_PACKED);
	buf_init(&a->packed_effective, MAX_PACKED);
	buf_init(&a->context, MAX_CONTEXT);
	buf_init(&a->asked, MAX_CONTEXT);
}

static void arrival_free(struct arrival *a)
{
	ca_row_free(&a->ca);
	issuer_row_free(&a->issuer);
	key_row_free(&a->key);
	chain_free(&a->above);
	facts_free(&a->parent);
	root_free(&a->in);
	constraints_buf_free(&a->effective);
	buf_free(&a->packed_stated);
	buf_free(&a->packed_effective);
	buf_free(&a->context);
	buf_free(&a->asked);
}
#define scoped_arrival __attribute__((cleanup(arrival_free))) struct arrival

/* A CA that has its certificate gets a later one, for the same key, with the same limits. */
static bool is_renewal(const struct arrival *a)
{
	return slice_equal(a->ca.state, slice_text("active"));
}

#define refuse(c, code, ...) call_refuse(c, 400, code, FIELD, __VA_ARGS__)

static int load(struct front *f, struct call *c, struct arrival *a)
{
	char why[FACTS_WHY];
	scoped_session *s = NULL;
	int r = answer_ca(f, c, &s, &a->ca);
	if (r)
		return r;
	if (!a->ca.csr.len)
		return call_refuse(c, 409, "csr_not_found", NULL,
				   "The CA has no request out: its certificate was not asked for elsewhere.");
	r = store_issuer_find(s, row_text(a->ca.issuer_id), &a->issuer);
	if (!r)
		r = store_key_find(s, a->ca.key_id, &a->key);
	if (!r)
		r = chain_load(s, row_text(a->ca.parent_id), &a->above);
	if (!r)
		r = facts_read_foreign(a->above.ca[0].certificate, &a->parent, why);
	return r ? answer_store(c) : 0;
}

static int name_refuse(struct call *c, const char *code, const char *what, struct slice got, const char *but,
		       struct slice wanted)
{
	scoped_buf is = { .max = 64 * 1024 }, shall = { .max = 64 * 1024 };
	dn_print(view_list(got), &is);
	dn_print(view_list(wanted), &shall);
	return refuse(c, code, "%s is %.*s, %s is %.*s.", what, (int)text_cut(buf_slice(&is), 160),
		      is.at ? (const char *)is.at : "", but, (int)text_cut(buf_slice(&shall), 160),
		      shall.at ? (const char *)shall.at : "");
}

/* The names of issuers are compared by the byte: some validators do. */
static int check_parent(struct call *c, const struct arrival *a)
{
	const struct facts *got = &a->in.facts;
	const struct ca_row *parent = &a->above.ca[0];
	if (slice_equal(got->issuer_name, got->subject_name))
		return refuse(c, "wrong_issuer",
			      FIELD " is self-signed; it must be signed by the CA's parent, %s, with the request that "
				    "was taken away.",
			      row_text(parent->name));
	if (!slice_equal(got->issuer_name, a->parent.subject_name))
		return refuse(c, "wrong_issuer",
			      FIELD " was signed by another CA than this one's parent, %s. If that other CA shall be "
				    "the parent, register it as a certificate only and create the CA below it.",
			      row_text(parent->name));
	if (!check_signed(buf_slice(&a->in.der), parent->certificate))
		return refuse(c, "wrong_issuer",
			      FIELD
			      " names the CA's parent, %s, as its issuer, but the parent's key has not signed it.",
			      row_text(parent->name));
	return 0;
}

static const char *path_len_text(uint16_t n, char text[32])
{
	snprintf(text, 32, n == PATH_LEN_NONE ? "no path length" : "path length %u", n);
	return text;
}

static int check_against_request(struct call *c, const struct arrival *a)
{
	const struct facts *got = &a->in.facts;
	char is[32], shall[32];
	if (!slice_equal(got->public_key, a->key.public_key))
		return refuse(c, "key_mismatch",
			      FIELD " is for another key than this CA's; it must be made from the CA's own request.");
	int r = check_parent(c, a);
	if (r)
		return r;
	if (!slice_equal(buf_slice(&got->subject.raw), a->ca.subject))
		return name_refuse(c, "subject_mismatch", "The subject of " FIELD, buf_slice(&got->subject.raw),
				   "and what was asked for", a->ca.subject);
	if (got->path_len != a->ca.path_len)
		return refuse(c, "path_len_mismatch", FIELD " has %s, and what was asked for is %s.",
			      path_len_text(got->path_len, is), path_len_text(a->ca.path_len, shall));
	return 0;
}

/* The first permitted subtree of a type that is free here: that is wider than any. */
static bool freed(struct list held, struct list wanted, uint8_t *type, struct slice *culprit)
{
	while (list_next(&wanted, type, culprit)) {
		struct list rest = held;
		uint8_t t;
		struct slice item;
		bool found = false;
		while (!found && list_next(&rest, &t, &item))
			found = t == *type;
		if (!found)
			return true;
	}
	return false;
}

static int wider_refuse(struct call *c, uint8_t type, struct slice culprit)
{
	scoped_buf text = { .max = 1024 };
	if (culprit.len)
		name_print(AS_SUBTREE, type, culprit, &text);
	else
		buf_put_text(&text, name_type_text(type));
	return refuse(c, "name_constraint_exceeded",
		      FIELD " has wider name constraints, over its chain, than were asked for: see %.*s.",
		      (int)text_cut(buf_slice(&text), 200), text.at ? (const char *)text.at : "");
}

/* What holds over the chain counts, wherever it is stated. */
static int check_constraints(struct call *c, struct arrival *a)
{
	struct constraints above, asked, stated = facts_constraints(&a->in.facts);
	uint8_t type = 0;
	struct slice culprit = { 0 };
	if (constraints_unpack(a->above.ca[0].effective, &above) || constraints_unpack(a->ca.effective, &asked))
		return -1;
	if (constraints_combine(&above, &stated, &a->effective))
		return refuse(c, "bad_name_constraint", "More than 256 subtrees would hold over the chain.");
	struct constraints effective = constraints_of(&a->effective);
	if (constraints_narrower(&effective, &asked, &type, &culprit) ||
	    freed(effective.permitted, asked.permitted, &type, &culprit))
		return wider_refuse(c, type, culprit);
	constraints_pack(&stated, &a->packed_stated);
	constraints_pack(&effective, &a->packed_effective);
	if (is_renewal(a) && !slice_equal(buf_slice(&a->packed_effective), a->ca.effective))
		return refuse(c, "name_constraint_mismatch",
			      FIELD " must have the name constraints that the CA has now; for others, make a new CA.");
	return buf_ok(&a->packed_stated) && buf_ok(&a->packed_effective) ? 0 : -1;
}

/* What stands below names this key by its identifier. */
static int check_key_id(struct call *c, const struct arrival *a)
{
	char why[FACTS_WHY];
	scoped_facts now = { .ca = false };
	if (!is_renewal(a))
		return 0;
	if (facts_read_foreign(a->ca.certificate, &now, why))
		return -1;
	if (slice_equal(now.subject_key_id, a->in.facts.subject_key_id))
		return 0;
	return refuse(c, "key_id_mismatch", FIELD " must have the subject key identifier that the CA has now.");
}

/* A day more is no matter: programs count days in different ways, and backdate. */
static int check_validity(struct call *c, const struct arrival *a)
{
	const struct facts *got = &a->in.facts;
	int64_t asked = a->ca.not_after - a->ca.not_before, last = chain_not_after(&a->above);
	char until[TIME_TEXT_SIZE];
	time_text(last, until);
	if (got->not_after > last)
		return refuse(c, "beyond_issuer", FIELD " must not outlast its issuer's chain, which ends on %s.",
			      until);
	if (is_renewal(a) && got->not_after <= a->ca.not_after)
		return call_refuse(c, 409, "ca_not_waiting", FIELD,
				   "The CA has its certificate; another one for it must end later.");
	if (!is_renewal(a) && got->not_after - got->not_before > asked + DAY)
		return refuse(c, "validity_too_long", FIELD " is valid for %lld days, and %lld were asked for.",
			      (long long)((got->not_after - got->not_before) / DAY),
			      (long long)((asked + DAY - 1) / DAY));
	return 0;
}

/* What is left of RFC 5280's rules: by the library that will judge what stands below, and by the linter. */
static int check_strictly(struct call *c, const struct arrival *a, int64_t now)
{
	char why[FACTS_WHY] = "";
	struct slice chain[MAX_CHAIN + 1] = { buf_slice(&a->in.der) };
	for (size_t i = 0; i < a->above.count; i++)
		chain[i + 1] = a->above.ca[i].certificate;
	if (check_chain(chain, a->above.count + 1, now, why) || check_rules(chain[0], why))
		return refuse(c, "certificate_invalid", FIELD " can't be taken: %s.", why);
	return 0;
}

/* A serial number is its issuer's only once: RFC 5280 4.1.2.2; NSS takes neither certificate then. */
static int check_serial(struct front *f, struct call *c, const struct arrival *a)
{
	scoped_session *s = NULL;
	scoped_row(certificate) known = { 0 };
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = store_certificate_find_serial(s, row_text(a->above.ca[0].id), a->in.facts.serial, &known);
	if (r < 0)
		return answer_store(c);
	if (r || memcmp(known.fingerprint, a->in.facts.fingerprint, sizeof(known.fingerprint)) == 0)
		return 0;
	return call_refuse(c, 409, "serial_taken", FIELD,
			   "The parent has a certificate with this serial number already; each needs its own.");
}

static int check_states(struct call *c, const struct arrival *a)
{
	const struct ca_row *parent = &a->above.ca[0];
	if (!ca_waits(&a->ca) && !is_renewal(a))
		return call_refuse(c, 409, "ca_not_waiting", NULL, "The CA is %s and waits for no certificate.",
				   row_text(a->ca.state));
	if (!slice_equal(parent->state, slice_text("active")))
		return call_refuse(c, 409, "parent_not_active", NULL,
				   "The parent CA is not active; only an active CA has new ones below it.");
	if (parent->held.len)
		return call_refuse(c, 409, "ca_held", NULL,
				   "The parent CA issues nothing until an administrator lifts what holds it.");
	return 0;
}

static int check_all(struct front *f, struct call *c, struct arrival *a, int64_t now)
{
	int r = check_against_request(c, a);
	if (!r)
		r = check_key_id(c, a);
	if (!r)
		r = check_constraints(c, a);
	if (!r)
		r = check_validity(c, a);
	if (!r)
		r = check_strictly(c, a, now);
	return r ? r : check_serial(f, c, a);
}

static int write_context(struct call *c, struct arrival *a)
{
	struct context_words words = { .op = is_renewal(a) ? "renew" : "ca",
				       .issuer = &a->issuer,
				       .ca = row_text(a->ca.id),
				       .name = row_text(a->ca.name),
				       .parent = row_text(a->ca.parent_id),
				       .metadata = row_text(a->ca.metadata),
				       .predecessor = row_text(a->ca.predecessor_id),
				       .rotation = row_text(a->ca.rotation),
				       .ttl = a->ca.ttl };
	return context_put(&a->context, c, &words) ? -1 : 0;
}

/* The CA's row as its certificate makes it; what was asked for stays the request's. */
static struct ca_row row_of(struct arrival *a, const struct call *c, int64_t now)
{
	struct ca_row row = a->ca;
	const struct facts *got = &a->in.facts;
	row.memory = NULL; /* what it points to stays the arrival's */
	row.state = slice_text("active");
	row.constraints = buf_slice(&a->packed_stated);
	row.effective = buf_slice(&a->packed_effective);
	row.actor = slice_text(c->who->actor);
	row.not_before = got->not_before;
	row.not_after = got->not_after;
	row.updated_at = now;
	memcpy(row.request_id, a->request_id, sizeof(row.request_id));
	return row;
}

static const char *asked_words(struct arrival *a)
{
	struct constraints asked;
	if (constraints_unpack(a->ca.constraints, &asked))
		return NULL;
	transition_limits(a->ca.path_len, &asked, &a->asked);
	buf_put_u8(&a->asked, 0);
	return buf_ok(&a->asked) ? (const char *)a->asked.at : NULL;
}

static int commit(struct front *f, struct call *c, struct arrival *a, uint64_t ledger_seq, uint64_t *noted)
{
	scoped_made m = { .now = time_now(), .issuing_ca_id = row_text(a->above.ca[0].id) };
	m.ca = row_of(a, c, m.now);
	m.key = a->key;
	m.key.memory = NULL;
	made_fill_ca(&m, &a->in.facts, buf_slice(&a->in.der), ledger_seq);
	int r = store_change(f->store, made_commit, &m);
	if (r == STORE_TAKEN)
		return check_serial(f, c, a) ? 1 : answer_store(c);
	if (r)
		return answer_store(c);
	*noted = transition_made(f, c, &m.ca, asked_words(a));
	return call_reply(c, 200, view_ca(&m.ca));
}

static int renewal_commit(struct front *f, struct call *c, struct arrival *a, uint64_t ledger_seq)
{
	scoped_made m = { .now = time_now(), .issuing_ca_id = row_text(a->above.ca[0].id) };
	scoped_session *s = NULL;
	scoped_row(ca) now = { 0 };
	m.renewed_ca_id = row_text(a->ca.id);
	made_fill(&m, &a->in.facts, buf_slice(&a->in.der), m.issuing_ca_id, KIND_CA);
	items_put(&m.names, 0, a->ca.id);
	m.row.actor = slice_text(c->who->actor);
	m.row.ledger_seq = ledger_seq;
	memcpy(m.row.request_id, a->request_id, sizeof(m.row.request_id));
	int r = store_change(f->store, made_commit, &m);
	if (r == STORE_TAKEN)
		return check_serial(f, c, a) ? 1 : answer_store(c);
	if (r || store_read(f->store, &s) || store_ca_find(s, row_text(a->ca.id), &now))
		return answer_store(c);
	return call_reply(c, 200, view_ca(&now));
}

/* People have to approve it first. Who brings it in once more is answered with the same proposal. */
static int import_propose(struct front *f, struct call *c, const struct arrival *a,
			  const struct ca_import_request *request, struct signer_hold *hold)
{
	bool open = false, answered = false;
	scoped_session *s = NULL;
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = proposal_again(c, s, row_text(a->ca.id), &answered);
	store_read_end(&s);
	s = NULL;
	if (r || answered)
		return r;
	scoped_buf frame = { .max = MAX_FRAME_BODY };
	ask_ca_import_put(&frame, 0, request);
	const struct proposing asked = { .ca_id = row_text(a->ca.id),
					 .name = row_text(a->ca.name),
					 .issuer_id = a->issuer.id,
					 .context = request->context,
					 .request_id = a->request_id,
					 .verb = INNER_CA_IMPORT,
					 .body = { frame.at + FRAME_HEAD, frame.len - FRAME_HEAD } };
	r = buf_ok(&frame) ? proposal_open(f, c, &asked, hold, &open) : answer_store(c);
	if (!open)
		signer_settle(hold, 0);
	return r;
}

static int import(struct front *f, struct call *c, struct arrival *a)
{
	struct ca_import_request request = { .certificate = buf_slice(&a->in.der), .context = buf_slice(&a->context) };
	struct ca_import_reply reply = { 0 };
	scoped_answer answer = { 0 };
	scoped_items chain;
	scoped_hold hold;
	items_init(&chain);
	for (size_t i = 0; i < a->above.count && i < MAX_SENT_CHAIN; i++)
		items_put(&chain, 0, a->above.ca[i].certificate);
	request.chain = items_list(&chain);
	memcpy(request.request_id, a->request_id, sizeof(request.request_id));
	memcpy(request.key_id, a->ca.key_id, sizeof(request.key_id));
	if (a->proposal)
		memcpy(request.proposal, a->proposal, sizeof(request.proposal));
	signer_hold(f->signer, &hold);
	enum signer_result asked = signer_ca_import(f->signer, &request, &reply, &answer);
	if (asked == SIGNER_REFUSED && answer.refusal.code == REFUSE_APPROVAL_NEEDED)
		return import_propose(f, c, a, &request, &hold);
	signer_settle_failed(&hold, asked, &answer);
	if (asked == SIGNER_REFUSED)
		return answer_import(c, &answer, FIELD, FIELD, "certificate_invalid");
	if (asked)
		return answer_signer(c, asked, &answer); /* its fate is unknown: the catch-up will tell */
	uint64_t noted = 0;
	int r = is_renewal(a) ? renewal_commit(f, c, a, reply.ledger_seq) : commit(f, c, a, reply.ledger_seq, &noted);
	if (c->status == 200)
		signer_settle(&hold, noted ? noted : reply.ledger_seq);
	return r;
}

static int dry_reply(struct call *c, const struct arrival *a)
{
	const struct facts *got = &a->in.facts;
	struct constraints stated = facts_constraints(got), effective = constraints_of(&a->effective);
	return call_reply(c, 200,
			  json_pack("{s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "dry_run", 1, "id",
				    view_text(a->ca.id), "subject", view_name(buf_slice(&got->subject.raw)), "serial",
				    view_hex(got->serial.at, got->serial.len), "not_before", view_time(got->not_before),
				    "not_after", view_time(got->not_after), "path_len_constraint",
				    view_path_len(got->path_len), "name_constraints", view_constraints(&stated),
				    "effective_name_constraints", view_constraints(&effective)));
}

/* Brought in once more, it is answered as the first time. */
static bool is_there(const struct arrival *a)
{
	return a->ca.certificate.len && memcmp(a->ca.fingerprint, a->in.facts.fingerprint, 32) == 0;
}

static int arrive(struct front *f, struct call *c, const char *pem, const uint8_t *proposal)
{
	int64_t now = time_now();
	scoped_arrival a;
	arrival_init(&a);
	a.proposal = proposal;
	int r = load(f, c, &a);
	if (!r)
		r = root_read_issued(c, FIELD, pem, now, &a.in);
	if (r)
		return r;
	if (is_there(&a))
		return call_reply(c, 200, view_ca(&a.ca));
	r = check_states(c, &a);
	if (!r)
		r = check_all(f, c, &a, now);
	if (!r)
		r = write_context(c, &a);
	if (r)
		return r < 0 ? answer_store(c) : r;
	if (c->dry_run)
		return dry_reply(c, &a);
	context_request_id(c, a.request_id);
	return import(f, c, &a);
}

int arrival_take(struct front *f, struct call *c, const char *pem)
{
	/* Nobody gives the CA up, or retires its parent, meanwhile. */
	pthread_mutex_lock(&f->transitions);
	int r = arrive(f, c, pem, NULL);
	pthread_mutex_unlock(&f->transitions);
	return r;
}

int intermediate_certificate(struct front *f, struct call *c)
{
	const char *pem;
	int r = root_read_member(c, FIELD, &pem);
	return r ? r : arrival_take(f, c, pem);
}

int arrival_approved(struct front *f, struct call *c, const char *ca_id, struct slice certificate,
		     const uint8_t proposal[16])
{
	scoped_buf pem = { .max = MAX_ROOT_PEM };
	struct call step = { .who = c->who, .param = { ca_id } };
	memcpy(step.request_id, c->request_id, sizeof(step.request_id));
	if (pem_put(&pem, certificate))
		return -1;
	buf_put_u8(&pem, 0);
	pthread_mutex_lock(&f->transitions);
	int r = buf_ok(&pem) ? arrive(f, &step, (const char *)pem.at, proposal) : -1;
	pthread_mutex_unlock(&f->transitions);
	c->error = step.error;
	if (r == 0) {
		c->status = step.status;
		c->reply = step.reply;
		step.reply = NULL;
	}
	call_clear(&step);
	return r;
}
