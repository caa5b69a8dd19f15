/* Sequences of requests for the harness `signer`: lives of CAs that were made here, imported, admitted to, closed. */
#include "fuzz/seeds_signer.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "names/dn.h"
#include "names/name.h"
#include "wire/inner_ask.h"
#include "wire/rows.h"

#define NOW INT64_C(1800000000)

static uint8_t serial;

/* As in world.c. */
static EVP_PKEY *key_make(int key)
{
	uint8_t seed[32];
	memset(seed, 'a' + key, sizeof(seed));
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
}

static void name_set(X509_NAME *name, const char *cn)
{
	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const uint8_t *)"Example", -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)cn, -1, -1, 0);
}

/* The directory names that constraints speak of. */
static CONF *sections(void)
{
	static const char text[] = "[own]\nO = Example\n[other]\nC = DE\nO = Other\nOU = x\n";
	static CONF *conf;
	long line;
	BIO *bio = conf ? NULL : BIO_new_mem_buf(text, -1);
	if (!conf)
		conf = NCONF_new(NULL);
	if (bio)
		REQUIRE(NCONF_load_bio(conf, bio, &line) > 0);
	BIO_free(bio);
	return conf;
}

static void extension_add(X509 *x, X509 *issuer, const char *name, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer ? issuer : x, x, NULL, NULL, 0);
	X509V3_set_nconf(&ctx, sections());
	X509_EXTENSION *e = X509V3_EXT_nconf(sections(), &ctx, name, value);
	REQUIRE(e && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

struct shape {
	const char *name;
	int key, by; /* world's keys */
	const char *basic, *constraints, *usages;
};

static X509 *certificate_make(const struct shape *s, X509 *issuer, struct buf *der)
{
	X509 *x = X509_new();
	EVP_PKEY *own = key_make(s->key), *by = key_make(s->by);
	unsigned char *bytes = NULL;
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	ASN1_TIME_set(X509_getm_notBefore(x), NOW - 86400);
	ASN1_TIME_set(X509_getm_notAfter(x), NOW + 3000L * 86400);
	name_set(X509_get_subject_name(x), s->name);
	X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
	X509_set_pubkey(x, own);
	extension_add(x, issuer, "subjectKeyIdentifier", "hash");
	extension_add(x, issuer, "authorityKeyIdentifier", "keyid");
	if (s->basic)
		extension_add(x, issuer, "basicConstraints", s->basic);
	extension_add(x, issuer, "keyUsage", s->basic ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
	if (s->constraints)
		extension_add(x, issuer, "nameConstraints", s->constraints);
	if (s->usages)
		extension_add(x, issuer, "extendedKeyUsage", s->usages);
	REQUIRE(X509_sign(x, by, NULL) > 0);
	int n = i2d_X509(x, &bytes);
	buf_init(der, 32768);
	buf_put(der, bytes, (size_t)n);
	OPENSSL_free(bytes);
	EVP_PKEY_free(own);
	EVP_PKEY_free(by);
	return x;
}

/* The frame that was written last becomes a request of the sequence. */
static void request_put(struct buf *sequence, uint8_t flags, struct buf *frame)
{
	struct frame f;
	REQUIRE(frame_peek(buf_slice(frame), &f) == FRAME_WHOLE && f.body.len < 65536);
	buf_put_u8(sequence, (uint8_t)f.verb);
	buf_put_u8(sequence, flags);
	buf_put_u16(sequence, (uint16_t)f.body.len);
	buf_put_slice(sequence, f.body);
	buf_clear(frame);
}

static void id_fill(uint8_t id[REQUEST_ID_SIZE])
{
	static uint8_t number;
	memset(id, ++number, REQUEST_ID_SIZE);
}

static struct list one(struct buf *raw, uint8_t tag, const char *text)
{
	uint16_t count = 0;
	buf_init(raw, 4096);
	list_put(raw, &count, tag, slice_text(text));
	return list_of(raw, count);
}

static void key_create(struct buf *out, uint8_t algorithm)
{
	scoped_buf frame = { .max = 65536 };
	struct key_create_request r = { .token = slice_text("main"), .algorithm = algorithm };
	id_fill(r.request_id);
	ask_key_create_put(&frame, 1, &r);
	request_put(out, 8, &frame);
}

/* The n-th thing that chance made is n n n ... */
static void ca_make(struct buf *out, uint8_t key, uint8_t parent, const char *name)
{
	scoped_buf frame = { .max = 65536 }, subject = { 0 }, stated = { 0 };
	uint8_t id[KEY_ID_SIZE];
	memset(id, key, sizeof(id));
	struct ca_self_request root = { .not_before = NOW,
					.not_after = NOW + 800000000,
					.subject = one(&subject, DN_COMMON_NAME, name),
					.path_len = 3 };
	struct cert_sign_request child = { .kind = KIND_CA,
					   .key_form = KEY_LOCAL,
					   .not_before = NOW,
					   .not_after = NOW + 700000000,
					   .subject_key = SLICE_OF(id),
					   .subject = root.subject,
					   .path_len = 1,
					   .permitted = one(&stated, NAME_DNS, "example.com") };
	memcpy(root.key_id, id, sizeof(id));
	memset(child.ca_key, parent, KEY_ID_SIZE);
	id_fill(root.request_id);
	id_fill(child.request_id);
	if (parent)
		ask_cert_sign_put(&frame, 1, &child);
	else
		ask_ca_self_put(&frame, 1, &root);
	request_put(out, 8, &frame);
}

static void leaf_make(struct buf *out, uint8_t ca, const char *dns, uint8_t flags)
{
	static const uint8_t point[] = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"
				       "\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a"
				       "\x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a";
	scoped_buf frame = { .max = 65536 }, names = { 0 };
	struct cert_sign_request r = { .kind = KIND_LEAF,
				       .key_form = KEY_FOREIGN,
				       .subject_key = { point, sizeof(point) - 1 },
				       .not_before = NOW,
				       .not_after = NOW + 600000,
				       .alt_names = one(&names, NAME_DNS, dns),
				       .key_usage = USAGE_DIGITAL_SIGNATURE,
				       .path_len = PATH_LEN_NONE };
	memset(r.ca_key, ca, KEY_ID_SIZE);
	id_fill(r.request_id);
	ask_cert_sign_put(&frame, 1, &r);
	request_put(out, flags, &frame);
}

/* The CA's own answers, about what revocation knows of it. */
static void responder_make(struct buf *out, uint8_t key, uint8_t ca)
{
	scoped_buf frame = { .max = 65536 }, subject = { 0 };
	uint8_t id[KEY_ID_SIZE];
	memset(id, key, sizeof(id));
	struct cert_sign_request r = { .kind = KIND_OCSP_RESPONDER,
				       .key_form = KEY_LOCAL,
				       .not_before = NOW,
				       .not_after = NOW + 600000,
				       .subject_key = SLICE_OF(id),
				       .subject = one(&subject, DN_COMMON_NAME, "Responder"),
				       .path_len = PATH_LEN_NONE };
	memset(r.ca_key, ca, KEY_ID_SIZE);
	id_fill(r.request_id);
	ask_cert_sign_put(&frame, 1, &r);
	request_put(out, 8, &frame);
}

static void ocsp_make(struct buf *out, uint8_t ca, uint8_t responder, uint8_t status, uint8_t flags)
{
	scoped_buf frame = { .max = 65536 }, rows = { .max = 4096 };
	struct ocsp_sign_request r = { .nonce = slice_text("nonce") };
	struct ocsp_row row = { .hash = CERT_ID_SHA1,
				.this_update = NOW,
				.next_update = NOW + 3600,
				.seq = status == OCSP_IS_GOOD ? 8 : 0,
				.revoked = status == OCSP_IS_REVOKED ? NOW - 60 : 0,
				.reason = status == OCSP_IS_REVOKED };
	uint8_t item[OCSP_ROW_SIZE];
	memset(row.serial + 4, 7, sizeof(row.serial) - 4);
	for (uint8_t hash = CERT_ID_SHA1; hash <= CERT_ID_SHA1 + 1; hash++) {
		row.hash = hash;
		ocsp_row_put(item, &row);
		list_put(&rows, &r.responses.count, status, SLICE_OF(item));
	}
	r.responses.raw = buf_slice(&rows);
	memset(r.ca_key, ca, KEY_ID_SIZE);
	memset(r.responder, responder, KEY_ID_SIZE);
	ask_ocsp_sign_put(&frame, 1, &r);
	request_put(out, flags, &frame);
}

/* Its rows would come in a file. */
static void crl_make(struct buf *out, uint8_t ca, uint64_t number, uint64_t base, uint8_t flags)
{
	scoped_buf frame = { .max = 65536 };
	struct crl_sign_request r = { .url = slice_text("http://pki.example/one.crl"),
				      .shards = 1,
				      .form = base ? CRL_CHANGES : CRL_WHOLE,
				      .number = number,
				      .base = base,
				      .this_update = NOW,
				      .next_update = NOW + 86400 };
	memset(r.ca_key, ca, KEY_ID_SIZE);
	id_fill(r.request_id);
	ask_crl_sign_put(&frame, 1, &r);
	request_put(out, flags, &frame);
}

static void charter_read(struct buf *out, uint8_t key)
{
	scoped_buf frame = { .max = 65536 };
	struct charter_read_request r = { 0 };
	memset(r.key_id, key, KEY_ID_SIZE);
	ask_charter_read_put(&frame, 1, &r);
	request_put(out, 0, &frame);
}

/* Without a name: of a bound key, under its own. */
static void csr_make(struct buf *out, const uint8_t *id, const char *name)
{
	scoped_buf frame = { .max = 65536 }, subject = { 0 }, stated = { 0 };
	struct key_csr_request r = { .path_len = 0, .excluded = one(&stated, NAME_EMAIL, "example.com") };
	if (name)
		r.subject = one(&subject, DN_COMMON_NAME, name);
	memcpy(r.key_id, id, KEY_ID_SIZE);
	id_fill(r.request_id);
	ask_key_csr_put(&frame, 1, &r);
	request_put(out, 8, &frame);
}

static void gone_make(struct buf *out, uint8_t key, uint8_t flags)
{
	scoped_buf frame = { .max = 65536 };
	struct key_gone_request r = { .context = slice_text("x") };
	memset(r.key_id, key, KEY_ID_SIZE);
	id_fill(r.request_id);
	ask_key_gone_put(&frame, 1, &r);
	request_put(out, flags, &frame);
	const struct key_list_request list = { .most = 100 };
	ask_key_list_put(&frame, 1, &list);
	request_put(out, 0, &frame);
	struct charter_read_request charter = { 0 };
	memset(charter.key_id, key, KEY_ID_SIZE);
	ask_charter_read_put(&frame, 1, &charter);
	request_put(out, 0, &frame);
}

static void rest_make(struct buf *out, uint8_t ca)
{
	scoped_buf frame = { .max = 65536 };
	struct ca_close_request close = { .context = slice_text("x") };
	struct note_request note = { .kind = NOTE_OTHER };
	const struct ledger_read_request read = { .from = 1, .most = 4096 };
	const struct hello_request hello = { .version = INNER_VERSION };
	memset(close.ca_key, ca, KEY_ID_SIZE);
	id_fill(close.request_id);
	id_fill(note.request_id);
	ask_hello_put(&frame, 1, &hello);
	request_put(out, 0, &frame);
	ask_ledger_read_put(&frame, 1, &read);
	request_put(out, 0, &frame);
	ask_note_put(&frame, 1, &note);
	request_put(out, 8, &frame);
	ask_ca_close_put(&frame, 1, &close);
	request_put(out, 8, &frame);
	const struct checkpoint_request checkpoint = {};
	ask_checkpoint_put(&frame, 1, &checkpoint);
	request_put(out, 0, &frame);
	const struct status_request status = {};
	ask_status_put(&frame, 1, &status);
	request_put(out, 0, &frame);
}

static void import_make(struct buf *out, const struct buf *certificate, int by, const struct buf *above, int above_by,
			int key, const uint8_t *id)
{
	scoped_buf frame = { .max = 1024 * 1024 }, chain = { .max = 65536 };
	uint8_t driver_key = (uint8_t)key, signer = (uint8_t)by;
	struct ca_import_request r = { .certificate = buf_slice(certificate), .context = { &signer, 1 } };
	id_fill(r.request_id);
	if (id)
		memcpy(r.key_id, id, KEY_ID_SIZE);
	if (key) {
		r.token = slice_text("main");
		r.driver_key = (struct slice){ &driver_key, 1 };
	}
	for (int i = 0; above[i].len; i++)
		list_put(&chain, &r.chain.count, (uint8_t)(above[i + 1].len ? above_by : 0x80 | above_by),
			 buf_slice(&above[i]));
	r.chain.raw = buf_slice(&chain);
	ask_ca_import_put(&frame, 1, &r);
	request_put(out, 8, &frame);
}

static void admit_make(struct buf *out, const uint8_t *ca, const struct buf *certificate, int by)
{
	scoped_buf frame = { .max = 65536 };
	uint8_t signer = (uint8_t)by;
	struct cert_admit_request r = { .certificate = buf_slice(certificate), .context = { &signer, 1 } };
	memcpy(r.ca_key, ca, KEY_ID_SIZE);
	id_fill(r.request_id);
	ask_cert_admit_put(&frame, 1, &r);
	request_put(out, 8, &frame);
}

static void own_life(void)
{
	scoped_buf out = { .max = 1024 * 1024 };
	uint8_t third[KEY_ID_SIZE];
	memset(third, 3, sizeof(third));
	key_create(&out, 7); /* 1 */
	ca_make(&out, 1, 0, "Root");
	key_create(&out, 1); /* 3: a serial came between */
	csr_make(&out, third, "Other");
	ca_make(&out, 3, 1, "Child");
	key_create(&out, 7); /* 5 */
	ca_make(&out, 5, 1, "Child");
	leaf_make(&out, 3, "www.example.com", 8);
	leaf_make(&out, 3, "www.example.org", 0);
	rest_make(&out, 3);
	seed_write("signer", "own", buf_slice(&out));
	buf_clear(&out);
	key_create(&out, 7);
	ca_make(&out, 1, 0, "Root");
	leaf_make(&out, 1, "a.example", 4 | 1);
	leaf_make(&out, 1, "b.example", 4 | 2 | 32);
	leaf_make(&out, 1, "c.example", 4 | 3 | 64);
	gone_make(&out, 1, 0);
	gone_make(&out, 1, 8 | 2);
	rest_make(&out, 1);
	seed_write("signer", "at-once", buf_slice(&out));
	buf_clear(&out);
	key_create(&out, 7);
	ca_make(&out, 1, 0, "Root");
	for (int i = 0; i < 3; i++)
		leaf_make(&out, 1, "c.example", 3);
	leaf_make(&out, 1, "d.example", 0);
	seed_write("signer", "latched", buf_slice(&out));
}

/* A CA with a responder: what it says of its certificates. */
static void status_life(void)
{
	scoped_buf out = { .max = 1024 * 1024 };
	key_create(&out, 7);
	ca_make(&out, 1, 0, "Root");
	key_create(&out, 1); /* 3 */
	responder_make(&out, 3, 1);
	charter_read(&out, 1);
	charter_read(&out, 3);
	crl_make(&out, 1, 1, 0, 0);
	crl_make(&out, 1, 2, 1, 8);
	ocsp_make(&out, 1, 3, OCSP_IS_GOOD, 0);
	ocsp_make(&out, 1, 3, OCSP_IS_UNKNOWN, 0);
	ocsp_make(&out, 1, 3, OCSP_IS_REVOKED, 2);
	ocsp_make(&out, 1, 1, OCSP_IS_UNKNOWN, 8);
	charter_read(&out, 9);
	seed_write("signer", "status", buf_slice(&out));
	buf_clear(&out);
	key_create(&out, 7);
	ca_make(&out, 1, 0, "Root");
	crl_make(&out, 1, 1, 0, 0);
	ocsp_make(&out, 1, 1, OCSP_IS_UNKNOWN, 0);
	rest_make(&out, 1);
	seed_write("signer", "closing", buf_slice(&out));
}

static void key_hash_id(int key, uint8_t id[KEY_ID_SIZE])
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned char *der = NULL;
	EVP_PKEY *own = key_make(key);
	int n = i2d_PUBKEY(own, &der);
	EVP_Digest(der, (size_t)n, hash, NULL, EVP_sha256(), NULL);
	memcpy(id, hash, KEY_ID_SIZE);
	OPENSSL_free(der);
	EVP_PKEY_free(own);
}

/* A root that stays outside, its child, whose key a token here has, and what that child signed before. */
static void imported_life(const char *name, const struct shape *root, const struct shape *child)
{
	static const struct shape leaf = { "leaf", 5, 2, NULL, NULL, "serverAuth" };
	scoped_buf out = { .max = 1024 * 1024 }, leaf_der = { 0 };
	struct buf above[3] = { { 0 } }, own;
	uint8_t id[KEY_ID_SIZE];
	X509 *r = certificate_make(root, NULL, &above[0]), *c = certificate_make(child, r, &own);
	X509 *l = certificate_make(&leaf, c, &leaf_der);
	key_hash_id(child->key, id);
	import_make(&out, &above[0], root->by, above, root->by, 0, NULL);
	import_make(&out, &own, child->by, above, root->by, child->key, NULL);
	admit_make(&out, id, &leaf_der, leaf.by);
	csr_make(&out, id, NULL);
	import_make(&out, &own, child->by, above, root->by, 0, id);
	key_create(&out, 7);
	ca_make(&out, 3, 0, "Own Root");
	seed_write("signer", name, buf_slice(&out));
	X509_free(r);
	X509_free(c);
	X509_free(l);
	buf_free(&above[0]);
	buf_free(&own);
}

/* Three above one another, the root's key in a token too. */
static void imported_chain(void)
{
	static const struct shape shapes[] = {
		{ "Root", 1, 1, "critical,CA:TRUE", "critical,excluded;DNS:example.org,permitted;IP:10.0.0.0/255.0.0.0",
		  NULL },
		{ "Middle", 3, 1, "critical,CA:TRUE,pathlen:2",
		  "critical,permitted;DNS:example.com,permitted;email:.example.com,permitted;URI:.example.com",
		  "serverAuth,clientAuth" },
		{ "Lower", 2, 3, "critical,CA:TRUE,pathlen:0",
		  "critical,permitted;DNS:a.example.com,excluded;IP:10.1.0.0/255.255.0.0", "serverAuth" },
	};
	scoped_buf out = { .max = 1024 * 1024 };
	struct buf der[3], roots[2] = { { 0 } }, above[3] = { { 0 } };
	X509 *x[3] = { NULL };
	for (int i = 0; i < 3; i++)
		x[i] = certificate_make(&shapes[i], i ? x[i - 1] : NULL, &der[i]);
	roots[0] = der[0];
	above[0] = der[1];
	above[1] = der[0];
	import_make(&out, &der[0], 1, roots, 1, 1, NULL);
	import_make(&out, &der[2], 3, above, 1, 2, NULL);
	import_make(&out, &der[1], 1, roots, 1, 0, NULL);
	seed_write("signer", "chain", buf_slice(&out));
	for (int i = 0; i < 3; i++) {
		X509_free(x[i]);
		buf_free(&der[i]);
	}
}

void signer_seeds(void)
{
	static const struct shape plain[] = { { "Root", 1, 1, "critical,CA:TRUE", NULL, NULL },
					      { "Child", 2, 1, "critical,CA:TRUE,pathlen:1", NULL, NULL } };
	static const struct shape narrow[] = { { "Root", 1, 1, "critical,CA:TRUE,pathlen:3",
						 "critical,permitted;DNS:example.com", "anyExtendedKeyUsage" },
					       { "Child", 2, 1, "critical,CA:TRUE,pathlen:0",
						 "critical,excluded;DNS:x.example.com", "serverAuth,OCSPSigning" } };
	static const struct shape directory[] = {
		{ "Root", 1, 1, "critical,CA:TRUE", "critical,permitted;dirName:own,excluded;dirName:other", NULL },
		{ "Child", 2, 1, "critical,CA:TRUE,pathlen:1",
		  "critical,permitted;dirName:own,permitted;URI:.example.com", NULL }
	};
	own_life();
	status_life();
	imported_life("directory", &directory[0], &directory[1]);
	imported_life("imported", &plain[0], &plain[1]);
	imported_life("narrow", &narrow[0], &narrow[1]);
	imported_chain();
}
