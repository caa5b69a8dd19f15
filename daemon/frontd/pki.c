#include "frontd/pki.h"

#include <pthread.h>
#include <string.h>

#include "base/time.h"
#include "frontd/api.h"
#include "frontd/crls.h"
#include "frontd/ca_gauges.h"
#include "frontd/front.h"
#include "frontd/metrics.h"
#include "frontd/ocsp.h"
#include "frontd/offline_gauges.h"
#include "frontd/route.h"
#include "frontd/scheduler.h"
#include "frontd/signer.h"
#include "frontd/tokens.h"
#include "store/store.h"

#define MAX_METRICS (8 * 1024 * 1024) /* every counter at its limit of label sets */
#define MAX_CERTIFICATE 32768	      /* as the signer makes them at most */
#define WRITABLE_MS 2000	      /* a probe's answer holds that long: each costs a flush, and anybody may ask */
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Writes what is there already: a read-only or full disk shows, and nothing changes. */
static int rewrite(struct store_session *s, void *with)
{
	struct store_ledger ledger;
	(void)with;
	int found = store_ledger_find(s, &ledger);
	if (found != STORE_DONE || !ledger.known)
		return found < 0 ? found : STORE_DONE;
	return store_ledger_update(s, &ledger);
}

bool pki_store_writable(struct front *f)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static int64_t asked;
	static bool writable;
	pthread_mutex_lock(&lock);
	int64_t now = time_boot_ms();
	if (!asked || now - asked >= WRITABLE_MS) {
		writable = store_change(f->store, rewrite, NULL) == 0;
		asked = now;
	}
	bool answer = writable;
	pthread_mutex_unlock(&lock);
	return answer;
}

static int healthz_get(struct front *f, struct call *c)
{
	(void)f;
	return call_reply(c, 200, json_pack("{s:s}", "status", "ok"));
}

static int readyz_get(struct front *f, struct call *c)
{
	char why[160] = "";
	bool linked = signer_ready(f->signer, why), writable = pki_store_writable(f), any;
	json_t *tokens = tokens_json(f, &any);
	bool ready = linked && writable && any;
	return call_reply(c, ready ? 200 : 503,
			  json_pack("{s:b, s:{s:b, s:s?}, s:o, s:{s:b}}", "ready", ready, "signer", "ready", linked,
				    "why", linked ? NULL : why, "tokens", tokens, "store", "writable", writable));
}

static int metrics_get(struct front *f, struct call *c)
{
	char why[160];
	scoped_buf out;
	buf_init(&out, MAX_METRICS);
	metrics_print(f->metrics, f->started, signer_ready(f->signer, why), &out);
	buf_printf(&out,
		   "# HELP chancery_rotation_waiting Steps of rotation that are due and could not be taken.\n"
		   "# TYPE chancery_rotation_waiting gauge\nchancery_rotation_waiting %zu\n",
		   scheduler_waiting(f->scheduler, NULL, 0));
	buf_printf(&out,
		   "# HELP chancery_store_writable 1 while the database takes changes.\n"
		   "# TYPE chancery_store_writable gauge\nchancery_store_writable %d\n",
		   pki_store_writable(f));
	buf_printf(&out,
		   "# HELP chancery_crls_late CRLs that are due and could not be made.\n"
		   "# TYPE chancery_crls_late gauge\nchancery_crls_late %zu\n",
		   crls_late(f->crls));
	tokens_metrics(f, &out);
	offline_gauges_print(f, &out);
	ca_gauges_print(f, &out);
	return call_reply_bytes(c, 200, &out, METRICS_TYPE);
}

/* CAs that were never made, or whose certificate is withheld, have none to show. */
static int certificate_read(struct front *f, const char *ca_id, struct buf *out)
{
	scoped_session *session = NULL;
	if (store_read(f->store, &session) != 0)
		return -1;
	scoped_row(ca) row = { .memory = NULL };
	int found = store_ca_find(session, ca_id, &row);
	if (found != STORE_DONE)
		return found;
	const char *state = row_text(row.state);
	bool shown = strcmp(state, "active") == 0 || strcmp(state, "retiring") == 0 || strcmp(state, "retired") == 0 ||
		     strcmp(state, "revoked") == 0;
	if (shown)
		buf_put_slice(out, row.certificate);
	return shown && out->len ? STORE_DONE : STORE_NONE;
}

static int ca_certificate_get(struct front *f, struct call *c)
{
	scoped_buf out;
	buf_init(&out, MAX_CERTIFICATE);
	int found = certificate_read(f, c->param[0], &out);
	if (found < 0)
		return -1;
	if (found != STORE_DONE)
		return call_refuse(c, 404, "not_found", NULL, "There is no certificate of such a CA.");
	return call_reply_bytes(c, 200, &out, "application/pkix-cert");
}

static const struct route routes[] = {
	{ "GET", "/pki/{ca}/ca.crt", 0, "", ca_certificate_get },
	{ "GET", "/pki/{ca}/crl", 0, "", crl_get },
	{ "GET", "/pki/{ca}/crl/delta", 0, "", crl_delta_get },
	{ "GET", "/pki/{ca}/crl/{shard}", 0, "", crl_shard_get },
	{ "GET", "/pki/{ca}/crl/{shard}/delta", 0, "", crl_shard_delta_get },
	{ "GET", "/metrics", 0, "", metrics_get },
	{ "GET", "/healthz", 0, "", healthz_get },
	{ "GET", "/readyz", 0, "", readyz_get },
};

enum http_begun pki_begin(struct http_request *r)
{
	return ocsp_is_for(r) ? ocsp_begin(r) : HTTP_BLOCKS;
}

void pki_refused(struct http_request *r)
{
	if (ocsp_is_for(r) && r->call.error.status == 413)
		ocsp_refuse(r);
}

void pki_serve(struct http_request *r)
{
	struct route_match match;
	if (ocsp_is_for(r)) {
		ocsp_serve(r);
		return;
	}
	if (route_resolve(r, routes, sizeof(routes) / sizeof(routes[0]), &match) == 0)
		call_run(r->front, match.route, &r->call);
}
