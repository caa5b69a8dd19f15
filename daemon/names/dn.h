/*
 * Directory names as typed fields: a list of attributes in the order of the
 * certificate, one attribute an RDN; tag an attribute's number, item its
 * value in UTF-8. Pure: no I/O, no DER.
 */
#ifndef CHANCERY_NAMES_DN_H
#define CHANCERY_NAMES_DN_H

#include "base/pack.h"

/* Numbers stand in messages and records and never change. */
enum dn_attribute {
	DN_COMMON_NAME = 1,
	DN_ORGANIZATION = 2,
	DN_ORGANIZATIONAL_UNIT = 3,
	DN_COUNTRY = 4,
	DN_LOCALITY = 5,
	DN_PROVINCE = 6,
	DN_SERIAL_NUMBER = 7,
	DN_DOMAIN_COMPONENT = 8,
	DN_EMAIL_ADDRESS = 9,
	DN_USER_ID = 10,
	DN_STREET = 11,
	DN_POSTAL_CODE = 12,
	DN_TITLE = 13,
	DN_SURNAME = 14,
	DN_GIVEN_NAME = 15,
};

enum dn_string { DN_UTF8, DN_PRINTABLE, DN_IA5 };

struct dn_kind {
	uint8_t attribute;
	const char *short_name; /* "CN", as OpenSSL prints it */
	struct slice oid;	/* contents octets of the OBJECT IDENTIFIER */
	enum dn_string string;	/* the ASN.1 type it is written in (RFC 5280 appendix A) */
	size_t longest;		/* upper bound in characters (RFC 5280 appendix A) */
};

#define MAX_DN_ATTRIBUTES 32
#define MAX_DN_VALUE 1024 /* bytes */

/* NULL for an unknown attribute, short name (any case) or OID. */
const struct dn_kind *dn_kind(uint8_t attribute);
const struct dn_kind *dn_kind_by_name(const char *short_name, size_t len);
const struct dn_kind *dn_kind_by_oid(struct slice oid);

/*
 * Known attributes with visible text, not empty, within their bounds and their
 * string type; country two capital letters. An empty list passes: who needs a
 * subject says so. On false *why is a sentence's end and *attribute the culprit.
 */
bool dn_check(struct list dn, uint8_t *attribute, const char **why);

/* Equal as RFC 5280 7.1 compares, by ASCII case and white-space folding. */
bool dn_equal(struct list a, struct list b);
/* Whether base is a leading part of name: a directory name within a subtree. */
bool dn_within(struct list name, struct list base);

/* "CN=Root, O=Example" in the order of the certificate; special characters escaped with a backslash. */
void dn_print(struct list dn, struct buf *out);
/* Reads the same form back; items are appended to raw. False with *why. */
bool dn_parse(const char *text, struct buf *raw, uint16_t *count, const char **why);

#endif
