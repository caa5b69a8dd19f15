/*
 * Feeds a harness the files of its corpus, or those named, without libFuzzer:
 * one test point. Each input lies in memory of its own size, so that valgrind
 * and the sanitizers see a read past its end.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "fuzz/fuzz.h"

#define MAX_FILE (4 * 1024 * 1024)

static int file_replay(const char *path)
{
	struct stat st;
	FILE *file = fopen(path, "rb");
	if (!file || fstat(fileno(file), &st) != 0 || st.st_size > MAX_FILE) {
		fprintf(stderr, "%s: can't be read: %s\n", path, strerror(errno));
		if (file)
			fclose(file);
		return -1;
	}
	size_t size = (size_t)st.st_size;
	uint8_t *bytes = malloc(size ? size : 1);
	size_t n = bytes ? fread(bytes, 1, size, file) : 0;
	fclose(file);
	if (n == size)
		LLVMFuzzerTestOneInput(bytes, size);
	free(bytes);
	return n == size ? 1 : -1;
}

/* The number of inputs below a path; -1 if one of them can't be read. */
static int path_replay(const char *path)
{
	DIR *folder = opendir(path);
	if (!folder)
		return file_replay(path);
	int count = 0;
	for (struct dirent *e; count >= 0 && (e = readdir(folder));) {
		char below[4096];
		if (e->d_name[0] == '.')
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, e->d_name);
		count = file_replay(below) < 0 ? -1 : count + 1;
	}
	closedir(folder);
	return count;
}

int main(int argc, char **argv)
{
	/* The program is fuzz_NAME, its corpus stands in the folder NAME. */
	const char *slash = strrchr(argv[0], '/'), *program = slash ? slash + 1 : argv[0];
	char corpus[4096];
	snprintf(corpus, sizeof(corpus), "%s/%s", FUZZ_CORPUS, program + strlen("fuzz_"));
	LLVMFuzzerInitialize(&argc, &argv);
	int count = 0;
	for (int i = 1; i < argc && count >= 0; i++) {
		int n = path_replay(argv[i]);
		count = n < 0 ? -1 : count + n;
	}
	if (argc == 1)
		count = path_replay(corpus);
	printf("%s 1 - %s takes all %d inputs of its corpus\n1..1\n", count > 0 ? "ok" : "not ok", program, count);
	return count > 0 ? 0 : 1;
}
