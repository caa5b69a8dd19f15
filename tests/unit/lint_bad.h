/*
 * Certificates and CRLs for the linter's test: parts that are good, and what a
 * case puts in the place of one. Written in a small language for DER: a tag in
 * hex, then {values within}, :hex, or 'text'; #N stands for N octets 55.
 */
#ifndef CHANCERY_TESTS_LINT_BAD_H
#define CHANCERY_TESTS_LINT_BAD_H

/* An extension as it is, and critical. */
#define EXT(oid, value) "30{06:" oid " 04{" value "}}"
#define CRIT(oid, value) "30{06:" oid " 01:ff 04{" value "}}"

/* Names. */
#define ATTRIBUTE(oid, value) "31{30{06:" oid " " value "}}"
#define CN "550403"
#define COUNTRY "550406"
#define EMAIL "2a864886f70d010901"
#define NAME(oid, value) "30{" ATTRIBUTE(oid, value) "}"

/* Algorithms and keys. */
#define ECDSA_SHA256 "30{06:2a8648ce3d040302}"
#define RSA_SHA256 "30{06:2a864886f70d01010b 05:}"
#define RSA_KEY(n, e) "30{30{06:2a864886f70d010101 05:} 03{00 30{02:" n " 02:" e "}}}"
#define EC_KEY(curve, point) "30{30{06:2a8648ce3d0201 06:" curve "} 03:00" point "}"
#define P256 "2a8648ce3d030107"
#define ED25519_KEY "30{30{06:2b6570} 03:00#32}"

/* Extensions by their identifiers. */
#define SKI "551d0e"
#define KU "551d0f"
#define SAN "551d11"
#define BASIC "551d13"
#define CONSTRAINTS "551d1e"
#define CRLDP "551d1f"
#define POLICIES "551d20"
#define MAPPINGS "551d21"
#define AKI "551d23"
#define POLICY_CON "551d24"
#define EKU "551d25"
#define FRESHEST "551d2e"
#define INHIBIT "551d36"
#define DIRECTORY "551d09"
#define AIA "2b06010505070101"
#define TLS_FEATURE "2b06010505070118"
#define NO_CHECK "2b0601050507300105"
#define CRL_NUMBER "551d14"
#define REASON "551d15"
#define INVALIDITY "551d18"
#define DELTA "551d1b"
#define IDP "551d1c"
#define CERT_ISSUER "551d1d"

#define SERVER_AUTH "06:2b06010505070301"
#define CLIENT_AUTH "06:2b06010505070302"
#define OCSP_SIGNING "06:2b06010505070309"
#define ANY_EKU "06:551d2500"

/* What a case doesn't say is as in a good one; "" is left out. */
struct certificate_case {
	const char *ids; /* exactly these fire */
	enum { AS_LEAF, AS_CA, AS_ROOT, AS_OCSP } as;
	const char *version, *serial, *inner, *outer, *issuer, *first, *last, *subject, *key, *unique;
	const char *basic, *usage, *san, *eku, *aki, *ski, *more, *extensions, *signature;
	const char *whole; /* instead of all */
};

struct crl_case {
	const char *ids;
	const char *version, *first, *last, *revoked, *aki, *number, *more;
};

#endif
