#include "signd/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/batch.h"
#include "base/fd.h"
#include "base/jail.h"
#include "base/log.h"
#include "base/random.h"
#include "base/ready.h"
#include "base/text.h"
#include "base/time.h"
#include "signd/calls.h"
#include "signd/guard.h"
#include "signd/notary.h"
#include "signd/ocsp.h"
#include "signd/resume.h"
#include "signd/restore.h"
#include "signd/scribe.h"
#include "signd/signer.h"
#include "signd/slot.h"

#define INIT_WAIT_MS 30000 /* for the driver, when the ledger is made */
#define INIT_CREATE_MS 130000
#define MAX_FILES 256 /* peers, drivers, the ledger's segments, and as many again */

static int state_path(const struct config *c, const char *name, char out[PATH_MAX])
{
	if (snprintf(out, PATH_MAX, "%s/%s", c->state_dir, name) < PATH_MAX)
		return 0;
	log_error("path_too_long", "state_dir=%s", c->state_dir);
	return -1;
}

/* One signer per state folder: the lock lasts as long as the process. */
static int state_lock(const struct config *c)
{
	int fd = open(c->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	log_error("state_not_locked", "state_dir=%s why=\"%s\"", c->state_dir,
		  errno == EWOULDBLOCK ? "another chancery-signd holds it" : log_errno());
	fd_close(&fd);
	return -1;
}

static void inbox_event(void *of, uint32_t events)
{
	struct signer *s = of;
	(void)events;
	struct op_chain ops = inbox_take(s->inbox);
	for (struct op *op; (op = chain_take(&ops));) {
		/* Before anybody is told of it. */
		if (op->trouble == OP_LEDGER_FAILED)
			latch_tick(s);
		op->then(s, op);
	}
}

static int start_slots(struct signer *s)
{
	for (size_t i = 0; i < s->config.token_count; i++) {
		const struct slot_options o = { s->config.tokens[i].name, s->config.tokens[i].socket,
						s->config.ledger_id, s->loop, s->inbox };
		s->slots[i] = slot_new(&o);
		if (!s->slots[i])
			return -1;
	}
	return 0;
}

static int start_loop(struct signer *s)
{
	s->loop = loop_new();
	s->inbox = inbox_new();
	if (!s->loop || !s->inbox)
		return -1;
	s->inbox_watch = (struct watch){ inbox_fd(s->inbox), inbox_event, s };
	return loop_add(s->loop, &s->inbox_watch, EPOLLIN);
}

static int load_checkpoint(struct signer *s, const char *folder)
{
	buf_init(&s->note, MAX_NOTE);
	int r = ledger_read_checkpoint(folder, &s->note);
	if (r > 0)
		return 0;
	if (r < 0 || checkpoint_read(buf_slice(&s->note), buf_slice(&s->log_key->public_key), &s->checkpoint) != 0) {
		log_error("checkpoint_wrong", "folder=%s why=\"not signed by this ledger's log key\"", folder);
		return -1;
	}
	return 0;
}

/* What the ledger says, by way of a snapshot of this version or by all its records. 0, or as ledger_open(). */
static int ledger_take(struct signer *s, const char *folder, uint32_t state_version, struct ledger **ledger)
{
	struct ledger_open_options o = { .head_file = s->config.head_file,
					 .distrust = latch_ledger_suspect(s),
					 .state_version = state_version };
	memcpy(o.ledger_id, s->config.ledger_id, LEDGER_ID_SIZE);
	int failed = ledger_open(folder, &o, ledger);
	if (failed)
		return failed;
	if (o.distrust)
		latch_ledger_settled(s);
	s->found = ledger_size(*ledger);
	s->rolled_back = ledger_rolled_back(*ledger);
	s->told = ledger_told(*ledger);
	ledger_state(*ledger, &s->snapshot);
	s->recent = recent_new(0);
	failed = s->recent && ledger_reader_open(folder, &s->reader) == 0 ? restore(s, *ledger) : -1;
	if (failed) {
		ledger_close(*ledger);
		*ledger = NULL;
	}
	return failed;
}

/* As before ledger_take(). */
static void ledger_forget(struct signer *s)
{
	if (s->reader)
		ledger_reader_close(s->reader);
	s->reader = NULL;
	recent_free(s->recent);
	s->recent = NULL;
	latch_forget(s);
	proposals_free(&s->proposals);
	scopes_free(&s->scopes);
	keys_free(&s->keys);
	key_free(s->log_key);
	s->log_key = NULL;
}

static int fips_start(struct signer *s)
{
	if (!s->config.fips_only)
		return 0;
	keys_bar(&s->keys);
	if (algorithm_approved(s->log_key->algorithm))
		return 0;
	log_error("fips_only", "log_key=%s expected=\"a ledger whose head is signed with ECDSA or RSA\"",
		  algorithm_by_number(s->log_key->algorithm)->name);
	return -1;
}

/* 0, or as ledger_open(). */
static int start_ledger(struct signer *s)
{
	char folder[PATH_MAX];
	struct ledger *ledger = NULL;
	if (state_path(&s->config, "ledger", folder) != 0)
		return -1;
	int failed = ledger_take(s, folder, STATE_VERSION, &ledger);
	if (failed) {
		bool from_snapshot = s->snapshot != 0;
		ledger_forget(s);
		/* A snapshot that isn't understood after all: the records say the same. */
		if (failed < 0 && from_snapshot)
			failed = ledger_take(s, folder, 0, &ledger);
		if (failed)
			return failed;
	}
	if (fips_start(s) != 0 || load_checkpoint(s, folder) != 0 || latch_start(s) != 0 ||
	    journal_start(ledger, &s->clock, s->inbox, &s->journal) != 0) {
		ledger_close(ledger);
		return -1;
	}
	struct sighting told = { .size = s->told.size };
	memcpy(told.root, s->told.root, HASH_SIZE);
	if (s->rolled_back)
		latch_rolled_back(s, &told,
				  "The head file tells of more than this ledger holds, or of another. Put the newest "
				  "copy back, or "
				  "open a new epoch with chancery-signd --epoch.");
	return archivist_start(s, folder, s->snapshot, &s->archivist);
}

/* What need not be looked at in every round. */
static void look_around(struct signer *s)
{
	int64_t now = time_boot_ms();
	if (now < s->next_look)
		return;
	s->next_look = now + TICK_MS;
	ready_alive();
	latch_tick(s);
	disk_tick(s);
	resume_tick(s, now);
	check_tick(s, now);
	archivist_tick(s);
	tally_tick(s, now);
}

void serve_tick(void *of)
{
	struct signer *s = of;
	bool hungry = false;
	look_around(s);
	notary_tick(s);
	ocsp_tick(s);
	for (size_t i = 0; i < s->config.token_count; i++)
		hungry = slot_tick(s->slots[i]) || hungry;
	signer_hand_over(s);
	if (hungry)
		journal_urge(s->journal);
	guard_flush(s->guard);
}

static void signal_event(void *of, uint32_t events)
{
	struct signer *s = of;
	(void)events;
	loop_stop(s->loop);
}

/* SIGTERM and SIGINT come as a descriptor; blocked before any thread is made. */
static int signals_take(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	return sigprocmask(SIG_BLOCK, &set, NULL) == 0 ? signalfd(-1, &set, SFD_CLOEXEC) : -1;
}

/* Before the first thread and the first file that a peer had a part in; the filter follows when all threads run. */
int serve_limit(const struct config *c, const char *out)
{
	const struct jail_path paths[] = {
		{ c->state_dir, JAIL_WRITE },  { c->socket, JAIL_WRITE_BESIDE },
		{ c->anchors_dir, JAIL_READ }, { c->head_file ? c->head_file : "", JAIL_WRITE_BESIDE },
		{ out, JAIL_WRITE_BESIDE },
	};
	batch_enter();
	return jail_enter() == 0 && jail_files(MAX_FILES) == 0 ? jail_paths(paths, sizeof(paths) / sizeof(paths[0]))
							       : -1;
}

static int start_scribes(struct signer *s)
{
	char folder[PATH_MAX];
	s->crl_folder = last_folder(s->config.state_dir);
	return s->crl_folder < 0 || state_path(&s->config, "ledger", folder) != 0
		       ? -1
		       : scribes_start(folder, s->inbox, &s->scribes);
}

int serve_begin(struct signer *s, struct watch *signals)
{
	*signals = (struct watch){ signals_take(), signal_event, s };
	if (signals->fd < 0 || state_lock(&s->config) != 0 || start_loop(s) != 0 || start_slots(s) != 0)
		return -1;
	int failed = start_ledger(s);
	if (failed)
		return failed;
	if (verifiers_start(s->config.verifiers, s->inbox, s->journal, &s->verifiers) != 0)
		return -1;
	disk_tick(s);
	if (start_scribes(s) != 0 || loop_add(s->loop, signals, EPOLLIN) != 0 || guard_start(s, &s->guard) != 0)
		return -1;
	return calls_limit(JAIL_SANITIZED);
}

void serve_end(struct signer *s)
{
	guard_stop(s->guard);
	if (s->archivist)
		archivist_stop(s->archivist);
	if (s->scribes)
		scribes_stop(s->scribes);
	if (s->verifiers)
		verifiers_stop(s->verifiers);
	if (s->journal)
		journal_stop(s->journal);
	while (s->running)
		signer_op_done(s, s->running);
	for (size_t i = 0; i < s->config.token_count; i++)
		slot_free(s->slots[i]);
	if (s->reader)
		ledger_reader_close(s->reader);
	keys_free(&s->keys);
	scopes_free(&s->scopes);
	proposals_free(&s->proposals);
	fd_close(&s->crl_folder);
	key_free(s->log_key);
	recent_free(s->recent);
	buf_free(&s->note);
	loop_free(s->loop);
	inbox_free(s->inbox);
}

int serve(struct config *config)
{
	struct signer s = { .config = *config, .crl_folder = -1 };
	struct watch signals = { .fd = -1 };
	struct journal_head head;
	host_read(config->machine_id, config->ledger_id, &s.host);
	if (serve_limit(config, "") != 0)
		return EXIT_FAILURE;
	int up = serve_begin(&s, &signals);
	if (up == 0) {
		journal_head(s.journal, &head);
		log_info("serving", "socket=%s ledger_size=%llu snapshot=%llu keys=%zu", config->socket,
			 (unsigned long long)head.size, (unsigned long long)s.snapshot, s.keys.count);
		ready_notify("READY=1");
		loop_run(s.loop, TICK_MS, serve_tick, &s);
		ready_notify("STOPPING=1");
		log_info("stopping", "in_flight=%zu", s.running_count);
		tally_flush(&s);
		signer_hand_over(&s);
	}
	serve_end(&s);
	fd_close(&signals.fd);
	if (up == LEDGER_OTHER || up == LEDGER_NEWER)
		return EXIT_CONFIG;
	return up == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The first record of a new ledger: who it is and which key signs its head. */
static int write_start(const struct config *c, const char *folder, struct slice key_id, struct slice public_key)
{
	struct ledger_open_options o = { 0 };
	struct ledger *ledger;
	scoped_buf body = { .max = MAX_RECORD_BODY };
	uint64_t seq;
	struct ledger_start_record start = { .epoch = 1,
					     .software = slice_text("chancery-signd " CHANCERY_VERSION),
					     .log_token = slice_text(c->log_token),
					     .log_key = key_id,
					     .log_algorithm = c->log_algorithm,
					     .log_public_key = public_key };
	memcpy(start.ledger_id, c->ledger_id, LEDGER_ID_SIZE);
	memcpy(o.ledger_id, c->ledger_id, LEDGER_ID_SIZE);
	record_ledger_start_put(&body, &start);
	if (ledger_create(folder, &o) != 0 || ledger_open(folder, &o, &ledger) != 0)
		return -1;
	int r = ledger_stage(ledger, RECORD_LEDGER_START, time_now_ms(), buf_slice(&body), &seq);
	r = r == 0 ? ledger_commit(ledger) : r;
	ledger_close(ledger);
	return r;
}

/* Where the one op of an init is when it came back. */
static void init_made(struct signer *s, struct op *op)
{
	(void)op;
	loop_stop(s->loop);
}

struct init {
	struct signer *signer;
	struct op *op;
	bool asked;
	int64_t give_up;
};

/* What signs the head where signd.conf doesn't say: a checkpoint's digest is SHA-256, and readers like it small. */
static uint8_t log_algorithm(const struct slot *slot, bool approved)
{
	static const uint8_t preferred[] = { ALGORITHM_ECDSA_P256, ALGORITHM_ED25519, ALGORITHM_RSA_3072,
					     ALGORITHM_RSA_2048, ALGORITHM_RSA_4096 };
	for (size_t i = 0; i < sizeof(preferred); i++)
		if (slot_can(slot, preferred[i]) && (!approved || algorithm_approved(preferred[i])))
			return preferred[i];
	return preferred[0]; /* which the driver will refuse */
}

static void init_tick(void *of)
{
	struct init *i = of;
	struct slot *slot = i->signer->slots[signer_slot(i->signer, slice_text(i->signer->config.log_token))];
	slot_tick(slot);
	if (!i->asked && slot_ready(slot)) {
		i->asked = true;
		i->give_up = time_boot_ms() + INIT_CREATE_MS;
		if (!i->signer->config.log_algorithm)
			i->signer->config.log_algorithm = log_algorithm(slot, i->signer->config.fips_only);
		slot_create(slot, i->op, i->signer->config.log_algorithm);
	}
	if (time_boot_ms() > i->give_up)
		loop_stop(i->signer->loop);
}

/* The log key's SubjectPublicKeyInfo is in op->raw if all went well. */
static int make_log_key(struct signer *s, struct op *op)
{
	uint8_t id[KEY_ID_SIZE];
	struct init i = { s, op, false, time_boot_ms() + INIT_WAIT_MS };
	random_bytes(id, sizeof(id));
	buf_put(&op->message, id, sizeof(id));
	op->then = init_made;
	loop_run(s->loop, TICK_MS, init_tick, &i);
	if (op->raw.len && op->trouble == OP_FINE)
		return 0;
	if (op->driver_code)
		log_error("log_key_failed", "token=%s why=\"%s\"", s->config.log_token,
			  driver_refusal_sentence(op->driver_code));
	else
		log_error("log_key_failed",
			  "token=%s why=\"the driver did not answer: is it running, does it admit this user?\"",
			  s->config.log_token);
	return -1;
}

int serve_init(struct config *config)
{
	struct signer s = { .config = *config, .crl_folder = -1 };
	char folder[PATH_MAX];
	struct stat st;
	scoped_op *op = op_new();
	if (serve_limit(config, "") != 0 || !op || state_path(config, "ledger", folder) != 0 || state_lock(config) != 0)
		return EXIT_FAILURE;
	if (stat(folder, &st) == 0) {
		log_error("ledger_exists", "folder=%s expected=\"no ledger there yet\"", folder);
		return EXIT_FAILURE;
	}
	int r = start_loop(&s) != 0 || start_slots(&s) != 0 ? -1 : make_log_key(&s, op);
	if (r == 0 && mkdir(folder, 0750) == 0)
		r = write_start(&s.config, folder, buf_slice(&op->message), buf_slice(&op->raw));
	serve_end(&s);
	if (r == 0)
		log_info("ledger_made", "folder=%s log_token=%s", folder, config->log_token);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
