/*
 * policy/lint: the command line holds anyone's certificates and CRLs against its rules, the front-end what it is going
 * to ask for. An input is a DER, and also the lists of a request.
 */
#include <string.h>

#include "base/text.h"
#include "fuzz/bend.h"
#include "fuzz/fuzz.h"
#include "policy/lint.h"

#define MAX_INPUT 65536

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	return 0;
}

/* Each rule at most once, in order, of those that apply; what can't be read is the first rule's and no other's. */
static void report_holds(const struct lint_report *r)
{
	REQUIRE(r->count <= MAX_LINT_FINDINGS && r->kind & LINT_ANY && !(r->kind & (r->kind - 1)));
	for (size_t i = 0; i < r->count; i++) {
		const struct lint_finding *f = &r->findings[i];
		REQUIRE(i == 0 || f->rule > r->findings[i - 1].rule);
		REQUIRE(f->rule->applies & r->kind && text_visible(slice_text(f->where)));
		REQUIRE(f->rule != lint_rule(0) || r->count == 1);
	}
	const struct lint_finding *worst = lint_worst(r, LINT_NOTICE);
	REQUIRE((worst != NULL) == (r->count > 0));
}

/* All lists are the same one: what is a name here is an object identifier or a URL there. */
static void fields_try(struct slice input, struct lint_report *report)
{
	static const enum lint_kind kinds[] = { LINT_LEAF, LINT_CA, LINT_ROOT, LINT_LEAF };
	if (input.len < 4)
		return;
	struct list l = { input.at[1], { input.at + 4, input.len - 4 } };
	bool good = list_valid(l, 1024);
	if (!good)
		l = (struct list){ 0 };
	struct lint_asked asked = { .kind = kinds[input.at[0] & 3],
				    .not_before = input.at[2],
				    .not_after = 7,
				    .public_key = good ? (struct slice){ 0 } : input,
				    .subject = l,
				    .alt_names = l,
				    .ext_key_usage = l,
				    .permitted = l,
				    .excluded = l,
				    .urls = l,
				    .policies = l,
				    .key_usage = input.at[3],
				    .path_len_there = input.at[0] & 4,
				    .must_staple = input.at[0] & 8 };
	lint_fields(&asked, report);
	report_holds(report);
	REQUIRE(report->kind == asked.kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > MAX_INPUT)
		return 0;
	static struct lint_report first, again;
	struct slice der = { data, size };
	lint_any(der, &first);
	report_holds(&first);
	if (first.kind == LINT_CRL)
		lint_crl(der, &again);
	else
		lint_certificate(der, &again);
	REQUIRE(again.count == first.count && again.kind == first.kind);
	lint_crl(der, &again);
	report_holds(&again);
	fields_try(der, &again);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return der_mutate(data, size, max_size, seed);
}
