#include "signd/config.h"

#include <stdio.h>
#include <string.h>

#include "base/algorithm.h"
#include "base/log.h"
#include "signd/verify.h"

static void read_tokens(struct config *c)
{
	size_t n = conf_count(c->file, "tokens");
	if (n == 0 || n > MAX_SLOTS) {
		conf_reject(c->file, "tokens", "a list of 1 to 32 groups { name; socket; }");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		char path[64];
		snprintf(path, sizeof(path), "tokens.[%zu].name", i);
		c->tokens[i].name = conf_text(c->file, path, NULL);
		if (strlen(c->tokens[i].name) > 64)
			conf_reject(c->file, path, "at most 64 characters");
		snprintf(path, sizeof(path), "tokens.[%zu].socket", i);
		c->tokens[i].socket = conf_text(c->file, path, NULL);
		if (strlen(c->tokens[i].socket) > 107)
			conf_reject(c->file, path,
				    "a path of at most 107 bytes, as a Unix socket's address has room for");
	}
	c->token_count = n;
}

static void read_log_key(struct config *c)
{
	c->log_token = conf_text(c->file, "log_token", c->token_count ? c->tokens[0].name : "");
	bool known = false;
	for (size_t i = 0; i < c->token_count; i++)
		known = known || strcmp(c->tokens[i].name, c->log_token) == 0;
	if (!known && c->token_count)
		conf_reject(c->file, "log_token", "the name of one of the tokens");
	const char *name = conf_text(c->file, "log_algorithm", "");
	const struct algorithm *a = algorithm_by_name(name);
	if (!*name)
		return; /* --init takes what the token can do */
	/* A checkpoint's RSA and ECDSA signatures are over SHA-256. */
	if (!a || (a->digest != DIGEST_SHA256 && a->digest != DIGEST_NONE))
		conf_reject(c->file, "log_algorithm", "ECDSA-P256, RSA-2048, RSA-3072, RSA-4096 or Ed25519");
	else
		c->log_algorithm = a->number;
}

/* Beyond the provider itself: no key of another kind is made, taken, certified or used. */
static void read_fips(struct config *c)
{
	c->fips_config = conf_text(c->file, "fips_config", "");
	if (!*c->fips_config)
		c->fips_config = NULL;
	else if (c->fips_config[0] != '/')
		conf_reject(c->file, "fips_config", "an absolute path");
	c->fips_only = conf_bool(c->file, "fips_only", c->fips_config != NULL);
	if (c->fips_config && !c->fips_only)
		conf_reject(c->file, "fips_only", "true where fips_config names a provider, which has nothing else");
	if (c->fips_only && c->log_algorithm && !algorithm_approved(c->log_algorithm))
		conf_reject(c->file, "log_algorithm",
			    "ECDSA-P256, RSA-2048, RSA-3072 or RSA-4096 where fips_only is true");
	for (size_t i = 0; c->fips_only && algorithm_at(i); i++) {
		uint8_t number = algorithm_at(i)->number;
		for (int class = 0; class < CLASS_COUNT && !algorithm_approved(number); class ++)
			c->classes[class].algorithms &= ~(1U << number);
	}
}

int config_read(const char *path, struct config *c)
{
	*c = (struct config){ .file = conf_open(path) };
	if (!c->file)
		return -1;
	conf_log_level(c->file);
	conf_hex(c->file, "ledger_id", c->ledger_id, LEDGER_ID_SIZE);
	c->state_dir = conf_text(c->file, "state_dir", "/var/lib/chancery-signd");
	c->head_file = conf_text(c->file, "head_file", "");
	if (!*c->head_file)
		c->head_file = NULL;
	else if (c->head_file[0] != '/')
		conf_reject(c->file, "head_file", "an absolute path");
	c->machine_id = conf_text(c->file, "machine_id_file", "/etc/machine-id");
	c->socket = conf_text(c->file, "socket", "/run/chancery/sign.sock");
	c->socket_mode = conf_mode(c->file, "socket_mode", 0660);
	conf_count(c->file, "peers");
	conf_peers(c->file, "peers.front", &c->front);
	conf_peers(c->file, "peers.audit", &c->audit);
	read_tokens(c);
	read_log_key(c);
	c->allow_roots = conf_bool(c->file, "allow_roots", false);
	c->anchors_dir = conf_text(c->file, "anchors_dir", "/etc/chancery/anchors");
	c->verifiers = (unsigned)conf_int(c->file, "verifiers", 1, MAX_VERIFIERS, 2);
	c->max_unbound = (size_t)conf_int(c->file, "max_unbound_keys", 1, 1024, 64);
	c->new_keys.per_day = (uint32_t)conf_int(c->file, "keys_per_day", 0, 16384, 10000);
	uint32_t answers = (uint32_t)conf_int(c->file, "ocsp_per_second", 1, 100000, 1000);
	c->ocsp = (struct rate){ .per_minute = 60 * answers, .burst = answers, .per_day = CEILING_NONE };
	c->max_unsigned = (uint64_t)conf_int(c->file, "max_unsigned_records", 16, 1 << 24, 100000);
	c->max_downtime_ms = conf_int(c->file, "max_downtime_days", 0, 36500, 90) * 86400000;
	c->checkpoint_ms = conf_int(c->file, "checkpoint_seconds", 1, 3600, 10) * 1000;
	c->snapshot_ms = conf_int(c->file, "snapshot_seconds", 1, 3600, 60) * 1000;
	c->disk_warn = (uint64_t)conf_int(c->file, "disk_warn_mib", 0, 1 << 24, 512) << 20;
	c->disk_stop = (uint64_t)conf_int(c->file, "disk_stop_mib", 1, 1 << 24, 192) << 20;
	ceilings_read(c->file, c->classes);
	read_fips(c);
	approvers_read(c->file, &c->approvers);
	return conf_finish(c->file);
}

void config_free(struct config *c)
{
	approvers_free(&c->approvers);
	conf_close(c->file);
}
