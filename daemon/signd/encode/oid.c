#include "signd/encode/oid.h"

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
