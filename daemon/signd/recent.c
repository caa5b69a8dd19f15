#include "signd/recent.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

#define DEFAULT_CELLS (1U << 23) /* 5,000 requests a second for twenty minutes, three quarters full */
#define CELL 16			 /* random part of the id, then 1 + seq; 0: empty */
#define BLOCK 8 /* cells that share a mark: 128 KiB of marks for the default table */
#define PERIOD_MS (2 * REQUEST_WINDOW_MS)

struct recent {
	uint64_t cells;
	int64_t period; /* of the younger table */
	struct table {
		int fd;
		uint64_t used;
		uint8_t *marks; /* a bit for each block: something was written there; most ids are found new by these */
	} tables[2]; /* the younger first */
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

/* The cell of this id, or the empty one where it would stand; false if the table can't be read. */
static bool cell_find(const struct recent *r, const struct table *t, uint64_t id, uint64_t *at, uint64_t *seq)
{
	for (uint64_t i = 0; i < r->cells; i++) {
		uint8_t cell[CELL];
		uint64_t number = (id + i) & (r->cells - 1), mark_at;
		uint8_t mark = mark_of(number, &mark_at);
		*at = number * CELL;
		*seq = 0;
		if (!(t->marks[mark_at] & mark))
			return true;
		if (pread(t->fd, cell, CELL, (off_t)*at) != CELL)
			return false;
		*seq = get_u64(cell + 8);
		if (*seq == 0 || get_u64(cell) == id)
			return true;
	}
	return false;
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
	uint64_t at, old, mark_at;
	uint8_t cell[CELL];
	turn_over(r, now_ms);
	struct table *t = &r->tables[0];
	if (!cell_find(r, t, get_u64(id + 8), &at, &old) || (old == 0 && recent_full(r)))
		return 1;
	set_u64(cell, get_u64(id + 8));
	set_u64(cell + 8, seq + 1);
	if (pwrite(t->fd, cell, CELL, (off_t)at) != CELL)
		return 1;
	uint8_t mark = mark_of(at / CELL, &mark_at);
	t->marks[mark_at] |= mark;
	t->used += old == 0;
	return 0;
}

bool recent_find(struct recent *r, const uint8_t id[REQUEST_ID_SIZE], uint64_t *seq)
{
	uint64_t at, found;
	for (int i = 0; i < 2; i++) {
		if (cell_find(r, &r->tables[i], get_u64(id + 8), &at, &found) && found) {
			*seq = found - 1;
			return true;
		}
	}
	return false;
}
