#include "cli/prove.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/client.h"
#include "cli/detail.h"
#include "cli/member.h"
#include "cli/pem.h"
#include "cli/search.h"
#include "cli/verify.h"
#include "ledger/ledger.h"
#include "ledger/proof.h"

#define USAGE(option) ((struct problem){ .code = "usage", .field = (option) })
#define INTERNAL ((struct problem){ .code = "internal" })

const struct option_spec prove_options[] = {
	{ "ca", OPTION_TEXT, "CA", "the CA's id, its name or its key's id, as the ledger has them" },
	{ "serial", OPTION_TEXT, "HEX", "with --ca: the certificate's serial number" },
	{ "certificate", OPTION_TEXT, "FILE", "or the certificate itself, PEM" },
	{ "record", OPTION_NUMBER, "N", "or any record by its sequence number" },
	{ "ledger", OPTION_TEXT, "DIR", "the ledger's folder, or a copy (default: " DEFAULT_LEDGER ")" },
	{ "out", OPTION_TEXT, "FILE", "where the proof goes (default: standard output)" },
	{ .name = NULL },
};

const struct option_spec check_proof_options[] = {
	{ "key", OPTION_TEXT, "FILE", "the log key that you keep; without it the proof's own word is taken" },
	{ "certificate", OPTION_TEXT, "FILE", "the certificate that it has to be of, PEM" },
	{ "out", OPTION_TEXT, "FILE", "write the certificate that was proved, as PEM" },
	{ .name = NULL },
};

const struct option_spec consistency_options[] = {
	{ "ledger", OPTION_TEXT, "DIR", "the ledger's folder, or a copy (default: " DEFAULT_LEDGER ")" },
	{ "out", OPTION_TEXT, "FILE", "where the proof goes (default: standard output)" },
	{ .name = NULL },
};

const struct option_spec key_options[] = {
	{ "ledger", OPTION_TEXT, "DIR", "the ledger's folder, or a copy (default: " DEFAULT_LEDGER ")" },
	{ "out", OPTION_TEXT, "FILE", "where the key goes (default: standard output)" },
	{ .name = NULL },
};

/* The ledger's files, its log key and its newest note. */
struct books {
	char folder[PATH_MAX];
	struct ledger_reader *reader;
	struct buf start, note;
	struct slice key;
	struct checkpoint head;
};

static void books_close(struct books *b)
{
	ledger_reader_close(b->reader);
	buf_free(&b->start);
	buf_free(&b->note);
}
#define scoped_books __attribute__((cleanup(books_close))) struct books

static int books_open(const struct cli *c, const char *given, struct books *b)
{
	*b = (struct books){ .reader = NULL };
	buf_init(&b->start, MAX_RECORD + 4096);
	buf_init(&b->note, MAX_NOTE);
	int r = books_folder(c, given, b->folder);
	if (r)
		return r;
	if (ledger_reader_open(b->folder, &b->reader) != 0)
		return books_unreadable(c, b->folder);
	if (ledger_read_log_key(b->reader, &b->start, &b->key) != 0)
		return problem_tell(c, CLI_CRITICAL, (struct problem){ .code = "start_record" },
				    "record 0 of the ledger in %s, which names the log key, can't be read.", b->folder);
	return CLI_DONE;
}

static int note_open(const struct cli *c, struct books *b)
{
	struct problem p = { .code = "checkpoint" };
	int state = ledger_read_checkpoint(b->folder, &b->note);
	if (state == LEDGER_NONE)
		return problem_tell(c, CLI_UNAVAILABLE, p, "the ledger in %s has no signed head yet.", b->folder);
	if (state < 0)
		return books_unreadable(c, b->folder);
	if (checkpoint_read(buf_slice(&b->note), b->key, &b->head) != 0)
		return problem_tell(c, CLI_CRITICAL, p,
				    "the ledger's head isn't signed by its log key; see `chancery audit "
				    "verify`.");
	return CLI_DONE;
}

/* To a file, or as it is to standard output. */
static int text_write(const struct cli *c, const char *path, const struct buf *text)
{
	if (!path || strcmp(path, "-") == 0)
		return output_print(c, text);
	if (buf_ok(text) && fd_replace_file(path, buf_slice(text), 0644) == 0)
		return CLI_DONE;
	return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "output_failed", .field = "out" },
			    "can't write %s: %s.", path, strerror(errno));
}

static int serial_take(const struct cli *c, const char *text, struct search *s)
{
	char digits[2 * sizeof(s->serial_bytes) + 1];
	size_t n = 0;
	for (; *text && n < sizeof(digits) - 2; text++)
		if (*text != ':' && (n || *text != '0'))
			digits[n++] = *text;
	if (n % 2) {
		memmove(digits + 1, digits, n++);
		digits[0] = '0';
	}
	if (*text || n == 0 || !hex_decode(digits, n, s->serial_bytes, n / 2))
		return problem_tell(c, CLI_USAGE, USAGE("serial"), "a serial number is written in hex digits.");
	s->serial = (struct slice){ s->serial_bytes, n / 2 };
	return CLI_DONE;
}

/* The first certificate of a PEM file as DER. */
static int certificate_take(const struct cli *c, const char *path, struct buf *der)
{
	scoped_buf pem;
	buf_init(&pem, MAX_PEM_FILE);
	int r = pem_read_certificate(c, "certificate", path, &pem);
	if (r)
		return r;
	BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	unsigned char *bytes = NULL;
	int n = x ? i2d_X509(x, &bytes) : 0;
	if (n > 0)
		buf_put(der, bytes, (size_t)n);
	OPENSSL_free(bytes);
	X509_free(x);
	BIO_free(bio);
	ERR_clear_error();
	if (n > 0)
		return CLI_DONE;
	return problem_tell(c, CLI_USAGE, (struct problem){ .code = "cert_unreadable", .field = "certificate" },
			    "%s holds no certificate.", path);
}

static int tbs_take(const struct cli *c, const char *path, struct search *s)
{
	scoped_buf der;
	buf_init(&der, MAX_RECORD_BODY);
	int r = certificate_take(c, path, &der);
	if (r)
		return r;
	buf_init(&s->tbs, MAX_RECORD_BODY);
	buf_put_slice(&s->tbs, search_tbs(buf_slice(&der)));
	return buf_ok(&s->tbs) ? CLI_DONE : problem_tell(c, CLI_BROKEN, INTERNAL, "out of memory.");
}

static int search_prepare(const struct cli *c, const struct options *o, struct search *s)
{
	const char *serial = option_text(o, "serial"), *file = option_text(o, "certificate");
	s->ca = option_text(o, "ca");
	if ((s->ca != NULL) != (serial != NULL) || (s->ca != NULL) + (file != NULL) + option_flag(o, "record") != 1)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage" },
				    "--ca with --serial is needed, or --certificate, or --record.");
	if (s->ca)
		return serial_take(c, serial, s);
	return file ? tbs_take(c, file, s) : CLI_DONE;
}

struct searching {
	struct search *search;
	struct progress progress;
};

static int on_record(void *with, const struct record *r, const uint8_t hash[HASH_SIZE])
{
	struct searching *s = with;
	(void)hash;
	return search_visit(s->search, r);
}

static void on_progress(void *with, uint64_t bytes, uint64_t of)
{
	struct searching *s = with;
	progress_show(&s->progress, bytes, of);
}

#define PUT_BACK "put its segment back under its name, or prove from a copy that has it."

static int not_found(const struct cli *c, const struct search *s, uint64_t archived)
{
	struct problem p = { .code = "record_not_found" };
	if (archived && !s->twice) {
		p.code = "record_archived";
		p.hint = "put the segments back under their names, or prove from a copy that has them.";
		return problem_tell(c, CLI_UNAVAILABLE, p,
				    "the records that are here don't prove it, and %" PRIu64
				    " are archived: `chancery audit verify` says where.",
				    archived);
	}
	if (s->ca && !s->key_count)
		return problem_tell(c, CLI_NOT_FOUND, p, "there is no CA \"%s\" on the ledger, by id, name or key.",
				    s->ca);
	if (s->twice) {
		p.code = "ambiguous";
		p.hint = "--ca takes the CA's id, too.";
		return problem_tell(c, CLI_USAGE, p,
				    "more than one CA had the name \"%s\", and more than one record fits.",
				    s->ca ? s->ca : "");
	}
	if (!s->count)
		return problem_tell(c, CLI_NOT_FOUND, p, "there is no record of such a certificate on the ledger.");
	p.code = "not_signed";
	return problem_tell(c, CLI_NOT_FOUND, p,
			    "record %" PRIu64
			    " says that it was to be signed, and no record that it was: it is lost, or "
			    "still being signed.",
			    s->seqs[0]);
}

static int search_run(const struct cli *c, const struct books *b, struct search *s)
{
	struct searching with = { .search = s };
	struct inspection i = { .visit = on_record, .progress = on_progress, .with = &with };
	progress_begin(c, &with.progress);
	int r = inspection_run(b->folder, &i);
	progress_end(&with.progress);
	uint64_t archived = inspection_archived(&i, 0, UINT64_MAX);
	inspection_free(&i);
	if (r)
		return books_unreadable(c, b->folder);
	return s->is_whole && !s->twice ? CLI_DONE : not_found(c, s, archived);
}

/* Made, and read back: what doesn't hold isn't handed out. */
static int proof_write(const struct cli *c, const struct options *o, const struct books *b, const struct search *s)
{
	scoped_buf text;
	struct proof p;
	buf_init(&text, MAX_PROOF_FILE);
	if (s->seqs[s->count - 1] >= b->head.size)
		return problem_tell(c, CLI_UNAVAILABLE,
				    (struct problem){ .code = "not_signed_yet",
						      .hint = "the next head will have it: try again "
							      "in some seconds." },
				    "the ledger's signed head is over %" PRIu64
				    " records and does not reach record %" PRIu64 ".",
				    b->head.size, s->seqs[s->count - 1]);
	int made = proof_make(b->reader, s->seqs, s->count, b->head.size, b->key, buf_slice(&b->note), &text);
	enum proof_refusal refusal = made == 0 ? proof_read(buf_slice(&text), b->key, &p) : PROOF_FORM;
	if (made == 0)
		proof_free(&p);
	if (made || refusal)
		return problem_tell(
			c, CLI_CRITICAL,
			(struct problem){ .code = "proof_fails", .hint = "`chancery audit verify` says where." },
			"the ledger's files give no proof that holds: they are damaged, or were changed.");
	return text_write(c, option_text(o, "out"), &text);
}

static int record_take(const struct cli *c, const struct books *b, uint64_t seq, struct search *s)
{
	scoped_buf bytes;
	struct record record;
	buf_init(&bytes, MAX_RECORD + 4096);
	s->seqs[s->count++] = seq;
	int state = ledger_read(b->reader, seq, &bytes, &record);
	if (state == 0)
		return CLI_DONE;
	if (state == LEDGER_ARCHIVED)
		return problem_tell(c, CLI_UNAVAILABLE, (struct problem){ .code = "record_archived", .hint = PUT_BACK },
				    "record %" PRIu64 " is archived: `chancery audit verify` says where.", seq);
	return problem_tell(c, state < 0 ? CLI_CRITICAL : CLI_NOT_FOUND, (struct problem){ .code = "record_not_found" },
			    state < 0 ? "record %" PRIu64 " can't be read: see `chancery audit verify`."
				      : "the ledger has no record %" PRIu64 ".",
			    seq);
}

int audit_prove(struct cli *c, const struct options *o)
{
	scoped_books b;
	__attribute__((cleanup(search_free))) struct search s = { .count = 0 };
	int64_t seq = -1;
	int r = books_open(c, option_text(o, "ledger"), &b);
	if (r == CLI_DONE)
		r = note_open(c, &b);
	if (r == CLI_DONE)
		r = search_prepare(c, o, &s);
	if (r)
		return r;
	if (!option_number(o, "record", &seq))
		r = search_run(c, &b, &s);
	else if (seq < 0)
		r = problem_tell(c, CLI_USAGE, USAGE("record"), "--record is a sequence number from 0.");
	else
		r = record_take(c, &b, (uint64_t)seq, &s);
	return r ? r : proof_write(c, o, &b, &s);
}

/* What the records of a proof are of: a certificate whole, or nothing of the kind. */
static void proof_certificate(const struct proof *p, struct buf *der)
{
	struct cert_intent_record intent;
	struct cert_result_record result;
	struct imported_record imported;
	struct cert_admitted_record admitted;
	const struct record *r = &p->records[0].record;
	if (p->count == 2 && record_cert_intent_get(r->body, &intent) == PACK_OK && r->type == RECORD_CERT_INTENT &&
	    p->records[1].record.type == RECORD_CERT_RESULT &&
	    record_cert_result_get(p->records[1].record.body, &result) == PACK_OK && result.intent == r->seq &&
	    record_certificate(intent.tbs, result.signature, der) == 0)
		return;
	buf_clear(der);
	if (p->count != 1)
		return;
	if (r->type == RECORD_IMPORTED && record_imported_get(r->body, &imported) == PACK_OK)
		buf_put_slice(der, imported.certificate);
	else if (r->type == RECORD_CERT_ADMITTED && record_cert_admitted_get(r->body, &admitted) == PACK_OK)
		buf_put_slice(der, admitted.certificate);
}

static void pem_of(struct slice der, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	if (bio && PEM_write_bio(bio, PEM_STRING_X509, "", der.at, (long)der.len) > 0) {
		long n = BIO_get_mem_data(bio, &text);
		buf_put(out, text, (size_t)n);
	} else {
		out->broken = true;
	}
	BIO_free(bio);
}

static int proof_fails(const struct cli *c, const char *file, const char *why)
{
	return problem_tell(c, CLI_CRITICAL, (struct problem){ .code = "proof_fails" }, "%s proves nothing: %s.", file,
			    why);
}

static void record_row(struct table *t, const struct proof_record *r)
{
	char when[TIME_TEXT_SIZE];
	scoped_buf text;
	buf_init(&text, 256);
	time_text(r->record.time / 1000, when);
	buf_printf(&text, "%" PRIu64 ", %s of %s", r->seq, record_type_name(r->record.type), when);
	table_detail(t, "record", STYLE_PLAIN, buf_text(&text));
}

/* The rows that both kinds of proofs have. */
static void head_rows(struct table *t, const struct checkpoint *head, struct slice key, bool given)
{
	char id[33], print[65];
	scoped_buf text;
	buf_init(&text, 256);
	hex_encode(head->ledger_id, sizeof(head->ledger_id), id);
	log_key_print(key, print);
	table_detail(t, "ledger id", STYLE_PLAIN, id);
	buf_printf(&text, "SHA-256 %s, %s", print, given ? "as given" : "as the proof itself says");
	table_detail(t, "log key", given ? STYLE_PLAIN : STYLE_WARN, buf_text(&text));
}

static const char verdict_named[] =
	"It holds if that is the ledger's log key: compare it with the one that you keep, or give "
	"that as --key.\n";

static int proof_print(const struct cli *c, const struct proof *p, const struct buf *der, bool given)
{
	scoped_table t;
	scoped_buf text, pem, out;
	table_init_detail(&t, c->colour);
	buf_init(&text, 256);
	buf_init(&pem, MAX_PEM_FILE);
	buf_init(&out, MAX_TABLE_TEXT);
	for (size_t i = 0; i < p->count; i++)
		record_row(&t, &p->records[i]);
	buf_printf(&text, "over %" PRIu64 " records, signed", p->head.size);
	table_detail(&t, "head", STYLE_PLAIN, buf_text(&text));
	head_rows(&t, &p->head, buf_slice(&p->key), given);
	if (der->len) {
		pem_of(buf_slice(der), &pem);
		pem_describe(&t, buf_text(&pem));
	}
	table_render(&t, &out);
	buf_put_text(&out, given ? "Proved: the log key signed a tree that has this in it.\n" : verdict_named);
	return output_print(c, &out);
}

static int proof_json(const struct cli *c, const struct proof *p, const struct buf *der, bool given)
{
	char id[33], print[65], hash[65] = "";
	uint8_t digest[HASH_SIZE];
	json_t *records = json_array();
	for (size_t i = 0; i < p->count; i++)
		json_array_append_new(records, json_integer((json_int_t)p->records[i].seq));
	hex_encode(p->head.ledger_id, sizeof(p->head.ledger_id), id);
	log_key_print(buf_slice(&p->key), print);
	if (der->len) {
		hash_of(buf_slice(der), digest);
		hex_encode(digest, sizeof(digest), hash);
	}
	scoped_json *all = json_pack("{s:b, s:b, s:s, s:o, s:I, s:s, s:s}", "holds", 1, "key_given", given, "ledger_id",
				     id, "records", records, "size", (json_int_t)p->head.size, "log_key_sha256", print,
				     "certificate_sha256", hash);
	return json_print(c, all);
}

static int proof_check(const struct cli *c, const struct options *o, struct slice text, struct slice key)
{
	const char *file = o->arguments[0], *wanted = option_text(o, "certificate");
	struct proof p __attribute__((cleanup(proof_free)));
	scoped_buf der, other, pem;
	buf_init(&der, MAX_RECORD_BODY);
	buf_init(&other, MAX_RECORD_BODY);
	buf_init(&pem, MAX_PEM_FILE);
	enum proof_refusal refusal = proof_read(text, key, &p);
	if (refusal)
		return proof_fails(c, file, proof_refusal_text(refusal));
	proof_certificate(&p, &der);
	int r = wanted ? certificate_take(c, wanted, &other) : CLI_DONE;
	if (r)
		return r;
	if (wanted && !slice_equal(buf_slice(&der), buf_slice(&other)))
		return proof_fails(c, file, "it is of another certificate");
	if (option_text(o, "out")) {
		if (!der.len)
			return proof_fails(c, file, "it is of no certificate");
		pem_of(buf_slice(&der), &pem);
		r = text_write(c, option_text(o, "out"), &pem);
	}
	if (r == CLI_DONE)
		r = c->json ? proof_json(c, &p, &der, key.len) : proof_print(c, &p, &der, key.len);
	return r ? r : key.len ? CLI_DONE : CLI_WARNINGS;
}

static int consistency_print(const struct cli *c, const struct consistency *k, bool given)
{
	scoped_table t;
	scoped_buf text, out;
	char print[65];
	log_key_print(buf_slice(&k->key), print);
	if (c->json) {
		scoped_json *all = json_pack("{s:b, s:b, s:I, s:I, s:s}", "holds", 1, "key_given", given, "first",
					     (json_int_t)k->heads[0].size, "second", (json_int_t)k->heads[1].size,
					     "log_key_sha256", print);
		return json_print(c, all);
	}
	table_init_detail(&t, c->colour);
	buf_init(&text, 256);
	buf_init(&out, MAX_TABLE_TEXT);
	buf_printf(&text, "over %" PRIu64 " and over %" PRIu64 " records, both signed", k->heads[0].size,
		   k->heads[1].size);
	table_detail(&t, "heads", STYLE_PLAIN, buf_text(&text));
	head_rows(&t, &k->heads[0], buf_slice(&k->key), given);
	table_render(&t, &out);
	if (given)
		buf_printf(&out, "Proved: the first %" PRIu64 " of the %" PRIu64 " records are what they were.\n",
			   k->heads[0].size, k->heads[1].size);
	else
		buf_put_text(&out, verdict_named);
	return output_print(c, &out);
}

static int consistency_check(const struct cli *c, const char *file, struct slice text, struct slice key)
{
	struct consistency k __attribute__((cleanup(consistency_free)));
	enum proof_refusal refusal = consistency_read(text, key, &k);
	if (refusal)
		return proof_fails(c, file, proof_refusal_text(refusal));
	int r = consistency_print(c, &k, key.len);
	return r ? r : key.len ? CLI_DONE : CLI_WARNINGS;
}

int audit_check_proof(struct cli *c, const struct options *o)
{
	scoped_buf text, key;
	const char *file = o->arguments[0];
	buf_init(&text, MAX_PROOF_FILE);
	buf_init(&key, MAX_LOG_KEY);
	if (file_drain(file, &text) != 0)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "proof_unreadable", .field = "FILE" },
				    "can't read %s: %s.", file, strerror(errno));
	int r = option_text(o, "key") ? log_key_read(c, option_text(o, "key"), &key) : CLI_DONE;
	if (r)
		return r;
	if (consistency_is(buf_slice(&text)))
		return consistency_check(c, file, buf_slice(&text), buf_slice(&key));
	return proof_check(c, o, buf_slice(&text), buf_slice(&key));
}

/* One note of a file that has no other. */
static int note_take(const struct cli *c, const char *path, const struct books *b, struct heads *h)
{
	size_t before = h->count;
	int r = heads_read(c, path, h);
	if (r)
		return r;
	struct head *one = &h->all[before];
	struct problem p = { .code = "head_unreadable", .field = path };
	if (h->count != before + 1)
		return problem_tell(c, CLI_USAGE, p, "%s holds %zu heads; one is needed.", path, h->count - before);
	if (!one->parsed || checkpoint_read(buf_slice(&one->note), b->key, &one->c) != 0)
		return problem_tell(c, CLI_CRITICAL, p, "the head in %s isn't signed by this ledger's log key.", path);
	return CLI_DONE;
}

static int consistency_write(const struct cli *c, const struct options *o, const struct books *b, const struct heads *h)
{
	scoped_buf text;
	struct consistency k;
	const struct slice notes[2] = { buf_slice(&h->all[0].note), buf_slice(&h->all[1].note) };
	uint64_t first = h->all[0].c.size, second = h->all[1].c.size;
	buf_init(&text, MAX_PROOF_FILE);
	if (first > second)
		return problem_tell(c, CLI_CRITICAL, (struct problem){ .code = "head_ahead" },
				    "the older head is over %" PRIu64 " records and the newer one over %" PRIu64
				    ": they are in the wrong order, or the ledger went back.",
				    first, second);
	int made = consistency_make(b->reader, first, second, b->key, notes, &text);
	enum proof_refusal refusal = made == 0 ? consistency_read(buf_slice(&text), b->key, &k) : PROOF_FORM;
	if (made == 0)
		consistency_free(&k);
	if (made || refusal)
		return problem_tell(c, CLI_CRITICAL, (struct problem){ .code = "not_consistent" },
				    "the tree over %" PRIu64 " records is not the beginning of the one over %" PRIu64
				    ": records were rewritten in between, or the ledger's files are damaged.",
				    first, second);
	return text_write(c, option_text(o, "out"), &text);
}

int audit_consistency(struct cli *c, const struct options *o)
{
	scoped_books b;
	scoped_heads h = { .count = 0 };
	int r = books_open(c, option_text(o, "ledger"), &b);
	if (r == CLI_DONE)
		r = note_take(c, o->arguments[0], &b, &h);
	if (r == CLI_DONE && o->arguments[1])
		r = note_take(c, o->arguments[1], &b, &h);
	else if (r == CLI_DONE && (r = note_open(c, &b)) == CLI_DONE) {
		r = heads_add(c, &h, "checkpoint", buf_slice(&b.note));
		if (r == CLI_DONE)
			h.all[1].c = b.head;
	}
	return r ? r : consistency_write(c, o, &b, &h);
}

int audit_key(struct cli *c, const struct options *o)
{
	scoped_books b;
	scoped_buf text;
	buf_init(&text, MAX_PEM_FILE);
	int r = books_open(c, option_text(o, "ledger"), &b);
	if (r)
		return r;
	BIO *bio = BIO_new(BIO_s_mem());
	char *at;
	if (bio && PEM_write_bio(bio, PEM_STRING_PUBLIC, "", b.key.at, (long)b.key.len) > 0) {
		long n = BIO_get_mem_data(bio, &at);
		buf_put(&text, at, (size_t)n);
	}
	BIO_free(bio);
	return text_write(c, option_text(o, "out"), &text);
}
