#include "signd/scribe.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "ledger/ledger.h"

struct scribe {
	struct scribes *all;
	pthread_t thread;
	struct ledger_reader *ledger;
};

struct scribes {
	struct op_queue *queue;
	struct inbox *back;
	unsigned count; /* that run */
	struct scribe each[SCRIBES];
};

static void *scribe_run(void *of)
{
	struct scribe *s = of;
	struct op_chain one;
	while ((one = op_queue_take(s->all->queue, 1)).first) {
		one.first->task(one.first, s->ledger);
		inbox_post(s->all->back, &one);
	}
	return NULL;
}

int scribes_start(const char *ledger_folder, struct inbox *back, struct scribes **out)
{
	struct scribes *s = calloc(1, sizeof(*s));
	if (!s || !(s->queue = op_queue_new())) {
		free(s);
		return -1;
	}
	s->back = back;
	for (; s->count < SCRIBES; s->count++) {
		struct scribe *one = &s->each[s->count];
		one->all = s;
		if (ledger_reader_open(ledger_folder, &one->ledger) != 0 ||
		    pthread_create(&one->thread, NULL, scribe_run, one) != 0) {
			log_error("thread_failed", "of=scribe");
			if (one->ledger)
				ledger_reader_close(one->ledger);
			scribes_stop(s);
			return -1;
		}
	}
	*out = s;
	return 0;
}

void scribes_stop(struct scribes *s)
{
	op_queue_close(s->queue);
	for (unsigned i = 0; i < s->count; i++) {
		pthread_join(s->each[i].thread, NULL);
		ledger_reader_close(s->each[i].ledger);
	}
	op_queue_free(s->queue);
	free(s);
}

void scribes_submit(struct scribes *s, struct op *op)
{
	struct op_chain one = { NULL, NULL };
	chain_put(&one, op);
	op_queue_put(s->queue, &one, true);
}
