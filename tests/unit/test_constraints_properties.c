/*
 * names/constraints: the laws of the algebra over random sets, and the same
 * names and constraints held up to OpenSSL's NAME_CONSTRAINTS_check().
 * CHANCERY_TEST_ROUNDS asks for more rounds, CHANCERY_TEST_SEED for others.
 *
 * What OpenSSL refuses is refused here too, without an exception. It admits
 * a few names that are refused here; `stricter` has the kinds and why.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#include "names/constraints.h"
#include "names/dn.h"

#define MAX_DRAWN 8 /* names of one certificate */
#define MAX_LEVEL 3 /* CAs above it that state constraints */

static uint64_t seed = 1;

static unsigned pick(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

static unsigned rounds(void)
{
	const char *text = getenv("CHANCERY_TEST_ROUNDS"), *start = getenv("CHANCERY_TEST_SEED"),
		   *slow = getenv("CHANCERY_SLOW");
	unsigned n = text ? (unsigned)strtoul(text, NULL, 10) : slow && *slow ? 100000 : 20000;
	unsigned long long from = start ? strtoull(start, NULL, 10) : 20261121;
	seed = from * 2 + 1;
	printf("# %u rounds from seed %llu\n", n, from);
	return n;
}

/* Few hosts, so that they meet. */
static const char *random_host(void)
{
	static char host[64];
	static const char *const labels[] = { "a", "b", "ab", "A" };
	host[0] = '\0';
	for (unsigned n = 1 + pick(3); n; n--)
		sprintf(host + strlen(host), "%s%s", labels[pick(4)], n > 1 ? "." : "");
	return host;
}

static const char *random_directory(void)
{
	static char text[160];
	static const char *const orgs[] = { "", ", O=x  y", ", O=X Y, OU=z", ", O=w", ", O=x y, OU=Z, CN=n" };
	static const char *const mails[] = {
		"", "", "", ", emailAddress=u@a.b", ", emailAddress=v@ab", ", emailAddress=no box"
	};
	sprintf(text, "dn:C=%s%s%s", pick(3) ? "DE" : "FR", orgs[pick(5)], mails[pick(6)]);
	return text;
}

static const char *random_uri(void)
{
	static char text[128];
	static const char *const addresses[] = { "http://10.0.0.1/", "https://[2001:db8::1]:80/x", "urn:a:b",
						 "mailto:u@a.b" };
	static const char *const rests[] = { "", "/", ":80/", ":80/x:y", "/x", "/x:y", "?b.a", "#.a" };
	if (pick(6) == 0)
		sprintf(text, "uri:%s", addresses[pick(4)]);
	else
		sprintf(text, "uri:%s://%s%s", pick(2) ? "spiffe" : "http", random_host(), rests[pick(8)]);
	return text;
}

static const char *random_text(enum name_use use, uint8_t type)
{
	static char text[160];
	const char *host = random_host();
	bool sub = use == AS_SUBTREE;
	switch (type) {
	case NAME_DNS:
		sprintf(text, "dns:%s%s", !sub && pick(4) == 0 ? "*." : "", host);
		return text;
	case NAME_EMAIL:
		sprintf(text, "email:%s%s", !sub || pick(3) == 0 ? (pick(2) ? "u@" : "U@") : pick(2) ? "." : "", host);
		return text;
	case NAME_URI:
		sprintf(text, "uri:%s%s", pick(2) ? "." : "", host);
		return sub ? text : random_uri();
	case NAME_IP:
		sprintf(text, pick(4) ? "ip:10.%u.0.%u" : "ip:2001:db8:%u::%u", pick(4), pick(4));
		if (sub)
			sprintf(text + strlen(text), "/%u", pick(4) ? 8 + pick(25) : pick(33));
		return text;
	}
	return random_directory();
}

static void put(struct buf *raw, uint16_t *count, enum name_use use, uint8_t type)
{
	const char *why = "", *text = random_text(use, type);
	scoped_buf value = { .max = MAX_NAME };
	if (!name_parse(use, text, &type, &value, &why))
		fail_msg("%s: %s", text, why);
	list_put(raw, count, type, buf_slice(&value));
}

#define scoped_set __attribute__((cleanup(constraints_buf_free))) struct constraints_buf

static void random_set(struct constraints_buf *b)
{
	constraints_buf_init(b);
	for (unsigned n = pick(6); n; n--)
		put(&b->permitted, &b->permitted_count, AS_SUBTREE, (uint8_t)(1 + pick(5)));
	for (unsigned n = pick(3); n; n--)
		put(&b->excluded, &b->excluded_count, AS_SUBTREE, (uint8_t)(1 + pick(5)));
}

/* One more value of a type, in raw. */
static struct slice draw(struct buf *raw, enum name_use use, uint8_t type)
{
	uint16_t count = 0;
	size_t before = raw->len;
	uint8_t tag;
	struct slice value;
	if (!raw->at) {
		raw->max = 65536;
		buf_room(raw, 65536); /* all at once: what was drawn before stays where it is */
	}
	put(raw, &count, use, type);
	struct list l = { count, { raw->at + before, raw->len - before } };
	list_next(&l, &tag, &value);
	return value;
}

static bool admits(const struct constraints *c, uint8_t type, struct slice name)
{
	return constraints_admit(c, type, name) == CONSTRAINTS_OK;
}

/* RFC 5280 6.1.4 (g): permitted sets intersect, excluded ones unite; in what order makes no difference. */
static void combination_is_intersection(void **state)
{
	(void)state;
	for (unsigned n = rounds(); n; n--) {
		scoped_set a, b, c, ab, ba, ab_c, bc, a_bc, aa;
		struct constraints_buf *const out[] = { &ab, &ba, &ab_c, &bc, &a_bc, &aa };
		for (int i = 0; i < 6; i++)
			constraints_buf_init(out[i]);
		random_set(&a);
		random_set(&b);
		random_set(&c);
		const struct constraints x = constraints_of(&a), y = constraints_of(&b), z = constraints_of(&c);
		assert_int_equal(constraints_combine(&x, &y, &ab), CONSTRAINTS_OK);
		assert_int_equal(constraints_combine(&y, &x, &ba), CONSTRAINTS_OK);
		assert_int_equal(constraints_combine(&y, &z, &bc), CONSTRAINTS_OK);
		assert_int_equal(constraints_combine(&x, &x, &aa), CONSTRAINTS_OK);
		const struct constraints xy = constraints_of(&ab), yx = constraints_of(&ba), yz = constraints_of(&bc);
		assert_int_equal(constraints_combine(&xy, &z, &ab_c), CONSTRAINTS_OK);
		assert_int_equal(constraints_combine(&x, &yz, &a_bc), CONSTRAINTS_OK);
		const struct constraints left = constraints_of(&ab_c), right = constraints_of(&a_bc),
					 xx = constraints_of(&aa);
		for (unsigned i = 0; i < MAX_DRAWN; i++) {
			uint8_t type = (uint8_t)(1 + pick(5));
			scoped_buf raw = { .max = 65536 };
			struct slice name = draw(&raw, AS_NAME, type);
			bool both = admits(&x, type, name) && admits(&y, type, name);
			assert_int_equal(both, admits(&xy, type, name));
			assert_int_equal(both, admits(&yx, type, name));
			assert_int_equal(both && admits(&z, type, name), admits(&left, type, name));
			assert_int_equal(both && admits(&z, type, name), admits(&right, type, name));
			assert_int_equal(admits(&x, type, name), admits(&xx, type, name));
			/* Excluded by either is excluded by both together. */
			bool out_of_one = constraints_admit(&x, type, name) == CONSTRAINTS_EXCLUDED ||
					  constraints_admit(&y, type, name) == CONSTRAINTS_EXCLUDED;
			assert_int_equal(out_of_one, constraints_admit(&xy, type, name) == CONSTRAINTS_EXCLUDED);
		}
	}
}

static void invert(struct slice subtree, uint8_t address[16])
{
	for (size_t i = 0; i < subtree.len / 2; i++)
		address[i] = (uint8_t)(subtree.at[i] | ~subtree.at[subtree.len / 2 + i]);
}

/* A name within the subtree that is within every subtree around it alone; of a network its first or its last address.
 */
static void name_inside(uint8_t type, struct slice subtree, bool last, struct buf *out)
{
	uint8_t address[16];
	bool below = subtree.len && subtree.at[0] == '.';
	switch (type) {
	case NAME_EMAIL:
		buf_put_text(out, memchr(subtree.at, '@', subtree.len) ? "" : below ? "q@q" : "q@");
		break;
	case NAME_URI:
		buf_put_text(out, below ? "x://q" : "x://");
		break;
	case NAME_IP:
		memcpy(address, subtree.at, subtree.len / 2);
		if (last)
			invert(subtree, address);
		buf_put(out, address, subtree.len / 2);
		return;
	}
	buf_put_slice(out, subtree);
}

/* Reflexive, transitive; true just if each name of the inner is one of the outer. */
static void subset_is_a_subset(void **state)
{
	(void)state;
	unsigned inside = 0, apart = 0;
	for (unsigned n = rounds(); n; n--) {
		uint8_t type = (uint8_t)(1 + pick(5));
		scoped_buf raw = { 0 };
		struct slice s[3], name = draw(&raw, AS_NAME, type);
		for (int i = 0; i < 3; i++)
			s[i] = draw(&raw, AS_SUBTREE, type);
		assert_true(subtree_within(type, s[0], s[0]));
		bool within = subtree_within(type, s[0], s[1]);
		(within ? inside++ : apart++);
		if (within && subtree_within(type, s[1], s[2]))
			assert_true(subtree_within(type, s[0], s[2]));
		if (within && subtree_within(type, s[1], s[0]) && type != NAME_DIRECTORY)
			assert_true(slice_equal(s[0], s[1]));
		if (within && name_within(type, name, s[0]))
			assert_true(name_within(type, name, s[1]));
		/* What one name lies in is one within the other: constraints_combine() rests on this. */
		if (name_within(type, name, s[0]) && name_within(type, name, s[1]))
			assert_true(within || subtree_within(type, s[1], s[0]));
		bool all = true;
		for (int last = 0; last < 2; last++) {
			scoped_buf own = { .max = MAX_NAME };
			name_inside(type, s[0], last, &own);
			assert_true(name_is_canonical(AS_NAME, type, buf_slice(&own)));
			assert_true(name_within(type, buf_slice(&own), s[0]) &&
				    name_touches(type, buf_slice(&own), s[0]));
			all = all && name_within(type, buf_slice(&own), s[1]);
		}
		assert_int_equal(within, all);
	}
	assert_true(inside > 100 && apart > 100);
}

static bool has_empty_set(const struct constraints *c)
{
	uint8_t type;
	struct slice item;
	for (struct list l = c->permitted; list_next(&l, &type, &item);)
		if (item.len == 0)
			return true;
	return false;
}

/* A child that may state its constraints admits nothing that its parent does not; one with nothing left, nothing. */
static void children_narrow(void **state)
{
	(void)state;
	unsigned allowed = 0, empty = 0;
	for (unsigned n = rounds(); n; n--) {
		scoped_set a, b, stated_buf, both_buf;
		random_set(&a);
		random_set(&b);
		constraints_buf_init(&stated_buf);
		constraints_buf_init(&both_buf);
		const struct constraints child = constraints_of(&a), parent = constraints_of(&b);
		uint8_t culprit_type;
		struct slice culprit;
		enum constraints_answer r = constraints_narrower(&child, &parent, &culprit_type, &culprit);
		assert_int_equal(constraints_inherit(&child, &parent, &stated_buf), CONSTRAINTS_OK);
		const struct constraints stated = constraints_of(&stated_buf);
		assert_int_equal(constraints_combine(&stated, &parent, &both_buf), CONSTRAINTS_OK);
		const struct constraints both = constraints_of(&both_buf);
		(r == CONSTRAINTS_OK ? allowed++ : 0);
		if (r == CONSTRAINTS_OK)
			assert_false(has_empty_set(&both));
		for (unsigned i = 0; i < MAX_DRAWN; i++) {
			uint8_t type = (uint8_t)(1 + pick(5));
			scoped_buf raw = { 0 };
			struct slice name = draw(&raw, AS_NAME, type);
			/* A wildcard may touch less than what it stands for: here the hosts are what counts. */
			bool wild = type == NAME_DNS && name.at[0] == '*';
			if (r == CONSTRAINTS_OK && admits(&stated, type, name))
				assert_true(admits(&parent, type, name) || wild);
			if (r == CONSTRAINTS_OK)
				assert_int_equal(admits(&stated, type, name) && admits(&parent, type, name),
						 admits(&both, type, name));
			if (r == CONSTRAINTS_NOTHING_LEFT && type == culprit_type)
				assert_false(admits(&both, type, name));
			(r == CONSTRAINTS_NOTHING_LEFT ? empty++ : 0);
		}
	}
	assert_true(allowed > 100 && empty > 100);
}

static X509_NAME *openssl_directory(struct list dn)
{
	X509_NAME *n = X509_NAME_new();
	uint8_t tag;
	for (struct slice v; list_next(&dn, &tag, &v);)
		assert_true(X509_NAME_add_entry_by_txt(n, dn_kind(tag)->short_name, MBSTRING_UTF8, v.at, (int)v.len, -1,
						       0));
	return n;
}

static struct list directory_list(struct slice value)
{
	return (struct list){ get_u16(value.at), { value.at + 2, value.len - 2 } };
}

static GENERAL_NAME *openssl_name(uint8_t type, struct slice value)
{
	static const int ia5[] = { 0, GEN_DNS, GEN_EMAIL, GEN_URI };
	GENERAL_NAME *g = GENERAL_NAME_new();
	if (type == NAME_DIRECTORY) {
		GENERAL_NAME_set0_value(g, GEN_DIRNAME, openssl_directory(directory_list(value)));
		return g;
	}
	ASN1_STRING *s = ASN1_STRING_type_new(type == NAME_IP ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
	ASN1_STRING_set(s, value.at, (int)value.len);
	GENERAL_NAME_set0_value(g, type == NAME_IP ? GEN_IPADD : ia5[type], s);
	return g;
}

static STACK_OF(GENERAL_SUBTREE) * openssl_subtrees(struct list l)
{
	STACK_OF(GENERAL_SUBTREE) *all = sk_GENERAL_SUBTREE_new_null();
	uint8_t type;
	for (struct slice item; list_next(&l, &type, &item);) {
		GENERAL_SUBTREE *s = GENERAL_SUBTREE_new();
		GENERAL_NAME_free(s->base);
		s->base = openssl_name(type, item);
		sk_GENERAL_SUBTREE_push(all, s);
	}
	return all;
}

static bool openssl_admits(const struct constraints *c, X509 *x)
{
	NAME_CONSTRAINTS *nc = NAME_CONSTRAINTS_new();
	nc->permittedSubtrees = openssl_subtrees(c->permitted);
	nc->excludedSubtrees = openssl_subtrees(c->excluded);
	int r = NAME_CONSTRAINTS_check(x, nc);
	NAME_CONSTRAINTS_free(nc);
	return r == X509_V_OK;
}

/* The names of a certificate: those of its subjectAltName, and a subject or none. */
struct drawn {
	unsigned count;
	uint8_t type[MAX_DRAWN];
	struct slice name[MAX_DRAWN];
	struct slice subject;
	struct buf raw;
};

static void drawn_free(struct drawn *d)
{
	buf_free(&d->raw);
}

static void names_draw(struct drawn *d)
{
	*d = (struct drawn){ .raw = { .max = 65536 } };
	buf_room(&d->raw, 32768);
	if (pick(2))
		d->subject = draw(&d->raw, AS_NAME, NAME_DIRECTORY);
	for (unsigned n = 1 + pick(3); n; n--) {
		d->type[d->count] = (uint8_t)(1 + pick(5));
		d->name[d->count] = draw(&d->raw, AS_NAME, d->type[d->count]);
		d->count++;
	}
}

static X509 *openssl_certificate(const struct drawn *d)
{
	X509 *x = X509_new();
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	for (unsigned i = 0; i < d->count; i++)
		sk_GENERAL_NAME_push(names, openssl_name(d->type[i], d->name[i]));
	X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0);
	GENERAL_NAMES_free(names);
	if (d->subject.len) {
		X509_NAME *subject = openssl_directory(directory_list(d->subject));
		X509_set_subject_name(x, subject);
		X509_NAME_free(subject);
	}
	X509_check_purpose(x, -1, 0); /* reads the extensions, which the check looks at */
	return x;
}

/*
 * Where OpenSSL admits and we refuse, and by which words of RFC 5280:
 *
 * WILDCARD  "*.b" where "a.b" is excluded. OpenSSL compares "*.b" as if it were a host. 4.2.1.10 says of
 *           excluded subtrees "Any name matching a restriction in the excludedSubtrees field is invalid"; the
 *           certificate would be good for a.b itself (RFC 9525 6.3).
 * ADDRESS   a URI whose host is an address, where URIs are excluded. OpenSSL compares the address as a
 *           host's name. 4.2.1.10: where URIs are constrained, one "that does not include an authority
 *           component with a host name specified as a fully qualified domain name" makes that "the application
 *           MUST reject the certificate".
 * HOST      a URI with "?" or "#" right behind its host, or with a colon further on, where URIs are
 *           constrained. OpenSSL's host reaches up to the first colon, or slash, or the end. 4.2.1.10: "the
 *           constraint applies to the host part of the name", and that ends before "/", "?" and "#" (RFC
 *           3986 3.2). Its host would now admit what is outside, now refuse what is inside: we refuse both.
 */
enum { WILDCARD, ADDRESS, HOST, STRICTER };

/* The one of these that a refused name is of; STRICTER if it is none. */
static int stricter(uint8_t type, struct slice name, bool excluded)
{
	char text[MAX_NAME + 1];
	assert_true(slice_to_text(name, text, sizeof(text)));
	if (type == NAME_DNS && text[0] == '*' && excluded)
		return WILDCARD;
	const char *host = type == NAME_URI ? strstr(text, "://") : NULL;
	if (!host)
		return STRICTER;
	const char *rest = host + 3 + strcspn(host + 3, "/?#");
	if (strpbrk(rest, "?#:"))
		return HOST;
	return (host[3] == '1' || host[3] == '[') && excluded ? ADDRESS : STRICTER;
}

static void disagreement(const struct constraints *all, unsigned levels, const struct drawn *d, bool theirs)
{
	scoped_buf text = { .max = 65536 };
	for (unsigned i = 0; i < d->count; i++) {
		name_print(AS_NAME, d->type[i], d->name[i], &text);
		buf_put_u8(&text, ' ');
	}
	buf_put_text(&text, "subject ");
	if (d->subject.len)
		dn_print(directory_list(d->subject), &text);
	for (unsigned i = 0; i < 2 * levels; i++) {
		struct list set = i & 1 ? all[i / 2].excluded : all[i / 2].permitted;
		buf_put_text(&text, i & 1 ? " excluded" : " permitted");
		uint8_t tag;
		for (struct slice item; list_next(&set, &tag, &item);) {
			buf_put_u8(&text, ' ');
			name_print(AS_SUBTREE, tag, item, &text);
		}
	}
	fail_msg("%.*s: OpenSSL %s", (int)text.len, (const char *)text.at, theirs ? "admits" : "refuses");
}

/* Whether all names are admitted; if not, *kind is the highest of the refused ones. */
static bool all_admitted(const struct constraints *c, const struct drawn *d, int *kind)
{
	bool all = true;
	*kind = -1;
	for (unsigned i = 0; i < d->count; i++) {
		if (admits(c, d->type[i], d->name[i]))
			continue;
		int own = stricter(d->type[i], d->name[i],
				   constraints_admit(c, d->type[i], d->name[i]) == CONSTRAINTS_EXCLUDED);
		*kind = own > *kind ? own : *kind;
		all = false;
	}
	if (d->subject.len && constraints_admit_subject(c, directory_list(d->subject)) != CONSTRAINTS_OK) {
		*kind = STRICTER;
		all = false;
	}
	return all;
}

/* A certificate's names against all that the CAs above it state, each by itself there, combined here. */
static void openssl_agrees(void **state)
{
	(void)state;
	unsigned admitted = 0, refused = 0, kinds[STRICTER] = { 0 };
	for (unsigned n = rounds(); n; n--) {
		unsigned levels = 1 + pick(MAX_LEVEL);
		struct constraints_buf set[MAX_LEVEL], sum[MAX_LEVEL + 1];
		struct constraints stated[MAX_LEVEL];
		__attribute__((cleanup(drawn_free))) struct drawn d;
		names_draw(&d);
		X509 *x = openssl_certificate(&d);
		bool theirs = true;
		constraints_buf_init(&sum[0]);
		for (unsigned i = 0; i < levels; i++) {
			random_set(&set[i]);
			stated[i] = constraints_of(&set[i]);
			assert_true(constraints_check(&stated[i]));
			theirs = openssl_admits(&stated[i], x) && theirs;
			const struct constraints above = constraints_of(&sum[i]);
			constraints_buf_init(&sum[i + 1]);
			assert_int_equal(constraints_combine(&above, &stated[i], &sum[i + 1]), CONSTRAINTS_OK);
		}
		int kind;
		const struct constraints effective = constraints_of(&sum[levels]);
		bool ours = all_admitted(&effective, &d, &kind);
		(theirs ? admitted++ : refused++);
		if (theirs && !ours && kind < STRICTER)
			kinds[kind]++;
		else if (theirs != ours)
			disagreement(stated, levels, &d, theirs);
		X509_free(x);
		for (unsigned i = 0; i < levels; i++)
			constraints_buf_free(&set[i]);
		for (unsigned i = 0; i <= levels; i++)
			constraints_buf_free(&sum[i]);
	}
	printf("# OpenSSL admits %u and refuses %u; refused here alone: %u wildcards, %u addresses, %u hosts\n",
	       admitted, refused, kinds[WILDCARD], kinds[ADDRESS], kinds[HOST]);
	assert_true(admitted > 100 && refused > 100 && kinds[WILDCARD] && kinds[ADDRESS] && kinds[HOST]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(combination_is_intersection),
		cmocka_unit_test(subset_is_a_subset),
		cmocka_unit_test(children_narrow),
		cmocka_unit_test(openssl_agrees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
