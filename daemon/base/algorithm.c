#include "base/algorithm.h"

#include <string.h>

static const struct algorithm algorithms[] = {
#define ALGORITHM(number, NAME, text, family, bits, size, digest)                                                      \
	{ number, text, FAMILY_##family, bits, size, DIGEST_##digest },
#include "base/algorithm.def"
#undef ALGORITHM
};

const struct algorithm *algorithm_at(size_t i)
{
	return i < sizeof(algorithms) / sizeof(algorithms[0]) ? &algorithms[i] : NULL;
}

const struct algorithm *algorithm_by_number(uint8_t number)
{
	for (size_t i = 0; algorithm_at(i); i++)
		if (algorithms[i].number == number)
			return &algorithms[i];
	return NULL;
}

const struct algorithm *algorithm_by_name(const char *name)
{
	for (size_t i = 0; algorithm_at(i); i++)
		if (strcmp(algorithms[i].name, name) == 0)
			return &algorithms[i];
	return NULL;
}

bool algorithm_approved(uint8_t number)
{
	const struct algorithm *a = algorithm_by_number(number);
	return a && a->family != FAMILY_EDWARDS;
}

size_t digest_size(enum key_digest d)
{
	static const size_t sizes[] = { 0, 32, 48, 64 };
	return sizes[d];
}
