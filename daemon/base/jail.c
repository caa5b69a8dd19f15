#include "base/jail.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

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
