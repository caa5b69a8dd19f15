/* The text around a letter: letter.h says how it looks. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ledger/checkpoint.h"
#include "letter/letter.h"

#define LINE 64 /* of base64 */
#define FENCE "-----%s CHANCERY %s-----"
#define SUM "sha256 "
#define MAX_LINE 96

static void sum_put(struct slice letter, char text[2 * HASH_SIZE + 1], uint8_t hash[HASH_SIZE])
{
	hash_of(letter, hash);
	hex_encode(hash, HASH_SIZE, text);
}

void armour_put(struct buf *out, const char *what, struct slice letter)
{
	scoped_buf text = { .max = MAX_LETTER_TEXT };
	char sum[2 * HASH_SIZE + 1];
	uint8_t hash[HASH_SIZE];
	base64_put(&text, letter);
	sum_put(letter, sum, hash);
	buf_printf(out, FENCE "\n", "BEGIN", what);
	for (size_t at = 0; at < text.len; at += LINE) {
		buf_put(out, text.at + at, text.len - at < LINE ? text.len - at : LINE);
		buf_put_u8(out, '\n');
	}
	buf_printf(out, FENCE "\n" SUM "%s\n", "END", what, sum);
	if (!buf_ok(&text))
		out->broken = true;
}

/* Both kinds of line ends: what was carried on a stick may have passed through other systems. */
static bool line_take(struct slice *text, struct slice *line)
{
	if (!slice_take_line(text, line))
		return false;
	line->len -= line->len && line->at[line->len - 1] == '\r';
	return true;
}

/* The first or the last line of the armour. */
static bool line_is(struct slice *text, const char *which, const char *what)
{
	char wanted[MAX_LINE];
	struct slice line;
	snprintf(wanted, sizeof(wanted), FENCE, which, what);
	return line_take(text, &line) && slice_equal(line, slice_text(wanted));
}

/* All lines of base64: full ones, and one that may be shorter as the last. */
static bool lines_join(struct slice *text, struct buf *out)
{
	bool last = false;
	while (text->len && text->at[0] != '-') {
		struct slice line;
		if (last || !line_take(text, &line) || line.len == 0 || line.len > LINE)
			return false;
		last = line.len < LINE;
		buf_put_slice(out, line);
	}
	return buf_ok(out) && out->len;
}

enum letter_refusal armour_get(struct slice text, const char *what, struct buf *letter, uint8_t hash[HASH_SIZE])
{
	scoped_buf base64 = { .max = MAX_LETTER_TEXT };
	char sum[2 * HASH_SIZE + 1], wanted[MAX_LINE];
	struct slice line;
	if (text.len > MAX_LETTER_TEXT || !line_is(&text, "BEGIN", what))
		return LETTER_NOT_ONE;
	if (!lines_join(&text, &base64) || !line_is(&text, "END", what) || !line_take(&text, &line) || text.len)
		return LETTER_ALTERED;
	if (!base64_get(buf_slice(&base64), letter) || letter->len > MAX_LETTER)
		return LETTER_ALTERED;
	sum_put(buf_slice(letter), sum, hash);
	snprintf(wanted, sizeof(wanted), SUM "%s", sum);
	return slice_equal(line, slice_text(wanted)) ? LETTER_OK : LETTER_ALTERED;
}
