/* CRLs for relying parties, on pki.sock: one that says all that was revoked before it was asked for. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/crl.h"
#include "frontd/crl_check.h"
#include "frontd/crls.h"
#include "frontd/front.h"
#include "frontd/shard.h"

#define MAX_AGE 300 /* seconds that a CRL may be kept unasked: what is revoked meanwhile comes that late */

static int no_crl(struct call *c)
{
	return call_refuse(c, 404, "not_found", NULL, "There is no such CRL.");
}

/* A number as its URL has it. */
static bool number_read(const char *text, uint16_t *shard)
{
	char again[8];
	unsigned long n = strtoul(text, NULL, 10);
	if (n > UINT16_MAX)
		return false;
	snprintf(again, sizeof(again), "%lu", n);
	*shard = (uint16_t)n;
	return strcmp(again, text) == 0;
}

/* text: of the shard; NULL: the CA's one CRL. Positive: there is none such. */
static int scope_find(struct front *f, const char *ca_id, const char *text, struct crl_scope *out)
{
	scoped_row(ca) ca = { 0 };
	scoped_session *s = NULL;
	*out = (struct crl_scope){ .ca_id = ca_id };
	int r = store_read(f->store, &s) ? -1 : store_ca_find(s, ca_id, &ca);
	if (r)
		return r;
	out->shards = shard_count(&ca);
	bool found =
		text ? out->shards > 1 && number_read(text, &out->shard) && out->shard < out->shards : out->shards == 1;
	return found ? 0 : 1;
}

/* The file, and what the database says of it. */
static int crl_open(struct front *f, const struct crl_scope *scope, bool delta, struct lastcrl_row *row, int *file)
{
	char path[CRL_PATH];
	scoped_session *s = NULL;
	int r = store_read(f->store, &s) ? -1 : store_crl_find(s, scope->ca_id, scope->shard, row);
	crl_path(f, scope, delta, path);
	if (r == STORE_DONE && (!delta || row->delta_next))
		*file = open(path, O_RDONLY | O_CLOEXEC);
	/* The ledger knows of one that never came here: the file is another, or none that can be read. */
	if (*file >= 0 && row->whole && crl_times(*file, &row->this_update, &row->next_update))
		fd_close(file);
	return r < 0 ? r : *file < 0 ? 1 : 0;
}

/* made: whether it says all that it should; else the last one is served for as long as it holds. */
static int crl_reply(struct call *c, const struct lastcrl_row *row, bool delta, bool made, int *file)
{
	int64_t now = time_now(), left = (delta ? row->delta_next : row->next_update) - now;
	if (*file < 0 && made)
		return no_crl(c);
	if (*file < 0 || (!made && left <= 0)) {
		call_refuse(c, 503, "crl_unavailable", NULL, "A CRL can't be signed at the moment.");
		c->error.retry_after = RETRY_SECONDS;
		return 1;
	}
	snprintf(c->fresh.etag, sizeof(c->fresh.etag), "\"%llu-%llu%s\"", (unsigned long long)row->signed_number,
		 (unsigned long long)row->ledger_seq, delta ? "-d" : "");
	c->fresh.made = row->this_update;
	/* One that might say less than it should is to be asked for again at once. */
	c->fresh.until = now + (left < 0 || !made ? 0 : left < MAX_AGE ? left : MAX_AGE);
	return call_reply_file(c, 200, fd_take(file), "application/pkix-crl");
}

static int crl_serve(struct front *f, struct call *c, const char *shard, bool delta)
{
	struct crl_scope scope;
	scoped_row(lastcrl) row = { 0 };
	scoped_fd int file = -1;
	int r = f->crls ? scope_find(f, c->param[0], shard, &scope) : 1;
	if (r)
		return r < 0 ? -1 : no_crl(c);
	int made = crls_lock(f->crls, scope.ca_id, scope.shard);
	r = crl_open(f, &scope, delta, &row, &file);
	crls_unlock(f->crls, scope.ca_id);
	return r < 0 ? -1 : crl_reply(c, &row, delta, made == 0, &file);
}

int crl_get(struct front *f, struct call *c)
{
	return crl_serve(f, c, NULL, false);
}

int crl_delta_get(struct front *f, struct call *c)
{
	return crl_serve(f, c, NULL, true);
}

int crl_shard_get(struct front *f, struct call *c)
{
	return crl_serve(f, c, c->param[1], false);
}

int crl_shard_delta_get(struct front *f, struct call *c)
{
	return crl_serve(f, c, c->param[1], true);
}
