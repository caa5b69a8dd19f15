/* Not guarded: reads the words of a field table as rows of struct pack_field; THIS is the struct's type. */
#include "base/pack_done.h"
#define U8(name) { #name, PACK_U8, offsetof(THIS, name), 1, 0 },
#define U16(name) { #name, PACK_U16, offsetof(THIS, name), 2, 0 },
#define U32(name) { #name, PACK_U32, offsetof(THIS, name), 4, 0 },
#define U64(name) { #name, PACK_U64, offsetof(THIS, name), 8, 0 },
#define TIME(name) { #name, PACK_U64, offsetof(THIS, name), 8, 0 },
#define FIXED(name, size) { #name, PACK_FIXED, offsetof(THIS, name), size, 0 },
#define BYTES(name, max) { #name, PACK_BYTES, offsetof(THIS, name), max, 0 },
#define BLOB(name, max) { #name, PACK_BLOB, offsetof(THIS, name), max, 0 },
#define TEXT(name, max) { #name, PACK_TEXT, offsetof(THIS, name), max, 0 },
#define LIST(name, items, item_limit) { #name, PACK_LIST, offsetof(THIS, name), items, item_limit },
