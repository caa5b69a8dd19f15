#include "signd/recent.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

#define DEFAULT_CELLS (1U << 23) /* 5,000 requests a second for twenty minutes, three quarters full */
#define CELL 16			 /* random part of the id, then 1 + seq; 0: empty */
#define BLOCK 8			 /* cells that share a mark: 128 KiB of marks for the default table */
#define NEAR 16			 /* cells that are tried where an id's time puts it */
#define PAGE 256		 /* cells, of a page of memory */
#define PERIOD_MS (2 * REQUEST_WINDOW_MS)

struct recent {
	uint64_t cells;
	int64_t period; /* of the younger table */
	struct table {
		int fd;
		uint64_t used;
		uint8_t *marks; /* a bit for each block: something was written there; most ids are found new by these */
	} tables[2];		/* the younger first */
};

static size_t marks_size(const struct recent *r)
{
	return r->cells / BLOCK / 8 + 1;
}

static int table_clear(struct recent *r, struct table *t)
{
	t->used = 0;
	memset(t->marks, 0, marks_size(r));
	return ftruncate(t->fd, 0) != 0 ? -1 : ftruncate(t->fd, (off_t)(r->cells * CELL));
}

struct recent *recent_new(uint64_t cells)
{
	struct recent *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->cells = cells ? cells : DEFAULT_CELLS;
	r->tables[0].fd = r->tables[1].fd = -1;
	for (int i = 0; i < 2; i++) {
		r->tables[i].fd = memfd_create("recent", MFD_CLOEXEC);
		r->tables[i].marks = malloc(marks_size(r));
		if (r->tables[i].fd < 0 || !r->tables[i].marks || table_clear(r, &r->tables[i]) != 0) {
			log_error("recent_failed", "why=\"%s\"", log_errno());
			recent_free(r);
			return NULL;
		}
	}
	return r;
}

void recent_free(struct recent *r)
{
	if (!r)
		return;
	for (int i = 0; i < 2; i++) {
		fd_close(&r->tables[i].fd);
		free(r->tables[i].marks);
	}
	free(r);
}

int64_t request_time(const uint8_t id[REQUEST_ID_SIZE])
{
	int64_t ms = 0;
	for (int i = 0; i < 6; i++)
		ms = ms << 8 | id[i];
	return ms;
}

/* The bit of a cell's block; *at is its byte. */
static uint8_t mark_of(uint64_t cell, uint64_t *at)
{
	*at = cell / BLOCK / 8;
	return (uint8_t)(1 << cell / BLOCK % 8);
}

/* A cell: an id's own, or the empty one where it would stand. */
struct place {
	uint64_t at;  /* in the file */
	uint64_t seq; /* 1 + what was remembered; 0: the cell is empty */
};

static bool block_used(const struct table *t, uint64_t cell)
{
	uint64_t mark_at;
	uint8_t mark = mark_of(cell, &mark_at);
	return t->marks[mark_at] & mark;
}

/*
 * Ids of the same moment are put together, so that as many pages are in use as there were requests to fill them, and
 * not all of a table for a hundred requests a second. 1: found, or an empty cell; 0: all cells here are others'; -1.
 */
static int near_find(const struct recent *r, const struct table *t, const uint8_t id[REQUEST_ID_SIZE],
		     struct place *out)
{
	uint8_t cells[NEAR * CELL];
	uint64_t pages = r->cells / PAGE, key = get_u64(id + 8);
	if (!pages)
		return 0;
	uint64_t page = (uint64_t)(request_time(id) / (PERIOD_MS / (int64_t)pages + 1)) % pages;
	uint64_t from = page * PAGE + key % (PAGE - NEAR + 1);
	*out = (struct place){ from * CELL, 0 };
	if (!block_used(t, from))
		return 1;
	if (pread(t->fd, cells, sizeof(cells), (off_t)out->at) != sizeof(cells))
		return -1;
	for (size_t i = 0; i < NEAR; i++) {
		*out = (struct place){ (from + i) * CELL, get_u64(cells + i * CELL + 8) };
		if (out->seq == 0 || get_u64(cells + i * CELL) == key)
			return 1;
	}
	return 0;
}

/* Where the ids go for which there was no room beside their like: anywhere. */
static bool far_find(const struct recent *r, const struct table *t, uint64_t key, struct place *out)
{
	for (uint64_t i = 0; i < r->cells; i++) {
		uint8_t cell[CELL];
		uint64_t number = (key / PAGE + i) & (r->cells - 1);
		*out = (struct place){ number * CELL, 0 };
		if (!block_used(t, number))
			return true;
		if (pread(t->fd, cell, CELL, (off_t)out->at) != CELL)
			return false;
		out->seq = get_u64(cell + 8);
		if (out->seq == 0 || get_u64(cell) == key)
			return true;
	}
	return false;
}

/* The cell of this id, or the empty one where it would stand; false if the table can't be read. */
static bool cell_find(const struct recent *r, const struct table *t, const uint8_t id[REQUEST_ID_SIZE],
		      struct place *out)
{
	int near = near_find(r, t, id, out);
	return near ? near > 0 : far_find(r, t, get_u64(id + 8), out);
}

/* An id stays good for at most PERIOD_MS after it was first used: two tables, turned over once a period. */
static void turn_over(struct recent *r, int64_t now_ms)
{
	int64_t period = now_ms / PERIOD_MS;
	if (period == r->period)
		return;
	struct table older = r->tables[1];
	r->tables[1] = r->tables[0];
	r->tables[0] = older;
	r->period = period;
	if (table_clear(r, &r->tables[0]) != 0)
		log_error("recent_failed", "why=\"%s\"", log_errno());
}

bool recent_full(const struct recent *r)
{
	return r->tables[0].used >= r->cells / 4 * 3;
}

int recent_put(struct recent *r, const uint8_t id[REQUEST_ID_SIZE], uint64_t seq, int64_t now_ms)
{
	struct place p;
	uint64_t mark_at;
	uint8_t cell[CELL];
	turn_over(r, now_ms);
	struct table *t = &r->tables[0];
	if (!cell_find(r, t, id, &p) || (p.seq == 0 && recent_full(r)))
		return 1;
	set_u64(cell, get_u64(id + 8));
	set_u64(cell + 8, seq + 1);
	if (pwrite(t->fd, cell, CELL, (off_t)p.at) != CELL)
		return 1;
	uint8_t mark = mark_of(p.at / CELL, &mark_at);
	t->marks[mark_at] |= mark;
	t->used += p.seq == 0;
	return 0;
}

bool recent_find(struct recent *r, const uint8_t id[REQUEST_ID_SIZE], uint64_t *seq)
{
	struct place p;
	for (int i = 0; i < 2; i++) {
		if (cell_find(r, &r->tables[i], id, &p) && p.seq) {
			*seq = p.seq - 1;
			return true;
		}
	}
	return false;
}
