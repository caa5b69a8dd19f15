#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "key/pkcs11/uri.h"

static void a_token_is_named_by_what_stays(void **state)
{
	(void)state;
	struct token_uri u;
	assert_null(uri_read("pkcs11:token=main", &u));
	assert_string_equal(u.token, "main");
	assert_string_equal(u.serial, "");
	assert_null(
		uri_read("pkcs11:serial=0a1b;manufacturer=SoftHSM%20project;model=SoftHSM%20v2;token=a%3bb%c3%a9", &u));
	assert_string_equal(u.token, "a;b\303\251");
	assert_string_equal(u.serial, "0a1b");
	assert_string_equal(u.manufacturer, "SoftHSM project");
	assert_string_equal(u.model, "SoftHSM v2");
	assert_null(uri_read("pkcs11:token=a=b", &u));
	assert_string_equal(u.token, "a=b");
}

static void refused(const char *text, const char *word)
{
	struct token_uri u;
	const char *expected = uri_read(text, &u);
	assert_non_null(expected);
	assert_non_null(strstr(expected, word));
}

static void slots_pins_modules_and_keys_are_refused(void **state)
{
	(void)state;
	refused("pkcs11:token=main;slot-id=4", "never a slot");
	refused("pkcs11:slot-description=x", "never a slot");
	refused("pkcs11:token=main?pin-value=1234", "pin-value");
	refused("pkcs11:token=main?module-path=/lib/x.so", "module-path");
	refused("pkcs11:token=main;object=k", "without id=");
	refused("pkcs11:token=main;id=%01", "without id=");
	refused("pkcs11:manufacturer=x", "token= or serial=");
	refused("pkcs11:token=main;x-vendor=1", "one or more of");
	refused("PKCS11:token=main", "one or more of");
	refused("pkcs11:", "one or more of");
	refused("pkcs11:token=a;token=b", "once");
}

static void values_are_text_of_64_bytes_at_most(void **state)
{
	(void)state;
	char text[128] = "pkcs11:token=";
	struct token_uri u;
	memset(text + strlen("pkcs11:token="), 'x', 64);
	assert_null(uri_read(text, &u));
	assert_int_equal(strlen(u.token), 64);
	text[strlen("pkcs11:token=") + 64] = 'x';
	refused(text, "64 bytes");
	refused("pkcs11:token=", "64 bytes");
	refused("pkcs11:token", "64 bytes");
	refused("pkcs11:token=%0", "64 bytes");
	refused("pkcs11:token=%zz", "64 bytes");
	refused("pkcs11:token=a%00b", "64 bytes");
	refused("pkcs11:token=%ff", "64 bytes");
	refused("pkcs11:token=a%0ab", "64 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_named_by_what_stays),
		cmocka_unit_test(slots_pins_modules_and_keys_are_refused),
		cmocka_unit_test(values_are_text_of_64_bytes_at_most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
