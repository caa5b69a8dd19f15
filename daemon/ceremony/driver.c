#include "ceremony/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/time.h"
#include "ceremony/dialogue.h"

#define LOGIN_MS 120000 /* a login that needs a keypad waits for somebody's fingers */
#define LOOK_MS 50
#define PIN_LATCHED "STATUS=TOKEN_PIN_LATCHED" /* as the driver tells its supervisor */

struct beside {
	char folder[32]; /* in memory: the PIN, and the socket at which the driver says that it is ready */
	char notify[64];
	char pin[64];
	int told;
	pid_t driver;
};

static void beside_forget(struct beside *b)
{
	if (b->pin[0])
		unlink(b->pin);
	if (b->notify[0])
		unlink(b->notify);
	if (b->folder[0])
		rmdir(b->folder);
	b->pin[0] = b->notify[0] = b->folder[0] = '\0';
}

static int pin_put(struct beside *b, const char *pin)
{
	snprintf(b->pin, sizeof(b->pin), "%s/pin", b->folder);
	scoped_fd int fd = open(b->pin, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
	return fd < 0 ? -1 : fd_write_all(fd, pin, strlen(pin));
}

static int notify_open(struct beside *b)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(b->notify, sizeof(b->notify), "%s/ready", b->folder);
	memcpy(address.sun_path, b->notify, strlen(b->notify));
	b->told = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return b->told < 0 ? -1 : bind(b->told, (struct sockaddr *)&address, sizeof(address));
}

static int beside_prepare(struct beside *b, const char *pin)
{
	snprintf(b->folder, sizeof(b->folder), "/dev/shm/chancery.XXXXXX");
	if (!mkdtemp(b->folder)) {
		b->folder[0] = '\0';
		return say_wrong("No folder can be made in memory, at /dev/shm: %s.", strerror(errno));
	}
	if (notify_open(b) != 0 || (pin && pin_put(b, pin) != 0))
		return say_wrong("The driver can't be prepared, at %s: %s.", b->folder, strerror(errno));
	return 0;
}

/* Its own session, so that a keyboard's interrupt does not end it before this program; it goes when this one goes. */
static void driver_run(const struct home *h, const struct beside *b, pid_t parent)
{
	char conf[PATH_MAX];
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || setsid() < 0 || setenv("NOTIFY_SOCKET", b->notify, 1) != 0 ||
	    setenv("CREDENTIALS_DIRECTORY", b->folder, 1) != 0)
		_exit(127);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(null, STDIN_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	execl(h->driver, "chancery-driver-pkcs11", "--config", home_path(h, "driver.conf", conf), (char *)NULL);
	_exit(127);
}

static int driver_ended(const struct home *h, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return say_wrong("The driver %s can't be run.", h->driver);
	return say_wrong("The token's driver ended instead of coming up; %s/log says why.", h->folder);
}

static int pin_latched(const struct home *h)
{
	return say_wrong("The token did not take the PIN, and no other try is made by itself: too many wrong ones lock "
			 "it. When you are sure of the PIN:\n"
			 "    %s --config %s/driver.conf --resume " TOKEN_NAME,
			 h->driver, h->folder);
}

static int driver_await(const struct home *h, struct beside *b)
{
	int64_t until = time_boot_ms() + LOGIN_MS;
	while (time_boot_ms() < until) {
		char text[64];
		int status;
		struct pollfd p = { b->told, POLLIN, 0 };
		if (poll(&p, 1, LOOK_MS) == 1) {
			ssize_t n = recv(b->told, text, sizeof(text) - 1, MSG_DONTWAIT);
			text[n > 0 ? n : 0] = '\0';
			if (strncmp(text, PIN_LATCHED, strlen(PIN_LATCHED)) == 0)
				return pin_latched(h);
			if (strncmp(text, "READY=1", 7) == 0)
				return 0;
		}
		if (waitpid(b->driver, &status, WNOHANG) == b->driver) {
			b->driver = 0;
			return driver_ended(h, status);
		}
	}
	return say_wrong("The token's driver did not come up; %s/log says why.", h->folder);
}

static void driver_end(struct beside *b)
{
	if (b->driver > 0 && kill(b->driver, SIGTERM) == 0)
		while (waitpid(b->driver, NULL, 0) < 0 && errno == EINTR)
			;
	b->driver = 0;
}

/* What the terminal sends to all of us is the child's to heed. */
static int child_await(pid_t child)
{
	int status;
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int driver_beside(const struct home *h, char *pin, int (*then)(void *with), void *with)
{
	struct beside b = { .told = -1 };
	pid_t self = getpid();
	int r = beside_prepare(&b, pin);
	if (pin)
		explicit_bzero(pin, strlen(pin));
	if (!r)
		b.driver = fork();
	if (!r && b.driver == 0)
		driver_run(h, &b, self);
	if (!r)
		r = b.driver < 0 ? say_wrong("No process can be started: %s.", strerror(errno)) : driver_await(h, &b);
	beside_forget(&b);
	fd_close(&b.told);
	pid_t child = r ? -1 : fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		exit(getppid() == self ? then(with) : 1);
	}
	if (!r)
		r = child < 0 ? say_wrong("No process can be started: %s.", strerror(errno)) : child_await(child);
	driver_end(&b);
	return r;
}
