/*
 * What all of the front-end's rooms share: filled in by main, constant
 * afterwards but for what the members guard themselves.
 */
#ifndef CHANCERY_FRONTD_FRONT_H
#define CHANCERY_FRONTD_FRONT_H

#include <pthread.h>

#include "base/peer.h"

struct store;	   /* drivers/store/store.h */
struct signer;	   /* frontd/signer.h */
struct rulebooks;  /* frontd/rules.h */
struct metrics;	   /* frontd/metrics.h */
struct authz;	   /* frontd/authz.h */
struct issuings;   /* frontd/issuing.h */
struct scheduler;  /* frontd/scheduler.h */
struct crls;	   /* frontd/crls.h */
struct responders; /* frontd/responder.h */
struct ocsp;	   /* frontd/ocsp.h */
struct est;	   /* frontd/est.h */

struct front {
	struct store *store;
	struct signer *signer;
	struct rulebooks *rules;
	struct metrics *metrics;
	struct authz *authz;
	struct issuings *issuings;
	struct scheduler *scheduler;
	struct crls *crls; /* NULL: none are made */
	struct responders *responders;
	struct ocsp *ocsp;
	const struct est *est;	     /* what it enrolls for, where its socket is on */
	pthread_mutex_t transitions; /* a CA's steps to retiring and retired, one at a time, with their notes */

	/* from frontd.conf */
	const char *database, *api_socket, *pki_socket; /* paths */
	mode_t api_socket_mode, pki_socket_mode;
	const char *default_token;     /* driver that makes new keys */
	const char *default_algorithm; /* empty: by what the token can do */
	const char *pki_base_url;      /* "http://pki.example/pki" for AIA URLs; empty: none written */
	int64_t root_days, ca_days;    /* default ttl_days of a root and of a child */
	int64_t backdate;	       /* seconds that notBefore lies before now by default */
	int64_t started;	       /* time_now() when this process began */
	const char *crl_dir;	       /* where CRLs are kept, one file a CA */
	int64_t crl_seconds;	       /* from thisUpdate to nextUpdate; 0: none are made */
	int64_t delta_seconds;	       /* to the nextUpdate of a delta CRL; 0: there are none */
	int64_t ocsp_validity;	       /* seconds from an OCSP answer's thisUpdate to its nextUpdate */
	int64_t responder_days;	       /* of an OCSP responder's certificate */
	unsigned ocsp_per_second;      /* OCSP answers that the signer is asked for at most */
	bool ocsp_nonce;	       /* whether answers repeat a request's nonce */
	unsigned ask_timeout;	       /* seconds a caller waits for the signer at most */
};

#endif
