/* policy/key_uri: what RFC 7512 writes, each limit at it and one past it, and what must never be taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/key_uri.h"

static struct key_uri uri;
static char why[KEY_URI_WHY];

static bool parse(const char *text)
{
	why[0] = '\0';
	bool good = key_uri_parse(text, &uri, why);
	assert_true(good == (why[0] == '\0'));
	return good;
}

#define IS(slice, text) assert_true(slice_equal(slice, slice_text(text)))
#define REFUSES(text, because)                                                                                         \
	do {                                                                                                           \
		assert_false(parse(text));                                                                             \
		assert_non_null(strstr(why, because));                                                                 \
	} while (0)

static void attributes_are_decoded(void **state)
{
	(void)state;
	static const uint8_t id[] = { 0xaa, 0x00, 'x' };
	assert_true(parse("pkcs11:token=Root%20HSM;serial=0123%c3%A4;manufacturer=A:[]@!$'()*+,=&Z;model=m;"
			  "id=%AA%00x;object=Our%3Bkey;type=private"));
	assert_int_equal(uri.form, KEY_URI_PKCS11);
	IS(uri.token, "Root HSM");
	IS(uri.serial, "0123\xc3\xa4");
	IS(uri.manufacturer, "A:[]@!$'()*+,=&Z");
	IS(uri.model, "m");
	IS(uri.object, "Our;key");
	assert_true(slice_equal(uri.id, SLICE_OF(id)));
}

static void an_id_is_enough(void **state)
{
	(void)state;
	assert_true(parse("pkcs11:id=1"));
	IS(uri.id, "1");
	assert_int_equal(uri.token.len, 0);
	assert_int_equal(uri.object.len, 0);
	assert_true(parse("pkcs11:id=1;")); /* an empty attribute at the end is none */
}

static void a_key_must_be_named(void **state)
{
	(void)state;
	REFUSES("", "pkcs11:");
	REFUSES("pkcs11", "pkcs11:");
	REFUSES("PKCS11:id=1", "pkcs11:");
	REFUSES("pem:root", "pkcs11:");
	REFUSES("pkcs11:", "must have an id");
	REFUSES("pkcs11:token=a;object=b", "must have an id");
	REFUSES("pkcs11:id=", "empty id");
	REFUSES("pkcs11:id", "empty id");
	REFUSES("pkcs11:token=;id=1", "empty token");
}

static void what_names_modules_and_pins_is_refused_by_name(void **state)
{
	(void)state;
	static const char *const names[] = { "module-path",	   "module-name",     "pin-source",
					     "pin-value",	   "slot-id",	      "slot-description",
					     "slot-manufacturer",  "library-version", "library-manufacturer",
					     "library-description" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[128];
		snprintf(text, sizeof(text), "pkcs11:id=1?%s=s3cret", names[i]);
		REFUSES(text, names[i]);
		assert_null(strstr(why, "s3cret"));
		snprintf(text, sizeof(text), "pkcs11:id=1;%s=s3cret", names[i]);
		REFUSES(text, names[i]);
		assert_null(strstr(why, "s3cret"));
	}
	REFUSES("pkcs11:id=1?pin-value=1&module-path=/x", "pin-value");
	REFUSES("pkcs11:id=1?", "attribute that is not");
	REFUSES("pkcs11:id=1?token=x", "attribute that is not");
	REFUSES("pkcs11:id=1;x-vendor=\"><script>", "attribute that is not");
	assert_null(strstr(why, "script"));
	REFUSES("pkcs11:;id=1", "attribute that is not");
	REFUSES("pkcs11:ID=1", "attribute that is not");
}

static void nothing_stands_twice(void **state)
{
	(void)state;
	REFUSES("pkcs11:id=1;id=1", "id twice");
	REFUSES("pkcs11:token=a;id=1;token=b", "token twice");
	REFUSES("pkcs11:type=private;id=1;type=private", "type twice");
}

static void only_private_keys_are_meant(void **state)
{
	(void)state;
	REFUSES("pkcs11:id=1;type=public", "type private");
	REFUSES("pkcs11:id=1;type=secret-key", "type private");
	REFUSES("pkcs11:id=1;type=private%00", "type private");
	assert_true(parse("pkcs11:type=%70rivate;id=1"));
}

static void encoding_is_strict(void **state)
{
	(void)state;
	REFUSES("pkcs11:id=%", "hexadecimal");
	REFUSES("pkcs11:id=%A", "hexadecimal");
	REFUSES("pkcs11:id=%AG", "hexadecimal");
	REFUSES("pkcs11:id=%;id=41", "hexadecimal");
	REFUSES("pkcs11:id=a b", "percent-encoded");
	REFUSES("pkcs11:id=a/b", "percent-encoded");
	REFUSES("pkcs11:id=a#b", "percent-encoded");
	REFUSES("pkcs11:id=\xc3\xa4", "percent-encoded");
	REFUSES("pkcs11:id=1;token=a%00b", "visible");
	REFUSES("pkcs11:id=1;token=%ff", "visible");
	REFUSES("pkcs11:id=1;token=%e2%80%ae", "visible");
	REFUSES("pkcs11:id=1;object=%0a", "visible");
}

static void limits_hold(void **state)
{
	(void)state;
	char text[2 * MAX_KEY_URI];
	snprintf(text, sizeof(text), "pkcs11:id=%064d", 7);
	assert_true(parse(text));
	assert_int_equal(uri.id.len, 64);
	snprintf(text, sizeof(text), "pkcs11:id=%065d", 7);
	REFUSES(text, "id that is too long");
	snprintf(text, sizeof(text), "pkcs11:id=1;token=%064d", 7);
	assert_true(parse(text));
	snprintf(text, sizeof(text), "pkcs11:id=1;token=%065d", 7);
	REFUSES(text, "token that is too long");
	snprintf(text, sizeof(text), "pkcs11:id=1;object=%0128d", 7);
	assert_true(parse(text));
	snprintf(text, sizeof(text), "pkcs11:id=1;object=%0129d", 7);
	REFUSES(text, "object that is too long");
	size_t n = (size_t)snprintf(text, sizeof(text), "pkcs11:id=1");
	memset(text + n, ';', MAX_KEY_URI + 1 - n);
	text[MAX_KEY_URI + 1] = '\0';
	REFUSES(text, "512");
	text[MAX_KEY_URI] = '\0';
	REFUSES(text, "attribute that is not");
}

static void files_have_names_not_paths(void **state)
{
	(void)state;
	char text[128];
	assert_true(parse("file:old-Root_2.0"));
	assert_int_equal(uri.form, KEY_URI_FILE);
	IS(uri.id, "old-Root_2.0");
	snprintf(text, sizeof(text), "file:%064d", 7);
	assert_true(parse(text));
	snprintf(text, sizeof(text), "file:%065d", 7);
	REFUSES(text, "64 letters");
	static const char *const bad[] = { "file:",    "file:.hidden",	     "file:..",
					   "file:a/b", "file:/etc/x",	     "file:///x",
					   "file:a b", "file:%61",	     "file:a~",
					   "file:a:b", "file:a?pin-value=1", "file:\xc3\xa4" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		REFUSES(bad[i], "file driver");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_are_decoded),
		cmocka_unit_test(an_id_is_enough),
		cmocka_unit_test(a_key_must_be_named),
		cmocka_unit_test(what_names_modules_and_pins_is_refused_by_name),
		cmocka_unit_test(nothing_stands_twice),
		cmocka_unit_test(only_private_keys_are_meant),
		cmocka_unit_test(encoding_is_strict),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(files_have_names_not_paths),
	};
	return cmocka_run_group_tests_name("key_uri", tests, NULL, NULL);
}
