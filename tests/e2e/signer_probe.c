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
#include "base/time.h"
#include "names/dn.h"
#include "names/name.h"
#include "e2e/asking.h"

static struct buf subject_raw = { .max = 4096 }, permitted_raw = { .max = 4096 };

static void save(const char *folder, const char *name, struct slice certificate)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s.der", folder, name);
	if (fd_replace_file(path, certificate, 0644) != 0)
		exit(1);
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
	REFUSED(r.kind = KIND_OCSP_RESPONDER, REFUSE_SUBJECT_KEY_FORM,
		"case 40: an OCSP responder over an outside key");
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
	REFUSED(r.key_usage |= USAGE_KEY_CERT_SIGN, REFUSE_KEY_USAGE, "case 40: keyCertSign in a leaf");
	REFUSED(r.key_usage |= USAGE_CRL_SIGN, REFUSE_KEY_USAGE, "cRLSign in a leaf");
	REFUSED(r.key_usage = 0, REFUSE_KEY_USAGE, "no key usage");
	REFUSED(r.ext_key_usage =
			one_item(&other, 0, (struct slice){ (const uint8_t *)"\x2b\x06\x01\x05\x05\x07\x03\x09", 8 }),
		REFUSE_EXT_KEY_USAGE, "case 40: OCSPSigning in a leaf");
	REFUSED(r.ext_key_usage = one_item(&other, 0, (struct slice){ (const uint8_t *)"\x55\x1d\x25\x00", 4 }),
		REFUSE_EXT_KEY_USAGE, "case 40: anyExtendedKeyUsage in a leaf");
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

/* A CA over a key that is bound, refused. */
#define REFUSED_AGAIN(issuer, key, change, code, what)                                                                 \
	do {                                                                                                           \
		struct cert_sign_request r = ca_request(issuer, key);                                                  \
		struct cert_sign_reply reply;                                                                          \
		r.not_after += 20 * DAY;                                                                               \
		change;                                                                                                \
		ok(cert_sign(&r, &reply) == (code), "refused: " what);                                                 \
	} while (0)

static void renewals(const uint8_t root[16], const uint8_t ca[16], const char *folder)
{
	struct cert_sign_request again;
	struct cert_sign_reply signed_reply;
	struct buf other = { .max = 4096 };
	REFUSED_AGAIN(root, ca, r.path_len = 1, REFUSE_RENEWAL_DIFFERS, "a renewal with another path length");
	REFUSED_AGAIN(root, ca, r.permitted.count = 0;
		      r.permitted.raw.len = 0, REFUSE_RENEWAL_DIFFERS, "a renewal without its name constraints");
	REFUSED_AGAIN(root, ca, r.excluded = one_item(&other, NAME_DNS, slice_text("www.example.com")),
		      REFUSE_RENEWAL_DIFFERS, "a renewal with one more");
	REFUSED_AGAIN(root, ca, r.not_after -= 30 * DAY, REFUSE_RENEWAL_SHORTER, "a renewal that ends before");
	REFUSED_AGAIN(root, ca, r.not_after = time_now() + 3651 * DAY, REFUSE_BEYOND_ISSUER,
		      "a renewal that ends after its issuer");
	REFUSED_AGAIN(root, ca, r.subject = subject_of(&subject_raw, "Other"), REFUSE_KEY_BOUND,
		      "a bound key under another subject");
	REFUSED_AGAIN(root, root, r.subject = subject_of(&subject_raw, "Root"), REFUSE_KEY_BOUND,
		      "a root's key under itself as a child");
	again = ca_request(root, ca);
	again.not_after += 20 * DAY;
	ok(cert_sign(&again, &signed_reply) == 0, "a CA's certificate is renewed");
	save(folder, "renewed", signed_reply.certificate);
	again = leaf_request(ca);
	again.not_after = time_now() + 366 * DAY;
	ok(cert_sign(&again, &signed_reply) == 0, "and its leaves may end later than before");
	save(folder, "renewed-leaf", signed_reply.certificate);
	buf_free(&other);
}

/* A CA of this path length, unconstrained, over a new key. */
static bool other_ca(const char *token, uint8_t algorithm, const uint8_t *parent, const char *cn, uint8_t key[16],
		     const char *folder)
{
	if (key_create(token, algorithm, key) != 0)
		return false;
	struct ca_self_reply made = { 0 };
	struct cert_sign_reply reply = { 0 };
	if (!parent) {
		struct ca_self_request self = root_request(key);
		self.subject = subject_of(&subject_raw, cn);
		int code = ca_self(&self, &made);
		save(folder, cn, made.certificate);
		return code == 0;
	}
	struct cert_sign_request r = ca_request(parent, key);
	r.subject = subject_of(&subject_raw, cn);
	r.path_len = 1;
	r.permitted.count = 0;
	r.permitted.raw.len = 0;
	return cert_sign(&r, &reply) == 0;
}

static void crosses(const uint8_t root[16], const uint8_t ca[16], const char *token, uint8_t algorithm,
		    const char *folder)
{
	uint8_t bridge[16], policy[16];
	struct cert_sign_request cross;
	struct cert_sign_reply crossed;
	ok(other_ca(token, algorithm, NULL, "Bridge", bridge, folder), "another root");
	ok(other_ca(token, algorithm, root, "Policy", policy, folder), "a CA that may have CAs below it");
	REFUSED_AGAIN(bridge, ca, r.permitted.count = 0;
		      r.permitted.raw.len = 0, REFUSE_CROSS_WIDER, "a cross-certificate without name constraints");
	REFUSED_AGAIN(bridge, ca, r.permitted = one_item(&permitted_raw, NAME_DNS, slice_text("com")),
		      REFUSE_CROSS_WIDER, "one that permits more");
	REFUSED_AGAIN(bridge, ca, r.path_len = 1, REFUSE_CROSS_WIDER, "one with a greater path length");
	REFUSED_AGAIN(bridge, ca, r.not_after += DAY, REFUSE_CROSS_WIDER, "one that ends later");
	REFUSED_AGAIN(policy, root, r.subject = subject_of(&subject_raw, "Root");
		      r.not_after = time_now() + 30 * DAY, REFUSE_CROSS_BELOW, "one for a CA above its issuer");
	cross = ca_request(bridge, ca);
	cross.permitted = one_item(&permitted_raw, NAME_DNS, slice_text("www.example.com"));
	ok(cert_sign(&cross, &crossed) == 0, "a cross-certificate that permits less");
	save(folder, "cross", crossed.certificate);
}

static void root_renewal(const uint8_t root[16], const uint8_t ca[16], const char *folder)
{
	struct ca_self_request r = root_request(root);
	struct ca_self_reply reply;
	r.not_after += 30 * DAY;
	r.path_len = 1;
	ok(ca_self(&r, &reply) == REFUSE_RENEWAL_DIFFERS, "refused: a root's renewal with another path length");
	r = root_request(root);
	r.not_after -= DAY;
	ok(ca_self(&r, &reply) == REFUSE_RENEWAL_SHORTER, "refused: a root's renewal that ends before");
	r = root_request(ca);
	r.subject = subject_of(&subject_raw, "Issuing");
	ok(ca_self(&r, &reply) == REFUSE_KEY_BOUND, "refused: a CA as a root by itself");
	r = root_request(root);
	r.not_after += 30 * DAY;
	ok(ca_self(&r, &reply) == 0, "a root is renewed");
	save(folder, "renewed-root", reply.certificate);
}

static void closed_renewal(const uint8_t root[16], const uint8_t ca[16])
{
	struct ca_close_request close = { .context = { NULL, 0 } };
	request_id(close.request_id);
	memcpy(close.ca_key, ca, 16);
	ask_ca_close_put(&out, 6, &close);
	ok(exchange() == 0, "the CA is closed");
	REFUSED_AGAIN(root, ca, r.not_after += DAY, REFUSE_KEY_CLOSED, "a closed CA's renewal");
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

/* signer_probe SOCKET LEDGER-ID read SEQ: the number of the answer's refusal, 0 for the record. */
static int read_one(const char *path, const char *ledger_id, const char *seq)
{
	const struct ledger_read_request r = { .from = strtoull(seq, NULL, 10), .most = 1 };
	asking_make();
	if (hello(path, ledger_id) != 0)
		return 1;
	buf_clear(&out);
	ask_ledger_read_put(&out, 1, &r);
	printf("%d\n", exchange());
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[3], "read") == 0)
		return read_one(argv[1], argv[2], argv[4]);
	if (argc != 7)
		return 2;
	const char *path = argv[1], *ledger_id = argv[2], *token = argv[3], *folder = argv[4];
	uint8_t root_algorithm = algorithm_by_name(argv[5])->number, ca_algorithm = algorithm_by_name(argv[6])->number;
	uint8_t root[16], ca[16], unbound[16];
	asking_make();

	ok(hello(path, ledger_id) == 0, "HELLO");
	ok(key_create(token, root_algorithm, root) == 0, "a key for the root");
	struct ca_self_request self = root_request(root);
	struct ca_self_reply self_reply;
	ok(ca_self(&self, &self_reply) == 0, "a root");
	if (failures)
		return 1;
	save(folder, "root", self_reply.certificate);
	ok(key_create(token, ca_algorithm, ca) == 0, "a key for the CA");
	ok(key_create(token, ca_algorithm, unbound) == 0, "another, to stay unbound");

	struct cert_sign_request child = ca_request(root, ca);
	struct cert_sign_reply reply;
	child.path_len = 2;
	ok(cert_sign(&child, &reply) == REFUSE_PATH_LEN, "refused: the parent's own path length");
	child = ca_request(root, ca);
	child.path_len = PATH_LEN_NONE;
	ok(cert_sign(&child, &reply) == REFUSE_PATH_LEN, "refused: no path length under a limited parent");
	child = ca_request(root, ca);
	struct buf other = { .max = 4096 };
	child.subject = subject_of(&other, "Root");
	ok(cert_sign(&child, &reply) == REFUSE_SUBJECT_TAKEN, "refused: the root's subject for another key");
	buf_free(&other);
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
	renewals(root, ca, folder);
	crosses(root, ca, token, ca_algorithm, folder);
	root_renewal(root, ca, folder);
	closed_renewal(root, ca);
	checkpoint(folder);
	malformed(path, ledger_id);
	printf("1..%d\n", points);
	return failures != 0;
}
