#include "base/ready.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/time.h"

#define FIRST_PASSED_FD 3
#define ALIVE_PARTS 4	   /* a notice that comes late by half the time is early enough */
#define MAX_ALIVE_MS 60000 /* however long the service manager is ready to wait */

void ready_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	if (!path || !*path || strlen(path) >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, strlen(path));
	if (path[0] == '@')
		to.sun_path[0] = '\0'; /* an abstract socket */
	scoped_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (fd >= 0)
		sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, size);
}

/* How often to speak up; -1 if nobody watches this process. */
static int alive_period(void)
{
	const char *pid = getenv("WATCHDOG_PID"), *within = getenv("WATCHDOG_USEC");
	if (!within || (pid && strtol(pid, NULL, 10) != getpid()))
		return -1;
	long long ms = strtoll(within, NULL, 10) / 1000 / ALIVE_PARTS;
	return ms < 1 ? -1 : ms > MAX_ALIVE_MS ? MAX_ALIVE_MS : (int)ms;
}

int ready_alive(void)
{
	static int period;
	static int64_t due;
	if (period == 0)
		period = alive_period();
	if (period < 0)
		return -1;
	int64_t now = time_boot_ms();
	if (now >= due) {
		ready_notify("WATCHDOG=1");
		due = now + period;
	}
	return (int)(due - now);
}

/* The index of name in a colon-separated list; -1 if it isn't there. */
static int list_index(const char *list, const char *name)
{
	size_t n = strlen(name);
	for (int i = 0; list; i++) {
		if (strncmp(list, name, n) == 0 && (list[n] == ':' || list[n] == '\0'))
			return i;
		list = strchr(list, ':');
		list += list != NULL;
	}
	return -1;
}

int ready_socket(const char *name)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	if (!pid || !count || strtol(pid, NULL, 10) != getpid())
		return -1;
	int i = list_index(getenv("LISTEN_FDNAMES"), name);
	if (i < 0 || i >= strtol(count, NULL, 10))
		return -1;
	int fd = FIRST_PASSED_FD + i;
	return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? fd : -1;
}
