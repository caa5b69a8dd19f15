/* The operations of key/driver.h over a PKCS#11 token. */
#ifndef CHANCERY_KEY_PKCS11_OPERATIONS_H
#define CHANCERY_KEY_PKCS11_OPERATIONS_H

#include "key/driver.h"

/* Their token is a struct keeper. */
extern const struct key_operations token_operations;

#endif
