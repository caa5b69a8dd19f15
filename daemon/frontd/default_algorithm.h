/*
 * The algorithm of a new CA key for which neither the caller nor frontd.conf
 * names one: what the default token can do decides. The signer knows that
 * from the token's driver; nothing here speaks to a token.
 */
#ifndef CHANCERY_FRONTD_DEFAULT_ALGORITHM_H
#define CHANCERY_FRONTD_DEFAULT_ALGORITHM_H

#include "base/algorithm.h"
#include "frontd/front.h"

/* Never NULL: ECDSA-P384 too if the token can't be asked. It may then be refused where the key is made. */
const struct algorithm *default_algorithm(struct front *f);

#endif
