#include "frontd/json_text.h"

static bool is_plain(uint8_t c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

static void escape_put(struct buf *out, uint8_t c)
{
	if (c == '\n')
		buf_put(out, "\\n", 2);
	else if (c == '"' || c == '\\')
		buf_put(out, (const uint8_t[]){ '\\', c }, 2);
	else
		buf_printf(out, "\\u%04x", c);
}

void json_text_put(struct buf *out, struct slice text)
{
	buf_put_u8(out, '"');
	for (size_t at = 0, from = 0; at < text.len; from = ++at) {
		while (at < text.len && is_plain(text.at[at]))
			at++;
		buf_put(out, text.at + from, at - from);
		if (at < text.len)
			escape_put(out, text.at[at]);
	}
	buf_put_u8(out, '"');
}

void json_member_put(struct buf *out, const char *name, struct slice text)
{
	uint8_t last = out->len ? out->at[out->len - 1] : ',';
	if (last != '{' && last != ',')
		buf_put_u8(out, ',');
	json_text_put(out, slice_text(name));
	buf_put_u8(out, ':');
	json_text_put(out, text);
}
