/*
 * Name-constraint templates, from constraints.conf in the folder of profiles:
 * what the CAs of a business unit, or within a boundary, may be about. Whoever
 * asks for a CA names one, and may only tighten it. Pure: no database, no socket.
 *
 * A template widens nothing: the rules of the hierarchy hold for what comes of
 * it as for what somebody wrote by hand.
 */
#ifndef CHANCERY_POLICY_TEMPLATES_H
#define CHANCERY_POLICY_TEMPLATES_H

#include "base/conf.h"
#include "names/constraints.h"

#define TEMPLATES_FILE "constraints.conf"
#define MAX_TEMPLATES 256
#define MAX_TEMPLATE_NAME 64

struct templates;

struct template
{
	char name[MAX_TEMPLATE_NAME + 1];
	char description[256];
	struct constraints constraints; /* never empty */
};

/* FOLDER/constraints.conf; without that file there are none. 0, or -1 with file, line and what was expected in the log.
 */
int templates_load(const char *folder, struct templates **out);
/* Reads one file of them for its mistakes, which are told. */
int templates_check(const char *path, conf_listener *listener, void *with);
void templates_free(struct templates *t);
const struct template *template_find(const struct templates *t, const char *name);
const struct template *template_at(const struct templates *t, size_t i);

/*
 * What a CA asks for under a template: its own permitted subtrees, the template's of every type of which it
 * states none, and what either excludes. CONSTRAINTS_WIDER or CONSTRAINTS_NOTHING_LEFT, with type and culprit,
 * if that is not within the template. out is empty before.
 */
enum constraints_answer template_tighten(const struct template *t, const struct constraints *asked, uint8_t *type,
					 struct slice *culprit, struct constraints_buf *out);

#endif
