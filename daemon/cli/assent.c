#include "cli/assent.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ledger/proposal.h"

#define KEY_ID 16
#define SLACK 600 /* seconds that the record of an act may be younger than the look at its proposal */
#define NEAR 2	  /* records behind an act: the one that spends its proposal is among them */
#define KIND_CA 2 /* of CERT_INTENT */
#define KIND_SUBCA_FOREIGN 4

struct open {
	struct open *next;
	struct buf bytes;
	struct proposal says;
	size_t count;
	struct {
		uint8_t role, key[HASH_SIZE];
	} signers[2 * MAX_APPROVALS];
};

/* A key with a charter, and who stands above it. */
struct bound {
	uint8_t id[KEY_ID], parent[KEY_ID];
};

struct assent {
	/* The law of the moment. */
	unsigned needed[PROPOSAL_EPOCH + 1];
	bool import;
	size_t count[2];
	uint8_t keys[2][MAX_APPROVALS][HASH_SIZE];

	struct open *open;
	size_t bound_count;
	struct bound *bound;
	uint64_t done;

	/* An act that needs a proposal, and hasn't spent it yet. */
	bool waits;
	uint64_t act;
	int64_t act_time;
	uint8_t act_kind;
	uint32_t epoch;	    /* of an EPOCH, */
	uint64_t size;	    /* ... and how many records there were before it */
	struct buf content; /* of a certificate; else the reason */
};

struct assent *assent_new(void)
{
	struct assent *a = calloc(1, sizeof(*a));
	if (a)
		buf_init(&a->content, MAX_PROPOSAL);
	return a;
}

static void open_remove(struct open **at)
{
	struct open *o = *at;
	*at = o->next;
	buf_free(&o->bytes);
	free(o);
}

void assent_free(struct assent *a)
{
	if (!a)
		return;
	while (a->open)
		open_remove(&a->open);
	buf_free(&a->content);
	free(a->bound);
	free(a);
}

uint64_t assent_count(const struct assent *a)
{
	return a->done;
}

/* What the finder is told of. */
struct teller {
	assent_finder *find;
	void *with;
};

static void find(const struct teller *t, const char *code, uint64_t seq, const char *what)
{
	char sentence[300];
	snprintf(sentence, sizeof(sentence), "Record %" PRIu64 " %s", seq, what);
	t->find(t->with, code, seq, sentence);
}

/* The number behind "\tNAME = " in the law's text; 0 if it isn't there. */
static unsigned law_number(const char *text, const char *name)
{
	char head[40];
	snprintf(head, sizeof(head), "\t%s = ", name);
	const char *at = strstr(text, head);
	return at ? (unsigned)strtoul(at + strlen(head), NULL, 10) : 0;
}

static void law_keys(struct assent *a, uint8_t role, const char *from)
{
	static const char word[] = "sha256 = \"";
	const char *end = from ? strstr(from, ");") : NULL;
	a->count[role] = 0;
	while (end && a->count[role] < MAX_APPROVALS) {
		const char *at = strstr(from, word);
		if (!at || at > end ||
		    !hex_decode(at + sizeof(word) - 1, strnlen(at + sizeof(word) - 1, 64),
				a->keys[role][a->count[role]], HASH_SIZE))
			return;
		a->count[role]++;
		from = at + sizeof(word) + 64;
	}
}

static void take_law(struct assent *a, const struct record *r)
{
	static const char *const acts[PROPOSAL_EPOCH + 1] = { "",	  "new_ca",	 "subca_foreign",
							      "new_root", "import_root", "resume",
							      "epoch" };
	struct ceilings_record law;
	char text[16385] = "";
	if (record_ceilings_get(r->body, &law) == PACK_OK)
		slice_to_text(law.text, text, sizeof(text));
	const char *group = strstr(text, "\napprovals = {\n");
	for (int kind = PROPOSAL_CA; kind <= PROPOSAL_EPOCH; kind++)
		a->needed[kind] = group ? law_number(group, acts[kind]) : 0;
	a->import = strstr(text, "\nimport_roots = \"approved\";\n") != NULL;
	law_keys(a, 0, group ? strstr(group, "\tapprovers = (") : NULL);
	law_keys(a, 1, group ? strstr(group, "\trequesters = (") : NULL);
}

static bool named(const struct assent *a, uint8_t role, const uint8_t key[HASH_SIZE])
{
	for (size_t i = 0; i < a->count[role]; i++)
		if (memcmp(a->keys[role][i], key, HASH_SIZE) == 0)
			return true;
	return false;
}

static struct open **open_find(struct assent *a, const uint8_t id[16])
{
	struct open **at = &a->open;
	while (*at && memcmp((*at)->says.id, id, 16) != 0)
		at = &(*at)->next;
	return at;
}

static void take_proposed(struct assent *a, const struct record *r, const struct teller *t)
{
	struct proposed_record proposed;
	for (struct open **at = &a->open; *at;)
		if ((*at)->says.expires + SLACK < r->time / 1000)
			open_remove(at);
		else
			at = &(*at)->next;
	struct open *o = calloc(1, sizeof(*o));
	if (!o)
		return;
	buf_init(&o->bytes, MAX_PROPOSAL);
	if (record_proposed_get(r->body, &proposed) == PACK_OK)
		buf_put_slice(&o->bytes, proposed.bytes);
	if (proposal_get(buf_slice(&o->bytes), &o->says) != 0) {
		find(t, "proposal_form", r->seq, "holds no proposal that the signer could have written.");
		buf_free(&o->bytes);
		free(o);
		return;
	}
	o->next = a->open;
	a->open = o;
}

static bool signed_already(const struct open *o, const uint8_t key[HASH_SIZE])
{
	for (size_t i = 0; i < o->count; i++)
		if (memcmp(o->signers[i].key, key, HASH_SIZE) == 0)
			return true;
	return false;
}

static void take_approved(struct assent *a, const struct record *r, bool missing, const struct teller *t)
{
	struct approved_record x;
	uint8_t hash[HASH_SIZE];
	if (record_approved_get(r->body, &x) != PACK_OK || x.role > 1)
		return;
	struct open *o = *open_find(a, x.proposal);
	hash_of(x.public_key, hash);
	if (!o) {
		if (!missing)
			find(t, "approval_unknown", r->seq, "approves a proposal that isn't open.");
	} else if (memcmp(hash, x.key, HASH_SIZE) != 0 ||
		   !proposal_signed(x.public_key, buf_slice(&o->bytes), x.signature)) {
		find(t, "approval_signature", r->seq, "holds a signature that isn't one over its proposal by its key.");
	} else if (signed_already(o, x.key)) {
		find(t, "approval_twice", r->seq, "is a second signature by one key.");
	} else if (o->count < 2 * MAX_APPROVALS) {
		o->signers[o->count].role = x.role;
		memcpy(o->signers[o->count++].key, x.key, HASH_SIZE);
	}
}

static unsigned signers_count(const struct assent *a, const struct open *o, uint8_t role)
{
	unsigned n = 0;
	for (size_t i = 0; i < o->count; i++)
		n += o->signers[i].role == role && named(a, role, o->signers[i].key);
	return n;
}

/* Whether what was done is what was approved. */
static bool act_is(const struct assent *a, const struct proposal *p)
{
	struct resume_content resume;
	struct epoch_content epoch;
	struct slice done = buf_slice(&a->content);
	if (p->kind != a->act_kind)
		return false;
	if (p->kind == PROPOSAL_RESUME)
		return resume_content_get(p->content, &resume) == 0 && slice_equal(resume.reason, done);
	if (p->kind == PROPOSAL_EPOCH)
		return epoch_content_get(p->content, &epoch) == 0 && slice_equal(epoch.reason, done) &&
		       epoch.number == a->epoch && epoch.shared == a->size;
	return slice_equal(p->content, done);
}

/* NULL: the proposal allows the act. */
static const char *spend_fault(const struct assent *a, const struct open *o)
{
	unsigned needed = o->says.needed > a->needed[a->act_kind] ? o->says.needed : a->needed[a->act_kind];
	if (!act_is(a, &o->says))
		return "isn't what its proposal says.";
	if (o->says.expires + SLACK < a->act_time)
		return "was done after its proposal had expired.";
	if (signers_count(a, o, 0) < needed)
		return "has fewer valid approvals than the ceilings of its time ask for.";
	if ((o->says.requester || (o->says.kind < PROPOSAL_RESUME && a->count[1])) && signers_count(a, o, 1) == 0)
		return "lacks the signature of a requester.";
	return NULL;
}

static void take_spent(struct assent *a, const struct record *r, bool missing, const struct teller *t)
{
	struct spent_record spent;
	if (record_spent_get(r->body, &spent) != PACK_OK)
		return;
	struct open **at = open_find(a, spent.proposal);
	const char *fault = *at && a->waits && spent.act == a->act ? spend_fault(a, *at) : NULL;
	if (!*at && !missing)
		fault = "names a proposal that isn't open: there never was one, or it was used.";
	if (fault)
		find(t, "approval_missing", a->waits ? a->act : r->seq, fault);
	else if (a->waits && spent.act == a->act)
		a->done++;
	if (a->waits && spent.act == a->act)
		a->waits = false;
	if (*at)
		open_remove(at);
}

static void take_withdrawn(struct assent *a, const struct record *r)
{
	struct withdrawn_record withdrawn;
	if (record_withdrawn_get(r->body, &withdrawn) != PACK_OK)
		return;
	struct open **at = open_find(a, withdrawn.proposal);
	if (*at)
		open_remove(at);
}

static const struct bound *bound_find(const struct assent *a, const uint8_t id[KEY_ID])
{
	for (size_t i = a->bound_count; i-- > 0;)
		if (memcmp(a->bound[i].id, id, KEY_ID) == 0)
			return &a->bound[i];
	return NULL;
}

/* A charter begins with the key's own number and that of the key above it. */
static void take_bound(struct assent *a, const struct record *r)
{
	struct key_bound_record b;
	if (record_key_bound_get(r->body, &b) != PACK_OK || b.charter.len < 2 * KEY_ID || bound_find(a, b.key_id))
		return;
	if ((a->bound_count & (a->bound_count - 1)) == 0) {
		size_t room = a->bound_count ? 2 * a->bound_count : 1;
		struct bound *grown = realloc(a->bound, room * sizeof(*grown));
		if (!grown)
			return;
		a->bound = grown;
	}
	struct bound *one = &a->bound[a->bound_count++];
	memcpy(one->id, b.key_id, KEY_ID);
	memcpy(one->parent, b.charter.at + KEY_ID, KEY_ID);
}

/* From here on the next records have to say who agreed. */
static void act_begins(struct assent *a, const struct record *r, uint8_t kind)
{
	if (a->needed[kind] == 0 && kind != PROPOSAL_SUBCA_FOREIGN)
		return;
	a->waits = true;
	a->act = r->seq;
	a->act_time = r->time / 1000;
	a->act_kind = kind;
}

static void take_cert(struct assent *a, const struct record *r)
{
	struct cert_intent_record c;
	if (record_cert_intent_get(r->body, &c) != PACK_OK || (c.kind != KIND_CA && c.kind != KIND_SUBCA_FOREIGN))
		return;
	const struct bound *b = bound_find(a, c.subject_key_id);
	if (c.kind == KIND_CA && b && memcmp(b->parent, c.ca_key, KEY_ID) == 0)
		return; /* renewed by its issuer, or by itself */
	buf_clear(&a->content);
	proposal_draft(c.tbs, &a->content);
	bool root = memcmp(c.ca_key, c.subject_key_id, KEY_ID) == 0;
	act_begins(a, r, c.kind == KIND_SUBCA_FOREIGN ? PROPOSAL_SUBCA_FOREIGN : root ? PROPOSAL_ROOT : PROPOSAL_CA);
}

static void take_imported(struct assent *a, const struct record *r)
{
	struct imported_record in;
	struct slice issuer = { 0 };
	uint8_t tag;
	if (!a->import || record_imported_get(r->body, &in) != PACK_OK)
		return;
	bool above = false;
	while (list_next(&in.chain, &tag, &issuer))
		above = true; /* the last one is the root */
	buf_clear(&a->content);
	if (above)
		buf_put_slice(&a->content, issuer);
	buf_put_slice(&a->content, in.certificate);
	act_begins(a, r, PROPOSAL_IMPORT);
}

static void take_resumed(struct assent *a, const struct record *r)
{
	struct resumed_record resumed;
	if (record_resumed_get(r->body, &resumed) != PACK_OK)
		return;
	buf_clear(&a->content);
	buf_put_slice(&a->content, resumed.reason);
	act_begins(a, r, PROPOSAL_RESUME);
}

/* All that was proposed before is void, but for the proposal of the epoch itself, which is spent next. */
static void take_epoch(struct assent *a, const struct record *r)
{
	struct epoch_record epoch;
	if (record_epoch_get(r->body, &epoch) != PACK_OK)
		return;
	for (struct open **at = &a->open; *at;)
		if ((*at)->says.kind != PROPOSAL_EPOCH || a->needed[PROPOSAL_EPOCH] == 0)
			open_remove(at);
		else
			at = &(*at)->next;
	a->epoch = epoch.number;
	a->size = epoch.size;
	buf_clear(&a->content);
	buf_put_slice(&a->content, epoch.reason);
	act_begins(a, r, PROPOSAL_EPOCH);
}

void assent_end(struct assent *a, assent_finder *finder, void *with)
{
	const struct teller t = { finder, with };
	if (a->waits)
		find(&t, "approval_missing", a->act,
		     "needed approvals by the ceilings of its time, and has no proposal.");
	a->waits = false;
}

void assent_take(struct assent *a, const struct record *r, bool some_missing, assent_finder *finder, void *with)
{
	const struct teller t = { finder, with };
	if (a->waits && r->seq > a->act + NEAR)
		assent_end(a, finder, with);
	switch (r->type) {
	case RECORD_CEILINGS:
		take_law(a, r);
		break;
	case RECORD_PROPOSED:
		take_proposed(a, r, &t);
		break;
	case RECORD_APPROVED:
		take_approved(a, r, some_missing, &t);
		break;
	case RECORD_WITHDRAWN:
		take_withdrawn(a, r);
		break;
	case RECORD_SPENT:
		take_spent(a, r, some_missing, &t);
		break;
	case RECORD_KEY_BOUND:
		take_bound(a, r);
		break;
	case RECORD_CERT_INTENT:
		take_cert(a, r);
		break;
	case RECORD_IMPORTED:
		take_imported(a, r);
		break;
	case RECORD_RESUMED:
		take_resumed(a, r);
		break;
	case RECORD_EPOCH:
		take_epoch(a, r);
		break;
	}
}
