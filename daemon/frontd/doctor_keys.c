#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "frontd/chain.h"
#include "frontd/diagnosis.h"
#include "frontd/facts.h"
#include "frontd/front.h"
#include "frontd/gone.h"
#include "frontd/scheduler.h"
#include "store/store.h"
#include "wire/inner_ask.h"
#include "wire/token.h"

#define MAX_KNOWN_KEYS 16384 /* the signer's own limit */
#define DAY 86400
#define ORPHAN_AGE DAY		  /* a create that is under way takes minutes */
#define EXPIRY_WARNING (30 * DAY) /* time for a ceremony */
#define EXPIRY_NEAR (7 * DAY)
#define WAITS_LONG (30 * DAY) /* for a ceremony elsewhere */

/* What is kept of one key of the signer's while CAs are held against them. */
struct known_key {
	uint8_t id[KEY_ID_SIZE], state, public_key_hash[32];
	bool claimed; /* a CA here has it */
};

struct keys {
	struct diagnosis *d;
	struct store_session *session;
	struct known_key *all;
	size_t count, orphans, outsiders;
	int64_t oldest_orphan;
};

struct words {
	const char *code, *todo;
};

static struct words trouble_words(uint16_t trouble)
{
	switch (trouble) {
	case DRIVER_REFUSE_KEY_UNKNOWN:
		return (struct words){
			"key_missing",
			"Is it the right token (see its serial number in chancery status)? Bring the key back from the "
			"token's backup. If it was destroyed on purpose, say so: chancery ca key-gone CA."
		};
	case DRIVER_REFUSE_KEY_AMBIGUOUS:
		return (struct words){ "key_ambiguous", "Remove the other object with this CKA_ID with the token's own "
							"tool (pkcs11-tool -O shows both)." };
	case DRIVER_REFUSE_KEY_ATTRIBUTES:
		return (struct words){ "key_attributes", "Look at it with pkcs11-tool -O. A key that was made "
							 "elsewhere is only used where driver.conf has "
							 "imported_keys = \"allow\"." };
	default:
		return (struct words){
			"key_changed",
			"The token has another key under this id: is it the right token, or a wrong backup?"
		};
	}
}

/* "CA issuing (ica-…)", or "an unbound key". */
static void key_name(struct keys *k, const struct key_report *r, char *out, size_t size, char about[65])
{
	char id[2 * KEY_ID_SIZE + 1];
	scoped_row(ca) ca = { 0 };
	hex_encode(r->key_id, KEY_ID_SIZE, id);
	snprintf(about, 65, "%s", id);
	if (store_ca_find_key(k->session, r->key_id, &ca) != STORE_DONE) {
		snprintf(out, size, "Key %s", id);
		return;
	}
	snprintf(out, size, "The key %s of CA %s", id, row_text(ca.name));
	snprintf(about, 65, "%s", row_text(ca.id));
}

static bool token_known(struct diagnosis *d, struct slice token)
{
	struct list l = d->status.drivers;
	struct driver_report driver;
	struct slice item;
	uint8_t state;
	while (list_next(&l, &state, &item))
		if (report_driver_get(item, &driver) && slice_equal(driver.name, token))
			return true;
	return false;
}

/* What it may not be, though its driver takes it: keys that are files, or that driver.conf lets pass. */
static void look_at_attributes(struct keys *k, const struct key_report *r, const char *name, const char *about)
{
	bool leaves = r->attributes & KEY_IS_EXTRACTABLE || !(r->attributes & KEY_IS_SENSITIVE);
	if (leaves)
		finding_put(k->d, WARNING, "keys", "key_extractable", about,
			    "Move this CA to a key that was made in a token that keeps it.",
			    "%s can leave its token: whoever has the token's PIN has a copy.", name);
	else if (r->attributes & KEY_CAN_OTHER)
		finding_put(k->d, WARNING, "keys", "key_other_uses", about,
			    "Take these uses away with the token's own tool, if it lets you.",
			    "%s can be used for more than signatures.", name);
}

/* Whether it is that of a CA that waits for its certificate, or did so until it was given up. */
static bool key_claimed(struct keys *k, const uint8_t id[KEY_ID_SIZE])
{
	scoped_row(key) row = { 0 };
	return store_key_find(k->session, id, &row) == STORE_DONE && row.ca_id.len;
}

static void look_at_key(struct keys *k, uint8_t state, const struct key_report *r)
{
	char name[400], about[65], token[65];
	if (state == KEY_REPORT_GONE)
		return;
	key_name(k, r, name, sizeof(name), about);
	diagnosis_text(r->token, token, sizeof(token));
	if (!token_known(k->d, r->token)) {
		finding_put(k->d, CRITICAL, "keys", "token_not_configured", about,
			    "Add the token to signd.conf's tokens again, with its driver's socket.",
			    "%s lies in token %s, which signd.conf does not name.", name, token);
	} else if (r->checked_at && r->trouble) {
		struct words words = trouble_words(r->trouble);
		finding_put(k->d, state == KEY_REPORT_UNBOUND ? WARNING : CRITICAL, "keys", words.code, about,
			    words.todo, "%s in token %s is not used. %s", name, token,
			    driver_refusal_sentence(r->trouble));
	} else if (r->checked_at && state != KEY_REPORT_UNBOUND) {
		look_at_attributes(k, r, name, about);
	}
	if (state == KEY_REPORT_UNBOUND && k->d->status.now - r->made_at > ORPHAN_AGE && !key_claimed(k, r->key_id)) {
		k->orphans++;
		if (!k->oldest_orphan || r->made_at < k->oldest_orphan)
			k->oldest_orphan = r->made_at;
	}
}

static void key_keep(struct keys *k, uint8_t state, const struct key_report *r)
{
	struct known_key *known = &k->all[k->count++];
	memcpy(known->id, r->key_id, KEY_ID_SIZE);
	memcpy(known->public_key_hash, r->public_key_hash, sizeof(known->public_key_hash));
	known->state = state;
}

/* All of the signer's keys; false if it doesn't say. */
static bool keys_read(struct keys *k)
{
	struct key_list_request request = { .most = 256 };
	struct key_report report;
	struct slice item;
	uint8_t state;
	for (;;) {
		struct key_list_reply reply;
		scoped_answer answer;
		if (signer_key_list(k->d->front->signer, &request, &reply, &answer) != SIGNER_DONE)
			return false;
		if (reply.keys.count == 0)
			return true;
		request.from += reply.keys.count;
		while (list_next(&reply.keys, &state, &item)) {
			if (k->count == MAX_KNOWN_KEYS || !report_key_get(item, &report))
				return false;
			look_at_key(k, state, &report);
			key_keep(k, state, &report);
		}
	}
}

static int id_compare(const void *a, const void *b)
{
	return memcmp(a, b, KEY_ID_SIZE);
}

static bool public_key_is(const struct ca_row *ca, const uint8_t hash[32])
{
	char why[FACTS_WHY];
	uint8_t own[EVP_MAX_MD_SIZE];
	scoped_facts facts = { .ca = false };
	return facts_read_foreign(ca->certificate, &facts, why) == 0 &&
	       EVP_Digest(facts.public_key.at, facts.public_key.len, own, NULL, EVP_sha256(), NULL) == 1 &&
	       memcmp(own, hash, 32) == 0;
}

/* The CA's row against the signer's key. */
static void look_at_ca_key(struct diagnosis *d, const struct ca_row *ca, const struct known_key *key)
{
	const char *name = row_text(ca->name), *id = row_text(ca->id);
	bool over = ca_is(ca, "retiring") || ca_is(ca, "retired");
	if (!key)
		finding_put(d, CRITICAL, "cas", "ca_key_unknown", id,
			    "Does the front-end talk to the right signer, with the right ledger? See ledger_id in "
			    "chancery status.",
			    "The signer knows no key of CA %s.", name);
	else if (ca->certificate.len && !public_key_is(ca, key->public_key_hash))
		finding_put(
			d, CRITICAL, "cas", "ca_key_differs", id,
			"One of the two was tampered with: compare the database with the ledger (chancery audit list).",
			"The certificate of CA %s is for another key than the signer's.", name);
	else if (gone_is(ca) != (key->state == KEY_REPORT_GONE))
		finding_put(d, WARNING, "cas", "ca_key_state", id, "Say it again: chancery ca key-gone CA.",
			    "Front-end and signer don't agree whether the key of CA %s is gone.", name);
	else if (ca_is(ca, "active") && key->state == KEY_REPORT_CLOSED)
		finding_put(d, CRITICAL, "cas", "ca_closed", id, "Retire it here as well: chancery ca retire CA.",
			    "CA %s is active here, but closed in the signer, which signs nothing more with it.", name);
	else if (over && key->state == KEY_REPORT_BOUND)
		finding_put(d, CRITICAL, "cas", "ca_not_closed", id, "Take its next step again: chancery ca retire CA.",
			    "CA %s is retired here, but the signer would still sign with its key.", name);
}

/* Its successor is there and takes over in time, or is told of by itself. */
static bool is_followed(struct store_session *s, const struct ca_row *ca)
{
	scoped_row(ca) successor = { 0 };
	return store_ca_find_successor(s, row_text(ca->id), &successor) == STORE_DONE && ca_is(&successor, "active");
}

/* A CA whose certificate is signed elsewhere: its key counts as unbound until then, and after it was given up too. */
static void look_at_request(struct diagnosis *d, const struct ca_row *ca, const struct known_key *key)
{
	char when[TIME_TEXT_SIZE];
	time_text(ca->created_at, when);
	if (ca_waits(ca) && ca->predecessor_id.len)
		finding_put(d, WARNING, "cas", "successor_waits", row_text(ca->id),
			    "Have its request signed (chancery ca csr), and bring its certificate in (chancery ca "
			    "certificate): it takes over then.",
			    "CA %s is to follow another one, and waits for its certificate since %s.",
			    row_text(ca->name), when);
	else if (ca_waits(ca) && time_now() - ca->created_at > WAITS_LONG)
		finding_put(d, WARNING, "cas", "ca_waits", row_text(ca->id),
			    "Bring its certificate in (chancery ca certificate), or give it up (chancery ca retire "
			    "--confirm).",
			    "CA %s has waited for its certificate since %s.", row_text(ca->name), when);
	if (ca_is(ca, "retired") && !ca->certificate.len && key && key->state == KEY_REPORT_UNBOUND)
		finding_put(d, WARNING, "keys", "key_given_up", row_text(ca->id),
			    "Destroy it with the token's own tool, then: chancery ca key-gone CA.",
			    "CA %s was given up before it had a certificate; its key still counts against "
			    "max_unbound_keys.",
			    row_text(ca->name));
}

/* What a CA signs under one that is revoked is taken by nobody. */
static void look_at_chain(struct keys *k, const struct ca_row *ca)
{
	scoped_chain chain = { 0 };
	size_t i = 1;
	if (chain_load(k->session, row_text(ca->id), &chain) != 0)
		return;
	while (i < chain.count && !ca_is(&chain.ca[i], "revoked"))
		i++;
	if (i < chain.count)
		finding_put(k->d, WARNING, "cas", "ca_cut_off", row_text(ca->id),
			    "Revoke it, too, or retire it, and have what it signed replaced by another CA's.",
			    "CA %s is active, and %s above it is revoked: nobody takes what it signs.",
			    row_text(ca->name), row_text(chain.ca[i].name));
}

static void look_at_validity(struct diagnosis *d, const struct ca_row *ca)
{
	const char *todo = ca->outsider ? "Its holder needs a new one: chancery ca create --foreign-csr."
			   : ca_offline(ca)
				   ? "Its key is elsewhere, and so is its successor made: then register that."
				   : "Make its successor now (chancery ca rotate CA); its certificates end with it.";
	char when[TIME_TEXT_SIZE];
	int64_t left = ca->not_after - time_now();
	if (left > EXPIRY_WARNING)
		return;
	time_text(ca->not_after, when);
	if (left <= 0)
		finding_put(d, CRITICAL, "cas", "ca_expired", row_text(ca->id),
			    ca_offline(ca) ? todo : "Make its successor: chancery ca rotate CA --now.",
			    "CA %s has expired on %s.", row_text(ca->name), when);
	else
		finding_put(d, left <= EXPIRY_NEAR ? CRITICAL : WARNING, "cas", "ca_expires", row_text(ca->id), todo,
			    "CA %s expires on %s, in %lld days.", row_text(ca->name), when, (long long)(left / DAY));
}

static int look_at_ca(void *with, const struct ca_row *ca)
{
	struct keys *k = with;
	k->outsiders += ca->outsider && ca_is(ca, "active");
	if (!ca_offline(ca)) {
		struct known_key *key = bsearch(ca->key_id, k->all, k->count, sizeof(*k->all), id_compare);
		if (key)
			key->claimed = true;
		look_at_ca_key(k->d, ca, key);
		if (key && !ca_is(ca, "withheld"))
			diagnosis_charter(k->d, k->session, ca);
		look_at_request(k->d, ca, key);
	}
	if (ca_is(ca, "withheld") || (ca->held.len && !gone_is(ca)))
		finding_put(
			k->d, CRITICAL, "cas", "ca_held", row_text(ca->id),
			"Look at what the signer returned (chancery audit list): it differs from what was asked for.",
			"CA %s issues nothing. %s", row_text(ca->name), row_text(ca->held));
	if (ca_is(ca, "active"))
		look_at_chain(k, ca);
	if (ca_is(ca, "active") && !gone_is(ca) && !is_followed(k->session, ca))
		look_at_validity(k->d, ca);
	return 0;
}

static int look_at_issuer(void *with, const struct issuer_row *issuer)
{
	struct keys *k = with;
	return store_ca_list(k->session, row_text(issuer->id), look_at_ca, k);
}

/* Bound keys whose CA this database doesn't have. */
static void look_at_unclaimed(struct keys *k)
{
	size_t unclaimed = 0;
	for (size_t i = 0; i < k->count; i++)
		unclaimed += !k->all[i].claimed && k->all[i].state == KEY_REPORT_BOUND;
	if (unclaimed)
		finding_put(k->d, WARNING, "cas", "keys_without_ca", "",
			    "The front-end catches up by itself; if it does not, its log says what it passed over "
			    "(catchup_record).",
			    "The signer has %zu bound keys whose CAs this database does not have.", unclaimed);
}

static void look_at_orphans(struct keys *k)
{
	char when[TIME_TEXT_SIZE];
	if (!k->orphans)
		return;
	time_text(k->oldest_orphan, when);
	finding_put(k->d, WARNING, "keys", "keys_orphaned", "",
		    "Creates that failed left them. The next CA of the same algorithm in that token takes one; signing "
		    "is not affected.",
		    "%zu keys were made and never used, the oldest on %s.", k->orphans, when);
}

static void look_at_rotation(struct diagnosis *d)
{
	struct waiting waiting[MAX_WAITING_SHOWN];
	char since[TIME_TEXT_SIZE];
	size_t n = scheduler_waiting(d->front->scheduler, waiting, MAX_WAITING_SHOWN);
	for (size_t i = 0; i < n && i < MAX_WAITING_SHOWN; i++) {
		const struct waiting *w = &waiting[i];
		time_text(w->since, since);
		finding_put(
			d, w->late ? CRITICAL : WARNING, "cas", "rotation_waits", w->ca_id,
			"It is tried again by itself. By hand: chancery ca rotate CA; chancery ca set CA --rotation "
			"off if this CA shall have no successor.",
			"CA %s waits for %s since %s. %s", w->ca_name,
			w->duty == DUTY_PREPARE	   ? "its successor to be made"
			: w->duty == DUTY_ACTIVATE ? "its successor to take over"
						   : "its end",
			since, w->why);
	}
}

void diagnosis_keys(struct diagnosis *d)
{
	look_at_rotation(d);
	struct keys k = { .d = d, .all = calloc(MAX_KNOWN_KEYS, sizeof(struct known_key)) };
	scoped_session *session = NULL;
	bool whole = k.all && store_read(d->front->store, &session) == 0;
	k.session = session;
	whole = whole && keys_read(&k);
	if (whole) {
		look_at_orphans(&k);
		qsort(k.all, k.count, sizeof(*k.all), id_compare);
		whole = store_issuer_list(session, look_at_issuer, &k) == 0;
		look_at_unclaimed(&k);
	}
	if (whole && k.outsiders)
		diagnosis_looked(d, "cas",
				 "%zu active %s over somebody else's key, outside this ledger: what it signs is "
				 "not seen here.",
				 k.outsiders, k.outsiders == 1 ? "CA is" : "CAs are");
	if (whole)
		diagnosis_looked(d, "keys", "%zu, in their tokens and against their CAs.", k.count);
	else
		finding_put(d, CRITICAL, "keys", "keys_not_read", "", "See the logs of both daemons, and try again.",
			    "Not all keys and CAs could be looked at.");
	free(k.all);
}
