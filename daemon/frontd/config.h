/*
 * frontd.conf: what stands in it, with defaults and ranges. The man page
 * frontd.conf(5) says the same for people.
 */
#ifndef CHANCERY_FRONTD_CONFIG_H
#define CHANCERY_FRONTD_CONFIG_H

#include "base/conf.h"
#include "base/log.h"
#include "frontd/authz.h"
#include "frontd/est.h"
#include "frontd/front.h"

struct config {
	struct conf *conf; /* owns the texts */
	const char *api_socket, *pki_socket, *sign_socket, *database, *profiles_dir;
	mode_t api_socket_mode, pki_socket_mode;
	unsigned cache_mib;
	unsigned shutdown_seconds; /* that requests in flight get at SIGTERM */
	char crl_dir[4096];
	struct est est;
	struct front front; /* default_token ... ask_timeout and authz are set */
};

/* 0, or -1 with file, line, setting and what was expected in the log. */
int config_read(const char *path, struct config *out);
void config_free(struct config *c);

#endif
