/*
 * chancery-driver-pkcs11: one process for one token, which signs digests for
 * the signer. It stands behind the third wall: it alone loads foreign code
 * and holds the PIN, and it must never learn what a certificate is.
 */
#include <getopt.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/jail.h"
#include "base/log.h"
#include "key/pkcs11/keeper.h"
#include "key/pkcs11/latch.h"
#include "key/pkcs11/operations.h"
#include "key/watchdog.h"

#define OWN_PATHS 12

struct arguments {
	const char *config; /* NULL: the default for name */
	const char *name;
	bool resume;
};

static int usage(FILE *to)
{
	fputs("usage: chancery-driver-pkcs11 [--config FILE] [NAME]\n"
	      "       chancery-driver-pkcs11 [--config FILE] --resume NAME\n"
	      "Serves the token that FILE describes, " CHANCERY_CONFDIR "/driver-NAME.conf by default.\n"
	      "--resume lets it try its PIN again after the PIN was refused.\n",
	      to);
	return to == stdout ? 0 : EXIT_USAGE;
}

/* 0, or -1 with the exit status in *status. */
static int arguments_read(int argc, char **argv, struct arguments *out, int *status)
{
	static const struct option options[] = { { "config", required_argument, NULL, 'c' },
						 { "resume", no_argument, NULL, 'r' },
						 { "version", no_argument, NULL, 'v' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	*out = (struct arguments){ 0 };
	*status = 0;
	for (int option; (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
		if (option == 'c') {
			out->config = optarg;
		} else if (option == 'r') {
			out->resume = true;
		} else if (option == 'v') {
			puts("chancery-driver-pkcs11 " CHANCERY_VERSION);
			return -1;
		} else {
			*status = usage(option == 'h' ? stdout : stderr);
			return -1;
		}
	}
	out->name = optind < argc ? argv[optind] : NULL;
	if (argc - optind <= 1 && (out->config || out->name) && (out->name || !out->resume))
		return 0;
	*status = usage(stderr);
	return -1;
}

static int config_read(const struct arguments *a, struct settings *settings)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/driver-%s.conf", CHANCERY_CONFDIR, a->name ? a->name : "");
	if (settings_read(a->config ? a->config : path, settings) != 0)
		return EXIT_CONFIG;
	if (!a->name || strcmp(a->name, settings->name) == 0)
		return 0;
	log_error("name_differs", "asked=%s file=%s", a->name, settings->name);
	settings_free(settings);
	return EXIT_CONFIG;
}

/* Before the first thread, so that none of the module's is ever interrupted: the server reads them. */
static void signals_block(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int serve(const struct settings *settings, struct server *server)
{
	struct keeper keeper;
	struct token *token = watchdog_start() == 0 ? token_new(settings) : NULL;
	if (!token)
		return EXIT_CONFIG;
	int status = keeper_start(&keeper, token);
	if (status)
		return status;
	int result = server_run(server, &token_operations, &keeper, settings->workers);
	status = atomic_load(&token->end);
	if (status || result)
		return status ? status : EXIT_TOKEN_FAILED;
	watchdog_arm(WATCHDOG_MAIN, "taking-down", settings->start_seconds);
	keeper_stop(&keeper);
	token_free(token);
	watchdog_disarm(WATCHDOG_MAIN);
	return 0;
}

/*
 * Programs and libraries, the host's settings and what it says of its hardware
 * can be read by any module; where it keeps its own is in the settings alone.
 */
static int paths_limit(const struct settings *s)
{
	struct jail_path paths[OWN_PATHS + 2 * MAX_PATHS] = {
		{ s->state_dir, JAIL_WRITE }, { s->server.socket, JAIL_WRITE_BESIDE },
		{ s->module, JAIL_READ },     { s->pin_file, JAIL_READ },
		{ "/usr", JAIL_READ },	      { "/lib", JAIL_READ },
		{ "/lib64", JAIL_READ },      { "/etc", JAIL_READ },
		{ "/proc", JAIL_READ },	      { "/sys", JAIL_READ },
		{ "/dev/null", JAIL_WRITE },  { "/dev/urandom", JAIL_READ },
	};
	size_t n = OWN_PATHS;
	if (!s->landlock)
		return 0;
	for (size_t i = 0; i < s->read_count; i++)
		paths[n++] = (struct jail_path){ s->read_paths[i], JAIL_READ };
	for (size_t i = 0; i < s->write_count; i++)
		paths[n++] = (struct jail_path){ s->write_paths[i], JAIL_WRITE };
	return jail_paths(paths, n);
}

/* Everything that can be wrong without the token is found before the PIN is touched. */
static int run(const struct settings *settings)
{
	signals_block();
	if (jail_enter() != 0 || paths_limit(settings) != 0)
		return EXIT_TOKEN_FAILED;
	int taken = latch_lock(settings);
	if (taken || settings_environment(settings) != 0)
		return taken > 0 ? EXIT_TOKEN_FAILED : EXIT_CONFIG;
	struct server *server = server_open(&settings->server);
	if (!server)
		return EXIT_CONFIG;
	int status = serve(settings, server);
	server_close(server);
	return status;
}

int main(int argc, char **argv)
{
	struct arguments arguments;
	struct settings settings;
	int status;
	log_open("chancery-driver-pkcs11", LOG_LEVEL_INFO);
	if (arguments_read(argc, argv, &arguments, &status) != 0)
		return status;
	/* What a module does with libcrypto is its own business; openssl.cnf is nobody's here. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	/* --resume touches no PIN, so it needs nobody who hands one over. */
	if (arguments.resume && setenv("CREDENTIALS_DIRECTORY", "/run/credentials", 0) != 0)
		return EXIT_CONFIG;
	status = config_read(&arguments, &settings);
	if (status)
		return status;
	if (arguments.resume)
		status = latch_resume(&settings) == 0 ? 0 : EXIT_CONFIG;
	else
		status = run(&settings);
	log_info("ended", "status=%d", status);
	if (status)
		_exit(status); /* threads may be inside the module, and its own exit handlers may hang */
	settings_free(&settings);
	return 0;
}
