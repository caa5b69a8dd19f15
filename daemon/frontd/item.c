#include "frontd/item.h"

void *item_read(struct slice der, const ASN1_ITEM *type)
{
	const unsigned char *at = der.at;
	ASN1_VALUE *value = ASN1_item_d2i(NULL, &at, (long)der.len, type);
	if (!value || at == der.at + der.len)
		return value;
	ASN1_item_free(value, type);
	return NULL;
}

struct slice item_slice(const ASN1_STRING *s)
{
	return (struct slice){ ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s) };
}
