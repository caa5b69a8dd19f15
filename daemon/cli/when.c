#include "cli/when.h"

#include <inttypes.h>
#include <string.h>

#include "base/time.h"

#define DAY 86400

void span_put(struct buf *out, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 365 * (int64_t)DAY, "years" }, { DAY, "days" }, { 3600, "hours" }, { 60, "minutes" } };
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (seconds >= 2 * units[i].seconds) {
			buf_printf(out, "%" PRId64 " %s", seconds / units[i].seconds, units[i].name);
			return;
		}
	buf_printf(out, "%" PRId64 " %s", seconds, seconds == 1 ? "second" : "seconds");
}

bool when_parse(const char *text, int64_t *t)
{
	char whole[TIME_TEXT_SIZE];
	size_t len = strlen(text);
	if (len < 20 || text[len - 1] != 'Z' || (len > 20 && text[19] != '.'))
		return false;
	if (len > 20 && strspn(text + 20, "0123456789") != len - 21)
		return false;
	memcpy(whole, text, 19);
	memcpy(whole + 19, "Z", 2);
	return time_parse(whole, t);
}

void when_put(struct buf *out, const char *text, int64_t now)
{
	int64_t t;
	if (!when_parse(text, &t)) {
		buf_put_text(out, text);
		return;
	}
	int64_t left = t - now, span = left < 0 ? -left : left;
	buf_put(out, text, 10);
	if (span < 2 * DAY)
		buf_printf(out, " %.5s", text + 11);
	if (left == 0) {
		buf_put_text(out, " (now)");
		return;
	}
	buf_put_text(out, left < 0 ? " (" : " (in ");
	span_put(out, span);
	buf_put_text(out, left < 0 ? " ago)" : ")");
}
