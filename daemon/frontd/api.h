/*
 * What stands on api.sock: the table of routes, and the way of each request
 * through it: route, role, query, body, handler. Never on pki.sock.
 */
#ifndef CHANCERY_FRONTD_API_H
#define CHANCERY_FRONTD_API_H

#include "frontd/http.h"

http_serve api_serve;
http_begin api_begin;

struct route;
struct route_match;
/* Finds the route of a request: 0, or positive with the refusal (404, 405) set. For both sockets. */
int route_resolve(struct http_request *r, const struct route *table, size_t count, struct route_match *match);
/* Runs a handler; what it could not do becomes a 503. */
void call_run(struct front *f, const struct route *route, struct call *c);

#endif
