#include "policy/profile_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "policy/oid.h"
#include "policy/spiffe.h"
#include "policy/tlv.h"

#define MAX_TTL                                                                                                        \
	((int64_t)3660 * 86400) /* ten years: a leaf for longer outlives the algorithm that it is signed with          \
				 */
#define MIN_TTL 60
#define MAX_EXTENSION 2048 /* bytes of a value: half of what the wire takes */
#define MAX_ITEM 96	   /* "extended_key_usage.[15]" */

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
	{ "serverAuth", "1.3.6.1.5.5.7.3.1" },
	{ "clientAuth", "1.3.6.1.5.5.7.3.2" },
	{ "codeSigning", "1.3.6.1.5.5.7.3.3" },
	{ "emailProtection", "1.3.6.1.5.5.7.3.4" },
};

/* What no leaf of ours may be for, and why. */
static const struct {
	const char *text, *oid, *expected;
} forbidden_purposes[] = {
	{ "OCSPSigning", "1.3.6.1.5.5.7.3.9",
	  "no OCSPSigning: only the responder's own certificate has it, and no profile makes that" },
	{ "anyExtendedKeyUsage", "2.5.29.37.0", "no anyExtendedKeyUsage: a certificate for everything is for no leaf" },
	{ "timeStamping", "1.3.6.1.5.5.7.3.8",
	  "no timeStamping: it counts only in a critical extension (RFC 3161 2.3), which is never written" },
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

const char *profile_usage_text(uint16_t bit)
{
	for (const struct word *w = usage_words; w->text; w++)
		if (w->bit == bit)
			return w->text;
	return NULL;
}

void profile_purpose_put(struct slice purpose, struct buf *out)
{
	for (size_t i = 0; i < sizeof(purpose_words) / sizeof(purpose_words[0]); i++) {
		scoped_buf known = { .max = 64 };
		if (oid_parse(purpose_words[i].oid, &known) && slice_equal(buf_slice(&known), purpose)) {
			buf_put_text(out, purpose_words[i].text);
			return;
		}
	}
	oid_print(purpose, out);
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

static void item_name(char item[MAX_ITEM], const char *setting, size_t i)
{
	snprintf(item, MAX_ITEM, "%s.[%zu]", setting, i);
}

/* How many items to read; those above the most that are taken are seen here, so that they are one mistake. */
static size_t items_count(struct conf *c, const char *setting, size_t most, const char *expected)
{
	size_t n = conf_count(c, setting);
	if (n <= most)
		return n;
	conf_reject(c, setting, expected);
	for (size_t i = most; i < n; i++) {
		char item[MAX_ITEM];
		item_name(item, setting, i);
		conf_has(c, item);
	}
	return most;
}

static unsigned mask_read(struct conf *c, const char *setting, bool (*find)(const char *, unsigned *),
			  const char *expected, const char *twice)
{
	unsigned mask = 0;
	size_t n = conf_count(c, setting);
	for (size_t i = 0; i < n; i++) {
		char item[MAX_ITEM];
		unsigned before = mask;
		item_name(item, setting, i);
		const char *text = conf_text(c, item, NULL);
		if (*text && !find(text, &mask))
			conf_reject(c, item, expected);
		else if (*text && mask == before)
			conf_reject(c, item, twice);
	}
	return mask;
}

/* A list that must not be empty; what is wrong within it was told already. */
static void some_needed(struct conf *c, const char *setting, unsigned mask, size_t faults_before, const char *expected)
{
	if (!mask && conf_faults(c) == faults_before)
		conf_reject(c, setting, expected);
}

static void text_read(struct conf *c, const char *setting, char *out, size_t size)
{
	struct slice text = slice_text(conf_text(c, setting, ""));
	if (!slice_to_text(text, out, size) || !text_visible(text))
		conf_reject(c, setting, "visible text of at most 255 bytes");
}

static void description_read(struct conf *c, struct profile_row *row)
{
	text_read(c, "description", row->profile.description, sizeof(row->profile.description));
}

static void keys_read(struct conf *c, struct profile_row *row)
{
	size_t before = conf_faults(c);
	row->profile.algorithms = mask_read(
		c, "keys", algorithm_find,
		"ECDSA-P256, ECDSA-P384, ECDSA-P521, RSA-2048, RSA-3072, RSA-4096 or Ed25519", "no algorithm twice");
	some_needed(c, "keys", row->profile.algorithms, before,
		    "a list of at least one key algorithm, such as ( \"ECDSA-P256\" )");
}

static void names_read(struct conf *c, struct profile_row *row)
{
	size_t before = conf_faults(c);
	row->profile.name_types =
		mask_read(c, "names", name_type_find, "dns, email, uri, ip or dn", "no type of name twice");
	some_needed(c, "names", row->profile.name_types, before,
		    "a list of at least one type of name, such as ( \"dns\" )");
}

static void name_patterns_read(struct conf *c, struct profile_row *row)
{
	struct profile *p = &row->profile;
	size_t n = items_count(c, "name_patterns", MAX_PROFILE_PATTERNS, "at most 256 patterns");
	row->patterns = n ? calloc(n, sizeof(*row->patterns)) : NULL;
	for (size_t i = 0; row->patterns && i < n; i++) {
		struct name_pattern *pattern = &row->patterns[i];
		char item[MAX_ITEM];
		const char *why = "";
		item_name(item, "name_patterns", i);
		const char *text = conf_text(c, item, NULL);
		p->pattern_count = i + 1;
		if (*text && !name_pattern_parse(text, pattern, &why))
			conf_reject(c, item, *why ? why : "a pattern such as dns:*.example.com or ip:10.0.0.0/8");
		else if (pattern->kind == PATTERN_ANY && *text)
			conf_reject(c, item,
				    "a pattern that leaves something out; without patterns every name is taken");
		else if (*text)
			p->patterned |= 1U << pattern->type;
	}
	p->patterns = row->patterns;
}

static void wildcards_read(struct conf *c, struct profile_row *row)
{
	row->profile.wildcards = conf_bool(c, "wildcards", false);
}

static void spiffe_read(struct conf *c, struct profile_row *row)
{
	row->profile.spiffe = conf_bool(c, "spiffe", false);
}

static void trust_domain_read(struct conf *c, struct profile_row *row)
{
	struct profile *p = &row->profile;
	text_read(c, "trust_domain", p->trust_domain, sizeof(p->trust_domain));
	if (p->trust_domain[0] && !spiffe_trust_domain_valid(slice_text(p->trust_domain)))
		conf_reject(c, "trust_domain", "lower-case letters, digits, dots, hyphens and underscores");
}

static void subject_read(struct conf *c, struct profile_row *row)
{
	row->profile.subject_attributes =
		mask_read(c, "subject", attribute_find, "the short name of a subject attribute, such as CN, O, OU or C",
			  "no attribute twice");
}

static bool is_ca_usage(const char *text)
{
	return strcmp(text, "keyCertSign") == 0 || strcmp(text, "cRLSign") == 0;
}

static void key_usage_read(struct conf *c, struct profile_row *row)
{
	unsigned mask = 0;
	size_t faults = conf_faults(c), n = conf_count(c, "key_usage");
	for (size_t i = 0; i < n; i++) {
		char item[MAX_ITEM];
		unsigned before = mask;
		item_name(item, "key_usage", i);
		const char *text = conf_text(c, item, NULL);
		if (is_ca_usage(text))
			conf_reject(c, item,
				    "no keyCertSign and no cRLSign: only CAs have them, and a leaf never is one");
		else if (*text && !usage_find(text, &mask))
			conf_reject(c, item,
				    "digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment or "
				    "keyAgreement");
		else if (*text && mask == before)
			conf_reject(c, item, "no key usage twice");
	}
	row->profile.key_usage = (uint16_t)mask;
	some_needed(c, "key_usage", mask, faults, "a list of at least one key usage, such as ( \"digitalSignature\" )");
}

static const char *purpose_forbidden(const char *text)
{
	for (size_t i = 0; i < sizeof(forbidden_purposes) / sizeof(forbidden_purposes[0]); i++)
		if (strcmp(forbidden_purposes[i].text, text) == 0 || strcmp(forbidden_purposes[i].oid, text) == 0)
			return forbidden_purposes[i].expected;
	return NULL;
}

static const char *purpose_oid(const char *text)
{
	for (size_t i = 0; i < sizeof(purpose_words) / sizeof(purpose_words[0]); i++)
		if (strcmp(purpose_words[i].text, text) == 0)
			return purpose_words[i].oid;
	return text;
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

static void oid_item_read(struct conf *c, const char *item, bool purpose, struct buf *raw, uint16_t *count)
{
	scoped_buf oid;
	buf_init(&oid, 64);
	const char *text = conf_text(c, item, NULL);
	const char *forbidden = purpose ? purpose_forbidden(text) : NULL;
	if (!*text)
		return;
	if (forbidden)
		conf_reject(c, item, forbidden);
	else if (!oid_parse(purpose ? purpose_oid(text) : text, &oid))
		conf_reject(c, item,
			    purpose ? "serverAuth, clientAuth, codeSigning, emailProtection or an object identifier"
				    : "an object identifier, such as 2.23.140.1.2.1");
	else if (item_repeats(list_of(raw, *count), buf_slice(&oid)))
		conf_reject(c, item, "no object identifier twice");
	else
		list_put(raw, count, 0, buf_slice(&oid));
}

static void oids_read(struct conf *c, const char *setting, bool purposes, struct buf *raw, struct list *out)
{
	uint16_t count = 0;
	size_t n = items_count(c, setting, MAX_PROFILE_USAGES, "at most 16 entries");
	for (size_t i = 0; i < n; i++) {
		char item[MAX_ITEM];
		item_name(item, setting, i);
		oid_item_read(c, item, purposes, raw, &count);
	}
	*out = list_of(raw, count);
}

static void extended_key_usage_read(struct conf *c, struct profile_row *row)
{
	oids_read(c, "extended_key_usage", true, &row->purposes, &row->profile.ext_key_usage);
}

static void policies_read(struct conf *c, struct profile_row *row)
{
	oids_read(c, "policies", false, &row->policies, &row->profile.policies);
}

/* RFC 5280's own, and those of which there is a setting: the signer writes no second form of them. */
static bool has_own_form(const char *oid)
{
	static const char *const typed[] = { "1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.1.24", "1.3.6.1.5.5.7.48.1.5" };
	for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++)
		if (strcmp(oid, typed[i]) == 0)
			return true;
	return strncmp(oid, "2.5.29.", 7) == 0;
}

static void extension_oid_read(struct conf *c, const char *path, struct buf *item)
{
	scoped_buf oid = { .max = 64 };
	const char *text = conf_text(c, path, NULL);
	if (*text && !oid_parse(text, &oid))
		conf_reject(c, path, "an object identifier, such as 1.3.6.1.4.1.99999.1");
	else if (*text && has_own_form(text))
		conf_reject(c, path, "an extension that the signer has no form of its own for");
	buf_put_u8(item, (uint8_t)oid.len);
	buf_put_slice(item, buf_slice(&oid));
}

static void extension_value_read(struct conf *c, const char *path, struct buf *item)
{
	uint8_t value[MAX_EXTENSION];
	const char *text = conf_text(c, path, NULL);
	size_t n = strlen(text);
	struct slice der = { value, n / 2 };
	struct tlv t;
	if (!*text)
		return;
	if (n > 2 * sizeof(value) || n % 2 || !hex_decode(text, n, value, n / 2) || !tlv_canonical(der) ||
	    !tlv_next(&(struct slice){ der.at, der.len }, &t) || t.whole.len != der.len)
		conf_reject(c, path, "one value in DER, as hexadecimal digits in quotes, at most 2048 bytes");
	buf_put_slice(item, der);
}

static bool same_oid(struct slice a, struct slice b)
{
	return a.at[0] == b.at[0] && memcmp(a.at, b.at, (size_t)a.at[0] + 1) == 0;
}

/* As cert_sign has them: the identifier's length, the identifier, the value. */
static void extension_read(struct conf *c, const char *setting, struct profile_row *row, uint16_t *count)
{
	char path[MAX_ITEM + 8];
	scoped_buf item = { .max = MAX_EXTENSION + 80 };
	size_t before = conf_faults(c);
	uint8_t tag;
	struct slice other;
	snprintf(path, sizeof(path), "%s.oid", setting);
	extension_oid_read(c, path, &item);
	for (struct list l = list_of(&row->extensions, *count); list_next(&l, &tag, &other);)
		if (item.len > 1 && same_oid(buf_slice(&item), other))
			conf_reject(c, path, "no extension twice");
	snprintf(path, sizeof(path), "%s.der", setting);
	extension_value_read(c, path, &item);
	if (conf_faults(c) == before)
		list_put(&row->extensions, count, 0, buf_slice(&item));
}

static void extensions_read(struct conf *c, struct profile_row *row)
{
	uint16_t count = 0;
	size_t n = items_count(c, "extensions", MAX_PROFILE_EXTENSIONS, "at most 16 extensions");
	for (size_t i = 0; i < n; i++) {
		char item[MAX_ITEM];
		item_name(item, "extensions", i);
		extension_read(c, item, row, &count);
	}
	row->profile.extensions = list_of(&row->extensions, count);
}

static void longest_ttl_read(struct conf *c, struct profile_row *row)
{
	row->profile.longest_ttl = conf_int_required(c, "longest_ttl", MIN_TTL, MAX_TTL);
}

static void default_ttl_read(struct conf *c, struct profile_row *row)
{
	row->profile.default_ttl = conf_int_required(c, "default_ttl", MIN_TTL, MAX_TTL);
}

static void must_staple_read(struct conf *c, struct profile_row *row)
{
	row->profile.must_staple = conf_bool(c, "must_staple", false);
}

/* Braces hold "ca" and nothing else. */
static bool braces_good(const char *url)
{
	while ((url = strpbrk(url, "{}"))) {
		if (strncmp(url, "{ca}", 4) != 0)
			return false;
		url += 4;
	}
	return true;
}

static void ca_id_put(const char *url, const char *ca_id, struct buf *out)
{
	const char *at;
	for (; (at = strstr(url, "{ca}")); url = at + 4) {
		buf_put(out, url, (size_t)(at - url));
		buf_put_text(out, ca_id);
	}
	buf_put_text(out, url);
}

/* As it will stand in a certificate: plain http, since TLS would need what is to be fetched, and a host. */
static const char *url_wrong(const char *url)
{
	scoped_buf whole = { .max = 2 * MAX_PROFILE_URL }, canonical = { .max = MAX_NAME };
	const char *why;
	if (strlen(url) > MAX_PROFILE_URL)
		return "a URL of at most 512 bytes";
	if (!braces_good(url))
		return "no braces but {ca}, which stands for the CA's id";
	if (strncmp(url, "http://", 7) != 0)
		return "a URL that begins with http://: https would need the certificate that it is to check";
	ca_id_put(url, "ica-00000000-0000-0000-0000-000000000000", &whole);
	if (!name_canonize(AS_NAME, NAME_URI, buf_slice(&whole), &canonical, &why))
		return "a URL with a host name, such as http://pki.example.com/{ca}/crl";
	return NULL;
}

static void urls_read(struct conf *c, const char *setting, enum lint_url use, struct profile_row *row)
{
	struct profile *p = &row->profile;
	size_t n = items_count(c, setting, MAX_PROFILE_URLS, "at most 4 URLs");
	if (conf_has(c, setting))
		p->urls_stated |= 1U << use;
	for (size_t i = 0; i < n; i++) {
		char item[MAX_ITEM];
		item_name(item, setting, i);
		const char *text = conf_text(c, item, NULL);
		const char *wrong = *text ? url_wrong(text) : NULL;
		if (wrong)
			conf_reject(c, item, wrong);
		else if (item_repeats(p->urls, slice_text(text)))
			conf_reject(c, item, "no URL twice");
		else if (*text)
			list_put(&row->urls, &p->urls.count, (uint8_t)use, slice_text(text));
		p->urls = list_of(&row->urls, p->urls.count);
	}
}

static void crl_urls_read(struct conf *c, struct profile_row *row)
{
	urls_read(c, "crl_urls", LINT_URL_CRL, row);
}

static void ocsp_urls_read(struct conf *c, struct profile_row *row)
{
	urls_read(c, "ocsp_urls", LINT_URL_OCSP, row);
}

static void ca_issuers_urls_read(struct conf *c, struct profile_row *row)
{
	urls_read(c, "ca_issuers_urls", LINT_URL_CA_ISSUERS, row);
}

static void lint_read(struct conf *c, struct profile_row *row)
{
	const char *text = conf_text(c, "lint", "error");
	for (enum lint_severity s = LINT_NOTICE; s <= LINT_ERROR; s++)
		if (strcmp(text, lint_severity_text(s)) == 0) {
			row->profile.refuse_from = s;
			return;
		}
	if (*text)
		conf_reject(c, "lint", "error, warning or notice");
}

void profile_urls_put(const struct profile *p, const char *base_url, const char *ca_id, struct buf *raw,
		      uint16_t *count)
{
	static const char *const last[] = {
		[LINT_URL_CRL] = "crl", [LINT_URL_OCSP] = "ocsp", [LINT_URL_CA_ISSUERS] = "ca.crt"
	};
	struct list urls = p->urls;
	uint8_t use;
	struct slice url;
	char text[2 * MAX_PROFILE_URL];
	while (list_next(&urls, &use, &url)) {
		scoped_buf whole = { .max = 2 * MAX_PROFILE_URL };
		slice_to_text(url, text, sizeof(text));
		ca_id_put(text, ca_id, &whole);
		list_put(raw, count, use, buf_slice(&whole));
	}
	for (use = LINT_URL_CRL; *base_url && use <= LINT_URL_CA_ISSUERS; use++) {
		if (p->urls_stated & 1U << use)
			continue;
		snprintf(text, sizeof(text), "%s/%s/%s", base_url, ca_id, last[use]);
		list_put(raw, count, use, slice_text(text));
	}
}

const struct profile_setting *profile_setting(size_t i)
{
	static const struct profile_setting settings[] = {
#define SETTING(name, kind, otherwise, sentence) { #name, kind, sentence, otherwise },
#include "policy/profile_settings.def"
#undef SETTING
	};
	return i < SETTING_COUNT ? &settings[i] : NULL;
}

static void settings_read(struct conf *c, struct profile_row *row)
{
	static void (*const readers[])(struct conf *, struct profile_row *) = {
#define SETTING(name, ...) name##_read,
#include "policy/profile_settings.def"
#undef SETTING
	};
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		size_t before = conf_faults(c);
		readers[i](c, row);
		if (conf_faults(c) != before)
			row->wrong |= 1U << i;
	}
}

/* The file's name is the profile's. */
static bool name_take(const char *path, struct profile_row *row)
{
	const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
	size_t n = strspn(file, "abcdefghijklmnopqrstuvwxyz0123456789-_");
	if (n == 0 || n > MAX_PROFILE_NAME || strcmp(file + n, ".conf") != 0)
		return false;
	snprintf(row->profile.name, sizeof(row->profile.name), "%.*s", (int)n, file);
	return true;
}

static void name_tell(const char *path, conf_listener *listener, void *with)
{
	const struct conf_fault f = { .kind = CONF_INVALID,
				      .file = path,
				      .setting = "",
				      .expected =
					      "a file NAME.conf whose NAME, the profile's, is of lower-case letters, "
					      "digits, - and _, at most 64" };
	if (listener)
		listener(&f, with);
	else
		conf_fault_log(&f);
}

int profile_load(const char *path, const struct profile_site *site, conf_listener *listener, void *with,
		 struct profile_row *row)
{
	*row = (struct profile_row){ .purposes = { .max = 4096 },
				     .policies = { .max = 4096 },
				     .extensions = { .max = MAX_PROFILE_EXTENSIONS * (MAX_EXTENSION + 80) },
				     .urls = { .max = 4 * MAX_PROFILE_URLS * (MAX_PROFILE_URL + 3) } };
	struct conf *c = conf_open_told(path, listener, with);
	if (!c)
		return -1;
	bool named = name_take(path, row);
	if (!named)
		name_tell(path, listener, with);
	settings_read(c, row);
	profile_rules_check(c, site, row);
	int r = conf_finish(c);
	conf_close(c);
	return named ? r : -1;
}

void profile_row_free(struct profile_row *row)
{
	for (size_t i = 0; i < row->profile.pattern_count; i++)
		buf_free(&row->patterns[i].value);
	free(row->patterns);
	buf_free(&row->purposes);
	buf_free(&row->policies);
	buf_free(&row->urls);
	buf_free(&row->extensions);
}
