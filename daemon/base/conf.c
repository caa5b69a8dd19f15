#include "base/conf.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

struct conf {
	config_t tree;
	char *path;
	size_t faults;
	conf_listener *listener; /* NULL: the log */
	void *with;
};

#define MAX_EXPECTED 1024 /* bytes of a sentence in the log */

static char seen_mark; /* its address marks a setting that a getter has asked for */

/* So that what stands in quotes in the log ends where it ends; a quote that comes escaped stays so. */
static void quotes_escape(const char *text, char out[MAX_EXPECTED])
{
	size_t n = 0;
	for (; *text && n < MAX_EXPECTED - 2; text++) {
		if (*text == '"' && (n == 0 || out[n - 1] != '\\'))
			out[n++] = '\\';
		out[n++] = *text;
	}
	out[n] = '\0';
}

void conf_fault_log(const struct conf_fault *f)
{
	char why[MAX_EXPECTED], line[24] = "";
	quotes_escape(f->expected, why);
	if (f->line)
		snprintf(line, sizeof(line), " line=%u", f->line);
	if (f->kind == CONF_INVALID)
		log_error("conf_invalid", "file=%s%s setting=%s expected=\"%s\"", f->file, line, f->setting, why);
	else
		log_error(f->kind == CONF_SYNTAX ? "conf_syntax" : "conf_unreadable", "file=%s%s why=\"%s\"", f->file,
			  line, why);
}

static void fault_tell(struct conf *c, const struct conf_fault *f)
{
	c->faults++;
	if (c->listener)
		c->listener(f, c->with);
	else
		conf_fault_log(f);
}

static void open_failed(struct conf *c, const char *path)
{
	struct conf_fault f = { .kind = CONF_UNREADABLE, .file = path, .setting = "", .expected = log_errno() };
	if (config_error_type(&c->tree) == CONFIG_ERR_PARSE) {
		f.kind = CONF_SYNTAX;
		f.line = (unsigned)config_error_line(&c->tree);
		f.expected = config_error_text(&c->tree);
	}
	fault_tell(c, &f);
}

struct conf *conf_open_told(const char *path, conf_listener *listener, void *with)
{
	struct conf *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	config_init(&c->tree);
	c->listener = listener;
	c->with = with;
	c->path = strdup(path);
	if (c->path && config_read_file(&c->tree, path) == CONFIG_TRUE)
		return c;
	open_failed(c, path);
	conf_close(c);
	return NULL;
}

struct conf *conf_open(const char *path)
{
	return conf_open_told(path, NULL, NULL);
}

size_t conf_faults(const struct conf *c)
{
	return c->faults;
}

void conf_close(struct conf *c)
{
	if (!c)
		return;
	config_destroy(&c->tree);
	free(c->path);
	free(c);
}

static void setting_reject(struct conf *c, const config_setting_t *s, const char *path, const char *expected)
{
	struct conf_fault f = { .kind = CONF_INVALID,
				.file = c->path,
				.line = s ? config_setting_source_line(s) : 0,
				.setting = path,
				.expected = expected };
	fault_tell(c, &f);
}

static config_setting_t *find(struct conf *c, const char *path)
{
	config_setting_t *s = config_lookup(&c->tree, path);
	if (s)
		config_setting_set_hook(s, &seen_mark);
	return s;
}

void conf_reject(struct conf *c, const char *path, const char *expected)
{
	setting_reject(c, config_lookup(&c->tree, path), path, expected);
}

bool conf_has(struct conf *c, const char *path)
{
	return find(c, path) != NULL;
}

size_t conf_count(struct conf *c, const char *path)
{
	config_setting_t *s = find(c, path);
	if (s && !config_setting_is_aggregate(s)) {
		setting_reject(c, s, path, "a list ( ) or group { }");
		return 0;
	}
	return s ? (size_t)config_setting_length(s) : 0;
}

const char *conf_member(struct conf *c, const char *path, size_t i)
{
	config_setting_t *s = find(c, path);
	config_setting_t *member = s && config_setting_is_group(s) ? config_setting_get_elem(s, (unsigned)i) : NULL;
	return member ? config_setting_name(member) : NULL;
}

const char *conf_text(struct conf *c, const char *path, const char *fallback)
{
	config_setting_t *s = find(c, path);
	if (!s && fallback)
		return fallback;
	const char *text = s ? config_setting_get_string(s) : NULL;
	if (!text || (!*text && !fallback)) {
		setting_reject(c, s, path, s ? "a text in quotes" : "this setting, a text in quotes");
		return "";
	}
	return text;
}

static int64_t int_read(struct conf *c, config_setting_t *s, const char *path, int64_t least, int64_t most)
{
	char expected[96];
	snprintf(expected, sizeof(expected), "a whole number from %lld to %lld", (long long)least, (long long)most);
	int type = s ? config_setting_type(s) : CONFIG_TYPE_NONE;
	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		setting_reject(c, s, path, expected);
		return least;
	}
	int64_t v = config_setting_get_int64(s);
	if (v < least || v > most) {
		setting_reject(c, s, path, expected);
		return least;
	}
	return v;
}

int64_t conf_int(struct conf *c, const char *path, int64_t least, int64_t most, int64_t fallback)
{
	config_setting_t *s = find(c, path);
	return s ? int_read(c, s, path, least, most) : fallback;
}

int64_t conf_int_required(struct conf *c, const char *path, int64_t least, int64_t most)
{
	return int_read(c, find(c, path), path, least, most);
}

bool conf_bool(struct conf *c, const char *path, bool fallback)
{
	config_setting_t *s = find(c, path);
	if (!s)
		return fallback;
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		setting_reject(c, s, path, "true or false");
	return config_setting_get_bool(s) == CONFIG_TRUE;
}

mode_t conf_mode(struct conf *c, const char *path, mode_t fallback)
{
	if (!conf_has(c, path))
		return fallback;
	const char *text = conf_text(c, path, NULL);
	char *end;
	unsigned long v = strtoul(text, &end, 8);
	if (text[0] != '0' || *end || v > 0777) {
		conf_reject(c, path, "permissions in quotes, such as \"0660\"");
		return 0;
	}
	return (mode_t)v;
}

void conf_log_level(struct conf *c)
{
	enum log_level level = LOG_LEVEL_INFO;
	if (!log_level_parse(conf_text(c, "log_level", "info"), &level))
		conf_reject(c, "log_level", "error, warning, info or debug, in quotes");
	log_set_level(level);
}

void conf_peers(struct conf *c, const char *path, struct peer_rules *out)
{
	char item[160];
	size_t n = conf_count(c, path);
	for (size_t i = 0; i < n; i++) {
		snprintf(item, sizeof(item), "%s.[%zu]", path, i);
		const char *why = "";
		const char *text = conf_text(c, item, NULL);
		if (*text && !peer_rule_add(out, text, &why))
			conf_reject(c, item, why);
	}
}

void conf_hex(struct conf *c, const char *path, uint8_t *out, size_t n)
{
	const char *text = conf_text(c, path, NULL);
	char expected[48];
	snprintf(expected, sizeof(expected), "%zu hexadecimal digits in quotes", 2 * n);
	if (*text && !hex_decode(text, strlen(text), out, n))
		conf_reject(c, path, expected);
}

/* Looks for settings without the mark. Below an unknown group one complaint is enough. */
static void find_unknown(struct conf *c, config_setting_t *s, const char *path)
{
	int n = config_setting_is_aggregate(s) ? config_setting_length(s) : 0;
	for (int i = 0; i < n; i++) {
		config_setting_t *member = config_setting_get_elem(s, (unsigned)i);
		const char *name = config_setting_name(member);
		char below[256];
		if (name)
			snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "", name);
		else
			snprintf(below, sizeof(below), "%s.[%d]", path, i);
		bool known = config_setting_get_hook(member) == &seen_mark;
		bool empty = !config_setting_is_group(member) && config_setting_length(member) == 0;
		if (!known && (!config_setting_is_aggregate(member) || empty))
			setting_reject(c, member, below, "a setting that exists: the man page lists them");
		else
			find_unknown(c, member, below);
	}
}

int conf_finish(struct conf *c)
{
	find_unknown(c, config_root_setting(&c->tree), "");
	return c->faults ? -1 : 0;
}
