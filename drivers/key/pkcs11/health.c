#include "key/pkcs11/health.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"

void health_init(struct health *h)
{
	*h = (struct health){ .since = time_now() };
	pthread_mutex_init(&h->lock, NULL);
}

void health_free(struct health *h)
{
	pthread_mutex_destroy(&h->lock);
}

void health_turn(struct health *h)
{
	pthread_mutex_lock(&h->lock);
	h->since = time_now();
	pthread_mutex_unlock(&h->lock);
}

void health_trouble(struct health *h, const char *call, const char *answer)
{
	pthread_mutex_lock(&h->lock);
	bool again = strcmp(h->call, call) == 0 && strcmp(h->answer, answer) == 0;
	h->troubles = again ? h->troubles + 1 : 1;
	snprintf(h->call, sizeof(h->call), "%s", call);
	snprintf(h->answer, sizeof(h->answer), "%s", answer);
	h->trouble_at = time_now();
	pthread_mutex_unlock(&h->lock);
}

int64_t health_since(struct health *h)
{
	pthread_mutex_lock(&h->lock);
	int64_t since = h->since;
	pthread_mutex_unlock(&h->lock);
	return since;
}

void health_text(struct health *h, char *out, size_t size)
{
	char when[TIME_TEXT_SIZE];
	out[0] = '\0';
	pthread_mutex_lock(&h->lock);
	time_text(h->trouble_at, when);
	if (h->troubles)
		snprintf(out, size, "%s answered %s %lu time%s, last at %s", h->call, h->answer, h->troubles,
			 h->troubles == 1 ? "" : "s", when);
	pthread_mutex_unlock(&h->lock);
}
