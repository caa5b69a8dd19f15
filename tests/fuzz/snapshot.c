/*
 * snapshot: files beside a ledger that somebody else wrote. An input is a byte
 * and a file: 0 a snapshot as it is, 1 one whose ledger id and note are made
 * right first, so that its content is all that can be wrong, and whose state
 * then goes to the signer, 2 a head file.
 *
 * What is taken is what would be written again; a state that is taken can be
 * put, and taken again to the same end.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "fuzz/fuzz.h"
#include "fuzz/log_key.h"
#include "ledger/head.h"
#include "ledger/snapshot.h"
#include "signd/restore.h"
#include "signd/signer.h"

static const struct ledger_open_options options = { .ledger_id = "the fuzzed one!", .segment_size = 4096 };
static char folder[] = "/tmp/ch.fuzz.XXXXXX";
static EVP_PKEY *private;
static uint8_t log_key[LOG_KEY_SIZE];
static struct signer like;
static struct ledger_reader *reader;

static void folder_remove(void)
{
	char command[80];
	ledger_reader_close(reader);
	EVP_PKEY_free(private);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command) != 0)
		abort();
}

/* A ledger whose only records are intents that stay open, for a state to name. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static int slot;
	struct ledger *l;
	uint64_t seq;
	scoped_buf body = { .max = 4096 };
	const struct cert_intent_record intent = { .kind = KIND_LEAF };
	(void)argc;
	(void)argv;
	fuzz_quiet();
	REQUIRE(mkdtemp(folder) && ledger_create(folder, &options) == 0 && ledger_open(folder, &options, &l) == 0);
	record_cert_intent_put(&body, &intent);
	for (int i = 0; i < 8; i++)
		REQUIRE(ledger_stage(l, RECORD_CERT_INTENT, 1, buf_slice(&body), &seq) == 0);
	REQUIRE(ledger_commit(l) == 0 && ledger_reader_open(folder, &reader) == 0);
	ledger_close(l);
	private = log_key_make();
	log_key_public(log_key);
	memcpy(like.config.ledger_id, options.ledger_id, LEDGER_ID_SIZE);
	like.config.token_count = 1;
	like.config.tokens[0].name = "main";
	like.slots[0] = (struct slot *)&slot;
	atexit(folder_remove);
	return 0;
}

/* The note over what stands there; false if no snapshot can be read out of it. */
static bool note_right(struct buf *file)
{
	struct snapshot s;
	struct checkpoint head;
	uint8_t raw[64];
	size_t size = sizeof(raw);
	scoped_buf text = { .max = MAX_NOTE };
	if (file->len >= 32)
		memcpy(file->at + 16, options.ledger_id, LEDGER_ID_SIZE);
	if (snapshot_parse(buf_slice(file), &s) != 0)
		return false;
	file->len = (size_t)(s.state.at + s.state.len - file->at);
	snapshot_head(&s, buf_slice(file), &head);
	checkpoint_text(&head, &text);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	REQUIRE(EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, private, NULL) == 1 &&
		EVP_DigestSign(ctx, raw, &size, text.at, text.len) == 1);
	EVP_MD_CTX_free(ctx);
	checkpoint_note(&head, SLICE_OF(log_key), SLICE_OF(raw), file);
	return buf_ok(file);
}

static void state_try(struct slice packed)
{
	scoped_buf first = { .max = MAX_SNAPSHOT }, second = { .max = MAX_SNAPSHOT };
	struct state *t = state_new(&like, reader);
	REQUIRE(t);
	if (state_get(t, packed) == 0) {
		state_put(t, &first);
		struct state *again = state_new(&like, reader);
		REQUIRE(again && buf_ok(&first) && state_get(again, buf_slice(&first)) == 0);
		state_put(again, &second);
		REQUIRE(slice_equal(buf_slice(&first), buf_slice(&second)));
		state_free(again);
	}
	state_free(t);
}

static void snapshot_try(struct slice bytes, bool right)
{
	struct snapshot s;
	scoped_buf file = { .max = MAX_SNAPSHOT }, again = { .max = MAX_SNAPSHOT };
	buf_put_slice(&file, bytes);
	bool made = right && note_right(&file);
	int r = snapshot_get(buf_slice(&file), options.ledger_id, SLICE_OF(log_key), &s);
	REQUIRE(r >= 0 && (!made || r == 0));
	if (r != 0)
		return;
	snapshot_put(&s, &again);
	REQUIRE(again.len < file.len && memcmp(again.at, file.at, again.len) == 0);
	state_try(s.state);
}

static void head_try(struct slice bytes)
{
	char path[64];
	struct head head;
	snprintf(path, sizeof(path), "%s/head", folder);
	REQUIRE(fd_replace_file(path, bytes, 0600) == 0);
	scoped_fd int fd = head_open(AT_FDCWD, path, &head);
	REQUIRE(fd >= 0 && (head.size == 0 || bytes.len >= 86));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct slice rest = { data + 1, size - 1 };
	if (data[0] % 3 == 2)
		head_try(rest);
	else
		snapshot_try(rest, data[0] % 3 == 1);
	return 0;
}
