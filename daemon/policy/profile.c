#include "policy/profile.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "policy/profile_load.h"
#include "policy/spiffe.h"
#include "policy/templates.h"

struct profiles {
	size_t count;
	struct profile_row rows[MAX_PROFILES];
};

static bool is_conf(const char *file)
{
	size_t n = strlen(file);
	return file[0] != '.' && n > 5 && strcmp(file + n - 5, ".conf") == 0;
}

static int conf_entry(const struct dirent *e)
{
	return is_conf(e->d_name) && strcmp(e->d_name, TEMPLATES_FILE) != 0;
}

/* Where mistakes are told. */
struct told {
	const struct profile_site *site;
	conf_listener *listener;
	void *with;
};

static void folder_tell(const struct told *to, const char *folder, const char *expected)
{
	const struct conf_fault f = { .kind = CONF_UNREADABLE, .file = folder, .setting = "", .expected = expected };
	if (to->listener)
		to->listener(&f, to->with);
	else
		conf_fault_log(&f);
}

static int file_load(struct profiles *p, const char *folder, const char *file, const struct told *to)
{
	char path[4096];
	if (p->count == MAX_PROFILES) {
		folder_tell(to, folder, "more than 256 profiles");
		return -1;
	}
	snprintf(path, sizeof(path), "%s/%s", folder, file);
	return profile_load(path, to->site, to->listener, to->with, &p->rows[p->count++]);
}

/* Reads every file, so that one run names every mistake. */
static int folder_load(struct profiles *p, const char *folder, const struct told *to)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, conf_entry, alphasort);
	if (n < 0) {
		folder_tell(to, folder, log_errno());
		return -1;
	}
	int result = n ? 0 : -1;
	if (n == 0)
		folder_tell(to, folder, "there is no profile in it, NAME.conf");
	for (int i = 0; i < n; i++) {
		if (file_load(p, folder, entries[i]->d_name, to) < 0)
			result = -1;
		free(entries[i]);
	}
	free(entries);
	return result;
}

int profiles_load(const char *folder, const struct profile_site *site, conf_listener *listener, void *with,
		  struct profiles **out)
{
	struct profiles *p = calloc(1, sizeof(*p));
	if (!p) {
		log_error("profiles_memory", "folder=%s", folder);
		return -1;
	}
	const struct told to = { site, listener, with };
	if (folder_load(p, folder, &to) < 0) {
		profiles_free(p);
		return -1;
	}
	*out = p;
	return 0;
}

void profiles_free(struct profiles *p)
{
	for (size_t i = 0; p && i < p->count; i++)
		profile_row_free(&p->rows[i]);
	free(p);
}

const struct profile *profile_at(const struct profiles *p, size_t i)
{
	return i < p->count ? &p->rows[i].profile : NULL;
}

const struct profile *profile_find(const struct profiles *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->rows[i].profile.name, name) == 0)
			return &p->rows[i].profile;
	return NULL;
}

void leaf_fields_free(struct leaf_fields *f)
{
	buf_free(&f->subject_items);
	*f = (struct leaf_fields){ 0 };
}

static int refuse(struct policy_refusal *why, const char *code, const char *field, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int refuse(struct policy_refusal *why, const char *code, const char *field, const char *format, ...)
{
	va_list args;
	why->code = code;
	why->field = field;
	va_start(args, format);
	vsnprintf(why->message, sizeof(why->message), format, args);
	va_end(args);
	return 1;
}

uint16_t profile_usage_of(uint16_t key_usage, const struct algorithm *a)
{
	if (a->family != FAMILY_RSA)
		key_usage &= (uint16_t) ~(LEAF_KEY_ENCIPHERMENT | LEAF_DATA_ENCIPHERMENT);
	if (a->family != FAMILY_EC)
		key_usage &= (uint16_t)~LEAF_KEY_AGREEMENT;
	return key_usage;
}

/* That something is left of the key usage, and enough for each purpose, was held when the profile was read. */
static int key_apply(const struct profile *p, const struct leaf_wish *wish, struct leaf_fields *out,
		     struct policy_refusal *why)
{
	const struct algorithm *a = algorithm_by_number(wish->algorithm);
	if (a && p->algorithms & 1U << a->number) {
		out->key_usage = profile_usage_of(p->key_usage, a);
		return 0;
	}
	char allowed[200] = "";
	for (size_t i = 0, n = 0; algorithm_at(i) && n < sizeof(allowed); i++)
		if (p->algorithms & 1U << algorithm_at(i)->number)
			n += (size_t)snprintf(allowed + n, sizeof(allowed) - n, "%s%s", n ? ", " : "",
					      algorithm_at(i)->name);
	return refuse(why, "key_not_allowed", "csr_pem",
		      "The key is %s%s, which the profile %s does not take; it takes %s.",
		      a ? "of type " : "of no known type", a ? a->name : "", p->name, allowed);
}

static bool pattern_found(const struct profile *p, uint8_t type, struct slice name)
{
	for (size_t i = 0; i < p->pattern_count; i++)
		if (name_pattern_matches(&p->patterns[i], type, name))
			return true;
	return false;
}

static int pattern_check(const struct profile *p, uint8_t type, struct slice name, struct policy_refusal *why)
{
	if (!(p->patterned & 1U << type) || pattern_found(p, type, name))
		return 0;
	scoped_buf text = { .max = 8 * MAX_NAME };
	name_print(AS_NAME, type, name, &text);
	return refuse(why, "name_pattern", "csr_pem",
		      "The name %.*s is within none of the patterns of the profile %s; `chancery profile show %s` "
		      "lists them.",
		      (int)text_cut(buf_slice(&text), 160), text.at ? (const char *)text.at : "", p->name, p->name);
}

static int name_check(const struct profile *p, uint8_t type, struct slice name, struct policy_refusal *why)
{
	char allowed[40] = "";
	for (uint8_t i = 1; i <= MAX_NAME_TYPE; i++)
		if (p->name_types & 1U << i)
			snprintf(allowed + strlen(allowed), sizeof(allowed) - strlen(allowed), "%s%s",
				 allowed[0] ? ", " : "", name_type_text(i));
	if (type > MAX_NAME_TYPE || !(p->name_types & 1U << type))
		return refuse(why, "name_type_not_allowed", "csr_pem",
			      "The profile %s takes no alternative names of type %s; it takes %s.", p->name,
			      name_type_text(type), allowed);
	if (!name_is_canonical(AS_NAME, type, name))
		return refuse(why, "name_invalid", "csr_pem", "An alternative name of type %s is not well formed.",
			      name_type_text(type));
	if (type == NAME_DNS && name.at[0] == '*' && !p->wildcards)
		return refuse(why, "wildcard_not_allowed", "csr_pem",
			      "The profile %s takes no wildcard names; each host must be named.", p->name);
	return pattern_check(p, type, name, why);
}

static int spiffe_check(const struct profile *p, const struct leaf_wish *wish, struct policy_refusal *why)
{
	uint8_t type;
	struct slice id, domain;
	struct list names = wish->alt_names;
	if (names.count != 1 || !list_next(&names, &type, &id) || type != NAME_URI || !spiffe_id_valid(id, &domain))
		return refuse(why, "spiffe_id", "csr_pem",
			      "The profile %s takes exactly one alternative name, a URI of the form "
			      "spiffe://TRUST_DOMAIN/path.",
			      p->name);
	if (p->trust_domain[0] && !slice_equal(domain, slice_text(p->trust_domain)))
		return refuse(why, "trust_domain", "csr_pem", "The SPIFFE ID must be in the trust domain %s.",
			      p->trust_domain);
	return 0;
}

static int names_apply(const struct profile *p, const struct leaf_wish *wish, struct leaf_fields *out,
		       struct policy_refusal *why)
{
	uint8_t type;
	struct slice name;
	if (wish->alt_names.count == 0)
		return refuse(why, "name_missing", "csr_pem",
			      "The request has no subject alternative name; at least one is needed.");
	if (wish->alt_names.count > MAX_LEAF_NAMES)
		return refuse(why, "too_many_names", "csr_pem",
			      "The request has %u alternative names; at most %d are taken.", wish->alt_names.count,
			      MAX_LEAF_NAMES);
	for (struct list names = wish->alt_names; list_next(&names, &type, &name);) {
		int r = name_check(p, type, name, why);
		if (r != 0)
			return r;
	}
	out->alt_names = wish->alt_names;
	return p->spiffe ? spiffe_check(p, wish, why) : 0;
}

static bool common_name_is(struct slice common_name, uint8_t type, struct slice name)
{
	char text[MAX_NAME + 8];
	uint8_t read_type;
	const char *why;
	scoped_buf value;
	buf_init(&value, MAX_NAME);
	if (type == NAME_DIRECTORY || memchr(common_name.at, 0, common_name.len))
		return false;
	snprintf(text, sizeof(text), "%s:%.*s", name_type_text(type), (int)common_name.len,
		 (const char *)common_name.at);
	return name_parse(AS_NAME, text, &read_type, &value, &why) && slice_equal(buf_slice(&value), name);
}

static bool common_name_found(struct slice common_name, struct list names)
{
	uint8_t type;
	struct slice name;
	while (list_next(&names, &type, &name))
		if (common_name_is(common_name, type, name))
			return true;
	return false;
}

/* Keeps the attributes that the profile takes. */
static int subject_apply(const struct profile *p, const struct leaf_wish *wish, struct leaf_fields *out,
			 struct policy_refusal *why)
{
	uint8_t attribute;
	struct slice value;
	const char *end;
	uint16_t count = 0;
	for (struct list rest = wish->subject; list_next(&rest, &attribute, &value);)
		if (attribute < 32 && (p->subject_attributes & 1U << attribute))
			list_put(&out->subject_items, &count, attribute, value);
	if (!buf_ok(&out->subject_items))
		return refuse(why, "subject_invalid", "csr_pem", "The subject must be at most 32 attributes.");
	out->subject = list_of(&out->subject_items, count);
	if (!dn_check(out->subject, &attribute, &end)) {
		const struct dn_kind *kind = dn_kind(attribute);
		return refuse(why, "subject_invalid", "csr_pem", "The subject's %s %s.",
			      kind ? kind->short_name : "list of attributes", end);
	}
	for (struct list rest = out->subject; list_next(&rest, &attribute, &value);)
		if (attribute == DN_COMMON_NAME && !common_name_found(value, wish->alt_names))
			return refuse(
				why, "common_name_not_in_names", "csr_pem",
				"The subject's common name must be one of the alternative names, or be left out.");
	return 0;
}

static int ttl_apply(const struct profile *p, const struct leaf_wish *wish, struct leaf_fields *out,
		     struct policy_refusal *why)
{
	if (wish->ttl < 0)
		return refuse(why, "ttl_invalid", "ttl_seconds", "The validity must be a positive number of seconds.");
	if (wish->ttl > p->longest_ttl)
		return refuse(why, "ttl_too_long", "ttl_seconds",
			      "The profile %s allows a validity of at most %lld seconds.", p->name,
			      (long long)p->longest_ttl);
	out->ttl = wish->ttl ? wish->ttl : p->default_ttl;
	return 0;
}

int profile_apply(const struct profile *profile, const struct leaf_wish *wish, struct leaf_fields *out,
		  struct policy_refusal *why)
{
	*out = (struct leaf_fields){ .ext_key_usage = profile->ext_key_usage,
				     .policies = profile->policies,
				     .flags = profile->must_staple ? LEAF_MUST_STAPLE : 0 };
	buf_init(&out->subject_items, (size_t)MAX_DN_ATTRIBUTES * (MAX_DN_VALUE + 3));
	int r = key_apply(profile, wish, out, why);
	if (r == 0)
		r = names_apply(profile, wish, out, why);
	if (r == 0)
		r = subject_apply(profile, wish, out, why);
	if (r == 0)
		r = ttl_apply(profile, wish, out, why);
	if (r != 0)
		leaf_fields_free(out);
	return r;
}
