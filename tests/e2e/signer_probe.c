/*
 * Speaks the inner protocol to a running signer, as a front-end would: makes
 * a root, an issuing CA and leaves, then asks for what it may not have. TAP
 * on standard output; the certificates go to the folder that is named, for
 * other programs to judge.
 *
 *	signer_probe SOCKET LEDGER_ID TOKEN FOLDER ROOT_ALG CA_ALG
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

#define HOUR 3600
#define DAY 86400

static int fd = -1;
static int points, failures;
static struct buf out, in;
static struct frame answer;
static struct refusal_message refusal;

static void ok(bool good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++points, what);
	failures += !good;
}

/* Sends what is in out, reads one answer. Its refusal's number; 0: a reply; -1: the connection was closed. */
static int exchange(void)
{
	int sent = fd_write_all(fd, out.at, out.len);
	buf_clear(&out);
	buf_clear(&in);
	uint8_t *at = buf_room(&in, FRAME_HEAD);
	if (sent != 0 || fd_read_all(fd, at, FRAME_HEAD) != 0)
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

static void request_id(uint8_t id[16])
{
	uint64_t ms = (uint64_t)time_now_ms();
	random_bytes(id, 16);
	for (int i = 0; i < 6; i++)
		id[i] = (uint8_t)(ms >> (40 - 8 * i));
}

static int hello(const char *path, const char *ledger_id)
{
	struct hello_request r = { .version = INNER_VERSION };
	struct hello_reply reply;
	const char *where;
	fd = fd_connect(path);
	hex_decode(ledger_id, strlen(ledger_id), r.ledger_id, 16);
	ask_hello_put(&out, 1, &r);
	int code = exchange();
	return code ? code : (int)ask_hello_get(answer.body, &reply, &where);
}

static bool key_create(const char *token, uint8_t algorithm, uint8_t id[16])
{
	struct key_create_request r = { .token = slice_text(token), .algorithm = algorithm };
	struct key_create_reply reply;
	const char *where;
	request_id(r.request_id);
	ask_key_create_put(&out, 2, &r);
	if (exchange() != 0 || ask_key_create_get(answer.body, &reply, &where) != PACK_OK)
		return false;
	memcpy(id, reply.key_id, 16);
	return true;
}

static void save(const char *folder, const char *name, struct slice certificate)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s.der", folder, name);
	if (fd_replace_file(path, certificate, 0644) != 0)
		exit(1);
}

static struct list subject_of(struct buf *raw, const char *cn)
{
	uint16_t count = 0;
	buf_clear(raw);
	list_put(raw, &count, DN_COUNTRY, slice_text("DE"));
	list_put(raw, &count, DN_ORGANIZATION, slice_text("Probe"));
	list_put(raw, &count, DN_COMMON_NAME, slice_text(cn));
	return list_of(raw, count);
}

static struct list one_item(struct buf *raw, uint8_t tag, struct slice item)
{
	uint16_t count = 0;
	buf_clear(raw);
	list_put(raw, &count, tag, item);
	return list_of(raw, count);
}

static struct buf subject_raw, names_raw, eku_raw, permitted_raw, urls_raw;

static struct ca_self_request root_request(const uint8_t key[16])
{
	struct ca_self_request r = { .not_before = time_now() - 60,
				     .not_after = time_now() + 3650 * DAY,
				     .subject = subject_of(&subject_raw, "Root"),
				     .path_len = 2 };
	request_id(r.request_id);
	memcpy(r.key_id, key, 16);
	return r;
}

static int ca_self(const struct ca_self_request *r, struct ca_self_reply *reply)
{
	const char *where;
	ask_ca_self_put(&out, 3, r);
	int code = exchange();
	return code ? code : (int)ask_ca_self_get(answer.body, reply, &where);
}

static int cert_sign(const struct cert_sign_request *r, struct cert_sign_reply *reply)
{
	const char *where;
	ask_cert_sign_put(&out, 4, r);
	int code = exchange();
	return code ? code : (int)ask_cert_sign_get(answer.body, reply, &where);
}

static struct cert_sign_request ca_request(const uint8_t parent[16], const uint8_t *key)
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

static struct buf leaf_spki;

static struct cert_sign_request leaf_request(const uint8_t ca[16])
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

#define REFUSED(change, code, what)                                                                                    \
	do {                                                                                                           \
		struct cert_sign_request r = leaf_request(ca);                                                         \
		struct cert_sign_reply reply;                                                                          \
		change;                                                                                                \
		ok(cert_sign(&r, &reply) == (code), "refused: " what);                                                 \
	} while (0)

static void leaf_refusals(const uint8_t ca[16], const uint8_t root[16], const uint8_t unbound[16], struct slice ca_spki)
{
	struct buf other = { .max = 4096 };
	REFUSED(r.kind = KIND_CA; r.key_form = KEY_LOCAL, REFUSE_KIND, "a CA under an issuing key");
	REFUSED(r.kind = KIND_OCSP_RESPONDER, REFUSE_SUBJECT_KEY_FORM, "an OCSP responder over an outside key");
	REFUSED(r.kind = KIND_SUBCA_FOREIGN, REFUSE_KIND, "a CA over an outside key");
	REFUSED(r.kind = 0, REFUSE_KIND, "no kind");
	REFUSED(r.kind = 77, REFUSE_KIND, "an unknown kind");
	REFUSED(memcpy(r.ca_key, root, 16), REFUSE_KIND, "a leaf under the root");
	REFUSED(memcpy(r.ca_key, unbound, 16), REFUSE_KEY_UNBOUND, "an unbound key as issuer");
	REFUSED(r.ca_key[0] ^= 1, REFUSE_KEY_UNKNOWN, "an unknown key");
	REFUSED(r.key_form = KEY_LOCAL, REFUSE_SUBJECT_KEY_FORM, "a leaf over a local key by its id");
	REFUSED(r.subject_key = ca_spki, REFUSE_SUBJECT_KEY_LOCAL, "a leaf over a local key by its bytes");
	REFUSED(r.subject_key.len--, REFUSE_SUBJECT_KEY, "a key cut short");
	REFUSED(leaf_spki.at[30] ^= 1, REFUSE_SUBJECT_KEY, "a point off the curve");
	leaf_spki.at[30] ^= 1;
	REFUSED(r.not_after = r.not_before - 1, REFUSE_VALIDITY_ORDER, "notAfter before notBefore");
	REFUSED(r.not_before = time_now() - 2 * HOUR, REFUSE_BEYOND_ISSUER, "notBefore before the issuer's");
	REFUSED(r.not_before = time_now() + 2 * DAY;
		r.not_after = time_now() + 3 * DAY, REFUSE_BACKDATED, "notBefore far ahead");
	REFUSED(r.not_after = time_now() + 366 * DAY, REFUSE_BEYOND_ISSUER, "notAfter past the issuer's");
	REFUSED(r.path_len = 0, REFUSE_NOT_FOR_KIND, "a path length in a leaf");
	REFUSED(r.permitted = one_item(&other, NAME_DNS, slice_text("example.com")), REFUSE_NOT_FOR_KIND,
		"constraints in a leaf");
	REFUSED(r.key_usage |= USAGE_KEY_CERT_SIGN, REFUSE_KEY_USAGE, "keyCertSign in a leaf");
	REFUSED(r.key_usage |= USAGE_CRL_SIGN, REFUSE_KEY_USAGE, "cRLSign in a leaf");
	REFUSED(r.key_usage = 0, REFUSE_KEY_USAGE, "no key usage");
	REFUSED(r.ext_key_usage =
			one_item(&other, 0, (struct slice){ (const uint8_t *)"\x2b\x06\x01\x05\x05\x07\x03\x09", 8 }),
		REFUSE_EXT_KEY_USAGE, "OCSPSigning in a leaf");
	REFUSED(r.ext_key_usage = one_item(&other, 0, (struct slice){ (const uint8_t *)"\x55\x1d\x25\x00", 4 }),
		REFUSE_EXT_KEY_USAGE, "anyExtendedKeyUsage in a leaf");
	REFUSED(r.alt_names.count = 0; r.alt_names.raw.len = 0, REFUSE_ALT_NAME_MISSING, "no alternative name");
	REFUSED(r.alt_names = one_item(&other, NAME_DNS, slice_text("WWW.example.com")), REFUSE_ALT_NAME,
		"a name not in its canonical form");
	REFUSED(r.alt_names = one_item(&other, 9, slice_text("x")), REFUSE_ALT_NAME, "a name of no known type");
	REFUSED(r.alt_names = one_item(&other, NAME_DNS, slice_text("notexample.com")), REFUSE_NAME_OUTSIDE,
		"a name outside the constraints");
	REFUSED(r.subject = one_item(&other, 99, slice_text("x")), REFUSE_SUBJECT, "an unknown subject attribute");
	REFUSED(r.urls = one_item(&other, URL_OCSP, slice_text("file:///etc/passwd")), REFUSE_URL,
		"a URL of another scheme");
	REFUSED(r.opaque = one_item(&other, 0, slice_text("\x03\x55\x1d\x13x")), REFUSE_OPAQUE,
		"an opaque basicConstraints");
	REFUSED(memset(r.request_id, 0, 6), REFUSE_REQUEST_STALE, "an old request id");
	buf_free(&other);
}

static void repetitions(const uint8_t ca[16])
{
	struct cert_sign_request r = leaf_request(ca);
	struct cert_sign_reply reply;
	ok(cert_sign(&r, &reply) == 0, "a leaf is signed");
	struct buf first = { .max = 65536 };
	buf_put_slice(&first, reply.certificate);
	uint64_t seq = reply.ledger_seq;
	bool same = cert_sign(&r, &reply) == 0 && slice_equal(reply.certificate, buf_slice(&first)) &&
		    reply.ledger_seq == seq;
	ok(same, "the same request again gets the same certificate");
	r.not_after--;
	ok(cert_sign(&r, &reply) == REFUSE_REQUEST_REUSED, "its id with another body is refused");
	buf_free(&first);
}

static void closes(const char *path, const char *id, const void *bytes, size_t n, const char *what)
{
	if (hello(path, id) == 0) {
		buf_put(&out, bytes, n);
		ok(exchange() == -1, what);
	} else {
		ok(false, what);
	}
	fd_close(&fd);
}

static void malformed(const char *path, const char *id)
{
	uint8_t head[64] = { 0, 0, 0, 0, FRAME_VERSION, FRAME_REQUEST, INNER_CERT_SIGN, 0 };
	fd_close(&fd);
	closes(path, id, head, FRAME_HEAD, "closed: a body that ends too early");
	set_u32(head, 65537);
	closes(path, id, head, FRAME_HEAD, "closed: a body over its verb's limit");
	set_u32(head, UINT32_MAX);
	closes(path, id, head, FRAME_HEAD, "closed: a length over any limit");
	set_u32(head, 0);
	head[4] = 9;
	closes(path, id, head, FRAME_HEAD, "closed: another version");
	head[4] = FRAME_VERSION;
	head[6] = INNER_STATUS;
	set_u32(head, 1);
	closes(path, id, head, FRAME_HEAD + 1, "closed: a byte where the verb has none");
	fd = fd_connect(path);
	ask_status_put(&out, 1, &(struct status_request){});
	ok(exchange() == REFUSE_HELLO_FIRST, "refused: a verb before HELLO");
	fd_close(&fd);
	ok(hello(path, "00112233445566778899aabbccddeeff") == REFUSE_WRONG_LEDGER, "refused: another ledger's caller");
	fd_close(&fd);
	ok(hello(path, id) == 0, "and the signer still serves");
}

static void checkpoint(const char *folder)
{
	struct checkpoint_reply reply;
	const char *where;
	ask_checkpoint_put(&out, 5, &(struct checkpoint_request){});
	bool got = exchange() == 0 && ask_checkpoint_get(answer.body, &reply, &where) == PACK_OK;
	ok(got && reply.size > 0, "a signed checkpoint");
	if (got)
		save(folder, "checkpoint", reply.note);
}

int main(int argc, char **argv)
{
	if (argc != 7)
		return 2;
	const char *path = argv[1], *ledger_id = argv[2], *token = argv[3], *folder = argv[4];
	uint8_t root_algorithm = algorithm_by_name(argv[5])->number, ca_algorithm = algorithm_by_name(argv[6])->number;
	uint8_t root[16], ca[16], unbound[16];
	buf_init(&out, MAX_FRAME_BODY);
	buf_init(&in, 2 * MAX_FRAME_BODY);
	struct buf *raws[] = { &subject_raw, &names_raw, &eku_raw, &permitted_raw, &urls_raw };
	for (size_t i = 0; i < 5; i++)
		buf_init(raws[i], 65536);
	make_leaf_key();

	ok(hello(path, ledger_id) == 0, "HELLO");
	ok(key_create(token, root_algorithm, root), "a key for the root");
	struct ca_self_request self = root_request(root);
	struct ca_self_reply self_reply;
	ok(ca_self(&self, &self_reply) == 0, "a root");
	if (failures)
		return 1;
	save(folder, "root", self_reply.certificate);
	ok(key_create(token, ca_algorithm, ca), "a key for the CA");
	ok(key_create(token, ca_algorithm, unbound), "another, to stay unbound");

	struct cert_sign_request child = ca_request(root, ca);
	struct cert_sign_reply reply;
	child.path_len = 2;
	ok(cert_sign(&child, &reply) == REFUSE_PATH_LEN, "refused: the parent's own path length");
	child = ca_request(root, ca);
	child.path_len = PATH_LEN_NONE;
	ok(cert_sign(&child, &reply) == REFUSE_PATH_LEN, "refused: no path length under a limited parent");
	child = ca_request(root, ca);
	child.subject = subject_of(&subject_raw, "Root");
	ok(cert_sign(&child, &reply) == REFUSE_SUBJECT_TAKEN, "refused: the root's subject for another key");
	child = ca_request(root, root);
	ok(cert_sign(&child, &reply) == REFUSE_KEY_BOUND, "refused: a bound key");
	child = ca_request(root, ca);
	ok(cert_sign(&child, &reply) == 0, "a CA under the root");
	struct buf ca_certificate = { .max = 65536 };
	buf_put_slice(&ca_certificate, reply.certificate);
	save(folder, "ca", reply.certificate);

	struct cert_sign_request leaf = leaf_request(ca);
	ok(cert_sign(&leaf, &reply) == 0, "a leaf under the CA");
	save(folder, "leaf", reply.certificate);
	repetitions(ca);

	const unsigned char *der = ca_certificate.at;
	X509 *x = d2i_X509(NULL, &der, (long)ca_certificate.len);
	unsigned char *spki = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
	leaf_refusals(ca, root, unbound, (struct slice){ spki, (size_t)n });
	OPENSSL_free(spki);
	X509_free(x);
	buf_free(&ca_certificate);
	checkpoint(folder);
	malformed(path, ledger_id);
	printf("1..%d\n", points);
	return failures != 0;
}
