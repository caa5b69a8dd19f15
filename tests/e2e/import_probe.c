/*
 * One request of the inner protocol a run, for import.t: says "done ..." or
 * "refused CODE NAME FIELD". REQUEST_ID in the environment, 32 hexadecimal
 * digits, asks under that id.
 *
 *	import_probe SOCKET LEDGER_ID COMMAND ...
 *	id			a request id of now
 *	create TOKEN ALGORITHM
 *	csr KEY CN|- PATH_LEN|- PERMITTED_DNS|- FILE
 *	self KEY CN FILE
 *	import KEY|- TOKEN|- DRIVER_KEY|- CERTIFICATE ISSUER...
 *	admit KEY CERTIFICATE
 *	leaf KEY DNS SECONDS EKU_HEX|- FILE
 *	ca PARENT KEY CN PATH_LEN FILE
 *	close KEY
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/algorithm.h"
#include "base/fd.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "names/dn.h"
#include "names/name.h"
#include "wire/inner_ask.h"

static int fd = -1;
static struct buf out, in;
static struct frame answer;
static const char *where;

static void die(const char *why)
{
	printf("broken %s\n", why);
	exit(2);
}

static void exchange(void)
{
	struct refusal_message refusal;
	if (fd_write_all(fd, out.at, out.len) != 0)
		die("write");
	buf_clear(&out);
	buf_clear(&in);
	uint8_t *at = buf_room(&in, FRAME_HEAD);
	if (fd_read_all(fd, at, FRAME_HEAD) != 0)
		die("closed");
	in.len = FRAME_HEAD;
	uint32_t n = get_u32(in.at);
	at = buf_room(&in, n);
	if (fd_read_all(fd, at, n) != 0)
		die("closed");
	in.len += n;
	if (frame_peek(buf_slice(&in), &answer) != FRAME_WHOLE)
		die("frame");
	if (answer.kind != FRAME_REFUSAL)
		return;
	if (refusal_get(answer.body, &refusal) != PACK_OK)
		die("refusal");
	printf("refused %u %s %.*s\n", refusal.code, inner_refusal_name(refusal.code), (int)refusal.field.len,
	       (const char *)refusal.field.at);
	exit(1);
}

static void request_id(uint8_t id[16])
{
	const char *fixed = getenv("REQUEST_ID");
	uint64_t ms = (uint64_t)time_now_ms();
	if (fixed && hex_decode(fixed, strlen(fixed), id, 16))
		return;
	random_bytes(id, 16);
	for (int i = 0; i < 6; i++)
		id[i] = (uint8_t)(ms >> (40 - 8 * i));
}

static void key_arg(const char *text, uint8_t key[16])
{
	if (strcmp(text, "-") != 0)
		hex_decode(text, strlen(text), key, 16);
}

/* Lasts as long as this process, which asks once. */
static struct buf *new_buf(void)
{
	static struct buf all[24];
	static size_t used;
	if (used == sizeof(all) / sizeof(all[0]))
		die("too many arguments");
	buf_init(&all[used], 65536);
	return &all[used++];
}

static struct slice file_arg(const char *path)
{
	struct buf *b = new_buf();
	if (fd_read_file(path, 65536, b) != 0)
		die(path);
	return buf_slice(b);
}

static void done(uint64_t seq, const uint8_t *key, const char *path, struct slice bytes)
{
	char id[33] = "";
	if (key)
		hex_encode(key, 16, id);
	if (path && fd_replace_file(path, bytes, 0644) != 0)
		die(path);
	printf("done %llu %s\n", (unsigned long long)seq, id);
}

static struct list item(uint8_t tag, struct slice value)
{
	struct buf *raw = new_buf();
	uint16_t count = 0;
	if (value.len != 1 || value.at[0] != '-')
		list_put(raw, &count, tag, value);
	return list_of(raw, count);
}

static void do_create(char **a)
{
	struct key_create_request r = { .token = slice_text(a[0]), .algorithm = algorithm_by_name(a[1])->number };
	struct key_create_reply reply;
	request_id(r.request_id);
	ask_key_create_put(&out, 2, &r);
	exchange();
	if (ask_key_create_get(answer.body, &reply, &where) != PACK_OK)
		die("reply");
	done(reply.ledger_seq, reply.key_id, NULL, (struct slice){ 0 });
}

static void do_csr(char **a)
{
	struct key_csr_request r = { .subject = item(DN_COMMON_NAME, slice_text(a[1])),
				     .path_len = strcmp(a[2], "-") ? (uint16_t)atoi(a[2]) : PATH_LEN_NONE,
				     .permitted = item(NAME_DNS, slice_text(a[3])) };
	struct key_csr_reply reply;
	key_arg(a[0], r.key_id);
	request_id(r.request_id);
	ask_key_csr_put(&out, 2, &r);
	exchange();
	if (ask_key_csr_get(answer.body, &reply, &where) != PACK_OK)
		die("reply");
	done(reply.ledger_seq, NULL, a[4], reply.csr);
}

static void do_self(char **a)
{
	struct ca_self_request r = { .not_before = time_now() - 60,
				     .not_after = time_now() + 86400,
				     .subject = item(DN_COMMON_NAME, slice_text(a[1])),
				     .path_len = 1 };
	struct ca_self_reply reply;
	key_arg(a[0], r.key_id);
	request_id(r.request_id);
	ask_ca_self_put(&out, 2, &r);
	exchange();
	if (ask_ca_self_get(answer.body, &reply, &where) != PACK_OK)
		die("reply");
	done(reply.ledger_seq, NULL, a[2], reply.certificate);
}

static void do_import(char **a)
{
	struct ca_import_request r = { .certificate = file_arg(a[3]) };
	struct ca_import_reply reply;
	scoped_buf chain = { .max = 300000 };
	uint16_t count = 0;
	uint8_t driver_key[64];
	size_t n = strcmp(a[2], "-") ? strlen(a[2]) : 0;
	key_arg(a[0], r.key_id);
	if (strcmp(a[1], "-") != 0)
		r.token = slice_text(a[1]);
	if (n && hex_decode(a[2], n, driver_key, n / 2))
		r.driver_key = (struct slice){ driver_key, n / 2 };
	for (char **issuer = a + 4; *issuer; issuer++)
		list_put(&chain, &count, 0, file_arg(*issuer));
	r.chain = list_of(&chain, count);
	request_id(r.request_id);
	ask_ca_import_put(&out, 2, &r);
	exchange();
	if (ask_ca_import_get(answer.body, &reply, &where) != PACK_OK)
		die("reply");
	done(reply.ledger_seq, reply.key_id, NULL, (struct slice){ 0 });
}

static void do_admit(char **a)
{
	struct cert_admit_request r = { .certificate = file_arg(a[1]) };
	struct cert_admit_reply reply;
	key_arg(a[0], r.ca_key);
	request_id(r.request_id);
	ask_cert_admit_put(&out, 2, &r);
	exchange();
	if (ask_cert_admit_get(answer.body, &reply, &where) != PACK_OK)
		die("reply");
	done(reply.ledger_seq, NULL, NULL, (struct slice){ 0 });
}

static void do_leaf(char **a)
{
	static uint8_t eku[16];
	size_t n = strlen(a[3]) / 2;
	unsigned char *spki = NULL;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	int spki_len = i2d_PUBKEY(key, &spki);
	struct cert_sign_request r = { .kind = KIND_LEAF,
				       .not_before = time_now(),
				       .not_after = time_now() + atol(a[2]),
				       .key_form = KEY_FOREIGN,
				       .subject_key = { spki, (size_t)spki_len },
				       .alt_names = item(NAME_DNS, slice_text(a[1])),
				       .key_usage = USAGE_DIGITAL_SIGNATURE,
				       .path_len = PATH_LEN_NONE };
	struct cert_sign_reply reply;
	if (n && n <= sizeof(eku) && hex_decode(a[3], 2 * n, eku, n))
		r.ext_key_usage = item(0, (struct slice){ eku, n });
	key_arg(a[0], r.ca_key);
	request_id(r.request_id);
	ask_cert_sign_put(&out, 2, &r);
	exchange();
	if (ask_cert_sign_get(answer.body, &reply, &where) != PACK_OK)
		die("reply");
	done(reply.ledger_seq, NULL, a[4], reply.certificate);
	OPENSSL_free(spki);
	EVP_PKEY_free(key);
}

static void do_ca(char **a)
{
	uint8_t key[16];
	struct cert_sign_request r = { .kind = KIND_CA,
				       .not_before = time_now(),
				       .not_after = time_now() + 86400,
				       .key_form = KEY_LOCAL,
				       .subject_key = SLICE_OF(key),
				       .subject = item(DN_COMMON_NAME, slice_text(a[2])),
				       .path_len = (uint16_t)atoi(a[3]),
				       .permitted = item(NAME_DNS, slice_text("b.example.com")),
				       .excluded = item(NAME_DNS, slice_text("secret.example.com")) };
	struct cert_sign_reply reply;
	key_arg(a[1], key);
	key_arg(a[0], r.ca_key);
	request_id(r.request_id);
	ask_cert_sign_put(&out, 2, &r);
	exchange();
	if (ask_cert_sign_get(answer.body, &reply, &where) != PACK_OK)
		die("reply");
	done(reply.ledger_seq, NULL, a[4], reply.certificate);
}

static void do_close(char **a)
{
	struct ca_close_request r = { 0 };
	struct ca_close_reply reply;
	key_arg(a[0], r.ca_key);
	request_id(r.request_id);
	ask_ca_close_put(&out, 2, &r);
	exchange();
	if (ask_ca_close_get(answer.body, &reply, &where) != PACK_OK)
		die("reply");
	done(reply.ledger_seq, NULL, NULL, (struct slice){ 0 });
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int least;
		void (*run)(char **arguments);
	} commands[] = { { "create", 2, do_create }, { "csr", 5, do_csr },     { "self", 3, do_self },
			 { "import", 4, do_import }, { "admit", 2, do_admit }, { "leaf", 5, do_leaf },
			 { "ca", 5, do_ca },	     { "close", 1, do_close } };
	struct hello_request hello = { .version = INNER_VERSION };
	uint8_t id[16];
	char text[33];
	buf_init(&out, FRAME_HEAD + MAX_FRAME_BODY);
	buf_init(&in, FRAME_HEAD + MAX_FRAME_BODY);
	if (argc < 4)
		die("usage");
	if (strcmp(argv[3], "id") == 0) {
		request_id(id);
		hex_encode(id, 16, text);
		puts(text);
		return 0;
	}
	fd = fd_connect(argv[1]);
	hex_decode(argv[2], strlen(argv[2]), hello.ledger_id, 16);
	ask_hello_put(&out, 1, &hello);
	exchange();
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[3], commands[i].name) == 0 && argc - 4 >= commands[i].least) {
			commands[i].run(argv + 4);
			return 0;
		}
	die("usage");
}
