#include "frontd/denial.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/ready.h"
#include "base/time.h"
#include "frontd/front.h"
#include "frontd/signer.h"

#define MAX_DENIALS 256 /* callers and routes that are counted apart; what finds no room is counted together */
#define PAUSE_MS 60000	/* between two notes of the same; doubles while it goes on */
#define MAX_PAUSE_MS 3600000
#define NOTES_INTERVAL_MS 6000 /* of all of them together: ten a minute, */
#define NOTES_BURST 100	       /* ... and so many at once */

struct denial {
	uid_t uid;
	const char *route; /* of the static table: compared as a pointer; NULL: free, but in the last one */
	char method[8];
	char actor[96], request_id[24]; /* of the last one */
	unsigned count;			/* since the last note */
	int64_t due, pause;		/* time_boot_ms(): not before this is one noted */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct denial denials[MAX_DENIALS + 1];
static int64_t notes_full_at; /* when so many notes at once would be had again */

static bool denial_is(const struct denial *d, uid_t uid, const char *route, const char *method)
{
	return d->uid == uid && d->route == route && strncmp(d->method, method, sizeof(d->method) - 1) == 0;
}

/* The entry of this caller and route, else a free one; the last one if all are in use. */
static struct denial *entry_find(uid_t uid, const char *route, const char *method)
{
	struct denial *rest = &denials[MAX_DENIALS], *spare = rest;
	for (struct denial *d = denials; d < rest; d++) {
		if (denial_is(d, uid, route, method))
			return d;
		if (!d->route && spare == rest)
			spare = d;
	}
	if (spare != rest) {
		*spare = (struct denial){ .uid = uid, .route = route, .pause = PAUSE_MS };
		snprintf(spare->method, sizeof(spare->method), "%s", method);
	} else if (!rest->pause) {
		rest->pause = PAUSE_MS;
	}
	return spare;
}

/* Whether it is to be noted now; then it was counted as noted, and *out is what the note says. */
static bool note_take(struct denial *d, int64_t now, bool all, struct denial *out)
{
	int64_t full_at = (notes_full_at > now ? notes_full_at : now) + NOTES_INTERVAL_MS;
	bool room = full_at - now <= (int64_t)NOTES_BURST * NOTES_INTERVAL_MS;
	if (!d->count || (!all && (now < d->due || !room)))
		return false;
	*out = *d;
	notes_full_at = full_at;
	d->count = 0;
	d->due = now + d->pause;
	d->pause = 2 * d->pause < MAX_PAUSE_MS ? 2 * d->pause : MAX_PAUSE_MS;
	return true;
}

static void note_write(struct front *f, const struct denial *d)
{
	char why[160] = "refused";
	log_warning("denied", "id=%s actor=%s route=\"%s %s\" left_out=%u", d->request_id, d->actor, d->method,
		    d->route ? d->route : "several", d->count - 1);
	json_t *context = json_pack("{s:s, s:s, s:s, s:s, s:i}", "actor", d->actor, "method", d->method, "route",
				    d->route ? d->route : "several", "request_id", d->request_id, "left_out",
				    (int)(d->count - 1));
	char *text = context ? json_dumps(context, JSON_COMPACT) : NULL;
	struct note_request note = { .kind = NOTE_DENIAL, .context = slice_text(text) };
	signer_request_id(note.request_id);
	struct note_reply reply;
	scoped_answer answer = { .body = { NULL, 0 } };
	/* A signer that is away must not make the refusal slow. */
	if (!text || !signer_ready(f->signer, why) || signer_note(f->signer, &note, &reply, &answer) != SIGNER_DONE)
		log_warning("denial_not_noted", "id=%s why=\"%s\"", d->request_id, why);
	free(text);
	json_decref(context);
}

void denial_note(struct front *f, const struct call *c, const char *method)
{
	struct denial due;
	pthread_mutex_lock(&lock);
	struct denial *d = entry_find(c->who->peer.uid, c->route, method);
	d->count++;
	snprintf(d->actor, sizeof(d->actor), "%s", c->who->actor);
	snprintf(d->request_id, sizeof(d->request_id), "%s", c->request_id);
	bool taken = note_take(d, time_boot_ms(), false, &due);
	pthread_mutex_unlock(&lock);
	if (taken)
		note_write(f, &due);
}

/* One that had nothing new for as long as it would have waited is free again. */
static void denial_rest(struct denial *d, int64_t now)
{
	if (d->route && !d->count && now - d->due >= d->pause)
		*d = (struct denial){ .route = NULL };
}

void denial_tick(struct front *f, bool all)
{
	char why[160];
	if (!signer_ready(f->signer, why))
		return;
	for (size_t i = 0; i <= MAX_DENIALS; i++) {
		struct denial due;
		ready_alive(); /* each note may wait for the signer */
		int64_t now = time_boot_ms();
		pthread_mutex_lock(&lock);
		bool taken = note_take(&denials[i], now, all, &due);
		denial_rest(&denials[i], now);
		pthread_mutex_unlock(&lock);
		if (taken)
			note_write(f, &due);
	}
}
