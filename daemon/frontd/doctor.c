#include "frontd/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/text.h"
#include "base/time.h"
#include "frontd/diagnosis.h"
#include "frontd/front.h"
#include "frontd/pki.h"
#include "frontd/view.h"
#include "ledger/record.h"
#include "store/store.h"
#include "wire/inner_ask.h"
#include "wire/token.h"

#define MIB (1024ULL * 1024)
#define LITTLE_ROOM (512 * MIB) /* a week or so at a thousand certificates a day, and the database's own copies */
#define NO_ROOM (64 * MIB)	/* a segment of the ledger, and a transaction */
#define CLOCKS_APART 5		/* seconds; the ledger bears as much */
#define CLOCKS_FAR_APART 300	/* at ten minutes requests are refused */
#define CHECKPOINT_SECONDS 3700 /* the longest that signd.conf lets it wait, and a little */
#define FAR_BEHIND 1000		/* records; the database is marked with its next transaction */
#define MANY_WAITING 200	/* requests: seconds, with any token */

void finding_put(struct diagnosis *d, enum severity severity, const char *group, const char *code, const char *about,
		 const char *todo, const char *format, ...)
{
	char what[512];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	size_t n = text_cut(slice_text(what), sizeof(what) - 1);
	json_array_append_new(d->findings, json_pack("{s:s, s:s, s:s, s:s, s:s%, s:s}", "group", group, "severity",
						     severity == CRITICAL ? "critical" : "warning", "code", code,
						     "about", about, "what", what, n, "do", todo));
	if (severity > d->worst)
		d->worst = severity;
}

void diagnosis_looked(struct diagnosis *d, const char *group, const char *format, ...)
{
	char text[256];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(d->looked, json_pack("{s:s, s:s}", "group", group, "what", text));
}

const char *diagnosis_text(struct slice s, char *out, size_t size)
{
	slice_to_text((struct slice){ s.at, text_cut(s, size - 1) }, out, size);
	return out;
}

static void look_at_stop(struct diagnosis *d, uint8_t kind, const char *text)
{
	if (kind == STOP_LATCHED)
		finding_put(d, CRITICAL, "signer", "latched", "",
			    "Find out why and put it right; then, as root: chancery-signd --resume REASON "
			    "(LATCHES in chancery-signd(8)).",
			    "The signer, or one of its keys, has stopped signing. %s", text);
	else if (kind == STOP_LOG_KEY)
		finding_put(
			d, CRITICAL, "signer", "log_key", "",
			"Bring the key back from the token's backup; without it signing stops at max_unsigned_records.",
			"No checkpoint can be signed. %s", text);
	else
		finding_put(d, CRITICAL, "signer", "stopped", "",
			    "It goes on by itself when this has passed; see its log if it does not.",
			    "The signer signs nothing right now. %s", text);
}

static void look_at_signer(struct diagnosis *d)
{
	char why[160], text[513];
	uint8_t kind;
	struct slice item;
	if (!d->told) {
		signer_ready(d->front->signer, why);
		finding_put(d, CRITICAL, "signer", "signer_away", "",
			    "See whether chancery-signd runs and what its log says (journalctl -u chancery-signd).",
			    "The signer does not answer, so nothing is signed. %s", why);
		return;
	}
	struct list l = d->status.latches;
	while (list_next(&l, &kind, &item)) {
		diagnosis_text(item, text, sizeof(text));
		look_at_stop(d, kind, text);
	}
	diagnosis_looked(d, "signer", "It answers, holds %u bound and %u unbound keys, and works on %u requests.",
			 d->status.bound_keys, d->status.unbound_keys, d->status.in_flight);
}

static void token_flags(struct diagnosis *d, const char *name, uint32_t flags)
{
	if (flags & TOKEN_USER_PIN_LOCKED)
		finding_put(d, CRITICAL, "tokens", "pin_locked", name,
			    "Unlock it with the token's own tool and its SO PIN. Keep the driver stopped meanwhile.",
			    "The PIN of token %s is locked: its driver can't log in again.", name);
	else if (flags & TOKEN_USER_PIN_FINAL_TRY)
		finding_put(d, CRITICAL, "tokens", "pin_final_try", name,
			    "Log in once with the token's own tool and the right PIN, which sets the counter back.",
			    "One more wrong PIN locks token %s.", name);
	else if (flags & TOKEN_USER_PIN_COUNT_LOW)
		finding_put(d, WARNING, "tokens", "pin_count_low", name,
			    "Find out who tried; log in once with the right PIN to set the counter back.",
			    "Somebody has given token %s a wrong PIN.", name);
	if (flags & TOKEN_USER_PIN_TO_BE_CHANGED)
		finding_put(d, WARNING, "tokens", "pin_to_be_changed", name,
			    "Change the PIN with the token's own tool, and in the driver's PIN file.",
			    "Token %s wants its PIN changed.", name);
}

static void look_at_driver(struct diagnosis *d, uint8_t state, const struct driver_report *r)
{
	char name[65], detail[257], serial[65], since[TIME_TEXT_SIZE], todo[256];
	diagnosis_text(r->name, name, sizeof(name));
	diagnosis_text(r->detail, detail, sizeof(detail));
	diagnosis_text(r->serial, serial, sizeof(serial));
	time_text(r->since, since);
	if (state == DRIVER_LATCHED) {
		snprintf(todo, sizeof(todo), "Put the PIN right; then, as root: chancery-driver-pkcs11 --resume %s",
			 name);
		finding_put(d, CRITICAL, "tokens", "pin_latched", name, todo,
			    "Token %s refused its PIN, and no other try is made. Its CAs can't sign since %s.", name,
			    since);
	} else if (state != DRIVER_READY) {
		snprintf(todo, sizeof(todo),
			 "Is the token plugged in? Does chancery-driver@%s run, and what does its log say? "
			 "It comes back by itself.",
			 name);
		finding_put(d, CRITICAL, "tokens", "token_away", name, todo,
			    "Token %s%s%s is away since %s; its CAs answer 503. %s", name,
			    *serial ? " with serial number " : "", serial, since, detail);
	}
	token_flags(d, name, r->token_flags);
	if (state == DRIVER_READY && r->waiting > MANY_WAITING)
		finding_put(d, WARNING, "tokens", "token_busy", name,
			    "If it stays so, spread the CAs over more tokens, or ask its vendor for more speed.",
			    "%u requests wait for token %s.", r->waiting, name);
}

static void look_at_tokens(struct diagnosis *d)
{
	struct driver_report report;
	struct slice item;
	uint8_t state;
	unsigned ready = 0, all = 0;
	bool has_default = false;
	struct list l = d->status.drivers;
	while (list_next(&l, &state, &item)) {
		if (!report_driver_get(item, &report))
			continue;
		all++;
		ready += state == DRIVER_READY;
		has_default = has_default || slice_equal(report.name, slice_text(d->front->default_token));
		look_at_driver(d, state, &report);
	}
	if (!has_default)
		finding_put(d, CRITICAL, "tokens", "default_token_unknown", d->front->default_token,
			    "Set default_token in frontd.conf to the name of one of signd.conf's tokens.",
			    "New CAs go to token %s, which signd.conf does not name.", d->front->default_token);
	diagnosis_looked(d, "tokens", "%u of %u are ready.", ready, all);
}

static void look_at_clock(struct diagnosis *d)
{
	int64_t apart = time_now() - d->status.now;
	if (apart < 0)
		apart = -apart;
	if (apart > CLOCKS_APART)
		finding_put(
			d, apart > CLOCKS_FAR_APART ? CRITICAL : WARNING, "clock", "clocks_apart", "",
			"Both daemons have their host's clock: see whether it is set right, and by whom (timedatectl).",
			"The signer's clock and the front-end's are %lld seconds apart; at ten minutes every request "
			"is refused.",
			(long long)apart);
	diagnosis_looked(d, "clock", "The signer's and the front-end's agree to %lld s.", (long long)apart);
}

static void look_at_room(struct diagnosis *d, const char *what, const char *code, uint64_t room)
{
	if (room < LITTLE_ROOM)
		finding_put(d, room < NO_ROOM ? CRITICAL : WARNING, "disk", code, what,
			    "Make room, or give it a larger disk; nothing may be deleted from the ledger.",
			    "The disk of the %s has %llu MiB left.", what, (unsigned long long)(room / MIB));
}

static void look_at_disk(struct diagnosis *d)
{
	struct statvfs v;
	const char *path = d->front->database;
	bool seen = statvfs(path, &v) == 0;
	uint64_t room = seen ? (uint64_t)v.f_bavail * v.f_frsize : 0;
	if (!pki_store_writable(d->front))
		finding_put(d, CRITICAL, "disk", "database_not_writable", path,
			    "See the front-end's log; is the disk full, or mounted read-only?",
			    "The database can't be written, so nothing is issued.");
	if (seen)
		look_at_room(d, "database", "database_disk_low", room);
	if (d->told)
		look_at_room(d, "ledger", "ledger_disk_low", d->status.disk_free);
	diagnosis_looked(d, "disk", "MiB left: %llu for the database, %llu for the ledger.",
			 (unsigned long long)(room / MIB),
			 (unsigned long long)(d->told ? d->status.disk_free / MIB : 0));
}

static void look_at_socket(struct diagnosis *d, const char *path, mode_t mode)
{
	struct stat st;
	if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode)) {
		finding_put(d, CRITICAL, "sockets", "socket_missing", path,
			    "Somebody removed or replaced it. Restart chancery-frontd, or its socket unit.",
			    "There is no socket at %s any more, so nobody new gets in.", path);
		return;
	}
	if ((st.st_mode & 0777) != mode)
		finding_put(d, WARNING, "sockets", "socket_mode", path,
			    "Somebody changed it, or a socket unit makes it otherwise: make it what frontd.conf says.",
			    "%s has mode %04o; frontd.conf says %04o.", path, (unsigned)st.st_mode & 0777,
			    (unsigned)mode);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		finding_put(
			d, CRITICAL, "sockets", "socket_owner", path,
			"Whoever owns it can answer in this service's place: remove it and restart chancery-frontd.",
			"%s belongs to uid %u, not to the front-end.", path, (unsigned)st.st_uid);
}

static void look_at_sockets(struct diagnosis *d)
{
	look_at_socket(d, d->front->api_socket, d->front->api_socket_mode);
	look_at_socket(d, d->front->pki_socket, d->front->pki_socket_mode);
	diagnosis_looked(d, "sockets", "%s, %s.", d->front->api_socket, d->front->pki_socket);
}

/* The time of the oldest record that no checkpoint covers; 0: not known. */
static int64_t unsigned_since(struct diagnosis *d)
{
	struct ledger_read_request request = { .from = d->status.checkpoint_size, .most = 1 };
	struct ledger_read_reply reply;
	struct record record;
	size_t size;
	scoped_answer answer;
	if (signer_ledger_read(d->front->signer, &request, &reply, &answer) != SIGNER_DONE ||
	    record_peek(reply.records, &record, &size, NULL) != RECORD_WHOLE)
		return 0;
	return record.time / 1000;
}

static void look_at_checkpoint(struct diagnosis *d)
{
	char when[TIME_TEXT_SIZE];
	if (d->status.head == d->status.checkpoint_size)
		return;
	int64_t since = unsigned_since(d);
	if (!since || d->status.now - since < CHECKPOINT_SECONDS)
		return;
	time_text(since, when);
	finding_put(
		d, WARNING, "ledger", "checkpoint_old", "",
		"Is the token with the log key there (log_token in signd.conf)? Signing stops at max_unsigned_records.",
		"%llu records wait for a signed checkpoint, the oldest since %s.",
		(unsigned long long)(d->status.head - d->status.checkpoint_size), when);
}

static void look_at_ledger(struct diagnosis *d)
{
	if (d->store_known && d->committed > d->status.head)
		finding_put(d, CRITICAL, "ledger", "ledger_rolled_back", "",
			    "An old copy of the ledger stands in its place: put the newest one back.",
			    "The database reflects %llu records and the ledger has %llu.",
			    (unsigned long long)d->committed, (unsigned long long)d->status.head);
	else if (d->store_known && d->status.head - d->committed > FAR_BEHIND + d->status.in_flight)
		finding_put(d, WARNING, "ledger", "database_behind", "",
			    "It catches up by itself; see the front-end's log (catchup) if it does not.",
			    "The database lacks %llu of the ledger's records.",
			    (unsigned long long)(d->status.head - d->committed));
	look_at_checkpoint(d);
	diagnosis_looked(d, "ledger", "%llu records, %llu of them in the database, %llu under a signed checkpoint.",
			 (unsigned long long)d->status.head, (unsigned long long)d->committed,
			 (unsigned long long)d->status.checkpoint_size);
}

/* The database first: what it reflects is at most what the signer then says it has. */
static int diagnosis_begin(struct diagnosis *d)
{
	struct store_ledger ledger;
	struct status_request request;
	char why[160];
	memset(&request, 0, sizeof(request));
	scoped_session *s = NULL;
	if (store_read(d->front->store, &s) == 0 && store_ledger_find(s, &ledger) == STORE_DONE && ledger.known) {
		d->committed = ledger.committed;
		d->store_known = true;
	}
	d->told = signer_ready(d->front->signer, why) &&
		  signer_status(d->front->signer, &request, &d->status, &d->answer) == SIGNER_DONE;
	d->findings = json_array();
	d->looked = json_array();
	return d->findings && d->looked ? 0 : -1;
}

int doctor_get(struct front *f, struct call *c)
{
	static const char *const states[] = { "fine", "warning", "critical" };
	struct diagnosis d = { .front = f };
	int r = diagnosis_begin(&d);
	if (r == 0) {
		look_at_signer(&d);
		if (d.told) {
			look_at_tokens(&d);
			diagnosis_keys(&d);
			diagnosis_offline(&d);
			look_at_clock(&d);
			look_at_ledger(&d);
			diagnosis_duties(&d);
		}
		diagnosis_crls(&d);
		look_at_disk(&d);
		look_at_sockets(&d);
		r = call_reply(c, 200,
			       json_pack("{s:s, s:o, s:O, s:O}", "state", states[d.worst], "time",
					 view_time(time_now()), "findings", d.findings, "looked_at", d.looked));
	}
	json_decref(d.findings);
	json_decref(d.looked);
	signer_answer_free(&d.answer);
	return r;
}
