/*
 * chancery-driver-file: PEM keys in one folder, for migration and
 * development. It stands behind the third wall like every driver. It must
 * never run without `insecure = true`, or learn what a certificate is.
 */
#include <fcntl.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/fd.h"
#include "base/jail.h"
#include "base/log.h"
#include "base/time.h"
#include "base/secret.h"
#include "key/file/operations.h"
#include "key/jobs.h"
#include "key/server_settings.h"
#include "key/watchdog.h"

#define SECURE_HEAP (1 << 18) /* PEM text and key numbers of every worker; a power of two */
#define SECURE_LEAST 32

static int settings_read(struct conf *c, struct server_settings *server, struct file_token *t, const char **passphrase)
{
	t->name = server_settings_read(c, server);
	t->path = conf_text(c, "folder", NULL);
	*passphrase = conf_text(c, "passphrase_file", "");
	t->workers = (unsigned)conf_int(c, "workers", 1, MAX_WORKERS, 2);
	if (!conf_bool(c, "insecure", false))
		conf_reject(c, "insecure", "true: this driver keeps private keys in files, not in a token");
	return conf_finish(c);
}

static int folder_open(struct file_token *t, const char *passphrase)
{
	t->folder.fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->folder.fd < 0) {
		log_error("folder_unreadable", "folder=%s why=\"%s\"", t->path, log_errno());
		return -1;
	}
	return *passphrase ? secret_read(passphrase, &t->folder.passphrase) : 0;
}

/* No vendor's code here, so what this driver opens is known: its keys and its socket. */
static int paths_limit(const struct file_token *t, const struct server_settings *server)
{
	const struct jail_path paths[] = {
		{ t->path, JAIL_WRITE },
		{ server->socket, JAIL_WRITE_BESIDE },
	};
	return jail_paths(paths, sizeof(paths) / sizeof(paths[0]));
}

static int serve(struct conf *c)
{
	static struct server_settings settings;
	static struct file_token token;
	const char *passphrase;
	if (settings_read(c, &settings, &token, &passphrase) != 0 || folder_open(&token, passphrase) != 0)
		return EXIT_CONFIG;
	log_warning("insecure", "folder=%s why=\"private keys are files that this user can read and copy\"",
		    token.path);
	token.since = time_now();
	if (paths_limit(&token, &settings) != 0)
		return EXIT_TOKEN_FAILED;
	struct server *server = watchdog_start() == 0 ? server_open(&settings) : NULL;
	if (!server)
		return EXIT_CONFIG;
	int status = server_run(server, &file_operations, &token, token.workers) == 0 ? 0 : EXIT_TOKEN_FAILED;
	server_close(server);
	file_token_forget(&token);
	secret_free(token.folder.passphrase);
	fd_close(&token.folder.fd);
	return status;
}

static int usage(FILE *to)
{
	fputs("usage: chancery-driver-file --config FILE\n"
	      "       chancery-driver-file --version | --help\n"
	      "Serves the keys in the folder that FILE names: for moving keys and for development only.\n",
	      to);
	return to == stdout ? 0 : EXIT_USAGE;
}

/* -1 with the path, or the exit status at once. */
static int arguments_read(int argc, char **argv, const char **path)
{
	static const struct option options[] = { { "config", required_argument, NULL, 'c' },
						 { "version", no_argument, NULL, 'v' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	for (int option; (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
		if (option == 'v')
			return puts("chancery-driver-file " CHANCERY_VERSION) < 0;
		if (option != 'c')
			return usage(option == 'h' ? stdout : stderr);
		*path = optarg;
	}
	return *path && optind == argc ? -1 : usage(stderr);
}

int main(int argc, char **argv)
{
	sigset_t set;
	const char *path = NULL;
	log_open("chancery-driver-file", LOG_LEVEL_INFO);
	int ended = arguments_read(argc, argv, &path);
	if (ended >= 0)
		return ended;
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (jail_enter() != 0)
		return EXIT_TOKEN_FAILED;
	if (CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_LEAST) != 1)
		log_warning("memory_not_locked", "why=\"keys may be written to swap\"");
	struct conf *c = conf_open(path);
	int status = c ? serve(c) : EXIT_CONFIG;
	conf_close(c);
	log_info("ended", "status=%d", status);
	return status;
}
