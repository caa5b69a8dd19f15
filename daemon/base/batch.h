/*
 * How a daemon shares the processors: it is woken at every step of a request
 * that passes through several processes, and pushing aside whoever runs at
 * each of these wake-ups costs more than the work that it hurries along.
 */
#ifndef CHANCERY_BASE_BATCH_H
#define CHANCERY_BASE_BATCH_H

/*
 * Wake-ups of this thread, and of all that it starts later, no longer preempt
 * (SCHED_BATCH): what is ready at the same time is worked off together. Before
 * the first thread and any filter. A host that refuses keeps its own way.
 */
void batch_enter(void);

#endif
