#include "signd/encode/oid.h"

#include <stdio.h>
#include <string.h>

#define DER(text) OID_SLICE(text)

static const struct {
	uint8_t algorithm;
	struct slice signature, public_key;
} algorithm_bytes[] = {
	{ ALGORITHM_ECDSA_P256, DER("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"),
	  DER("\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42"
	      "\x00") },
	{ ALGORITHM_ECDSA_P384, DER("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03"),
	  DER("\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00") },
	{ ALGORITHM_ECDSA_P521, DER("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04"),
	  DER("\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\x03\x81\x86\x00") },
	{ ALGORITHM_RSA_2048, DER("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"), { 0 } },
	{ ALGORITHM_RSA_3072, DER("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"), { 0 } },
	{ ALGORITHM_RSA_4096, DER("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"), { 0 } },
	{ ALGORITHM_ED25519, DER("\x30\x05\x06\x03\x2b\x65\x70"),
	  DER("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00") },
};
#define ALGORITHM_ROWS (sizeof(algorithm_bytes) / sizeof(algorithm_bytes[0]))

struct slice oid_signature_algorithm(uint8_t algorithm)
{
	for (size_t i = 0; i < ALGORITHM_ROWS; i++)
		if (algorithm_bytes[i].algorithm == algorithm)
			return algorithm_bytes[i].signature;
	return (struct slice){ 0 };
}

struct slice oid_public_key_prefix(uint8_t algorithm)
{
	for (size_t i = 0; i < ALGORITHM_ROWS; i++)
		if (algorithm_bytes[i].algorithm == algorithm)
			return algorithm_bytes[i].public_key;
	return (struct slice){ 0 };
}

bool oid_valid(struct slice content)
{
	bool at_start = true;
	for (size_t i = 0; i < content.len; i++) {
		if (at_start && content.at[i] == 0x80)
			return false;
		at_start = !(content.at[i] & 0x80);
	}
	return content.len >= 1 && at_start;
}

bool oid_has_typed_form(struct slice content)
{
	const struct slice id_ce = OID_SLICE(OID_ID_CE);
	const struct slice typed[] = { OID_SLICE(OID_AUTHORITY_INFO), OID_SLICE(OID_TLS_FEATURE),
				       OID_SLICE(OID_OCSP_NOCHECK) };
	if (content.len >= id_ce.len && memcmp(content.at, id_ce.at, id_ce.len) == 0)
		return true;
	for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++)
		if (slice_equal(content, typed[i]))
			return true;
	return false;
}

/* One arc in base 128, big-endian; how many bytes, 0: no room. */
static size_t arc_put(uint64_t arc, uint8_t *out, size_t room)
{
	size_t n = 1;
	for (uint64_t rest = arc >> 7; rest; rest >>= 7)
		n++;
	for (size_t i = 0; i < n && n <= room; i++)
		out[i] = (uint8_t)((arc >> 7 * (n - 1 - i) & 0x7f) | (i + 1 < n ? 0x80 : 0));
	return n <= room ? n : 0;
}

/* Takes one arc off the text, below 2^32; false: there is none. */
static bool arc_take(const char **text, uint64_t *arc)
{
	const char *at = *text;
	*arc = 0;
	while (*at >= '0' && *at <= '9' && *arc < UINT32_MAX / 10)
		*arc = *arc * 10 + (uint64_t)(*at++ - '0');
	bool padded = **text == '0' && at - *text > 1;
	bool ended = *at == '.' ? at[1] != '\0' : *at == '\0';
	bool some = at != *text;
	*text = *at == '.' ? at + 1 : at;
	return some && ended && !padded;
}

size_t oid_from_text(const char *text, uint8_t *out, size_t room)
{
	uint64_t first, second, arc;
	if (!arc_take(&text, &first) || !arc_take(&text, &second) || first > 2 || (first < 2 && second > 39))
		return 0;
	size_t len = arc_put(40 * first + second, out, room);
	while (len && *text) {
		size_t n = arc_take(&text, &arc) ? arc_put(arc, out + len, room - len) : 0;
		len = n ? len + n : 0;
	}
	return len;
}

const char *oid_to_text(struct slice content, char out[OID_TEXT])
{
	uint64_t arc = 0;
	size_t len = 0;
	out[0] = '\0';
	for (size_t i = 0; i < content.len && arc <= UINT64_MAX >> 7 && len < OID_TEXT - 24; i++) {
		arc = arc << 7 | (content.at[i] & 0x7f);
		if (content.at[i] & 0x80)
			continue;
		uint64_t first = arc < 80 ? arc / 40 : 2;
		if (len == 0)
			len += (size_t)snprintf(out, OID_TEXT, "%llu.%llu", (unsigned long long)first,
						(unsigned long long)(arc - 40 * first));
		else
			len += (size_t)snprintf(out + len, OID_TEXT - len, ".%llu", (unsigned long long)arc);
		arc = 0;
	}
	return out;
}
