/*
 * chancery-frontd: policy and memory of the signing service. Holds no key and
 * no PIN, loads no foreign module, and reads frontd.conf only.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/batch.h"
#include "base/fd.h"
#include "base/jail.h"
#include "base/log.h"
#include "base/ready.h"
#include "base/time.h"
#include "frontd/api.h"
#include "frontd/config.h"
#include "frontd/crls.h"
#include "frontd/denial.h"
#include "frontd/http.h"
#include "frontd/issuing.h"
#include "frontd/metrics.h"
#include "frontd/pki.h"
#include "frontd/rules.h"
#include "frontd/ocsp.h"
#include "frontd/responder.h"
#include "frontd/scheduler.h"
#include "frontd/signer.h"
#include "store/store.h"

#define EXIT_CONFIG 78 /* as sysexits.h has it: another start would change nothing */
#define TICK_MS 10000  /* between looks for what waits to be noted */
#define MAX_FILES                                                                                                      \
	4096 /* both sockets' connections, the database's sessions with three files each, and as many again            \
	      */
#define MAX_HTTP_THREADS 16 /* each decodes requests and verifies their signatures, one after the other */

struct servers {
	struct http_server *api, *pki, *est;
};

static int listen_on(const char *name, const char *path, mode_t mode)
{
	int passed = ready_socket(name);
	return passed >= 0 ? passed : fd_listen(path, mode);
}

/* Most of a request's work is the verification of its own signature, which no other thread can do for this one. */
static unsigned http_threads(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > MAX_HTTP_THREADS ? MAX_HTTP_THREADS : (unsigned)n;
}

/* Off unless configured. */
static int est_start(struct config *c, struct http_server **out)
{
	if (!c->est.socket)
		return 0;
	scoped_fd int est = listen_on("est", c->est.socket, c->est.socket_mode);
	if (est < 0)
		return -1;
	struct http_options options = { .name = "est",
					.socket = est,
					.front = &c->front,
					.serve = est_serve,
					.refused = est_refused,
					.no_store = true,
					.authz = c->front.authz };
	fd_take(&est);
	return http_start(&options, out);
}

static int servers_start(struct config *c, struct servers *out)
{
	scoped_fd int api = listen_on("api", c->api_socket, c->api_socket_mode);
	scoped_fd int pki = listen_on("pki", c->pki_socket, c->pki_socket_mode);
	if (api < 0 || pki < 0)
		return -1;
	struct http_options api_options = { .name = "api",
					    .socket = api,
					    .front = &c->front,
					    .serve = api_serve,
					    .begin = api_begin,
					    .threads = http_threads(),
					    .no_store = true,
					    .authz = c->front.authz };
	struct http_options pki_options = { .name = "pki",
					    .socket = pki,
					    .front = &c->front,
					    .serve = pki_serve,
					    .begin = pki_begin,
					    .refused = pki_refused };
	if (http_start(&api_options, &out->api) != 0)
		return -1;
	fd_take(&api);
	if (http_start(&pki_options, &out->pki) != 0)
		return -1;
	fd_take(&pki);
	return est_start(c, &out->est);
}

/* In the order in which callers see it: no new ones, those in flight, then what they needed. */
static void servers_stop(const struct config *c, struct servers *s)
{
	int64_t deadline = time_boot_ms() + 1000 * (int64_t)c->shutdown_seconds;
	if (s->api)
		http_drain(s->api, deadline);
	if (s->pki)
		http_drain(s->pki, deadline);
	if (s->est)
		http_drain(s->est, deadline);
	http_stop(s->api);
	http_stop(s->pki);
	http_stop(s->est);
}

/* 0; -1, or as store_open(). */
static int front_open(struct config *c)
{
	struct front *f = &c->front;
	f->started = time_now();
	pthread_mutex_init(&f->transitions, NULL);
	f->metrics = metrics_new();
	f->issuings = issuings_new();
	f->responders = responders_new();
	f->ocsp = ocsp_new();
	bool has_base_url = f->pki_base_url && *f->pki_base_url;
	if (!f->metrics || !f->issuings || !f->responders || !f->ocsp ||
	    rules_open(c->profiles_dir, has_base_url, &f->rules) != 0)
		return -1;
	int failed = store_open(c->database, c->cache_mib, &f->store);
	if (failed)
		return failed;
	struct signer_options options = { .path = c->sign_socket, .timeout = f->ask_timeout, .front = f };
	if (signer_start(&options, &f->signer) != 0 || scheduler_start(f, &f->scheduler) != 0)
		return -1;
	return crls_start(f, &f->crls);
}

static void front_close(struct front *f)
{
	crls_stop(f->crls);
	scheduler_stop(f->scheduler);
	if (f->signer)
		signer_stop(f->signer);
	if (f->store)
		store_close(f->store);
	issuings_free(f->issuings);
	responders_free(f->responders);
	ocsp_free(f->ocsp);
	rules_close(f->rules);
	metrics_free(f->metrics);
}

/*
 * Before the first thread. Names of callers come from the host's user database,
 * whose modules, caches and settings lie in the places named last.
 */
static int rights_limit(const struct config *c)
{
	const struct jail_path paths[] = {
		{ c->database, JAIL_WRITE_BESIDE },
		{ c->api_socket, JAIL_WRITE_BESIDE },
		{ c->pki_socket, JAIL_WRITE_BESIDE },
		{ c->est.socket ? c->est.socket : c->pki_socket, JAIL_WRITE_BESIDE },
		{ c->front.crl_dir, JAIL_WRITE },
		{ c->profiles_dir, JAIL_READ },
		{ "/etc", JAIL_READ },
		{ "/usr/lib", JAIL_READ },
		{ "/lib", JAIL_READ },
		{ "/lib64", JAIL_READ },
		{ "/run/systemd/userdb", JAIL_READ },
		{ "/var/lib/sss/mc", JAIL_READ },
		{ "/dev/urandom", JAIL_READ },
	};
	if (c->front.crl_seconds && mkdir(c->front.crl_dir, 0755) != 0 && errno != EEXIST) {
		log_error("folder_failed", "path=%s errno=%d", c->front.crl_dir, errno);
		return -1;
	}
	return jail_enter() == 0 && jail_files(MAX_FILES) == 0 ? jail_paths(paths, sizeof(paths) / sizeof(paths[0]))
							       : -1;
}

/* Every thread is started with these blocked: only this one takes them. */
static void signals_wait(const sigset_t *signals, struct front *f)
{
	int number;
	do {
		int alive = ready_alive();
		int ms = alive >= 0 && alive < TICK_MS ? alive : TICK_MS;
		const struct timespec tick = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
		number = sigtimedwait(signals, NULL, &tick);
		if (number == SIGHUP)
			rules_reload(f->rules);
		else if (number < 0)
			denial_tick(f, false);
	} while (number < 0 || number == SIGHUP);
	log_info("stopping", "signal=%d", number);
}

/* After a failure. A database that this version can't read is none for the next start either. */
static int exit_status(int failed)
{
	return failed == STORE_OTHER ? EXIT_CONFIG : 1;
}

static int run(struct config *c)
{
	struct servers servers = { .api = NULL };
	sigset_t signals;
	batch_enter();
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	int opened = front_open(c);
	int result = opened == 0 && servers_start(c, &servers) == 0 ? 0 : exit_status(opened);
	if (result == 0) {
		log_info("started", "version=%s api=%s pki=%s", CHANCERY_VERSION, c->api_socket, c->pki_socket);
		ready_notify("READY=1");
		signals_wait(&signals, &c->front);
		ready_notify("STOPPING=1");
	}
	servers_stop(c, &servers);
	if (result == 0)
		denial_tick(&c->front, true);
	front_close(&c->front);
	return result;
}

static const char usage[] =
	"usage: chancery-frontd [--config FILE]            serve until SIGTERM\n"
	"       chancery-frontd [--config FILE] --check    read configuration and profiles, say what is wrong\n"
	"       chancery-frontd [--config FILE] --migrate  bring the database to this version, and end\n"
	"       chancery-frontd --version | --help\n"
	"\n"
	"FILE is " CHANCERY_CONFDIR "/frontd.conf unless stated; see frontd.conf(5).\n";

/* Profiles and templates are configuration as well. */
static int rules_check(const struct config *c)
{
	struct rulebooks *rules = NULL;
	const char *base = c->front.pki_base_url;
	int r = rules_open(c->profiles_dir, base && *base, &rules) == 0 ? 0 : 1;
	rules_close(rules);
	return r;
}

/* What every start does as well; so an upgrade can be seen to work before callers come. */
static int store_migrate(const struct config *c)
{
	struct store *store = NULL;
	int failed = store_open(c->database, c->cache_mib, &store);
	if (failed)
		return exit_status(failed);
	store_close(store);
	return printf("%s has the schema of chancery %s.\n", c->database, CHANCERY_VERSION) < 0;
}

static int config_run(const char *path, int mode)
{
	struct config config;
	int result = EXIT_CONFIG;
	if (config_read(path, &config) == 0) {
		if (mode == 't')
			result = rules_check(&config);
		else if (rights_limit(&config) != 0)
			result = 1;
		else
			result = mode == 'm' ? store_migrate(&config) : run(&config);
	}
	config_free(&config);
	return result;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 't' },
		{ "migrate", no_argument, NULL, 'm' },	    { "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },	    { NULL, 0, NULL, 0 },
	};
	const char *path = CHANCERY_CONFDIR "/frontd.conf";
	int option, mode = 0;
	log_open("chancery-frontd", LOG_LEVEL_INFO);
	while ((option = getopt_long(argc, argv, "c:tVh", options, NULL)) != -1) {
		if (option == 'c')
			path = optarg;
		else if (option == 't' || option == 'm')
			mode = option;
		else if (option == 'V')
			return printf("chancery-frontd %s\n", CHANCERY_VERSION) < 0;
		else
			return fputs(usage, option == 'h' ? stdout : stderr) < 0 || option != 'h' ? 2 : 0;
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return 2;
	}
	return config_run(path, mode);
}
