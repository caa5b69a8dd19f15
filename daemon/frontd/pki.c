#include "frontd/pki.h"

#include <string.h>

#include "frontd/api.h"
#include "frontd/front.h"
#include "frontd/metrics.h"
#include "frontd/route.h"
#include "frontd/signer.h"
#include "store/store.h"

#define MAX_METRICS  (8 * 1024 * 1024) /* every counter at its limit of label sets */
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

static int nothing_changed(struct store_session *s, void *with)
{
	(void)s;
	(void)with;
	return 0;
}

bool pki_store_writable(struct front *f)
{
	return store_change(f->store, nothing_changed, NULL) == 0;
}

static int healthz_get(struct front *f, struct call *c)
{
	(void)f;
	return call_reply(c, 200, json_pack("{s:s}", "status", "ok"));
}

static int readyz_get(struct front *f, struct call *c)
{
	char why[160] = "";
	bool linked = signer_ready(f->signer, why), writable = pki_store_writable(f);
	return call_reply(c, linked && writable ? 200 : 503,
			  json_pack("{s:b, s:{s:b, s:s?}, s:{s:b}}", "ready", linked && writable, "signer", "ready",
				    linked, "why", linked ? NULL : why, "store", "writable", writable));
}

static int metrics_get(struct front *f, struct call *c)
{
	char why[160];
	scoped_buf out;
	buf_init(&out, MAX_METRICS);
	metrics_print(f->metrics, f->started, signer_ready(f->signer, why), &out);
	return call_reply_bytes(c, 200, &out, METRICS_TYPE);
}

static int ca_certificate_get(struct front *f, struct call *c)
{
	struct store_session *s;
	struct ca_row row;
	if (store_read(f->store, &s) != 0)
		return -1;
	int found = store_ca_find(s, c->param[0], &row);
	scoped_buf out;
	buf_init(&out, 65536);
	if (found == 0) {
		buf_put_slice(&out, row.certificate);
		ca_row_free(&row);
	}
	store_release(s);
	if (found < 0)
		return -1;
	if (found > 0 || out.len == 0)
		return call_refuse(c, 404, "not_found", NULL, "There is no certificate of such a CA.");
	return call_reply_bytes(c, 200, &out, "application/pkix-cert");
}

static const struct route routes[] = {
	{ "GET", "/pki/{ca}/ca.crt", 0, "", ca_certificate_get },
	{ "GET", "/metrics", 0, "", metrics_get },
	{ "GET", "/healthz", 0, "", healthz_get },
	{ "GET", "/readyz", 0, "", readyz_get },
};

void pki_serve(struct http_request *r)
{
	struct route_match match;
	if (route_resolve(r, routes, sizeof(routes) / sizeof(routes[0]), &match) == 0)
		call_run(r->front, match.route, &r->call);
}
