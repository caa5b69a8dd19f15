/*
 * The clocks. Every wall-clock read of every program goes through time_now()
 * or time_now_ms(), so that a test can preload another clock and run years in
 * seconds; schedulers poll it and never trust a long sleep.
 */
#ifndef CHANCERY_BASE_TIME_H
#define CHANCERY_BASE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIME_TEXT_SIZE 32

/* Unix time in seconds, and in milliseconds. */
int64_t time_now(void);
int64_t time_now_ms(void);
/* Milliseconds since boot, sleep included: never set back. */
int64_t time_boot_ms(void);
/* Microseconds for durations: of this thread's own work, and by the clock. */
int64_t time_thread_us(void);
int64_t time_steady_us(void);

/* RFC 3339 in UTC with seconds, "2026-01-31T09:00:00Z"; out has TIME_TEXT_SIZE bytes. */
void time_text(int64_t seconds, char *out);
/* Reads the same form; false if it is anything else or not a date. */
bool time_parse(const char *text, int64_t *seconds);

struct tm;
/* The UTC calendar of a Unix time, years 1 to 9999; false outside. */
bool time_calendar(int64_t seconds, struct tm *out);

#endif
