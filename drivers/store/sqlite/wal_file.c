#include "store/sqlite/wal_file.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define ROOM (120 * 1024) /* thirty pages: the layer below takes less than 128 KiB at once */

struct wal_file {
	sqlite3_file file; /* first: what SQLite sees */
	char *gathered;	   /* ROOM bytes from the first write on */
	size_t len;
	sqlite3_int64 at;			       /* where they belong */
	bool spare;				       /* commits are written, and flushed later */
	bool spared;				       /* one was, and nothing was flushed since */
	bool lost;				       /* a flush of such a commit failed */
	_Alignas(sqlite3_int64) unsigned char below[]; /* as well aligned as SQLite's memory is */
};

static sqlite3_vfs *unix_layer, layer;

static sqlite3_file *below(sqlite3_file *file)
{
	return (sqlite3_file *)((struct wal_file *)file)->below;
}

/* The file is left as it was before a write that failed: nothing of that is repeated. */
static int write_out(sqlite3_file *file)
{
	struct wal_file *w = (struct wal_file *)file;
	size_t n = w->len;
	w->len = 0;
	return n ? below(file)->pMethods->xWrite(below(file), w->gathered, (int)n, w->at) : SQLITE_OK;
}

static int wal_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
	struct wal_file *w = (struct wal_file *)file;
	bool follows = w->len && at == w->at + (sqlite3_int64)w->len && (size_t)n <= ROOM - w->len;
	if (w->lost)
		return SQLITE_IOERR_WRITE;
	int failed = follows ? SQLITE_OK : write_out(file);
	if (!w->gathered)
		w->gathered = malloc(ROOM);
	if (failed || !w->gathered || n > ROOM)
		return failed ? failed : below(file)->pMethods->xWrite(below(file), bytes, n, at);
	if (!follows)
		w->at = at;
	memcpy(w->gathered + w->len, bytes, (size_t)n);
	w->len += (size_t)n;
	return SQLITE_OK;
}

static int wal_close(sqlite3_file *file)
{
	int failed = write_out(file), closed = below(file)->pMethods->xClose(below(file));
	free(((struct wal_file *)file)->gathered);
	return failed ? failed : closed;
}

/* What else SQLite does to the file, it does to what was written. */
#define AFTER_WRITING(name, parameters, ...)                                                                           \
	static int wal_##name parameters                                                                               \
	{                                                                                                              \
		int failed = write_out(file);                                                                          \
		return failed ? failed : below(file)->pMethods->x##name(below(file), __VA_ARGS__);                     \
	}
AFTER_WRITING(Read, (sqlite3_file * file, void *to, int n, sqlite3_int64 at), to, n, at)
AFTER_WRITING(Truncate, (sqlite3_file * file, sqlite3_int64 size), size)
AFTER_WRITING(FileSize, (sqlite3_file * file, sqlite3_int64 *size), size)
AFTER_WRITING(Lock, (sqlite3_file * file, int level), level)
AFTER_WRITING(Unlock, (sqlite3_file * file, int level), level)
AFTER_WRITING(CheckReservedLock, (sqlite3_file * file, int *reserved), reserved)
AFTER_WRITING(FileControl, (sqlite3_file * file, int which, void *with), which, with)

/* SQLITE_SYNC_NORMAL is a commit's, SQLITE_SYNC_FULL all others', as PRAGMA checkpoint_fullfsync has it. */
static int wal_sync(sqlite3_file *file, int flags)
{
	struct wal_file *w = (struct wal_file *)file;
	int failed = write_out(file);
	if (!failed && w->spare && (flags & 0x0F) == SQLITE_SYNC_NORMAL) {
		w->spared = true;
		return SQLITE_OK;
	}
	failed = failed ? failed : below(file)->pMethods->xSync(below(file), flags);
	if (failed && w->spared)
		w->lost = true;
	w->spared = w->spared && failed;
	return failed;
}

static int wal_sector_size(sqlite3_file *file)
{
	return below(file)->pMethods->xSectorSize(below(file));
}

static int wal_characteristics(sqlite3_file *file)
{
	return below(file)->pMethods->xDeviceCharacteristics(below(file));
}

static const sqlite3_io_methods wal_methods = {
	.iVersion = 1,
	.xClose = wal_close,
	.xRead = wal_Read,
	.xWrite = wal_write,
	.xTruncate = wal_Truncate,
	.xSync = wal_sync,
	.xFileSize = wal_FileSize,
	.xLock = wal_Lock,
	.xUnlock = wal_Unlock,
	.xCheckReservedLock = wal_CheckReservedLock,
	.xFileControl = wal_FileControl,
	.xSectorSize = wal_sector_size,
	.xDeviceCharacteristics = wal_characteristics,
};

/* Every other file is the Unix layer's own, with nothing in between. */
static int file_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *got)
{
	(void)vfs;
	if (!(flags & SQLITE_OPEN_WAL))
		return unix_layer->xOpen(unix_layer, name, file, flags, got);
	struct wal_file *w = (struct wal_file *)file;
	*w = (struct wal_file){ .file = { NULL } };
	memset(w->below, 0, (size_t)unix_layer->szOsFile);
	int failed = unix_layer->xOpen(unix_layer, name, below(file), flags, got);
	if (below(file)->pMethods)
		w->file.pMethods = &wal_methods; /* also if it failed: then SQLite closes it */
	return failed;
}

/* NULL: there is no log yet, or it isn't of this layer. */
static sqlite3_file *log_of(sqlite3 *db)
{
	sqlite3_file *file = NULL;
	int failed = sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
	return !failed && file && file->pMethods == &wal_methods ? file : NULL;
}

void wal_file_spare(sqlite3 *db, bool spare)
{
	sqlite3_file *file = log_of(db);
	if (file)
		((struct wal_file *)file)->spare = spare;
}

int wal_file_flush(sqlite3 *db)
{
	sqlite3_file *file = log_of(db);
	if (!file || !((struct wal_file *)file)->spared || wal_sync(file, SQLITE_SYNC_FULL) == SQLITE_OK)
		return 0;
	log_error("store_flush", "why=\"%s\"", log_errno());
	return -1;
}

static void layer_make(void)
{
	unix_layer = sqlite3_vfs_find("unix");
	if (!unix_layer)
		return;
	layer = *unix_layer;
	layer.zName = "chancery";
	layer.pNext = NULL;
	layer.szOsFile = (int)sizeof(struct wal_file) + unix_layer->szOsFile;
	layer.xOpen = file_open;
	if (sqlite3_vfs_register(&layer, 0) != SQLITE_OK)
		unix_layer = NULL;
}

const char *wal_file_layer(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, layer_make);
	return unix_layer ? layer.zName : NULL;
}
