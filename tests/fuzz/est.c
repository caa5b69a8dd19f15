/*
 * frontd/est_input: what EST clients and the proxy send. The first byte says
 * which: 'b' base64 of a request, 'c' a certificate as the proxy escapes it,
 * 'r' bytes, taken for a request and a certificate at once.
 */
#include <openssl/evp.h>
#include <string.h>

#include "frontd/est_input.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	return 0;
}

/* What we write is read as the same bytes. */
static void again(struct slice bytes)
{
	scoped_buf text = { .max = 4 * MAX_EST_REQUEST };
	scoped_buf back = { .max = 2 * MAX_EST_REQUEST };
	est_base64_encode(bytes, &text);
	REQUIRE(buf_ok(&text) && est_base64_decode(buf_slice(&text), &back) == (bytes.len > 0));
	REQUIRE(slice_equal(buf_slice(&back), bytes));
}

/* What is taken has one reading, and libcrypto has the same. */
static void base64(struct slice text)
{
	scoped_buf out = { .max = MAX_EST_REQUEST };
	if (!est_base64_decode(text, &out))
		return;
	REQUIRE(buf_ok(&out) && out.len && out.len <= MAX_EST_REQUEST);
	again(buf_slice(&out));
	scoped_buf bare = { .max = 2 * MAX_EST_REQUEST };
	for (size_t i = 0; i < text.len; i++)
		if (!memchr(" \t\r\n", text.at[i], 4))
			buf_put(&bare, text.at + i, 1);
	scoped_buf theirs = { .max = 2 * MAX_EST_REQUEST };
	uint8_t *at = buf_room(&theirs, bare.len);
	if (!at || !buf_ok(&bare))
		return;
	int n = EVP_DecodeBlock(at, bare.at, (int)bare.len);
	REQUIRE(n >= (int)out.len && n <= (int)out.len + 2 && memcmp(at, out.at, out.len) == 0);
}

static void certificate(struct slice text)
{
	char header[4 * MAX_EST_CERTIFICATE];
	scoped_buf out = { .max = MAX_EST_CERTIFICATE };
	if (text.len >= sizeof(header))
		return;
	memcpy(header, text.at, text.len);
	header[text.len] = '\0';
	if (!est_certificate_decode(header, &out))
		return;
	REQUIRE(buf_ok(&out) && out.len && out.len <= MAX_EST_CERTIFICATE);
}

static void names(struct slice der)
{
	scoped_buf out = { .max = 1024 * 1024 };
	est_subject_same(der, der);
	if (est_certificates_put(&der, 1, &out) == 0)
		REQUIRE(out.len > der.len / 2 && out.at[0] == 0x30);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 4 * MAX_EST_REQUEST)
		return 0;
	struct slice rest = { data + 1, size - 1 };
	if (data[0] == 'b')
		base64(rest);
	else if (data[0] == 'c')
		certificate(rest);
	else if (data[0] == 'r')
		names(rest);
	else if (rest.len <= MAX_EST_REQUEST)
		again(rest);
	return 0;
}
