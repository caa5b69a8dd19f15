/* cli/index: any line as one of index.txt. What is taken has its values within their limits; what isn't has a reason.
 */
#include <string.h>

#include "base/text.h"
#include "fuzz/fuzz.h"

#include "cli/index.c"

#define MAX_TEXT 8192

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	return 0;
}

static void row_holds(const struct index_row *row, const char *line)
{
	size_t digits = strlen(row->serial);
	REQUIRE(strchr("VRE", row->state) && row->state);
	REQUIRE(digits && digits <= 40 && strspn(row->serial, "0123456789ABCDEF") == digits);
	REQUIRE((row->state == 'R') == (row->reason != NULL));
	REQUIRE(row->file && (!*row->file || (row->file > line && row->file < line + MAX_TEXT)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[MAX_TEXT + 1], why[INDEX_WHY] = "";
	struct index_row row;
	if (size > MAX_TEXT)
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	if (index_row_read(line, &row, why))
		row_holds(&row, line);
	else
		REQUIRE(why[0] && text_valid(slice_text(why)));
	return 0;
}
