#include "base/peer.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int peer_of(int fd, struct peer *out)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0)
		return -1;
	*out = (struct peer){ .uid = cred.uid, .gid = cred.gid, .pid = cred.pid };
	size = sizeof(out->groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, out->groups, &size) != 0)
		return -1;
	out->group_count = size / sizeof(gid_t);
	return out->uid == OVERFLOW_UID;
}

static bool parse_id(const char *text, uint32_t *id)
{
	char *end;
	errno = 0;
	unsigned long v = strtoul(text, &end, 10);
	*id = (uint32_t)v;
	return text[0] >= '0' && text[0] <= '9' && !*end && errno == 0 && v < UINT32_MAX;
}

/*
 * Names are looked up in the host's own files and nowhere else: getpwnam()
 * would load whatever nsswitch.conf names into the signer.
 */
static bool user_id(const char *name, uint32_t *id)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *user = NULL;
	while (file && (user = fgetpwent(file)) && strcmp(user->pw_name, name) != 0)
		continue;
	*id = user ? user->pw_uid : 0;
	if (file)
		fclose(file);
	return user != NULL;
}

static bool group_id(const char *name, uint32_t *id)
{
	FILE *file = fopen("/etc/group", "re");
	const struct group *group = NULL;
	while (file && (group = fgetgrent(file)) && strcmp(group->gr_name, name) != 0)
		continue;
	*id = group ? group->gr_gid : 0;
	if (file)
		fclose(file);
	return group != NULL;
}

static bool parse_rule(const char *text, struct peer_rule *rule, const char **why)
{
	rule->is_group = strncmp(text, "group:", 6) == 0;
	if (rule->is_group || strncmp(text, "user:", 5) == 0) {
		*why = rule->is_group ? "no such group in /etc/group; gid:N admits one from elsewhere"
				      : "no such user in /etc/passwd; uid:N admits one from elsewhere";
		return rule->is_group ? group_id(text + 6, &rule->id) : user_id(text + 5, &rule->id);
	}
	*why = "expected user:NAME, group:NAME, uid:N or gid:N";
	rule->is_group = strncmp(text, "gid:", 4) == 0;
	return (rule->is_group || strncmp(text, "uid:", 4) == 0) && parse_id(text + 4, &rule->id);
}

bool peer_rule_add(struct peer_rules *rules, const char *text, const char **why)
{
	struct peer_rule rule;
	if (rules->count == MAX_PEER_RULES) {
		*why = "too many entries in this list";
		return false;
	}
	if (!parse_rule(text, &rule, why))
		return false;
	if (!rule.is_group && rule.id == OVERFLOW_UID) {
		*why = "uid 65534 stands for anybody whom the kernel cannot name and is never admitted";
		return false;
	}
	rules->rules[rules->count++] = rule;
	return true;
}

static bool in_group(const struct peer *peer, uint32_t gid)
{
	if (peer->gid == gid)
		return true;
	for (size_t i = 0; i < peer->group_count; i++)
		if (peer->groups[i] == gid)
			return true;
	return false;
}

bool peer_matches(const struct peer_rules *rules, const struct peer *peer)
{
	if (peer->uid == OVERFLOW_UID)
		return false;
	for (size_t i = 0; i < rules->count; i++) {
		const struct peer_rule *rule = &rules->rules[i];
		if (rule->is_group ? in_group(peer, rule->id) : peer->uid == rule->id)
			return true;
	}
	return false;
}
