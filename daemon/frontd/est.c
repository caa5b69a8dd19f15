#include "frontd/est.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/text.h"
#include "frontd/answer.h"
#include "frontd/api.h"
#include "frontd/authz.h"
#include "frontd/chain.h"
#include "frontd/csr.h"
#include "frontd/denial.h"
#include "frontd/est_input.h"
#include "frontd/facts.h"
#include "frontd/front.h"
#include "frontd/issue.h"
#include "frontd/issuing.h"
#include "frontd/metrics.h"
#include "frontd/route.h"
#include "store/store.h"

#define VERIFIED "X-SSL-Client-Verify"	/* nginx's $ssl_client_verify */
#define CERTIFICATE "X-SSL-Client-Cert" /* nginx's $ssl_client_escaped_cert */
#define TYPE_REQUEST "application/pkcs10"
#define TYPE_CERTIFICATES "application/pkcs7-mime; smime-type=certs-only"
#define TYPE_SENTENCE "text/plain; charset=utf-8"
#define MAX_CERTIFICATES (1024 * 1024) /* bytes: a chain of the largest certificates, and base64 */
#define ROOT "/.well-known/est"

/* One client's request on its way. */
struct enrolment {
	const struct est_service *service;
	struct caller who;
	struct buf certificate, request, pem; /* DER, DER, PEM */
	struct facts client;
};

static void enrolment_free(struct enrolment *e)
{
	authz_forget(&e->who);
	buf_free(&e->certificate);
	buf_free(&e->request);
	buf_free(&e->pem);
	facts_free(&e->client);
}
#define scoped_enrolment __attribute__((cleanup(enrolment_free))) struct enrolment

static void service_read(struct conf *conf, size_t i, struct est_service *out)
{
	char path[64];
	snprintf(path, sizeof(path), "est.services.[%zu].label", i);
	out->label = conf_text(conf, path, "");
	if (strchr(out->label, '/'))
		conf_reject(conf, path, "one segment of a path");
	snprintf(path, sizeof(path), "est.services.[%zu].ca", i);
	out->ca = conf_text(conf, path, NULL);
	snprintf(path, sizeof(path), "est.services.[%zu].profile", i);
	out->profile = conf_text(conf, path, NULL);
	snprintf(path, sizeof(path), "est.services.[%zu].own_names", i);
	out->own_names = conf_bool(conf, path, false);
}

void est_read(struct conf *conf, struct est *out)
{
	if (!conf_has(conf, "est"))
		return;
	conf_count(conf, "est");
	out->socket = conf_text(conf, "est.socket", "/run/chancery/est.sock");
	out->socket_mode = conf_mode(conf, "est.socket_mode", 0666);
	conf_peers(conf, "est.proxy", &out->proxy);
	if (strlen(out->socket) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		conf_reject(conf, "est.socket", "a socket path of at most 107 bytes");
	size_t n = conf_count(conf, "est.services");
	if (n == 0 || n > MAX_EST_SERVICES)
		conf_reject(conf, "est.services", "1 to 32 groups of label, ca and profile");
	for (size_t i = 0; i < n && i < MAX_EST_SERVICES; i++)
		service_read(conf, out->count++, &out->services[i]);
}

static const struct est_service *service_find(const struct est *est, const char *label)
{
	for (size_t i = 0; i < est->count; i++)
		if (strcmp(est->services[i].label, label ? label : "") == 0)
			return &est->services[i];
	return NULL;
}

/* RFC 7030 4.2.3: what isn't certificates is a sentence for people. Never 500: what broke here may work later. */
static void sentence_put(struct front *f, struct call *c)
{
	unsigned status = c->error.status, again = c->error.retry_after;
	char text[sizeof(c->error.message) + 2];
	if (!status)
		return;
	status = status == 422 ? 400 : status == 500 ? 503 : status;
	snprintf(text, sizeof(text), "%s\n", c->error.message);
	metrics_refused(f->metrics, c->error.code);
	call_clear(c); /* and what was refused is no error of the API, which would be JSON */
	call_reply_text(c, status, strdup(text), TYPE_SENTENCE);
	c->error.retry_after = again;
}

static int certificates_reply(struct call *c, const struct slice *all, size_t count)
{
	scoped_buf der = { .max = MAX_CERTIFICATES };
	scoped_buf out = { .max = 2 * MAX_CERTIFICATES };
	if (est_certificates_put(all, count, &der))
		return -1;
	est_base64_encode(buf_slice(&der), &out);
	return call_reply_bytes(c, 200, &out, TYPE_CERTIFICATES);
}

/* 4.1: the CA that signs, what is above it, and the root. Nobody needs to be somebody for that. */
static int cacerts_get(struct front *f, struct call *c)
{
	struct slice all[MAX_CHAIN];
	struct issuing *ca = NULL;
	int r = issuing_get(f->issuings, f->store, service_find(f->est, c->param[0])->ca, &ca);
	if (r < 0)
		return answer_store(c);
	if (r || ca_reserved(&ca->chain.ca[0]) || !ca->chain.ca[0].certificate.len) {
		r = call_refuse(c, 404, "not_found", NULL, "There is no certificate of this service's CA.");
	} else {
		for (size_t i = 0; i < ca->chain.count; i++)
			all[i] = ca->chain.ca[i].certificate;
		r = certificates_reply(c, all, ca->chain.count);
	}
	issuing_release(&ca);
	return r;
}

/* 4.5.2: there is nothing that a request must have. */
static int csrattrs_get(struct front *f, struct call *c)
{
	(void)f;
	return call_reply_text(c, 204, strdup(""), TYPE_SENTENCE);
}

/* A certificate of ours that was revoked opens nothing, even if the proxy doesn't know. */
static int client_check_state(struct front *f, struct call *c, const struct facts *client)
{
	scoped_session *s = NULL;
	scoped_row(certificate) row = { 0 };
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = store_certificate_find(s, client->fingerprint, &row);
	if (r < 0)
		return answer_store(c);
	if (r || slice_equal(row.state, slice_text("active")))
		return 0;
	return call_refuse(c, 403, "client_revoked", NULL, "The client's certificate is not valid any more.");
}

/* Who the proxy says is calling. */
static int client_take(struct http_request *r, struct enrolment *e)
{
	struct call *c = &r->call;
	bool repeated = false;
	char why[FACTS_WHY];
	const char *verified = r->header(r, VERIFIED, &repeated), *text = r->header(r, CERTIFICATE, &repeated);
	if (repeated)
		return call_refuse(c, 400, "bad_header", NULL, VERIFIED " and " CERTIFICATE " must not be repeated.");
	if (!verified || strcmp(verified, "SUCCESS") != 0 || !text || !*text)
		return call_refuse(c, 403, "no_client_certificate", NULL,
				   "A certificate that the proxy has verified is needed to enroll.");
	if (!est_certificate_decode(text, &e->certificate) ||
	    facts_read_foreign(buf_slice(&e->certificate), &e->client, why) != 0)
		return call_refuse(c, 403, "bad_client_certificate", NULL,
				   "The client's certificate is not one that can be read.");
	authz_vouch(r->front->authz, items_list(&e->client.alt_names), &e->who);
	c->who = &e->who;
	if (!e->who.roles) {
		denial_note(r->front, c, r->method);
		return call_refuse(c, 403, "forbidden", NULL, "%s may not enroll here.", e->who.actor);
	}
	return client_check_state(r->front, c, &e->client);
}

static bool type_is_request(const char *type)
{
	size_t n = sizeof(TYPE_REQUEST) - 1;
	return type && strncasecmp(type, TYPE_REQUEST, n) == 0 && strchr("; \t", type[n]);
}

static int request_take(struct http_request *r, struct enrolment *e)
{
	struct call *c = &r->call;
	if (!type_is_request(r->content_type))
		return call_refuse(c, 415, "bad_content_type", NULL, "The Content-Type must be " TYPE_REQUEST ".");
	if (!est_base64_decode(c->body_bytes, &e->request))
		return call_refuse(c, 400, "bad_base64", NULL,
				   "The body must be a PKCS#10 request of at most %d bytes in base64.",
				   MAX_EST_REQUEST);
	return pem_put_block(&e->pem, "CERTIFICATE REQUEST", buf_slice(&e->request));
}

static int names_compare(struct call *c, const struct enrolment *e, const struct csr *csr, bool again)
{
	struct list own = items_list(&e->client.alt_names);
	/* 4.2.2: subject and alternative names as they are in the certificate that the client has. */
	if (again && (!est_subject_same(buf_slice(&e->request), buf_slice(&e->certificate)) ||
		      !est_names_within(own, csr->alt_names) || !est_names_within(csr->alt_names, own)))
		return call_refuse(
			c, 400, "names_differ", NULL,
			"The request must have the subject and the alternative names of the client's certificate.");
	if (e->service->own_names && !est_names_within(csr->alt_names, own))
		return call_refuse(c, 403, "names_foreign", NULL,
				   "The request may have no other names than the client's certificate.");
	return 0;
}

static int names_check(struct call *c, const struct enrolment *e, bool again)
{
	struct csr csr = { .algorithm = 0 };
	int r = csr_decode((const char *)e->pem.at, e->pem.len, &csr, c);
	if (!r)
		r = names_compare(c, e, &csr, again);
	csr_free(&csr);
	return r;
}

/* The certificate out of the answer that other callers get whole. */
static void certificate_reply(struct call *c)
{
	json_t *answer = c->text ? json_loadb(c->text, c->text_len, 0, NULL) : NULL;
	const char *pem = json_string_value(json_object_get(answer, "certificate_pem"));
	scoped_buf der = { .max = MAX_CERTIFICATES };
	struct slice body = { NULL, 0 };
	const char *start = pem ? strchr(pem, '\n') : NULL, *end = start ? strchr(start, '-') : NULL;
	if (end)
		body = (struct slice){ (const uint8_t *)start, (size_t)(end - start) };
	bool good = end && est_base64_decode(body, &der);
	json_decref(answer);
	call_clear(c);
	struct slice one = buf_slice(&der);
	if (!good || certificates_reply(c, &one, 1))
		call_refuse(c, 503, "unavailable", NULL, "The certificate could not be written.");
}

static int enrolment_issue(struct http_request *r, struct enrolment *e)
{
	static const struct route issue = { "POST", ROOT, 0, "", certificate_issue_ca };
	struct call *c = &r->call;
	buf_put_u8(&e->pem, 0);
	json_t *body = buf_ok(&e->pem) ? json_pack("{s:s, s:s}", "csr_pem", (const char *)e->pem.at, "profile",
						   e->service->profile)
				       : NULL;
	if (!body)
		return -1;
	c->body = body;
	c->param[0] = e->service->ca;
	c->idempotency_key = NULL; /* all clients are one user here: none is to get another's answer */
	call_run(r->front, &issue, c);
	c->body = NULL;
	json_decref(body);
	if (!c->error.status)
		certificate_reply(c);
	return 0;
}

static int enroll(struct http_request *r, const struct est_service *service, bool again)
{
	scoped_enrolment e = { .service = service,
			       .who = { .peer = r->call.who->peer },
			       .certificate = { .max = MAX_EST_CERTIFICATE },
			       .request = { .max = MAX_EST_REQUEST },
			       .pem = { .max = 2 * MAX_EST_REQUEST } };
	const struct caller *proxy = r->call.who;
	int answer = client_take(r, &e);
	if (!answer)
		answer = request_take(r, &e);
	if (!answer)
		answer = names_check(&r->call, &e, again);
	if (!answer)
		answer = enrolment_issue(r, &e);
	r->call.who = proxy;
	return answer;
}

/* What enrolls stands here for its path and its method. */
static int enroll_post(struct front *f, struct call *c)
{
	(void)f;
	(void)c;
	return -1;
}

static const struct route routes[] = {
	{ "GET", ROOT "/cacerts", 0, "", cacerts_get },
	{ "GET", ROOT "/csrattrs", 0, "", csrattrs_get },
	{ "POST", ROOT "/simpleenroll", 0, "", enroll_post },
	{ "POST", ROOT "/simplereenroll", 0, "", enroll_post },
	{ "GET", ROOT "/{label}/cacerts", 0, "", cacerts_get },
	{ "GET", ROOT "/{label}/csrattrs", 0, "", csrattrs_get },
	{ "POST", ROOT "/{label}/simpleenroll", 0, "", enroll_post },
	{ "POST", ROOT "/{label}/simplereenroll", 0, "", enroll_post },
};

static int serve(struct http_request *r)
{
	struct call *c = &r->call;
	struct route_match match;
	int refused = route_resolve(r, routes, sizeof(routes) / sizeof(routes[0]), &match);
	if (refused)
		return refused;
	if (!peer_matches(&r->front->est->proxy, &c->who->peer)) {
		denial_note(r->front, c, r->method);
		return call_refuse(c, 403, "forbidden", NULL, "%s is not the proxy that this socket is for.",
				   c->who->actor);
	}
	const struct est_service *service = service_find(r->front->est, match.param[0]);
	if (!service)
		return call_refuse(c, 404, "not_found", NULL, "There is no service with this label.");
	if (match.route->handler == enroll_post)
		return enroll(r, service, strstr(match.pattern, "/simplereenroll") != NULL);
	call_run(r->front, match.route, c);
	return 0;
}

void est_serve(struct http_request *r)
{
	if (serve(r) < 0)
		answer_broken(&r->call);
	sentence_put(r->front, &r->call);
}

void est_refused(struct http_request *r)
{
	sentence_put(r->front, &r->call);
}
