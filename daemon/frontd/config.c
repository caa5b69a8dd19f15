#include "frontd/config.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/algorithm.h"
#include "store/store.h"

#define DAY 86400

/* A path that can't be bound or reached is a mistake to be told before anything starts. */
static const char *socket_read(struct conf *conf, const char *name, const char *fallback)
{
	const char *path = conf_text(conf, name, fallback);
	if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		conf_reject(conf, name, "a socket path of at most 107 bytes");
	return path;
}

static void paths_read(struct conf *conf, struct config *out)
{
	out->api_socket = socket_read(conf, "api_socket", "/run/chancery/api.sock");
	out->api_socket_mode = conf_mode(conf, "api_socket_mode", 0666);
	out->pki_socket = socket_read(conf, "pki_socket", "/run/chancery/pki.sock");
	out->pki_socket_mode = conf_mode(conf, "pki_socket_mode", 0666);
	out->sign_socket = socket_read(conf, "sign_socket", "/run/chancery/sign.sock");
	out->database = conf_text(conf, "database", "/var/lib/chancery/db/chancery.db");
	out->cache_mib = (unsigned)conf_int(conf, "database_cache_mib", 1, 65536, STORE_CACHE_MIB);
	out->profiles_dir = conf_text(conf, "profiles_dir", CHANCERY_CONFDIR "/profiles");
}

/* Beside the database if nothing else is said. */
static void crl_dir_read(struct conf *conf, struct config *out)
{
	const char *dir = conf_text(conf, "crl_dir", "");
	const char *slash = strrchr(out->database, '/');
	int beside = slash ? (int)(slash - out->database) : 1;
	int n = *dir ? snprintf(out->crl_dir, sizeof(out->crl_dir), "%s", dir)
		     : snprintf(out->crl_dir, sizeof(out->crl_dir), "%.*s/crl", beside, slash ? out->database : ".");
	if (n >= (int)sizeof(out->crl_dir) - 256)
		conf_reject(conf, "crl_dir", "the path of a folder, shorter than that");
	out->front.crl_dir = out->crl_dir;
}

static void issuance_read(struct conf *conf, struct front *f)
{
	f->default_token = conf_text(conf, "default_token", NULL);
	f->default_algorithm = conf_text(conf, "default_algorithm", "");
	if (*f->default_algorithm && !algorithm_by_name(f->default_algorithm))
		conf_reject(conf, "default_algorithm",
			    "RSA-2048, RSA-3072, RSA-4096, ECDSA-P256, ECDSA-P384, "
			    "ECDSA-P521 or Ed25519");
	f->pki_base_url = conf_text(conf, "pki_base_url", "");
	bool http = strncmp(f->pki_base_url, "http://", 7) == 0 || strncmp(f->pki_base_url, "https://", 8) == 0;
	if (*f->pki_base_url && !http)
		conf_reject(conf, "pki_base_url", "a URL that begins with http:// or https://");
	f->root_days = conf_int(conf, "root_days", 1, 36525, 7305);
	f->ca_days = conf_int(conf, "ca_days", 1, 36525, 3652);
	f->backdate = conf_int(conf, "backdate_seconds", 0, DAY, 300);
	f->crl_seconds = 3600 * conf_int(conf, "crl_hours", 0, 9552, 168);
	f->delta_seconds = 3600 * conf_int(conf, "crl_delta_hours", 0, 9552, 0);
	if (f->delta_seconds && f->delta_seconds >= f->crl_seconds)
		conf_reject(conf, "crl_delta_hours", "fewer hours than crl_hours");
	f->ocsp_validity = conf_int(conf, "ocsp_hours", 1, 240, 24) * 3600;
	f->responder_days = conf_int(conf, "ocsp_responder_days", 1, 365, 30);
	f->ocsp_per_second = (unsigned)conf_int(conf, "ocsp_per_second", 1, 10000, 100);
	f->ocsp_nonce = conf_bool(conf, "ocsp_nonce", true);
	f->ask_timeout = (unsigned)conf_int(conf, "ask_timeout", 1, 600, 90);
}

int config_read(const char *path, struct config *out)
{
	*out = (struct config){ .conf = conf_open(path) };
	if (!out->conf)
		return -1;
	paths_read(out->conf, out);
	issuance_read(out->conf, &out->front);
	crl_dir_read(out->conf, out);
	out->shutdown_seconds = (unsigned)conf_int(out->conf, "shutdown_seconds", 0, 600, 20);
	conf_log_level(out->conf);
	out->front.authz = authz_read(out->conf);
	est_read(out->conf, &out->est);
	out->front.est = &out->est;
	out->front.database = out->database;
	out->front.api_socket = out->api_socket;
	out->front.pki_socket = out->pki_socket;
	out->front.api_socket_mode = out->api_socket_mode;
	out->front.pki_socket_mode = out->pki_socket_mode;
	return conf_finish(out->conf) == 0 && out->front.authz ? 0 : -1;
}

void config_free(struct config *c)
{
	authz_free(c->front.authz);
	conf_close(c->conf);
}
