#include "signd/calls.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/filter.h"
#include "base/log.h"

#define ALLOW(call)                                                                                                    \
	{                                                                                                              \
		SYS_##call, FILTER_ALLOW, 0, 0, 0                                                                      \
	}
#define ALLOW_IF(call, argument, mask, value)                                                                          \
	{                                                                                                              \
		SYS_##call, FILTER_ALLOW, argument, mask, value                                                        \
	}
#define KILL(call)                                                                                                     \
	{                                                                                                              \
		SYS_##call, FILTER_KILL, 0, 0, 0                                                                       \
	}
#define KILL_IF(call, argument, mask, value)                                                                           \
	{                                                                                                              \
		SYS_##call, FILTER_KILL, argument, mask, value                                                         \
	}

/* What an issuance takes stands first, since rows are tried in order. */
static const struct filter_row rows[] = {
	ALLOW(futex),
	ALLOW(epoll_pwait),
	ALLOW(read),
	ALLOW(write),
	ALLOW(recvfrom),
	ALLOW(sendto),
	ALLOW(pread64),
	ALLOW(pwrite64),
	ALLOW(fdatasync),
#ifdef SYS_epoll_wait /* older architectures have the older form of a call beside the newer one */
	ALLOW(epoll_wait),
	ALLOW(open),
	ALLOW(stat),
	ALLOW(lstat),
	ALLOW(poll),
	ALLOW(rename),
	ALLOW(unlink),
#endif
	/* Files, of which Landlock says where. */
	ALLOW(openat),
	ALLOW(close),
	ALLOW(lseek),
	ALLOW(fstat),
	ALLOW(newfstatat),
	ALLOW(statx),
	ALLOW(getdents64),
	ALLOW(statfs),
	ALLOW(readv),
	ALLOW(writev),
	ALLOW(preadv),
	ALLOW(pwritev),
	ALLOW(fsync),
	ALLOW(fallocate),
	ALLOW(ftruncate),
	ALLOW(shutdown),
	ALLOW(renameat),
	ALLOW(renameat2),
	ALLOW(unlinkat),
	ALLOW(fchmod),
	ALLOW(flock),
	ALLOW(fcntl),
	ALLOW(dup), /* the anchors' folder is judged and read through two */
	ALLOW(memfd_create),
	/* Sockets: those of this host's programs. */
	ALLOW(accept4),
	ALLOW_IF(socket, 0, UINT32_MAX, AF_UNIX),
	KILL(socket),
	ALLOW(connect),
	ALLOW(recvmsg),
	ALLOW(sendmsg),
	ALLOW(getsockopt),
	ALLOW(setsockopt),
	ALLOW(ppoll),
	ALLOW(epoll_ctl),
	/* Memory, of which none is code. */
	ALLOW(brk),
	ALLOW_IF(mmap, 2, PROT_EXEC, 0),
	KILL(mmap),
	ALLOW_IF(mprotect, 2, PROT_EXEC, 0),
	KILL(mprotect),
	ALLOW(munmap),
	ALLOW(mremap),
	ALLOW(madvise),
	/* Time, chance, and who this is. */
	ALLOW(clock_gettime),
	ALLOW(clock_nanosleep),
	ALLOW(nanosleep),
	ALLOW(gettimeofday),
	ALLOW(getrandom),
	ALLOW(getpid),
	ALLOW(gettid),
	ALLOW(getuid),
	ALLOW(geteuid),
	ALLOW(getgid),
	ALLOW(getegid),
	/* Threads that wait and end; signals. */
	ALLOW(sched_yield),
	ALLOW(sched_getaffinity),
	ALLOW(set_robust_list),
	ALLOW(rseq),
	ALLOW(restart_syscall),
	ALLOW(rt_sigaction),
	ALLOW(rt_sigprocmask),
	ALLOW(rt_sigreturn),
	ALLOW(sigaltstack),
	ALLOW(exit),
	ALLOW(exit_group),
	/* What the signer never does by itself. */
	KILL(execve),
	KILL(execveat),
#ifdef SYS_fork
	KILL(fork),
	KILL(vfork),
#endif
	KILL_IF(clone, 0, CLONE_THREAD, 0),
	{ SYS_clone3, FILTER_ABSENT, 0, 0, 0 },
	KILL(ptrace),
	KILL(process_vm_readv),
	KILL(process_vm_writev),
	KILL(pidfd_getfd),
	KILL(setuid),
	KILL(setgid),
	KILL(setreuid),
	KILL(setregid),
	KILL(setresuid),
	KILL(setresgid),
	KILL(setgroups),
	KILL(unshare),
	KILL(setns),
	KILL(chroot),
	KILL(pivot_root),
	KILL(mount),
	KILL(umount2),
	KILL(bpf),
	KILL(perf_event_open),
	KILL(userfaultfd),
	KILL(io_uring_setup),
	KILL(add_key),
	KILL(request_key),
	KILL(keyctl),
	KILL(init_module),
	KILL(finit_module),
	KILL(delete_module),
	KILL(kexec_load),
	KILL(open_by_handle_at),
};

/* AddressSanitizer's threads, its leak check at the end, and the symbolizer of its reports. */
static const struct filter_row sanitizer_rows[] = {
	ALLOW(clone),	 ALLOW(execve),	    ALLOW(ptrace), ALLOW(process_vm_readv),
	ALLOW(wait4),	 ALLOW(prctl),	    ALLOW(pipe2),  ALLOW(dup3),
	ALLOW(tgkill),	 ALLOW(mmap),	    ALLOW(kill),   ALLOW(prlimit64),
	ALLOW(mprotect), ALLOW(getppid),    ALLOW(ioctl),  ALLOW(sched_setaffinity),
#ifdef SYS_dup2
	ALLOW(dup2),	 ALLOW(getdents),   ALLOW(pipe),   ALLOW(fork),
	ALLOW(vfork),	 ALLOW(arch_prctl),
#endif
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
_Static_assert(COUNT(rows) + COUNT(sanitizer_rows) + 1 <= MAX_FILTER_ROWS, "more rows than a filter takes");

int calls_limit(bool sanitized)
{
	struct filter_row all[MAX_FILTER_ROWS];
	struct rlimit none = { 0, 0 };
	size_t n = 0;
	if (sanitized) {
		memcpy(all, sanitizer_rows, sizeof(sanitizer_rows));
		n = COUNT(sanitizer_rows);
	} else if (setrlimit(RLIMIT_NPROC, &none) != 0) {
		/* Where the kernel has no filter this still keeps an unprivileged signer from forking. */
		log_error("limit_failed", "limit=processes why=\"%s\"", log_errno());
		return -1;
	}
	/* abort() raises its signal in its own process and nowhere else. */
	all[n++] = (struct filter_row)ALLOW_IF(tgkill, 0, UINT32_MAX, (uint32_t)getpid());
	memcpy(all + n, rows, sizeof(rows));
	return filter_apply(all, n + COUNT(rows));
}
