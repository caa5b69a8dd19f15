/*
 * A captured front-end: has its credentials and asks the signer for whatever it
 * may not have. Each lie is one point of TAP, "CODE NAME: what was tried"; liar.t
 * holds the numbers that were reached against all that there are.
 *
 *	liar SOCKET LEDGER_ID table TOKEN		all that one connection can try
 *	liar SOCKET LEDGER_ID auditor			what an auditor may not send
 *	liar SOCKET LEDGER_ID no-roots TOKEN		where signd.conf allows no roots
 *	liar SOCKET LEDGER_ID away TOKEN KEY		a token that is away
 *	liar SOCKET LEDGER_ID gone KEY			says that a key is gone, which it is, and asks it for a leaf
 *	liar SOCKET LEDGER_ID overdue KEY		more records than may lack a checkpoint
 *	liar SOCKET LEDGER_ID flood KEY COUNT		more than may be in flight, of a token that stands still
 *	liar SOCKET LEDGER_ID children TOKEN COUNT	makes a root and so many CAs below it: prints their ids
 *	liar SOCKET LEDGER_ID leaves COUNT KEY...	asks each for so many leaves: prints what came of them
 *	liar SOCKET LEDGER_ID repeat COUNT KEY		one refusal in a loop
 *	liar SOCKET LEDGER_ID unbound TOKEN COUNT	makes so many keys
 *	liar SOCKET LEDGER_ID ledger			prints what of the ledger is about refusals and ceilings
 *	liar SOCKET LEDGER_ID law			prints the newest ceilings on it
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/algorithm.h"
#include "base/fd.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "e2e/asking.h"
#include "names/dn.h"
#include "ledger/record.h"
#include "names/name.h"

#define EKU(text) ((struct slice){ (const uint8_t *)(text), sizeof(text) - 1 })
#define OWN_OPAQUE "\x09\x2b\x06\x01\x04\x01\x83\xb2\x03\x01" /* 1.3.6.1.4.1.55555.1, which liar.t allows */

static const char *socket_path, *ledger_id;

/* One lie and what it must be told. */
static void lie(int code, int expected, const char *what)
{
	char text[200];
	snprintf(text, sizeof(text), "%d %s: %s", expected, expected ? inner_refusal_name((uint16_t)expected) : "-",
		 what);
	ok(code == expected, text);
	if (code != expected)
		printf("# it was %d\n", code);
}

static void connect_anew(void)
{
	fd_close(&fd);
	if (hello(socket_path, ledger_id) != 0) {
		printf("Bail out! no HELLO\n");
		exit(1);
	}
}

static struct slice id_slice(const uint8_t id[16])
{
	return (struct slice){ id, 16 };
}

static uint8_t root[16], policy[16], issuing[16], walled[16], closed[16], spare[16];

static int ask_leaf(struct cert_sign_request *r)
{
	struct cert_sign_reply reply;
	return cert_sign(r, &reply);
}

#define LEAF(change, code, what)                                                                                       \
	do {                                                                                                           \
		struct cert_sign_request r = leaf_request(issuing);                                                    \
		change;                                                                                                \
		lie(ask_leaf(&r), code, what);                                                                         \
	} while (0)
#define CA(change, code, what)                                                                                         \
	do {                                                                                                           \
		struct cert_sign_request r = ca_request(policy, spare);                                                \
		r.subject = subject_of(&other, "Liar");                                                                \
		r.not_after = time_now() + 100 * DAY;                                                                  \
		change;                                                                                                \
		lie(ask_leaf(&r), code, what);                                                                         \
	} while (0)

static struct buf other = { .max = 1 << 20 }, more = { .max = 1 << 20 };

static struct list two_items(struct buf *raw, uint8_t tag, struct slice a, struct slice b)
{
	uint16_t count = 0;
	buf_clear(raw);
	list_put(raw, &count, tag, a);
	list_put(raw, &count, tag, b);
	return list_of(raw, count);
}

/* Says so if there is none. */
static bool key_made(const char *token, uint8_t id[16])
{
	int code = key_create(token, ALGORITHM_ECDSA_P256, id);
	if (code)
		fprintf(stderr, "# no key: %d\n", code);
	return code == 0;
}

static bool child(const uint8_t parent[16], const char *cn, uint16_t path_len, uint8_t id[16], const char *token,
		  bool excluded)
{
	struct cert_sign_reply reply;
	if (!key_made(token, id))
		return false;
	struct cert_sign_request r = ca_request(parent, id);
	r.path_len = path_len;
	r.not_before = time_now() - 50;
	r.not_after =
		time_now() + (path_len ? 365 : 300) * DAY; /* within its issuer's, whose second was an earlier one */
	r.subject = subject_of(&other, cn);
	if (excluded)
		r.excluded = one_item(&more, NAME_DNS, slice_text("secret.example.com"));
	int code = cert_sign(&r, &reply);
	if (code)
		printf("# CA %s: %d\n", cn, code);
	return code == 0;
}

static bool root_make(const char *token)
{
	struct ca_self_reply reply;
	if (!key_made(token, root))
		return false;
	struct ca_self_request self = root_request(root);
	char cn[33];
	hex_encode(root, 16, cn); /* a script makes several */
	self.subject = subject_of(&other, cn);
	return ca_self(&self, &reply) == 0;
}

static int close_ca(const uint8_t ca[16])
{
	struct ca_close_request r = { .context = slice_text("x") };
	memcpy(r.ca_key, ca, 16);
	request_id(r.request_id);
	ask_ca_close_put(&out, 1, &r);
	return exchange();
}

static bool house_make(const char *token)
{
	return root_make(token) && child(root, "Policy", 1, policy, token, false) &&
	       child(policy, "Issuing", 0, issuing, token, false) && child(policy, "Walled", 0, walled, token, true) &&
	       child(policy, "Closed", 0, closed, token, false) && close_ca(closed) == 0 && key_made(token, spare);
}

static int key_gone(const uint8_t key[16])
{
	struct key_gone_request r = { .context = slice_text("x") };
	memcpy(r.key_id, key, 16);
	request_id(r.request_id);
	ask_key_gone_put(&out, 1, &r);
	return exchange();
}

/* A CA or a responder over a key of its own, a leaf that signs, a sibling's name. */
static void lies_about_kind(const char *token)
{
	CA(r.key_form = KEY_FOREIGN; r.subject_key = buf_slice(&leaf_spki), 412, "case 40: a CA over a key of its own");
	CA(r.kind = KIND_OCSP_RESPONDER, 400, "a responder where none is allowed");
	CA(r.kind = KIND_OCSP_RESPONDER; r.key_form = KEY_FOREIGN;
	   r.subject_key = buf_slice(&leaf_spki), 400, "case 40: a responder over a key of its own");
	CA(r.subject = subject_of(&other, "Walled"), 408, "case 40: a CA with a sibling's subject");
	CA(r.subject = subject_of(&other, "Policy"), 408, "a CA with its parent's subject");
	CA(memcpy(r.ca_key, issuing, 16), 400, "a CA from an issuing key");
	CA(memcpy(r.ca_key, root, 16); r.kind = KIND_LEAF; r.key_form = KEY_FOREIGN, 400, "a leaf from a root");
	CA(r.kind = KIND_SUBCA_FOREIGN, 412, "a CA over an outside key, by a local one");
	CA(r.kind = KIND_SUBCA_FOREIGN; r.key_form = KEY_FOREIGN; r.subject_key = buf_slice(&leaf_spki);
	   r.permitted.count = 0; r.permitted.raw.len = 0, 434, "a CA over an outside key, for any name");
	CA(r.kind = KIND_SUBCA_FOREIGN; r.key_form = KEY_FOREIGN;
	   r.subject_key = buf_slice(&leaf_spki), 501, "a CA over an outside key, where nobody approves");
	CA(memcpy(r.ca_key, root, 16); r.kind = KIND_SUBCA_FOREIGN; r.key_form = KEY_FOREIGN;
	   r.subject_key = buf_slice(&leaf_spki), 400, "a CA over an outside key where the class has no such kind");
	LEAF(r.kind = 0, 400, "no kind");
	LEAF(r.kind = 200, 400, "a kind that there isn't");
	LEAF(memcpy(r.ca_key, closed, 16), 308, "a leaf from a closed CA");
	LEAF(memcpy(r.ca_key, spare, 16), 302, "a leaf from an unbound key");
	LEAF(r.ca_key[3] ^= 1, 300, "a leaf from no key at all");
	CA(r.subject_key = id_slice(issuing), 301, "a CA over a key that is one");
	uint8_t id[16];
	lie(key_create("nowhere", ALGORITHM_ECDSA_P256, id), 303, "a key in a token that there isn't");
	lie(key_create(token, 99, id), 304, "a key of no algorithm");
	lie(key_gone(issuing), 312, "a key declared gone that the token has");
}

static void lies_about_usage(void)
{
	LEAF(r.key_usage |= USAGE_KEY_CERT_SIGN, 415, "case 40: a leaf with keyCertSign");
	LEAF(r.key_usage |= USAGE_CRL_SIGN, 415, "a leaf with cRLSign");
	LEAF(r.key_usage = 1 << 9, 415, "a usage that there isn't");
	LEAF(r.key_usage |= USAGE_DATA_ENCIPHERMENT, 415, "a usage that the class has not");
	LEAF(r.ext_key_usage = one_item(&other, 0, EKU("\x2b\x06\x01\x05\x05\x07\x03\x09")), 416,
	     "case 40: a leaf with OCSPSigning");
	LEAF(r.ext_key_usage = one_item(&other, 0, EKU("\x55\x1d\x25\x00")), 416,
	     "case 40: a leaf with anyExtendedKeyUsage");
	LEAF(r.ext_key_usage = one_item(&other, 0, EKU("\x2b\x06\x01\x05\x05\x07\x03\x03")), 416,
	     "codeSigning where the class has serverAuth and clientAuth");
	LEAF(r.ext_key_usage.count = 0; r.ext_key_usage.raw.len = 0, 416, "no extended usage where the class has some");
	CA(r.key_usage = USAGE_DIGITAL_SIGNATURE, 420, "a CA with a key usage of its own");
	LEAF(r.path_len = 0, 420, "a leaf with a path length");
	LEAF(r.flags = 0x80, 420, "a flag that there isn't");
	LEAF(r.policies = one_item(&other, 0, EKU("\x80\x01")), 419, "a policy that is no object identifier");
	LEAF(r.urls = one_item(&other, URL_OCSP, slice_text("javascript:1")), 418, "a URL of another scheme");
}

static void lies_about_names(void)
{
	LEAF(r.alt_names = one_item(&other, NAME_DNS, slice_text("evil.test")), 406, "a name outside the subtree");
	LEAF(r.alt_names = one_item(&other, NAME_DNS, slice_text("notexample.com")), 406, "a name that ends alike");
	LEAF(r.alt_names = two_items(&other, NAME_DNS, slice_text("a.example.com"), slice_text("evil.test")), 406,
	     "a name outside behind one inside");
	LEAF(memcpy(r.ca_key, walled, 16); r.alt_names = one_item(&other, NAME_DNS, slice_text("*.example.com")), 406,
					   "a wildcard over an excluded subtree");
	LEAF(memcpy(r.ca_key, walled, 16);
	     r.alt_names = one_item(&other, NAME_DNS, slice_text("a.secret.example.com")), 406, "an excluded name");
	LEAF(r.alt_names = one_item(&other, NAME_EMAIL, slice_text("root@example.com")), 411,
	     "a type of name that the class has not");
	LEAF(r.alt_names = one_item(&other, NAME_DNS, slice_text("WWW.example.com")), 411,
	     "a name in another spelling");
	LEAF(r.alt_names.count = 0; r.alt_names.raw.len = 0, 410, "a leaf without a name");
	LEAF(r.subject = one_item(&other, 99, slice_text("x")), 409, "an attribute that there isn't");
	CA(r.permitted = one_item(&more, NAME_DNS, slice_text("test")), 407, "a CA with wider names than its issuer");
	CA(r.permitted = one_item(&more, NAME_DNS, slice_text("EXAMPLE.com")), 423, "a subtree in another spelling");
	CA(memcpy(r.ca_key, root, 16); r.path_len = 2, 405, "a path length as its issuer's");
	CA(memcpy(r.ca_key, root, 16); r.path_len = PATH_LEN_NONE, 405, "no path length below one");
	CA(r.path_len = 1, 405, "a path length that is too long");
	CA(r.path_len = 256, 405, "a path length that nobody reads");
}

static void lies_about_time(void)
{
	LEAF(r.not_after = r.not_before + 40 * DAY, 402, "a lifetime beyond the ceiling");
	LEAF(r.not_after = r.not_before - 1, 401, "an end before its beginning");
	LEAF(r.not_after = time_now() + 5000 * DAY, 403, "an end after its issuer's");
	LEAF(r.not_before = time_now() - 5 * HOUR;
	     r.not_after = time_now() + DAY, 403, "a beginning before its issuer's");
	LEAF(r.not_before = time_now() + 2 * DAY; r.not_after = time_now() + 3 * DAY, 404, "a beginning far ahead");
	LEAF(r.not_before = time_now() - 40; r.not_after = time_now() + DAY, 404, "a beginning in the past");
	LEAF(r.not_before = INT64_MIN; r.not_after = INT64_MAX, 403, "all of time");
	LEAF(r.not_before = INT64_MAX; r.not_after = INT64_MIN, 401, "less than none of it");
}

static void lies_about_keys(struct slice ca_spki)
{
	LEAF(r.subject_key = ca_spki, 414, "a local key as a leaf's");
	LEAF(r.key_form = KEY_LOCAL; r.subject_key = id_slice(spare), 412, "a leaf over a local key's id");
	LEAF(r.subject_key.len--, 413, "a key cut short");
	LEAF(r.subject_key.len = 0, 413, "no key");
	CA(r.subject_key.len = 15, 300, "an id cut short");
}

static void lies_about_extensions(void)
{
	static const struct {
		struct slice item;
		const char *what;
	} typed[] = {
		{ EKU("\x03\x55\x1d\x13\x30\x03\x01\x01\xff"), "basicConstraints CA:TRUE as an opaque value" },
		{ EKU("\x03\x55\x1d\x0f\x03\x02\x01\x06"), "keyUsage as an opaque value" },
		{ EKU("\x03\x55\x1d\x11\x30\x00"), "alternative names as an opaque value" },
		{ EKU("\x03\x55\x1d\x1e\x30\x00"), "name constraints as an opaque value" },
		{ EKU("\x03\x55\x1d\x25\x30\x00"), "extended key usage as an opaque value" },
		{ EKU("\x03\x55\x1d\x36\x02\x01\x00"), "an id-ce extension without a typed form" },
		{ EKU("\x08\x2b\x06\x01\x05\x05\x07\x01\x01\x30\x00"), "authority information as an opaque value" },
		{ EKU("\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x05\x05\x00"), "no-check as an opaque value" },
		{ EKU("\x09\x2b\x06\x01\x04\x01\x83\xb2\x03\x02\x05\x00"), "an extension that the class has not" },
		{ EKU(OWN_OPAQUE "\x30\x05\x01"), "an allowed extension that is no DER" },
		{ EKU(OWN_OPAQUE "\x05\x00\x05\x00"), "an allowed extension with a tail" },
		{ EKU("\xff\x00"), "an item with a length of its own" },
		{ EKU(""), "an item with nothing in it" },
	};
	for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++)
		LEAF(r.opaque = one_item(&other, 0, typed[i].item), 417, typed[i].what);
	LEAF(r.opaque = one_item(&other, 7, EKU(OWN_OPAQUE "\x05\x00")), 417, "a criticality that there isn't");
	LEAF(r.opaque = two_items(&other, 0, EKU(OWN_OPAQUE "\x05\x00"), EKU(OWN_OPAQUE "\x05\x00")), 417,
	     "an allowed extension twice");
	CA(r.opaque = one_item(&more, 0, EKU(OWN_OPAQUE "\x05\x00")), 417, "an allowed extension in a CA");
	LEAF(r.opaque = one_item(&other, 1, EKU(OWN_OPAQUE "\x05\x00")), 0, "which is signed in a leaf");
}

/* Within the message's limit and over the certificate's, by a little. */
static void lies_about_size(void)
{
	struct cert_sign_request r = leaf_request(issuing);
	char name[260];
	uint16_t names = 0, urls = 0;
	buf_clear(&other);
	buf_clear(&more);
	for (int i = 0; i < 16; i++) {
		char url[1100];
		int n = snprintf(url, sizeof(url), "http://pki.example.com/%d/", i);
		memset(url + n, 'x', 1000 - (size_t)n);
		list_put(&more, &urls, URL_CRL, (struct slice){ (const uint8_t *)url, 1000 });
	}
	for (int i = 0; i < 80; i++) {
		memset(name, 'a', sizeof(name));
		name[62] = name[125] = name[188] = '.';
		snprintf(name + 189, 60, "%03d.example.com", i);
		list_put(&other, &names, NAME_DNS, slice_text(name));
	}
	r.urls = list_of(&more, urls);
	r.alt_names = list_of(&other, names);
	lie(ask_leaf(&r), 421, "a certificate that fits no reply");
}

static int note(const uint8_t id[16], const char *context)
{
	struct note_request r = { .kind = NOTE_OTHER, .context = slice_text(context) };
	memcpy(r.request_id, id, 16);
	ask_note_put(&out, 1, &r);
	return exchange();
}

static uint64_t sign_twice(struct cert_sign_request *r, bool *same)
{
	struct cert_sign_reply reply;
	scoped_buf first = { .max = 65536 };
	if (cert_sign(r, &reply) != 0)
		return 0;
	buf_put_slice(&first, reply.certificate);
	uint64_t seq = reply.ledger_seq;
	*same = cert_sign(r, &reply) == 0 && reply.ledger_seq == seq &&
		slice_equal(reply.certificate, buf_slice(&first));
	return seq;
}

static void lies_about_requests(void)
{
	struct cert_sign_request first = leaf_request(issuing);
	struct ledger_read_request far = { .from = UINT64_MAX, .most = 100 };
	bool same = false;
	lie(sign_twice(&first, &same) == 0, 0, "a leaf");
	lie(!same, 0, "replayed, the same again");
	first.not_after--;
	lie(ask_leaf(&first), 204, "its id with another body");
	lie(note(first.request_id, "x"), 204, "its id with another verb");
	fd_close(&fd);
	connect_anew();
	lie(ask_leaf(&first), 204, "its id on another connection");
	LEAF(memset(r.request_id, 0, 6), 203, "an id of 1970");
	LEAF(memset(r.request_id, 0x7f, 6), 203, "an id of a far future");
	LEAF(r.request_id[2]++, 203, "an id of four hours ahead");
	ask_ledger_read_put(&out, 1, &far);
	lie(exchange(), 211, "a record that there isn't");
	struct charter_read_request unknown = { 0 };
	ask_charter_read_put(&out, 1, &unknown);
	lie(exchange(), 300, "the charter of no key");
}

/* A frame as it stands, on a connection of its own; answers as exchange() does. */
static int raw_frame(bool greet, uint32_t length, uint8_t version, uint8_t kind, uint16_t verb, size_t body)
{
	static const uint8_t zeros[65536];
	fd_close(&fd);
	if (greet)
		connect_anew();
	else
		fd = fd_connect(socket_path);
	buf_put_u32(&out, length);
	buf_put_u8(&out, version);
	buf_put_u8(&out, kind);
	buf_put_u16(&out, verb);
	buf_put_u64(&out, 7);
	buf_put(&out, zeros, body);
	int code = exchange();
	return code == -1 ? REFUSE_MALFORMED : code; /* closed: on the ledger under that number, which liar.t sees */
}

static int hello_with(uint16_t version, uint8_t first_of_id)
{
	struct hello_request r = { .version = version };
	r.ledger_id[0] = first_of_id;
	fd_close(&fd);
	fd = fd_connect(socket_path);
	ask_hello_put(&out, 1, &r);
	return exchange();
}

static void lies_about_frames(void)
{
	const uint8_t v = FRAME_VERSION;
	lie(raw_frame(true, 0, v, FRAME_REQUEST, 999, 0), 104, "a verb that there isn't");
	lie(raw_frame(false, 0, v, FRAME_REQUEST, INNER_STATUS, 0), 102, "a verb before HELLO");
	lie(raw_frame(true, 4, v, FRAME_REQUEST, INNER_CERT_SIGN, 4), 100, "a body that ends too early");
	lie(raw_frame(true, 1, v, FRAME_REQUEST, INNER_STATUS, 1), 100, "a byte too many");
	lie(raw_frame(true, 65537, v, FRAME_REQUEST, INNER_CERT_SIGN, 0), 100, "a body over its verb's limit");
	lie(raw_frame(true, UINT32_MAX, v, FRAME_REQUEST, INNER_CERT_SIGN, 0), 100, "a body over any limit");
	lie(raw_frame(true, 0, 9, FRAME_REQUEST, INNER_STATUS, 0), 100, "another framing");
	lie(raw_frame(true, 0, v, FRAME_REPLY, INNER_STATUS, 0), 100, "an answer that nobody asked for");
	lie(raw_frame(true, 0, v, FRAME_REFUSAL, INNER_STATUS, 0), 100, "a refusal of its own");
	lie(hello_with(77, 0), 103, "another version of the protocol");
	lie(hello_with(INNER_VERSION, 1), 202, "another ledger");
	connect_anew();
}

/* CRL_SIGN alone takes a descriptor; one that comes along with anything else closes the connection. */
static void lie_about_descriptors(void)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	memset(&control, 0, sizeof(control));
	int own = dup(0);
	ask_status_put(&out, 1, &(struct status_request){});
	struct iovec part = { out.at, out.len };
	struct msghdr m = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)
	};
	control.head = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
					 .cmsg_type = SCM_RIGHTS,
					 .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(&control.head), &own, sizeof(int));
	bool sent = sendmsg(fd, &m, 0) == (ssize_t)out.len;
	buf_clear(&out);
	int code = sent ? answer_read() : 0;
	ask_status_put(&out, 1, &(struct status_request){});
	code = code < 0 ? code : exchange();
	lie(code < 0 ? REFUSE_MALFORMED : code, 100, "a descriptor along with a request that takes none");
	close(own);
	connect_anew();
}

static void table(const char *token)
{
	struct key_create_request create = { .token = slice_text(token), .algorithm = ALGORITHM_ECDSA_P256 };
	struct key_create_reply made;
	const char *where;
	static struct buf spki = { .max = 4096 };
	connect_anew();
	ok(house_make(token), "a root, a policy CA, and three below it");
	request_id(create.request_id);
	ask_key_create_put(&out, 1, &create);
	ok(exchange() == 0 && ask_key_create_get(answer.body, &made, &where) == PACK_OK, "a key more");
	buf_put_slice(&spki, made.public_key);
	lies_about_kind(token);
	lies_about_usage();
	lies_about_names();
	lies_about_time();
	lies_about_keys(buf_slice(&spki));
	lies_about_extensions();
	lies_about_size();
	lies_about_requests();
	lies_about_frames();
	lie_about_descriptors();
	uint8_t id[16];
	int code = 0;
	for (int i = 0; i < 20 && code == 0; i++)
		code = key_create(token, ALGORITHM_ECDSA_P256, id);
	lie(code, 310, "more keys than may wait");
	LEAF(, 0, "and after all this a leaf");
}

/* An auditor reads; whatever else is asked of the signer, or of its tokens, is not his. */
static void auditor(void)
{
	static const uint16_t writing[] = { INNER_KEY_CREATE, INNER_KEY_CSR,   INNER_CA_SELF,
					    INNER_KEY_GONE,   INNER_CERT_SIGN, INNER_CA_IMPORT,
					    INNER_CERT_ADMIT, INNER_CA_CLOSE,  INNER_NOTE };
	for (size_t i = 0; i < sizeof(writing) / sizeof(writing[0]); i++) {
		char what[60];
		snprintf(what, sizeof(what), "verb %u of an auditor", writing[i]);
		lie(raw_frame(true, 0, FRAME_VERSION, FRAME_REQUEST, writing[i], 0), 101, what);
	}
	lie(raw_frame(true, 0, FRAME_VERSION, FRAME_REQUEST, INNER_STATUS, 0), 0, "who may see its status");
}

static void no_roots(const char *token)
{
	struct ca_self_reply reply;
	uint8_t id[16];
	ok(key_made(token, id), "a key");
	struct ca_self_request self = root_request(id);
	lie(ca_self(&self, &reply), 309, "case 40: a root where allow_roots is false");
}

static void key_read(const char *text, uint8_t id[16])
{
	if (!hex_decode(text, strlen(text), id, 16))
		exit(2);
}

static void away(const char *token, const char *key)
{
	uint8_t ca[16], id[16];
	struct cert_sign_reply reply;
	key_read(key, ca);
	struct cert_sign_request r = leaf_request(ca);
	lie(cert_sign(&r, &reply), 305, "a leaf while its token is away");
	lie(key_create(token, ALGORITHM_ECDSA_P256, id), 305, "a key while its token is away");
}

static void gone(const char *key)
{
	uint8_t ca[16];
	key_read(key, ca);
	lie(key_gone(ca), 0, "a key that is gone");
	struct cert_sign_request r = leaf_request(ca);
	lie(ask_leaf(&r), 313, "a leaf from a key that is gone");
}

static void overdue(const char *key)
{
	uint8_t ca[16], id[16];
	key_read(key, ca);
	for (int i = 0; i < 40; i++) {
		request_id(id);
		ok(note(id, "x") == 0, "a note");
	}
	struct cert_sign_request r = leaf_request(ca);
	lie(ask_leaf(&r), 210, "a leaf while the ledger's head can't be signed");
}

/* So many leaves at once, the first of them twice, while the token's driver stands still. */
static void flood(const char *key, int count)
{
	uint8_t ca[16];
	int busy = 0, running = 0;
	key_read(key, ca);
	struct cert_sign_request r = leaf_request(ca);
	ask_cert_sign_put(&out, 1, &r);
	for (int i = 0; i < count; i++) {
		ask_cert_sign_put(&out, 2, &r);
		request_id(r.request_id);
	}
	if (fd_write_all(fd, out.at, out.len) != 0)
		exit(1);
	buf_clear(&out);
	while (!(busy && running)) {
		int code = answer_read();
		busy += code == REFUSE_BUSY;
		running += code == REFUSE_REQUEST_RUNNING;
		if (code < 0)
			break;
	}
	lie(running ? REFUSE_REQUEST_RUNNING : 0, 208, "the same request while it is worked on");
	lie(busy ? REFUSE_BUSY : 0, 207, "more requests than may be in flight");
}

static void children(const char *token, int count)
{
	uint8_t id[16];
	char text[33], cn[32];
	if (!root_make(token))
		exit(1);
	for (int i = 0; i < count; i++) {
		snprintf(cn, sizeof(cn), "Child %d of %02x%02x%02x", i, root[0], root[1], root[2]);
		if (!child(root, cn, 0, id, token, false))
			exit(1);
		hex_encode(id, 16, text);
		puts(text);
	}
}

/* All at once, as fast as they are read: how many were signed, refused by rate, by the day; the longest time to wait.
 */
static void leaves(int count, char **keys)
{
	unsigned signed_ = 0, rate = 0, day = 0, rest = 0, wait = 0, asked = 0;
	for (; *keys; keys++) {
		uint8_t ca[16];
		key_read(*keys, ca);
		for (int left = count; left > 0;) {
			int part = left < 100 ? left : 100;
			for (int i = 0; i < part; i++) {
				struct cert_sign_request r = leaf_request(ca);
				ask_cert_sign_put(&out, asked++, &r);
			}
			if (fd_write_all(fd, out.at, out.len) != 0)
				exit(1);
			buf_clear(&out);
			for (int i = 0; i < part; i++) {
				int code = answer_read();
				signed_ += code == 0;
				rate += code == REFUSE_RATE;
				day += code == REFUSE_DAILY_CAP;
				rest += code != 0 && code != REFUSE_RATE && code != REFUSE_DAILY_CAP;
				if (code > 0 && refusal.retry_after > wait)
					wait = refusal.retry_after;
			}
			left -= part;
		}
	}
	printf("signed=%u rate=%u day=%u other=%u wait=%u\n", signed_, rate, day, rest, wait);
}

static void repeat(int count, const char *key)
{
	uint8_t ca[16];
	int told = 0;
	key_read(key, ca);
	while (count > 0) {
		int part = count < 100 ? count : 100;
		for (int i = 0; i < part; i++) {
			struct cert_sign_request r = leaf_request(ca);
			r.kind = KIND_CA;
			ask_cert_sign_put(&out, 1, &r);
		}
		if (fd_write_all(fd, out.at, out.len) != 0)
			exit(1);
		buf_clear(&out);
		for (int i = 0; i < part; i++)
			told += answer_read() == REFUSE_KIND;
		count -= part;
	}
	printf("refused=%d\n", told);
}

static void unbound(const char *token, int count)
{
	uint8_t id[16];
	int made = 0, code = 0;
	while (made < count && (code = key_create(token, ALGORITHM_ECDSA_P256, id)) == 0)
		made++;
	printf("made=%d code=%d wait=%u\n", made, code, code > 0 ? (unsigned)refusal.retry_after : 0);
}

static void record_print(const struct record *r)
{
	struct refused_record refused;
	if (r->type == RECORD_REFUSED && record_refused_get(r->body, &refused) == PACK_OK)
		printf("REFUSED %u %u %u\n", refused.verb, refused.code, (unsigned)refused.count);
	else if (r->type == RECORD_CEILINGS || r->type == RECORD_CERT_INTENT)
		printf("%s\n", record_type_name(r->type));
}

static void law_keep(const struct record *r)
{
	struct ceilings_record law;
	if (r->type != RECORD_CEILINGS || record_ceilings_get(r->body, &law) != PACK_OK)
		return;
	buf_clear(&other);
	buf_put_slice(&other, law.text);
}

/* All of the ledger; how many records and bytes it has. */
static void ledger_walk(void (*visit)(const struct record *r), uint64_t *head, size_t *bytes)
{
	struct ledger_read_request r = { .most = 500000 };
	struct ledger_read_reply reply;
	struct record record;
	const char *where;
	size_t size;
	*bytes = 0;
	do {
		ask_ledger_read_put(&out, 1, &r);
		if (exchange() != 0 || ask_ledger_read_get(answer.body, &reply, &where) != PACK_OK)
			exit(1);
		*bytes += reply.records.len;
		for (; record_peek(reply.records, &record, &size, NULL) == RECORD_WHOLE; r.from = record.seq + 1) {
			visit(&record);
			reply.records.at += size;
			reply.records.len -= size;
		}
	} while (r.from < reply.head);
	*head = reply.head;
}

static void ledger(void)
{
	uint64_t head;
	size_t bytes;
	ledger_walk(record_print, &head, &bytes);
	printf("head=%llu bytes=%zu\n", (unsigned long long)head, bytes);
}

static void law(void)
{
	uint64_t head;
	size_t bytes;
	ledger_walk(law_keep, &head, &bytes);
	fwrite(other.at, 1, other.len, stdout);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	socket_path = argv[1];
	ledger_id = argv[2];
	const char *command = argv[3];
	bool plan = false;
	asking_make();
	connect_anew();
	if (strcmp(command, "table") == 0 && argc == 5 && (plan = true))
		table(argv[4]);
	else if (strcmp(command, "auditor") == 0 && argc == 4 && (plan = true))
		auditor();
	else if (strcmp(command, "no-roots") == 0 && argc == 5 && (plan = true))
		no_roots(argv[4]);
	else if (strcmp(command, "away") == 0 && argc == 6 && (plan = true))
		away(argv[4], argv[5]);
	else if (strcmp(command, "gone") == 0 && argc == 5 && (plan = true))
		gone(argv[4]);
	else if (strcmp(command, "overdue") == 0 && argc == 5 && (plan = true))
		overdue(argv[4]);
	else if (strcmp(command, "flood") == 0 && argc == 6 && (plan = true))
		flood(argv[4], atoi(argv[5]));
	else if (strcmp(command, "children") == 0 && argc == 6)
		children(argv[4], atoi(argv[5]));
	else if (strcmp(command, "leaves") == 0 && argc >= 6)
		leaves(atoi(argv[4]), argv + 5);
	else if (strcmp(command, "repeat") == 0 && argc == 6)
		repeat(atoi(argv[4]), argv[5]);
	else if (strcmp(command, "unbound") == 0 && argc == 6)
		unbound(argv[4], atoi(argv[5]));
	else if (strcmp(command, "ledger") == 0)
		ledger();
	else if (strcmp(command, "law") == 0)
		law();
	else
		return 2;
	if (plan)
		printf("1..%d\n", points);
	return failures != 0;
}
