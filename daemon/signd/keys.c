#include "signd/keys.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/record.h"
#include "signd/encode/cert.h"
#include "signd/public_key.h"

static uint64_t fingerprint_of(struct slice public_key)
{
	uint8_t hash[KEY_HASH_SIZE];
	cert_key_hash(public_key, hash);
	return get_u64(hash);
}

struct key *key_new(const uint8_t id[KEY_ID_SIZE], struct slice token, struct slice driver_key, struct slice public_key)
{
	struct key *k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	memcpy(k->id, id, KEY_ID_SIZE);
	buf_init(&k->public_key, public_key.len);
	buf_init(&k->charter_bytes, MAX_RECORD_BODY);
	buf_init(&k->reserved, MAX_RECORD_BODY);
	buf_init(&k->certificate, MAX_RECORD_BODY);
	buf_put_slice(&k->public_key, public_key);
	k->algorithm = public_key_read(public_key, &k->verify);
	k->driver_key_len = driver_key.len;
	if (k->algorithm == 0 || driver_key.len > sizeof(k->driver_key) ||
	    !slice_to_text(token, k->token, sizeof(k->token))) {
		key_free(k);
		return NULL;
	}
	memcpy(k->driver_key, driver_key.at, driver_key.len);
	k->fingerprint = fingerprint_of(public_key);
	return k;
}

void key_free(struct key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->verify);
	buf_free(&k->public_key);
	buf_free(&k->charter_bytes);
	buf_free(&k->reserved);
	buf_free(&k->certificate);
	free(k);
}

static struct slice key_subject(const struct key *k)
{
	return k->charter_bytes.len ? k->charter.subject : buf_slice(&k->reserved);
}

static uint64_t subject_mark(struct slice subject)
{
	uint8_t hash[HASH_SIZE];
	if (!subject.len)
		return 0;
	hash_of(subject, hash);
	return get_u64(hash) | 1;
}

static void subject_note(const struct key *k)
{
	if (k->home)
		k->home->marks[k->at].subject = subject_mark(key_subject(k));
}

void key_reserve(struct key *k, struct slice subject)
{
	buf_put_slice(&k->reserved, subject);
	subject_note(k);
}

void key_unreserve(struct key *k)
{
	buf_clear(&k->reserved);
	subject_note(k);
}

int key_bind(struct key *k, struct slice charter, int64_t not_before, int64_t not_after)
{
	struct charter c;
	scoped_buf copy = { .max = MAX_RECORD_BODY };
	buf_put_slice(&copy, charter);
	if (!buf_ok(&copy) || charter_get(buf_slice(&copy), &c) != 0 || memcmp(c.key_id, k->id, KEY_ID_SIZE) != 0 ||
	    !slice_equal(c.public_key, buf_slice(&k->public_key)))
		return 1;
	struct buf old = k->charter_bytes;
	k->charter_bytes = copy;
	k->charter = c; /* points into what was copied */
	copy = old;
	if (k->state == KEY_STATE_UNBOUND)
		k->state = KEY_STATE_BOUND;
	key_unreserve(k);
	k->not_before = not_before;
	k->not_after = not_after;
	return 0;
}

int key_respond(struct key *k, const struct responder_bound_record *r, uint64_t seq)
{
	bool again = k->state == KEY_STATE_RESPONDER && memcmp(k->responder_of, r->ca_key, KEY_ID_SIZE) == 0;
	if (k->state != KEY_STATE_UNBOUND && !again)
		return 1;
	k->state = KEY_STATE_RESPONDER;
	memcpy(k->responder_of, r->ca_key, KEY_ID_SIZE);
	k->responder_seq = seq;
	k->not_before = r->not_before;
	k->not_after = r->not_after;
	buf_clear(&k->certificate);
	key_unreserve(k);
	return 0;
}

void key_close(struct key *k)
{
	if (k->state != KEY_STATE_GONE)
		k->state = KEY_STATE_CLOSED;
}

uint16_t key_silent(const struct key *k)
{
	if (k->state == KEY_STATE_GONE)
		return REFUSE_KEY_GONE;
	if (k->latched)
		return REFUSE_KEY_LATCHED;
	if (k->barred)
		return REFUSE_ALGORITHM;
	return k->trouble ? REFUSE_KEY_TROUBLE : 0;
}

uint16_t key_stopped(const struct key *k)
{
	return k->state == KEY_STATE_CLOSED ? REFUSE_KEY_CLOSED : key_silent(k);
}

void keys_bar(struct keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		struct key *k = keys->all[i];
		k->barred = !algorithm_approved(k->algorithm);
		if (k->barred)
			log_warning("key_barred", "token=%s algorithm=%s why=\"fips_only is true in signd.conf\"",
				    k->token, algorithm_by_number(k->algorithm)->name);
	}
}

bool key_is_root(const struct key *k)
{
	return memcmp(k->charter.parent, k->id, KEY_ID_SIZE) == 0;
}

struct issuer key_issuer(const struct key *k, const struct ceilings all[CLASS_COUNT])
{
	enum key_class class = ceilings_class(key_is_root(k), k->charter.path_len);
	return (struct issuer){ &k->charter, &all[class], k->not_before, k->not_after };
}

/* Room is made at each power of two. */
static int keys_grow(struct keys *keys)
{
	size_t room = keys->count ? 2 * keys->count : 1;
	if (keys->count & (keys->count - 1))
		return 0;
	struct key **all = realloc(keys->all, room * sizeof(struct key *));
	if (all)
		keys->all = all;
	struct key_mark *marks = realloc(keys->marks, room * sizeof(*marks));
	if (marks)
		keys->marks = marks;
	return all && marks ? 0 : -1;
}

int keys_add(struct keys *keys, struct key *k)
{
	if (keys->count == MAX_KEYS || keys_grow(keys) != 0)
		return -1;
	k->home = keys;
	k->at = keys->count;
	keys->marks[k->at] = (struct key_mark){ get_u64(k->id), k->fingerprint, subject_mark(key_subject(k)) };
	keys->all[keys->count++] = k;
	return 0;
}

void keys_free(struct keys *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		key_free(keys->all[i]);
	free(keys->all);
	free(keys->marks);
	buf_free(&keys->outside);
	*keys = (struct keys){ 0 };
}

struct key *keys_find(const struct keys *keys, const uint8_t id[KEY_ID_SIZE])
{
	uint64_t mark = get_u64(id);
	for (size_t i = 0; i < keys->count; i++)
		if (keys->marks[i].id == mark && memcmp(keys->all[i]->id, id, KEY_ID_SIZE) == 0)
			return keys->all[i];
	return NULL;
}

struct key *keys_by_public(const struct keys *keys, struct slice public_key)
{
	uint64_t mark = fingerprint_of(public_key);
	for (size_t i = 0; i < keys->count; i++)
		if (keys->marks[i].public_key == mark && slice_equal(buf_slice(&keys->all[i]->public_key), public_key))
			return keys->all[i];
	return NULL;
}

void keys_remove(struct keys *keys, struct key *k)
{
	if (k->home != keys)
		return;
	k->home = NULL;
	keys->count--;
	for (size_t i = k->at; i < keys->count; i++) {
		keys->marks[i] = keys->marks[i + 1];
		keys->all[i] = keys->all[i + 1];
		keys->all[i]->at = i;
	}
}

#define MAX_OUTSIDE ((size_t)MAX_KEYS * 2 * HASH_SIZE)

/* Whether a CA outside has this subject, with this key (with), or with another. */
static bool outside_has(const struct buf *outside, struct slice subject, struct slice public_key, bool with)
{
	uint8_t name[HASH_SIZE], key[HASH_SIZE];
	hash_of(subject, name);
	hash_of(public_key, key);
	for (size_t i = 0; i < outside->len; i += 2 * (size_t)HASH_SIZE)
		if (memcmp(outside->at + i, name, HASH_SIZE) == 0 &&
		    (memcmp(outside->at + i + HASH_SIZE, key, HASH_SIZE) == 0) == with)
			return true;
	return false;
}

int keys_outside_set(struct keys *keys, struct slice hashes)
{
	if (hashes.len % (2 * (size_t)HASH_SIZE) || hashes.len > MAX_OUTSIDE)
		return -1;
	keys->outside.max = MAX_OUTSIDE;
	buf_clear(&keys->outside);
	buf_put_slice(&keys->outside, hashes);
	return buf_ok(&keys->outside) ? 0 : -1;
}

int keys_know(struct keys *keys, struct slice subject, struct slice public_key)
{
	uint8_t name[HASH_SIZE], key[HASH_SIZE];
	if (outside_has(&keys->outside, subject, public_key, true))
		return 0;
	hash_of(subject, name);
	hash_of(public_key, key);
	keys->outside.max = MAX_OUTSIDE;
	buf_put(&keys->outside, name, HASH_SIZE);
	buf_put(&keys->outside, key, HASH_SIZE);
	return buf_ok(&keys->outside) ? 0 : -1;
}

bool keys_subject_taken(const struct keys *keys, struct slice subject, struct slice public_key)
{
	uint64_t mark = subject_mark(subject);
	for (size_t i = 0; i < keys->count; i++) {
		const struct key *k = keys->all[i];
		if (keys->marks[i].subject == mark && slice_equal(key_subject(k), subject) &&
		    !slice_equal(buf_slice(&k->public_key), public_key))
			return true;
	}
	return outside_has(&keys->outside, subject, public_key, false);
}

size_t keys_count(const struct keys *keys, enum key_state state)
{
	size_t n = 0;
	for (size_t i = 0; i < keys->count; i++)
		n += keys->all[i]->state == state;
	return n;
}
