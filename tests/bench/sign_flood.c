/*
 * The signer and its driver without a front-end: leaves asked for over
 * sign.sock, so many at a time, for some seconds. Every answer must be a
 * certificate; each was recorded and its signature verified by then.
 *
 *	sign_flood SOCKET LEDGER-ID CA-KEY-IN-HEX SECONDS IN-FLIGHT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/fd.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "names/dn.h"
#include "names/name.h"
#include "wire/inner_ask.h"

#define DAY 86400
#define READ 65536
#define MAX_SEND (1024 * 1024)

static int fd = -1;
static struct buf in = { .max = 4 * MAX_FRAME_BODY }, out = { .max = MAX_SEND };
static struct buf public_key = { .max = 1024 }, subject = { .max = 1024 }, names = { .max = 1024 },
		  usage = { .max = 64 };
static struct cert_sign_request leaf;

static void die(const char *what)
{
	fprintf(stderr, "sign_flood: %s\n", what);
	exit(1);
}

static void send_out(void)
{
	if (!buf_ok(&out) || fd_write_all(fd, out.at, out.len) != 0)
		die("could not be sent");
	buf_clear(&out);
}

/* Reads once, counts the whole frames; each must be a reply. */
static unsigned long replies_take(void)
{
	uint8_t *room = buf_room(&in, READ);
	ssize_t n = room ? read(fd, room, READ) : -1;
	if (n <= 0)
		die("the signer closed the connection");
	in.len += (size_t)n;
	unsigned long count = 0;
	size_t used = 0;
	struct frame f;
	while (frame_peek((struct slice){ in.at + used, in.len - used }, &f) == FRAME_WHOLE) {
		struct refusal_message r;
		if (f.kind != FRAME_REPLY && refusal_get(f.body, &r) == PACK_OK)
			fprintf(stderr, "sign_flood: refused %u %.*s\n", r.code, (int)r.field.len,
				(const char *)r.field.at);
		if (f.kind != FRAME_REPLY)
			die("not every request was granted");
		used += frame_size(&f);
		count++;
	}
	buf_drop(&in, used);
	return count;
}

static void greet(const char *ledger_id)
{
	struct hello_request r = { .version = INNER_VERSION };
	if (!hex_decode(ledger_id, strlen(ledger_id), r.ledger_id, LEDGER_ID_SIZE))
		die("not a ledger id");
	ask_hello_put(&out, 0, &r);
	send_out();
	while (replies_take() == 0)
		;
}

static void leaf_prepare(const char *ca_key)
{
	static const uint8_t server_auth[] = { 0x2b, 6, 1, 5, 5, 7, 3, 1 };
	uint16_t count[3] = { 0 };
	EVP_PKEY *key = EVP_EC_gen("P-256");
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	buf_put(&public_key, der, (size_t)n);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	list_put(&subject, &count[0], DN_COMMON_NAME, slice_text("www.example.com"));
	list_put(&names, &count[1], NAME_DNS, slice_text("www.example.com"));
	list_put(&usage, &count[2], 0, (struct slice){ server_auth, sizeof(server_auth) });
	leaf = (struct cert_sign_request){ .kind = KIND_LEAF,
					   .not_before = time_now(),
					   .not_after = time_now() + 30 * DAY,
					   .key_form = KEY_FOREIGN,
					   .subject_key = buf_slice(&public_key),
					   .subject = list_of(&subject, count[0]),
					   .alt_names = list_of(&names, count[1]),
					   .key_usage = USAGE_DIGITAL_SIGNATURE,
					   .ext_key_usage = list_of(&usage, count[2]),
					   .path_len = PATH_LEN_NONE };
	if (!hex_decode(ca_key, strlen(ca_key), leaf.ca_key, KEY_ID_SIZE))
		die("not a key's id");
}

static void leaf_ask(uint64_t tag)
{
	int64_t ms = time_now_ms();
	random_bytes(leaf.request_id, sizeof(leaf.request_id));
	for (int i = 0; i < 6; i++)
		leaf.request_id[i] = (uint8_t)(ms >> (40 - 8 * i));
	ask_cert_sign_put(&out, tag, &leaf);
}

int main(int argc, char **argv)
{
	if (argc != 6)
		return 64;
	unsigned long sent = 0, done = 0, in_flight = strtoul(argv[5], NULL, 10);
	fd = fd_connect(argv[1]);
	if (fd < 0)
		die("no signer at this socket");
	greet(argv[2]);
	leaf_prepare(argv[3]);
	int64_t start = time_boot_ms(), end = start + (int64_t)(1000 * atof(argv[4]));
	while (time_boot_ms() < end || done < sent) {
		for (; time_boot_ms() < end && sent - done < in_flight; sent++)
			leaf_ask(sent + 1);
		send_out();
		if (done < sent)
			done += replies_take();
	}
	printf("done=%lu rate=%.1f\n", done, 1000.0 * (double)done / (double)(time_boot_ms() - start));
	return 0;
}
