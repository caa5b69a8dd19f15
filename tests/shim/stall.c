/*
 * Makes statements of SQL slow, to widen the moment between them and the
 * next: a library to preload.
 *
 * CHANCERY_SHIM_STALL names a file of one byte, mapped by the program and
 * written by the test: while it isn't 0, a statement with the text of
 * CHANCERY_SHIM_STALL_SQL in it waits so many hundredths of a second before
 * each of its steps.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct sqlite3_stmt;
typedef int stepper(struct sqlite3_stmt *statement);
typedef const char *teller(struct sqlite3_stmt *statement);

static _Atomic uint8_t *stall;
static const char *wanted;
static stepper *step;
static teller *tell;

__attribute__((constructor)) static void stall_start(void)
{
	const char *path = getenv("CHANCERY_SHIM_STALL");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
	stall = at == MAP_FAILED ? NULL : at;
	wanted = getenv("CHANCERY_SHIM_STALL_SQL");
	*(void **)&step = dlsym(RTLD_NEXT, "sqlite3_step");
	*(void **)&tell = dlsym(RTLD_NEXT, "sqlite3_sql");
	if (fd >= 0)
		close(fd);
}

int sqlite3_step(struct sqlite3_stmt *statement);
int sqlite3_step(struct sqlite3_stmt *statement)
{
	uint8_t hundredths = stall ? atomic_load(stall) : 0;
	const char *sql = hundredths && tell ? tell(statement) : NULL;
	if (sql && wanted && strstr(sql, wanted))
		nanosleep(&(struct timespec){ hundredths / 100, hundredths % 100 * 10000000L }, NULL);
	return step(statement);
}
