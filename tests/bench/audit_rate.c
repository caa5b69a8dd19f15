/*
 * How fast a ledger is verified, against how fast one core hashes the same
 * bytes with SHA-256: audit_rate [MIB] [ROUNDS]. Both in one run, the ledger in
 * the page cache; records as issuing P-256 leaves writes them. Prints the
 * median ratio, its range and the two rates.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/fd.h"
#include "base/log.h"
#include "ledger/inspection.h"
#include "ledger/ledger.h"
#include "ledger/segment.h"

#define INTENT_BODY 820 /* TBSCertificate 430, ids and hashes 81, context 300 */
#define RESULT_BODY 82
#define BATCH 500
#define MAX_ROUNDS 99

static char folder[64] = "/tmp/ch.XXXXXX";

static void give_up(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void ledger_fill(uint64_t bytes)
{
	struct ledger_open_options options = { .ledger_id = { 7 },
					       .segment_size = 1 << 20 }; /* hardly any reserved space */
	struct ledger *l;
	uint8_t body[INTENT_BODY];
	uint64_t seq;
	memset(body, 'b', sizeof(body));
	if (ledger_create(folder, &options) != 0 || ledger_open(folder, &options, &l) != 0)
		give_up("ledger");
	for (uint64_t done = 0; done < bytes; done += BATCH * (INTENT_BODY + RESULT_BODY + 64)) {
		for (int i = 0; i < BATCH; i++)
			if (ledger_stage(l, RECORD_CERT_INTENT, 1, (struct slice){ body, INTENT_BODY }, &seq) != 0 ||
			    ledger_stage(l, RECORD_CERT_RESULT, 1, (struct slice){ body, RESULT_BODY }, &seq) != 0)
				give_up("stage");
		if (ledger_commit(l) != 0)
			give_up("commit");
	}
	ledger_close(l);
}

/* All segments' bytes, to be hashed from memory. */
static void ledger_load(struct buf *out)
{
	char path[128], name[SEGMENT_NAME];
	struct segment_list list = { NULL, 0 };
	int at = open(folder, O_RDONLY | O_DIRECTORY);
	if (at < 0 || segment_list_read(at, "seg", &list) != 0)
		give_up("list");
	for (size_t i = 0; i < list.count; i++) {
		segment_name(list.first[i], "seg", name);
		snprintf(path, sizeof(path), "%s/%s", folder, name);
		if (fd_read_file(path, out->max, out) != 0)
			give_up(path);
	}
	segment_list_free(&list);
	close(at);
}

static double hash_rate(const struct buf *bytes)
{
	unsigned char hash[32];
	double start = now();
	if (EVP_Digest(bytes->at, bytes->len, hash, NULL, EVP_sha256(), NULL) != 1)
		give_up("hash");
	return (double)bytes->len / 1e6 / (now() - start);
}

static double verify_rate(size_t bytes)
{
	struct inspection i = { .mark_count = 0 };
	double start = now();
	if (inspection_run(folder, &i) != 0)
		give_up("inspection");
	return (double)bytes / 1e6 / (now() - start);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	uint64_t mib = argc > 1 ? strtoull(argv[1], NULL, 10) : 192;
	size_t rounds = argc > 2 ? strtoull(argv[2], NULL, 10) : 7;
	double ratios[MAX_ROUNDS], ours[MAX_ROUNDS], theirs[MAX_ROUNDS];
	struct buf bytes;
	char command[96];
	if (!mib || mib > 4096 || !rounds || rounds > MAX_ROUNDS || !mkdtemp(folder))
		give_up("usage: audit_rate [MIB] [ROUNDS]");
	log_open("audit_rate", LOG_LEVEL_SILENT);
	buf_init(&bytes, (mib + 256) << 20);
	ledger_fill(mib << 20);
	ledger_load(&bytes);
	for (size_t i = 0; i < rounds; i++) {
		theirs[i] = hash_rate(&bytes);
		ours[i] = verify_rate(bytes.len);
		ratios[i] = ours[i] / theirs[i];
	}
	buf_free(&bytes);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	int left = system(command);
	qsort(ratios, rounds, sizeof(*ratios), compare);
	qsort(ours, rounds, sizeof(*ours), compare);
	qsort(theirs, rounds, sizeof(*theirs), compare);
	printf("%-9s %-7s %-6s %8.2f   %5.2f - %-5.2f  %5.0f MB/s  %5.0f MB/s\n", "-", "audit", "sha256",
	       ratios[rounds / 2], ratios[0], ratios[rounds - 1], ours[rounds / 2], theirs[rounds / 2]);
	return left != 0;
}
