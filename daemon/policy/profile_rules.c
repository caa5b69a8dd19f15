/* Mistakes that lie between a profile's settings: each by itself may be right. */
#include <stdio.h>
#include <string.h>

#include "policy/profile_load.h"

#define MAX_SERVER_TTL ((int64_t)825 * 86400) /* Apple's clients take no server's certificate that lives longer */

#define BIT(setting) (1U << SETTING_##setting)
#define PURPOSE(n) SLICE_OF(((const uint8_t[]){ 0x2b, 6, 1, 5, 5, 7, 3, (n) }))
enum { PURPOSE_SERVER = 1, PURPOSE_EMAIL = 4 };

struct profile_judge {
	struct conf *conf;
	const struct profile_row *row;
	const struct profile *p;
};

/* Whether all of these were read without a mistake: one mistake is told once. */
static bool sound(const struct profile_judge *j, unsigned settings)
{
	return !(j->row->wrong & settings);
}

static bool has_purpose(const struct profile *p, struct slice wanted)
{
	uint8_t tag;
	struct slice purpose;
	for (struct list l = p->ext_key_usage; list_next(&l, &tag, &purpose);)
		if (slice_equal(purpose, wanted))
			return true;
	return false;
}

static bool has_family(const struct profile *p, enum key_family family)
{
	const struct algorithm *a;
	for (size_t i = 0; (a = algorithm_at(i)); i++)
		if (p->algorithms & 1U << a->number && a->family == family)
			return true;
	return false;
}

/* The key types of a profile whose keys can't have what is needed of the key usage. */
static unsigned keys_unfit(const struct profile *p, const struct slice *purpose)
{
	const struct algorithm *a;
	unsigned unfit = 0;
	for (size_t i = 0; (a = algorithm_at(i)); i++) {
		uint16_t left = profile_usage_of(p->key_usage, a);
		if (p->algorithms & 1U << a->number && !(purpose ? lint_purpose_fulfilled(left, *purpose) : left != 0))
			unfit |= 1U << a->number;
	}
	return unfit;
}

/* ", or no RSA-2048, RSA-3072 in keys", unless it is all of them. */
static void keys_put(const struct profile *p, unsigned unfit, struct buf *out)
{
	const struct algorithm *a;
	const char *before = ", or no ";
	for (size_t i = 0; unfit != p->algorithms && (a = algorithm_at(i)); i++)
		if (unfit & 1U << a->number) {
			buf_printf(out, "%s%s", before, a->name);
			before = ", ";
		}
	buf_put_text(out, unfit != p->algorithms ? " in keys" : "");
	buf_put_u8(out, 0);
}

/* A key's type takes away what it can't do; what is left must be something. */
static bool usage_left(const struct profile_judge *j)
{
	scoped_buf expected = { .max = 1024 };
	unsigned unfit = keys_unfit(j->p, NULL);
	if (!unfit)
		return true;
	buf_put_text(&expected, "a key usage that every key in keys can have, such as digitalSignature");
	keys_put(j->p, unfit, &expected);
	conf_reject(j->conf, "key_usage", buf_ok(&expected) ? (const char *)expected.at : "another key usage");
	return false;
}

/* It must also be enough for each purpose. */
static void purpose_judge(const struct profile_judge *j, struct slice purpose)
{
	scoped_buf expected = { .max = 1024 };
	unsigned unfit = keys_unfit(j->p, &purpose);
	if (!unfit)
		return;
	buf_put_text(&expected, "a key usage that ");
	profile_purpose_put(purpose, &expected);
	buf_put_text(&expected, " can be fulfilled with (RFC 5280 4.2.1.12)");
	keys_put(j->p, unfit, &expected);
	conf_reject(j->conf, "key_usage", buf_ok(&expected) ? (const char *)expected.at : "another key usage");
}

static void usage_judge(const struct profile_judge *j)
{
	const struct profile *p = j->p;
	uint8_t tag;
	struct slice purpose;
	if (!sound(j, BIT(keys) | BIT(key_usage) | BIT(extended_key_usage)))
		return;
	if (p->key_usage & (LEAF_KEY_ENCIPHERMENT | LEAF_DATA_ENCIPHERMENT) && !has_family(p, FAMILY_RSA))
		conf_reject(j->conf, "key_usage", "no encipherment: only RSA keys can, and keys has none");
	if (p->key_usage & LEAF_KEY_AGREEMENT && !has_family(p, FAMILY_EC))
		conf_reject(j->conf, "key_usage", "no keyAgreement: only EC keys can, and keys has none");
	if (!usage_left(j))
		return;
	for (struct list l = p->ext_key_usage; list_next(&l, &tag, &purpose);)
		purpose_judge(j, purpose);
}

static void names_judge(const struct profile_judge *j)
{
	const struct profile *p = j->p;
	unsigned host = 1U << NAME_DNS | 1U << NAME_IP | 1U << NAME_URI;
	if (!sound(j, BIT(names)))
		return;
	if (p->wildcards && !(p->name_types & 1U << NAME_DNS))
		conf_reject(j->conf, "wildcards", "false, or dns in names: only DNS names have wildcards");
	for (size_t i = 0; sound(j, BIT(name_patterns)) && i < p->pattern_count; i++) {
		char item[48];
		snprintf(item, sizeof(item), "name_patterns.[%zu]", i);
		if (!(p->name_types & 1U << p->patterns[i].type))
			conf_reject(j->conf, item, "a pattern of a type that names takes");
	}
	if (sound(j, BIT(subject)) && p->subject_attributes & 1U << DN_COMMON_NAME &&
	    p->name_types == 1U << NAME_DIRECTORY)
		conf_reject(j->conf, "subject",
			    "no CN: a common name must be one of the alternative names, and names takes none in text");
	if (!sound(j, BIT(extended_key_usage)))
		return;
	if (has_purpose(p, PURPOSE(PURPOSE_SERVER)) && !(p->name_types & host))
		conf_reject(j->conf, "names", "dns, ip or uri: with serverAuth a client looks for nothing else");
	if (has_purpose(p, PURPOSE(PURPOSE_EMAIL)) && !(p->name_types & 1U << NAME_EMAIL))
		conf_reject(j->conf, "names", "email: with emailProtection a reader looks for nothing else");
}

static void lifetime_judge(const struct profile_judge *j)
{
	const struct profile *p = j->p;
	if (sound(j, BIT(default_ttl) | BIT(longest_ttl)) && p->default_ttl > p->longest_ttl)
		conf_reject(j->conf, "default_ttl", "seconds, at most those of longest_ttl");
	if (sound(j, BIT(longest_ttl) | BIT(extended_key_usage)) && p->longest_ttl > MAX_SERVER_TTL &&
	    has_purpose(p, PURPOSE(PURPOSE_SERVER)))
		conf_reject(j->conf, "longest_ttl",
			    "at most 71280000 seconds, 825 days: with serverAuth there are clients that take nothing "
			    "longer");
}

static bool use_stated_empty(const struct profile *p, enum lint_url use)
{
	uint8_t tag;
	struct slice url;
	for (struct list l = p->urls; list_next(&l, &tag, &url);)
		if (tag == use)
			return false;
	return p->urls_stated & 1U << use;
}

static void staple_judge(const struct profile_judge *j, const struct profile_site *site)
{
	const struct profile *p = j->p;
	if (!p->must_staple || !sound(j, BIT(must_staple) | BIT(ocsp_urls)))
		return;
	bool stated = p->urls_stated & 1U << LINT_URL_OCSP;
	if (use_stated_empty(p, LINT_URL_OCSP))
		conf_reject(j->conf, "must_staple",
			    "false, or a URL in ocsp_urls: the answer to staple must come from somewhere");
	else if (!stated && !site->has_base_url)
		conf_reject(
			j->conf, "must_staple",
			"false, or ocsp_urls here or pki_base_url in frontd.conf: the answer to staple must come from "
			"somewhere");
	if (sound(j, BIT(extended_key_usage)) && p->ext_key_usage.count && !has_purpose(p, PURPOSE(PURPOSE_SERVER)))
		conf_reject(j->conf, "must_staple",
			    "false, or serverAuth in extended_key_usage: only TLS servers staple");
}

static void spiffe_judge(const struct profile_judge *j)
{
	const struct profile *p = j->p;
	if (!sound(j, BIT(spiffe)))
		return;
	if (!p->spiffe) {
		if (sound(j, BIT(trust_domain)) && p->trust_domain[0])
			conf_reject(j->conf, "trust_domain", "spiffe = true beside it");
		return;
	}
	if (sound(j, BIT(names)) && p->name_types != 1U << NAME_URI)
		conf_reject(j->conf, "names", "( \"uri\" ) alone, where spiffe = true");
	if (sound(j, BIT(key_usage)) && !(p->key_usage & LEAF_DIGITAL_SIGNATURE))
		conf_reject(j->conf, "key_usage", "digitalSignature, where spiffe = true: an X.509-SVID must have it");
}

void profile_rules_check(struct conf *c, const struct profile_site *site, const struct profile_row *row)
{
	const struct profile_judge j = { c, row, &row->profile };
	usage_judge(&j);
	names_judge(&j);
	lifetime_judge(&j);
	staple_judge(&j, site);
	spiffe_judge(&j);
}
