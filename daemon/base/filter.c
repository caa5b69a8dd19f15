#include "base/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

/* Numbers mean other calls on other architectures: the kernel tells which one was used. */
#if defined(__x86_64__)
#define THIS_ARCHITECTURE AUDIT_ARCH_X86_64
#define MAX_CALL 0x3fffffff /* above are the calls of x32, which has other numbers under the same name */
#elif defined(__aarch64__)
#define THIS_ARCHITECTURE AUDIT_ARCH_AARCH64
#define MAX_CALL 0x7fffffff
#else
#define THIS_ARCHITECTURE 0 /* not known here: no filter */
#define MAX_CALL 0x7fffffff
#endif

#define ROW_SIZE 6
#define HEAD_SIZE 6

struct program {
	struct sock_filter code[HEAD_SIZE + MAX_FILTER_ROWS * ROW_SIZE + 1];
	unsigned short n;
};

static void put(struct program *p, uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false)
{
	p->code[p->n++] = (struct sock_filter){ code, if_true, if_false, k };
}

static void put_load(struct program *p, size_t offset)
{
	put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void put_return(struct program *p, uint32_t action)
{
	put(p, BPF_RET | BPF_K, action, 0, 0);
}

static void put_head(struct program *p)
{
	put_load(p, offsetof(struct seccomp_data, arch));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCHITECTURE, 1, 0);
	put_return(p, SECCOMP_RET_KILL_PROCESS);
	put_load(p, offsetof(struct seccomp_data, nr));
	put(p, BPF_JMP | BPF_JGT | BPF_K, MAX_CALL, 0, 1);
	put_return(p, SECCOMP_RET_KILL_PROCESS);
}

static uint32_t action_of(enum filter_verdict verdict)
{
	if (verdict == FILTER_ALLOW)
		return SECCOMP_RET_ALLOW;
	return verdict == FILTER_KILL ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | ENOSYS;
}

/* The call's number is in the accumulator before and after each row. */
static void put_row(struct program *p, const struct filter_row *row)
{
	if (!row->mask) {
		put(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)row->call, 0, 1);
		put_return(p, action_of(row->verdict));
		return;
	}
	put(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)row->call, 0, 5);
	/* The low half: both architectures are little-endian. */
	put_load(p, offsetof(struct seccomp_data, args) + row->argument * sizeof(uint64_t));
	put(p, BPF_ALU | BPF_AND | BPF_K, row->mask, 0, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, row->value, 0, 1);
	put_return(p, action_of(row->verdict));
	put_load(p, offsetof(struct seccomp_data, nr));
}

int filter_apply(const struct filter_row *rows, size_t n)
{
	struct program program = { .n = 0 };
	if (!THIS_ARCHITECTURE) {
		log_warning("filter_missing",
			    "why=\"none for this architecture\" effect=\"any system call can be made\"");
		return 0;
	}
	if (n > MAX_FILTER_ROWS) {
		log_error("filter_failed", "rows=%zu most=%d", n, MAX_FILTER_ROWS);
		return -1;
	}
	put_head(&program);
	for (size_t i = 0; i < n; i++)
		put_row(&program, &rows[i]);
	put_return(&program, SECCOMP_RET_ERRNO | EPERM);
	struct sock_fprog all = { program.n, program.code };
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &all);
	if (r == 0)
		return 0;
	if (r < 0 && errno == ENOSYS) {
		log_warning("filter_missing", "why=\"%s\" effect=\"any system call can be made\"", log_errno());
		return 0;
	}
	log_error("filter_failed", "thread=%ld why=\"%s\"", r, r > 0 ? "a thread could not be held" : log_errno());
	return -1;
}
