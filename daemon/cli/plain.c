#include "cli/plain.h"

#include "base/text.h"

#define MAX_UTF8 4

/* The bytes of the one visible character at the front; 0 if there is none. */
static size_t visible_next(struct slice s)
{
	for (size_t n = 1; n <= MAX_UTF8 && n <= s.len; n++)
		if (text_visible((struct slice){ s.at, n }))
			return n;
	return 0;
}

void plain_put(struct buf *out, struct slice text, size_t points)
{
	for (size_t shown = 0; text.len; shown++) {
		if (shown == points) {
			buf_put_text(out, "…");
			return;
		}
		size_t n = visible_next(text);
		if (n)
			buf_put(out, text.at, n);
		else
			buf_printf(out, "\\x%02x", text.at[0]);
		n = n ? n : 1;
		text.at += n;
		text.len -= n;
	}
}
