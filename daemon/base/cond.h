/* A condition variable whose timed waits go by CLOCK_MONOTONIC: no step of the clock makes them longer or shorter. */
#ifndef CHANCERY_BASE_COND_H
#define CHANCERY_BASE_COND_H

#include <pthread.h>

void cond_init(pthread_cond_t *cond);

#endif
