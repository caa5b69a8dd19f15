#include "fuzz/world.h"

#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "fuzz/fuzz.h"
#include "fuzz/log_key.h"
#include "signd/anchors.h"
#include "signd/encode/cert.h"
#include "signd/guard.h"
#include "signd/public_key.h"
#include "signd/restore.h"
#include "signd/scribe.h"
#include "signd/slot.h"

struct world world;

/* The clock and chance: --wrap in local.mk. */
int64_t __wrap_time_now(void);
int64_t __wrap_time_now_ms(void);
int64_t __wrap_time_boot_ms(void);
void __wrap_random_bytes(void *out, size_t n);

int64_t __wrap_time_now(void)
{
	return WORLD_NOW;
}

int64_t __wrap_time_now_ms(void)
{
	return WORLD_NOW * INT64_C(1000);
}

int64_t __wrap_time_boot_ms(void)
{
	return WORLD_NOW;
}

/* The first key is 0101..., the second 0202..., so that an input can name them. */
void __wrap_random_bytes(void *out, size_t n)
{
	memset(out, ++world.random, n);
}

void world_make(void)
{
	for (int i = 0; i < WORLD_KEYS; i++) {
		uint8_t seed[32];
		unsigned char *der = NULL;
		memset(seed, 'a' + i, sizeof(seed));
		world.private[i] = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
		int n = i2d_PUBKEY(world.private[i], &der);
		REQUIRE(n > 0);
		buf_init(&world.public[i], 64);
		buf_put(&world.public[i], der, (size_t)n);
		OPENSSL_free(der);
	}
	for (size_t i = 0; i < sizeof(world.records) / sizeof(world.records[0]); i++)
		buf_init(&world.records[i], MAX_RECORD);
	buf_init(&world.out, 64 * 1024 * 1024);
}

struct slice world_public(int key)
{
	return buf_slice(&world.public[key]);
}

static int key_of(struct slice public_key)
{
	for (int i = 0; i < WORLD_KEYS; i++)
		if (slice_equal(world_public(i), public_key))
			return i;
	return -1;
}

static void ed25519_sign(int key, struct slice message, uint8_t raw[64])
{
	size_t size = 64;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	REQUIRE(EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, world.private[key], NULL) == 1 &&
		EVP_DigestSign(ctx, raw, &size, message.at, message.len) == 1);
	EVP_MD_CTX_free(ctx);
}

/* The first member of a SEQUENCE, as it stands: of a certificate, what is signed. */
static struct slice first_member(struct slice der)
{
	const unsigned char *at = der.at;
	long n;
	int tag, class;
	if (ASN1_get_object(&at, &n, &tag, &class, (long)der.len) != V_ASN1_CONSTRUCTED || tag != V_ASN1_SEQUENCE)
		return (struct slice){ 0 };
	const unsigned char *from = at, *end = at + n;
	if (ASN1_get_object(&at, &n, &tag, &class, end - at) & 0x80)
		return (struct slice){ 0 };
	return (struct slice){ from, (size_t)(at + n - from) };
}

void world_sign(int key, struct slice certificate, struct buf *out)
{
	uint8_t raw[64];
	struct slice tbs = first_member(certificate);
	if (tbs.len) {
		ed25519_sign(key, tbs, raw);
		if (record_certificate(tbs, SLICE_OF(raw), out) == 0)
			return;
	}
	buf_clear(out);
	buf_put_slice(out, certificate);
}

/* signd/anchors */
int anchors_load(const char *folder, STACK_OF(X509) * anchors)
{
	(void)folder;
	for (int i = 0; i < sk_X509_num(world.anchors); i++) {
		X509 *x = sk_X509_value(world.anchors, i);
		X509_up_ref(x);
		sk_X509_push(anchors, x);
	}
	return 0;
}

static void step_later(struct op *op)
{
	chain_put(&world.waiting, op);
}

void world_run(struct signer *s, size_t most)
{
	struct op *op;
	signer_hand_over(s);
	while (most-- && (op = chain_take(&world.waiting))) {
		op->then(s, op);
		signer_hand_over(s);
	}
}

/* ledger/ledger */
static void record_keep(uint8_t type, struct slice body, uint64_t *seq)
{
	uint8_t hash[HASH_SIZE];
	struct record r = { .type = type,
			    .flags = RECORD_BATCH_BEGIN | RECORD_BATCH_END,
			    .seq = *seq = world.record_count,
			    .time = WORLD_NOW * INT64_C(1000),
			    .body = body };
	struct buf *at = &world.records[world.record_count++];
	REQUIRE(world.record_count < sizeof(world.records) / sizeof(world.records[0]));
	buf_clear(at);
	record_put(at, &r, hash);
	REQUIRE(buf_ok(at));
}

int ledger_read(struct ledger_reader *r, uint64_t seq, struct buf *out, struct record *record)
{
	size_t size;
	(void)r;
	if (seq >= world.record_count)
		return LEDGER_NONE;
	buf_clear(out);
	buf_put_slice(out, buf_slice(&world.records[seq]));
	return record_peek(buf_slice(out), record, &size, NULL) == RECORD_WHOLE ? 0 : -1;
}

int ledger_read_range(struct ledger_reader *r, uint64_t from, uint64_t limit, size_t most, struct buf *out)
{
	(void)r;
	size_t start = out->len;
	for (; from < limit && from < world.record_count; from++) {
		struct slice next = buf_slice(&world.records[from]);
		if (out->len > start && out->len - start + next.len > most)
			break;
		buf_put_slice(out, next);
	}
	return 0;
}

void ledger_reader_near(struct ledger_reader *r, bool near)
{
	(void)r;
	(void)near;
}

uint64_t ledger_size(const struct ledger *l)
{
	(void)l;
	return world.record_count;
}

/* No snapshots: the signer under test reads all that there is. */
struct slice ledger_state(const struct ledger *l, uint64_t *size)
{
	(void)l;
	*size = 0;
	return (struct slice){ 0 };
}

bool ledger_rolled_back(const struct ledger *l)
{
	(void)l;
	return false;
}

void ledger_state_drop(struct ledger *l)
{
	(void)l;
}

int64_t ledger_last_time(const struct ledger *l)
{
	(void)l;
	return WORLD_NOW * INT64_C(1000);
}

int ledger_stage(struct ledger *l, uint8_t type, int64_t time, struct slice body, uint64_t *seq)
{
	(void)l;
	(void)time;
	record_keep(type, body, seq);
	return 0;
}

int ledger_commit(struct ledger *l)
{
	(void)l;
	return 0;
}

/* signd/journal */
static void op_write(struct op *op)
{
	for (size_t i = 0; i < op->record_count; i++) {
		struct staged *r = &op->records[i];
		REQUIRE(buf_ok(&r->body) && r->body.len <= MAX_RECORD_BODY);
		if (r->follows)
			set_u64(r->body.at, op->records[i - r->follows].seq);
		record_keep(r->type, buf_slice(&r->body), &r->seq);
	}
	step_later(op);
}

void journal_submit(struct journal *j, struct op_chain *ops, bool urgent)
{
	struct op *op;
	(void)j;
	(void)urgent;
	while ((op = chain_take(ops)))
		op_write(op);
}

void journal_head(struct journal *j, struct journal_head *out)
{
	(void)j;
	*out = (struct journal_head){ .size = world.record_count, .last_time = WORLD_NOW * INT64_C(1000) };
}

void journal_tree(struct journal *j, struct merkle *out)
{
	struct record r;
	uint8_t hash[HASH_SIZE];
	size_t size;
	(void)j;
	merkle_init(out);
	for (size_t i = 0; i < world.record_count; i++) {
		REQUIRE(record_peek(buf_slice(&world.records[i]), &r, &size, hash) == RECORD_WHOLE);
		merkle_append(out, hash);
	}
}

/* signd/scribe */
void scribes_submit(struct scribes *all, struct op *op)
{
	(void)all;
	op->task(op, NULL);
	step_later(op);
}

/* signd/verify: of Ed25519 for good; a key of another kind has never signed. */
static bool op_verifies(struct op *op)
{
	const struct algorithm *a = algorithm_by_number(op->key->algorithm);
	if (op->raw.len != a->signature_size)
		return false;
	cert_put_signature(&op->signature, a->number, buf_slice(&op->raw));
	return buf_ok(&op->signature) &&
	       (a->number != ALGORITHM_ED25519 ||
		public_key_verify(op->key->verify, a->number, buf_slice(&op->message), buf_slice(&op->signature)));
}

void verifiers_submit(struct verifiers *v, struct op_chain *ops)
{
	struct op *op;
	(void)v;
	while ((op = chain_take(ops))) {
		bool good = op_verifies(op);
		op->trouble = good ? OP_FINE : OP_SIGNATURE_WRONG;
		if (good && op->concluded) {
			op->concluded(op);
			op_write(op);
		} else {
			step_later(op);
		}
	}
}

/* signd/slot */
const char *slot_name(const struct slot *s)
{
	(void)s;
	return "main";
}

bool slot_ready(const struct slot *s)
{
	return s && world.token != WORLD_AWAY;
}

bool slot_can(const struct slot *s, uint8_t algorithm)
{
	(void)s;
	return algorithm == ALGORITHM_ED25519 || algorithm == ALGORITHM_ECDSA_P256;
}

bool slot_busy(struct slot *s)
{
	(void)s;
	return false;
}

unsigned slot_workers(const struct slot *s)
{
	(void)s;
	return 2;
}

bool slot_expected(const struct slot *s)
{
	return slot_ready(s);
}

unsigned slot_connection(const struct slot *s)
{
	(void)s;
	return 1;
}

bool slot_resumed(const struct slot *s)
{
	(void)s;
	return false;
}

const char *slot_serial(const struct slot *s)
{
	(void)s;
	return "1";
}

uint8_t slot_report(struct slot *s, struct driver_report *report)
{
	*report = (struct driver_report){ .name = slice_text("main"), .serial = slice_text("1") };
	return slot_ready(s) ? DRIVER_READY : DRIVER_AWAY;
}

/* False: there is no answer but trouble, and it is under way. */
static bool token_answers(struct op *op)
{
	if (world.token == WORLD_GOOD || world.token == WORLD_WRONG)
		return true;
	op->trouble = world.token == WORLD_AWAY ? OP_TOKEN_AWAY : OP_TOKEN_REFUSED;
	op->driver_code = DRIVER_REFUSE_KEY_UNKNOWN;
	step_later(op);
	return false;
}

void slot_sign(struct slot *s, struct op *op)
{
	REQUIRE(s);
	if (!token_answers(op))
		return;
	uint8_t raw[MAX_SIGNATURE] = { 1, [32] = 1 };
	size_t size = algorithm_by_number(op->key->algorithm)->signature_size;
	int key = key_of(buf_slice(&op->key->public_key));
	if (key >= 0)
		ed25519_sign(key, buf_slice(&op->message), raw);
	if (world.token == WORLD_WRONG)
		raw[40] ^= 1;
	buf_clear(&op->raw);
	buf_put(&op->raw, raw, size);
	step_later(op);
}

/* A token that refuses lists no key, any other each. */
void slot_list(struct slot *s, struct op *op)
{
	REQUIRE(s);
	buf_clear(&op->raw);
	op->trouble = world.token == WORLD_AWAY ? OP_TOKEN_AWAY : OP_FINE;
	if (world.token != WORLD_REFUSES)
		buf_put_u8(&op->raw, 1);
	step_later(op);
}

/* What the driver calls a key is its number here. */
void slot_public(struct slot *s, struct op *op)
{
	REQUIRE(s);
	if (!token_answers(op))
		return;
	int key = op->message.len ? op->message.at[0] % WORLD_KEYS : 0;
	buf_clear(&op->raw);
	buf_put_slice(&op->raw, world_public(key));
	step_later(op);
}

/* The base point of P-256 is the only key of its kind. */
void slot_create(struct slot *s, struct op *op, uint8_t algorithm)
{
	static const uint8_t point[] = P256_BASE_POINT;
	REQUIRE(s);
	if (!token_answers(op))
		return;
	buf_clear(&op->raw);
	if (algorithm == ALGORITHM_ED25519)
		buf_put_slice(&op->raw, world_public(1 + world.made++ % (WORLD_KEYS - 1)));
	else
		buf_put(&op->raw, point, sizeof(point) - 1);
	step_later(op);
}

/* signd/guard */
bool guard_is_front(struct guard *g, uint64_t peer)
{
	(void)g;
	(void)peer;
	return world.front;
}

struct buf *guard_out(struct guard *g, uint64_t peer)
{
	(void)g;
	return peer == WORLD_PEER ? &world.out : NULL;
}

/* No descriptor ever comes along: the entries of CRLs have harnesses of their own. */
int guard_passed(struct guard *g, uint64_t peer)
{
	(void)g;
	(void)peer;
	return -1;
}

bool guard_pass(struct guard *g, uint64_t peer, int fd)
{
	(void)g;
	(void)peer;
	fd_close(&fd);
	return false;
}

void guard_send(struct guard *g, uint64_t peer)
{
	(void)g;
	(void)peer;
}

void guard_refuse(struct guard *g, uint64_t peer, uint16_t verb, uint64_t tag, uint16_t code, const char *field,
		  uint32_t retry_after)
{
	(void)g;
	const struct refusal_message r = { code, retry_after, slice_text(field),
					   slice_text(inner_refusal_sentence(code)) };
	if (peer == WORLD_PEER)
		refusal_put(&world.out, verb, tag, &r);
}

void world_begin(struct signer *s)
{
	scoped_buf body = { .max = MAX_RECORD_BODY };
	struct ledger_start_record start = { .log_token = slice_text("main"),
					     .log_key = slice_text("log"),
					     .log_algorithm = ALGORITHM_ED25519,
					     .log_public_key = world_public(0) };
	uint64_t seq;
	memcpy(start.ledger_id, s->config.ledger_id, LEDGER_ID_SIZE);
	record_ledger_start_put(&body, &start);
	world.record_count = 0;
	world.random = 0;
	world.made = 0;
	world.token = WORLD_GOOD;
	world.waiting = (struct op_chain){ NULL, NULL };
	buf_clear(&world.out);
	record_keep(RECORD_LEDGER_START, buf_slice(&body), &seq);
	buf_init(&s->note, MAX_NOTE);
	s->recent = recent_new(64);
	REQUIRE(s->recent && restore(s, NULL) == 0);
}

void world_end(struct signer *s)
{
	keys_free(&s->keys);
	scopes_free(&s->scopes);
	key_free(s->log_key);
	recent_free(s->recent);
	buf_free(&s->note);
}
