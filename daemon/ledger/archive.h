/*
 * Moves whole segments out of a ledger's folder, to be kept elsewhere. Their
 * indexes stay, and with them every leaf's hash: tree, proofs and the start
 * from a snapshot go on as before; only the records themselves can't be read
 * (LEDGER_ARCHIVED) until their segment is put back under its name.
 *
 * FIRST.arc says in the folder that a segment was moved, and for people where
 * to. The first segment, which names the log key, the last one, and those that
 * a start from the newest snapshot reads stay.
 */
#ifndef CHANCERY_LEDGER_ARCHIVE_H
#define CHANCERY_LEDGER_ARCHIVE_H

#include "ledger/ledger.h"

struct archive_options {
	uint8_t ledger_id[16];
	uint32_t state_version;
	const char *to; /* a folder, absolute */
	/* Whether somebody may still ask for this record: then its segment stays. */
	bool (*needed)(void *of, const struct record *r);
	void *of;
};

/*
 * While a signer writes the ledger, or none. Each segment is copied, flushed
 * and read back before it goes. 0 with how many went in *moved; -1, logged.
 */
int archive_run(const char *folder, const struct archive_options *options, size_t *moved);

#endif
