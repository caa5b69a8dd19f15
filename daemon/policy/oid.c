#include "policy/oid.h"

#include <stdlib.h>
#include <string.h>

static void arc_put(struct buf *out, uint32_t arc)
{
	for (int shift = 28; shift > 0; shift -= 7)
		if (arc >> shift)
			buf_put_u8(out, (uint8_t)(0x80 | (arc >> shift & 0x7f)));
	buf_put_u8(out, arc & 0x7f);
}

bool oid_parse(const char *text, struct buf *out)
{
	uint32_t first = 0;
	for (unsigned i = 0;; i++) {
		size_t n = strspn(text, "0123456789");
		if (n == 0 || n > 9 || (n > 1 && text[0] == '0') || (text[n] && text[n] != '.'))
			return false;
		uint32_t arc = (uint32_t)strtoul(text, NULL, 10);
		if ((i == 0 && arc > 2) || (i == 1 && first < 2 && arc > 39))
			return false;
		if (i == 0)
			first = arc;
		else
			arc_put(out, i == 1 ? first * 40 + arc : arc);
		text += n;
		if (*text++ == '\0')
			return i > 0 && buf_ok(out);
	}
}

void oid_print(struct slice oid, struct buf *out)
{
	uint64_t arc = 0;
	bool first = true;
	for (size_t i = 0; i < oid.len && i < 64; i++) {
		arc = arc << 7 | (oid.at[i] & 0x7f);
		if (oid.at[i] & 0x80)
			continue;
		uint64_t top = arc < 80 ? arc / 40 : 2;
		if (first)
			buf_printf(out, "%u.%llu", (unsigned)top, (unsigned long long)(arc - top * 40));
		else
			buf_printf(out, ".%llu", (unsigned long long)arc);
		first = false;
		arc = 0;
	}
}
