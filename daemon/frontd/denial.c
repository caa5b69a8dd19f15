#include "frontd/denial.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "frontd/front.h"
#include "frontd/signer.h"

#define MAX_DENIALS 256 /* callers and routes remembered; more in one minute are counted in the log alone */
#define NOTE_PERIOD_MS 60000

struct denial {
	uid_t uid;
	const char *route; /* of the static table: compared as a pointer */
	char method[8];	   /* the client's word, cut: longer ones share an entry */
	int64_t noted;	   /* time_boot_ms(); 0: free */
	unsigned left_out;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct denial denials[MAX_DENIALS];

/* The entry of this caller and route, else a free or outdated one; NULL if all are in use. */
static struct denial *entry_find(uid_t uid, const char *route, const char *method, int64_t now)
{
	struct denial *spare = NULL;
	for (size_t i = 0; i < MAX_DENIALS; i++) {
		struct denial *d = &denials[i];
		if (d->noted && d->uid == uid && d->route == route &&
		    strncmp(d->method, method, sizeof(d->method) - 1) == 0)
			return d;
		if (!d->noted || now - d->noted >= 2 * NOTE_PERIOD_MS)
			spare = d;
	}
	if (spare) {
		*spare = (struct denial){ .uid = uid, .route = route };
		snprintf(spare->method, sizeof(spare->method), "%s", method);
	}
	return spare;
}

/* Whether a note is due; *left_out is how many denials it also stands for. */
static bool note_due(const struct call *c, const char *method, unsigned *left_out)
{
	int64_t now = time_boot_ms();
	pthread_mutex_lock(&lock);
	struct denial *d = entry_find(c->who->peer.uid, c->route, method, now);
	bool due = d && (!d->noted || now - d->noted >= NOTE_PERIOD_MS);
	if (due) {
		*left_out = d->left_out;
		d->noted = now;
		d->left_out = 0;
	} else if (d) {
		d->left_out++;
	}
	pthread_mutex_unlock(&lock);
	return due;
}

void denial_note(struct front *f, const struct call *c, const char *method)
{
	unsigned left_out = 0;
	char why[160] = "refused";
	if (!note_due(c, method, &left_out))
		return;
	log_warning("denied", "id=%s actor=%s route=\"%s %s\" left_out=%u", c->request_id, c->who->actor, method,
		    c->route, left_out);
	json_t *context = json_pack("{s:s, s:s, s:s, s:s, s:i}", "actor", c->who->actor, "method", method, "route",
				    c->route, "request_id", c->request_id, "left_out", (int)left_out);
	char *text = context ? json_dumps(context, JSON_COMPACT) : NULL;
	struct note_request note = { .kind = NOTE_DENIAL, .context = slice_text(text) };
	signer_request_id(note.request_id);
	struct note_reply reply;
	scoped_answer answer = { .body = { NULL, 0 } };
	/* A signer that is away must not make the refusal slow. */
	if (!text || !signer_ready(f->signer, why) || signer_note(f->signer, &note, &reply, &answer) != SIGNER_DONE)
		log_warning("denial_not_noted", "id=%s why=\"%s\"", c->request_id, why);
	free(text);
	json_decref(context);
}
