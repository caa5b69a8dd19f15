/* signd.conf, read and checked (signd.conf(5)). */
#ifndef CHANCERY_SIGND_CONFIG_H
#define CHANCERY_SIGND_CONFIG_H

#include "base/peer.h"
#include "signd/approvers.h"
#include "signd/ceilings.h"
#include "signd/slot.h"

struct config {
	struct conf *file; /* owns the texts */
	uint8_t ledger_id[LEDGER_ID_SIZE];
	const char *state_dir, *socket;
	const char *head_file;	/* NULL: in the ledger's folder */
	const char *machine_id; /* the file that names the host */
	mode_t socket_mode;
	struct peer_rules front, audit;
	size_t token_count;
	struct {
		const char *name, *socket;
	} tokens[MAX_SLOTS];
	const char *log_token;
	uint8_t log_algorithm;	 /* for --init; 0: by what the token can do */
	const char *fips_config; /* of the provider that is to be used; NULL: libcrypto's own */
	bool fips_only;		 /* no algorithm outside of what is approved */
	bool allow_roots;
	const char *anchors_dir; /* the roots that an import may lead to */
	unsigned verifiers;
	size_t max_unbound;	       /* keys that wait to be bound */
	struct rate new_keys;	       /* that a day may make */
	struct rate ocsp;	       /* of OCSP answers, all CAs' together */
	uint64_t max_unsigned;	       /* records that may follow the last checkpoint */
	int64_t max_downtime_ms;       /* between the ledger's last record and a start; 0: any */
	int64_t checkpoint_ms;	       /* a checkpoint is at most so old while the ledger grows */
	uint64_t disk_warn, disk_stop; /* bytes left on the ledger's disk: signd/disk.h */
	int64_t snapshot_ms;	       /* between two looks whether there is something for a snapshot */
	struct ceilings classes[CLASS_COUNT];
	struct approvers approvers;
};

/* 0, or -1 with every mistake logged. */
int config_read(const char *path, struct config *out);
void config_free(struct config *c);

#endif
