/*
 * ledger/checkpoint: signed notes from a file or a mirror, under log keys of
 * each kind; and keys that are none. An input is a note, or after a NUL a key.
 */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/log_key.h"
#include "ledger/checkpoint.h"

static uint8_t log_key[LOG_KEY_SIZE];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	log_key_public(log_key);
	return 0;
}

/* What was taken for signed is what stands there. */
static void note_try(struct slice note, struct slice key)
{
	struct checkpoint c;
	int r = checkpoint_read(note, key, &c);
	REQUIRE(r >= 0);
	if (r)
		return;
	scoped_buf text = { .max = MAX_NOTE };
	checkpoint_text(&c, &text);
	REQUIRE(buf_ok(&text) && note.len > text.len && memcmp(note.at, text.at, text.len) == 0);
}

/* A key that can be used to write a note is one under which it can be read, but for the signature. */
static void key_try(struct slice key)
{
	static const struct checkpoint c = { .size = 7 };
	static const uint8_t signature[64];
	scoped_buf note = { .max = MAX_NOTE };
	checkpoint_note(&c, key, SLICE_OF(signature), &note);
	if (buf_ok(&note))
		note_try(buf_slice(&note), key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && data[0] == 0) {
		key_try((struct slice){ data + 1, size - 1 });
		return 0;
	}
	note_try((struct slice){ data, size }, SLICE_OF(log_key));
	return 0;
}
