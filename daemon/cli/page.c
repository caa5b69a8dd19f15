#include "cli/page.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/time.h"

#define SHA256_SIZE 32
#define BASE64_SIZE (4 * ((SHA256_SIZE + 2) / 3) + 1)

/* JSON in ASCII, of which nothing can be read as markup: not "</script>", not "<!--". */
static void data_put(struct buf *out, const json_t *data)
{
	char *text = json_dumps(data, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (!text)
		out->broken = true;
	for (const char *at = text; at && *at; at++)
		if (strchr("<>&", *at))
			buf_printf(out, "\\u%04x", (unsigned)*at);
		else
			buf_put_u8(out, (uint8_t)*at);
	free(text);
}

/* What a Content-Security-Policy calls an inline script or style by. */
static void hash_put(struct buf *out, const char *text)
{
	uint8_t hash[SHA256_SIZE];
	unsigned char base64[BASE64_SIZE];
	if (!EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL)) {
		out->broken = true;
		return;
	}
	EVP_EncodeBlock(base64, hash, sizeof(hash));
	buf_printf(out, "'sha256-%s'", (const char *)base64);
}

static void policy_put(struct buf *out)
{
	buf_put_text(out, "default-src 'none'; base-uri 'none'; form-action 'none'; script-src ");
	hash_put(out, page_js);
	buf_put_text(out, "; style-src ");
	hash_put(out, page_css);
}

static void cas_put(struct buf *out, const json_t *list, int64_t now)
{
	char drawn[TIME_TEXT_SIZE];
	time_text(now, drawn);
	json_t *data = json_pack("{s:s,s:O}", "drawn_at", drawn, "data", list);
	if (data)
		data_put(out, data);
	else
		out->broken = true;
	json_decref(data);
}

static void part_put(struct buf *out, struct slice name, const json_t *list, int64_t now)
{
	if (slice_equal(name, slice_text("policy")))
		policy_put(out);
	else if (slice_equal(name, slice_text("style")))
		buf_put_text(out, page_css);
	else if (slice_equal(name, slice_text("script")))
		buf_put_text(out, page_js);
	else if (slice_equal(name, slice_text("data")))
		cas_put(out, list, now);
	else
		out->broken = true;
}

/* page.html names its parts as {{part}}. */
void page_put(struct buf *out, const json_t *list, int64_t now)
{
	const char *at = page_html, *open, *shut;
	while ((open = strstr(at, "{{")) && (shut = strstr(open, "}}"))) {
		buf_put(out, at, (size_t)(open - at));
		part_put(out, (struct slice){ (const uint8_t *)open + 2, (size_t)(shut - open - 2) }, list, now);
		at = shut + 2;
	}
	buf_put_text(out, at);
}
