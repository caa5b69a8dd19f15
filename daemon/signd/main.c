/*
 * chancery-signd: the privileged daemon that holds charters and the ledger,
 * writes every byte that it has signed, and drives no token itself.
 */
#include <getopt.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "signd/archive.h"
#include "signd/provider.h"
#include "signd/resume.h"
#include "signd/serve.h"
#include "signd/signer.h"

static const char usage[] =
	"Usage: chancery-signd [--config FILE]          serve until SIGTERM\n"
	"       chancery-signd [--config FILE] --check  read the configuration, say what is wrong with it\n"
	"       chancery-signd [--config FILE] --init   make the ledger and its log key\n"
	"       chancery-signd [--config FILE] --resume REASON\n"
	"                                               let a signer that latched go on, as root\n"
	"       chancery-signd [--config FILE] --epoch REASON\n"
	"                                               go on from an older ledger than somebody has seen, as root\n"
	"         --approval FILE                       with either: an approver's signature over word.proposal\n"
	"       chancery-signd [--config FILE] --archive DIR\n"
	"                                               move what has expired out of the ledger's folder\n"
	"       chancery-signd --new-id                 print a fresh ledger id for signd.conf and driver.conf\n"
	"       chancery-signd --version | --help\n"
	"\n"
	"FILE is " CHANCERY_CONFDIR "/signd.conf unless stated; see signd.conf(5).\n";

static int print_new_id(void)
{
	uint8_t id[LEDGER_ID_SIZE];
	char text[2 * LEDGER_ID_SIZE + 1];
	random_bytes(id, sizeof(id));
	hex_encode(id, sizeof(id), text);
	return puts(text) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(const char *path, int mode, const char *argument, struct word *word)
{
	struct config config;
	int status = EXIT_CONFIG;
	if (config_read(path, &config) == 0 && (!config.fips_config || provider_load(config.fips_config) == 0)) {
		if (mode == 'k')
			status = EXIT_SUCCESS;
		else if (mode == 'r' || mode == 'e')
			status = resume_ask(&config, word);
		else if (mode == 'a')
			status = archive_command(&config, argument);
		else
			status = mode == 'i' ? serve_init(&config) : serve(&config);
	}
	config_free(&config);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "config", required_argument, NULL, 'c' },
						 { "check", no_argument, NULL, 'k' },
						 { "init", no_argument, NULL, 'i' },
						 { "resume", required_argument, NULL, 'r' },
						 { "epoch", required_argument, NULL, 'e' },
						 { "approval", required_argument, NULL, 'p' },
						 { "new-id", no_argument, NULL, 'n' },
						 { "version", no_argument, NULL, 'v' },
						 { "help", no_argument, NULL, 'h' },
						 { "archive", required_argument, NULL, 'a' },
						 { 0 } };
	const char *path = CHANCERY_CONFDIR "/signd.conf", *argument = NULL, *approvals[MAX_APPROVALS];
	struct word word = { .approvals = approvals };
	int mode = 's', option;
	log_open("chancery-signd", LOG_LEVEL_INFO);
	/* No openssl.cnf: it could load foreign code into the signer. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'c')
			path = optarg;
		else if (option == 'p' && word.count < MAX_APPROVALS)
			approvals[word.count++] = optarg;
		else if (option == '?' || option == 'p')
			mode = '?';
		else
			mode = option;
		if (option == 'r' || option == 'a' || option == 'e')
			argument = optarg;
	}
	if (mode == 'v')
		return puts("chancery-signd " CHANCERY_VERSION) < 0;
	word.kind = mode == 'e' ? PROPOSAL_EPOCH : PROPOSAL_RESUME;
	word.reason = argument;
	if (word.count && mode != 'r' && mode != 'e')
		mode = '?';
	if (mode == 'h' || mode == '?' || optind != argc) {
		fputs(usage, mode == 'h' ? stdout : stderr);
		return mode == 'h' ? EXIT_SUCCESS : 2;
	}
	return mode == 'n' ? print_new_id() : run(path, mode, argument, &word);
}
