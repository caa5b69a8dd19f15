#include "signd/ceilings.h"

#include <stdio.h>
#include <string.h>

#include "base/algorithm.h"
#include "names/name.h"
#include "signd/encode/oid.h"

#define DAY 86400

static const char *const class_names[CLASS_COUNT] = { "root", "single", "intermediate", "issuing" };
static const char *const kind_names[] = { "", "leaf", "ca", "ocsp-responder", "subca-foreign" };

#define KIND_BIT(kind) (1U << (kind))
static const unsigned default_kinds[CLASS_COUNT] = {
	[CLASS_ROOT] = KIND_BIT(KIND_CA) | KIND_BIT(KIND_OCSP_RESPONDER),
	[CLASS_SINGLE] = KIND_BIT(KIND_LEAF) | KIND_BIT(KIND_OCSP_RESPONDER),
	[CLASS_INTERMEDIATE] = KIND_BIT(KIND_CA) | KIND_BIT(KIND_LEAF) | KIND_BIT(KIND_OCSP_RESPONDER),
	[CLASS_ISSUING] = KIND_BIT(KIND_LEAF) | KIND_BIT(KIND_OCSP_RESPONDER),
};

/* Names of settings that there is one of for each kind begin with these. */
static const char *const kind_settings[KIND_COUNT] = { "", "leaf", "ca", "ocsp_responder", "subca_foreign" };
static const char *const usage_names[] = {
	"digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement", NULL, NULL,
	"encipherOnly",	    "decipherOnly"
};
#define USAGE_NAMES (sizeof(usage_names) / sizeof(usage_names[0]))
#define LEAF_USAGES (0x1ffU & ~(unsigned)(USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN))

#define MOST_RATE 10000000
#define DAILY_CAS 10000 /* far more than anybody makes, and below what the signer can hold */

struct list oid_set_list(const struct oid_set *set)
{
	return (struct list){ set->count, { set->raw, set->len } };
}

enum key_class ceilings_class(bool self_signed, uint16_t path_len)
{
	if (self_signed)
		return path_len == 0 ? CLASS_SINGLE : CLASS_ROOT;
	return path_len == 0 ? CLASS_ISSUING : CLASS_INTERMEDIATE;
}

const char *ceilings_class_name(enum key_class c)
{
	return class_names[c];
}

const char *ceilings_kind_name(enum cert_kind kind)
{
	return kind_names[kind];
}

const char *ceilings_kind_setting(enum cert_kind kind)
{
	return kind_settings[kind];
}

const char *ceilings_usage_name(unsigned bit)
{
	return usage_names[bit];
}

/* One setting of a class: "classes.issuing.leaf_days". */
struct setting {
	char path[96];
};

static struct setting setting_of(const char *class, const char *prefix, const char *what)
{
	struct setting s;
	snprintf(s.path, sizeof(s.path), "classes.%s.%s%s", class, prefix, what);
	return s;
}

static int64_t read_days(struct conf *conf, struct setting at, int64_t most, int64_t fallback)
{
	return conf_int(conf, at.path, 1, most, fallback) * DAY;
}

/* A list of words as a mask of what bit_of answers for each; 0: a word that it doesn't know. */
static unsigned read_mask(struct conf *conf, struct setting at, unsigned (*bit_of)(const char *), const char *expected,
			  unsigned fallback)
{
	char item[128];
	if (!conf_has(conf, at.path))
		return fallback;
	unsigned mask = 0;
	size_t n = conf_count(conf, at.path);
	for (size_t i = 0; i < n; i++) {
		snprintf(item, sizeof(item), "%s.[%zu]", at.path, i);
		unsigned bit = bit_of(conf_text(conf, item, NULL));
		if (bit == 0)
			conf_reject(conf, item, expected);
		mask |= bit;
	}
	return mask;
}

/* Only kinds that this signer knows how to sign are accepted here. */
static unsigned kind_bit(const char *text)
{
	for (unsigned i = KIND_LEAF; i < KIND_COUNT; i++)
		if (strcmp(text, kind_names[i]) == 0)
			return 1U << i;
	return 0;
}

static unsigned name_type_bit(const char *text)
{
	for (unsigned i = 1; i <= NAME_DIRECTORY; i++)
		if (strcmp(text, name_type_text((uint8_t)i)) == 0)
			return 1U << i;
	return 0;
}

static unsigned algorithm_bit(const char *text)
{
	const struct algorithm *a = algorithm_by_name(text);
	return a ? 1U << a->number : 0;
}

static unsigned usage_bit(const char *text)
{
	for (unsigned i = 0; i < USAGE_NAMES; i++)
		if (usage_names[i] && strcmp(text, usage_names[i]) == 0)
			return 1U << i;
	return 0;
}

static void oid_set_put(struct oid_set *set, struct slice oid)
{
	uint8_t *at = set->raw + set->len;
	at[0] = 0;
	at[1] = (uint8_t)oid.len;
	at[2] = 0;
	memcpy(at + 3, oid.at, oid.len);
	set->len = (uint16_t)(set->len + 3 + oid.len);
	set->count++;
}

/* Object identifiers in dotted form, each one that may stand there. */
static void read_oids(struct conf *conf, struct setting at, bool (*allowed)(struct slice oid), const char *expected,
		      struct oid_set *out)
{
	char item[128];
	size_t n = conf_has(conf, at.path) ? conf_count(conf, at.path) : 0;
	if (n > MAX_OIDS)
		conf_reject(conf, at.path, "at most 16 object identifiers");
	for (size_t i = 0; i < n && i < MAX_OIDS; i++) {
		uint8_t bytes[MAX_OID];
		snprintf(item, sizeof(item), "%s.[%zu]", at.path, i);
		struct slice oid = { bytes, oid_from_text(conf_text(conf, item, NULL), bytes, sizeof(bytes)) };
		if (oid.len && allowed(oid))
			oid_set_put(out, oid);
		else
			conf_reject(conf, item, expected);
	}
}

static bool leaf_usage(struct slice oid)
{
	return !slice_equal(oid, OID_SLICE(OID_ANY_EXT_KEY_USAGE)) && !slice_equal(oid, OID_SLICE(OID_OCSP_SIGNING));
}

static bool opaque_oid(struct slice oid)
{
	return !oid_has_typed_form(oid);
}

static struct rate read_rate(struct conf *conf, const char *class, enum cert_kind kind)
{
	const char *prefix = kind_settings[kind];
	struct rate r;
	r.per_minute = (uint32_t)conf_int(conf, setting_of(class, prefix, "_per_minute").path, 0, MOST_RATE, 0);
	r.burst = (uint32_t)conf_int(conf, setting_of(class, prefix, "_burst").path, 1, MOST_RATE,
				     r.per_minute ? r.per_minute : 1);
	if (r.per_minute && r.burst / 1440 > r.per_minute)
		conf_reject(conf, setting_of(class, prefix, "_burst").path, "at most what its rate gives in a day");
	r.per_day = (uint32_t)conf_int(conf, setting_of(class, prefix, "_per_day").path, 0, MOST_RATE,
				       kind == KIND_LEAF ? 0 : DAILY_CAS);
	return r;
}

static void read_kinds(struct conf *conf, const char *name, bool self_signed, struct ceilings *out)
{
	const int64_t most[KIND_COUNT] = { 0, 3660, 18300, 3660, 3660 };
	const int64_t days[KIND_COUNT] = { 0, 400, self_signed ? 9150 : 5490, 90, 1100 };
	for (int kind = KIND_LEAF; kind < KIND_COUNT; kind++) {
		struct setting longest = setting_of(name, kind_settings[kind], "_days");
		out->longest[kind] = read_days(conf, longest, most[kind], days[kind]);
		out->rates[kind] = read_rate(conf, name, (enum cert_kind)kind);
	}
}

static void read_class(struct conf *conf, enum key_class c, struct ceilings *out)
{
	const char *name = class_names[c];
	*out = (struct ceilings){ 0 };
	out->kinds = read_mask(conf, setting_of(name, "", "kinds"), kind_bit,
			       "\"leaf\", \"ca\", \"ocsp-responder\" or \"subca-foreign\"", default_kinds[c]);
	read_kinds(conf, name, c == CLASS_ROOT || c == CLASS_SINGLE, out);
	out->crl_longest = read_days(conf, setting_of(name, "", "crl_days"), 3660,
				     c == CLASS_ROOT || c == CLASS_INTERMEDIATE ? 398 : 31);
	out->ocsp_longest = read_days(conf, setting_of(name, "", "ocsp_days"), 398, 10);
	out->name_types = read_mask(conf, setting_of(name, "", "name_types"), name_type_bit,
				    "dns, email, uri, ip or dn, in quotes",
				    1U << NAME_DNS | 1U << NAME_EMAIL | 1U << NAME_URI | 1U << NAME_IP);
	out->algorithms = read_mask(conf, setting_of(name, "", "subject_keys"), algorithm_bit,
				    "a key algorithm such as \"ECDSA-P256\"", ~0U);
	out->key_usages = read_mask(conf, setting_of(name, "", "key_usages"), usage_bit,
				    "a leaf's key usage such as \"digitalSignature\"", LEAF_USAGES);
	struct setting usages = setting_of(name, "", "ext_key_usages");
	out->any_ext_key_usage = !conf_has(conf, usages.path);
	read_oids(conf, usages, leaf_usage,
		  "an object identifier such as \"1.3.6.1.5.5.7.3.1\", not OCSPSigning or anyExtendedKeyUsage",
		  &out->ext_key_usages);
	read_oids(conf, setting_of(name, "", "opaque_extensions"), opaque_oid,
		  "the object identifier of an extension that the signer has no typed form of", &out->opaque);
	out->backdate = conf_int(conf, setting_of(name, "", "backdate_seconds").path, 0, DAY, 3600);
	out->ahead = conf_int(conf, setting_of(name, "", "ahead_seconds").path, 0, 365 * DAY, 60);
}

void ceilings_read(struct conf *conf, struct ceilings all[CLASS_COUNT])
{
	for (int c = 0; c < CLASS_COUNT; c++)
		read_class(conf, (enum key_class)c, &all[c]);
	conf_count(conf, "classes");
}
