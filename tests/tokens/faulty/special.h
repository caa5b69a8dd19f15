/*
 * The calls whose outcome a fault can change: each makes the real call itself.
 * Prototypes from functions.def.
 */
#ifndef CHANCERY_TESTS_FAULTY_SPECIAL_H
#define CHANCERY_TESTS_FAULTY_SPECIAL_H

#include "tokens/faulty/faults.h"

#define UNWRAP(...) __VA_ARGS__
#define PLAIN(name, about, n, types)
#define SPECIAL(name, about, n, types) CK_RV special_##name(const struct passage *passage, UNWRAP types);
#include "tokens/faulty/functions.def"
#undef PLAIN
#undef SPECIAL
#undef UNWRAP

#endif
