#include "cli/import.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/time.h"
#include "cli/client.h"
#include "cli/detail.h"
#include "cli/groups.h"
#include "cli/lookup.h"
#include "cli/member.h"
#include "cli/books.h"

#define MAX_LINE 8192	   /* of index.txt: a subject of 4 KiB, escaped, and the rest */
#define MAX_INDEX 1000000  /* lines: openssl itself keeps the file in memory, and is slow long before */
#define MAX_NUMBER_FILE 64 /* bytes of serial and crlnumber */
#define MAX_TOLD 10	   /* mistakes that are told one by one */
#define NOTE "imported from openssl ca"

struct import {
	struct cli *c;
	const char *dir;
	bool dry;
	char ca_id[MAX_ID];
	X509 *ca;
	char (*serials)[41]; /* of all rows, to find what is there twice */
	size_t rows, done, revoked, expired, wrong;
	int64_t crl_number; /* the last that was used; 0: none */
	struct progress progress;
};

static void import_free(struct import *im)
{
	X509_free(im->ca);
	free(im->serials);
	ERR_clear_error();
}
#define scoped_import __attribute__((cleanup(import_free))) struct import

static void x509_free(X509 **x)
{
	X509_free(*x);
}
#define scoped_x509 __attribute__((cleanup(x509_free))) X509

static void file_close(FILE **f)
{
	if (*f)
		fclose(*f);
}
#define scoped_file __attribute__((cleanup(file_close))) FILE

/* A mistake in the folder: the first ones are told, all are counted. */
__attribute__((format(printf, 2, 3))) static void wrong_tell(struct import *im, const char *format, ...)
{
	char text[PATH_MAX + 256];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (im->wrong++ < MAX_TOLD)
		problem_tell(im->c, CLI_REFUSED, (struct problem){ .code = "import_malformed" }, "%s.", text);
}

static FILE *file_open(const struct import *im, const char *name)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", im->dir, name);
	return n > 0 && n < (int)sizeof(path) ? fopen(path, "re") : NULL;
}

/* Where `openssl ca` leaves a copy of each; else where the row says, within the folder. NULL: nowhere, or no PEM. */
static X509 *certificate_read(const struct import *im, const struct index_row *row)
{
	char name[64];
	snprintf(name, sizeof(name), "newcerts/%s.pem", row->serial);
	scoped_file *f = file_open(im, name);
	if (!f && *row->file && *row->file != '/' && !strstr(row->file, ".."))
		f = file_open(im, row->file);
	return f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
}

static bool serial_is(X509 *x, const char *hex)
{
	BIGNUM *wanted = NULL, *has = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	bool same = has && BN_hex2bn(&wanted, hex) > 0 && BN_cmp(wanted, has) == 0;
	BN_free(wanted);
	BN_free(has);
	return same;
}

/* Whether the row's certificate is there, is what the row says, and is one of this CA's. */
static void row_check(struct import *im, size_t line, const struct index_row *row)
{
	scoped_x509 *x = certificate_read(im, row);
	if (!x)
		wrong_tell(im, "line %zu of index.txt: there is no certificate newcerts/%s.pem that can be read", line,
			   row->serial);
	else if (!serial_is(x, row->serial))
		wrong_tell(im, "newcerts/%s.pem has another serial number", row->serial);
	else if (X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(im->ca)) != 0 ||
		 X509_verify(x, X509_get0_pubkey(im->ca)) != 1)
		wrong_tell(im, "newcerts/%s.pem was not signed by this CA's key", row->serial);
	else if (row->revoked > time_now())
		wrong_tell(im, "line %zu of index.txt is revoked at a time that is still to come", line);
	ERR_clear_error();
}

static int row_note(struct import *im, size_t line, const struct index_row *row)
{
	if (im->rows % 1024 == 0) {
		void *grown = realloc(im->serials, (im->rows + 1024) * sizeof(*im->serials));
		if (!grown)
			return problem_tell(im->c, CLI_BROKEN, (struct problem){ .code = "internal" },
					    "out of memory.");
		im->serials = grown;
	}
	memcpy(im->serials[im->rows++], row->serial, sizeof(row->serial));
	im->revoked += row->state == 'R';
	im->expired += row->expires < time_now();
	row_check(im, line, row);
	return CLI_DONE;
}

static void *certificate_send_body(X509 *x)
{
	BIO *out = BIO_new(BIO_s_mem());
	json_t *body = json_object();
	char *text = NULL;
	long n = out && PEM_write_bio_X509(out, x) == 1 ? BIO_get_mem_data(out, &text) : 0;
	member_set(&body, "certificate_pem", n > 0 ? json_stringn(text, (size_t)n) : NULL);
	BIO_free(out);
	return body;
}

static int certificate_send(struct import *im, X509 *x)
{
	scoped_buf path;
	scoped_json *answer = NULL;
	path_init(&path, "/intermediates");
	path_add(&path, im->ca_id);
	buf_put_text(&path, "/admit");
	if (im->dry)
		path_query(&path, "dry_run", "true");
	return client_send(im->c, "POST", &path, certificate_send_body(x), &answer);
}

static int revocation_send(struct import *im, const struct index_row *row)
{
	scoped_buf path;
	scoped_json *answer = NULL;
	char when[TIME_TEXT_SIZE], serial[41] = "";
	json_t *body = json_object();
	time_text(row->revoked, when);
	for (size_t i = 0; row->serial[i]; i++)
		serial[i] = (char)(row->serial[i] >= 'A' ? row->serial[i] - 'A' + 'a' : row->serial[i]);
	path_init(&path, "/intermediates");
	path_add(&path, im->ca_id);
	buf_put_text(&path, "/certificates");
	path_add(&path, serial);
	buf_put_text(&path, "/revoke");
	member_set(&body, "reason", json_string(row->reason));
	member_set(&body, "revoked_at", json_string(when));
	member_set(&body, "note", json_string(NOTE));
	return client_send(im->c, "POST", &path, body, &answer);
}

/* What is there already is answered as such: whoever was interrupted begins anew. */
static int row_send(struct import *im, size_t line, const struct index_row *row)
{
	scoped_x509 *x = certificate_read(im, row);
	(void)line;
	int r = x ? certificate_send(im, x)
		  : problem_tell(im->c, CLI_REFUSED, (struct problem){ .code = "import_malformed" },
				 "newcerts/%s.pem is not there any more.", row->serial);
	if (!r && row->state == 'R' && !im->dry)
		r = revocation_send(im, row);
	if (r)
		return problem_tell(im->c, r,
				    (struct problem){ .code = "import_incomplete",
						      .hint = "what is done stays done; the same command goes on." },
				    "the certificate %s was not taken; %zu of %zu were.", row->serial, im->done,
				    im->rows);
	progress_count(&im->progress, ++im->done, im->rows);
	return CLI_DONE;
}

typedef int row_visit(struct import *im, size_t line, const struct index_row *row);

/* Each row that can be read goes to visit; the others are counted as mistakes. */
static int index_walk(struct import *im, row_visit *visit)
{
	scoped_file *f = file_open(im, "index.txt");
	char line[MAX_LINE], why[INDEX_WHY];
	struct index_row row;
	int r = CLI_DONE;
	if (!f)
		return problem_tell(im->c, CLI_USAGE, (struct problem){ .code = "import_unreadable" },
				    "can't read %s/index.txt: %s.", im->dir, strerror(errno));
	for (size_t n = 1; r == CLI_DONE && fgets(line, sizeof(line), f); n++) {
		size_t end = strcspn(line, "\r\n");
		if (n > MAX_INDEX || (!line[end] && !feof(f)))
			return problem_tell(im->c, CLI_REFUSED, (struct problem){ .code = "import_malformed" },
					    "line %zu of index.txt is too long or no text, or there are more than %d.",
					    n, MAX_INDEX);
		line[end] = '\0';
		if (index_row_read(line, &row, why))
			r = visit(im, n, &row);
		else
			wrong_tell(im, "line %zu of index.txt %s", n, why);
	}
	return r;
}

/* serial and crlnumber: the next one, in hex. False: there is no such file, and *number is NULL; or it was told. */
static bool number_read(struct import *im, const char *name, BIGNUM **number)
{
	char text[MAX_NUMBER_FILE + 2] = "";
	scoped_file *f = file_open(im, name);
	*number = NULL;
	if (!f)
		return false;
	size_t n = fread(text, 1, sizeof(text) - 1, f), digits = strspn(text, "0123456789ABCDEFabcdef");
	bool good = n <= MAX_NUMBER_FILE && digits && strspn(text + digits, "\r\n") == n - digits;
	text[digits] = '\0';
	good = good && BN_hex2bn(number, text) > 0;
	if (!good)
		wrong_tell(im, "%s is not one hexadecimal number", name);
	return good;
}

static int text_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void serials_check(struct import *im)
{
	BIGNUM *next = NULL;
	qsort(im->serials, im->rows, sizeof(*im->serials), text_compare);
	for (size_t i = 1; i < im->rows; i++)
		if (strcmp(im->serials[i], im->serials[i - 1]) == 0)
			wrong_tell(im, "index.txt has the serial number %s twice", im->serials[i]);
	char *hex = number_read(im, "serial", &next) ? BN_bn2hex(next) : NULL;
	if (hex && bsearch(hex, im->serials, im->rows, sizeof(*im->serials), text_compare))
		wrong_tell(im, "serial says that %s is the next one, and index.txt has it", hex);
	OPENSSL_free(hex);
	BN_free(next);
}

static void crl_number_check(struct import *im)
{
	BIGNUM *next = NULL;
	if (number_read(im, "crlnumber", &next) && BN_num_bits(next) > 62)
		wrong_tell(im, "crlnumber is larger than CRL numbers here can be");
	else if (next)
		im->crl_number = (int64_t)BN_get_word(next) - 1;
	BN_free(next);
}

static int crl_number_send(struct import *im)
{
	scoped_buf path;
	scoped_json *answer = NULL;
	if (im->crl_number < 1)
		return CLI_DONE;
	path_init(&path, "/intermediates");
	path_add(&path, im->ca_id);
	buf_put_text(&path, "/crl-number");
	if (im->dry)
		path_query(&path, "dry_run", "true");
	return client_send(im->c, "POST", &path, json_pack("{s:I}", "last", (json_int_t)im->crl_number), &answer);
}

static int ca_read(struct import *im, const struct options *o)
{
	scoped_buf path;
	scoped_json *answer = NULL;
	int r = lookup_ca(im->c, option_text(o, "ca"), option_text(o, "issuer"), im->ca_id);
	if (r)
		return r;
	path_init(&path, "/intermediates");
	path_add(&path, im->ca_id);
	r = client_get(im->c, &path, &answer);
	if (r)
		return r;
	const char *pem = member_text(answer, "certificate_pem");
	BIO *bio = BIO_new_mem_buf(pem, -1);
	im->ca = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	return im->ca ? CLI_DONE
		      : problem_tell(im->c, CLI_CONFLICT, (struct problem){ .code = "no_certificate" },
				     "the CA has no certificate yet.");
}

/* All of the folder, before anything is sent. */
static int folder_check(struct import *im)
{
	int r = index_walk(im, row_note);
	if (r)
		return r;
	serials_check(im);
	crl_number_check(im);
	if (!im->wrong)
		return CLI_DONE;
	return problem_tell(im->c, CLI_REFUSED, (struct problem){ .code = "import_malformed" },
			    "%zu mistakes were found in %s; nothing was sent.", im->wrong, im->dir);
}

static int result_print(const struct import *im)
{
	scoped_json *result =
		json_pack("{s:b, s:s, s:I, s:I, s:I, s:I}", "dry_run", im->dry, "ca_id", im->ca_id, "certificates",
			  (json_int_t)im->rows, "revoked", (json_int_t)im->revoked, "expired", (json_int_t)im->expired,
			  "last_crl_number", (json_int_t)im->crl_number);
	return detail_print(im->c, result, NULL);
}

static int import_openssl_ca(struct cli *c, const struct options *o)
{
	scoped_import im = { .c = c, .dir = o->arguments[0], .dry = option_flag(o, "dry-run") };
	int r = option_need(c, o, "ca");
	if (r == CLI_DONE)
		r = ca_read(&im, o);
	if (r == CLI_DONE)
		r = folder_check(&im);
	if (r == CLI_DONE)
		r = crl_number_send(&im); /* before the first CRL that lists what was revoked there */
	progress_begin(c, &im.progress);
	if (r == CLI_DONE)
		r = index_walk(&im, row_send);
	progress_end(&im.progress);
	return r ? r : result_print(&im);
}

static const struct option_spec import_options[] = {
	{ "ca", OPTION_TEXT, "CA", "the CA whose key signed them (needed)" },
	{ "issuer", OPTION_TEXT, "ISSUER", "only the CAs of this issuer" },
	{ "dry-run", OPTION_FLAG, NULL, "check everything and take nothing" },
	{ .name = NULL },
};

const struct command import_commands[] = {
	{ "import", "openssl-ca", 1, 1, "DIR",
	  "Take over what `openssl ca` kept of a CA: certificates, revocations, the CRL number.",
	  "chancery import openssl-ca /etc/ssl/demoCA --ca legacy", import_options, import_openssl_ca },
	{ .group = NULL },
};
