#include "frontd/backup.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/log.h"
#include "base/time.h"
#include "frontd/front.h"
#include "store/store.h"

#define SPARE (64UL << 20) /* bytes that a copy leaves on the disk, for those who go on writing meanwhile */

static uint64_t file_size(const char *path, const char *ending)
{
	char name[PATH_MAX];
	struct stat st;
	if (snprintf(name, sizeof(name), "%s%s", path, ending) >= (int)sizeof(name) || stat(name, &st) != 0)
		return 0;
	return (uint64_t)st.st_size;
}

/* The copy stands beside the database until it is sent: it must not be what fills the disk. */
static int room_check(const struct front *f, struct call *c)
{
	struct statvfs disk;
	uint64_t size = file_size(f->database, "") + file_size(f->database, "-wal");
	if (statvfs(f->database, &disk) != 0)
		return -1;
	if ((uint64_t)disk.f_bavail * disk.f_frsize >= size + SPARE)
		return 0;
	int refused =
		call_refuse(c, 503, "disk_short", NULL,
			    "A copy takes %llu MiB on the database's disk until it is sent, and %lu MiB must stay "
			    "free; there is not so much.",
			    (unsigned long long)(size >> 20) + 1, SPARE >> 20);
	c->error.retry_after = 600;
	return refused;
}

/* With nobody else at it. */
static int copy_make(struct front *f, struct call *c)
{
	char path[PATH_MAX];
	int file, r = room_check(f, c);
	int64_t begun = time_boot_ms();
	if (r)
		return r;
	if (snprintf(path, sizeof(path), "%s.copy", f->database) >= (int)sizeof(path) ||
	    store_copy(f->store, path, &file) != 0)
		return -1;
	log_info("database_copied", "actor=%s ms=%lld", c->who->actor, (long long)(time_boot_ms() - begun));
	return call_reply_file(c, 200, file, "application/vnd.sqlite3");
}

int backup_database(struct front *f, struct call *c)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	if (pthread_mutex_trylock(&one) != 0) {
		int refused = call_refuse(c, 409, "backup_running", NULL,
					  "Another copy of the database is being made; wait until it is done.");
		c->error.retry_after = 5;
		return refused;
	}
	int r = copy_make(f, c);
	pthread_mutex_unlock(&one);
	return r;
}
