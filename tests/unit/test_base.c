/* base: configuration errors with their lines, times, hex, visible text, socket paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/conf.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"

static struct conf *conf_from(const char *text)
{
	char path[] = "/tmp/ch.conf.XXXXXX";
	scoped_fd int fd = mkstemp(path);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	struct conf *c = conf_open(path);
	unlink(path);
	return c;
}

static int conf_result(const char *text)
{
	struct conf *c = conf_from(text);
	if (!c)
		return -2;
	conf_int(c, "workers", 1, 8, 2);
	conf_text(c, "socket", NULL);
	conf_mode(c, "mode", 0600);
	conf_bool(c, "tree.on", false);
	int r = conf_finish(c);
	conf_close(c);
	return r;
}

static void no_room_is_a_place_too(void **state)
{
	(void)state;
	scoped_buf b = { .max = 4 };
	assert_non_null(buf_room(&b, 0));
	assert_non_null(buf_room(&b, 4));
	assert_null(buf_room(&b, 5));
	assert_false(buf_ok(&b));
}

static void slices_are_taken_from_the_front(void **state)
{
	(void)state;
	struct slice s = slice_text("key: a\n\nb"), line;
	assert_false(slice_take_prefix(&s, slice_text("key: b")));
	assert_false(slice_take_prefix(&(struct slice){ s.at, 4 }, slice_text("key: ")));
	assert_true(slice_take_prefix(&s, slice_text("key: ")));
	assert_true(slice_take_line(&s, &line) && slice_equal(line, slice_text("a")));
	assert_true(slice_take_line(&s, &line) && line.len == 0);
	assert_false(slice_take_line(&s, &line));
	assert_true(slice_equal(s, slice_text("b")));
	assert_true(slice_take_prefix(&s, slice_text("b")) && s.len == 0);
	assert_false(slice_take_line(&s, &line));
	assert_true(slice_take_prefix(&s, (struct slice){ NULL, 0 }));
	assert_true(bytes_zero((const uint8_t[4]){ 0 }, 4) && bytes_zero(NULL, 0));
	assert_false(bytes_zero((const uint8_t[4]){ 1 }, 4));
	assert_false(bytes_zero((const uint8_t[4]){ 0, 0, 0, 1 }, 4));
}

static void configuration_is_checked(void **state)
{
	(void)state;
	log_open("test", (enum log_level) - 1);
	assert_int_equal(conf_result("socket = \"x\"; workers = 8; mode = \"0660\"; tree: { on = true; };"), 0);
	assert_int_equal(conf_result("socket = \"x\";"), 0);
	assert_int_equal(conf_result("workers = 2;"), -1);
	assert_int_equal(conf_result("socket = \"\";"), -1);
	assert_int_equal(conf_result("socket = \"x\"; workers = 9;"), -1);
	assert_int_equal(conf_result("socket = \"x\"; workers = 0;"), -1);
	assert_int_equal(conf_result("socket = \"x\"; workers = \"2\";"), -1);
	assert_int_equal(conf_result("socket = \"x\"; mode = \"660\";"), -1);
	assert_int_equal(conf_result("socket = \"x\"; mode = 0660;"), -1);
	assert_int_equal(conf_result("socket = \"x\"; wokers = 2;"), -1);
	assert_int_equal(conf_result("socket = \"x\"; tree: { off = true; };"), -1);
	assert_int_equal(conf_result("socket = \"x"), -2);
}

static void times_are_read_strictly(void **state)
{
	(void)state;
	int64_t t;
	char text[TIME_TEXT_SIZE];
	assert_true(time_parse("2026-11-21T03:30:00Z", &t));
	time_text(t, text);
	assert_string_equal(text, "2026-11-21T03:30:00Z");
	assert_false(time_parse("2026-02-30T00:00:00Z", &t));
	assert_false(time_parse("2026-11-21T03:30:00", &t));
	assert_false(time_parse("2026-11-21 03:30:00Z", &t));
	assert_false(time_parse("2026-11-21T03:30:00Zx", &t));
}

static bool number_is(const char *text, char ending, uint64_t most, uint64_t wanted, const char *rest)
{
	uint64_t n = 7;
	const char *at = text;
	bool taken = number_take(&at, ending, most, &n);
	return taken ? n == wanted && strcmp(at, rest) == 0 : !rest && n == 7 && at == text;
}

static void numbers_are_read_strictly(void **state)
{
	(void)state;
	assert_true(number_is("30/7", '/', 30, 30, "7"));
	assert_true(number_is("30/7", '/', 29, 0, NULL));
	assert_true(number_is("0", '\0', 0, 0, ""));
	assert_true(number_is("18446744073709551615", '\0', UINT64_MAX, UINT64_MAX, ""));
	assert_true(number_is("18446744073709551616", '\0', UINT64_MAX, 0, NULL));
	assert_true(number_is("99999999999999999999", '\0', UINT64_MAX, 0, NULL));
	assert_true(number_is("9223372036854775808", '\0', INT64_MAX, 0, NULL));
	static const char *const wrong[] = { "", "/7", "-1/7", "+1/7", " 1/7", "1 /7", "1", "0x1/7", "1\n/7" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_true(number_is(wrong[i], '/', UINT64_MAX, 0, NULL));
	assert_true(number_is("1/7", '\0', UINT64_MAX, 0, NULL));
}

static void hex_and_text(void **state)
{
	(void)state;
	uint8_t bytes[2];
	assert_true(hex_decode("0aFf", 4, bytes, 2) && bytes[0] == 10 && bytes[1] == 255);
	assert_false(hex_decode("0aF", 3, bytes, 2));
	assert_false(hex_decode("0aFg", 4, bytes, 2));
	assert_true(text_visible(slice_text("M\xc3\xbcller")));
	assert_false(text_visible(slice_text("a\xe2\x80\xae"
					     "b"))); /* right-to-left override */
	assert_true(text_valid(slice_text("a\xe2\x80\xae"
					  "b")));
	assert_false(text_valid(slice_text("a\x1b[31m")));
	assert_int_equal(text_length(slice_text("M\xc3\xbcller")), 6);
	assert_int_equal(text_cut(slice_text("M\xc3\xbcller"), 1), 1);
	assert_int_equal(text_cut(slice_text("M\xc3\xbcller"), 2), 1);
	assert_int_equal(text_cut(slice_text("M\xc3\xbcller"), 3), 3);
	assert_int_equal(text_cut(slice_text("M\xc3\xbc"), 3), 3);
	assert_int_equal(text_cut(slice_text("\xe2\x82\xac"), 2), 0);
}

static void a_long_socket_path_is_refused(void **state)
{
	(void)state;
	char path[200] = "/tmp/";
	memset(path + 5, 'x', 150);
	log_open("test", (enum log_level) - 1);
	assert_int_equal(fd_listen(path, 0600), -1);
	assert_int_equal(fd_connect(path), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_are_taken_from_the_front),
		cmocka_unit_test(no_room_is_a_place_too),
		cmocka_unit_test(configuration_is_checked),
		cmocka_unit_test(times_are_read_strictly),
		cmocka_unit_test(hex_and_text),
		cmocka_unit_test(numbers_are_read_strictly),
		cmocka_unit_test(a_long_socket_path_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
