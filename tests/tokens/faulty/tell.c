/*
 * tell: says to a running faulty.so what is to fail, and asks what was called.
 * Usage below; the language of the lines is in tests/tokens/README.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tokens/faulty/state.h"

static int usage(void)
{
	fputs("usage: tell DIR [LINE...]         from now on these faults and no others; none: all is well\n"
	      "       tell DIR --calls FUNCTION  how often it was called\n"
	      "       tell DIR --calls           the same of all that were called at all\n"
	      "       tell DIR --used N          how often the call of the Nth fault was made since it stands\n"
	      "       tell DIR --reset           counts, and wrong PINs, from 0\n",
	      stderr);
	return 2;
}

static int failed(const char *path)
{
	fputs("tell: ", stderr);
	perror(path);
	return 1;
}

/* The text is complete before the module can see it. */
static int control_write(const char *folder, int n, char **lines)
{
	char path[PATH_MAX], new[PATH_MAX], why[MAX_LINE];
	static struct plan plan;
	for (int i = 0; i < n; i++) {
		if (strchr(lines[i], '\n') || plan_add(&plan, lines[i], why) != 0) {
			fprintf(stderr, "tell: \"%s\": %s\n", lines[i], strchr(lines[i], '\n') ? "two lines" : why);
			return 2;
		}
	}
	snprintf(path, sizeof(path), "%s/control", folder);
	snprintf(new, sizeof(new), "%s/control.%d", folder, (int)getpid());
	int fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f || fchmod(fd, 0644) != 0)
		return failed(new);
	for (int i = 0; i < n; i++)
		fprintf(f, "%s\n", lines[i]);
	return fclose(f) == 0 && rename(new, path) == 0 ? 0 : failed(path);
}

static int calls_show(const struct state *state, const char *only)
{
	bool known = !only;
	for (int i = 0; i < CALL_COUNT; i++) {
		unsigned long long n = atomic_load(&state->calls[i]);
		if (only && strcmp(only, call_name((enum call)i)) != 0)
			continue;
		known = true;
		if (only)
			printf("%llu\n", n);
		else if (n)
			printf("%s %llu\n", call_name((enum call)i), n);
	}
	return known ? 0 : usage();
}

/* Only of the plan that stands now: one that no call has seen yet has done nothing. */
static int used_show(const struct state *state, const char *folder, const char *number)
{
	char path[PATH_MAX];
	struct stat st;
	unsigned long n = strtoul(number, NULL, 10);
	snprintf(path, sizeof(path), "%s/control", folder);
	if (n < 1 || n > MAX_FAULTS || stat(path, &st) != 0)
		return usage();
	struct plan_mark now = plan_mark_of(&st);
	printf("%llu\n", plan_mark_same(&now, &state->mark) ? atomic_load(&state->used[n - 1]) : 0);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2 || argv[1][0] == '-')
		return usage();
	const char *what = argc > 2 ? argv[2] : "";
	if (what[0] != '-')
		return control_write(argv[1], argc - 2, argv + 2);
	struct state *state = state_open(argv[1]);
	if (!state)
		return failed(argv[1]);
	if (strcmp(what, "--calls") == 0 && argc <= 4)
		return calls_show(state, argv[3]);
	if (strcmp(what, "--used") == 0 && argc == 4)
		return used_show(state, argv[1], argv[3]);
	if (strcmp(what, "--reset") != 0 || argc != 3)
		return usage();
	for (int i = 0; i < CALL_COUNT; i++)
		atomic_store(&state->calls[i], 0);
	atomic_store(&state->wrong_pins, 0);
	return 0;
}
