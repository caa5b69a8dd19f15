#include "frontd/authz.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct patterns {
	bool stated;
	size_t count;
	struct name_pattern all[MAX_GRANT_PATTERNS];
};

/* One entry of roles.issuer. A list that isn't stated limits nothing; peers and identities that aren't admit nobody. */
struct grant_entry {
	struct peer_rules peers;
	struct patterns identities;
	bool limits_cas, limits_profiles;
	size_t ca_count, profile_count;
	char *cas[MAX_GRANT_PATTERNS], *profiles[MAX_GRANT_PATTERNS];
	struct patterns names;
};

struct authz {
	struct peer_rules admin, auditor, operator_, approver;
	size_t grant_count;
	struct grant_entry grants[MAX_GRANTS];
};

/* The entries that admit one caller. */
struct grant {
	size_t count;
	const struct grant_entry *entries[MAX_GRANTS];
};

/* Texts of a list; true if the list is there. */
static bool texts_read(struct conf *conf, const char *path, char *out[MAX_GRANT_PATTERNS], size_t *count)
{
	char item[160];
	size_t n = conf_count(conf, path);
	if (n > MAX_GRANT_PATTERNS) {
		conf_reject(conf, path, "at most 64 entries");
		n = MAX_GRANT_PATTERNS;
	}
	for (size_t i = 0; i < n; i++) {
		snprintf(item, sizeof(item), "%s.[%zu]", path, i);
		out[i] = strdup(conf_text(conf, item, NULL));
		*count = out[i] ? i + 1 : *count;
	}
	return conf_has(conf, path);
}

static void patterns_read(struct conf *conf, const char *path, struct patterns *out)
{
	char *texts[MAX_GRANT_PATTERNS];
	size_t count = 0;
	out->stated = texts_read(conf, path, texts, &count);
	for (size_t i = 0; i < count; i++) {
		const char *why = "a name pattern such as dns:*.example.com";
		char item[160];
		snprintf(item, sizeof(item), "%s.[%zu]", path, i);
		if (*texts[i] && !name_pattern_parse(texts[i], &out->all[i], &why))
			conf_reject(conf, item, why);
		free(texts[i]);
	}
	out->count = count;
}

static bool patterns_match(const struct patterns *p, uint8_t type, struct slice name)
{
	for (size_t i = 0; i < p->count; i++)
		if (name_pattern_matches(&p->all[i], type, name))
			return true;
	return false;
}

static void patterns_free(struct patterns *p)
{
	for (size_t i = 0; i < p->count; i++)
		buf_free(&p->all[i].value);
}

static void grant_read(struct conf *conf, size_t i, struct grant_entry *g)
{
	char path[64];
	snprintf(path, sizeof(path), "roles.issuer.[%zu].peers", i);
	conf_peers(conf, path, &g->peers);
	snprintf(path, sizeof(path), "roles.issuer.[%zu].cas", i);
	g->limits_cas = texts_read(conf, path, g->cas, &g->ca_count);
	snprintf(path, sizeof(path), "roles.issuer.[%zu].profiles", i);
	g->limits_profiles = texts_read(conf, path, g->profiles, &g->profile_count);
	snprintf(path, sizeof(path), "roles.issuer.[%zu].names", i);
	patterns_read(conf, path, &g->names);
	snprintf(path, sizeof(path), "roles.issuer.[%zu].identities", i);
	patterns_read(conf, path, &g->identities);
}

struct authz *authz_read(struct conf *conf)
{
	struct authz *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	conf_count(conf, "roles");
	conf_peers(conf, "roles.admin", &a->admin);
	conf_peers(conf, "roles.auditor", &a->auditor);
	conf_peers(conf, "roles.operator", &a->operator_);
	conf_peers(conf, "roles.approver", &a->approver);
	a->grant_count = conf_count(conf, "roles.issuer");
	if (a->grant_count > MAX_GRANTS) {
		conf_reject(conf, "roles.issuer", "at most 32 entries");
		a->grant_count = MAX_GRANTS;
	}
	for (size_t i = 0; i < a->grant_count; i++)
		grant_read(conf, i, &a->grants[i]);
	return a;
}

void authz_free(struct authz *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->grant_count; i++) {
		struct grant_entry *g = &a->grants[i];
		for (size_t j = 0; j < g->ca_count; j++)
			free(g->cas[j]);
		for (size_t j = 0; j < g->profile_count; j++)
			free(g->profiles[j]);
		patterns_free(&g->names);
		patterns_free(&g->identities);
	}
	free(a);
}

/* "uid:1000(alice)"; the name is left out if there is none, and reduced to what can't confuse a reader. */
static void actor_name(struct caller *who)
{
	char memory[2048];
	struct passwd entry, *found = NULL;
	int n = snprintf(who->actor, sizeof(who->actor), "uid:%u", who->peer.uid);
	if (getpwuid_r(who->peer.uid, &entry, memory, sizeof(memory), &found) != 0 || !found || !found->pw_name[0])
		return;
	char name[64];
	snprintf(name, sizeof(name), "%s", found->pw_name);
	for (char *c = name; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-$@", *c))
			*c = '?';
	snprintf(who->actor + n, sizeof(who->actor) - (size_t)n, "(%s)", name);
}

static bool identities_match(const struct patterns *p, struct list names)
{
	uint8_t type;
	struct slice name;
	while (list_next(&names, &type, &name))
		if (patterns_match(p, type, name))
			return true;
	return false;
}

/* names: of the caller's certificate; NULL: the kernel says who he is. */
static void grants_find(const struct authz *a, const struct list *names, struct caller *who)
{
	struct grant *g = calloc(1, sizeof(*g));
	for (size_t i = 0; i < a->grant_count && g; i++) {
		const struct grant_entry *entry = &a->grants[i];
		if (names ? identities_match(&entry->identities, *names) : peer_matches(&entry->peers, &who->peer))
			g->entries[g->count++] = entry;
	}
	if (g && g->count)
		who->roles |= ROLE_ISSUER;
	who->grant = g;
}

unsigned authz_roles_of(const struct authz *a, const struct peer *peer)
{
	return (peer_matches(&a->admin, peer) ? ROLE_ADMIN : 0) | (peer_matches(&a->auditor, peer) ? ROLE_AUDITOR : 0) |
	       (peer_matches(&a->operator_, peer) ? ROLE_OPERATOR : 0) |
	       (peer_matches(&a->approver, peer) ? ROLE_APPROVES : 0);
}

bool authz_named(const struct authz *a, size_t i, struct peer_rule *out)
{
	const struct peer_rules *const lists[] = { &a->admin, &a->auditor, &a->approver };
	size_t at = 0;
	while (at < sizeof(lists) / sizeof(lists[0]) && i >= lists[at]->count)
		i -= lists[at++]->count;
	if (at == sizeof(lists) / sizeof(lists[0]))
		return false;
	*out = lists[at]->rules[i];
	return true;
}

void authz_identify(const struct authz *a, struct caller *who)
{
	who->roles = 0;
	who->grant = NULL;
	actor_name(who);
	if (!a)
		return;
	who->roles = authz_roles_of(a, &who->peer);
	grants_find(a, NULL, who);
}

/* "est:dns:host.example.com": the first name, reduced as above. */
static void vouched_name(struct list names, struct caller *who)
{
	scoped_buf text;
	uint8_t type;
	struct slice name;
	buf_init(&text, 2 * MAX_NAME + 64);
	if (list_next(&names, &type, &name))
		name_print(AS_NAME, type, name, &text);
	int n = snprintf(who->actor, sizeof(who->actor), "est:%.*s", (int)text_cut(buf_slice(&text), 80),
			 text.at ? (const char *)text.at : "");
	for (int i = 0; i < n && i < (int)sizeof(who->actor) - 1; i++)
		if (who->actor[i] <= ' ' || who->actor[i] > '~' || strchr("\"\\=", who->actor[i]))
			who->actor[i] = '?';
}

void authz_vouch(const struct authz *a, struct list names, struct caller *who)
{
	who->roles = 0;
	who->grant = NULL;
	vouched_name(names, who);
	if (a)
		grants_find(a, &names, who);
}

void authz_forget(struct caller *who)
{
	free((void *)(uintptr_t)who->grant);
	who->grant = NULL;
}

static bool is_listed(char *const *list, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], "*") == 0 || strcmp(list[i], text) == 0)
			return true;
	return false;
}

static bool names_allowed(const struct grant_entry *g, struct list names, char why[200])
{
	uint8_t type;
	struct slice name;
	while (g->names.stated && list_next(&names, &type, &name)) {
		if (patterns_match(&g->names, type, name))
			continue;
		scoped_buf text;
		buf_init(&text, 2 * MAX_NAME + 64);
		name_print(AS_NAME, type, name, &text);
		snprintf(why, 200, "the name %.*s is outside the caller's patterns",
			 (int)text_cut(buf_slice(&text), 128), text.at ? (const char *)text.at : "");
		return false;
	}
	return true;
}

static bool entry_allows(const struct grant_entry *g, const char *ca_id, const char *profile, struct list names,
			 char why[200])
{
	if (g->limits_cas && !is_listed(g->cas, g->ca_count, ca_id)) {
		snprintf(why, 200, "the caller may not use the CA %.64s", ca_id);
		return false;
	}
	if (g->limits_profiles && !is_listed(g->profiles, g->profile_count, profile)) {
		snprintf(why, 200, "the caller may not use the profile %.64s", profile);
		return false;
	}
	return names_allowed(g, names, why);
}

bool authz_may_issue(const struct caller *who, const char *ca_id, const char *profile, struct list alt_names,
		     char why[200])
{
	if (who->roles & ROLE_ADMIN)
		return true;
	snprintf(why, 200, "the caller has no issuer role");
	if (!(who->roles & ROLE_ISSUER) || !who->grant)
		return false;
	for (size_t i = 0; i < who->grant->count; i++)
		if (entry_allows(who->grant->entries[i], ca_id, profile, alt_names, why))
			return true;
	return false;
}

json_t *authz_roles_json(unsigned roles)
{
	static const char *const names[] = { "admin", "issuer", "auditor", "operator", "approver" };
	json_t *out = json_array();
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]) && out; i++)
		if (roles & (1u << i))
			json_array_append_new(out, json_string(names[i]));
	return out;
}
