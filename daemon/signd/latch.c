#include "signd/latch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "signd/signer.h"

#define SPARE "latch.spare" /* renamed when it is needed: that takes no room on a full disk */
#define KNOWN_ROOT_AT 21
#define KNOWN_SIZE (KNOWN_ROOT_AT + 2 * HASH_SIZE + 1 + 20 + 1 + 10 + 1)

static const struct {
	const char *name; /* on the ledger */
	const char *file; /* instead, where the ledger can't be written or isn't to be */
	const char *why;
} texts[LATCHES] = {
	[LATCH_CLOCK] = { "clock", NULL, NULL },
	[LATCH_ROLLBACK] = { "rollback", "latched.rollback",
			     "A front-end knows more than this ledger holds: the ledger was rolled back. Put the "
			     "newest copy "
			     "back, or open a new epoch with chancery-signd --epoch." },
	[LATCH_HOST] = { "host", NULL, NULL }, /* seen anew at each start */
	[LATCH_LEDGER] = { "ledger", "latched.ledger", "The ledger could not be written." },
};

static void latch_set(struct signer *s, enum latch which, const char *why)
{
	s->latches.closed[which] = true;
	snprintf(s->latches.why[which], sizeof(s->latches.why[which]), "%s", why);
}

static int folder_open(const struct signer *s)
{
	return open(s->config.state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The spare becomes the marker; without one it is made. */
static void marker_set(const struct signer *s, enum latch which)
{
	const char *file = texts[which].file;
	scoped_fd int folder = folder_open(s);
	if (folder >= 0 && renameat(folder, SPARE, folder, file) != 0) {
		scoped_fd int fd = openat(folder, file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
		if (fd < 0)
			fd_close(&folder);
	}
	if (folder < 0 || fsync(folder) != 0)
		log_error("latch_not_kept", "latch=%s why=\"%s\"", texts[which].name, log_errno());
}

/* What was known goes into the marker of a rollback, for the lives to come: SIZE ROOT SHARED EPOCH. */
static void known_keep(const struct signer *s)
{
	const struct latches *l = &s->latches;
	char text[KNOWN_SIZE + 1], root[2 * HASH_SIZE + 1];
	hex_encode(l->known.root, HASH_SIZE, root);
	int n = snprintf(text, sizeof(text), "%020llu %s %020llu %010lu\n", (unsigned long long)l->known.size, root,
			 (unsigned long long)l->shared, (unsigned long)l->known.epoch);
	scoped_fd int folder = folder_open(s);
	scoped_fd int fd =
		folder < 0 ? -1 : openat(folder, texts[LATCH_ROLLBACK].file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fd_write_all(fd, text, (size_t)n) != 0 || fsync(fd) != 0)
		log_warning("latch_not_kept", "latch=rollback why=\"%s\"", log_errno());
}

/* A marker that an operator made is empty: this life is the first that knows, and has written nothing yet. */
static void known_find(struct signer *s, int folder)
{
	struct latches *l = &s->latches;
	char text[KNOWN_SIZE + 1] = "", *at = text;
	l->shared = s->found;
	scoped_fd int fd = openat(folder, texts[LATCH_ROLLBACK].file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fd_read_all(fd, text, KNOWN_SIZE) != 0 ||
	    !hex_decode(text + KNOWN_ROOT_AT, 2 * HASH_SIZE, l->known.root, HASH_SIZE))
		return;
	l->known.size = strtoull(at, &at, 10);
	uint64_t shared = strtoull(text + KNOWN_ROOT_AT + 2 * HASH_SIZE, &at, 10);
	l->known.epoch = (uint32_t)strtoul(at, NULL, 10);
	if (shared < l->shared)
		l->shared = shared;
}

/* The marker is empty until the tail was written anew; a failure puts an empty one in its place. */
bool latch_ledger_suspect(const struct signer *s)
{
	struct stat st;
	scoped_fd int folder = folder_open(s);
	return folder >= 0 && fstatat(folder, texts[LATCH_LEDGER].file, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_size == 0;
}

void latch_ledger_settled(const struct signer *s)
{
	static const char settled[] = "the tail was written anew\n";
	scoped_fd int folder = folder_open(s);
	scoped_fd int fd =
		folder < 0 ? -1 : openat(folder, texts[LATCH_LEDGER].file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fd_write_all(fd, settled, sizeof(settled) - 1) != 0 || fsync(fd) != 0)
		log_warning("latch_not_kept", "latch=ledger why=\"%s\"", log_errno());
}

static void spare_make(const struct signer *s)
{
	scoped_fd int folder = folder_open(s);
	scoped_fd int fd = folder < 0 ? -1 : openat(folder, SPARE, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0 || fsync(folder) != 0)
		log_warning("latch_spare_failed", "why=\"%s\"", log_errno());
}

static void look_at_host(struct signer *s)
{
	char why[MAX_LATCH_WHY];
	if (host_same(&s->host, &s->written_on))
		return;
	snprintf(why, sizeof(why),
		 "This ledger was last written on another host, %s: if that one goes on, this is a copy.",
		 s->written_on.name);
	latch_set(s, LATCH_HOST, why);
}

int latch_start(struct signer *s)
{
	struct stat st;
	scoped_fd int folder = folder_open(s);
	for (size_t i = 0; i < LATCHES; i++) {
		if (!texts[i].file)
			continue;
		if (fstatat(folder, texts[i].file, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			latch_set(s, (enum latch)i, texts[i].why);
			if (i == LATCH_ROLLBACK)
				known_find(s, folder);
		} else if (errno != ENOENT) {
			log_error("latch_unreadable", "latch=%s why=\"%s\"", texts[i].name, log_errno());
			return -1;
		}
	}
	spare_make(s);
	look_at_host(s);
	for (size_t i = 0; i < LATCHES; i++)
		if (s->latches.closed[i])
			log_error("latched", "what=%s why=\"%s\" open=\"chancery-signd --resume REASON\"",
				  texts[i].name, s->latches.why[i]);
	return 0;
}

/* A record that could not be written is a ledger that failed, which latch_tick() sees. */
static void latch_written(struct signer *s, struct op *op)
{
	if (op->trouble != OP_FINE)
		log_error("latch_not_recorded", "why=\"the ledger could not be written\"");
	signer_op_done(s, op);
}

void latch_record(struct signer *s, const char *what, const char *why)
{
	struct op *op = signer_op(s, 0, 0, 0);
	struct latched_record r = { slice_text(what), slice_text(why) };
	log_error("latched", "what=\"%s\" why=\"%s\" open=\"chancery-signd --resume REASON\"", what, why);
	if (!op) {
		log_error("latch_not_recorded", "what=\"%s\" why=\"too many requests are in flight\"", what);
		return;
	}
	record_latched_put(op_record(op, RECORD_LATCHED), &r);
	signer_journal(s, op, latch_written);
}

void latch_close(struct signer *s, enum latch which, const char *why)
{
	if (s->latches.closed[which])
		return;
	latch_set(s, which, why ? why : texts[which].why);
	if (!texts[which].file) {
		latch_record(s, texts[which].name, s->latches.why[which]);
		return;
	}
	log_error("latched", "what=%s why=\"%s\" open=\"chancery-signd --resume REASON\"", texts[which].name,
		  s->latches.why[which]);
	marker_set(s, which);
}

void latch_rolled_back(struct signer *s, const struct sighting *seen, const char *why)
{
	struct latches *l = &s->latches;
	bool news = !l->closed[LATCH_ROLLBACK], more = seen->size > l->known.size, later = seen->epoch > l->known.epoch;
	uint32_t epoch = later ? seen->epoch : l->known.epoch;
	if (more)
		l->known = *seen;
	l->known.epoch = epoch;
	/* What this life wrote before it knew is no part of the other one. */
	if (news)
		l->shared = s->found;
	latch_close(s, LATCH_ROLLBACK, why);
	if (news || more || later)
		known_keep(s);
}

void latch_key(struct signer *s, struct key *k, const char *why)
{
	char what[8 + 2 * KEY_ID_SIZE] = "key ";
	if (k->latched)
		return;
	k->latched = true;
	hex_encode(k->id, KEY_ID_SIZE, what + 4);
	latch_record(s, what, why);
}

bool latch_stands_back(const struct signer *s)
{
	return s->latches.closed[LATCH_ROLLBACK] || s->latches.closed[LATCH_HOST];
}

bool latch_any(const struct signer *s)
{
	for (size_t i = 0; i < LATCHES; i++)
		if (s->latches.closed[i])
			return true;
	for (size_t i = 0; i < s->keys.count; i++)
		if (s->keys.all[i]->latched)
			return true;
	return scopes_latched(&s->scopes);
}

void latch_forget(struct signer *s)
{
	memset(s->latches.closed, 0, sizeof(s->latches.closed));
	s->latches.known = (struct sighting){ 0 };
	s->latches.shared = 0;
	scopes_resume(&s->scopes);
	for (size_t i = 0; i < s->keys.count; i++) {
		s->keys.all[i]->latched = false;
		s->keys.all[i]->wrong_signatures = 0;
	}
}

void latch_open_all(struct signer *s)
{
	scoped_fd int folder = folder_open(s);
	for (size_t i = 0; i < LATCHES; i++)
		if (texts[i].file && unlinkat(folder, texts[i].file, 0) != 0 && errno != ENOENT)
			log_error("latch_not_opened", "latch=%s why=\"%s\"", texts[i].name, log_errno());
	fsync(folder);
	latch_forget(s);
	spare_make(s);
}

int latch_take(struct signer *s, const struct latched_record *r)
{
	uint8_t id[KEY_ID_SIZE];
	char what[65], why[MAX_LATCH_WHY + 1];
	slice_to_text(r->what, what, sizeof(what));
	slice_to_text(r->why, why, sizeof(why));
	for (size_t i = 0; i < LATCHES; i++)
		if (strcmp(what, texts[i].name) == 0) {
			latch_set(s, (enum latch)i, why);
			return 0;
		}
	struct scope *scope = scopes_by_latch(&s->scopes, what);
	if (scope) {
		scope->latched = true;
		return 0;
	}
	if (strncmp(what, "key ", 4) != 0 || strlen(what) != 4 + 2 * KEY_ID_SIZE ||
	    !hex_decode(what + 4, 2 * KEY_ID_SIZE, id, sizeof(id)))
		return 1;
	struct key *k = keys_find(&s->keys, id);
	if (k)
		k->latched = true;
	return k ? 0 : 1;
}

static void look_at_clock(struct signer *s)
{
	char why[128];
	enum clock_verdict verdict = clock_look(&s->clock);
	if (verdict == CLOCK_STEPPED) {
		latch_close(s, LATCH_CLOCK, "The clock was set by more than a day.");
	} else if (verdict == CLOCK_GAP) {
		snprintf(why, sizeof(why),
			 "The ledger's last record is more than %lld days old: is the clock right, is this the newest "
			 "ledger?",
			 (long long)(s->config.max_downtime_ms / 86400000));
		latch_close(s, LATCH_CLOCK, why);
	}
}

void latch_tick(struct signer *s)
{
	struct journal_head head;
	look_at_clock(s);
	journal_head(s->journal, &head);
	if (head.failed)
		latch_close(s, LATCH_LEDGER, NULL);
}
