/*
 * Prints a dictionary for libFuzzer, made from the tables: `dictionary inner`,
 * `driver` or `record`. The number of each verb or record, and each field's
 * limit, and one more, as its length stands in a message.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void number_print(const char *name, uint32_t value, unsigned width)
{
	printf("%s=\"", name);
	for (unsigned i = 0; i < width; i++)
		printf("\\x%02x", value >> 8 * i & 0xff);
	printf("\"\n");
}

static void limit_print(const char *name, uint32_t limit, unsigned width)
{
	number_print(name, limit, width);
	number_print(name, limit + 1, width);
}

#define PACK_UNWRAP(...) __VA_ARGS__
#define U8(name)
#define U16(name)
#define U32(name)
#define U64(name)
#define TIME(name)
#define FIXED(name, size)
#define BYTES(name, max) limit_print(#name, max, 2);
#define BLOB(name, max) limit_print(#name, max, 4);
#define TEXT(name, max) limit_print(#name, max, 2);
#define LIST(name, items, item_limit) limit_print(#name, items, 2), limit_print(#name, item_limit, 2);

static void inner_print(void)
{
#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	number_print(#name, number, 1);                                                                                \
	PACK_UNWRAP request PACK_UNWRAP reply
#include "wire/inner.def"
#undef VERB
#define REPORT(name, fields) PACK_UNWRAP fields
#include "wire/reports.def"
#undef REPORT
}

static void driver_print(void)
{
#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	number_print(#name, number, 1);                                                                                \
	PACK_UNWRAP request PACK_UNWRAP reply
#include "wire/driver.def"
#undef VERB
}

static void record_print(void)
{
#define RECORD(number, NAME, name, fields)                                                                             \
	number_print(#name, number, 1);                                                                                \
	PACK_UNWRAP fields
#include "ledger/records.def"
#undef RECORD
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} tables[] = { { "inner", inner_print }, { "driver", driver_print }, { "record", record_print } };
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (argc == 2 && strcmp(argv[1], tables[i].name) == 0) {
			tables[i].print();
			return 0;
		}
	fprintf(stderr, "usage: dictionary inner|driver|record\n");
	return 2;
}
