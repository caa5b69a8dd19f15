/*
 * Text as it may appear in a message, a log line or a certificate: UTF-8
 * without control characters; and hex. libc only, on both sides of the walls.
 */
#ifndef CHANCERY_BASE_TEXT_H
#define CHANCERY_BASE_TEXT_H

#include "base/buf.h"

/* Well-formed UTF-8 (no overlong form, no surrogate) without C0, DEL or C1 controls. */
bool text_valid(struct slice s);
/* Also without bidirectional controls, zero-width and other invisible format characters. */
bool text_visible(struct slice s);
/* The number of code points; the text must be valid. */
size_t text_length(struct slice s);
bool text_is_ascii(struct slice s);
/* How many bytes, at most so many, make whole characters; the text must be valid. */
size_t text_cut(struct slice s, size_t most);

/* Writes 2n lower-case digits and a NUL; out has 2n+1 bytes. */
void hex_encode(const uint8_t *at, size_t n, char *out);
/* Exactly 2n hex digits of either case into n bytes; false otherwise. */
bool hex_decode(const char *text, size_t text_len, uint8_t *out, size_t n);

/*
 * Takes a number in decimal digits and what ends it, NUL included, from the front of a text. False, and the text stays
 * where it was: it begins otherwise (with a sign, a blank), ends otherwise, or is above most.
 */
bool number_take(const char **text, char ending, uint64_t most, uint64_t *out);

#endif
