/*
 * Which handler a method and a path belong to: a table of patterns whose
 * {...} segments are parameters. Sees the path as it was sent and decodes each
 * segment by itself, so that an encoded slash never makes two of one.
 */
#ifndef CHANCERY_FRONTD_ROUTE_H
#define CHANCERY_FRONTD_ROUTE_H

#include "frontd/call.h"

#define MAX_PATH 1024 /* the longest route with three full parameters stays below half of it */

struct route {
	const char *method;  /* "GET" serves HEAD too */
	const char *pattern; /* "/api/v1/issuers/{id}" */
	unsigned roles;	     /* mask of enum role that may; 0: anybody who reaches the socket */
	const char *queries; /* the query parameters that it knows, "from,limit"; "" for none */
	call_handler *handler;
};

struct route_match {
	const struct route *route; /* NULL unless found */
	const char *pattern;	   /* the pattern of the path, also when the method has no route */
	const char *param[MAX_PATH_PARAMETERS];
	char text[MAX_PATH + 1]; /* what param points into */
	char allow[64];		 /* for a wrong method: the Allow header */
};

enum route_answer { ROUTE_FOUND, ROUTE_UNKNOWN, ROUTE_WRONG_METHOD };

enum route_answer route_find(const struct route *table, size_t count, const char *method, const char *path,
			     struct route_match *out);
/* Whether the route knows a query parameter of that name. */
bool route_takes(const struct route *route, const char *query);

/*
 * Decodes percent escapes in place; plus: '+' is a space, as in a query. False
 * for a broken escape and for what is not valid text afterwards (a NUL above all).
 */
bool route_decode(char *text, bool plus);

#endif
