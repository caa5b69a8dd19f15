/* Not guarded: reads the words of a field table as members of a struct. */
#include "base/pack_done.h"
#define U8(name) uint8_t name;
#define U16(name) uint16_t name;
#define U32(name) uint32_t name;
#define U64(name) uint64_t name;
#define TIME(name) int64_t name;
#define FIXED(name, size) uint8_t name[size];
#define BYTES(name, max) struct slice name;
#define BLOB(name, max) struct slice name;
#define TEXT(name, max) struct slice name;
#define LIST(name, items, item_limit) struct list name;
