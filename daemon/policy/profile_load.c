#include "policy/profile_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "base/text.h"
#include "policy/spiffe.h"

#define MAX_TTL ((int64_t)40 * 366 * 86400) /* a leaf for longer than any CA lives is a typing error */

/* A word of a configuration list and the bit or value that it stands for. */
struct word {
	const char *text;
	unsigned bit;
};

static const struct word name_words[] = {
	{ "dns", 1U << NAME_DNS }, { "email", 1U << NAME_EMAIL },  { "uri", 1U << NAME_URI },
	{ "ip", 1U << NAME_IP },   { "dn", 1U << NAME_DIRECTORY }, { NULL, 0 },
};

/* RFC 5280 4.2.1.3, without keyCertSign and cRLSign: no leaf may have them. */
static const struct word usage_words[] = {
	{ "digitalSignature", LEAF_DIGITAL_SIGNATURE }, { "nonRepudiation", LEAF_NON_REPUDIATION },
	{ "keyEncipherment", LEAF_KEY_ENCIPHERMENT },	{ "dataEncipherment", LEAF_DATA_ENCIPHERMENT },
	{ "keyAgreement", LEAF_KEY_AGREEMENT },		{ NULL, 0 },
};

static const struct {
	const char *text, *oid;
} purpose_words[] = {
	{ "serverAuth", "1.3.6.1.5.5.7.3.1" },	 { "clientAuth", "1.3.6.1.5.5.7.3.2" },
	{ "codeSigning", "1.3.6.1.5.5.7.3.3" },	 { "emailProtection", "1.3.6.1.5.5.7.3.4" },
	{ "timeStamping", "1.3.6.1.5.5.7.3.8" },
};

static bool word_find(const struct word *words, const char *text, unsigned *mask)
{
	for (const struct word *w = words; w->text; w++)
		if (strcmp(w->text, text) == 0) {
			*mask |= w->bit;
			return true;
		}
	return false;
}

static bool algorithm_find(const char *text, unsigned *mask)
{
	const struct algorithm *a = algorithm_by_name(text);
	if (a)
		*mask |= 1U << a->number;
	return a != NULL;
}

static bool name_type_find(const char *text, unsigned *mask)
{
	return word_find(name_words, text, mask);
}

static bool usage_find(const char *text, unsigned *mask)
{
	return word_find(usage_words, text, mask);
}

static bool attribute_find(const char *text, unsigned *mask)
{
	const struct dn_kind *kind = dn_kind_by_name(text, strlen(text));
	if (kind)
		*mask |= 1U << kind->attribute;
	return kind != NULL;
}

static unsigned mask_read(struct conf *c, const char *path, bool (*find)(const char *, unsigned *),
			  const char *expected)
{
	unsigned mask = 0;
	size_t n = conf_count(c, path);
	for (size_t i = 0; i < n; i++) {
		char item[96];
		snprintf(item, sizeof(item), "%s.[%zu]", path, i);
		const char *text = conf_text(c, item, NULL);
		if (*text && !find(text, &mask))
			conf_reject(c, item, expected);
	}
	return mask;
}

static void arc_put(struct buf *out, uint32_t arc)
{
	for (int shift = 28; shift > 0; shift -= 7)
		if (arc >> shift)
			buf_put_u8(out, (uint8_t)(0x80 | (arc >> shift & 0x7f)));
	buf_put_u8(out, arc & 0x7f);
}

/* The contents octets of a dotted object identifier. */
static bool oid_encode(const char *text, struct buf *out)
{
	uint32_t first = 0;
	for (unsigned i = 0;; i++) {
		size_t n = strspn(text, "0123456789");
		if (n == 0 || n > 9 || (n > 1 && text[0] == '0') || (text[n] && text[n] != '.'))
			return false;
		uint32_t arc = (uint32_t)strtoul(text, NULL, 10);
		if ((i == 0 && arc > 2) || (i == 1 && first < 2 && arc > 39))
			return false;
		if (i == 0)
			first = arc;
		else
			arc_put(out, i == 1 ? first * 40 + arc : arc);
		text += n;
		if (*text++ == '\0')
			return i > 0 && buf_ok(out);
	}
}

static const char *purpose_oid(const char *text)
{
	for (size_t i = 0; i < sizeof(purpose_words) / sizeof(purpose_words[0]); i++)
		if (strcmp(purpose_words[i].text, text) == 0)
			return purpose_words[i].oid;
	return text;
}

/* The signer refuses these in a leaf whatever a profile says; better to hear of it when the profile is read. */
static bool purpose_forbidden(const char *oid)
{
	return strcmp(oid, "1.3.6.1.5.5.7.3.9") == 0 || strcmp(oid, "2.5.29.37.0") == 0;
}

static bool item_repeats(struct list l, struct slice item)
{
	uint8_t tag;
	struct slice other;
	while (list_next(&l, &tag, &other))
		if (slice_equal(item, other))
			return true;
	return false;
}

static void oids_read(struct conf *c, const char *path, bool purposes, struct buf *raw, struct list *out)
{
	const char *expected =
		purposes ? "serverAuth, clientAuth, codeSigning, emailProtection, timeStamping or an object "
			   "identifier that is neither OCSPSigning nor anyExtendedKeyUsage"
			 : "an object identifier, such as 2.23.140.1.2.1";
	uint16_t count = 0;
	size_t n = conf_count(c, path);
	if (n > MAX_PROFILE_USAGES)
		conf_reject(c, path, "at most 16 entries");
	for (size_t i = 0; i < n && i < MAX_PROFILE_USAGES; i++) {
		char item[96];
		scoped_buf oid;
		buf_init(&oid, 64);
		snprintf(item, sizeof(item), "%s.[%zu]", path, i);
		const char *text = conf_text(c, item, NULL);
		const char *dotted = purposes ? purpose_oid(text) : text;
		if (*text && ((purposes && purpose_forbidden(dotted)) || !oid_encode(dotted, &oid)))
			conf_reject(c, item, expected);
		if (item_repeats(list_of(raw, count), buf_slice(&oid)))
			conf_reject(c, item, "no object identifier twice");
		list_put(raw, &count, 0, buf_slice(&oid));
	}
	*out = list_of(raw, count);
}

static void text_read(struct conf *c, const char *path, const char *fallback, char *out, size_t size)
{
	struct slice text = slice_text(conf_text(c, path, fallback));
	if (!slice_to_text(text, out, size) || !text_visible(text))
		conf_reject(c, path, "visible text of at most 255 bytes");
}

static void workload_read(struct conf *c, struct profile *p)
{
	p->spiffe = conf_bool(c, "spiffe", false);
	text_read(c, "trust_domain", "", p->trust_domain, sizeof(p->trust_domain));
	if (p->trust_domain[0] && !p->spiffe)
		conf_reject(c, "trust_domain", "spiffe = true beside it");
	if (p->trust_domain[0] && !spiffe_trust_domain_valid(slice_text(p->trust_domain)))
		conf_reject(c, "trust_domain", "lower-case letters, digits, dots, hyphens and underscores");
	if (p->spiffe && p->name_types != 1U << NAME_URI)
		conf_reject(c, "names", "( \\\"uri\\\" ) alone, where spiffe = true");
}

static void profile_read(struct conf *c, struct profile_row *row)
{
	struct profile *p = &row->profile;
	text_read(c, "description", "", p->description, sizeof(p->description));
	p->algorithms =
		mask_read(c, "keys", algorithm_find, "the name of a key algorithm, such as ECDSA-P256 or RSA-3072");
	p->name_types = mask_read(c, "names", name_type_find, "dns, email, uri, ip or dn");
	p->key_usage = (uint16_t)mask_read(c, "key_usage", usage_find,
					   "digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment or "
					   "keyAgreement (the other usages are not for leaves)");
	p->subject_attributes = mask_read(c, "subject", attribute_find,
					  "the short name of a subject attribute, such as CN, O, OU or C");
	if (!p->algorithms)
		conf_reject(c, "keys", "a list of at least one key algorithm");
	if (!p->name_types)
		conf_reject(c, "names", "a list of at least one type of name");
	if (!p->key_usage)
		conf_reject(c, "key_usage", "a list of at least one key usage");
	oids_read(c, "extended_key_usage", true, &row->purposes, &p->ext_key_usage);
	oids_read(c, "policies", false, &row->policies, &p->policies);
	p->wildcards = conf_bool(c, "wildcards", false);
	p->must_staple = conf_bool(c, "must_staple", false);
	p->longest_ttl = conf_int_required(c, "longest_ttl", 60, MAX_TTL);
	p->default_ttl = conf_int_required(c, "default_ttl", 60, MAX_TTL);
	if (p->default_ttl > p->longest_ttl)
		conf_reject(c, "default_ttl", "seconds, at most longest_ttl");
	workload_read(c, p);
}

int profile_load(const char *folder, const char *file, struct profile_row *row)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", folder, file);
	struct conf *c = conf_open(path);
	if (!c)
		return -1;
	buf_init(&row->purposes, 4096);
	buf_init(&row->policies, 4096);
	snprintf(row->profile.name, sizeof(row->profile.name), "%.*s", (int)(strlen(file) - strlen(".conf")), file);
	profile_read(c, row);
	int r = conf_finish(c);
	conf_close(c);
	return r;
}
