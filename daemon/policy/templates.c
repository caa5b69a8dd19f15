#include "policy/templates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

#define MAX_SETTING 160 /* "templates.NAME.permitted.[255]" */
#define ALL "templates"

struct row {
	struct template template;
	struct constraints_buf subtrees; /* what its lists point into */
};

struct templates {
	size_t count;
	struct row rows[MAX_TEMPLATES];
};

static bool name_valid(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_");
	return n > 0 && n <= MAX_TEMPLATE_NAME && !name[n];
}

static void subtrees_read(struct conf *c, const char *path, struct buf *raw, uint16_t *count)
{
	size_t n = conf_count(c, path);
	if (n > MAX_SUBTREES)
		conf_reject(c, path, "at most 256 subtrees");
	for (size_t i = 0; i < n && i < MAX_SUBTREES; i++) {
		char item[MAX_SETTING];
		scoped_buf value = { .max = MAX_NAME };
		uint8_t type;
		const char *why = "";
		snprintf(item, sizeof(item), "%s.[%zu]", path, i);
		const char *text = conf_text(c, item, NULL);
		if (name_parse(AS_SUBTREE, text, &type, &value, &why))
			list_put(raw, count, type, buf_slice(&value));
		else if (*text)
			conf_reject(c, item, why);
	}
}

/* What no CA's certificate could state, or could but as one that may issue nothing. */
static void subtrees_check(struct conf *c, const char *path, const struct constraints *stated)
{
	const struct constraints nothing = { 0 };
	uint8_t type;
	struct slice culprit;
	if (constraints_empty(stated))
		conf_reject(c, path, "a permitted or an excluded subtree at least");
	else if (!constraints_check(stated))
		conf_reject(c, path, "excluded directory names in ASCII");
	else if (constraints_narrower(stated, &nothing, &type, &culprit))
		conf_reject(c, path, "something permitted that is not excluded");
}

static void row_read(struct conf *c, const char *name, struct row *row)
{
	struct template *t = &row->template;
	char path[MAX_SETTING];
	snprintf(t->name, sizeof(t->name), "%s", name);
	snprintf(path, sizeof(path), ALL ".%s.description", name);
	struct slice description = slice_text(conf_text(c, path, ""));
	if (!slice_to_text(description, t->description, sizeof(t->description)) || !text_visible(description))
		conf_reject(c, path, "visible text of at most 255 bytes");
	snprintf(path, sizeof(path), ALL ".%s.permitted", name);
	subtrees_read(c, path, &row->subtrees.permitted, &row->subtrees.permitted_count);
	snprintf(path, sizeof(path), ALL ".%s.excluded", name);
	subtrees_read(c, path, &row->subtrees.excluded, &row->subtrees.excluded_count);
	t->constraints = constraints_of(&row->subtrees);
	snprintf(path, sizeof(path), ALL ".%s", name);
	subtrees_check(c, path, &t->constraints);
}

static void rows_read(struct conf *c, struct templates *all)
{
	const char *name;
	for (size_t i = 0; (name = conf_member(c, ALL, i)); i++) {
		char path[MAX_SETTING];
		snprintf(path, sizeof(path), ALL ".%.100s", name);
		if (!name_valid(name)) {
			conf_reject(c, path, "a name of at most 64 lower-case letters, digits, - and _");
			continue;
		}
		if (all->count == MAX_TEMPLATES) {
			conf_reject(c, ALL, "at most 256 templates");
			return;
		}
		struct row *row = &all->rows[all->count++];
		constraints_buf_init(&row->subtrees);
		row_read(c, name, row);
	}
}

static int file_read(const char *path, conf_listener *listener, void *with, struct templates *all)
{
	struct conf *c = conf_open_told(path, listener, with);
	if (!c)
		return -1;
	rows_read(c, all);
	int r = conf_finish(c);
	conf_close(c);
	return r;
}

int templates_load(const char *folder, struct templates **out)
{
	char path[4096];
	struct templates *all = calloc(1, sizeof(*all));
	if (!all) {
		log_error("templates_memory", "folder=%s", folder);
		return -1;
	}
	snprintf(path, sizeof(path), "%s/" TEMPLATES_FILE, folder);
	if (access(path, F_OK) == 0 && file_read(path, NULL, NULL, all)) {
		templates_free(all);
		return -1;
	}
	*out = all;
	return 0;
}

int templates_check(const char *path, conf_listener *listener, void *with)
{
	struct templates *all = calloc(1, sizeof(*all));
	int r = all ? file_read(path, listener, with, all) : -1;
	templates_free(all);
	return r;
}

void templates_free(struct templates *all)
{
	for (size_t i = 0; all && i < all->count; i++)
		constraints_buf_free(&all->rows[i].subtrees);
	free(all);
}

const struct template *template_at(const struct templates *all, size_t i)
{
	return i < all->count ? &all->rows[i].template : NULL;
}

const struct template *template_find(const struct templates *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->rows[i].template.name, name) == 0)
			return &all->rows[i].template;
	return NULL;
}

/* Two lists in one, in their order. */
static void lists_put(struct list a, struct list b, struct buf *raw, uint16_t *count)
{
	uint8_t type;
	struct slice item;
	while (list_next(&a, &type, &item))
		list_put(raw, count, type, item);
	while (list_next(&b, &type, &item))
		list_put(raw, count, type, item);
}

enum constraints_answer template_tighten(const struct template *t, const struct constraints *asked, uint8_t *type,
					 struct slice *culprit, struct constraints_buf *out)
{
	struct constraints merged = { .permitted = asked->permitted };
	scoped_buf excluded = { .max = 2 * (size_t)MAX_SUBTREES * (MAX_NAME + 3) };
	uint16_t count = 0;
	lists_put(t->constraints.excluded, asked->excluded, &excluded, &count);
	merged.excluded = list_of(&excluded, count);
	if (!buf_ok(&excluded) || count > MAX_SUBTREES)
		return CONSTRAINTS_TOO_MANY;
	enum constraints_answer r = constraints_narrower(&merged, &t->constraints, type, culprit);
	return r ? r : constraints_inherit(&merged, &t->constraints, out);
}
