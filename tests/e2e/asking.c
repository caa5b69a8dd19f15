#include "e2e/asking.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/x509.h>

#include "base/fd.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "names/dn.h"
#include "names/name.h"

int fd = -1;
int points, failures;
struct buf out, in, leaf_spki;
struct frame answer;
struct refusal_message refusal;

void ok(bool good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++points, what);
	failures += !good;
}

int answer_read(void)
{
	buf_clear(&in);
	uint8_t *at = buf_room(&in, FRAME_HEAD);
	if (fd_read_all(fd, at, FRAME_HEAD) != 0)
		return -1;
	in.len = FRAME_HEAD;
	uint32_t n = get_u32(in.at);
	at = buf_room(&in, n);
	if (fd_read_all(fd, at, n) != 0)
		return -1;
	in.len += n;
	if (frame_peek(buf_slice(&in), &answer) != FRAME_WHOLE)
		return -1;
	if (answer.kind != FRAME_REFUSAL)
		return 0;
	return refusal_get(answer.body, &refusal) == PACK_OK ? refusal.code : -1;
}

int exchange(void)
{
	int sent = fd_write_all(fd, out.at, out.len);
	buf_clear(&out);
	return sent == 0 ? answer_read() : -1;
}

void request_id(uint8_t id[16])
{
	uint64_t ms = (uint64_t)time_now_ms();
	random_bytes(id, 16);
	for (int i = 0; i < 6; i++)
		id[i] = (uint8_t)(ms >> (40 - 8 * i));
}

int hello(const char *path, const char *ledger_id)
{
	return hello_knowing(path, ledger_id, 0, 0);
}

int hello_knowing(const char *path, const char *ledger_id, uint64_t committed, uint32_t epoch)
{
	struct hello_request r = { .version = INNER_VERSION, .committed = committed, .epoch = epoch };
	struct hello_reply reply;
	const char *where;
	fd = fd_connect(path);
	hex_decode(ledger_id, strlen(ledger_id), r.ledger_id, 16);
	ask_hello_put(&out, 1, &r);
	int code = exchange();
	return code ? code : (int)ask_hello_get(answer.body, &reply, &where);
}

int key_create(const char *token, uint8_t algorithm, uint8_t id[16])
{
	struct key_create_request r = { .token = slice_text(token), .algorithm = algorithm };
	struct key_create_reply reply;
	const char *where;
	request_id(r.request_id);
	ask_key_create_put(&out, 2, &r);
	int code = exchange();
	code = code ? code : (int)ask_key_create_get(answer.body, &reply, &where);
	if (code == 0)
		memcpy(id, reply.key_id, 16);
	return code;
}

struct list subject_of(struct buf *raw, const char *cn)
{
	uint16_t count = 0;
	buf_clear(raw);
	list_put(raw, &count, DN_COUNTRY, slice_text("DE"));
	list_put(raw, &count, DN_ORGANIZATION, slice_text("Probe"));
	list_put(raw, &count, DN_COMMON_NAME, slice_text(cn));
	return list_of(raw, count);
}

struct list one_item(struct buf *raw, uint8_t tag, struct slice item)
{
	uint16_t count = 0;
	buf_clear(raw);
	list_put(raw, &count, tag, item);
	return list_of(raw, count);
}

static struct buf subject_raw, names_raw, eku_raw, permitted_raw, urls_raw;

struct ca_self_request root_request(const uint8_t key[16])
{
	struct ca_self_request r = { .not_before = time_now() - 60,
				     .not_after = time_now() + 3650 * DAY,
				     .subject = subject_of(&subject_raw, "Root"),
				     .path_len = 2 };
	request_id(r.request_id);
	memcpy(r.key_id, key, 16);
	return r;
}

int ca_self(const struct ca_self_request *r, struct ca_self_reply *reply)
{
	const char *where;
	ask_ca_self_put(&out, 3, r);
	int code = exchange();
	return code ? code : (int)ask_ca_self_get(answer.body, reply, &where);
}

int cert_sign(const struct cert_sign_request *r, struct cert_sign_reply *reply)
{
	const char *where;
	ask_cert_sign_put(&out, 4, r);
	int code = exchange();
	return code ? code : (int)ask_cert_sign_get(answer.body, reply, &where);
}

struct cert_sign_request ca_request(const uint8_t parent[16], const uint8_t *key)
{
	struct cert_sign_request r = { .kind = KIND_CA,
				       .not_before = time_now() - 30,
				       .not_after = time_now() + 365 * DAY,
				       .key_form = KEY_LOCAL,
				       .subject_key = { key, 16 },
				       .subject = subject_of(&subject_raw, "Issuing"),
				       .path_len = 0,
				       .permitted = one_item(&permitted_raw, NAME_DNS, slice_text("example.com")),
				       .urls = one_item(&urls_raw, URL_CRL,
							slice_text("http://pki.example.com/root.crl")) };
	request_id(r.request_id);
	memcpy(r.ca_key, parent, 16);
	return r;
}

struct cert_sign_request leaf_request(const uint8_t ca[16])
{
	struct cert_sign_request r = {
		.kind = KIND_LEAF,
		.not_before = time_now(),
		.not_after = time_now() + 30 * DAY,
		.key_form = KEY_FOREIGN,
		.subject_key = buf_slice(&leaf_spki),
		.subject = subject_of(&subject_raw, "www.example.com"),
		.alt_names = one_item(&names_raw, NAME_DNS, slice_text("www.example.com")),
		.key_usage = USAGE_DIGITAL_SIGNATURE,
		.ext_key_usage =
			one_item(&eku_raw, 0, (struct slice){ (const uint8_t *)"\x2b\x06\x01\x05\x05\x07\x03\x01", 8 }),
		.path_len = PATH_LEN_NONE
	};
	request_id(r.request_id);
	memcpy(r.ca_key, ca, 16);
	return r;
}

static void make_leaf_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	buf_init(&leaf_spki, 1024);
	buf_put(&leaf_spki, der, (size_t)n);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
}

void asking_make(void)
{
	struct buf *raws[] = { &subject_raw, &names_raw, &eku_raw, &permitted_raw, &urls_raw };
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	buf_init(&out, 8 * MAX_FRAME_BODY);
	buf_init(&in, 2 * MAX_FRAME_BODY);
	for (size_t i = 0; i < 5; i++)
		buf_init(raws[i], 65536);
	make_leaf_key();
}
