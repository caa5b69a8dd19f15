/* A copy of the whole database as it is at one moment, made while it is written. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "store/sqlite/session.h"

#define ALL_PAGES (-1) /* in one read transaction: in steps, each commit in between would start the copy anew */

static int copy_failed(sqlite3 *to, const char *path)
{
	log_error("store_copy", "path=%s why=\"%s\"", path, to ? sqlite3_errmsg(to) : "out of memory");
	return -1;
}

/* All pages into an open, empty database. */
static int pages_copy(sqlite3 *from, sqlite3 *to, const char *path)
{
	if (sqlite3_exec(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL, NULL) != SQLITE_OK)
		return copy_failed(to, path);
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	if (!backup)
		return copy_failed(to, path);
	int step = sqlite3_backup_step(backup, ALL_PAGES);
	int finish = sqlite3_backup_finish(backup);
	return step == SQLITE_DONE && finish == SQLITE_OK ? 0 : copy_failed(to, path);
}

static int database_copy(struct store_session *s, const char *path)
{
	sqlite3 *to = NULL;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
	int r = sqlite3_open_v2(path, &to, flags, NULL) == SQLITE_OK ? pages_copy(s->db, to, path)
								     : copy_failed(to, path);
	if (sqlite3_close(to) != SQLITE_OK)
		r = -1;
	return r;
}

int store_copy(struct store *store, const char *path, int *out)
{
	scoped_session *s = NULL;
	unlink(path); /* of a process that ended in the midst */
	scoped_fd int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		log_error("store_copy", "path=%s why=\"%s\"", path, log_errno());
		return -1;
	}
	int r = store_read(store, &s);
	if (r == 0)
		r = database_copy(s, path);
	unlink(path);
	if (r == 0)
		*out = fd_take(&fd);
	return r;
}
