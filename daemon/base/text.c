#include "base/text.h"

/* Decodes one code point; returns its length in bytes, 0 if malformed. */
static size_t utf8_next(struct slice s, uint32_t *point)
{
	static const uint32_t smallest[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t first = s.at[0];
	size_t n = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
	if (n == 0 || n > s.len)
		return 0;
	uint32_t c = n == 1 ? first : first & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if (s.at[i] >> 6 != 2)
			return 0;
		c = c << 6 | (s.at[i] & 0x3fU);
	}
	if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*point = c;
	return n;
}

static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

/* Characters that change how the text around them looks, or look like nothing at all. */
static bool is_invisible(uint32_t c)
{
	static const uint32_t ranges[][2] = {
		{ 0x00ad, 0x00ad }, { 0x034f, 0x034f }, { 0x061c, 0x061c }, { 0x115f, 0x1160 },
		{ 0x180b, 0x180f }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xfff0, 0xffff }, { 0xe0000, 0xe0fff },
	};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return true;
	return false;
}

static bool text_walk(struct slice s, bool visible_only, size_t *points)
{
	*points = 0;
	while (s.len) {
		uint32_t c;
		size_t n = utf8_next(s, &c);
		if (n == 0 || is_control(c) || (visible_only && is_invisible(c)))
			return false;
		s.at += n;
		s.len -= n;
		(*points)++;
	}
	return true;
}

bool text_valid(struct slice s)
{
	size_t points;
	return text_walk(s, false, &points);
}

bool text_visible(struct slice s)
{
	size_t points;
	return text_walk(s, true, &points);
}

size_t text_length(struct slice s)
{
	size_t points;
	text_walk(s, false, &points);
	return points;
}

size_t text_cut(struct slice s, size_t most)
{
	size_t n = s.len < most ? s.len : most;
	while (n && n < s.len && (s.at[n] & 0xc0) == 0x80)
		n--;
	return n;
}

bool text_is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] >= 0x80)
			return false;
	return true;
}

void hex_encode(const uint8_t *at, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[at[i] >> 4];
		out[2 * i + 1] = digits[at[i] & 15];
	}
	out[2 * n] = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool hex_decode(const char *text, size_t text_len, uint8_t *out, size_t n)
{
	if (text_len != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool number_take(const char **text, char ending, uint64_t most, uint64_t *out)
{
	const char *at = *text;
	uint64_t n = 0;
	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *at - '0', &n) || n > most)
			return false;
	if (at == *text || *at != ending)
		return false;
	*text = ending ? at + 1 : at;
	*out = n;
	return true;
}
