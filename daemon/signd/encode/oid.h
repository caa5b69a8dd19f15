/*
 * The object identifiers that the encoder writes, as contents octets, and the
 * fixed AlgorithmIdentifiers of RFC 5758, RFC 8017 and RFC 8410: byte strings,
 * so that a parameter can't go wrong.
 */
#ifndef CHANCERY_SIGND_ENCODE_OID_H
#define CHANCERY_SIGND_ENCODE_OID_H

#include "base/algorithm.h"
#include "base/buf.h"

#define OID_SUBJECT_KEY_ID "\x55\x1d\x0e"
#define OID_KEY_USAGE "\x55\x1d\x0f"
#define OID_SUBJECT_ALT_NAME "\x55\x1d\x11"
#define OID_BASIC_CONSTRAINTS "\x55\x1d\x13"
#define OID_CRL_NUMBER "\x55\x1d\x14"
#define OID_DELTA_CRL "\x55\x1d\x1b"
#define OID_ISSUING_POINT "\x55\x1d\x1c"
#define OID_FRESHEST_CRL "\x55\x1d\x2e"
#define OID_NAME_CONSTRAINTS "\x55\x1d\x1e"
#define OID_CRL_DISTRIBUTION "\x55\x1d\x1f"
#define OID_POLICIES "\x55\x1d\x20"
#define OID_AUTHORITY_KEY_ID "\x55\x1d\x23"
#define OID_EXT_KEY_USAGE "\x55\x1d\x25"
#define OID_ANY_EXT_KEY_USAGE "\x55\x1d\x25\x00"
#define OID_AUTHORITY_INFO "\x2b\x06\x01\x05\x05\x07\x01\x01"
#define OID_TLS_FEATURE "\x2b\x06\x01\x05\x05\x07\x01\x18"
#define OID_OCSP_SIGNING "\x2b\x06\x01\x05\x05\x07\x03\x09"
#define OID_AD_OCSP "\x2b\x06\x01\x05\x05\x07\x30\x01"
#define OID_AD_CA_ISSUERS "\x2b\x06\x01\x05\x05\x07\x30\x02"
#define OID_EXTENSION_REQUEST "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"
#define OID_ID_CE "\x55\x1d" /* where X.509 keeps its own extensions */
#define OID_OCSP_NOCHECK "\x2b\x06\x01\x05\x05\x07\x30\x01\x05"
#define OID_OCSP_BASIC "\x2b\x06\x01\x05\x05\x07\x30\x01\x01"
#define OID_OCSP_NONCE "\x2b\x06\x01\x05\x05\x07\x30\x01\x02"

#define OID_SLICE(text) ((struct slice){ (const uint8_t *)(text), sizeof(text) - 1 })

/* The DER AlgorithmIdentifier of signatures by a key of this algorithm. */
struct slice oid_signature_algorithm(uint8_t algorithm);
/* The DER of a SubjectPublicKeyInfo up to the key's own bytes: EC points and Ed25519 keys follow it; empty for RSA. */
struct slice oid_public_key_prefix(uint8_t algorithm);
/* Base-128 groups, all ended, none padded (X.690 8.19), at least two arcs. */
bool oid_valid(struct slice content);
/* Whether an extension of this OID is the encoder's own to write, or id-ce's: never passed through as it came. */
bool oid_has_typed_form(struct slice content);
/* The contents octets of dotted text ("1.3.6.1.5.5.7.3.1"); 0: not in that form, or no room. */
#define OID_TEXT 128 /* more than the text of 32 octets takes */
size_t oid_from_text(const char *text, uint8_t *out, size_t room);
/* The dotted text; an arc that is out of all use ends it. */
const char *oid_to_text(struct slice content, char out[OID_TEXT]);

#endif
