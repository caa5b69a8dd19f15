/* frontd/facts and frontd/check: certificates as they come from the signer, or from anybody who imports one. */
#include <string.h>

#include "frontd/check.h"
#include "fuzz/bend.h"
#include "fuzz/fuzz.h"
#include "names/dn.h"

#define MAX_CERTIFICATE 32768
#define SOME_TIME 1800000000

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	return 0;
}

static bool inside(struct slice part, const struct buf *whole)
{
	return part.at >= whole->at && part.at + part.len <= whole->at + whole->len;
}

static void facts_hold(const struct facts *f)
{
	const struct items *const lists[] = { &f->subject,  &f->alt_names, &f->ext_key_usage, &f->permitted,
					      &f->excluded, &f->urls,	   &f->policies };
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		REQUIRE(buf_ok(&lists[i]->raw) && list_valid(items_list(lists[i]), UINT16_MAX));
	REQUIRE(inside(f->serial, &f->bytes) && f->serial.len <= 20 && inside(f->public_key, &f->bytes));
	REQUIRE(inside(f->issuer_name, &f->bytes) && inside(f->subject_name, &f->bytes));
	REQUIRE(f->subject_key_id.len == 0 || inside(f->subject_key_id, &f->bytes));
	REQUIRE(f->authority_key_id.len == 0 || inside(f->authority_key_id, &f->bytes));
}

/* What it says is what was asked for, so every field must be found equal; then one that was not. */
static void compare(const struct facts *f)
{
	struct constraints stated = facts_constraints(f);
	struct check_asked asked = { .fields = { .kind = f->ca ? KIND_CA : KIND_LEAF,
						 .not_before = f->not_before,
						 .not_after = f->not_after,
						 .subject = items_list(&f->subject),
						 .alt_names = items_list(&f->alt_names),
						 .key_usage = f->key_usage,
						 .ext_key_usage = items_list(&f->ext_key_usage),
						 .path_len = f->path_len,
						 .permitted = stated.permitted,
						 .excluded = stated.excluded,
						 .urls = items_list(&f->urls),
						 .policies = items_list(&f->policies),
						 .flags = f->flags },
				     .public_key = f->public_key,
				     .issuer_name = f->issuer_name,
				     .issuer_key_id = f->authority_key_id };
	char why[FACTS_WHY] = "";
	int r = check_certificate(f, &asked, why);
	REQUIRE(r == 0 ? why[0] == 0 : r > 0 && why[0]);
	asked.fields.not_after++;
	REQUIRE(check_certificate(f, &asked, why) > 0);
}

/* Names that libcrypto let through are looked at by the rules of names as well. */
static void names_try(const struct facts *f)
{
	uint8_t type;
	const char *why;
	struct slice value;
	dn_check(items_list(&f->subject), &type, &why);
	struct constraints stated = facts_constraints(f);
	bool stateable = constraints_check(&stated);
	struct list names = items_list(&f->alt_names);
	while (list_next(&names, &type, &value))
		if (name_is_canonical(AS_NAME, type, value) && stateable)
			constraints_admit(&stated, type, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > MAX_CERTIFICATE)
		return 0;
	struct slice der = { data, size };
	char why[FACTS_WHY] = "";
	scoped_facts f;
	int r = facts_read(der, &f, why);
	REQUIRE(r >= 0 && (r == 0 || why[0]));
	if (r == 0) {
		facts_hold(&f);
		compare(&f);
		names_try(&f);
	}
	r = check_chain(&der, 1, SOME_TIME, why);
	REQUIRE(r == 0 || (r > 0 && why[0]));
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return der_mutate(data, size, max_size, seed);
}
