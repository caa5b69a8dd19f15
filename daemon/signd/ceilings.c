#include "signd/ceilings.h"

#include <stdio.h>
#include <string.h>

#include "base/algorithm.h"
#include "names/name.h"

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

int64_t ceilings_crl_longest(const struct ceilings *c)
{
	return c->kinds >> KIND_LEAF & 1 ? 40 * DAY : 400 * DAY;
}

int64_t ceilings_ocsp_longest(const struct ceilings *c)
{
	(void)c;
	return 10 * DAY;
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

static int64_t read_days(struct conf *conf, const char *class, const char *what, int64_t most, int64_t fallback)
{
	char path[96];
	snprintf(path, sizeof(path), "classes.%s.%s", class, what);
	return conf_int(conf, path, 1, most, fallback) * DAY;
}

/* A list of words as a mask; number_of answers 0 for a word that it doesn't know. */
static unsigned read_mask(struct conf *conf, const char *class, const char *what, unsigned (*number_of)(const char *),
			  const char *expected, unsigned fallback)
{
	char path[96], item[128];
	snprintf(path, sizeof(path), "classes.%s.%s", class, what);
	if (!conf_has(conf, path))
		return fallback;
	unsigned mask = 0;
	size_t n = conf_count(conf, path);
	for (size_t i = 0; i < n; i++) {
		snprintf(item, sizeof(item), "%s.[%zu]", path, i);
		unsigned number = number_of(conf_text(conf, item, NULL));
		if (number == 0)
			conf_reject(conf, item, expected);
		mask |= 1U << number;
	}
	return mask;
}

/* Only kinds that this signer can sign are accepted here. */
static unsigned kind_number(const char *text)
{
	for (unsigned i = KIND_LEAF; i <= KIND_OCSP_RESPONDER; i++)
		if (strcmp(text, kind_names[i]) == 0)
			return i;
	return 0;
}

static unsigned name_type_number(const char *text)
{
	for (unsigned i = 1; i < NAME_DIRECTORY; i++)
		if (strcmp(text, name_type_text((uint8_t)i)) == 0)
			return i;
	return 0;
}

static unsigned algorithm_number(const char *text)
{
	const struct algorithm *a = algorithm_by_name(text);
	return a ? a->number : 0;
}

static void read_class(struct conf *conf, enum key_class c, struct ceilings *out)
{
	const char *name = class_names[c];
	char path[96];
	*out = (struct ceilings){ 0 };
	out->kinds = read_mask(conf, name, "kinds", kind_number, "\\\"leaf\\\", \\\"ca\\\" or \\\"ocsp-responder\\\"",
			       default_kinds[c]);
	out->longest[KIND_LEAF] = read_days(conf, name, "leaf_days", 3660, 400);
	out->longest[KIND_CA] =
		read_days(conf, name, "ca_days", 18300, c == CLASS_ROOT || c == CLASS_SINGLE ? 9150 : 5490);
	out->longest[KIND_OCSP_RESPONDER] = read_days(conf, name, "responder_days", 400, 90);
	out->name_types = read_mask(conf, name, "name_types", name_type_number, "dns, email, uri or ip, in quotes",
				    1U << NAME_DNS | 1U << NAME_EMAIL | 1U << NAME_URI | 1U << NAME_IP);
	out->algorithms = read_mask(conf, name, "subject_keys", algorithm_number,
				    "a key algorithm such as \\\"ECDSA-P256\\\"", ~0U);
	snprintf(path, sizeof(path), "classes.%s.backdate_seconds", name);
	out->backdate = conf_int(conf, path, 0, DAY, 3600);
	snprintf(path, sizeof(path), "classes.%s.ahead_seconds", name);
	out->ahead = conf_int(conf, path, 0, 365 * DAY, 60);
}

void ceilings_read(struct conf *conf, struct ceilings all[CLASS_COUNT])
{
	for (int c = 0; c < CLASS_COUNT; c++)
		read_class(conf, (enum key_class)c, &all[c]);
	conf_count(conf, "classes");
}
