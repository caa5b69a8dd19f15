/* Who may do what, and whether that is one person: roles of frontd.conf, keys of signd.conf, what waits for people. */
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "frontd/authz.h"
#include "frontd/diagnosis.h"
#include "frontd/front.h"
#include "frontd/proposal.h"
#include "wire/inner_ask.h"

#define MAX_ACCOUNTS 4096 /* looked at: where there are more, groups name only some of them */
#define MAX_NAMED 64	  /* bytes of who has both roles */

static const struct pair {
	unsigned one, other;
	const char *code, *what, *todo;
} pairs[] = {
	{ ROLE_ADMIN, ROLE_AUDITOR, "admin_audits", "admin and auditor",
	  "Give roles.auditor in frontd.conf to somebody who can change nothing, so that an admin's doings are read by "
	  "other eyes." },
	{ ROLE_ADMIN, ROLE_APPROVES, "admin_approves", "admin and approver",
	  "Give roles.approver in frontd.conf to people who are no admins, so that who asks and who agrees are two." },
	{ ROLE_APPROVES, ROLE_AUDITOR, "approver_audits", "approver and auditor",
	  "Give roles.auditor in frontd.conf to somebody who approves nothing, and looks at what others approved." },
};
#define PAIRS (sizeof(pairs) / sizeof(pairs[0]))

struct duties {
	const struct authz *authz;
	char both[PAIRS][MAX_NAMED]; /* who; empty: nobody */
	unsigned seen;		     /* roles that anybody has */
};

static void roles_add(struct duties *d, const struct peer *peer, const char *name)
{
	unsigned roles = authz_roles_of(d->authz, peer);
	d->seen |= roles;
	for (size_t i = 0; i < PAIRS; i++)
		if (roles & pairs[i].one && roles & pairs[i].other && !*d->both[i])
			snprintf(d->both[i], sizeof(d->both[i]), "%s", name);
}

static void account_add(struct duties *d, const struct passwd *account)
{
	struct peer peer = { .uid = account->pw_uid, .gid = account->pw_gid };
	int count = MAX_PEER_GROUPS;
	if (getgrouplist(account->pw_name, account->pw_gid, peer.groups, &count) >= 0)
		peer.group_count = (size_t)count;
	roles_add(d, &peer, account->pw_name);
}

/* A user without an account, or all in a group, though the host may not be able to say who they are. */
static void named_add(struct duties *d, const struct peer_rule *rule)
{
	struct peer peer = { .uid = rule->is_group ? (uid_t)-1 : rule->id,
			     .gid = rule->is_group ? rule->id : (gid_t)-1 };
	char name[MAX_NAMED], memory[4096];
	struct group entry, *found = NULL;
	if (rule->is_group && getgrgid_r(rule->id, &entry, memory, sizeof(memory), &found) == 0 && found)
		snprintf(name, sizeof(name), "group %.50s", found->gr_name);
	else
		snprintf(name, sizeof(name), "%s %u", rule->is_group ? "gid" : "uid", rule->id);
	roles_add(d, &peer, name);
}

/* All accounts that the host lists, with their groups, and who the configuration names. */
static void duties_read(struct duties *d)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* getpwent() has one place for all */
	struct passwd *account;
	struct peer_rule rule;
	pthread_mutex_lock(&lock);
	setpwent();
	for (int i = 0; i < MAX_ACCOUNTS && (account = getpwent()); i++)
		account_add(d, account);
	endpwent();
	pthread_mutex_unlock(&lock);
	for (size_t i = 0; authz_named(d->authz, i, &rule); i++)
		named_add(d, &rule);
}

/* A person who both asks and agrees is one person. */
static void look_at_keys(struct diagnosis *d, const struct approvers_read_reply *r)
{
	struct list keys = r->keys, others;
	struct approver_report one, other;
	struct slice item, next;
	uint8_t role, second;
	char name[65];
	while (list_next(&keys, &role, &item)) {
		if (role != ROLE_APPROVER || !report_approver_get(item, &one))
			continue;
		for (others = r->keys; list_next(&others, &second, &next);)
			if (second == ROLE_REQUESTER && report_approver_get(next, &other) &&
			    memcmp(one.key, other.key, sizeof(one.key)) == 0)
				finding_put(d, WARNING, "duties", "requester_approves",
					    diagnosis_text(one.name, name, sizeof(name)),
					    "Take it out of one of approvals.approvers and approvals.requesters in "
					    "signd.conf: who asks and who agrees should have keys of their own.",
					    "The key of %s is pinned as an approver's and as a requester's.", name);
	}
}

static void look_at_numbers(struct diagnosis *d, const struct approvers_read_reply *r)
{
	const struct {
		const char *name, *what;
		uint8_t needed;
	} acts[] = { { "new_ca", "a new CA", r->new_ca },
		     { "new_root", "a new root", r->new_root },
		     { "subca_foreign", "a CA over an outside key", r->subca_foreign },
		     { "import_root", "registering a root", r->import_root },
		     { "resume", "lifting a latch", r->resume },
		     { "epoch", "opening an epoch", r->epoch_needed } };
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (acts[i].needed == 1)
			finding_put(
				d, WARNING, "duties", "one_approval", acts[i].name,
				"Set it to 2 or more in signd.conf, so that no single key, lost or talked out of its "
				"owner, is enough.",
				"One approval is enough for %s (approvals.%s).", acts[i].what, acts[i].name);
}

static bool is_asked(const struct approvers_read_reply *r)
{
	return r->new_ca || r->new_root || r->subca_foreign || r->import_root || r->resume || r->epoch_needed;
}

static void look_at_roles(struct diagnosis *d, bool asked)
{
	struct duties duties = { .authz = d->front->authz };
	char all[PAIRS * (MAX_NAMED + 32)] = "";
	duties_read(&duties);
	for (size_t i = 0; i < PAIRS; i++) {
		size_t n = strlen(all);
		if (!*duties.both[i])
			continue;
		snprintf(all + n, sizeof(all) - n, "%s%s is %s", n ? ", " : "", duties.both[i], pairs[i].what);
		if (asked)
			finding_put(d, WARNING, "duties", pairs[i].code, duties.both[i], pairs[i].todo,
				    "%s is both %s.", duties.both[i], pairs[i].what);
	}
	if (asked && !(duties.seen & ROLE_APPROVES))
		finding_put(
			d, WARNING, "duties", "no_approver", "",
			"Name in roles.approver of frontd.conf who hands approvals in; admins may, but not for what "
			"they asked for themselves.",
			"signd.conf asks for approvals, and nobody has the role of an approver.");
	diagnosis_looked(d, "duties", "%s%s", asked ? "Approvals are asked for" : "No approvals are asked for",
			 *all ? "; roles are shared: " : "; admin, approver and auditor are told apart.");
	if (*all)
		diagnosis_looked(d, "duties", "%s. Told apart, they would look at each other.", all);
}

struct waits {
	struct diagnosis *d;
	struct store_session *session;
	size_t open, approved;
};

static int look_at_proposal(void *with, struct proposal_row *row)
{
	struct waits *w = with;
	char id[33], todo[128];
	if (row->expires_at < time_now())
		return 0;
	int complete = proposal_complete(w->session, row);
	if (complete <= 0) {
		w->open++;
		return complete;
	}
	w->approved++;
	for (size_t i = 0; i < sizeof(row->id); i++)
		snprintf(id + 2 * i, 3, "%02x", row->id[i]);
	snprintf(todo, sizeof(todo),
		 row->ca_id.len ? "Carry it out: chancery proposal execute %s"
				: "Root carries it out on the signer's host (%s).",
		 id);
	finding_put(w->d, WARNING, "duties", "proposal_approved", id, todo,
		    "A proposal%s%s has its approvals and was not carried out.", row->name.len ? " for " : "",
		    row_text(row->name));
	return 0;
}

static void look_at_proposals(struct diagnosis *d)
{
	scoped_session *s = NULL;
	struct waits w = { .d = d };
	if (store_read(d->front->store, &s))
		return;
	w.session = s;
	if (store_proposal_list(s, "open", look_at_proposal, &w) == 0)
		diagnosis_looked(d, "proposals", "%zu wait for approvals, %zu to be carried out.", w.open, w.approved);
}

void diagnosis_duties(struct diagnosis *d)
{
	struct approvers_read_request request;
	struct approvers_read_reply reply = { 0 };
	scoped_answer answer = { 0 };
	memset(&request, 0, sizeof(request));
	if (signer_approvers_read(d->front->signer, &request, &reply, &answer) != SIGNER_DONE)
		return;
	look_at_roles(d, is_asked(&reply));
	look_at_keys(d, &reply);
	look_at_numbers(d, &reply);
	look_at_proposals(d);
}
