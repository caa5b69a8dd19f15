#include "frontd/api.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "frontd/answer.h"
#include "frontd/audit.h"
#include "frontd/authz.h"
#include "frontd/backup.h"
#include "frontd/crl_number.h"
#include "frontd/denial.h"
#include "frontd/doctor.h"
#include "frontd/front.h"
#include "frontd/hierarchy.h"
#include "frontd/idempotency.h"
#include "frontd/issue.h"
#include "frontd/letters.h"
#include "frontd/lookup.h"
#include "frontd/outside.h"
#include "frontd/proposal.h"
#include "frontd/revoke.h"
#include "frontd/route.h"
#include "frontd/status.h"

#define MAX_JSON_DEPTH 16 /* no body of ours nests deeper than four */
#define ANYBODY 0
#define READERS (ROLE_ADMIN | ROLE_ISSUER | ROLE_AUDITOR)
#define EVERY_ROLE (READERS | ROLE_OPERATOR)
#define PROPOSERS (ROLE_ADMIN | ROLE_APPROVES)
#define V1 "/api/v1"

static const struct route routes[] = {
	{ "POST", V1 "/issuers", ROLE_ADMIN, "dry_run", issuer_create },
	{ "GET", V1 "/issuers", READERS, "", issuer_list },
	{ "GET", V1 "/issuers/{id}", READERS, "", issuer_get },
	{ "PATCH", V1 "/issuers/{id}", ROLE_ADMIN, "dry_run", issuer_patch },
	{ "POST", V1 "/issuers/{id}/intermediates", ROLE_ADMIN, "dry_run", intermediate_create },
	{ "GET", V1 "/issuers/{id}/intermediates", READERS, "format", intermediate_list },
	{ "POST", V1 "/issuers/{id}/certificates", ROLE_ADMIN | ROLE_ISSUER, "dry_run", certificate_issue_issuer },
	{ "GET", V1 "/intermediates/{id}", READERS, "", intermediate_get },
	{ "PATCH", V1 "/intermediates/{id}", ROLE_ADMIN, "dry_run", intermediate_patch },
	{ "GET", V1 "/intermediates/{id}/chain", READERS, "root", intermediate_chain },
	{ "GET", V1 "/intermediates/{id}/charter", READERS, "", intermediate_charter },
	{ "GET", V1 "/intermediates/{id}/csr", READERS, "", intermediate_csr },
	{ "POST", V1 "/intermediates/{id}/certificate", ROLE_ADMIN, "dry_run", intermediate_certificate },
	{ "POST", V1 "/intermediates/{id}/request", ROLE_ADMIN, "", intermediate_request },
	{ "POST", V1 "/responses", ROLE_ADMIN, "dry_run", response_import },
	{ "POST", V1 "/intermediates/{id}/admit", ROLE_ADMIN, "dry_run", intermediate_admit },
	{ "POST", V1 "/intermediates/{id}/crl-number", ROLE_ADMIN, "dry_run", crl_number_carry },
	{ "POST", V1 "/intermediates/{id}/retire", ROLE_ADMIN, "dry_run", intermediate_retire },
	{ "POST", V1 "/intermediates/{id}/rotate", ROLE_ADMIN, "dry_run", intermediate_rotate },
	{ "POST", V1 "/intermediates/{id}/renew", ROLE_ADMIN, "dry_run", intermediate_renew },
	{ "POST", V1 "/intermediates/{id}/cross", ROLE_ADMIN, "dry_run", intermediate_cross },
	{ "POST", V1 "/intermediates/{id}/key-gone", ROLE_ADMIN, "", intermediate_key_gone },
	{ "POST", V1 "/intermediates/{id}/certificates", ROLE_ADMIN | ROLE_ISSUER, "dry_run", certificate_issue_ca },
	{ "GET", V1 "/intermediates/{id}/certificates/{serial}", READERS, "", certificate_get },
	{ "POST", V1 "/intermediates/{id}/certificates/{serial}/revoke", ROLE_ADMIN | ROLE_ISSUER, "dry_run",
	  certificate_revoke },
	{ "POST", V1 "/intermediates/{id}/certificates/{serial}/release", ROLE_ADMIN | ROLE_ISSUER, "dry_run",
	  certificate_release },
	{ "POST", V1 "/intermediates/{id}/revoke", ROLE_ADMIN, "dry_run", intermediate_revoke },
	{ "POST", V1 "/certificates/{sha256}/revoke", ROLE_ADMIN | ROLE_ISSUER, "dry_run", certificate_revoke },
	{ "POST", V1 "/certificates/{sha256}/release", ROLE_ADMIN | ROLE_ISSUER, "dry_run", certificate_release },
	{ "GET", V1 "/certificates", READERS, "serial,ca,name,subject_ca,state,limit,cursor", certificate_list },
	{ "GET", V1 "/certificates/{sha256}", READERS, "", certificate_get },
	{ "GET", V1 "/profiles", READERS, "", profiles_list },
	{ "GET", V1 "/profiles/{name}", READERS, "", profiles_get },
	{ "GET", V1 "/constraint-templates", READERS, "", templates_list },
	{ "GET", V1 "/proposals", READERS | ROLE_APPROVES, "state", proposal_list },
	{ "GET", V1 "/proposals/{id}", READERS | ROLE_APPROVES, "", proposal_get_one },
	{ "GET", V1 "/proposals/{id}/bytes", READERS | ROLE_APPROVES, "", proposal_bytes },
	{ "POST", V1 "/proposals/{id}/approvals", PROPOSERS, "", proposal_approve },
	{ "POST", V1 "/proposals/{id}/reject", PROPOSERS, "", proposal_reject },
	{ "POST", V1 "/proposals/{id}/execute", PROPOSERS, "", proposal_execute },
	{ "GET", V1 "/audit", ROLE_ADMIN | ROLE_AUDITOR, "from,limit,type,last", audit_list },
	{ "GET", V1 "/audit/checkpoint", ROLE_ADMIN | ROLE_AUDITOR, "", audit_checkpoint },
	{ "GET", V1 "/backup/database", ROLE_ADMIN | ROLE_AUDITOR, "", backup_database },
	{ "GET", V1 "/status", EVERY_ROLE, "", status_get },
	{ "GET", V1 "/doctor", ROLE_ADMIN | ROLE_OPERATOR | ROLE_AUDITOR, "", doctor_get },
	{ "GET", V1 "/whoami", ANYBODY, "", whoami_get },
};
#define ROUTES (sizeof(routes) / sizeof(routes[0]))

static int query_check(struct http_request *r, const struct route *route)
{
	struct call *c = &r->call;
	for (size_t i = 0; i < r->query_count; i++)
		if (!route_takes(route, r->query_name(r, i)))
			return call_refuse(c, 400, "unknown_parameter", r->query_name(r, i),
					   "This route has no such query parameter; it knows: %s.",
					   *route->queries ? route->queries : "none");
	const char *dry = c->query(c, "dry_run");
	if (dry && strcmp(dry, "true") != 0 && strcmp(dry, "false") != 0)
		return call_refuse(c, 400, "bad_parameter", "dry_run", "dry_run must be true or false.");
	c->dry_run = dry && strcmp(dry, "true") == 0;
	return 0;
}

/* "application/json", with or without parameters. */
static bool is_json(const char *type)
{
	static const char json[] = "application/json";
	size_t n = sizeof(json) - 1;
	return !type || (strncasecmp(type, json, n) == 0 && strchr("; \t", type[n]));
}

/* jansson's text can hold a piece of the body; what goes out says only where, and what kind of fault. */
static int json_refuse(struct call *c, const json_error_t *e)
{
	enum json_error_code code = json_error_code(e);
	const char *what = code == json_error_duplicate_key	       ? "has a member twice"
			   : code == json_error_stack_overflow	       ? "nests too deep"
			   : code == json_error_invalid_utf8	       ? "is not UTF-8"
			   : code == json_error_null_character	       ? "holds a NUL character"
			   : code == json_error_premature_end_of_input ? "ends too early"
								       : "is not well-formed JSON";
	return call_refuse(c, 400, "malformed_json", NULL, "The body %s, at line %d, column %d.", what, e->line,
			   e->column);
}

/* Brackets inside strings don't count; what is not JSON at all the parser finds. */
static bool json_too_deep(struct slice text)
{
	int depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t b = text.at[i];
		if (quoted && b == '\\')
			i++;
		else if (b == '"')
			quoted = !quoted;
		else if (!quoted && (b == '{' || b == '['))
			depth++;
		else if (!quoted && (b == '}' || b == ']'))
			depth--;
		if (depth > MAX_JSON_DEPTH)
			return true;
	}
	return false;
}

static int body_read(struct http_request *r)
{
	struct call *c = &r->call;
	json_error_t e;
	if (!is_json(r->content_type))
		return call_refuse(c, 400, "bad_content_type", NULL, "The Content-Type must be application/json.");
	if (c->body_bytes.len == 0)
		return call_refuse(c, 400, "malformed_json", NULL, "The body is empty; a JSON object is needed.");
	if (json_too_deep(c->body_bytes))
		return call_refuse(c, 400, "malformed_json", NULL, "The body nests deeper than 16 levels.");
	c->body = json_loadb((const char *)c->body_bytes.at, c->body_bytes.len, JSON_REJECT_DUPLICATES, &e);
	if (!c->body)
		return json_refuse(c, &e);
	if (!json_is_object(c->body))
		return call_refuse(c, 400, "malformed_json", NULL, "The body must be a JSON object.");
	return 0;
}

static int role_check(struct http_request *r, const struct route *route)
{
	struct call *c = &r->call;
	if (!route->roles || (c->who->roles & route->roles))
		return 0;
	denial_note(r->front, c, r->method);
	json_t *roles = authz_roles_json(route->roles);
	char names[96] = "";
	for (size_t i = 0; i < json_array_size(roles); i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? ", " : "",
			 json_string_value(json_array_get(roles, i)));
	json_decref(roles);
	return call_refuse(c, 403, "forbidden", NULL, "%s may not do this: it needs one of the roles %s.",
			   c->who->actor, names);
}

static void call_broken(const struct route *route, struct call *c)
{
	log_error("call_failed", "id=%s route=\"%s %s\"", c->request_id, route->method, route->pattern);
	answer_broken(c);
	c->error.retry_after = RETRY_SECONDS;
}

static void handler_run(struct front *f, const struct route *route, struct call *c)
{
	int r = route->handler(f, c);
	if (r == CALL_WAITS)
		call_wait(c);
	if (r < 0)
		call_broken(route, c);
}

void call_run(struct front *f, const struct route *route, struct call *c)
{
	bool keyed = c->idempotency_key && strcmp(route->method, "POST") == 0 && !c->dry_run;
	int begun = keyed ? idempotency_begin(f, c) : 0;
	if (begun > 0)
		return; /* a retried POST, answered from what was kept of the first */
	if (begun < 0) {
		call_refuse(c, 503, "unavailable", NULL, "The database could not be read; the log has the reason.");
		c->error.retry_after = RETRY_SECONDS;
		return;
	}
	struct retrial t = { 0 };
	do
		handler_run(f, route, c);
	while (keyed && idempotency_again(f, c, &t));
	if (keyed)
		idempotency_end(f, c);
}

int route_resolve(struct http_request *r, const struct route *table, size_t count, struct route_match *match)
{
	struct call *c = &r->call;
	enum route_answer answer = route_find(table, count, r->method, r->path, match);
	c->route = match->pattern;
	memcpy(c->param, match->param, sizeof(c->param));
	if (answer == ROUTE_UNKNOWN)
		return call_refuse(c, 404, "not_found", NULL, "There is nothing at this path.");
	snprintf(r->allow, sizeof(r->allow), "%s", match->allow);
	if (answer == ROUTE_WRONG_METHOD)
		return call_refuse(c, 405, "method_not_allowed", NULL, "This path takes %s only.", match->allow);
	return 0;
}

/* Handlers that never wait: they may run where connections are served. */
static bool is_swift(const struct route *route)
{
	return route->handler == certificate_issue_ca || route->handler == certificate_issue_issuer;
}

/* The way through api_serve() of a request that meets no refusal, no earlier reply and no handler that waits. */
enum http_begun api_begin(struct http_request *r)
{
	struct route_match match;
	struct call *c = &r->call;
	if (c->idempotency_key || route_find(routes, ROUTES, r->method, r->path, &match) != ROUTE_FOUND ||
	    !is_swift(match.route) || !(c->who->roles & match.route->roles) || r->query_count)
		return HTTP_BLOCKS;
	c->route = match.pattern;
	memcpy(c->param, match.param, sizeof(c->param));
	int result = body_read(r);
	if (result == 0)
		result = match.route->handler(r->front, c);
	if (result < 0)
		call_broken(match.route, c);
	json_decref(c->body);
	c->body = NULL;
	return result == CALL_WAITS ? HTTP_WAITS : HTTP_ANSWERED;
}

void api_serve(struct http_request *r)
{
	struct route_match match;
	struct call *c = &r->call;
	/* Nobody without a role learns which paths there are. */
	bool stranger = !c->who->roles && strcmp(r->path, V1 "/whoami") != 0;
	if (stranger) {
		c->route = "any";
		denial_note(r->front, c, "any");
		call_refuse(c, 403, "forbidden", NULL, "%s has no role in frontd.conf.", c->who->actor);
		return;
	}
	if (route_resolve(r, routes, ROUTES, &match) != 0 || role_check(r, match.route) != 0 ||
	    query_check(r, match.route) != 0)
		return;
	bool body = strcmp(match.route->method, "GET") != 0;
	if (!body || body_read(r) == 0)
		call_run(r->front, match.route, c);
	json_decref(c->body);
	c->body = NULL;
}
