#include "frontd/est_input.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

#include "base/text.h"

#define LINE 48 /* bytes: a line of 64 characters, as in PEM */

static int digit_of(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool est_base64_decode(struct slice text, struct buf *out)
{
	uint32_t bits = 0;
	size_t digits = 0, padding = 0;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.at[i];
		if (is_space(c))
			continue;
		int digit = digit_of(c);
		if (c == '=' ? ++padding > 2 : digit < 0 || padding)
			return false;
		if (c == '=')
			continue;
		bits = bits << 6 | (uint32_t)digit;
		/* Each digit but the first of four ends a byte; its last bits begin the next one. */
		if (digits++ % 4)
			buf_put_u8(out, (uint8_t)(bits >> (6 - 2 * ((digits - 1) % 4))));
	}
	/* What is left over of the last byte must be nothing, and the padding what fills the four up. */
	size_t rest = digits % 4;
	uint32_t over = rest == 2 ? bits & 0xf : rest == 3 ? bits & 3 : 0;
	return digits && rest != 1 && !over && padding == (4 - rest) % 4 && buf_ok(out);
}

void est_base64_encode(struct slice bytes, struct buf *out)
{
	for (size_t at = 0; at < bytes.len; at += LINE) {
		unsigned char line[4 * LINE / 3 + 1];
		size_t n = bytes.len - at < LINE ? bytes.len - at : LINE;
		buf_put(out, line, (size_t)EVP_EncodeBlock(line, bytes.at + at, (int)n));
		buf_put_text(out, "\n");
	}
}

static bool percent_decode(const char *text, struct buf *out)
{
	for (; *text; text++) {
		uint8_t byte = (uint8_t)*text;
		if (*text == '%') {
			if (!text[1] || !hex_decode(text + 1, 2, &byte, 1))
				return false;
			text += 2;
		}
		buf_put_u8(out, byte);
	}
	return buf_ok(out);
}

bool est_certificate_decode(const char *text, struct buf *out)
{
	scoped_buf pem = { .max = 2 * MAX_EST_CERTIFICATE };
	if (!percent_decode(text, &pem))
		return false;
	struct slice rest = buf_slice(&pem);
	if (!slice_take_prefix(&rest, slice_text("-----BEGIN CERTIFICATE-----")))
		return false;
	const uint8_t *end = rest.len ? memchr(rest.at, '-', rest.len) : NULL;
	if (!end)
		return false;
	struct slice body = { rest.at, (size_t)(end - rest.at) };
	rest = (struct slice){ end, rest.len - body.len };
	if (!slice_take_prefix(&rest, slice_text("-----END CERTIFICATE-----")))
		return false;
	while (rest.len && is_space(rest.at[0]))
		rest = (struct slice){ rest.at + 1, rest.len - 1 };
	return rest.len == 0 && est_base64_decode(body, out);
}

/* NULL also of what has more behind it. */
static X509 *certificate_read(struct slice der)
{
	const unsigned char *at = der.at;
	X509 *x = d2i_X509(NULL, &at, (long)der.len);
	if (x && at == der.at + der.len)
		return x;
	X509_free(x);
	return NULL;
}

bool est_subject_same(struct slice request, struct slice certificate)
{
	const unsigned char *at = request.at;
	X509_REQ *req = d2i_X509_REQ(NULL, &at, (long)request.len);
	X509 *x = certificate_read(certificate);
	bool whole = req && at == request.at + request.len;
	bool same = whole && x && X509_NAME_cmp(X509_REQ_get_subject_name(req), X509_get_subject_name(x)) == 0;
	X509_REQ_free(req);
	X509_free(x);
	ERR_clear_error();
	return same;
}

bool est_names_within(struct list some, struct list all)
{
	uint8_t type;
	struct slice name;
	while (list_next(&some, &type, &name))
		if (!list_holds(all, type, name))
			return false;
	return true;
}

static int certificate_add(PKCS7 *p7, struct slice der)
{
	X509 *x = certificate_read(der);
	int added = x ? PKCS7_add_certificate(p7, x) : 0;
	X509_free(x);
	return added;
}

int est_certificates_put(const struct slice *certificates, size_t count, struct buf *out)
{
	PKCS7 *p7 = PKCS7_new();
	unsigned char *der = NULL;
	int good = p7 && PKCS7_set_type(p7, NID_pkcs7_signed) == 1, n = 0;
	if (good)
		p7->d.sign->contents->type = OBJ_nid2obj(NID_pkcs7_data); /* and none of it */
	for (size_t i = 0; i < count && good; i++)
		good = certificate_add(p7, certificates[i]);
	if (good)
		n = i2d_PKCS7(p7, &der);
	if (n > 0)
		buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	PKCS7_free(p7);
	ERR_clear_error();
	return n > 0 && buf_ok(out) ? 0 : -1;
}
