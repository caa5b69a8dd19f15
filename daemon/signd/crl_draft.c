#include "signd/crl_draft.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/algorithm.h"
#include "base/fd.h"
#include "base/log.h"

#define SIGNATURE_ROOM 1024 /* behind a TBSCertList: an algorithm and a signature */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct crl_draft *crl_draft_new(void)
{
	struct crl_draft *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->entries = d->file = -1;
	buf_init(&d->bytes, 2 * MAX_CRL_HEAD);
	buf_init(&d->context, MAX_CONTEXT);
	for (int i = 0; i < PARTS; i++)
		buf_init(&d->parts[i].signature, 4096);
	return d;
}

void crl_draft_free(struct crl_draft *d, bool kept)
{
	if (!d)
		return;
	if (d->made.ref.number && !kept)
		last_remove(d->plan.folder, &d->made.ref);
	buf_free(&d->bytes);
	buf_free(&d->context);
	buf_free(&d->made.closes);
	for (int i = 0; i < PARTS; i++)
		buf_free(&d->parts[i].signature);
	fd_close(&d->entries);
	fd_close(&d->file);
	free(d);
}

static const char *digest_name(uint8_t algorithm)
{
	static const char *const names[] = { NULL, "SHA256", "SHA384", "SHA512" };
	return names[algorithm_by_number(algorithm)->digest];
}

/* All that a pass over the last CRL's files needs. */
struct pass {
	struct last last;
	struct stream_out out;
};

static bool row_listed(const struct last_row *row, uint64_t base)
{
	if (row->reason == REASON_LEFT)
		return false;
	return base ? row->since > base : row->reason != REASON_REMOVE;
}

static void put_entries(struct pass *p, uint64_t base)
{
	struct last_row row;
	bool of_base;
	while (last_next(&p->last, &row, &of_base))
		if (row_listed(&row, base))
			stream_used(&p->out, crl_write_entry(stream_room(&p->out, MAX_CRL_ENTRY), row.serial,
							     row.revoked, row.reason));
}

static int part_finish(struct pass *p, const struct crl_draft *d, struct crl_part *part)
{
	const char *name = digest_name(d->fields.algorithm);
	if (p->last.broken || stream_out_end(&p->out, part->hash, part->digest, name ? &part->digest_len : NULL) != 0)
		return -1;
	/* Whatever was counted before must be what was written. */
	return p->out.at == (off_t)(part->at + part->size) ? 0 : -1;
}

static uint16_t part_write(struct crl_draft *d, struct crl_part *part, uint64_t at, uint64_t base, uint64_t bytes)
{
	struct crl_fields fields = d->fields;
	scoped_buf head = { .max = MAX_CRL_HEAD }, tail = { .max = 8192 };
	fields.base = base;
	if (base)
		fields.next_update = d->delta_next;
	crl_put_frame(&head, &tail, &fields, bytes);
	part->at = at + CRL_SLACK;
	part->size = head.len + bytes + tail.len;
	const char *name = digest_name(fields.algorithm);
	if (!buf_ok(&head) || (!name && part->size > MAX_PURE_TBS))
		return REFUSE_CRL_TOO_LARGE;
	struct pass *p = malloc(sizeof(*p));
	if (!p)
		return REFUSE_CRL_STORE;
	int r = last_open(d->plan.folder, &d->made.ref, false, &p->last);
	stream_out_open(&p->out, d->file, (off_t)part->at, name);
	stream_put(&p->out, buf_slice(&head));
	if (r == 0)
		put_entries(p, base);
	stream_put(&p->out, buf_slice(&tail));
	r = r ? r : part_finish(p, d, part);
	stream_out_close(&p->out);
	last_close(&p->last);
	free(p);
	return r ? REFUSE_CRL_STORE : 0;
}

static uint16_t parts_write(struct crl_draft *d)
{
	struct crl_part *full = &d->parts[PART_FULL];
	d->file = memfd_create("crl", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (d->file < 0) {
		log_error("crl_file_failed", "why=\"%s\"", log_errno());
		return REFUSE_CRL_STORE;
	}
	uint16_t code = part_write(d, full, 0, 0, d->made.full_bytes);
	if (code || !d->plan.base)
		return code;
	return part_write(d, &d->parts[PART_DELTA], full->at + full->size + SIGNATURE_ROOM, d->plan.base,
			  d->made.delta_bytes);
}

void crl_draft_write(struct crl_draft *d, struct ledger_reader *ledger)
{
	d->plan.entries = d->entries;
	d->code = merge_run(&d->plan, ledger, d->head, &d->made);
	fd_close(&d->entries);
	if (d->code)
		return;
	d->code = parts_write(d);
	if (d->code == REFUSE_CRL_TOO_LARGE)
		d->made.field = "entries";
	else if (d->code)
		d->made.field = NULL;
	/* What the CRL before the last one needed goes now; one more stays for whoever looks something up in it. */
	const struct last_ref kept[2] = { d->plan.has_before ? d->plan.before : d->made.ref, d->made.ref };
	if (!d->code)
		last_clean(d->plan.folder, kept, 2);
}

int crl_draft_tbs(const struct crl_draft *d, const struct crl_part *part, struct buf *out)
{
	uint8_t *at = buf_room(out, part->size);
	if (!at || pread(d->file, at, part->size, (off_t)part->at) != (ssize_t)part->size)
		return -1;
	out->len += part->size;
	return 0;
}

static int part_close(struct crl_draft *d, struct crl_part *part)
{
	scoped_buf head = { .max = CRL_SLACK }, tail = { .max = SIGNATURE_ROOM };
	crl_put_signed(&head, &tail, part->size, d->fields.algorithm, buf_slice(&part->signature));
	if (!buf_ok(&head) || !buf_ok(&tail))
		return -1;
	part->whole_at = part->at - head.len;
	part->whole_size = head.len + part->size + tail.len;
	if (pwrite(d->file, head.at, head.len, (off_t)part->whole_at) != (ssize_t)head.len ||
	    pwrite(d->file, tail.at, tail.len, (off_t)(part->at + part->size)) != (ssize_t)tail.len)
		return -1;
	return 0;
}

int crl_draft_close(struct crl_draft *d)
{
	for (int i = 0; i < PARTS; i++)
		if (d->parts[i].size && part_close(d, &d->parts[i]) != 0)
			return -1;
	return fcntl(d->file, F_ADD_SEALS, SEALS);
}
