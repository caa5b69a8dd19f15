/*
 * The front-end's JSON: a body on its way through the route, the parser, the
 * handler's own reading and every rule of the hierarchy, up to the point where
 * the signer would be asked (?dry_run=true), which is away. The input's first
 * byte chooses the request; the rest is the body, or of a GET the name of a query
 * parameter. The store has one issuer with one root.
 */
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "frontd/api.h"
#include "frontd/chain.h"
#include "frontd/front.h"
#include "frontd/issuing.h"
#include "frontd/metrics.h"
#include "frontd/rules.h"
#include "frontd/signer.h"
#include "fuzz/fuzz.h"
#include "names/dn.h"
#include "policy/profile.h"
#include "store/store.h"
#include "wire/inner.h"

#define MAX_BODY (256 * 1024)
#define MAX_QUERY 1024
#define API "/api/v1"
#define FOLDER "/dev/shm/ch.fuzz.XXXXXX"

static char folder[] = FOLDER;
static struct front front;
static const struct caller caller = { .actor = "uid:0(fuzz)", .roles = ROLE_ADMIN };

static const struct {
	uint8_t first;
	const char *method, *path;
} requests[] = {
	{ 'i', "POST", API "/issuers" },
	{ 'p', "PATCH", API "/issuers/iss-1" },
	{ 'c', "POST", API "/issuers/iss-1/intermediates" },
	{ 'r', "POST", API "/intermediates/ica-1/retire" },
	{ 'l', "POST", API "/intermediates/ica-1/certificates" },
	{ 'm', "POST", API "/issuers/iss-1/certificates" },
	{ 'q', "GET", API "/issuers" },
};

static const char *const shipped[] = { "client.conf", "peer.conf", "server.conf", "workload.conf" };

/* The profiles as they are shipped, and one template. */
static void rules_make(void)
{
	char path[sizeof(FOLDER) + 32];
	for (size_t i = 0; i < sizeof(shipped) / sizeof(shipped[0]); i++) {
		char from[512];
		snprintf(from, sizeof(from), "%s/../../../conf/profiles/%s", FUZZ_CORPUS, shipped[i]);
		snprintf(path, sizeof(path), "%s/%s", folder, shipped[i]);
		REQUIRE(symlink(from, path) == 0);
	}
	snprintf(path, sizeof(path), "%s/" TEMPLATES_FILE, folder);
	FILE *out = fopen(path, "w");
	REQUIRE(out && fputs("templates: { shop: { permitted = ( \"dns:example.com\" ); excluded = ( \"ip:10.0.0.0/8\" "
			     "); }; };",
			     out) >= 0);
	REQUIRE(fclose(out) == 0 && rules_open(folder, true, &front.rules) == 0);
}

static void folder_remove(void)
{
	static const char *const names[] = { "db", "db-wal", "db-shm", "db.lock", TEMPLATES_FILE };
	char path[sizeof(FOLDER) + 32];
	signer_stop(front.signer);
	store_close(front.store);
	issuings_free(front.issuings);
	metrics_free(front.metrics);
	rules_close(front.rules);
	for (size_t i = 0; i < sizeof(shipped) / sizeof(shipped[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, shipped[i]);
		unlink(path);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

/* An issuer, and a root that permits example.com but for one host, with room for one CA below it. */
static int rows_insert(struct store_session *s, void *with)
{
	(void)with;
	const struct issuer_row issuer = { .id = slice_text("iss-1"),
					   .name = slice_text("Example"),
					   .hierarchy_mode = slice_text("tree"),
					   .issuing_ca_id = slice_text("ica-1") };
	scoped_buf subject = { .max = 256 }, permitted = { .max = 256 }, excluded = { .max = 256 },
		   packed = { .max = 1024 };
	uint16_t attributes = 0, inner = 0, outer = 0;
	list_put(&subject, &attributes, DN_COMMON_NAME, slice_text("Root"));
	list_put(&permitted, &inner, NAME_DNS, slice_text("example.com"));
	list_put(&excluded, &outer, NAME_DNS, slice_text("no.example.com"));
	const struct constraints c = { list_of(&permitted, inner), list_of(&excluded, outer) };
	constraints_pack(&c, &packed);
	const struct ca_row root = { .id = slice_text("ica-1"),
				     .issuer_id = slice_text("iss-1"),
				     .name = slice_text("Root"),
				     .state = slice_text("active"),
				     .subject = buf_slice(&subject),
				     .subject_fold = slice_text("root"),
				     .key_id = { 1 },
				     .token = slice_text("main"),
				     .algorithm = ALGORITHM_ECDSA_P256,
				     .path_len = 1,
				     .constraints = buf_slice(&packed),
				     .effective = buf_slice(&packed),
				     .not_before = 0,
				     .not_after = 4102444800, /* 2100 */
				     .certificate = slice_text("0") };
	int r = store_issuer_insert(s, &issuer);
	return r ? r : store_ca_insert(s, &root);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char path[sizeof(FOLDER) + 16];
	(void)argc;
	(void)argv;
	fuzz_quiet();
	REQUIRE(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/db", folder);
	REQUIRE(store_open(path, STORE_CACHE_MIB, &front.store) == 0 &&
		store_change(front.store, rows_insert, NULL) == 0);
	rules_make();
	snprintf(path, sizeof(path), "%s/none", folder);
	const struct signer_options nobody = { .path = path, .timeout = 1, .front = &front };
	REQUIRE(signer_start(&nobody, &front.signer) == 0); /* it is away, and stays so */
	front.metrics = metrics_new();
	front.issuings = issuings_new();
	front.default_token = "main";
	front.default_algorithm = "ECDSA-P384";
	front.pki_base_url = "http://pki.example/pki";
	front.root_days = 7305;
	front.ca_days = 3652;
	front.backdate = 300;
	front.ask_timeout = 1;
	atexit(folder_remove);
	return 0;
}

static const char *query_value(struct call *c, const char *name)
{
	return strcmp(name, c->http) == 0 ? "true" : NULL;
}

static const char *query_name(const struct http_request *r, size_t i)
{
	(void)i;
	return r->call.http;
}

/* A caller's bytes lead to an answer or to a refusal with a code and a sentence, never to a 5xx. */
static void answer_holds(const struct call *c)
{
	const struct call_error *e = &c->error;
	REQUIRE(e->status ? e->status >= 400 && e->status < 500 : c->status >= 200 && c->status < 300);
	REQUIRE(!e->status || (e->code[0] && e->message[0] && text_valid(slice_text(e->field)) &&
			       text_valid(slice_text(e->message))));
	char *text = c->reply ? json_dumps(c->reply, JSON_COMPACT) : strdup("{}");
	REQUIRE(text && text_valid(slice_text(text)));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t i = 0;
	while (i < sizeof(requests) / sizeof(requests[0]) && (size == 0 || requests[i].first != data[0]))
		i++;
	if (i == sizeof(requests) / sizeof(requests[0]) || size > MAX_BODY)
		return 0;
	char query[MAX_QUERY + 1] = "dry_run";
	struct slice body = { data + 1, size - 1 };
	if (requests[i].first == 'q' &&
	    (!text_valid(body) || memchr(data, 0, size) || !slice_to_text(body, query, sizeof(query))))
		return 0;
	struct http_request r = { .front = &front,
				  .method = requests[i].method,
				  .path = requests[i].path,
				  .query_count = 1,
				  .query_name = query_name,
				  .call = { .who = &caller,
					    .query = query_value,
					    .http = query,
					    .body_bytes = body,
					    .request_id = "0123456789abcdef" } };
	api_serve(&r);
	answer_holds(&r.call);
	call_clear(&r.call);
	return 0;
}
