#include "base/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

int jail_enter(void)
{
	struct rlimit none = { 0, 0 };
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		log_error("jail_failed", "why=\"%s\"", log_errno());
		return -1;
	}
	return 0;
}

int jail_files(unsigned most)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_max = files.rlim_max < most ? files.rlim_max : most;
		files.rlim_cur = files.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &files) == 0)
			return 0;
	}
	log_error("jail_failed", "limit=files why=\"%s\"", log_errno());
	return -1;
}

/* Of Landlock's second and third version; older kernel headers lack the names. */
#define RIGHT_REFER (UINT64_C(1) << 13)
#define RIGHT_TRUNCATE (UINT64_C(1) << 14)

#define RIGHTS_OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE)
#define RIGHTS_TO_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_TO_WRITE                                                                                                \
	(RIGHTS_TO_READ | RIGHT_TRUNCATE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |            \
	 LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |                   \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK)

/* What is named here is forbidden wherever no rule allows it. */
static uint64_t rights_handled(long version)
{
	uint64_t rights = RIGHTS_TO_WRITE | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
			  LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM |
			  RIGHT_REFER;
	/* The first version forbids moving between folders by itself. */
	if (version < 2)
		rights &= ~RIGHT_REFER;
	if (version < 3)
		rights &= ~RIGHT_TRUNCATE;
	return rights;
}

static int path_open(const struct jail_path *p)
{
	char folder[PATH_MAX];
	if (p->use != JAIL_WRITE_BESIDE)
		return open(p->path, O_PATH | O_CLOEXEC);
	const char *slash = strrchr(p->path, '/');
	if (!slash)
		return open(".", O_PATH | O_CLOEXEC);
	snprintf(folder, sizeof(folder), "%.*s", slash == p->path ? 1 : (int)(slash - p->path), p->path);
	return open(folder, O_PATH | O_CLOEXEC);
}

static int path_allow(int rules, const struct jail_path *p, uint64_t handled)
{
	struct stat st;
	if (!*p->path)
		return 0;
	scoped_fd int fd = path_open(p);
	/* Whoever needs what isn't there says so, with its name. */
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return 0;
	if (fd < 0 || fstat(fd, &st) != 0)
		return -1;
	uint64_t rights = p->use == JAIL_READ ? RIGHTS_TO_READ : RIGHTS_TO_WRITE;
	if (!S_ISDIR(st.st_mode))
		rights &= RIGHTS_OF_FILES;
	struct landlock_path_beneath_attr rule = { .allowed_access = rights & handled, .parent_fd = fd };
	return (int)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static int failed(const char *path)
{
	log_error("jail_failed", "path=%s why=\"%s\"", path, log_errno());
	return -1;
}

int jail_paths(const struct jail_path *paths, size_t n)
{
	static const struct jail_path whole = { "/", JAIL_WRITE };
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (version < 1) {
		log_warning("landlock_missing", "why=\"%s\" effect=\"files are guarded by their permissions alone\"",
			    log_errno());
		return 0;
	}
	struct landlock_ruleset_attr attr = { .handled_access_fs = rights_handled(version) };
	/* Only the first field, which every version has. */
	scoped_fd int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0);
	if (rules < 0)
		return failed("-");
	for (size_t i = 0; i < n; i++)
		if (path_allow(rules, &paths[i], attr.handled_access_fs) != 0)
			return failed(paths[i].path);
	if (JAIL_SANITIZED && path_allow(rules, &whole, attr.handled_access_fs) != 0)
		return failed(whole.path);
	return syscall(SYS_landlock_restrict_self, rules, 0) == 0 ? 0 : failed("-");
}
