/* policy/key_uri: any text as key_driver_id. What is taken stays within its limits; what is refused has a sentence. */
#include <string.h>

#include "base/text.h"
#include "fuzz/fuzz.h"
#include "policy/key_uri.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	return 0;
}

static bool inside(struct slice part, const struct key_uri *uri)
{
	return part.len == 0 || (part.at >= uri->bytes && part.at + part.len <= uri->bytes + sizeof(uri->bytes));
}

static void uri_holds(const struct key_uri *uri, const char *text)
{
	const struct slice texts[] = { uri->token, uri->serial, uri->manufacturer, uri->model, uri->object };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		REQUIRE(inside(texts[i], uri) && texts[i].len <= 128 && text_visible(texts[i]));
	REQUIRE(inside(uri->id, uri) && uri->id.len > 0 && uri->id.len <= MAX_KEY_URI_ID);
	REQUIRE(!strchr(text, '?') && strlen(text) <= MAX_KEY_URI);
	REQUIRE(uri->form == KEY_URI_PKCS11 || (!memchr(uri->id.at, '/', uri->id.len) && uri->id.at[0] != '.'));
}

/* The same id, with every byte percent-encoded, is the same id. */
static void id_again(const struct key_uri *uri)
{
	struct key_uri again;
	char why[KEY_URI_WHY] = "";
	scoped_buf text = { .max = MAX_KEY_URI };
	buf_put_text(&text, "pkcs11:id=");
	for (size_t i = 0; i < uri->id.len; i++)
		buf_printf(&text, "%%%02x", uri->id.at[i]);
	buf_put_u8(&text, 0);
	REQUIRE(buf_ok(&text) && key_uri_parse((const char *)text.at, &again, why));
	REQUIRE(slice_equal(again.id, uri->id) && again.token.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 2 * MAX_KEY_URI)
		return 0;
	struct key_uri uri;
	char text[2 * MAX_KEY_URI + 1], why[KEY_URI_WHY] = "";
	memcpy(text, data, size);
	text[size] = '\0';
	if (key_uri_parse(text, &uri, why)) {
		REQUIRE(why[0] == '\0');
		uri_holds(&uri, text);
		id_again(&uri);
	} else {
		REQUIRE(why[0] && text_valid(slice_text(why)));
	}
	return 0;
}
