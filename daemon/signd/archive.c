#include "signd/archive.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "ledger/archive.h"
#include "signd/config.h"
#include "signd/restore.h"

/* After its end a certificate stays on revocation lists for a while, and who makes those looks at its record. */
#define KEEP_SECONDS (31 * 86400)

/* When the certificate that a record is about expires; false if it is about none. One that can't be read never does. */
static bool record_expires(const struct record *r, int64_t *at)
{
	struct cert_intent_record intent;
	struct cert_admitted_record admitted;
	*at = INT64_MAX;
	switch (r->type) {
	case RECORD_CERT_INTENT:
		if (record_cert_intent_get(r->body, &intent) == PACK_OK)
			record_not_after(intent.tbs, at);
		return true;
	case RECORD_CERT_ADMITTED:
		if (record_cert_admitted_get(r->body, &admitted) == PACK_OK)
			*at = admitted.not_after;
		return true;
	case RECORD_IMPORTED: /* few, and their chains are asked for */
		return true;
	}
	return false;
}

static bool still_needed(void *of, const struct record *r)
{
	const int64_t *before = of;
	int64_t at;
	return record_expires(r, &at) && at >= *before;
}

int archive_command(const struct config *c, const char *to)
{
	char folder[PATH_MAX];
	struct stat st;
	int64_t before = time_now() - KEEP_SECONDS;
	struct archive_options o = { .state_version = STATE_VERSION, .to = to, .needed = still_needed, .of = &before };
	size_t moved;
	memcpy(o.ledger_id, c->ledger_id, sizeof(o.ledger_id));
	if (to[0] != '/' || snprintf(folder, sizeof(folder), "%s/ledger", c->state_dir) >= (int)sizeof(folder)) {
		log_error("archive_refused", "expected=\"an absolute path of a folder\"");
		return 2;
	}
	if (stat(folder, &st) != 0 || (geteuid() != 0 && geteuid() != st.st_uid)) {
		log_error("archive_refused", "folder=%s expected=\"root, or the folder's owner\"", folder);
		return EXIT_FAILURE;
	}
	if (archive_run(folder, &o, &moved) != 0)
		return EXIT_FAILURE;
	printf("%zu segments were moved to %s.\n", moved, to);
	return EXIT_SUCCESS;
}
