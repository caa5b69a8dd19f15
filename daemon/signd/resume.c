#include "signd/resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "ledger/merkle.h"
#include "signd/approve.h"
#include "signd/guard.h"
#include "signd/law.h"
#include "signd/signer.h"
#include "signd/word.h"

#define LOOK_MS 1000

/* What has stopped the signer, as STATUS has it. */
static struct list latches_list(const struct signer *s, struct buf *raw)
{
	uint16_t count = 0;
	for (size_t i = 0; i < LATCHES; i++)
		if (s->latches.closed[i])
			list_put(raw, &count, STOP_LATCHED, slice_text(s->latches.why[i]));
	for (size_t i = 0; i < s->keys.count && count < 32; i++) {
		char text[16 + 2 * KEY_ID_SIZE] = "key ";
		hex_encode(s->keys.all[i]->id, KEY_ID_SIZE, text + 4);
		if (s->keys.all[i]->latched)
			list_put(raw, &count, STOP_LATCHED, slice_text(text));
	}
	return list_of(raw, count);
}

/* Not one that somebody has seen in what is lost. */
static uint32_t epoch_next(const struct signer *s)
{
	uint32_t known = s->latches.known.epoch;
	return (known > s->proposals.epoch ? known : s->proposals.epoch) + 1;
}

static void content_write(struct signer *s, const struct asked *a, struct buf *out)
{
	struct merkle tree;
	scoped_buf latches = { .max = 32768 };
	journal_tree(s->journal, &tree);
	struct resume_content resume = { .reason = buf_slice(&a->reason),
					 .size = tree.size,
					 .latches = latches_list(s, &latches) };
	struct epoch_content epoch = { .reason = buf_slice(&a->reason),
				       .number = epoch_next(s),
				       .size = tree.size,
				       .known_size = s->latches.known.size,
				       .shared = s->latches.shared };
	merkle_root(&tree, resume.root);
	merkle_root(&tree, epoch.root);
	memcpy(epoch.known_root, s->latches.known.root, sizeof(epoch.known_root));
	if (a->kind == PROPOSAL_EPOCH)
		epoch_content_put(out, &epoch);
	else
		resume_content_put(out, &resume);
}

/*
 * Whether what was proposed is what would be done now. A ledger that stands back is as long as then; a latched one may
 * have grown, but a word that was done since makes it another moment, however long ago what it used was forgotten.
 */
static bool content_holds(const struct signer *s, const struct proposal *p, struct slice now)
{
	struct resume_content then, is;
	if (p->kind != PROPOSAL_EPOCH)
		return resume_content_get(p->content, &then) == 0 && resume_content_get(now, &is) == 0 &&
		       then.size >= s->resumed && slice_equal(then.reason, is.reason) &&
		       list_equal(then.latches, is.latches);
	return slice_equal(p->content, now);
}

/* The proposal that lies there, if it is of this word, of this moment, and was not used. */
static bool proposal_stands(struct signer *s, const struct asked *a, struct slice content, struct buf *bytes,
			    struct proposal *p)
{
	uint16_t code = 0;
	scoped_fd int folder = word_folder(&s->config);
	if (folder < 0 || word_proposal_read(folder, bytes) != 0 || proposal_get(buf_slice(bytes), p) != 0)
		return false;
	bool known = proposals_find(&s->proposals, p->id, time_now(), &code) != NULL;
	return p->kind == a->kind && memcmp(p->ledger_id, s->config.ledger_id, LEDGER_ID_SIZE) == 0 &&
	       p->epoch == s->proposals.epoch && p->expires > time_now() &&
	       (known || code == REFUSE_PROPOSAL_UNKNOWN) && content_holds(s, p, content);
}

static void propose(struct signer *s, const struct asked *a, struct slice content)
{
	char sentence[400];
	scoped_buf bytes = { .max = MAX_PROPOSAL };
	const struct act act = { a->kind, content };
	proposal_write(s, &act, &bytes);
	if (!buf_ok(&bytes) || word_proposal_write(&s->config, buf_slice(&bytes)) != 0) {
		word_answer(&s->config, a->kind, WORD_REFUSED, "The proposal could not be written.");
		return;
	}
	snprintf(sentence, sizeof(sentence), "%s/word.proposal waits for %u signatures.", s->config.state_dir,
		 (unsigned)s->config.approvers.needed[a->kind]);
	log_warning("word_proposed", "kind=%s approvals=%u", proposal_kind_name(a->kind),
		    (unsigned)s->config.approvers.needed[a->kind]);
	word_answer(&s->config, a->kind, WORD_PROPOSED, sentence);
}

static void record_written(struct signer *s, struct op *op)
{
	if (op->trouble != OP_FINE)
		log_error("word_not_recorded", "why=\"the ledger failed in this process's life: restart it\"");
	signer_op_done(s, op);
}

static int proposed_record_stage(struct signer *s, struct slice bytes)
{
	const struct proposed_record r = { .bytes = bytes };
	struct op *op = signer_op(s, 0, 0, 0);
	if (!op)
		return -1;
	record_proposed_put(op_record(op, RECORD_PROPOSED), &r);
	signer_journal(s, op, record_written);
	return 0;
}

static int approved_record_stage(struct signer *s, const struct proposal *p, const struct approver *who,
				 struct slice signature)
{
	struct approved_record r = { .role = ROLE_APPROVER,
				     .public_key = buf_slice(&who->public_key),
				     .signature = signature };
	struct op *op = signer_op(s, 0, 0, 0);
	if (!op)
		return -1;
	memcpy(r.proposal, p->id, PROPOSAL_ID_SIZE);
	memcpy(r.key, who->hash, HASH_SIZE);
	record_approved_put(op_record(op, RECORD_APPROVED), &r);
	signer_journal(s, op, record_written);
	return 0;
}

/* Whose signature it is; NULL: nobody's who may approve. */
static const struct approver *signer_of(const struct signer *s, struct slice bytes, struct slice signature)
{
	const struct approvers *a = &s->config.approvers;
	for (size_t i = 0; i < a->count[ROLE_APPROVER]; i++)
		if (proposal_signed(buf_slice(&a->all[ROLE_APPROVER][i].public_key), bytes, signature))
			return &a->all[ROLE_APPROVER][i];
	return NULL;
}

/* How many distinct approvers have signed; nothing is written yet. */
static unsigned signatures_count(const struct signer *s, const struct asked *a, struct slice bytes,
				 const struct approver *who[MAX_APPROVALS])
{
	unsigned n = 0;
	for (size_t i = 0; i < a->count; i++) {
		who[i] = signer_of(s, bytes, buf_slice(&a->signatures[i]));
		for (size_t k = 0; who[i] && k < i; k++)
			if (who[k] == who[i])
				who[i] = NULL;
		n += who[i] != NULL;
	}
	return n;
}

/* Proposal and approvals go to the ledger, in front of what they allow. */
static int approvals_stage(struct signer *s, const struct asked *a, const struct proposal *p, struct slice bytes,
			   const struct approver *who[MAX_APPROVALS])
{
	uint16_t code;
	struct open_proposal *o = proposals_find(&s->proposals, p->id, time_now(), &code);
	if (!o && (proposals_open(&s->proposals, bytes, time_now()) != 0 || proposed_record_stage(s, bytes) != 0))
		return -1;
	o = proposals_find(&s->proposals, p->id, time_now(), &code);
	for (size_t i = 0; o && i < a->count; i++)
		if (who[i] && proposal_sign(o, ROLE_APPROVER, who[i]->hash) == 0 &&
		    approved_record_stage(s, p, who[i], buf_slice(&a->signatures[i])) != 0)
			return -1;
	return o ? 0 : -1;
}

/* The latches open only when their opening is on the ledger; until then the word stands. */
static void word_written(struct signer *s, struct op *op)
{
	s->resuming = false;
	if (op->trouble == OP_FINE) {
		struct ceilings_record law;
		for (size_t i = 0; i < op->record_count; i++) {
			struct slice body = buf_slice(&op->records[i].body);
			if (op->records[i].type == RECORD_HOST)
				s->written_on = s->host;
			if (op->records[i].type == RECORD_RESUMED || op->records[i].type == RECORD_EPOCH)
				s->resumed = op->records[i].seq + 1;
			if (op->records[i].type == RECORD_CEILINGS && record_ceilings_get(body, &law) == PACK_OK)
				memcpy(s->law, law.hash, sizeof(s->law));
		}
		latch_open_all(s);
		if (op->kind == PROPOSAL_EPOCH)
			guard_hang_up(s->guard); /* so that whoever is there says what it knows under the new epoch */
		word_proposal_remove(&s->config);
		word_answer(&s->config, op->kind, WORD_DONE,
			    op->kind == PROPOSAL_EPOCH ? "A new epoch of the ledger has begun, and the signer goes on."
						       : "The signer goes on.");
		log_warning(op->kind == PROPOSAL_EPOCH ? "epoch_opened" : "resumed", "record=%llu",
			    (unsigned long long)op->records[0].seq);
	} else {
		log_error("resume_not_recorded", "why=\"the ledger failed in this process's life: restart it\"");
	}
	signer_op_done(s, op);
}

static void epoch_stage(struct signer *s, struct op *op, const struct asked *a)
{
	struct epoch_record r = { .number = epoch_next(s),
				  .uid = a->uid,
				  .reason = buf_slice(&a->reason),
				  .size = s->latches.shared,
				  .known_size = s->latches.known.size };
	memcpy(r.known_root, s->latches.known.root, sizeof(r.known_root));
	record_epoch_put(op_record(op, RECORD_EPOCH), &r);
}

/* A ledger that stood back until now has not heard of this start's ceilings either. */
static void standing_stage(struct signer *s, struct op *op)
{
	scoped_buf law = { .max = MAX_RECORD_BODY };
	if (latch_stands_back(s) && law_record(&s->config, s->law, &law) == 0)
		buf_put_slice(op_record(op, RECORD_CEILINGS), buf_slice(&law));
}

static void word_do(struct signer *s, const struct asked *a, const uint8_t proposal[PROPOSAL_ID_SIZE])
{
	struct op *op = signer_op(s, 0, 0, 0);
	struct resumed_record resumed = { .uid = a->uid, .reason = buf_slice(&a->reason) };
	if (!op)
		return;
	op->kind = a->kind;
	standing_stage(s, op);
	if (a->kind == PROPOSAL_EPOCH)
		epoch_stage(s, op, a);
	else
		record_resumed_put(op_record(op, RECORD_RESUMED), &resumed);
	approve_spend(s, op, proposal, 1);
	if (a->kind == PROPOSAL_EPOCH) {
		proposals_epoch(&s->proposals, epoch_next(s), s->latches.shared);
		s->crl_floor = epoch_crl_floor(time_now_ms());
	}
	if (s->latches.closed[LATCH_HOST])
		host_put(&s->host, op_record(op, RECORD_HOST));
	s->resuming = true;
	clock_vouch(&s->clock);
	signer_journal(s, op, word_written);
}

static void word_approved(struct signer *s, const struct asked *a)
{
	struct proposal p;
	const struct approver *who[MAX_APPROVALS];
	scoped_buf bytes = { 0 }, content = { .max = MAX_PROPOSAL };
	if (s->running_count + MAX_APPROVALS + 2 > MAX_IN_FLIGHT)
		return; /* all of its records, or none: at the next look */
	content_write(s, a, &content);
	bool stands = proposal_stands(s, a, buf_slice(&content), &bytes, &p);
	if (a->count == 0 && !stands) {
		propose(s, a, buf_slice(&content));
	} else if (!stands) {
		word_answer(&s->config, a->kind, WORD_REFUSED,
			    "What was signed is not what would be done now: other reason, other latches, too late, or "
			    "another ledger. Ask without --approval for a new proposal.");
	} else if (signatures_count(s, a, buf_slice(&bytes), who) < s->config.approvers.needed[a->kind]) {
		char sentence[200];
		snprintf(sentence, sizeof(sentence),
			 "%u of these %zu signatures are of distinct approvers; %u are needed over word.proposal.",
			 signatures_count(s, a, buf_slice(&bytes), who), a->count,
			 (unsigned)s->config.approvers.needed[a->kind]);
		word_answer(&s->config, a->kind, a->count ? WORD_REFUSED : WORD_PROPOSED, sentence);
	} else if (approvals_stage(s, a, &p, buf_slice(&bytes), who) == 0) {
		word_do(s, a, p.id);
	}
}

static void word_take(struct signer *s, const struct asked *a)
{
	static const uint8_t none[PROPOSAL_ID_SIZE];
	if (a->kind == PROPOSAL_RESUME && !latch_any(s)) {
		log_info("nothing_latched", "uid=%u", (unsigned)a->uid);
		word_answer(&s->config, a->kind, WORD_DONE, "Nothing is latched.");
	} else if (a->kind == PROPOSAL_RESUME && s->latches.closed[LATCH_ROLLBACK]) {
		word_answer(&s->config, a->kind, WORD_REFUSED,
			    "The ledger was rolled back: put the newest copy in its place, or open a new epoch with "
			    "--epoch.");
	} else if (a->kind == PROPOSAL_EPOCH && !s->latches.closed[LATCH_ROLLBACK]) {
		word_answer(
			&s->config, a->kind, WORD_REFUSED,
			"Nothing says that this ledger was rolled back. If you know that it was, make an empty file "
			"latched.rollback in the state folder, owned by its owner, restart the signer and ask again.");
	} else if (s->config.approvers.needed[a->kind]) {
		word_approved(s, a);
	} else {
		word_do(s, a, none);
	}
}

void resume_tick(struct signer *s, int64_t now)
{
	struct journal_head head;
	struct asked asked;
	if (s->resuming || now < s->resume_look)
		return;
	s->resume_look = now + LOOK_MS;
	scoped_fd int folder = word_folder(&s->config);
	journal_head(s->journal, &head);
	if (folder < 0 || head.failed || word_read(folder, &asked) != 0)
		return;
	word_take(s, &asked);
	asked_free(&asked);
}

/* Whoever may not enter the folder could not write there anyway; said in words before it fails. */
static int caller_check(int folder, const struct config *c)
{
	struct stat st;
	if (folder >= 0 && fstat(folder, &st) == 0 && (geteuid() == 0 || geteuid() == st.st_uid))
		return 0;
	log_error("resume_refused", "state_dir=%s expected=\"root, or the folder's owner\"", c->state_dir);
	return -1;
}

static bool daemon_runs(int folder)
{
	if (flock(folder, LOCK_SH | LOCK_NB) != 0)
		return true;
	flock(folder, LOCK_UN);
	return false;
}

/* The word with its signatures, in hex. 0 or -1, told. */
static int word_compose(const struct word *w, struct buf *out)
{
	buf_put_text(out, w->reason);
	for (size_t i = 0; i < w->count; i++) {
		char hex[2 * MAX_SIGNATURE_BYTES + 1];
		scoped_buf signature = { .max = MAX_SIGNATURE_BYTES };
		if (fd_read_file(w->approvals[i], MAX_SIGNATURE_BYTES, &signature) != 0 || signature.len == 0) {
			log_error("approval_unreadable", "file=%s why=\"%s\"", w->approvals[i], log_errno());
			return -1;
		}
		hex_encode(signature.at, signature.len, hex);
		buf_printf(out, "\napproval %s", hex);
	}
	return buf_ok(out) ? 0 : -1;
}

static int proposal_show(int folder, const struct config *c, const struct word *w)
{
	scoped_buf bytes = { 0 }, words = { .max = 1 << 20 };
	if (word_proposal_read(folder, &bytes) != 0 || proposal_tell(buf_slice(&bytes), &words) != 0)
		return EXIT_FAILURE;
	printf("%.*s\nEach approver reads this, signs %s/word.proposal and hands the signature over:\n"
	       "  openssl dgst -sha256 -sign KEY -out NAME.sig word.proposal\n"
	       "Then: chancery-signd --%s \"%s\" --approval NAME.sig --approval NAME.sig\n",
	       (int)words.len, (const char *)words.at, c->state_dir, proposal_kind_name(w->kind), w->reason);
	return EXIT_FAILURE;
}

static int answer_show(int folder, const struct config *c, const struct word *w)
{
	scoped_buf answer = { 0 };
	if (word_await(folder, w->kind, &answer) != 0) {
		puts("The signer has not taken it up yet. If its ledger could not be written, put that right and "
		     "restart it:\n"
		     "it takes the request up at its start.");
		return EXIT_FAILURE;
	}
	printf("%.*s", (int)answer.len - 1, (const char *)answer.at + 1);
	if (answer.at[0] == '0' + WORD_PROPOSED)
		return proposal_show(folder, c, w);
	return answer.at[0] == '0' + WORD_DONE ? EXIT_SUCCESS : EXIT_FAILURE;
}

int resume_ask(const struct config *c, const struct word *w)
{
	struct slice text = slice_text(w->reason);
	scoped_buf content = { .max = 65536 };
	scoped_fd int folder = word_folder(c);
	if (text.len == 0 || text.len > MAX_REASON || !text_valid(text)) {
		log_error("resume_refused", "expected=\"a reason, as text of 1 to %d bytes\"", MAX_REASON);
		return 2;
	}
	if (caller_check(folder, c) != 0 || word_compose(w, &content) != 0)
		return EXIT_FAILURE;
	word_answer_clear(folder);
	if (word_write(folder, w->kind, buf_slice(&content)) != 0) {
		log_error("resume_failed", "state_dir=%s why=\"%s\"", c->state_dir, log_errno());
		return EXIT_FAILURE;
	}
	if (!daemon_runs(folder)) {
		puts("No signer runs here now; the next one to start takes it up, and records why.");
		return EXIT_SUCCESS;
	}
	return answer_show(folder, c, w);
}
