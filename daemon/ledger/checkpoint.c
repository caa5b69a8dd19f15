#include "ledger/checkpoint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/text.h"

#define SYSTEM_NAME "chancery"
#define ORIGIN SYSTEM_NAME "/"
#define ORIGIN_SIZE (sizeof(ORIGIN) - 1 + 32)
#define OF_SNAPSHOT "/snapshot"
#define EM_DASH "\xe2\x80\x94 "
#define KEY_HASH 4
#define MAX_NOTE_SIGNATURES 16 /* the log key's and those of witnesses */
#define HASH_BASE64 44
#define LEAST_RSA_BITS 2048

static void key_free(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void digest_context_free(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

/* A log key of a kind that we know; NULL if it is another, or not one at all. */
static EVP_PKEY *key_decode(struct slice spki)
{
	const unsigned char *at = spki.at;
	__attribute__((cleanup(key_free))) EVP_PKEY *key = spki.len ? d2i_PUBKEY(NULL, &at, (long)spki.len) : NULL;
	char curve[32] = "";
	bool fits = key && at == spki.at + spki.len;
	if (fits && EVP_PKEY_is_a(key, "EC"))
		fits = EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) == 1 &&
		       (strcmp(curve, "prime256v1") == 0 || strcmp(curve, "secp384r1") == 0 ||
			strcmp(curve, "secp521r1") == 0);
	else if (fits && EVP_PKEY_is_a(key, "RSA"))
		fits = EVP_PKEY_get_bits(key) >= LEAST_RSA_BITS;
	else
		fits = fits && EVP_PKEY_is_a(key, "ED25519");
	ERR_clear_error();
	EVP_PKEY *taken = fits ? key : NULL;
	key = fits ? NULL : key;
	return taken;
}

static void origin_put(const struct checkpoint *c, struct buf *out)
{
	char id[33];
	hex_encode(c->ledger_id, sizeof(c->ledger_id), id);
	buf_put_text(out, ORIGIN);
	buf_put_text(out, id);
	if (c->of_snapshot)
		buf_put_text(out, OF_SNAPSHOT);
}

void base64_put(struct buf *out, struct slice bytes)
{
	uint8_t *room = buf_room(out, (bytes.len + 2) / 3 * 4 + 1);
	if (room)
		out->len += (size_t)EVP_EncodeBlock(room, bytes.at, (int)bytes.len);
}

bool base64_get(struct slice text, struct buf *out)
{
	scoped_buf again = { .max = text.len + 1 };
	uint8_t *room = buf_room(out, text.len / 4 * 3 + 1);
	int n = room && text.len && text.len % 4 == 0 ? EVP_DecodeBlock(room, text.at, (int)text.len) : -1;
	if (n < 3)
		return false;
	n -= text.at[text.len - 1] == '=';
	n -= text.at[text.len - 2] == '=';
	out->len += (size_t)n;
	base64_put(&again, buf_slice(out));
	return buf_ok(&again) && slice_equal(buf_slice(&again), text);
}

void checkpoint_text(const struct checkpoint *c, struct buf *out)
{
	origin_put(c, out);
	buf_printf(out, "\n%" PRIu64 "\n", c->size);
	base64_put(out, (struct slice){ c->root, HASH_SIZE });
	buf_put_text(out, "\n");
	if (!c->of_snapshot)
		return;
	base64_put(out, (struct slice){ c->snapshot, HASH_SIZE });
	buf_put_text(out, "\n");
}

static bool key_hash(const struct checkpoint *c, EVP_PKEY *key, struct slice spki, uint8_t hash[KEY_HASH])
{
	scoped_buf in = { .max = 2 * MAX_NOTE };
	uint8_t raw[32], full[HASH_SIZE];
	size_t raw_size = sizeof(raw);
	origin_put(c, &in);
	if (EVP_PKEY_is_a(key, "ED25519")) {
		if (EVP_PKEY_get_raw_public_key(key, raw, &raw_size) != 1)
			return false;
		buf_put_text(&in, "\n\x01");
		buf_put(&in, raw, raw_size);
	} else {
		buf_put_text(&in, "\n\xff" SYSTEM_NAME);
		buf_put_slice(&in, spki);
	}
	if (!buf_ok(&in))
		return false;
	hash_of(buf_slice(&in), full);
	memcpy(hash, full, KEY_HASH);
	return true;
}

void checkpoint_note(const struct checkpoint *c, struct slice public_key, struct slice signature, struct buf *out)
{
	__attribute__((cleanup(key_free))) EVP_PKEY *key = key_decode(public_key);
	scoped_buf blob = { .max = MAX_NOTE };
	uint8_t hash[KEY_HASH];
	if (!key || !key_hash(c, key, public_key, hash)) {
		out->broken = true;
		return;
	}
	buf_put(&blob, hash, sizeof(hash));
	buf_put_slice(&blob, signature);
	checkpoint_text(c, out);
	buf_put_text(out, "\n" EM_DASH);
	origin_put(c, out);
	buf_put_text(out, " ");
	base64_put(out, buf_slice(&blob));
	buf_put_text(out, "\n");
	out->broken = out->broken || !buf_ok(&blob);
}

static bool size_parse(struct slice digits, uint64_t *size)
{
	char text[24], *end;
	if (digits.len == 0 || digits.len > 20 || digits.at[0] < '0' || digits.at[0] > '9')
		return false;
	slice_to_text(digits, text, sizeof(text));
	*size = strtoull(text, &end, 10);
	return *end == '\0';
}

static bool hash_take(struct slice *rest, uint8_t hash[HASH_SIZE])
{
	struct slice line;
	scoped_buf bytes = { .max = MAX_NOTE };
	if (!slice_take_line(rest, &line) || line.len != HASH_BASE64 || !base64_get(line, &bytes) ||
	    bytes.len != HASH_SIZE)
		return false;
	memcpy(hash, bytes.at, HASH_SIZE);
	return true;
}

/* The lines and the empty one; *text is what is signed. They must be as checkpoint_text() writes them. */
static bool text_take(struct slice *rest, struct checkpoint *c, struct slice *text)
{
	struct slice origin, size, empty;
	const uint8_t *start = rest->at;
	if (!slice_take_line(rest, &origin) || !slice_take_line(rest, &size) || !hash_take(rest, c->root) ||
	    (c->of_snapshot && !hash_take(rest, c->snapshot)))
		return false;
	*text = (struct slice){ start, (size_t)(rest->at - start) };
	if (!slice_take_line(rest, &empty) || empty.len != 0 || origin.len < ORIGIN_SIZE)
		return false;
	scoped_buf again = { .max = MAX_NOTE };
	if (!hex_decode((const char *)origin.at + sizeof(ORIGIN) - 1, 32, c->ledger_id, sizeof(c->ledger_id)) ||
	    !size_parse(size, &c->size))
		return false;
	checkpoint_text(c, &again);
	return buf_ok(&again) && slice_equal(buf_slice(&again), *text);
}

static bool signature_holds(EVP_PKEY *key, struct slice text, struct slice signature)
{
	__attribute__((cleanup(digest_context_free))) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const char *digest = EVP_PKEY_is_a(key, "ED25519") ? NULL : "SHA256";
	bool holds = ctx && EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) == 1 &&
		     EVP_DigestVerify(ctx, signature.at, signature.len, text.at, text.len) == 1;
	ERR_clear_error();
	return holds;
}

/* Signatures by others stand there unread; the one with our key's name and hash must hold. */
static bool signatures_hold(const struct checkpoint *c, struct slice lines, struct slice text, EVP_PKEY *key,
			    struct slice spki)
{
	scoped_buf name = { .max = MAX_NOTE };
	uint8_t hash[KEY_HASH];
	struct slice line;
	origin_put(c, &name);
	buf_put_text(&name, " ");
	if (!buf_ok(&name) || !key_hash(c, key, spki, hash))
		return false;
	bool found = false;
	for (int i = 0; i < MAX_NOTE_SIGNATURES && slice_take_line(&lines, &line); i++) {
		scoped_buf blob = { .max = MAX_NOTE };
		if (!slice_take_prefix(&line, slice_text(EM_DASH)))
			return false;
		if (!slice_take_prefix(&line, buf_slice(&name)))
			continue;
		if (!base64_get(line, &blob) || blob.len <= KEY_HASH)
			return false;
		if (memcmp(blob.at, hash, KEY_HASH) != 0)
			continue;
		if (!signature_holds(key, text, (struct slice){ blob.at + KEY_HASH, blob.len - KEY_HASH }))
			return false;
		found = true;
	}
	return found && lines.len == 0;
}

int checkpoint_parse(struct slice note, struct checkpoint *out)
{
	struct slice text;
	out->of_snapshot = false;
	return note.len > MAX_NOTE || !text_take(&note, out, &text);
}

static int note_read(struct slice note, struct slice public_key, struct checkpoint *out)
{
	__attribute__((cleanup(key_free))) EVP_PKEY *key = key_decode(public_key);
	struct slice text;
	if (!key || note.len > MAX_NOTE || !text_take(&note, out, &text))
		return 1;
	return signatures_hold(out, note, text, key, public_key) ? 0 : 1;
}

int checkpoint_read(struct slice note, struct slice public_key, struct checkpoint *out)
{
	out->of_snapshot = false;
	return note_read(note, public_key, out);
}

int checkpoint_read_snapshot(struct slice note, struct slice public_key, struct checkpoint *out)
{
	out->of_snapshot = true;
	return note_read(note, public_key, out);
}
