/* What libcrypto's templates read, and the bytes that it keeps of it. */
#ifndef CHANCERY_FRONTD_ITEM_H
#define CHANCERY_FRONTD_ITEM_H

#include <openssl/asn1t.h>

#include "base/buf.h"

/* All of the bytes as this type, or NULL: they are not that, or more. Free with ASN1_item_free(). */
void *item_read(struct slice der, const ASN1_ITEM *type);
/* The contents of any of its string types, numbers and bits included. */
struct slice item_slice(const ASN1_STRING *s);

#endif
