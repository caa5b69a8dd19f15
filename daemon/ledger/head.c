#include "ledger/head.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "ledger/segment.h"

#define DIGITS 20
#define LINE (DIGITS + 1 + 2 * HASH_SIZE + 1)
#define FILE_MODE 0640

static bool line_read(const char line[LINE], struct head *out)
{
	char digits[DIGITS + 1], *end;
	if (line[DIGITS] != ' ' || line[LINE - 1] != '\n' || line[0] < '0' || line[0] > '9')
		return false;
	memcpy(digits, line, DIGITS);
	digits[DIGITS] = '\0';
	out->size = strtoull(digits, &end, 10);
	return *end == '\0' && hex_decode(line + DIGITS + 1, (size_t)2 * HASH_SIZE, out->root, HASH_SIZE);
}

int head_open(int folder, const char *path, struct head *out)
{
	char line[LINE];
	*out = (struct head){ 0 };
	scoped_fd int fd = openat(folder, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0 || fchmod(fd, FILE_MODE) != 0) {
		log_error("ledger_head_failed", "path=%s why=\"%s\"", path, log_errno());
		return -1;
	}
	if (segment_pread(fd, line, sizeof(line), 0) != 0) {
		if (errno)
			log_warning("ledger_head_unreadable", "path=%s why=\"%s\"", path, log_errno());
	} else if (!line_read(line, out)) {
		*out = (struct head){ 0 };
		log_warning("ledger_head_unreadable", "path=%s why=\"not a size and a root\"", path);
	}
	return fd_take(&fd);
}

int head_write(int fd, const struct merkle *tree)
{
	char line[LINE + 1];
	uint8_t root[HASH_SIZE];
	merkle_root(tree, root);
	snprintf(line, sizeof(line), "%0*" PRIu64 " ", DIGITS, tree->size);
	hex_encode(root, sizeof(root), line + DIGITS + 1);
	line[LINE - 1] = '\n';
	return segment_pwrite(fd, line, LINE, 0);
}
