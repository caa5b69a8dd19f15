/*
 * Enrollment over Secure Transport (RFC 7030) for clients behind a TLS proxy
 * of this host, on a socket of its own: what a CA's certificates are, a
 * certificate for a request, another one for a client who has one. The proxy
 * has verified the client's certificate and hands it on in headers; these are
 * believed of nobody but the users that the configuration names, and who the
 * client is follows from the certificate itself. What he may have issued is
 * said by the issuer role's entries, as for every other caller.
 */
#ifndef CHANCERY_FRONTD_EST_H
#define CHANCERY_FRONTD_EST_H

#include "base/conf.h"
#include "frontd/http.h"

#define MAX_EST_SERVICES 32 /* labels of one host */

struct est_service {
	const char *label;	  /* "": the one without */
	const char *ca, *profile; /* a CA's id */
	bool own_names;		  /* nobody gets a name that his certificate doesn't have */
};

/* The group `est` of frontd.conf; off without it. */
struct est {
	const char *socket; /* NULL: off */
	mode_t socket_mode;
	struct peer_rules proxy;
	size_t count;
	struct est_service services[MAX_EST_SERVICES];
};

void est_read(struct conf *conf, struct est *out);

void est_serve(struct http_request *r);
/* EST's errors are sentences, also those of the HTTP room. */
void est_refused(struct http_request *r);

#endif
