/* Letters to an offline root and back, of both kinds: as text, with the armour off, and what is inside. */
#include "fuzz/seeds_letter.h"

#include <string.h>

#include "fuzz/fuzz.h"
#include "letter/letter.h"
#include "names/name.h"

#define MAX_SEED 65536

static void written(const char *name, const char *what, const struct buf *letter)
{
	scoped_buf text = { .max = MAX_LETTER_TEXT };
	char file[64];
	armour_put(&text, what, buf_slice(letter));
	REQUIRE(buf_ok(letter) && buf_ok(&text));
	snprintf(file, sizeof(file), "%s-text", name);
	seed_write("letter", file, buf_slice(&text));
	seed_write("letter", name, buf_slice(letter));
}

static void request_write(const char *name, uint8_t kind, struct list approvals, const struct buf *ask)
{
	scoped_buf letter = { .max = MAX_SEED };
	struct request_letter r = { .kind = kind,
				    .created = 1800000000,
				    .expires = 1802592000,
				    .ledger_size = 12,
				    .host = slice_text("host.example.com"),
				    .name = slice_text("Example CA"),
				    .parent = slice_text("0\x0c" "a Name"),
				    .approvals = approvals,
				    .ask = buf_slice(ask) };
	memset(r.nonce, 1, sizeof(r.nonce));
	memset(r.ledger_id, 2, sizeof(r.ledger_id));
	request_letter_put(&letter, &r);
	written(name, "REQUEST", &letter);
}

static void intermediate_write(void)
{
	scoped_buf ask = { .max = MAX_SEED }, names = { .max = 256 }, approvals = { .max = 256 };
	scoped_buf subtrees = { .max = 256 };
	uint16_t count = 0, approved = 0, subtree = 0;
	list_put(&subtrees, &subtree, NAME_DNS, slice_text("example.com"));
	list_put(&subtrees, &subtree, NAME_EMAIL, slice_text(".example.com"));
	list_put(&subtrees, &subtree, NAME_IP, (struct slice){ (const uint8_t *)"\x0a\0\0\0\xff\0\0\0", 8 });
	list_put(&names, &count, 1, slice_text("an.example"));
	list_put(&names, &count, 2, slice_text("another"));
	list_put(&approvals, &approved, 0, slice_text("a hash of the key of an approverand a signature"));
	list_put(&approvals, &approved, 0, slice_text("b hash of the key of an approverand a signature"));
	const struct list l = list_of(&names, count), trees = list_of(&subtrees, subtree);
	const struct intermediate_letter i = { .csr = slice_text("0 a request"),
					       .subject = l,
					       .path_len = 1,
					       .permitted = trees,
					       .excluded = trees,
					       .urls = l,
					       .policies = l,
					       .seconds = 86400 };
	intermediate_letter_put(&ask, &i);
	seed_write("letter", "intermediate-ask", buf_slice(&ask));
	request_write("intermediate", LETTER_INTERMEDIATE, list_of(&approvals, approved), &ask);
}

static void crl_write(void)
{
	scoped_buf ask = { .max = MAX_SEED }, raw = { .max = MAX_SEED };
	uint16_t count = 0;
	const struct revoked_entry some[] = { { .reason = 1, .when = 1700000000, .serial = slice_text("\x01") },
					      { .reason = 5, .when = 1700000001, .serial = slice_text("\x7f\x01\x02") } };
	for (size_t i = 0; i < 2; i++)
		revoked_put(&raw, &count, &some[i]);
	const struct crl_letter c = { .number = 3, .seconds = 365 * 86400, .revoked = list_of(&raw, count) };
	crl_letter_put(&ask, &c);
	seed_write("letter", "crl-ask", buf_slice(&ask));
	request_write("crl", LETTER_CRL, (struct list){ 0 }, &ask);
}

void letter_seeds(void)
{
	scoped_buf letter = { .max = MAX_SEED };
	intermediate_write();
	crl_write();
	for (uint8_t kind = LETTER_INTERMEDIATE; kind <= LETTER_CRL; kind++) {
		const struct response_letter r = { .kind = kind,
						   .created = 1800000001,
						   .ledger_seq = 9,
						   .checkpoint = slice_text("a note"),
						   .made = slice_text("0 a certificate") };
		buf_clear(&letter);
		response_letter_put(&letter, &r);
		written(kind == LETTER_CRL ? "response-crl" : "response", "RESPONSE", &letter);
	}
}
