/*
 * For jail.t, run as a daemon's user:
 *
 *   jail_probe attach PID                what the same user can do to a daemon
 *   jail_probe try OWN FOREIGN ATTEMPT   takes on the signer's rights with OWN as its folder, then tries
 *
 * Says "done", or the name of the error. An attempt that kills says nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/jail.h"
#include "base/log.h"
#include "signd/calls.h"

static const char *own, *foreign;

static int file_in(const char *folder, const char *name, int flags)
{
	char path[8192];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, flags | O_CLOEXEC, 0600);
	return fd < 0 ? -1 : close(fd);
}

static int try_own_write(void)
{
	return file_in(own, "written", O_RDWR | O_CREAT | O_TRUNC);
}
static int try_own_rename(void)
{
	char from[4096], to[4096];
	snprintf(from, sizeof(from), "%s/written", own);
	snprintf(to, sizeof(to), "%s/renamed", own);
	return file_in(own, "written", O_RDWR | O_CREAT) == 0 ? rename(from, to) : -1;
}
static int try_foreign_read(void)
{
	return file_in(foreign, "readable", O_RDONLY);
}
static int try_foreign_write(void)
{
	return file_in(foreign, "made", O_RDWR | O_CREAT);
}
static int try_foreign_list(void)
{
	return file_in(foreign, ".", O_RDONLY | O_DIRECTORY);
}
static int try_passwd(void)
{
	return file_in("/etc", "passwd", O_RDONLY);
}
static int try_up_and_over(void)
{
	char path[8100];
	snprintf(path, sizeof(path), "%s/..%s", own, strrchr(foreign, '/'));
	return file_in(path, "readable", O_RDONLY);
}
static int try_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}
static int try_inet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}
static int try_inet6(void)
{
	return socket(AF_INET6, SOCK_DGRAM, 0);
}
static int try_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}
static int try_socketpair(void)
{
	int pair[2];
	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}
static int try_execve(void)
{
	char *const arguments[] = { (char *)"true", NULL };
	return execve("/bin/true", arguments, arguments + 1);
}
static int try_fork(void)
{
	return fork();
}
static int try_vfork_call(void)
{
	return (int)syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, NULL);
}
static void *idle(void *with)
{
	return with;
}
static int try_thread(void)
{
	pthread_t thread;
	errno = pthread_create(&thread, NULL, idle, NULL);
	return errno ? -1 : 0;
}
static int try_ptrace(void)
{
	return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}
static int try_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}
static int try_code_later(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return at == MAP_FAILED ? -1 : mprotect(at, 4096, PROT_READ | PROT_EXEC);
}
static int try_setuid(void)
{
	return setuid(getuid());
}
static int try_kill(void)
{
	return kill(getppid(), 0);
}
static int try_kill_thread(void)
{
	return (int)syscall(SYS_tgkill, getppid(), getppid(), 0);
}
static int try_unlisted(void)
{
	return (int)syscall(SYS_sysinfo, own);
}
static int try_time_set(void)
{
	struct timespec t = { 0, 0 };
	return clock_settime(CLOCK_REALTIME, &t);
}
static int try_abort(void)
{
	abort();
}
static int try_memory(void)
{
	char *at = malloc(64 << 20);
	if (!at)
		return -1;
	memset(at, 1, 64 << 20);
	free(at);
	return 0;
}

static const struct attempt {
	const char *name;
	int (*act)(void);
} attempts[] = {
	{ "own-write", try_own_write },
	{ "own-rename", try_own_rename },
	{ "foreign-read", try_foreign_read },
	{ "foreign-write", try_foreign_write },
	{ "foreign-list", try_foreign_list },
	{ "passwd", try_passwd },
	{ "up-and-over", try_up_and_over },
	{ "unix", try_unix },
	{ "inet", try_inet },
	{ "inet6", try_inet6 },
	{ "netlink", try_netlink },
	{ "socketpair", try_socketpair },
	{ "execve", try_execve },
	{ "fork", try_fork },
	{ "vfork", try_vfork_call },
	{ "thread", try_thread },
	{ "ptrace", try_ptrace },
	{ "code", try_code },
	{ "code-later", try_code_later },
	{ "setuid", try_setuid },
	{ "kill", try_kill },
	{ "kill-thread", try_kill_thread },
	{ "unlisted", try_unlisted },
	{ "time-set", try_time_set },
	{ "abort", try_abort },
	{ "memory", try_memory },
};

static void say(const char *what, int result)
{
	printf("%s%s%s\n", what, *what ? " " : "", result >= 0 ? "done" : strerrorname_np(errno));
	fflush(stdout);
}

static int attach(pid_t pid)
{
	char path[64];
	say("ptrace", (int)ptrace(PTRACE_ATTACH, pid, NULL, NULL));
	say("seize", (int)ptrace(PTRACE_SEIZE, pid, NULL, NULL));
	static const char *const files[] = { "mem", "maps", "environ", "fd", "auxv" };
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		say(files[i], fd);
	}
	return 0;
}

int main(int argc, char **argv)
{
	log_open("jail_probe", LOG_LEVEL_INFO);
	if (argc == 3 && strcmp(argv[1], "attach") == 0)
		return attach((pid_t)atoi(argv[2]));
	if (argc != 5 || strcmp(argv[1], "try") != 0)
		return 2;
	own = argv[2];
	foreign = argv[3];
	const struct jail_path paths[] = { { own, JAIL_WRITE } };
	if (jail_enter() != 0 || jail_files(64) != 0 || jail_paths(paths, 1) != 0 || calls_limit(false) != 0)
		return 3;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		if (strcmp(attempts[i].name, argv[4]) == 0) {
			say("", attempts[i].act());
			_exit(0);
		}
	}
	return 2;
}
