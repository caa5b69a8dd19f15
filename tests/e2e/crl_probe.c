/*
 * Asks a running signer for keys, certificates, CRLs and OCSP answers as a
 * front-end would, also in ways that it would not. One command a call; what is
 * made goes to a folder, by name, for the next call and for other programs.
 * Prints the signer's number and name of a refusal, or 0.
 *
 *	crl_probe SOCKET LEDGER_ID FOLDER COMMAND...
 *
 *	key NAME TOKEN ALGORITHM
 *	root NAME | ca NAME PARENT | responder NAME CA
 *	leaf NAME CA [SECONDS [CRL_URL]] valid for so long
 *	close NAME
 *	crl CA OUT WORD=VALUE... ROW...
 *		words: number shard shards url delta_url base this next delta_next form (whole, changes)
 *		file (unsealed, short, long, plain, pipe, none) count repeat
 *		row: CERTIFICATE:REASON[:SECONDS AGO][:as=SEQ], #SERIAL instead of a name
 *	stray -				a descriptor along with a frame that takes none
 *	ocsp CA RESPONDER OUT WORD=VALUE... ROW...
 *		words: nonce this next
 *		row: CERTIFICATE:good|unknown|REASON[:SECONDS AGO][:as=SEQ][:hash=1]
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

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
#include "wire/passing.h"
#include "wire/rows.h"

#define DAY 86400
#define MAX_ROWS 64
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int fd = -1;
static const char *folder;
static struct buf out = { .max = 1 << 21 }, in = { .max = 1 << 21 };
static struct passing goes, came;
static struct frame answer;
static struct refusal_message refusal;

static void die(const char *what)
{
	fprintf(stderr, "crl_probe: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* Sends what is in out, reads one answer. Its refusal's number; 0: a reply; -1: the connection was closed. */
static int exchange(void)
{
	while (out.len)
		if (passing_send(fd, &out, MSG_NOSIGNAL, &goes) <= 0)
			return -1;
	buf_clear(&in);
	while (frame_peek(buf_slice(&in), &answer) == FRAME_PARTIAL) {
		uint8_t *at = buf_room(&in, 65536);
		ssize_t n = at ? passing_recv(fd, at, 65536, 0, &came) : -1;
		if (n <= 0)
			return -1;
		in.len += (size_t)n;
	}
	if (answer.kind != FRAME_REFUSAL)
		return 0;
	return refusal_get(answer.body, &refusal) == PACK_OK ? refusal.code : -1;
}

static void hello(const char *path, const char *ledger_id)
{
	struct hello_request r = { .version = INNER_VERSION };
	fd = fd_connect(path);
	hex_decode(ledger_id, strlen(ledger_id), r.ledger_id, 16);
	ask_hello_put(&out, 1, &r);
	if (fd < 0 || exchange() != 0)
		die("hello");
}

static void request_id(uint8_t id[16])
{
	uint64_t ms = (uint64_t)time_now_ms();
	random_bytes(id, 16);
	for (int i = 0; i < 6; i++)
		id[i] = (uint8_t)(ms >> (40 - 8 * i));
}

static void save(const char *name, const char *kind, struct slice bytes)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s.%s", folder, name, kind);
	if (fd_replace_file(path, bytes, 0644) != 0)
		die(path);
}

static void load(const char *name, const char *kind, struct buf *to)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s.%s", folder, name, kind);
	if (fd_read_file(path, to->max, to) != 0)
		die(path);
}

static void load_id(const char *name, uint8_t id[16])
{
	struct buf b = { .max = 16 };
	load(name, "key", &b);
	memcpy(id, b.at, 16);
	buf_free(&b);
}

static struct list one_item(struct buf *raw, uint8_t tag, struct slice item)
{
	uint16_t count = 0;
	buf_init(raw, 65536);
	list_put(raw, &count, tag, item);
	return list_of(raw, count);
}

static struct buf subject_raw, names_raw, eku_raw, urls_raw;

static int key_create(char **arg)
{
	struct key_create_request r = { .token = slice_text(arg[1]), .algorithm = algorithm_by_name(arg[2])->number };
	struct key_create_reply reply;
	const char *where;
	request_id(r.request_id);
	ask_key_create_put(&out, 2, &r);
	int code = exchange();
	if (code == 0 && ask_key_create_get(answer.body, &reply, &where) == PACK_OK)
		save(arg[0], "key", SLICE_OF(reply.key_id));
	return code;
}

/* The certificate, and the number of its record. */
static void save_certificate(const char *name, struct slice der, uint64_t seq)
{
	uint8_t bytes[8];
	set_u64(bytes, seq);
	save(name, "der", der);
	save(name, "seq", SLICE_OF(bytes));
}

static int root(char **arg)
{
	struct ca_self_request r = { .not_before = time_now() - 60,
				     .not_after = time_now() + 3650L * DAY,
				     .subject = one_item(&subject_raw, DN_COMMON_NAME, slice_text(arg[0])),
				     .path_len = 2 };
	struct ca_self_reply reply;
	const char *where;
	request_id(r.request_id);
	load_id(arg[0], r.key_id);
	ask_ca_self_put(&out, 3, &r);
	int code = exchange();
	if (code == 0 && ask_ca_self_get(answer.body, &reply, &where) == PACK_OK)
		save_certificate(arg[0], reply.certificate, reply.ledger_seq);
	return code;
}

static int cert_sign(struct cert_sign_request *r, const char *name, const char *ca)
{
	struct cert_sign_reply reply;
	const char *where;
	request_id(r->request_id);
	load_id(ca, r->ca_key);
	r->subject = one_item(&subject_raw, DN_COMMON_NAME, slice_text(name));
	ask_cert_sign_put(&out, 4, r);
	int code = exchange();
	if (code == 0 && ask_cert_sign_get(answer.body, &reply, &where) == PACK_OK)
		save_certificate(name, reply.certificate, reply.ledger_seq);
	return code;
}

static int local(char **arg, uint8_t kind)
{
	uint8_t id[16];
	load_id(arg[0], id);
	struct cert_sign_request r = { .kind = kind,
				       .not_before = time_now() - 30,
				       .not_after = time_now() + (kind == KIND_CA ? 365L : 30L) * DAY,
				       .key_form = KEY_LOCAL,
				       .subject_key = SLICE_OF(id),
				       .path_len = kind == KIND_CA ? 0 : PATH_LEN_NONE };
	return cert_sign(&r, arg[0], arg[1]);
}

static int leaf(char **arg)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	struct cert_sign_request r = {
		.kind = KIND_LEAF,
		.not_before = time_now(),
		.not_after = time_now() + (arg[2] ? atol(arg[2]) : 30L * DAY),
		.key_form = KEY_FOREIGN,
		.subject_key = { der, (size_t)n },
		.alt_names = one_item(&names_raw, NAME_DNS, slice_text("www.example.com")),
		.key_usage = USAGE_DIGITAL_SIGNATURE,
		.ext_key_usage =
			one_item(&eku_raw, 0, (struct slice){ (const uint8_t *)"\x2b\x06\x01\x05\x05\x07\x03\x01", 8 }),
		.path_len = PATH_LEN_NONE
	};
	if (arg[2] && arg[3])
		r.urls = one_item(&urls_raw, URL_CRL, slice_text(arg[3]));
	int code = cert_sign(&r, arg[0], arg[1]);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	return code;
}

static int close_ca(char **arg)
{
	struct ca_close_request r = { 0 };
	request_id(r.request_id);
	load_id(arg[0], r.ca_key);
	ask_ca_close_put(&out, 5, &r);
	return exchange();
}

/* Takes the piece up to the next colon; NULL at the end. */
static char *piece(char **rest)
{
	return *rest ? strsep(rest, ":") : NULL;
}

static void serial_of(const char *name, uint8_t serial[ROW_SERIAL_SIZE], uint64_t *seq)
{
	memset(serial, 0, ROW_SERIAL_SIZE);
	*seq = 0;
	if (name[0] == '#') {
		set_u64(serial, strtoull(name + 1, NULL, 0));
		for (int i = 0; i < 8; i++)
			serial[ROW_SERIAL_SIZE - 1 - i] = serial[i];
		memset(serial, 0, 8);
		return;
	}
	struct buf b = { .max = 65536 };
	load(name, "der", &b);
	const unsigned char *at = b.at;
	X509 *x = d2i_X509(NULL, &at, (long)b.len);
	const ASN1_INTEGER *n = X509_get0_serialNumber(x);
	row_serial((struct slice){ ASN1_STRING_get0_data(n), (size_t)ASN1_STRING_length(n) }, serial);
	X509_free(x);
	buf_clear(&b);
	load(name, "seq", &b);
	*seq = get_u64(b.at);
	buf_free(&b);
}

static int row_order(const void *a, const void *b)
{
	return memcmp(a, b, ROW_SERIAL_SIZE);
}

static bool word(const char *arg, const char *name, const char **value)
{
	size_t n = strlen(name);
	if (strncmp(arg, name, n) != 0 || arg[n] != '=')
		return false;
	*value = arg + n + 1;
	return true;
}

/* The descriptor that goes along, and what is wrong with it. */
static int entries_file(const char *how, struct slice rows)
{
	int pair[2], file = -1;
	if (strcmp(how, "none") == 0)
		return -1;
	if (strcmp(how, "pipe") == 0 && pipe(pair) == 0)
		return pair[0];
	if (strcmp(how, "plain") == 0) {
		save("plain", "rows", rows);
		char path[512];
		snprintf(path, sizeof(path), "%s/plain.rows", folder);
		return open(path, O_RDONLY | O_CLOEXEC);
	}
	file = memfd_create("entries", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (file < 0 || fd_write_all(file, rows.at, rows.len) != 0)
		die("memfd");
	if (strcmp(how, "short") == 0 && ftruncate(file, (off_t)rows.len - 1) != 0)
		die("ftruncate");
	if (strcmp(how, "long") == 0 && ftruncate(file, (off_t)rows.len + CRL_ROW_SIZE) != 0)
		die("ftruncate");
	int seals = strcmp(how, "unsealed") == 0 ? 0 : SEALS;
	if (strncmp(how, "without-", 8) == 0)
		seals &= ~atoi(how + 8);
	if (fcntl(file, F_ADD_SEALS, seals) != 0)
		die("seals");
	return file;
}

static void save_part(const char *name, const char *kind, int file, uint64_t at, uint64_t size)
{
	struct buf b = { .max = size };
	uint8_t *room = buf_room(&b, size);
	if (!room || pread(file, room, size, (off_t)at) != (ssize_t)size)
		die("the CRL's bytes");
	save(name, kind, (struct slice){ room, size });
	buf_free(&b);
}

static int crl(char **arg)
{
	struct crl_sign_request r = {
		.shards = 1, .form = CRL_WHOLE, .this_update = time_now(), .next_update = time_now() + 7 * DAY
	};
	uint8_t rows[MAX_ROWS][CRL_ROW_SIZE];
	struct buf file_rows = { .max = 1UL << 30 };
	size_t n = 0, repeat = 1;
	bool sorted = true, counted = false;
	r.context = slice_text(arg[1]); /* so that a test finds it on the ledger */
	const char *name = arg[1], *how = "sealed", *v;
	request_id(r.request_id);
	load_id(arg[0], r.ca_key);
	for (arg += 2; *arg && n < MAX_ROWS; arg++) {
		if (word(*arg, "number", &v))
			r.number = strtoull(v, NULL, 0);
		else if (word(*arg, "shard", &v))
			r.shard = (uint16_t)atoi(v);
		else if (word(*arg, "shards", &v))
			r.shards = (uint16_t)atoi(v);
		else if (word(*arg, "url", &v))
			r.url = slice_text(v);
		else if (word(*arg, "delta_url", &v))
			r.delta_url = slice_text(v);
		else if (word(*arg, "base", &v))
			r.base = strtoull(v, NULL, 0);
		else if (word(*arg, "this", &v))
			r.this_update = time_now() + atol(v);
		else if (word(*arg, "next", &v))
			r.next_update = time_now() + atol(v);
		else if (word(*arg, "delta_next", &v))
			r.delta_next = time_now() + atol(v);
		else if (word(*arg, "form", &v))
			r.form = strcmp(v, "whole") == 0 ? CRL_WHOLE : strcmp(v, "changes") == 0 ? CRL_CHANGES : 9;
		else if (word(*arg, "file", &v))
			how = v;
		else if (word(*arg, "sorted", &v))
			sorted = atoi(v);
		else if (word(*arg, "repeat", &v))
			repeat = (size_t)atoi(v);
		else if (word(*arg, "count", &v))
			counted = true, r.count = (uint32_t)atoi(v);
		else if (word(*arg, "rows", &v)) {
			if (fd_read_file(v, file_rows.max, &file_rows) != 0)
				die(v);
		} else {
			char *rest = *arg, *cert = piece(&rest), *reason = piece(&rest), *more;
			struct crl_row row = { .reason = (uint8_t)atoi(reason ? reason : "0"),
					       .revoked = r.this_update };
			serial_of(cert, row.serial, &row.seq);
			while ((more = piece(&rest))) {
				if (word(more, "as", &v))
					row.seq = strtoull(v, NULL, 0);
				else if (word(more, "at", &v))
					row.revoked = atol(v);
				else
					row.revoked = time_now() - atol(more);
			}
			crl_row_put(rows[n++], &row);
		}
	}
	if (sorted)
		qsort(rows, n, CRL_ROW_SIZE, row_order);
	struct slice bytes = file_rows.len ? buf_slice(&file_rows) : (struct slice){ rows[0], n * CRL_ROW_SIZE };
	if (!counted)
		r.count = (uint32_t)(bytes.len / CRL_ROW_SIZE);
	int code = 0, file = -1;
	for (; repeat && code == 0; repeat--) {
		file = entries_file(how, bytes);
		if (file >= 0)
			passing_put(&goes, file, out.len);
		ask_crl_sign_put(&out, 6, &r);
		code = exchange();
	}
	struct crl_sign_reply reply;
	const char *where;
	if (code != 0)
		return code;
	file = passing_take(&came);
	if (ask_crl_sign_get(answer.body, &reply, &where) != PACK_OK || file < 0 || fcntl(file, F_GET_SEALS) != SEALS)
		die("the answer's memory file");
	save_part(name, "crl", file, reply.full_at, reply.full_size);
	if (reply.delta_size)
		save_part(name, "delta", file, reply.delta_at, reply.delta_size);
	fprintf(stderr, "entries=%u full=%llu delta=%llu\n", reply.entries, (unsigned long long)reply.full_size,
		(unsigned long long)reply.delta_size);
	return 0;
}

static int ocsp_reason(const char *text)
{
	if (strcmp(text, "good") == 0)
		return -OCSP_IS_GOOD;
	return strcmp(text, "unknown") == 0 ? -OCSP_IS_UNKNOWN : atoi(text);
}

static uint8_t ocsp_row_read(char *text, struct ocsp_row *row)
{
	char *rest = text, *cert = piece(&rest), *more;
	const char *v;
	int reason = ocsp_reason(piece(&rest));
	bool revoked = reason >= 0, good = reason == -OCSP_IS_GOOD;
	serial_of(cert, row->serial, &row->seq);
	row->seq = good ? row->seq : 0;
	row->reason = revoked ? (uint8_t)reason : 0;
	row->revoked = revoked ? time_now() : 0;
	while ((more = piece(&rest))) {
		if (word(more, "as", &v))
			row->seq = strtoull(v, NULL, 0);
		else if (word(more, "at", &v))
			row->revoked = atol(v);
		else if (word(more, "hash", &v))
			row->hash = (uint8_t)atoi(v);
		else
			row->revoked = time_now() - atol(more);
	}
	return revoked ? OCSP_IS_REVOKED : (uint8_t)-reason;
}

static int ocsp(char **arg)
{
	struct ocsp_sign_request r = { 0 };
	struct buf raw = { .max = 4096 };
	struct ocsp_row row = { .this_update = time_now(), .next_update = time_now() + DAY };
	uint8_t item[OCSP_ROW_SIZE];
	const char *name = arg[2], *v;
	load_id(arg[0], r.ca_key);
	load_id(arg[1], r.responder);
	for (arg += 3; *arg; arg++) {
		row.hash = CERT_ID_SHA1;
		if (word(*arg, "nonce", &v))
			r.nonce = slice_text(v);
		else if (word(*arg, "this", &v))
			row.this_update = time_now() + atol(v);
		else if (word(*arg, "next", &v))
			row.next_update = time_now() + atol(v);
		else {
			uint8_t status = ocsp_row_read(*arg, &row);
			ocsp_row_put(item, &row);
			list_put(&raw, &r.responses.count, status, SLICE_OF(item));
		}
	}
	r.responses.raw = buf_slice(&raw);
	ask_ocsp_sign_put(&out, 7, &r);
	buf_free(&raw);
	int code = exchange();
	struct ocsp_sign_reply reply;
	const char *where;
	if (code == 0 && ask_ocsp_sign_get(answer.body, &reply, &where) == PACK_OK)
		save(name, "ocsp", reply.response);
	return code;
}

/* A descriptor along with a frame that takes none: the signer is to close the connection. */
static int stray(void)
{
	passing_put(&goes, dup(0), 0);
	ask_status_put(&out, 8, &(struct status_request){});
	while (exchange() == 0)
		ask_status_put(&out, 9, &(struct status_request){});
	return -1;
}

int main(int argc, char **argv)
{
	int code = 2;
	if (argc < 6)
		return 2;
	folder = argv[3];
	hello(argv[1], argv[2]);
	const char *what = argv[4];
	char **arg = argv + 5;
	if (strcmp(what, "key") == 0)
		code = key_create(arg);
	else if (strcmp(what, "root") == 0)
		code = root(arg);
	else if (strcmp(what, "ca") == 0)
		code = local(arg, KIND_CA);
	else if (strcmp(what, "responder") == 0)
		code = local(arg, KIND_OCSP_RESPONDER);
	else if (strcmp(what, "leaf") == 0)
		code = leaf(arg);
	else if (strcmp(what, "close") == 0)
		code = close_ca(arg);
	else if (strcmp(what, "crl") == 0)
		code = crl(arg);
	else if (strcmp(what, "ocsp") == 0)
		code = ocsp(arg);
	else if (strcmp(what, "stray") == 0)
		code = stray();
	printf(code > 0 ? "%d %s\n" : "%d\n", code, code > 0 ? inner_refusal_name((uint16_t)code) : "");
	return code == 0 ? 0 : 1;
}
