#include "base/time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t clock_us(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t time_now_ms(void)
{
	return clock_us(CLOCK_REALTIME) / 1000;
}

int64_t time_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec;
}

int64_t time_boot_ms(void)
{
	return clock_us(CLOCK_BOOTTIME) / 1000;
}

int64_t time_thread_us(void)
{
	return clock_us(CLOCK_THREAD_CPUTIME_ID);
}

int64_t time_steady_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

bool time_calendar(int64_t seconds, struct tm *out)
{
	time_t t = (time_t)seconds;
	return gmtime_r(&t, out) && out->tm_year >= 1 - 1900 && out->tm_year <= 9999 - 1900;
}

void time_text(int64_t seconds, char *out)
{
	struct tm tm;
	if (!time_calendar(seconds, &tm) || strftime(out, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(out, TIME_TEXT_SIZE, "out-of-range");
}

bool time_parse(const char *text, int64_t *seconds)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!end || *end || strlen(text) != 20)
		return false;
	*seconds = (int64_t)timegm(&tm);
	char again[TIME_TEXT_SIZE];
	time_text(*seconds, again);
	return strcmp(again, text) == 0; /* 30 February comes back as 2 March */
}
