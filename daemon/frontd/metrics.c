#include "frontd/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SERIES 4096 /* label sets of one counter; a tree of that many issuers is beyond any dashboard */
#define MAX_LABELS 512	/* bytes of one label set, escaped */
#define SLOTS (2 * MAX_SERIES)

#define MAX_TIMED 256 /* label sets of one histogram, each of which is nine lines */

enum family_name { HIERARCHY, ISSUED, REFUSED, HTTP_REQUESTS, ISSUANCE_TIME, FAMILIES };

static const struct {
	const char *name, *help;
	size_t most; /* label sets */
} family_texts[FAMILIES] = {
	[HIERARCHY] = { "chancery_hierarchy_operations_total", "Changes to the hierarchy of CAs, by issuer.",
			MAX_SERIES },
	[ISSUED] = { "chancery_certificates_issued_total", "Leaf certificates issued, by CA and profile.", MAX_SERIES },
	[REFUSED] = { "chancery_refusals_total", "Requests refused, by the error's code.", MAX_SERIES },
	[HTTP_REQUESTS] = { "chancery_http_requests_total", "HTTP requests answered, by route and status.",
			    MAX_SERIES },
	[ISSUANCE_TIME] = { "chancery_issuance_duration_seconds",
			    "Time from a checked request to its durable certificate, by CA and profile.", MAX_TIMED },
};

/* Upper bounds in milliseconds of an issuance; the last bucket is +Inf. */
static const int64_t issuance_bounds[] = { 5, 25, 100, 500, 2500, 10000 };
#define ISSUANCE_BOUNDS (sizeof(issuance_bounds) / sizeof(issuance_bounds[0]))

static const char *const operation_names[] = { "create_root", "create_child", "retire_retiring", "retire_retired" };

struct series {
	char *labels;
	uint64_t count;
	uint64_t *buckets; /* of a histogram; NULL: a counter */
	uint64_t sum_ms;
};

struct family {
	size_t used;
	struct series slots[SLOTS];
};

/* Upper bounds in milliseconds; the last bucket is +Inf. */
static const int64_t bounds[] = { 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 60000 };
#define BOUNDS (sizeof(bounds) / sizeof(bounds[0]))

struct metrics {
	pthread_mutex_t lock;
	struct family families[FAMILIES];
	uint64_t buckets[BOUNDS + 1];
	uint64_t duration_ms;
};

struct metrics *metrics_new(void)
{
	struct metrics *m = calloc(1, sizeof(*m));
	if (m)
		pthread_mutex_init(&m->lock, NULL);
	return m;
}

static void series_free(struct series *s)
{
	free(s->labels);
	free(s->buckets);
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	for (size_t f = 0; f < FAMILIES; f++)
		for (size_t i = 0; i < SLOTS; i++)
			series_free(&m->families[f].slots[i]);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

/* A label's value as the text format wants it: backslash, quote and line feed escaped. */
void metrics_label(struct buf *out, const char *name, const char *value)
{
	if (out->len)
		buf_put_u8(out, ',');
	buf_put_text(out, name);
	buf_put_text(out, "=\"");
	for (; *value; value++) {
		size_t plain = strcspn(value, "\\\"\n");
		buf_put(out, value, plain);
		value += plain;
		if (!*value)
			break;
		buf_put_u8(out, '\\');
		buf_put_u8(out, *value == '\n' ? 'n' : (uint8_t)*value);
	}
	buf_put_u8(out, '"');
}

/* FNV-1a: labels come from our own tables and ids, not from an enemy who could aim at a slot. */
static size_t slot_of(const char *labels)
{
	uint32_t h = 2166136261u;
	for (; *labels; labels++)
		h = (h ^ (uint8_t)*labels) * 16777619u;
	return h % SLOTS;
}

#define COUNTED INT64_MIN /* no time: a counter */

static void series_add(struct series *s, int64_t ms)
{
	s->count++;
	if (ms == COUNTED)
		return;
	if (!s->buckets)
		s->buckets = calloc(ISSUANCE_BOUNDS + 1, sizeof(*s->buckets));
	size_t i = 0;
	while (i < ISSUANCE_BOUNDS && ms > issuance_bounds[i])
		i++;
	if (s->buckets)
		s->buckets[i]++;
	s->sum_ms += ms > 0 ? (uint64_t)ms : 0;
}

static void family_add(struct family *f, size_t most, const char *labels, int64_t ms)
{
	size_t i = slot_of(labels);
	while (f->slots[i].labels && strcmp(f->slots[i].labels, labels) != 0)
		i = (i + 1) % SLOTS;
	if (!f->slots[i].labels) {
		const char *other = "other=\"true\"";
		if (f->used >= most && strcmp(labels, other) != 0) {
			family_add(f, most, other, ms);
			return;
		}
		f->slots[i].labels = strdup(labels);
		f->used++;
	}
	series_add(&f->slots[i], ms);
}

/* names and values of n labels. */
static void observe(struct metrics *m, enum family_name family, size_t n, const char *const *names,
		    const char *const *values, int64_t ms)
{
	uint8_t room[MAX_LABELS];
	struct buf labels = { .at = room, .cap = sizeof(room), .max = sizeof(room) }; /* never grows, never freed */
	for (size_t i = 0; i < n; i++)
		metrics_label(&labels, names[i], values[i]);
	buf_put_u8(&labels, 0);
	if (!buf_ok(&labels))
		return;
	pthread_mutex_lock(&m->lock);
	family_add(&m->families[family], family_texts[family].most, (const char *)labels.at, ms);
	pthread_mutex_unlock(&m->lock);
}

static void count(struct metrics *m, enum family_name family, size_t n, const char *const *names,
		  const char *const *values)
{
	observe(m, family, n, names, values, COUNTED);
}

void metrics_hierarchy(struct metrics *m, enum hierarchy_operation op, const char *issuer_id)
{
	count(m, HIERARCHY, 2, (const char *[]){ "operation", "issuer" },
	      (const char *[]){ operation_names[op], issuer_id });
}

void metrics_issued(struct metrics *m, const char *ca_id, const char *profile, int64_t ms)
{
	const char *names[] = { "ca", "profile" }, *values[] = { ca_id, profile };
	count(m, ISSUED, 2, names, values);
	observe(m, ISSUANCE_TIME, 2, names, values, ms);
}

void metrics_refused(struct metrics *m, const char *code)
{
	count(m, REFUSED, 1, (const char *[]){ "code" }, (const char *[]){ code });
}

/* Methods are the client's own words. */
static const char *method_known(const char *method)
{
	static const char *const known[] = { "GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS" };
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(method, known[i]) == 0)
			return known[i];
	return "other";
}

void metrics_http(struct metrics *m, const char *socket, const char *route, const char *method, unsigned status,
		  int64_t ms)
{
	char text[16];
	snprintf(text, sizeof(text), "%u", status);
	count(m, HTTP_REQUESTS, 4, (const char *[]){ "socket", "route", "method", "status" },
	      (const char *[]){ socket, route, method_known(method), text });
	size_t i = 0;
	while (i < BOUNDS && ms > bounds[i])
		i++;
	pthread_mutex_lock(&m->lock);
	m->buckets[i]++;
	m->duration_ms += ms > 0 ? (uint64_t)ms : 0;
	pthread_mutex_unlock(&m->lock);
}

static void head_print(struct buf *out, const char *name, const char *help, const char *type)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void family_print(const struct metrics *m, enum family_name family, struct buf *out)
{
	const struct family *f = &m->families[family];
	head_print(out, family_texts[family].name, family_texts[family].help, "counter");
	for (size_t i = 0; i < SLOTS; i++)
		if (f->slots[i].labels)
			buf_printf(out, "%s{%s} %llu\n", family_texts[family].name, f->slots[i].labels,
				   (unsigned long long)f->slots[i].count);
}

/* Cumulative, as the text format wants it. */
static void series_print(const struct series *s, const char *name, struct buf *out)
{
	uint64_t below = 0;
	for (size_t i = 0; s->buckets && i < ISSUANCE_BOUNDS; i++) {
		below += s->buckets[i];
		buf_printf(out, "%s_bucket{%s,le=\"%g\"} %llu\n", name, s->labels, (double)issuance_bounds[i] / 1000,
			   (unsigned long long)below);
	}
	buf_printf(out, "%s_bucket{%s,le=\"+Inf\"} %llu\n%s_sum{%s} %llu.%03llu\n%s_count{%s} %llu\n", name, s->labels,
		   (unsigned long long)s->count, name, s->labels, (unsigned long long)s->sum_ms / 1000,
		   (unsigned long long)s->sum_ms % 1000, name, s->labels, (unsigned long long)s->count);
}

static void issuance_print(const struct metrics *m, struct buf *out)
{
	const struct family *f = &m->families[ISSUANCE_TIME];
	head_print(out, family_texts[ISSUANCE_TIME].name, family_texts[ISSUANCE_TIME].help, "histogram");
	for (size_t i = 0; i < SLOTS; i++)
		if (f->slots[i].labels)
			series_print(&f->slots[i], family_texts[ISSUANCE_TIME].name, out);
}

static void durations_print(const struct metrics *m, struct buf *out)
{
	const char *name = "chancery_http_request_duration_seconds";
	uint64_t below = 0;
	head_print(out, name, "Time from a request's headers to its answer.", "histogram");
	for (size_t i = 0; i < BOUNDS; i++) {
		below += m->buckets[i];
		buf_printf(out, "%s_bucket{le=\"%g\"} %llu\n", name, (double)bounds[i] / 1000,
			   (unsigned long long)below);
	}
	below += m->buckets[BOUNDS];
	buf_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %llu.%03llu\n%s_count %llu\n", name,
		   (unsigned long long)below, name, (unsigned long long)m->duration_ms / 1000,
		   (unsigned long long)m->duration_ms % 1000, name, (unsigned long long)below);
}

void metrics_print(struct metrics *m, int64_t started, bool signer_up, struct buf *out)
{
	pthread_mutex_lock(&m->lock);
	for (enum family_name f = 0; f < ISSUANCE_TIME; f++)
		family_print(m, f, out);
	issuance_print(m, out);
	durations_print(m, out);
	pthread_mutex_unlock(&m->lock);
	head_print(out, "chancery_signer_up", "1 while the signer is linked and callers may ask it.", "gauge");
	buf_printf(out, "chancery_signer_up %d\n", signer_up);
	head_print(out, "chancery_build_info", "The version that runs.", "gauge");
	buf_printf(out, "chancery_build_info{version=\"%s\"} 1\n", CHANCERY_VERSION);
	head_print(out, "process_start_time_seconds", "Start of the process since the Unix epoch.", "gauge");
	buf_printf(out, "process_start_time_seconds %lld\n", (long long)started);
}
