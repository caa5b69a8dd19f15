/*
 * Writes messages of every kind into folders below one, to begin a corpus with: `seeds FOLDER`.
 * make-seeds does the rest.
 */
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"
#include "fuzz/log_key.h"
#include "fuzz/seeds_letter.h"
#include "fuzz/seeds_signer.h"
#include "ledger/checkpoint.h"
#include "ledger/proposal.h"
#include "names/dn.h"
#include "signd/charter.h"
#include "wire/driver_answer.h"
#include "wire/driver_ask.h"
#include "wire/inner_answer.h"
#include "wire/inner_ask.h"

#define MAX_SEED (1024 * 1024)

static const char *top;

void seed_write(const char *harness, const char *name, struct slice bytes)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", top, harness);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%s/%s", top, harness, name);
	FILE *file = fopen(path, "wb");
	REQUIRE(file && fwrite(bytes.at, 1, bytes.len, file) == bytes.len && fclose(file) == 0);
}

/* A frame goes to the frame decoder whole, and to its codec as verb and body. */
static void frame_write(const char *harness, const char *name, const struct buf *frame)
{
	struct frame f;
	char file[96];
	scoped_buf seed = { .max = MAX_SEED };
	REQUIRE(frame_peek(buf_slice(frame), &f) == FRAME_WHOLE);
	buf_put_u8(&seed, (uint8_t)f.verb);
	buf_put_slice(&seed, f.body);
	seed_write(harness, name, buf_slice(&seed));
	snprintf(file, sizeof(file), "%s-%s", harness, name);
	seed_write("frame", file, buf_slice(frame));
}

/* Something in every field. */
static struct buf item_bytes;
static struct list items;
#define TEXT_OF(max) ((struct slice){ (const uint8_t *)"main driver text", (max) < 16 ? (max) : 16 })
#define FILL_MESSAGE(type, ...)                                                                                        \
	struct type message, *m = &message;                                                                            \
	memset(m, 0, sizeof(message));                                                                                 \
	PACK_UNWRAP __VA_ARGS__
#define U8(name) m->name = 1;
#define U16(name) m->name = 1;
#define U32(name) m->name = 2;
#define U64(name) m->name = 3;
#define TIME(name) m->name = 1800000000;
#define FIXED(name, size) memset(m->name, 0x11, size);
#define BYTES(name, max) m->name = TEXT_OF(max);
#define BLOB(name, max) m->name = TEXT_OF(max);
#define TEXT(name, max) m->name = TEXT_OF(max);
#define LIST(name, count, size) m->name = items;

#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	static void name##_seed(const char *answer, const char *ask)                                                   \
	{                                                                                                              \
		scoped_buf out = { .max = MAX_SEED };                                                                  \
		{                                                                                                      \
			FILL_MESSAGE(name##_request, request)                                                          \
			ask_##name##_put(&out, number, &message);                                                      \
			frame_write(answer, #name, &out);                                                              \
		}                                                                                                      \
		buf_clear(&out);                                                                                       \
		{                                                                                                      \
			FILL_MESSAGE(name##_reply, reply)                                                              \
			answer_##name##_put(&out, number, &message);                                                   \
			frame_write(ask, #name, &out);                                                                 \
		}                                                                                                      \
	}
#include "wire/inner.def"
#include "wire/driver.def"
#undef VERB

#define RECORD(number, NAME, name, fields)                                                                             \
	static void name##_seed(struct buf *segment)                                                                   \
	{                                                                                                              \
		scoped_buf body = { .max = MAX_SEED }, seed = { .max = MAX_SEED };                                     \
		uint8_t hash[HASH_SIZE];                                                                               \
		FILL_MESSAGE(name##_record, fields)                                                                    \
		record_##name##_put(&body, &message);                                                                  \
		const struct record r = { .type = number, .seq = number, .body = buf_slice(&body) };                   \
		record_put(segment, &r, hash);                                                                         \
		buf_put_u8(&seed, number);                                                                             \
		buf_put_slice(&seed, buf_slice(&body));                                                                \
		seed_write("record", #name, buf_slice(&seed));                                                         \
	}
/* A verb and a record of one name. */
#define note_seed note_record_seed
#define key_gone_seed key_gone_record_seed
#include "ledger/records.def"
#undef key_gone_seed
#undef note_seed
#undef RECORD

/* The lists whose items are reports. */
#define REPORT(name, fields)                                                                                           \
	static void name##_report_seed(struct buf *raw, uint16_t *count)                                               \
	{                                                                                                              \
		FILL_MESSAGE(name##_report, fields)                                                                    \
		report_##name##_put(raw, count, 1, &message);                                                          \
	}
#include "wire/reports.def"
#undef REPORT

static void reports_write(void)
{
	uint16_t drivers = 0, keys = 0;
	scoped_buf raw = { .max = MAX_SEED }, more = { .max = MAX_SEED }, frame = { .max = MAX_SEED };
	driver_report_seed(&raw, &drivers);
	answer_status_put(&frame, 1, &(struct status_reply){ .drivers = list_of(&raw, drivers) });
	frame_write("inner_ask", "status-reports", &frame);
	buf_clear(&frame);
	key_report_seed(&more, &keys);
	key_report_seed(&more, &keys);
	answer_key_list_put(&frame, 1, &(struct key_list_reply){ .keys = list_of(&more, keys) });
	frame_write("inner_ask", "key_list-reports", &frame);
}

static void tables_write(void)
{
	scoped_buf segment = { .max = MAX_SEED }, frame = { .max = MAX_SEED };
	const struct refusal_message refusal = { 420, 5, slice_text("subject"), slice_text("It is not so.") };
#define VERB(number, NAME, name, who, most, request, reply) name##_seed("inner_answer", "inner_ask");
#include "wire/inner.def"
#undef VERB
#define VERB(number, NAME, name, who, most, request, reply) name##_seed("driver_answer", "driver_ask");
#include "wire/driver.def"
#undef VERB
#define note_seed note_record_seed
#define key_gone_seed key_gone_record_seed
#define RECORD(number, NAME, name, fields) name##_seed(&segment);
#include "ledger/records.def"
#undef RECORD
#undef key_gone_seed
#undef note_seed
	seed_write("record", "segment", buf_slice(&segment));
	refusal_put(&frame, 7, 1, &refusal);
	seed_write("frame", "refusal", buf_slice(&frame));
}

static void note_write(void)
{
	const struct checkpoint c = { .ledger_id = { 1, 2, 3 }, .size = 1234567, .root = { 9, 9 } };
	uint8_t spki[LOG_KEY_SIZE], raw[64];
	size_t size = sizeof(raw);
	scoped_buf text = { .max = MAX_NOTE }, note = { .max = MAX_NOTE }, key = { .max = 128 };
	EVP_PKEY *private = log_key_make();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	checkpoint_text(&c, &text);
	REQUIRE(EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, private, NULL) == 1 &&
		EVP_DigestSign(ctx, raw, &size, text.at, text.len) == 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(private);
	log_key_public(spki);
	checkpoint_note(&c, SLICE_OF(spki), SLICE_OF(raw), &note);
	seed_write("note", "note", buf_slice(&note));
	buf_put_u8(&key, 0);
	buf_put(&key, spki, sizeof(spki));
	seed_write("note", "key", buf_slice(&key));
}

static struct list one(struct buf *raw, uint8_t tag, struct slice item)
{
	uint16_t count = 0;
	buf_clear(raw);
	list_put(raw, &count, tag, item);
	return list_of(raw, count);
}

/* The kind goes before: tests/fuzz/encode.c. */
static void encode_write(const char *name, uint8_t kind, struct slice bytes)
{
	scoped_buf seed = { .max = MAX_SEED };
	buf_put_u8(&seed, kind);
	buf_put_slice(&seed, bytes);
	seed_write("encode", name, buf_slice(&seed));
}

static void charter_write(const char *name, const struct charter *c, const struct buf *frame)
{
	scoped_buf packed = { .max = MAX_SEED }, seed = { .max = MAX_SEED };
	if (c)
		charter_put(&packed, c);
	buf_put_u16(&seed, (uint16_t)packed.len);
	buf_put_slice(&seed, buf_slice(&packed));
	buf_put(&seed, frame->at + FRAME_HEAD, frame->len - FRAME_HEAD);
	seed_write("charter", name, buf_slice(&seed));
	if (c)
		encode_write(name, 1, (struct slice){ frame->at + FRAME_HEAD, frame->len - FRAME_HEAD });
}

/* What the encoder makes all else of. */
static void values_write(void)
{
	static const uint8_t signature[65] = { 0, 0, 0x80, [33] = 0x7f };
	encode_write("signature", 2, SLICE_OF(signature));
	/* The last second of UTCTime, the first after it, and the last of all. */
	static const int64_t times[] = { 2524607999, 2524608000, 253402300799 };
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		char name[24];
		uint8_t time[8];
		set_u64(time, (uint64_t)times[i]);
		snprintf(name, sizeof(name), "time-%zu", i);
		encode_write(name, 3, SLICE_OF(time));
	}
	encode_write("values", 3, slice_text("\x2a\x86\x48\x01\x01\x01\x02"));
}

/* A leaf, a child CA and a root that pass every check. */
static void charters_write(void)
{
	static const uint8_t server_auth[] = "\x2b\x06\x01\x05\x05\x07\x03\x01", policy[] = "\x67\x81\x0c\x01\x02\x01";
	scoped_buf permitted = { .max = 4096 }, subject = { .max = 4096 }, names = { .max = 4096 },
		   usage = { .max = 64 }, urls = { .max = 256 }, policies = { .max = 64 }, stated = { .max = 256 },
		   frame = { .max = MAX_SEED };
	const struct charter charter = { .token = slice_text("main"),
					 .algorithm = 1,
					 .path_len = 2,
					 .permitted = one(&permitted, NAME_DNS, slice_text("example.com")) };
	struct cert_sign_request leaf = { .kind = KIND_LEAF,
					  .key_form = KEY_FOREIGN,
					  .not_before = 1800000000,
					  .not_after = 1800000500,
					  .subject = one(&subject, DN_COMMON_NAME, slice_text("a.example.com")),
					  .alt_names = one(&names, NAME_DNS, slice_text("a.example.com")),
					  .key_usage = USAGE_DIGITAL_SIGNATURE,
					  .ext_key_usage = one(&usage, 0, (struct slice){ server_auth, 8 }),
					  .path_len = PATH_LEN_NONE,
					  .urls = one(&urls, URL_CRL, slice_text("http://pki.example/crl")),
					  .policies = one(&policies, 0, (struct slice){ policy, 6 }),
					  .flags = CERT_MUST_STAPLE };
	ask_cert_sign_put(&frame, 1, &leaf);
	charter_write("leaf", &charter, &frame);
	struct cert_sign_request ca = { .kind = KIND_CA,
					.key_form = KEY_LOCAL,
					.not_before = 1800000000,
					.not_after = 2600000000,
					.subject = leaf.subject,
					.path_len = 1,
					.permitted = one(&stated, NAME_DNS, slice_text("x.example.com")),
					.urls = leaf.urls };
	buf_clear(&frame);
	ask_cert_sign_put(&frame, 1, &ca);
	charter_write("ca", &charter, &frame);
	const struct ca_self_request root = { .not_before = 1800000000,
					      .not_after = 2600000000,
					      .subject = leaf.subject,
					      .path_len = 1,
					      .excluded = ca.permitted };
	buf_clear(&frame);
	ask_ca_self_put(&frame, 1, &root);
	charter_write("root", NULL, &frame);
	const struct key_csr_request csr = {
		.subject = leaf.subject, .path_len = 1, .permitted = ca.permitted, .excluded = ca.permitted
	};
	buf_clear(&frame);
	ask_key_csr_put(&frame, 1, &csr);
	encode_write("csr", 0, (struct slice){ frame.at + FRAME_HEAD, frame.len - FRAME_HEAD });
	leaf.kind = KIND_OCSP_RESPONDER;
	buf_clear(&frame);
	ask_cert_sign_put(&frame, 1, &leaf);
	encode_write("responder", 1, (struct slice){ frame.at + FRAME_HEAD, frame.len - FRAME_HEAD });
}

static void file_put(struct buf *out, uint8_t kind, struct slice bytes)
{
	buf_put_u8(out, kind);
	buf_put_u8(out, 0);
	buf_put_u16(out, (uint16_t)bytes.len);
	buf_put_slice(out, bytes);
}

/* A segment's head without what the harness makes right, and a batch of so many records, with room behind it, or cut.
 */
static void segment_put(struct buf *out, unsigned records, bool starts, size_t cut)
{
	static const uint8_t zeros[160];
	scoped_buf file = { .max = 65536 }, start = { .max = 4096 };
	uint8_t hash[HASH_SIZE], spki[LOG_KEY_SIZE];
	log_key_public(spki);
	const struct ledger_start_record first = { .log_public_key = SLICE_OF(spki) };
	record_ledger_start_put(&start, &first);
	buf_put(&file, zeros, 80);
	for (unsigned i = 0; i < records; i++) {
		bool whole = starts && i == 0;
		uint8_t flags = (i == 0 ? RECORD_BATCH_BEGIN : 0) | (i + 1 == records ? RECORD_BATCH_END : 0);
		const struct record r = { .type = whole ? RECORD_LEDGER_START : RECORD_NOTE,
					  .flags = flags,
					  .body = whole ? buf_slice(&start) : slice_text("a note") };
		record_put(&file, &r, hash);
	}
	buf_put(&file, zeros, sizeof(zeros));
	file.len -= cut;
	file_put(out, 0x80, buf_slice(&file));
}

/* One segment, two with a checkpoint over both, one with a torn tail and an index that lies: tests/fuzz/ledger.c. */
static void ledgers_write(void)
{
	static const uint8_t three = 3, index[80] = { 80, [40] = 90 };
	scoped_buf out = { .max = 65536 };
	segment_put(&out, 4, true, 0);
	seed_write("ledger", "one", buf_slice(&out));
	segment_put(&out, 2, false, 0);
	file_put(&out, 0x82, (struct slice){ &three, 1 });
	seed_write("ledger", "two", buf_slice(&out));
	out.at[out.len - 4] = 1;
	seed_write("ledger", "two-wrong", buf_slice(&out));
	buf_clear(&out);
	segment_put(&out, 1, true, 0);
	segment_put(&out, 3, false, 180);
	file_put(&out, 1, SLICE_OF(index));
	seed_write("ledger", "torn", buf_slice(&out));
}

/* A TBSCertificate that libcrypto wrote. */
static void tbs_make(struct buf *out)
{
	EVP_PKEY *key = log_key_make();
	X509 *x = X509_new();
	unsigned char *der = NULL;
	ASN1_INTEGER_set(X509_get_serialNumber(x), 77);
	ASN1_TIME_set(X509_getm_notBefore(x), 1800000000);
	ASN1_TIME_set(X509_getm_notAfter(x), 1900000000);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8, (const uint8_t *)"Example CA", -1, -1,
				   0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	static const struct {
		int nid;
		const char *value;
	} extensions[] = { { NID_basic_constraints, "critical,CA:TRUE,pathlen:1" },
			   { NID_key_usage, "critical,keyCertSign,cRLSign" },
			   { NID_name_constraints, "critical,permitted;DNS:example.com" } };
	for (size_t i = 0; i < 3; i++) {
		X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, extensions[i].nid, extensions[i].value);
		X509_add_ext(x, e, -1);
		X509_EXTENSION_free(e);
	}
	REQUIRE(X509_set_version(x, 2) == 1 && X509_set_pubkey(x, key) == 1 && X509_sign(x, key, NULL) > 0);
	int n = i2d_re_X509_tbs(x, &der);
	REQUIRE(n > 0);
	buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	X509_free(x);
	EVP_PKEY_free(key);
}

static void proposal_write(const char *name, struct buf *state, uint8_t kind, struct slice content)
{
	scoped_buf seed = { .max = MAX_SEED }, bytes = { .max = MAX_SEED };
	const struct proposal p = { .epoch = 1,
				    .id = { 0, 0, 0, 1, kind },
				    .created = 1800000000,
				    .expires = 1800003600,
				    .kind = kind,
				    .needed = 2,
				    .content = content };
	proposal_put(&bytes, &p);
	buf_put_u8(&seed, 0);
	buf_put_slice(&seed, buf_slice(&bytes));
	seed_write("proposal", name, buf_slice(&seed));
	buf_put_u32(state, (uint32_t)bytes.len);
	buf_put_slice(state, buf_slice(&bytes));
	buf_put_u8(state, 1);
	buf_put_u8(state, 0);
	buf_put(state, bytes.at, HASH_SIZE);
}

/* Of every kind, and a snapshot's section with all of them: tests/fuzz/proposal.c. */
static void proposals_write(void)
{
	static const uint8_t closed[2 + 16 + 2] = { 1 };
	scoped_buf tbs = { .max = 4096 }, draft = { .max = 4096 }, resume = { .max = 4096 }, epoch = { .max = 4096 },
		   state = { .max = MAX_SEED }, seed = { .max = MAX_SEED }, latches = { .max = 4096 };
	tbs_make(&tbs);
	REQUIRE(proposal_draft(buf_slice(&tbs), &draft) == 0);
	const struct resume_content r = { .reason = slice_text("why"),
					  .size = 9,
					  .latches = one(&latches, 1, slice_text("x")) };
	const struct epoch_content e = {
		.reason = slice_text("why"), .number = 2, .size = 9, .known_size = 20, .shared = 8
	};
	resume_content_put(&resume, &r);
	epoch_content_put(&epoch, &e);
	buf_put_u8(&state, 2);
	buf_put_u32(&state, 1);
	buf_put_u16(&state, 6);
	proposal_write("ca", &state, PROPOSAL_CA, buf_slice(&draft));
	proposal_write("foreign", &state, PROPOSAL_SUBCA_FOREIGN, buf_slice(&draft));
	proposal_write("root", &state, PROPOSAL_ROOT, buf_slice(&draft));
	proposal_write("import", &state, PROPOSAL_IMPORT, buf_slice(&tbs));
	proposal_write("resume", &state, PROPOSAL_RESUME, buf_slice(&resume));
	proposal_write("epoch", &state, PROPOSAL_EPOCH, buf_slice(&epoch));
	buf_put(&state, closed, sizeof(closed));
	seed_write("proposal", "state", buf_slice(&state));
	buf_put_u8(&seed, 1);
	buf_put_slice(&seed, buf_slice(&tbs));
	seed_write("proposal", "tbs", buf_slice(&seed));
	static const uint8_t pair[3 + 64 + 4] = { 3, 1, 64, [34] = 1, [66] = 1 };
	seed_write("proposal", "pair", SLICE_OF(pair));
	seed_write("proposal", "der", (struct slice){ (const uint8_t *)"\3\1\10\60\6\2\1\1\2\1\1x", 12 });
}

int main(int argc, char **argv)
{
	uint16_t count = 0;
	if (argc != 2) {
		fprintf(stderr, "usage: seeds FOLDER\n");
		return 2;
	}
	top = argv[1];
	buf_init(&item_bytes, 256);
	list_put(&item_bytes, &count, 1, slice_text("an.example"));
	list_put(&item_bytes, &count, 2, slice_text("another"));
	items = list_of(&item_bytes, count);
	tables_write();
	reports_write();
	note_write();
	values_write();
	charters_write();
	signer_seeds();
	letter_seeds();
	ledgers_write();
	proposals_write();
	buf_free(&item_bytes);
	return 0;
}
