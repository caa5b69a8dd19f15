/*
 * Who is at the other end of a Unix socket, and whether a configuration
 * admits him. The kernel vouches for it: SO_PEERCRED and SO_PEERGROUPS.
 */
#ifndef CHANCERY_BASE_PEER_H
#define CHANCERY_BASE_PEER_H

#include <sys/types.h>

#include "base/buf.h"

#define MAX_PEER_GROUPS 256 /* more supplementary groups than that: the connection is refused */
#define MAX_PEER_RULES 32   /* entries of one list in a configuration file */
#define OVERFLOW_UID 65534  /* "nobody", and whoever a user namespace cannot name: never admitted */

struct peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	size_t group_count;
	gid_t groups[MAX_PEER_GROUPS];
};

struct peer_rule {
	bool is_group;
	uint32_t id;
};

struct peer_rules {
	size_t count;
	struct peer_rule rules[MAX_PEER_RULES];
};

/* 0; positive: the overflow uid, refused; -1: the kernel would not say. */
int peer_of(int fd, struct peer *out);

/*
 * Adds one rule: "user:NAME", "group:NAME", "uid:N" or "gid:N"; names are those of /etc/passwd and /etc/group.
 * False with *why set to a sentence's end, such as "no such user".
 */
bool peer_rule_add(struct peer_rules *rules, const char *text, const char **why);
bool peer_matches(const struct peer_rules *rules, const struct peer *peer);

#endif
