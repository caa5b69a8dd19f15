/*
 * frontd/root, and frontd/facts of what others wrote: a root as a caller sends it. An input that begins with a dash is
 * PEM as it came; any other is the certificate in its one block.
 */
#include <string.h>

#include "base/algorithm.h"
#include "base/text.h"
#include "frontd/chain.h"
#include "frontd/root.h"
#include "fuzz/bend.h"
#include "fuzz/fuzz.h"
#include "names/dn.h"
#include "wire/inner.h"

#define SOME_TIME 1800000000

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	return 0;
}

/* Of whoever wrote it: names are canonical, constraints can be stated, the lists are whole. */
static void facts_hold(const struct facts *f)
{
	struct constraints stated = facts_constraints(f);
	struct list names = items_list(&f->alt_names);
	uint8_t type;
	struct slice value;
	REQUIRE(f->serial.len <= 20 && list_valid(items_list(&f->subject), UINT16_MAX));
	while (list_next(&stated.permitted, &type, &value))
		REQUIRE(name_is_canonical(AS_SUBTREE, type, value));
	while (list_next(&stated.excluded, &type, &value))
		REQUIRE(name_is_canonical(AS_SUBTREE, type, value));
	while (list_next(&names, &type, &value))
		REQUIRE(name_is_canonical(AS_NAME, type, value));
}

/* Whatever was taken is a root that can be shown and whose key is known. */
static void root_holds(const struct root *r)
{
	const struct facts *f = &r->facts;
	scoped_buf text = { .max = 256 * 1024 };
	REQUIRE(r->der.len <= MAX_ROOT && algorithm_by_number(r->algorithm));
	REQUIRE(f->ca && f->key_usage & USAGE_KEY_CERT_SIGN && slice_equal(f->issuer_name, f->subject_name));
	REQUIRE(f->not_before <= SOME_TIME && SOME_TIME <= f->not_after);
	REQUIRE(f->path_len <= 255 || f->path_len == PATH_LEN_NONE);
	dn_print(items_list(&f->subject), &text);
	REQUIRE(buf_ok(&text) && text.len > 0 && text_visible(buf_slice(&text)));
}

static void pem_try(const char *pem)
{
	struct call c = { .body = NULL };
	scoped_root r;
	int refused = root_read(&c, "root_cert_pem", pem, SOME_TIME, &r);
	REQUIRE(refused == 0 || refused == 1);
	if (!refused)
		root_holds(&r);
	else
		REQUIRE(c.error.status == 400 && c.error.code[0] && c.error.message[0]);
	REQUIRE(refused || !strstr(pem, "PRIVATE KEY"));
}

/* The same certificate as one that comes in from elsewhere: a CA's, whoever has signed it. */
static void issued_try(const char *pem)
{
	struct call c = { .body = NULL };
	scoped_root r;
	int refused = root_read_issued(&c, "certificate_pem", pem, SOME_TIME, &r);
	REQUIRE(refused == 0 || refused == 1);
	REQUIRE(!refused || (c.error.status == 400 && c.error.code[0] && c.error.message[0]));
	if (!refused)
		REQUIRE(r.facts.ca && r.facts.key_usage & USAGE_KEY_CERT_SIGN && algorithm_by_number(r.algorithm));
}

/* What the signer's own request would be read from. */
static void request_try(struct slice der)
{
	char why[FACTS_WHY] = "";
	scoped_facts f;
	int r = facts_read_request(der, &f, why);
	REQUIRE(r >= 0 && r <= 3 && (r == 0 ? f.ca && f.public_key.len > 0 : why[0] != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > MAX_ROOT_PEM)
		return 0;
	char why[FACTS_WHY] = "";
	scoped_buf pem = { .max = 2 * MAX_ROOT_PEM };
	struct slice input = { data, size };
	if (data[0] == '-') {
		buf_put_slice(&pem, input);
	} else {
		scoped_facts f;
		request_try(input);
		int r = facts_read_foreign(input, &f, why);
		REQUIRE(r >= 0 && r <= 3 && (r == 0 || (why[0] && text_valid(slice_text(why)))));
		if (r == 0)
			facts_hold(&f);
		REQUIRE(pem_put(&pem, input) == 0);
	}
	buf_put_u8(&pem, 0);
	REQUIRE(buf_ok(&pem));
	pem_try((const char *)pem.at);
	issued_try((const char *)pem.at);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return der_mutate(data, size, max_size, seed);
}
