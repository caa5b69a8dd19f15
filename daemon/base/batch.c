#include "base/batch.h"

#include <sched.h>

#include "base/log.h"

void batch_enter(void)
{
	struct sched_param none = { .sched_priority = 0 };
	/* Whoever put this process under another policy, a real-time one say, knew why. */
	if (sched_getscheduler(0) == SCHED_OTHER && sched_setscheduler(0, SCHED_BATCH, &none) != 0)
		log_debug("batch", "why=\"%s\"", log_errno());
}
