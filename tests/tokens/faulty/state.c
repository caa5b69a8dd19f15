#include "tokens/faulty/state.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct state *state_open(const char *folder)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/state", folder);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return NULL;
	/* Whoever comes first makes it for all: the driver may have a user of its own. Others may not change that. */
	(void)!fchmod(fd, 0666);
	void *at = MAP_FAILED;
	if (ftruncate(fd, sizeof(struct state)) == 0)
		at = mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return at == MAP_FAILED ? NULL : at;
}

struct state *state_private(void)
{
	static struct state state;
	return &state;
}

struct plan_mark plan_mark_of(const struct stat *st)
{
	return (struct plan_mark){ (uint64_t)st->st_ino, (uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec,
				   (uint64_t)st->st_size };
}

bool plan_mark_same(const struct plan_mark *a, const struct plan_mark *b)
{
	return a->inode == b->inode && a->seconds == b->seconds && a->nanoseconds == b->nanoseconds &&
	       a->size == b->size;
}

void state_take_plan(struct state *state, const struct plan_mark *mark)
{
	if (plan_mark_same(&state->mark, mark))
		return;
	for (unsigned i = 0; i < MAX_FAULTS; i++)
		atomic_store(&state->used[i], 0);
	state->mark = *mark;
}
