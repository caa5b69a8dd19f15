/*
 * One request of the inner protocol a run, for approvals.t and forks.t: says "done ..." or
 * "refused CODE NAME FIELD". In the environment: PROPOSE=FILE asks for a
 * proposal of the request instead, and writes its bytes to FILE; PROPOSAL, the
 * proposal that the request spends; REQUEST_ID; END, notAfter in Unix seconds.
 *
 *	approve_probe SOCKET LEDGER_ID COMMAND ...
 *	create TOKEN
 *	self KEY CN
 *	ca PARENT KEY CN DNS FILE
 *	foreign PARENT PUBLIC_KEY CN DNS PATH_LEN FILE
 *	leaf CA				which nobody has to agree to
 *	import KEY CERTIFICATE ISSUER...
 *	garbled				a proposal of bytes that fit no verb
 *	verb NUMBER			a proposal of another verb
 *	approve PROPOSAL ROLE PUBLIC_KEY SIGNATURE
 *	rush PROPOSAL PUBLIC_KEY SIGNATURE PARENT PUBLIC_KEY CN DNS PATH_LEN
 *					approve, and foreign behind it before the answer comes
 *	withdraw PROPOSAL
 *	approvers
 *	hello RECORDS EPOCH		from a database that knows so much: the ledger's epoch, and its size
 *	tell FILE			in words; needs no signer
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/algorithm.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/time.h"
#include "e2e/asking.h"
#include "ledger/hash.h"
#include "ledger/proposal.h"
#include "names/name.h"

static struct buf names = { .max = 65536 }, subject = { .max = 65536 };
static const char *where;

static void die(const char *why)
{
	printf("broken %s\n", why);
	exit(2);
}

static struct slice file_arg(const char *path, struct buf *b)
{
	buf_init(b, 1 << 18);
	if (fd_read_file(path, 1 << 18, b) != 0)
		die(path);
	return buf_slice(b);
}

static void id_arg(const char *text, uint8_t id[16])
{
	if (text && !hex_decode(text, strlen(text), id, 16))
		die("id");
}

static int64_t end(void)
{
	const char *text = getenv("END");
	return text ? atoll(text) : time_now() + 300 * DAY;
}

static void id_make(uint8_t id[16])
{
	request_id(id);
	id_arg(getenv("REQUEST_ID"), id);
}

/* Sends what is in out and answers false if it was refused, which it says. */
static bool asked(void)
{
	int code = exchange();
	if (code > 0)
		printf("refused %d %s %.*s\n", code, inner_refusal_name((uint16_t)code), (int)refusal.field.len,
		       (const char *)refusal.field.at);
	if (code < 0)
		puts("closed");
	return code == 0;
}

static void propose(uint8_t verb, struct slice body)
{
	struct propose_request r = { .verb = verb, .body = body, .context = slice_text("probe") };
	struct propose_reply reply;
	char hex[33];
	scoped_buf copy = { .max = 1 << 18 };
	buf_put_slice(&copy, body);
	r.body = buf_slice(&copy);
	id_make(r.request_id);
	buf_clear(&out);
	ask_propose_put(&out, 2, &r);
	if (!asked())
		return;
	if (ask_propose_get(answer.body, &reply, &where) != PACK_OK ||
	    fd_replace_file(getenv("PROPOSE"), reply.bytes, 0600) != 0)
		die("reply");
	hex_encode(reply.proposal, 16, hex);
	printf("proposed %s %u %u\n", hex, reply.needed, reply.requester);
}

/* The request that stands in out is sent, or what it would do is proposed. True: its reply has come. */
static bool sent(uint8_t verb)
{
	struct frame f;
	if (!getenv("PROPOSE"))
		return asked();
	if (frame_peek(buf_slice(&out), &f) != FRAME_WHOLE)
		die("frame");
	propose(verb, f.body);
	return false;
}

static void certificate_done(uint64_t seq, struct slice certificate, const char *path)
{
	if (path && fd_replace_file(path, certificate, 0600) != 0)
		die(path);
	printf("done %llu\n", (unsigned long long)seq);
}

static void do_create(char **a)
{
	uint8_t id[16];
	char hex[33];
	int code = key_create(a[0], ALGORITHM_ECDSA_P256, id);
	if (code)
		die("create");
	hex_encode(id, 16, hex);
	puts(hex);
}

static void do_self(char **a)
{
	uint8_t key[16];
	struct ca_self_reply reply;
	id_arg(a[0], key);
	struct ca_self_request r = root_request(key);
	r.not_after = end() + DAY;
	r.subject = subject_of(&subject, a[1]);
	id_arg(getenv("PROPOSAL"), r.proposal);
	id_make(r.request_id);
	ask_ca_self_put(&out, 3, &r);
	if (sent(INNER_CA_SELF) && ask_ca_self_get(answer.body, &reply, &where) == PACK_OK)
		certificate_done(reply.ledger_seq, reply.certificate, a[2]);
}

static void cert_fill(struct cert_sign_request *r, const char *cn, const char *dns)
{
	const char *begin = getenv("BEGIN"); /* so that a request can be the same a second later */
	r->not_before = begin ? atoll(begin) : r->not_before;
	r->not_after = end();
	r->subject = subject_of(&subject, cn);
	r->permitted = strcmp(dns, "-") ? one_item(&names, NAME_DNS, slice_text(dns)) : (struct list){ 0 };
	id_arg(getenv("PROPOSAL"), r->proposal);
	id_make(r->request_id);
}

static void cert_ask(struct cert_sign_request *r, const char *cn, const char *dns, const char *path)
{
	struct cert_sign_reply reply;
	cert_fill(r, cn, dns);
	ask_cert_sign_put(&out, 4, r);
	if (sent(INNER_CERT_SIGN) && ask_cert_sign_get(answer.body, &reply, &where) == PACK_OK)
		certificate_done(reply.ledger_seq, reply.certificate, path);
}

static void do_ca(char **a)
{
	uint8_t parent[16], key[16];
	id_arg(a[0], parent);
	id_arg(a[1], key);
	struct cert_sign_request r = ca_request(parent, key);
	r.path_len = 1;
	cert_ask(&r, a[2], a[3], a[4]);
}

static struct cert_sign_request foreign_request(char **a, struct buf *key)
{
	uint8_t parent[16];
	struct slice public_key = file_arg(a[1], key);
	id_arg(a[0], parent);
	struct cert_sign_request r = ca_request(parent, NULL);
	r.kind = KIND_SUBCA_FOREIGN;
	r.key_form = KEY_FOREIGN;
	r.subject_key = public_key;
	r.path_len = (uint16_t)(strcmp(a[4], "-") ? atoi(a[4]) : PATH_LEN_NONE);
	return r;
}

static void do_foreign(char **a)
{
	scoped_buf key;
	struct cert_sign_request r = foreign_request(a, &key);
	cert_ask(&r, a[2], a[3], a[5]);
}

static void do_leaf(char **a)
{
	uint8_t ca[16];
	struct cert_sign_reply reply;
	id_arg(a[0], ca);
	struct cert_sign_request r = leaf_request(ca);
	id_arg(getenv("PROPOSAL"), r.proposal);
	ask_cert_sign_put(&out, 4, &r);
	if (sent(INNER_CERT_SIGN) && ask_cert_sign_get(answer.body, &reply, &where) == PACK_OK)
		certificate_done(reply.ledger_seq, reply.certificate, NULL);
}

static void do_import(char **a)
{
	scoped_buf certificate, chain = { .max = 300000 };
	struct ca_import_request r = { .certificate = file_arg(a[1], &certificate) };
	struct ca_import_reply reply;
	uint16_t count = 0;
	if (strcmp(a[0], "-") != 0)
		id_arg(a[0], r.key_id);
	for (char **issuer = a + 2; *issuer; issuer++) {
		scoped_buf one;
		list_put(&chain, &count, 0, file_arg(*issuer, &one));
	}
	r.chain = list_of(&chain, count);
	id_arg(getenv("PROPOSAL"), r.proposal);
	id_make(r.request_id);
	ask_ca_import_put(&out, 5, &r);
	if (sent(INNER_CA_IMPORT) && ask_ca_import_get(answer.body, &reply, &where) == PACK_OK)
		certificate_done(reply.ledger_seq, (struct slice){ 0 }, NULL);
}

static void do_garbled(char **a)
{
	(void)a;
	propose(INNER_CERT_SIGN, slice_text("what nobody asks"));
}

static void do_verb(char **a)
{
	propose((uint8_t)atoi(a[0]), slice_text(""));
}

static void approve_put(const char *proposal, const char *role, const char *public_key, const char *file)
{
	scoped_buf key, signature;
	struct approve_request r = { .role = (uint8_t)atoi(role), .context = slice_text("probe") };
	id_arg(proposal, r.proposal);
	hash_of(file_arg(public_key, &key), r.key);
	r.signature = file_arg(file, &signature);
	id_make(r.request_id);
	ask_approve_put(&out, 6, &r);
}

static void do_rush(char **a)
{
	scoped_buf key;
	approve_put(a[0], "0", a[1], a[2]);
	struct cert_sign_request r = foreign_request(a + 3, &key);
	cert_fill(&r, a[5], a[6]);
	id_arg(a[0], r.proposal);
	ask_cert_sign_put(&out, 7, &r);
	int first = exchange(), second = answer_read();
	/* A refusal comes at once, a reply after its record. */
	printf("%d and %d\n", first < second ? first : second, first < second ? second : first);
}

static void do_approve(char **a)
{
	struct approve_reply reply;
	approve_put(a[0], a[1], a[2], a[3]);
	if (asked() && ask_approve_get(answer.body, &reply, &where) == PACK_OK)
		printf("done %u of %u\n", reply.count, reply.needed);
}

static void do_withdraw(char **a)
{
	struct withdraw_request r = { .context = slice_text("probe") };
	struct withdraw_reply reply;
	id_arg(a[0], r.proposal);
	id_make(r.request_id);
	ask_withdraw_put(&out, 7, &r);
	if (asked() && ask_withdraw_get(answer.body, &reply, &where) == PACK_OK)
		certificate_done(reply.ledger_seq, (struct slice){ 0 }, NULL);
}

static void do_approvers(char **a)
{
	struct approvers_read_request r;
	struct approvers_read_reply reply;
	struct approver_report one;
	struct slice item;
	uint8_t role;
	(void)a;
	ask_approvers_read_put(&out, 8, &r);
	if (!asked() || ask_approvers_read_get(answer.body, &reply, &where) != PACK_OK)
		return;
	printf("epoch=%u hours=%lld ca=%u root=%u foreign=%u import=%u resume=%u new_epoch=%u\n", reply.epoch,
	       (long long)reply.lifetime / HOUR, reply.new_ca, reply.new_root, reply.subca_foreign, reply.import_root,
	       reply.resume, reply.epoch_needed);
	while (list_next(&reply.keys, &role, &item))
		if (report_approver_get(item, &one))
			printf("%u %.*s\n", role, (int)one.name.len, (const char *)one.name.at);
}

static int tell(const char *path)
{
	scoped_buf bytes, words = { .max = 1 << 20 };
	if (proposal_tell(file_arg(path, &bytes), &words) != 0)
		die("not a proposal");
	fwrite(words.at, 1, words.len, stdout);
	return 0;
}

static int greet(const char *path, const char *ledger_id, const char *records, const char *epoch)
{
	struct hello_reply reply;
	int code = hello_knowing(path, ledger_id, strtoull(records, NULL, 10), (uint32_t)strtoul(epoch, NULL, 10));
	if (code > 0)
		printf("refused %d %s\n", code, inner_refusal_name((uint16_t)code));
	else if (code == 0 && ask_hello_get(answer.body, &reply, &where) == PACK_OK)
		printf("done epoch=%u head=%llu\n", reply.epoch, (unsigned long long)reply.head);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int least;
		void (*run)(char **arguments);
	} commands[] = {
		{ "create", 1, do_create },   { "self", 2, do_self },	      { "ca", 5, do_ca },
		{ "foreign", 6, do_foreign }, { "leaf", 1, do_leaf },	      { "import", 2, do_import },
		{ "garbled", 0, do_garbled }, { "verb", 1, do_verb },	      { "approve", 4, do_approve },
		{ "rush", 8, do_rush },	      { "withdraw", 1, do_withdraw }, { "approvers", 0, do_approvers }
	};
	asking_make();
	if (argc < 4)
		die("usage");
	if (strcmp(argv[3], "tell") == 0 && argc == 5)
		return tell(argv[4]);
	if (strcmp(argv[3], "hello") == 0 && argc == 6)
		return greet(argv[1], argv[2], argv[4], argv[5]);
	if (hello(argv[1], argv[2]) != 0)
		die("hello");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[3], commands[i].name) == 0 && argc - 4 >= commands[i].least) {
			commands[i].run(argv + 4);
			return 0;
		}
	die("usage");
}
