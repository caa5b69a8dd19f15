/* names/name: canonical forms of all five types, and what lies within what (RFC 5280 4.2.1.10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names/name.h"

/* The canonical text of what people wrote; NULL if it is refused. Also holds each value against name_is_canonical(). */
static const char *canonical(enum name_use use, const char *text)
{
	static char out[1200];
	uint8_t type;
	const char *why = NULL;
	scoped_buf value, print;
	buf_init(&value, 4096);
	buf_init(&print, 4096);
	if (!name_parse(use, text, &type, &value, &why)) {
		assert_non_null(why);
		assert_int_equal(value.len, 0);
		return NULL;
	}
	assert_true(name_is_canonical(use, type, buf_slice(&value)));
	name_print(use, type, buf_slice(&value), &print);
	assert_true(slice_to_text(buf_slice(&print), out, sizeof(out)));
	return out;
}

#define is(use, text, expected) assert_string_equal(canonical(use, text), expected)
#define refused(use, text) assert_null(canonical(use, text))

static const char *of_length(const char *prefix, size_t n, const char *end)
{
	static char text[2048];
	size_t start = strlen(prefix);
	strcpy(text, prefix);
	for (size_t i = 0; i < n; i++)
		text[start + i] = i % 64 == 63 ? '.' : 'a';
	strcpy(text + start + n, end);
	return text;
}

static void dns_names(void **state)
{
	(void)state;
	is(AS_NAME, "Example.COM", "dns:example.com");
	is(AS_NAME, "DNS:xn--mller-kva.de", "dns:xn--mller-kva.de");
	is(AS_NAME, "dns:*.Example.com", "dns:*.example.com");
	is(AS_NAME, "localhost", "dns:localhost");
	is(AS_SUBTREE, ".example.com", "dns:example.com");
	is(AS_SUBTREE, "com", "dns:com");
	refused(AS_NAME, ".example.com");
	refused(AS_SUBTREE, "*.example.com");
	refused(AS_SUBTREE, "..example.com");
	static const char *const bad[] = { "",	   "bad label", "example.com.", "a..b",
					   "-a.b", "a-.b",	"a_b.c",	"m\xc3\xbcller.de",
					   "*",	   "*.",	"a.*.b",	"*a.b",
					   "a.*",  "10.0.0.1",	"a.1",		"1.0x7f",
					   "a/b",  "a.b:80",	"example.com\n" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		refused(AS_NAME, bad[i]);
		refused(AS_SUBTREE, bad[i]);
	}
	assert_non_null(canonical(AS_NAME, of_length("", 63, ".b")));
	refused(AS_NAME, of_length("b", 63, ".b"));
	assert_non_null(canonical(AS_NAME, of_length("", 253, "")));
	refused(AS_NAME, of_length("", 254, ""));
	assert_non_null(canonical(AS_NAME, of_length("*.", 251, "")));
	refused(AS_NAME, of_length("*.", 252, ""));
}

static void email_names(void **state)
{
	(void)state;
	is(AS_NAME, "email:Root@Example.COM", "email:Root@example.com");
	is(AS_SUBTREE, "email:Root@Example.COM", "email:Root@example.com");
	is(AS_SUBTREE, "email:Example.COM", "email:example.com");
	is(AS_SUBTREE, "email:.Example.COM", "email:.example.com");
	static const char *const bad[] = { "email:",	    "email:@example.com", "email:a@",	  "email:a@b@c",
					   "email:.a@b",    "email:a.@b",	  "email:a..b@c", "email:\"a b\"@c",
					   "email:a@[::1]", "email:a@10.0.0.1",	  "email:a@.b",	  "email:a@b.",
					   "email:a@b_c",   "email:\xc3\xbc@b",	  "email:a@*.b" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		refused(AS_NAME, bad[i]);
		refused(AS_SUBTREE, bad[i]);
	}
	refused(AS_NAME, "email:example.com");
	refused(AS_NAME, "email:.example.com");
	assert_non_null(canonical(AS_NAME, of_length("email:", 63, "a@b")));
	refused(AS_NAME, of_length("email:", 63, "aa@b"));
}

static void uri_names(void **state)
{
	(void)state;
	is(AS_NAME, "uri:HTTPS://WWW.Example.com:8443/Path?q=%2F#f", "uri:https://www.example.com:8443/Path?q=%2F#f");
	is(AS_NAME, "uri:spiffe://td_1.example/ns/Default", "uri:spiffe://td_1.example/ns/Default");
	is(AS_NAME, "uri:http://[2001:DB8:0::1]:80", "uri:http://[2001:db8::1]:80");
	is(AS_NAME, "uri:http://10.0.0.1/", "uri:http://10.0.0.1/");
	is(AS_NAME, "uri:URN:uuid:1", "uri:urn:uuid:1");
	is(AS_SUBTREE, "uri:Host.Example.com", "uri:host.example.com");
	is(AS_SUBTREE, "uri:.Example.com", "uri:.example.com");
	static const char *const bad[] = {
		"uri:",
		"uri:example.com",
		"uri://example.com",
		"uri:http://",
		"uri:file:///x",
		"uri:http://u@h/",
		"uri:http://h:/",
		"uri:http://h:0/",
		"uri:http://h:65536/",
		"uri:http://h:x",
		"uri:http://h/a b",
		"uri:http://h/%2",
		"uri:http://h/%zz",
		"uri:http://h\\x",
		"uri:http://h%2e/",
		"uri:http://h./",
		"uri:http://[::1",
		"uri:http://[x]/",
		"uri:http://010.0.0.1",
		"uri:http://10.1/",
		"uri:http://0x7f000001/",
		"uri:http://.h/",
		"uri:1http://h/",
		"uri:http://h/\xc3\xbc",
		"uri:http://[::1]x/",
		"uri:http://*.h/",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(AS_NAME, bad[i]);
	refused(AS_SUBTREE, "uri:http://h/");
	refused(AS_SUBTREE, "uri:10.0.0.1");
	refused(AS_SUBTREE, "uri:h:80");
	assert_non_null(canonical(AS_NAME, of_length("uri:http://h/", MAX_NAME - 9, "")));
	refused(AS_NAME, of_length("uri:http://h/", MAX_NAME - 8, ""));
}

static void ip_names(void **state)
{
	(void)state;
	is(AS_NAME, "ip:10.0.0.1", "ip:10.0.0.1");
	is(AS_NAME, "ip:2001:DB8:0:0::1", "ip:2001:db8::1");
	is(AS_SUBTREE, "ip:10.1.2.3/8", "ip:10.0.0.0/8");
	is(AS_SUBTREE, "ip:0.0.0.0/0", "ip:0.0.0.0/0");
	is(AS_SUBTREE, "ip:10.1.2.3/32", "ip:10.1.2.3/32");
	is(AS_SUBTREE, "ip:2001:db8::1/33", "ip:2001:db8::/33");
	is(AS_SUBTREE, "ip:::1/128", "ip:::1/128");
	static const char *const bad[] = { "ip:",
					   "ip:10.0.0",
					   "ip:10.0.0.256",
					   "ip:010.0.0.1",
					   "ip:1::2::3",
					   "ip:fe80::1%eth0",
					   "ip:10.0.0.0/",
					   "ip:10.0.0.0/33",
					   "ip:::/129",
					   "ip:10.0.0.0/08",
					   "ip:10.0.0.0/-1",
					   "ip:10.0.0.0/255.0.0.0",
					   "ip:10.0.0.0/8x",
					   "ip:/8",
					   "ip: 10.0.0.1" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		refused(AS_NAME, bad[i]);
		refused(AS_SUBTREE, bad[i]);
	}
	refused(AS_NAME, "ip:10.0.0.0/8");
	refused(AS_SUBTREE, "ip:10.0.0.0");
}

static void walls_take_canonical_values_only(void **state)
{
	(void)state;
	static const struct {
		enum name_use use;
		uint8_t type;
		const char *value;
		size_t len;
	} bad[] = {
		{ AS_NAME, NAME_DNS, "Example.com", 11 },
		{ AS_SUBTREE, NAME_DNS, ".example.com", 12 },
		{ AS_NAME, NAME_DNS, "example.com\0", 12 },
		{ AS_NAME, NAME_DNS, "", 0 },
		{ AS_SUBTREE, NAME_DNS, "", 0 },
		{ AS_NAME, NAME_EMAIL, "a@B", 3 },
		{ AS_SUBTREE, NAME_EMAIL, "a\0@b", 4 },
		{ AS_NAME, NAME_URI, "HTTP://h", 8 },
		{ AS_NAME, NAME_URI, "http://H", 8 },
		{ AS_NAME, NAME_URI, "http://[::0]/", 13 },
		{ AS_NAME, NAME_URI, "http://h\0/", 10 },
		{ AS_NAME, NAME_URI, "http://h/\0", 10 },
		{ AS_NAME, NAME_IP, "\x0a\0\0", 3 },
		{ AS_NAME, NAME_IP, "\x0a\0\0\0\xff\0\0\0", 8 },
		{ AS_SUBTREE, NAME_IP, "\x0a\0\0\0", 4 },
		{ AS_SUBTREE, NAME_IP, "\x0a\0\0\1\xff\0\0\0", 8 },
		{ AS_SUBTREE, NAME_IP, "\x0a\0\0\0\xff\0\xff\0", 8 },
		{ AS_SUBTREE, NAME_IP, "\0\0\0\0\x7f\0\0\0", 8 },
		{ AS_SUBTREE, NAME_IP, "\0\0\0\0\0\0\0\0\0", 9 },
		{ AS_NAME, NAME_DIRECTORY, "", 0 },
		{ AS_NAME, NAME_DIRECTORY, "\1", 1 },
		{ AS_NAME, NAME_DIRECTORY, "\0\0", 2 },
		{ AS_NAME, NAME_DIRECTORY, "\1\0\1\1\0", 5 },
		{ AS_NAME, NAME_DIRECTORY, "\2\0\1\1\0x", 6 },
		{ AS_NAME, NAME_DIRECTORY, "\1\0\1\1\0xx", 7 },
		{ AS_NAME, NAME_DIRECTORY, "\1\0\x63\1\0x", 6 },
		{ AS_NAME, 0, "a", 1 },
		{ AS_NAME, MAX_NAME_TYPE + 1, "a", 1 },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(name_is_canonical(bad[i].use, bad[i].type,
					       (struct slice){ (const uint8_t *)bad[i].value, bad[i].len }));
	assert_true(name_is_canonical(AS_NAME, NAME_DIRECTORY, (struct slice){ (const uint8_t *)"\1\0\1\1\0x", 6 }));
	const char *why;
	scoped_buf value;
	buf_init(&value, 64);
	assert_false(name_canonize(AS_SUBTREE, NAME_IP, (struct slice){ (const uint8_t *)"\x0a\0\0\0\xff\0\xff\0", 8 },
				   &value, &why));
}

static bool relation(bool (*how)(uint8_t, struct slice, struct slice), enum name_use use, const char *a, const char *b)
{
	uint8_t type, outer_type;
	const char *why;
	scoped_buf x, y;
	buf_init(&x, 2048);
	buf_init(&y, 2048);
	assert_true(name_parse(use, a, &type, &x, &why));
	assert_true(name_parse(AS_SUBTREE, b, &outer_type, &y, &why));
	assert_int_equal(type, outer_type);
	return how(type, buf_slice(&x), buf_slice(&y));
}
#define within(name, subtree) relation(name_within, AS_NAME, name, subtree)
#define touches(name, subtree) relation(name_touches, AS_NAME, name, subtree)
#define subset(inner, outer) relation(subtree_within, AS_SUBTREE, inner, outer)

static void names_within_subtrees(void **state)
{
	(void)state;
	assert_true(within("EXAMPLE.com", "example.COM"));
	assert_true(within("a.b.example.com", ".example.com"));
	assert_true(within("example.com", ".example.com"));
	assert_false(within("notexample.com", "example.com"));
	assert_false(within("example.com.evil.com", "example.com"));
	assert_false(within("com", "example.com"));
	assert_true(within("*.example.com", "example.com"));
	assert_false(within("*.example.com", "a.example.com"));
	assert_true(within("email:a@example.com", "email:example.com"));
	assert_false(within("email:a@b.example.com", "email:example.com"));
	assert_true(within("email:a@b.c.example.com", "email:.example.com"));
	assert_false(within("email:a@example.com", "email:.example.com"));
	assert_false(within("email:a@notexample.com", "email:.example.com"));
	assert_true(within("email:a@Example.com", "email:a@example.COM"));
	assert_false(within("email:A@example.com", "email:a@example.com")); /* 7.5: the local part by exact match */
	assert_true(within("uri:http://example.com:80/x", "uri:example.com"));
	assert_false(within("uri:http://a.example.com/", "uri:example.com"));
	assert_true(within("uri:http://a.example.com", "uri:.example.com"));
	assert_true(within("uri:http://a.example.com/x?y", "uri:.example.com"));
	assert_false(within("uri:http://a.example.com?", "uri:.example.com")); /* OpenSSL takes "?" for the host's */
	assert_false(
		within("uri:http://a.example.com/x:y", "uri:.example.com")); /* ... and this colon for the port's */
	assert_false(within("uri:http://example.com/", "uri:.example.com"));
	assert_false(within("uri:http://evil.com/.example.com", "uri:.example.com"));
	assert_false(within("uri:urn:x:example.com", "uri:example.com"));
	assert_true(within("ip:10.255.0.1", "ip:10.0.0.0/8"));
	assert_false(within("ip:11.0.0.1", "ip:10.0.0.0/8"));
	assert_false(within("ip:::a00:1", "ip:10.0.0.0/8"));
	assert_true(within("ip:2001:db8:1::1", "ip:2001:db8::/32"));
	assert_true(within("dn:C=DE, O=Example  Ltd, CN=x", "dn:c=DE, o=example ltd"));
	assert_false(within("dn:C=DE", "dn:C=DE, O=x"));
}

static void subtrees_within_subtrees(void **state)
{
	(void)state;
	assert_true(subset("example.com", "example.com") && subset("a.example.com", "example.com"));
	assert_false(subset("example.com", "a.example.com") || subset("notexample.com", "example.com"));
	assert_true(subset("email:a@example.com", "email:example.com") && subset("email:example.com", "email:.com"));
	assert_true(subset("email:.b.com", "email:.com") && subset("email:a@x.b.com", "email:.b.com"));
	assert_false(subset("email:.b.com", "email:b.com") || subset("email:b.com", "email:.b.com"));
	assert_false(subset("email:example.com", "email:a@example.com") || subset("email:.xb.com", "email:.b.com"));
	assert_true(subset("uri:a.b.com", "uri:.b.com") && subset("uri:.a.b.com", "uri:.b.com"));
	assert_false(subset("uri:b.com", "uri:.b.com") || subset("uri:.b.com", "uri:b.com"));
	assert_true(subset("ip:10.1.0.0/16", "ip:10.0.0.0/8") && subset("ip:10.0.0.0/8", "ip:0.0.0.0/0"));
	assert_false(subset("ip:10.0.0.0/8", "ip:10.0.0.0/16") || subset("ip:11.0.0.0/16", "ip:10.0.0.0/8"));
	assert_false(subset("ip:10.0.0.0/8", "ip:::/0"));
	assert_true(subset("dn:C=DE, O=x", "dn:C=DE"));
	assert_false(subset("dn:C=DE", "dn:C=DE, O=x"));
}

static void wildcards_and_hostless_uris_touch(void **state)
{
	(void)state;
	assert_true(touches("*.example.com", "secret.example.com"));
	assert_true(touches("*.example.com", "example.com"));
	assert_false(touches("*.example.com", "a.secret.example.com")); /* a wildcard is one label */
	assert_false(touches("*.example.com", "secretexample.com"));
	assert_false(touches("example.com", "secret.example.com"));
	assert_true(touches("uri:urn:uuid:1", "uri:example.com"));
	assert_true(touches("uri:http://10.0.0.1/", "uri:example.com"));
	assert_true(touches("uri:http://[::1]/", "uri:example.com"));
	assert_false(touches("uri:http://a.com/", "uri:example.com"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dns_names),
		cmocka_unit_test(email_names),
		cmocka_unit_test(uri_names),
		cmocka_unit_test(ip_names),
		cmocka_unit_test(walls_take_canonical_values_only),
		cmocka_unit_test(names_within_subtrees),
		cmocka_unit_test(subtrees_within_subtrees),
		cmocka_unit_test(wildcards_and_hostless_uris_touch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
