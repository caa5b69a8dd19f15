/* frontd/key_token: which token a reference means, among those that a signer may report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "frontd/key_token.h"
#include "wire/inner_answer.h"

static struct buf rows;
static uint16_t count;

static void driver_put(const char *name, const char *label, const char *serial, const char *maker, const char *model)
{
	struct driver_report report = { .name = slice_text(name),
					.label = slice_text(label),
					.serial = slice_text(serial),
					.manufacturer = slice_text(maker),
					.model = slice_text(model) };
	report_driver_put(&rows, &count, *model ? DRIVER_READY : DRIVER_AWAY, &report);
}

static int rows_make(void **state)
{
	(void)state;
	buf_init(&rows, 65536);
	count = 0;
	driver_put("main", "Root HSM", "0001", "Maker", "Box");
	driver_put("second", "Root HSM", "0002", "Maker", "Box 2");
	driver_put("pem", "files", "", "Chancery", "insecure PEM files");
	return 0;
}

static int rows_free(void **state)
{
	(void)state;
	buf_free(&rows);
	return 0;
}

/* The name of the token, or which answer there was instead. */
static const char *match(const char *text)
{
	static char name[MAX_TOKEN_NAME + 1];
	static const char *const others[] = { "", "none", "many", "silent" };
	struct key_uri uri;
	char why[KEY_URI_WHY];
	assert_true(key_uri_parse(text, &uri, why));
	enum key_token_answer answer = key_token_match(&uri, list_of(&rows, count), name);
	return answer ? others[answer] : name;
}

static void tokens_are_found_by_what_they_say(void **state)
{
	(void)state;
	assert_string_equal(match("pkcs11:token=main;id=1"), "main");
	assert_string_equal(match("pkcs11:token=second;id=1"), "second");
	assert_string_equal(match("pkcs11:serial=0002;id=1"), "second");
	assert_string_equal(match("pkcs11:token=Root%20HSM;serial=0001;id=1"), "main");
	assert_string_equal(match("pkcs11:model=Box;id=1"), "main");
	assert_string_equal(match("pkcs11:token=Root%20HSM;id=1"), "many");
	assert_string_equal(match("pkcs11:manufacturer=Maker;id=1"), "many");
	assert_string_equal(match("pkcs11:id=1"), "many");
}

static void all_that_is_asked_must_fit(void **state)
{
	(void)state;
	assert_string_equal(match("pkcs11:token=main;serial=0002;id=1"), "none");
	assert_string_equal(match("pkcs11:token=main;manufacturer=maker;id=1"), "none");
	assert_string_equal(match("pkcs11:token=main;model=Bo;id=1"), "none");
	assert_string_equal(match("pkcs11:token=MAIN;id=1"), "none");
}

static void files_are_the_file_drivers(void **state)
{
	(void)state;
	assert_string_equal(match("file:root"), "pem");
	assert_string_equal(match("pkcs11:token=pem;id=1"), "pem");
	driver_put("more", "files", "", "Chancery", "insecure PEM files");
	assert_string_equal(match("file:root"), "many");
}

static void a_token_that_was_never_there_cannot_be_told(void **state)
{
	(void)state;
	driver_put("late", "", "", "", "");
	assert_string_equal(match("pkcs11:token=late;id=1"), "late");
	assert_string_equal(match("pkcs11:token=late;serial=7;id=1"), "silent");
	assert_string_equal(match("pkcs11:token=Other;id=1"), "silent");
	assert_string_equal(match("pkcs11:serial=0001;id=1"), "main");
}

static void no_token_at_all(void **state)
{
	(void)state;
	count = 0;
	buf_clear(&rows);
	assert_string_equal(match("pkcs11:id=1"), "none");
	assert_string_equal(match("file:root"), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tokens_are_found_by_what_they_say, rows_make, rows_free),
		cmocka_unit_test_setup_teardown(all_that_is_asked_must_fit, rows_make, rows_free),
		cmocka_unit_test_setup_teardown(files_are_the_file_drivers, rows_make, rows_free),
		cmocka_unit_test_setup_teardown(a_token_that_was_never_there_cannot_be_told, rows_make, rows_free),
		cmocka_unit_test_setup_teardown(no_token_at_all, rows_make, rows_free),
	};
	return cmocka_run_group_tests_name("key_token", tests, NULL, NULL);
}
