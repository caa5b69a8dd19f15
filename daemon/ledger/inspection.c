#include "ledger/inspection.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ledger/ledger.h"
#include "ledger/segment.h"

#define TAIL_TRIES 20	/* looks at a batch that isn't whole: whoever writes it needs a few milliseconds */
#define TAIL_WAIT_MS 25 /* between them */
#define MAX_GROWTH 1000 /* batches more that are waited for at the end of a ledger that is being written */
#define PROGRESS_BYTES (1 << 20)
#define INDEX_BLOCK (1024 * INDEX_ENTRY)

static const struct {
	const char *text;
	enum inspection_severity severity;
} codes[] = {
#define CODE(NAME, text, severity) [INSPECTION_##NAME] = { text, INSPECTION_##severity },
	INSPECTION_CODES
#undef CODE
};

const char *inspection_code_text(enum inspection_code code)
{
	return codes[code].text;
}

/* The segment that is looked at. */
struct look {
	struct inspection *i;
	int folder, fd;
	bool last, lost_before;
	uint64_t first;
	char name[SEGMENT_NAME];
	struct segment_walk walk;
	struct merkle reading; /* with the batch that is being read */
	int64_t reading_time;
	uint64_t reported; /* progress */
	/* its index, a block at a time */
	int index;
	uint8_t entries[INDEX_BLOCK];
	uint64_t index_at; /* offset behind what is in entries */
	size_t index_have;
	bool index_told;
};

static void find(struct look *l, enum inspection_code code, uint64_t seq, uint64_t offset, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
static void find(struct look *l, enum inspection_code code, uint64_t seq, uint64_t offset, const char *format, ...)
{
	struct inspection_finding f = { code, codes[code].severity, l->first, seq, offset, "" };
	va_list args;
	va_start(args, format);
	vsnprintf(f.sentence, sizeof(f.sentence), format, args);
	va_end(args);
	if (f.severity == INSPECTION_DAMAGE)
		l->i->tree_whole = false;
	if (l->i->found)
		l->i->found(l->i->with, &f);
}

static void progress_tell(struct look *l, bool done)
{
	uint64_t at = l->walk.offset;
	if (!l->i->progress || (!done && at < l->reported + PROGRESS_BYTES))
		return;
	l->reported = at;
	l->i->progress(l->i->with, l->i->done + at, l->i->of);
}

static void marks_take(struct inspection *i, const struct merkle *tree)
{
	while (i->next_mark < i->mark_count && i->marks[i->next_mark].size <= tree->size) {
		struct inspection_mark *m = &i->marks[i->next_mark++];
		m->reached = i->tree_whole && m->size == tree->size;
		if (m->reached)
			merkle_root(tree, m->root);
	}
}

static void start_take(struct look *l, const struct record *r)
{
	struct ledger_start_record start;
	if (r->type != RECORD_LEDGER_START || record_ledger_start_get(r->body, &start) != PACK_OK) {
		find(l, INSPECTION_START_RECORD, 0, l->walk.end,
		     "Record 0 doesn't say which ledger begins here and who signs its head.");
		return;
	}
	if (memcmp(start.ledger_id, l->i->ledger_id, sizeof(start.ledger_id)) != 0)
		find(l, INSPECTION_START_RECORD, 0, l->walk.end,
		     "Record 0 begins another ledger than the segment's head.");
	l->i->log_key_size = start.log_public_key.len;
	memcpy(l->i->log_key, start.log_public_key.at, start.log_public_key.len);
}

/* The index is derived, and its hashes are of what was written first: where they differ is where somebody was. */
static void index_compare(struct look *l, const struct record *r, uint64_t offset, const uint8_t hash[HASH_SIZE])
{
	uint64_t at = (r->seq - l->first) * INDEX_ENTRY;
	if (l->index < 0 || l->index_told)
		return;
	if (at < l->index_at - l->index_have || at + INDEX_ENTRY > l->index_at) {
		ssize_t n = pread(l->index, l->entries, sizeof(l->entries), (off_t)at);
		l->index_have = n > 0 ? (size_t)n - (size_t)n % INDEX_ENTRY : 0;
		l->index_at = at + l->index_have;
		if (!l->index_have)
			return;
	}
	const uint8_t *entry = l->entries + l->index_have - (l->index_at - at);
	if (get_u64(entry) == offset && memcmp(entry + 8, hash, HASH_SIZE) == 0)
		return;
	l->index_told = true;
	find(l, INSPECTION_INDEX_DIFFERS, r->seq, offset,
	     "The index beside the segment has record %" PRIu64
	     " with another hash or place: one of the two was changed "
	     "after it was written.",
	     r->seq);
}

static int record_take(struct look *l, const struct record *r, uint64_t offset, const uint8_t hash[HASH_SIZE])
{
	struct inspection *i = l->i;
	if (r->seq == 0)
		start_take(l, r);
	index_compare(l, r, offset, hash);
	if (i->tree_whole)
		merkle_append(&l->reading, hash);
	marks_take(i, &l->reading);
	l->reading_time = r->time;
	if (i->visited == 0)
		i->first_time = r->time;
	if (r->flags & RECORD_BATCH_END) {
		i->tree = l->reading;
		i->last_time = l->reading_time;
		i->size = r->seq + 1;
	}
	progress_tell(l, false);
	if (r->seq < i->visited)
		return 0; /* of a batch that was torn when it was looked at first */
	i->visited = r->seq + 1;
	return i->visit ? i->visit(i->with, r, hash) : 0;
}

/* What stands in the window from the walk's offset on. */
static struct slice ahead(const struct segment_walk *w)
{
	size_t n = (size_t)(w->window_end - w->offset);
	return (struct slice){ n ? w->window.at + w->window.len - n : NULL, n };
}

/* Whether a whole record stands at the front whose number could follow on seq. */
static bool follows(struct slice bytes, uint64_t seq, uint64_t most, struct record *r)
{
	size_t size;
	if (bytes.len < RECORD_HEAD || bytes.at[4] == 0 || bytes.at[5] > (RECORD_BATCH_BEGIN | RECORD_BATCH_END) ||
	    get_u16(bytes.at + 6) != RECORD_VERSION || get_u32(bytes.at) > MAX_RECORD_BODY)
		return false;
	uint64_t number = get_u64(bytes.at + 8);
	return number > seq && number - seq <= most && record_peek(bytes, r, &size, NULL) == RECORD_WHOLE;
}

/* The walk goes on at a record whose number is seq. */
static void walk_jump(struct segment_walk *w, uint64_t offset, uint64_t seq, bool begins)
{
	w->offset = offset;
	w->seq = seq;
	w->end = begins ? offset : offset - 1;
}

/* What somebody has signed can't be a torn batch. */
static bool may_be_torn(const struct look *l)
{
	const struct inspection *i = l->i;
	return l->last && (!i->mark_count || l->walk.end_seq >= i->marks[i->mark_count - 1].size);
}

/* To the next record that can be read; behind a torn batch, of which parts may stand, another one can't begin. */
static bool resync(struct look *l)
{
	struct segment_walk *w = &l->walk;
	struct slice rest = ahead(w);
	struct record r;
	bool begins = may_be_torn(l);
	for (size_t skip = 1; skip + RECORD_HEAD <= rest.len; skip++) {
		struct slice here = { rest.at + skip, rest.len - skip };
		if (!follows(here, w->seq, begins ? MAX_BATCH : UINT32_MAX, &r) ||
		    (begins && !(r.flags & RECORD_BATCH_BEGIN)))
			continue;
		walk_jump(w, w->offset + skip, r.seq, r.flags & RECORD_BATCH_BEGIN);
		return true;
	}
	return false;
}

/* A whole record, but not the one that should stand here. It is taken for what it says. */
static void order_find(struct look *l, const struct record *r, size_t size)
{
	struct segment_walk *w = &l->walk;
	struct slice rest = ahead(w);
	struct record next;
	size_t next_size;
	uint64_t at = w->offset, wanted = w->seq, following = wanted + 1;
	struct slice behind = { rest.at + size, rest.len - size };
	bool later = r->seq > wanted;
	bool more = behind.len && record_peek(behind, &next, &next_size, NULL) == RECORD_WHOLE;
	bool swapped = later && more && next.seq < r->seq;
	if (r->seq == wanted) {
		find(l, INSPECTION_RECORD_BATCH, wanted, at,
		     "Record %" PRIu64 " %s: its flags were changed, or records beside it were taken out.", wanted,
		     r->flags & RECORD_BATCH_BEGIN ? "begins a batch before the one before it has ended"
						   : "doesn't begin a batch though the one before it has ended");
	} else if (later && !swapped) {
		following = r->seq + 1;
		find(l, INSPECTION_RECORD_ORDER, wanted, at,
		     "Record %" PRIu64 " stands where record %" PRIu64 " should: %" PRIu64 " record%s missing here.",
		     r->seq, wanted, r->seq - wanted, r->seq - wanted == 1 ? " is" : "s are");
	} else {
		find(l, INSPECTION_RECORD_ORDER, wanted, at,
		     "Record %" PRIu64 " stands where record %" PRIu64 " should: the order was changed.", r->seq,
		     wanted);
	}
	walk_jump(w, at + size, following, more ? next.flags & RECORD_BATCH_BEGIN : r->flags & RECORD_BATCH_END);
}

enum stop { STOP_VISITOR, STOP_READ, STOP_END, STOP_TORN, STOP_DAMAGED };

/* Bytes that are no record. STOP_VISITOR: the walk can go on behind them. */
static enum stop bytes_find(struct look *l, enum record_state is)
{
	struct segment_walk *w = &l->walk;
	uint64_t seq = w->seq, at = w->offset;
	if (resync(l)) {
		if (w->seq == seq + 1)
			find(l, INSPECTION_RECORD_BYTES, seq, at,
			     "Record %" PRIu64 " isn't what was written: its bytes and its check don't agree.", seq);
		else
			find(l, INSPECTION_RECORD_BYTES, seq, at,
			     "Records %" PRIu64 " to %" PRIu64 " can't be read: what stands here are no records.", seq,
			     w->seq - 1);
		return STOP_VISITOR;
	}
	if (is == RECORD_RESERVED)
		return at == w->end ? STOP_END : STOP_TORN;
	if (may_be_torn(l))
		return STOP_TORN;
	l->i->numbers_lost = true;
	if (is == RECORD_PARTIAL)
		find(l, INSPECTION_RECORDS_CUT, seq, at, "The file ends inside record %" PRIu64 ".", seq);
	else
		find(l, INSPECTION_RECORD_BYTES, seq, at,
		     "Record %" PRIu64
		     " isn't what was written: its bytes and its check don't agree; nothing behind it in this "
		     "segment can be read.",
		     seq);
	return STOP_DAMAGED;
}

/* Walks until no record follows. STOP_VISITOR: visit() wants no more, *answer is its own. */
static enum stop records_walk(struct look *l, int *answer)
{
	struct segment_walk *w = &l->walk;
	struct record r;
	uint8_t hash[HASH_SIZE];
	enum stop stop = STOP_VISITOR;
	while (stop == STOP_VISITOR) {
		uint64_t offset = w->offset;
		size_t size = 0;
		int state = segment_walk_next(w, &r, hash);
		if (state < 0)
			return STOP_READ;
		if (state == 0) {
			*answer = record_take(l, &r, offset, hash);
			if (*answer)
				return STOP_VISITOR;
			continue;
		}
		struct slice rest = ahead(w);
		enum record_state is = rest.len ? record_peek(rest, &r, &size, NULL) : RECORD_RESERVED;
		if (is == RECORD_WHOLE)
			order_find(l, &r, size);
		else
			stop = bytes_find(l, is);
	}
	return stop;
}

/* The same from the end of the last whole batch on, as the file is now. */
static int walk_again(struct look *l)
{
	struct segment_walk *w = &l->walk;
	uint64_t end = w->end, seq = w->end_seq;
	segment_walk_close(w);
	if (segment_walk_open(w, l->fd, l->first) != 0)
		return -1;
	w->offset = w->batch = w->end = w->window_end = end;
	w->seq = w->end_seq = seq;
	l->reading = l->i->tree;
	return 0;
}

static void tail_find(struct look *l, enum stop stop, uint64_t nonzero)
{
	const struct segment_walk *w = &l->walk;
	if (stop == STOP_END && !may_be_torn(l))
		find(l, INSPECTION_RESERVED_SPACE, w->seq, nonzero,
		     "Where record %" PRIu64 " would stand there are zeros, and behind them something else: a record "
		     "was overwritten, or something was "
		     "put there.",
		     w->seq);
	else if (may_be_torn(l))
		find(l, INSPECTION_TAIL_TORN, w->end_seq, w->end,
		     "From record %" PRIu64 " on there is no whole batch: a signer leaves that if it is killed as it "
		     "writes, and cuts it off at its "
		     "next start.",
		     w->end_seq);
	else
		find(l, INSPECTION_RECORDS_CUT, w->seq, w->offset,
		     "The segment ends inside a batch: record %" PRIu64
		     " and what came after it in this one are cut off or overwritten.",
		     w->seq);
}

static void rest_msleep(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = TAIL_WAIT_MS * 1000000L }, NULL);
}

/* Whether what stopped the walk may have changed by now, and the walk stands where it can find out. */
static bool tail_retry(struct look *l, unsigned *tries, unsigned *grown, uint64_t before)
{
	bool progress = l->walk.end_seq > before;
	*tries = progress ? 0 : *tries + 1;
	*grown += progress;
	if (l->i->at_rest || !may_be_torn(l) || !l->i->tree_whole || *tries >= TAIL_TRIES || *grown >= MAX_GROWTH)
		return false;
	rest_msleep();
	return walk_again(l) == 0;
}

/*
 * All records of a segment, and zeros behind them. The last one may be growing
 * meanwhile: what isn't whole there is looked at again.
 */
static int segment_walk_all(struct look *l)
{
	unsigned tries = 0, grown = 0;
	for (;;) {
		int answer = 0;
		uint64_t nonzero = 0, before = l->walk.end_seq;
		enum stop stop = records_walk(l, &answer);
		if (stop == STOP_VISITOR || stop == STOP_DAMAGED)
			return answer;
		if (stop == STOP_READ || (stop == STOP_END && segment_find_nonzero(l->fd, l->walk.offset, &nonzero))) {
			find(l, INSPECTION_SEGMENT_UNREADABLE, l->walk.seq, l->walk.offset, "%s can't be read: %s.",
			     l->name, log_errno());
			return 0;
		}
		if (stop == STOP_END && nonzero >= l->walk.size)
			return 0;
		if (tail_retry(l, &tries, &grown, before))
			continue;
		tail_find(l, stop, nonzero);
		return 0;
	}
}

static bool all_zero(const uint8_t *at, size_t n)
{
	while (n && !*at) {
		at++;
		n--;
	}
	return n == 0;
}

static void head_place(struct look *l, const struct segment_head *head)
{
	struct inspection *i = l->i;
	uint8_t root[HASH_SIZE];
	uint64_t next = l->lost_before ? head->first : i->size;
	if (head->first > next)
		find(l, INSPECTION_SEGMENT_MISSING, next, NOWHERE,
		     "%" PRIu64 " record%s missing before this segment: %" PRIu64 " to %" PRIu64 ".",
		     head->first - next, head->first - next == 1 ? " is" : "s are", next, head->first - 1);
	else if (head->first < next)
		find(l, INSPECTION_RECORD_ORDER, head->first, 0,
		     "The segment begins with record %" PRIu64 ", which stands in the one before it already.",
		     head->first);
	merkle_root(&i->tree, root);
	if (i->tree_whole && memcmp(root, head->root, HASH_SIZE) != 0)
		find(l, INSPECTION_SEGMENT_ROOT, head->first, 0,
		     "The tree over the %" PRIu64
		     " records before isn't the one that this segment's head names: one of them "
		     "was rewritten with its check.",
		     head->first);
	if (i->segments && head->epoch < i->epoch)
		find(l, INSPECTION_SEGMENT_HEAD, head->first, 0, "The segment's epoch goes back.");
	i->epoch = head->epoch;
}

/* False: the segment can't be told from something else, and nothing in it is looked at. */
static bool head_look(struct look *l)
{
	struct inspection *i = l->i;
	uint8_t bytes[SEGMENT_HEAD];
	struct segment_head head;
	if (segment_pread(l->fd, bytes, sizeof(bytes), 0) != 0) {
		find(l, INSPECTION_SEGMENT_HEAD, l->first, 0, "%s: %s.", l->name,
		     errno ? log_errno() : "shorter than a segment's head");
		return false;
	}
	const char *why = segment_head_read(bytes, &head);
	if (!why && head.first != l->first)
		why = "its name and its head name different first records, so it is in another's place";
	if (why) {
		find(l, INSPECTION_SEGMENT_HEAD, l->first, 0, "%s: %s.", l->name, why);
		return false;
	}
	if (!i->segments && all_zero(i->ledger_id, sizeof(i->ledger_id)))
		memcpy(i->ledger_id, head.ledger_id, sizeof(i->ledger_id));
	if (memcmp(i->ledger_id, head.ledger_id, sizeof(i->ledger_id)) != 0) {
		find(l, INSPECTION_SEGMENT_OTHER, l->first, 0, "The segment is another ledger's.");
		return false;
	}
	head_place(l, &head);
	return true;
}

static int segment_look(struct look *l)
{
	struct inspection *i = l->i;
	l->lost_before = i->numbers_lost;
	i->numbers_lost = true;
	if (!head_look(l) || segment_walk_open(&l->walk, l->fd, l->first) != 0)
		return 0;
	i->numbers_lost = false;
	i->segments++;
	l->reading = i->tree;
	int answer = segment_walk_all(l);
	/* Behind what is broken the numbers go on from what could be read. */
	if (!i->tree_whole && l->walk.seq > i->size)
		i->size = l->walk.seq;
	progress_tell(l, true);
	i->done += l->walk.size;
	segment_walk_close(&l->walk);
	return answer;
}

static int segment_open_look(struct inspection *i, int folder, uint64_t first, bool last)
{
	char index[SEGMENT_NAME];
	struct look l = { .i = i, .folder = folder, .last = last, .first = first };
	segment_name(first, "seg", l.name);
	segment_name(first, "idx", index);
	scoped_fd int fd = openat(folder, l.name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	scoped_fd int entries = openat(folder, index, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		i->numbers_lost = true;
		find(&l, INSPECTION_SEGMENT_UNREADABLE, first, NOWHERE, "%s can't be opened: %s.", l.name, log_errno());
		return 0;
	}
	l.fd = fd;
	l.index = entries;
	return segment_look(&l);
}

static void sizes_sum(struct inspection *i, int folder, const struct segment_list *list, size_t from)
{
	for (size_t n = from; n < list->count; n++) {
		char name[SEGMENT_NAME];
		struct stat st;
		segment_name(list->first[n], "seg", name);
		if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			i->of += (uint64_t)st.st_size;
	}
}

int inspection_run(const char *folder, struct inspection *i)
{
	__attribute__((cleanup(segment_list_free))) struct segment_list list = { NULL, 0 };
	scoped_fd int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || segment_list_read(fd, "seg", &list) != 0)
		return -1;
	if (list.count == 0)
		return LEDGER_NONE;
	merkle_init(&i->tree);
	i->tree_whole = true;
	marks_take(i, &i->tree);
	sizes_sum(i, fd, &list, 0);
	for (size_t done = 0; done < list.count;) {
		int answer = segment_open_look(i, fd, list.first[done], done + 1 == list.count);
		if (answer)
			return answer;
		if (++done < list.count)
			continue;
		/* A ledger that is being written may have got a segment meanwhile. */
		if (segment_list_read(fd, "seg", &list) != 0)
			return -1;
		sizes_sum(i, fd, &list, done);
	}
	return 0;
}
