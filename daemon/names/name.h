/*
 * General names (RFC 5280 4.2.1.6) and the subtrees of name constraints
 * (4.2.1.10), as a type and a value in one canonical form:
 *
 *	DNS       lower-case LDH labels. A name may begin with "*."; a subtree
 *	          has no leading dot and covers itself and all below it.
 *	EMAIL     name: local@host (host lower case). Subtree: local@host (one
 *	          mailbox), host (all at that host), .domain (all hosts below).
 *	URI       name: scheme://host... with scheme and host lower case.
 *	          Subtree: host (that host only) or .domain (hosts below).
 *	IP        name: 4 or 16 bytes. Subtree: address and mask, 8 or 32
 *	          bytes; the mask is a prefix and the address has no bit outside it.
 *	DIRECTORY the raw items of a DN list, preceded by their count as u16.
 *
 * Host names are LDH labels (A-labels as ASCII; no underscore but in URIs, where
 * SPIFFE trust domains have them), without a trailing dot, the last label no number.
 * ".example.com" as a DNS subtree is read as "example.com": RFC 5280 4.2.1.10 knows
 * no leading dot here; OpenSSL and NSS take it for the hosts below only, GnuTLS for
 * none at all, so it is never written. A mailbox's local part compares exactly (7.5).
 * A URI without a host by name (none, or an address; user information is refused)
 * lies within no subtree and touches every one: 4.2.1.10 has it rejected wherever
 * URIs are constrained. So does one whose host OpenSSL reads otherwise than RFC 3986:
 * with "?" or "#" right behind it, or a colon further on.
 *
 * Pure: no I/O; what a caller passes as canonical must be so.
 */
#ifndef CHANCERY_NAMES_NAME_H
#define CHANCERY_NAMES_NAME_H

#include "base/pack.h"

enum name_type { NAME_DNS = 1, NAME_EMAIL = 2, NAME_URI = 3, NAME_IP = 4, NAME_DIRECTORY = 5 };
#define MAX_NAME_TYPE 5
#define MAX_NAME 1024 /* bytes of a canonical value */

/* Whether a value stands for one name or for a subtree of a constraint. */
enum name_use { AS_NAME, AS_SUBTREE };

/* "dns", "email", "uri", "ip", "dn"; "unknown" for another number. */
const char *name_type_text(uint8_t type);

/*
 * Reads what people write: "dns:example.com" (a text without a known prefix
 * is dns), "email:", "uri:", "ip:10.0.0.0/8" (a name has no mask), "dn:O=Example, CN=x".
 * The canonical value is appended to value. On false *why is a sentence's end.
 */
bool name_parse(enum name_use use, const char *text, uint8_t *type, struct buf *value, const char **why);
/* As name_parse(), for a value whose type is known and that came from elsewhere (a CSR, a certificate). */
bool name_canonize(enum name_use use, uint8_t type, struct slice raw, struct buf *value, const char **why);
/* Whether a value that crossed a wall is in its canonical form. */
bool name_is_canonical(enum name_use use, uint8_t type, struct slice value);
/* The text that name_parse() reads, with its prefix. */
void name_print(enum name_use use, uint8_t type, struct slice value, struct buf *out);

/* Whether the name lies within the subtree of the same type (RFC 5280 4.2.1.10). */
bool name_within(uint8_t type, struct slice name, struct slice subtree);
/* Whether every name within inner lies within outer. */
bool subtree_within(uint8_t type, struct slice inner, struct slice outer);
/* Whether some name could lie within both: also "*.example.com" as a name against a subtree of it. */
bool name_touches(uint8_t type, struct slice name, struct slice subtree);

#endif
