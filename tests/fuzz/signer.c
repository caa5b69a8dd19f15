/*
 * The signer whole, but for its threads, files and sockets (world.h): all that
 * an admitted front-end can send, in any order, with more than one request
 * under way. In the end a second signer reads the ledger that came of it and
 * must know the same keys under the same charters.
 *
 * An input is a sequence of requests: verb in one byte, flags in one, the
 * body's length in two, the body. The time in its request id is made right. In
 * CA_IMPORT and CERT_ADMIT the first byte of the context, and the tags of the
 * chain, say which of the world's keys signs that certificate first (from 1;
 * 0: none); a tag from 128 on: it is a root in the anchors folder, not sent.
 */
#include <openssl/err.h>
#include <string.h>

#include "fuzz/bend.h"
#include "fuzz/fields.h"
#include "fuzz/fuzz.h"
#include "fuzz/world.h"
#include "signd/guard.h"
#include "signd/restore.h"
#include "wire/inner_answer.h"

#define MAX_REQUESTS 40
#define DAY 86400
#define ANCHOR 0x80

enum { FLAG_TOKEN = 3, FLAG_WAIT = 4, FLAG_AGAIN = 8, FLAG_RAW = 16 };

static struct signer made;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	world_make();
	struct config *c = &made.config;
	memset(c->ledger_id, 0x4c, LEDGER_ID_SIZE);
	c->token_count = 2;
	c->tokens[0].name = "main";
	c->tokens[1].name = "other";
	c->log_token = "main";
	c->allow_roots = true;
	c->anchors_dir = c->state_dir = "";
	c->max_unbound = 4;
	c->max_unsigned = 1000000;
	for (int i = 0; i < CLASS_COUNT; i++)
		c->classes[i] = (struct ceilings){ .kinds = 1 << KIND_LEAF | 1 << KIND_CA,
						   .longest = { 0, 40000L * DAY, 40000L * DAY, 0, 0 },
						   .backdate = DAY,
						   .ahead = DAY,
						   .name_types = ~0U,
						   .algorithms = ~0U,
						   .key_usages = ~0U,
						   .opaque = { 1, 5, { 0, 2, 0, 0x2a, 3 } },
						   .any_ext_key_usage = true };
	made.slots[0] = made.slots[1] = (struct slot *)&world;
	return 0;
}

/* Signs what is to be signed and takes the anchors out. */
static void import_prepare(struct ca_import_request *r, struct buf *certificate, struct buf *chain)
{
	uint8_t tag;
	struct slice der;
	uint16_t count = 0;
	int by = r->context.len ? r->context.at[0] % WORLD_KEYS : 0;
	if (by)
		world_sign(by, r->certificate, certificate);
	while (list_next(&r->chain, &tag, &der)) {
		scoped_buf other = { .max = 65536 };
		by = (tag & ~ANCHOR) % WORLD_KEYS;
		if (by)
			world_sign(by, der, &other);
		der = by ? buf_slice(&other) : der;
		const unsigned char *at = der.at;
		if (!(tag & ANCHOR)) {
			list_put(chain, &count, 0, der);
			continue;
		}
		X509 *x = d2i_X509(NULL, &at, (long)der.len);
		if (x)
			sk_X509_push(world.anchors, x);
		ERR_clear_error();
	}
	if (certificate->len)
		r->certificate = buf_slice(certificate);
	r->chain = list_of(chain, count);
}

/* The body as it is sent. */
static void body_prepare(uint8_t verb, uint8_t flags, struct slice body, struct buf *out)
{
	scoped_buf certificate = { .max = 65536 }, chain = { .max = 16 * 65536 };
	struct ca_import_request import;
	struct cert_admit_request admit;
	const char *where;
	if (verb == INNER_CA_IMPORT && pack_get(body, request_fields(verb), &import, &where) == PACK_OK) {
		import_prepare(&import, &certificate, &chain);
		pack_put(out, request_fields(verb), &import);
	} else if (verb == INNER_CERT_ADMIT && pack_get(body, request_fields(verb), &admit, &where) == PACK_OK) {
		int by = admit.context.len ? admit.context.at[0] % WORLD_KEYS : 0;
		if (by)
			world_sign(by, admit.certificate, &certificate);
		if (by)
			admit.certificate = buf_slice(&certificate);
		pack_put(out, request_fields(verb), &admit);
	}
	if (!buf_ok(out) || out->len == 0) {
		buf_clear(out);
		buf_put_slice(out, body);
	}
	const struct pack_field *first = request_fields(verb);
	bool has_id = first->kind == PACK_FIXED && strcmp(first->name, "request_id") == 0;
	for (int i = 0; i < 6 && out->len >= REQUEST_ID_SIZE && has_id && !(flags & FLAG_RAW); i++)
		out->at[i] = (uint8_t)(WORLD_NOW * UINT64_C(1000) >> (40 - 8 * i));
}

/* What the peer was sent: whole frames, each the reply of a table or a refusal that somebody can read. */
static void answers_hold(struct slice sent)
{
	struct frame f;
	struct refusal_message why;
	while (sent.len) {
		REQUIRE(frame_peek(sent, &f) == FRAME_WHOLE && inner_verb(f.verb));
		REQUIRE(f.kind == FRAME_REPLY || (f.kind == FRAME_REFUSAL && refusal_get(f.body, &why) == PACK_OK &&
						  why.code >= 100 && why.sentence.len));
		size_t size = frame_size(&f);
		sent = (struct slice){ sent.at + size, sent.len - size };
	}
}

/* The same request once more gets the same answer, if that was none of passing trouble. */
static void again(struct signer *s, const struct frame *request, struct slice first)
{
	struct frame f;
	scoped_buf before = { .max = 4 * 1024 * 1024 };
	buf_put_slice(&before, first);
	bool told = frame_peek(buf_slice(&before), &f) == FRAME_WHOLE && f.kind == FRAME_REPLY && f.tag == request->tag;
	bool kept = told && f.verb != INNER_HELLO && f.verb != INNER_STATUS && f.verb != INNER_LEDGER_READ &&
		    f.verb != INNER_CHECKPOINT && f.verb != INNER_KEY_LIST && f.verb != INNER_CHARTER_READ &&
		    f.verb != INNER_OCSP_SIGN;
	size_t records = world.record_count;
	buf_clear(&world.out);
	answer_request(s, WORLD_PEER, request);
	world_run(s, SIZE_MAX);
	answers_hold(buf_slice(&world.out));
	if (kept)
		REQUIRE(slice_equal(buf_slice(&world.out), buf_slice(&before)) && world.record_count == records);
}

static void request_try(struct signer *s, uint8_t verb, uint8_t flags, uint64_t tag, struct slice bytes)
{
	scoped_buf body = { .max = 1024 * 1024 };
	const struct verb *row = inner_verb(verb);
	world.anchors = sk_X509_new_null();
	if (row)
		body_prepare(verb, flags, bytes, &body);
	if (row && body.len <= row->most) {
		const struct frame f = {
			(uint32_t)body.len, FRAME_VERSION, FRAME_REQUEST, verb, tag, buf_slice(&body)
		};
		world.token = flags & FLAG_TOKEN;
		world.front = !(flags & FLAG_RAW);
		if (!(flags & FLAG_WAIT))
			world_run(s, SIZE_MAX);
		buf_clear(&world.out);
		int r = answer_request(s, WORLD_PEER, &f);
		world_run(s, flags & FLAG_WAIT ? flags >> 5 : SIZE_MAX);
		answers_hold(buf_slice(&world.out));
		if (r == 0 && flags & FLAG_AGAIN && !(flags & FLAG_WAIT))
			again(s, &f, buf_slice(&world.out));
	}
	sk_X509_pop_free(world.anchors, X509_free);
	world.anchors = NULL;
}

static void key_holds(const struct key *k, const struct key *other)
{
	REQUIRE(other && k->state == other->state && k->reserved.len == 0 && k->algorithm == other->algorithm &&
		k->latched == other->latched);
	REQUIRE(strcmp(k->token, other->token) == 0 && k->driver_key_len == other->driver_key_len &&
		memcmp(k->driver_key, other->driver_key, k->driver_key_len) == 0);
	REQUIRE(slice_equal(buf_slice(&k->public_key), buf_slice(&other->public_key)));
	REQUIRE(slice_equal(buf_slice(&k->charter_bytes), buf_slice(&other->charter_bytes)));
	REQUIRE(k->not_before == other->not_before && k->not_after == other->not_after);
	if (!k->charter_bytes.len)
		return;
	struct constraints excluded = { .excluded = k->charter.excluded };
	uint8_t type;
	struct slice item;
	REQUIRE(constraints_check(&excluded) && k->charter.subject.len && k->charter.key_hash.len);
	for (struct list l = k->charter.permitted; list_next(&l, &type, &item);)
		REQUIRE(type && type <= MAX_NAME_TYPE && (item.len == 0 || name_is_canonical(AS_SUBTREE, type, item)));
}

/* No subject is used with two keys. */
static void subjects_hold(const struct keys *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		for (size_t j = 0; j < i; j++)
			REQUIRE(!keys->all[i]->charter_bytes.len || !keys->all[j]->charter_bytes.len ||
				!slice_equal(keys->all[i]->charter.subject, keys->all[j]->charter.subject));
}

/* The chain of an import, read again: its key's path length is at most what any of it states. */
static void path_len_holds(const struct imported_record *in, uint16_t path_len)
{
	uint8_t tag;
	struct slice der = in->certificate;
	struct list chain = in->chain;
	do {
		const unsigned char *at = der.at;
		X509 *x = d2i_X509(NULL, &at, (long)der.len);
		REQUIRE(x);
		long most = X509_get_pathlen(x);
		REQUIRE(most < 0 || path_len <= most);
		X509_free(x);
	} while (list_next(&chain, &tag, &der));
}

/* A key that was bound keeps its charter; only its validity may change. */
static void bindings_hold(void)
{
	struct record a, b;
	struct key_bound_record x, y;
	size_t size;
	for (size_t i = 0; i < world.record_count; i++)
		for (size_t j = 0; j < i; j++) {
			record_peek(buf_slice(&world.records[i]), &a, &size, NULL);
			record_peek(buf_slice(&world.records[j]), &b, &size, NULL);
			if (a.type != RECORD_KEY_BOUND || b.type != RECORD_KEY_BOUND)
				continue;
			REQUIRE(record_key_bound_get(a.body, &x) == PACK_OK &&
				record_key_bound_get(b.body, &y) == PACK_OK);
			REQUIRE(memcmp(x.key_id, y.key_id, KEY_ID_SIZE) != 0 || slice_equal(x.charter, y.charter));
		}
}

static void imports_hold(const struct signer *s)
{
	struct record r;
	struct imported_record in;
	size_t size;
	for (size_t i = 0; i < world.record_count; i++) {
		REQUIRE(record_peek(buf_slice(&world.records[i]), &r, &size, NULL) == RECORD_WHOLE);
		if (r.type != RECORD_IMPORTED)
			continue;
		REQUIRE(record_imported_get(r.body, &in) == PACK_OK);
		const struct key *k = keys_find(&s->keys, in.key_id);
		REQUIRE(!in.token.len || k);
		if (k)
			path_len_holds(&in, k->charter.path_len);
	}
}

/* What stands on the ledger is all that a next life needs. */
static void ledger_holds(const struct signer *s)
{
	struct signer next = made;
	buf_init(&next.note, MAX_NOTE);
	next.recent = recent_new(64);
	REQUIRE(next.recent && restore(&next, NULL) == 0);
	REQUIRE(next.keys.count == s->keys.count && s->running_count == 0);
	for (size_t i = 0; i < s->keys.count; i++)
		key_holds(s->keys.all[i], keys_find(&next.keys, s->keys.all[i]->id));
	world_end(&next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct signer s = made;
	struct slice rest = { data, size };
	world_begin(&s);
	for (uint64_t n = 1; rest.len >= 4 && n <= MAX_REQUESTS; n++) {
		size_t len = get_u16(rest.at + 2), left = rest.len - 4;
		len = len < left ? len : left;
		request_try(&s, rest.at[0], rest.at[1], n, (struct slice){ rest.at + 4, len });
		rest = (struct slice){ rest.at + 4 + len, left - len };
	}
	world.token = WORLD_GOOD;
	world_run(&s, SIZE_MAX);
	subjects_hold(&s.keys);
	bindings_hold();
	imports_hold(&s);
	ledger_holds(&s);
	world_end(&s);
	return 0;
}

static void request_put(uint8_t verb, uint8_t flags, struct slice body, struct buf *out)
{
	buf_put_u8(out, verb);
	buf_put_u8(out, flags);
	buf_put_u16(out, (uint16_t)body.len);
	buf_put_slice(out, body);
}

/* One of the requests, bent: a field of it, the flags; or gone, or there twice. */
static void request_bend(struct dice *d, const uint8_t *at, size_t len, struct buf *out)
{
	const struct slice body = { at + 4, len };
	scoped_buf other = { .max = 65535 };
	switch (dice_roll(d, 12)) {
	case 0:
		return;
	case 1:
		request_put(at[0], at[1], body, out);
		request_put(at[0], at[1], body, out);
		return;
	case 2:
		request_put(at[0], (uint8_t)dice_roll(d, 256), body, out);
		return;
	case 3:
		bytes_bend(body, 65535, &other);
		break;
	default:
		if (!request_fields(at[0]) || !fields_bend(d, request_fields(at[0]), body, &other))
			bytes_bend(body, len + 64 < 65535 ? len + 64 : 65535, &other);
	}
	request_put(at[0], at[1], buf_ok(&other) ? buf_slice(&other) : body, out);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct dice d = { seed };
	scoped_buf out = { .max = max_size };
	uint32_t count = 0;
	for (size_t at = 0; size >= 4 && at <= size - 4; at += 4 + get_u16(data + at + 2))
		count++;
	if (count == 0 || dice_roll(&d, 20) == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	uint32_t bend = dice_roll(&d, count);
	size_t at = 0, len = 0;
	for (uint32_t i = 0; i < count; i++, at += 4 + len) {
		len = get_u16(data + at + 2);
		len = len < size - at - 4 ? len : size - at - 4;
		if (i == bend)
			request_bend(&d, data + at, len, &out);
		else
			request_put(data[at], data[at + 1], (struct slice){ data + at + 4, len }, &out);
	}
	size_t n = bent(&out, data, max_size);
	return n ? n : LLVMFuzzerMutate(data, size, max_size);
}
