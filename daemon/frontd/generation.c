#include "frontd/generation.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "names/dn.h"

#define MARK ", G"
#define MARK_LENGTH 3
#define MAX_COMMON_NAME 64 /* characters: RFC 5280's upper bound */

/* Where ", G<number>" begins, with its number; the whole length and 1 if there is none. */
static size_t mark_find(struct slice text, unsigned *generation)
{
	size_t digits = text.len;
	unsigned number = 0, place = 1;
	while (digits && text.at[digits - 1] >= '0' && text.at[digits - 1] <= '9' && place <= MAX_GENERATION) {
		number += place * (unsigned)(text.at[--digits] - '0');
		place *= 10;
	}
	*generation = 1;
	bool marked = digits >= MARK_LENGTH && digits < text.len && text.at[digits] != '0' &&
		      memcmp(text.at + digits - MARK_LENGTH, MARK, MARK_LENGTH) == 0;
	if (!marked || number > MAX_GENERATION)
		return text.len;
	*generation = number;
	return digits - MARK_LENGTH;
}

unsigned generation_of(struct slice text)
{
	unsigned generation;
	mark_find(text, &generation);
	return generation;
}

/* The bytes of at most so many characters. */
static size_t characters(struct slice text, size_t most)
{
	while (text_length(text) > most)
		text.len = text_cut(text, text.len - 1);
	return text.len;
}

void generation_put(struct buf *out, struct slice text, unsigned generation, size_t longest)
{
	unsigned had;
	char mark[16];
	struct slice base = { text.at, mark_find(text, &had) };
	int n = snprintf(mark, sizeof(mark), MARK "%u", generation);
	base.len = characters(base, longest - (size_t)n);
	buf_put_slice(out, base);
	buf_put_text(out, mark);
}

/* The number of its attribute that says the generation; the count if there is none. */
static uint16_t place_of(struct list subject, struct slice *value)
{
	uint8_t attribute;
	struct slice item;
	uint16_t at = 0, place = subject.count;
	for (uint16_t all = subject.count; at < all && list_next(&subject, &attribute, &item); at++)
		if (attribute == DN_COMMON_NAME) {
			place = at;
			*value = item;
		}
	return place;
}

unsigned generation_of_subject(struct list subject)
{
	struct slice name = { 0 };
	place_of(subject, &name);
	return generation_of(name);
}

void generation_put_subject(struct items *out, struct list subject, unsigned generation)
{
	struct slice name = { 0 }, item;
	uint8_t attribute;
	uint16_t place = place_of(subject, &name), all = subject.count;
	for (uint16_t at = 0; at < all && list_next(&subject, &attribute, &item); at++) {
		scoped_buf next = { .max = MAX_DN_VALUE };
		if (at == place)
			generation_put(&next, item, generation, MAX_COMMON_NAME);
		items_put(out, attribute, at == place ? buf_slice(&next) : item);
	}
	if (place < all)
		return;
	scoped_buf alone = { .max = MAX_DN_VALUE };
	buf_printf(&alone, "CA" MARK "%u", generation);
	items_put(out, DN_COMMON_NAME, buf_slice(&alone));
}
