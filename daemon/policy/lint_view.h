/*
 * What the rules of the linter see: a certificate or CRL taken apart into
 * slices of its DER, and the few steps that many rules take. Only for the
 * linter's own files (policy/lint.h is for everybody else).
 */
#ifndef CHANCERY_POLICY_LINT_VIEW_H
#define CHANCERY_POLICY_LINT_VIEW_H

#include "policy/lint.h"
#include "policy/oid.h"
#include "policy/tlv.h"

#define MAX_LINT_EXTENSIONS 64 /* a certificate has about ten */
#define MAX_LINT_PAIRS 1000    /* items that are held against each other: above that only the first so many */

/* EXTENSION_UNKNOWN is the last; a CRL entry's are never the certificate's. */
enum lint_extension_kind {
	EXT_AKI,
	EXT_SKI,
	EXT_KEY_USAGE,
	EXT_POLICIES,
	EXT_MAPPINGS,
	EXT_SAN,
	EXT_IAN,
	EXT_DIRECTORY,
	EXT_BASIC,
	EXT_CONSTRAINTS,
	EXT_POLICY_CONSTRAINTS,
	EXT_EKU,
	EXT_CRLDP,
	EXT_INHIBIT_ANY,
	EXT_FRESHEST,
	EXT_AIA,
	EXT_SIA,
	EXT_TLS_FEATURE,
	EXT_NO_CHECK,
	EXT_SCT,
	EXT_POISON,
	EXT_CRL_NUMBER,
	EXT_DELTA,
	EXT_IDP,
	EXT_REASON,
	EXT_INVALIDITY,
	EXT_CERT_ISSUER,
	EXT_UNKNOWN,
};

struct lint_extension {
	enum lint_extension_kind kind;
	struct slice oid, value;
	bool critical, default_written, malformed;
};

enum lint_key { KEY_OTHER, KEY_RSA, KEY_EC, KEY_ED25519, KEY_ED448, KEY_UNSEEN };

struct lint_time {
	uint8_t tag;
	struct slice text;
	int64_t seconds; /* if valid */
	bool there, valid;
};

/* Slices are contents without tag and length unless it says DER. */
struct lint_view {
	enum lint_kind kind;
	struct slice tbs;     /* DER */
	uint32_t version;     /* as written: 0 is v1 */
	bool default_written; /* some value that is its default */
	struct slice serial;
	struct slice inner, outer;    /* AlgorithmIdentifiers, DER */
	struct slice signature;	      /* BIT STRING */
	struct slice issuer, subject; /* Names */
	struct lint_time first, last; /* notBefore and notAfter, thisUpdate and nextUpdate */
	enum lint_key key;
	struct slice key_oid, key_parameters; /* parameters: DER, or empty */
	struct slice key_bits;		      /* BIT STRING */
	bool unique_ids;
	bool extensions_there;
	struct lint_extension list[MAX_LINT_EXTENSIONS];
	size_t count;
	const struct lint_extension *ext[EXT_UNKNOWN]; /* the first of each kind; NULL: none */
	bool revoked_there;
	struct slice revoked; /* CRL entries */
	const struct lint_asked
		*asked; /* fields that are to become a certificate: there is no DER yet; NULL: it is one */
	/* What many rules ask; zero where the extension is absent or malformed. */
	bool ca, path_len_there;
	unsigned key_usage; /* bit 0: digitalSignature, as KeyUsage counts them */
};

enum lint_usage {
	KU_SIGNATURE = 1 << 0,
	KU_COMMITMENT = 1 << 1,
	KU_KEY_ENCIPHERMENT = 1 << 2,
	KU_DATA_ENCIPHERMENT = 1 << 3,
	KU_AGREEMENT = 1 << 4,
	KU_CERT_SIGN = 1 << 5,
	KU_CRL_SIGN = 1 << 6,
	KU_ENCIPHER_ONLY = 1 << 7,
	KU_DECIPHER_ONLY = 1 << 8,
};

/* The subject's key, taken apart; false if it is no SubjectPublicKeyInfo's contents. */
bool lint_read_key(struct lint_view *v, struct slice spki);
/* Holds these rules, in the table's order, against a view; the others are not looked at. */
void lint_rules_hold(const struct lint_view *v, const uint8_t *rules, size_t count, struct lint_report *out);

/* False: not of the structure; the view is not to be used. */
bool lint_read_certificate(struct slice der, struct lint_view *v);
bool lint_read_crl(struct slice der, struct lint_view *v);

/* The contents of the extension's outermost value; empty if it is absent or malformed. */
struct slice lint_inside(const struct lint_view *v, enum lint_extension_kind kind);
bool lint_has(const struct lint_view *v, enum lint_extension_kind kind);
bool lint_critical(const struct lint_view *v, enum lint_extension_kind kind);

/* Reads an Extensions' contents, whoever has them; false if there are too many or it is no such thing. */
bool extensions_read(struct slice extensions, struct lint_extension *list, size_t *count);
/* lint_syntax.c: whether the value has the structure of its kind. */
bool syntax_good(enum lint_extension_kind kind, struct slice value);
/* "keyUsage", or the dotted number of an unknown one. */
void extension_print(const struct lint_extension *e, struct buf *out);

/* The attributes of a Name's contents, one after the other, or of fields that are to become one. */
struct name_walk {
	struct slice rdns, set;
	struct list asked;
};
struct name_part {
	struct slice oid, value;
	uint8_t tag;
};
bool name_part_next(struct name_walk *w, struct name_part *out);
struct name_walk subject_walk(const struct lint_view *v);

/* The alternative names, the purposes, the policies or the URLs, from DER or from what is asked for. */
struct item_walk {
	struct slice der;
	struct list asked;
};
struct item_walk alt_walk(const struct lint_view *v);
struct item_walk purpose_walk(const struct lint_view *v);
struct item_walk policy_walk(const struct lint_view *v);
/* A GeneralName with its tag as in DER; whole is not to be used. */
bool alt_next(struct item_walk *w, struct tlv *out);
/* A general name's number among RFC 5280's, as the tag it has in DER. */
uint8_t alt_tag(uint8_t name_type);
/* The contents octets of an OBJECT IDENTIFIER. */
bool purpose_next(struct item_walk *w, struct slice *out);
bool policy_next(struct item_walk *w, struct slice *out);
/* Whether one stands there twice; where then says which. */
bool oids_repeat(const struct item_walk *list, bool (*next)(struct item_walk *w, struct slice *out), struct buf *where);

/* A CRL's entries, one after the other. */
struct crl_entry {
	struct slice serial;
	struct lint_time date;
	struct slice extensions; /* contents of Extensions */
	bool extensions_there;
};
bool crl_entry_next(struct slice *entries, struct crl_entry *out);

/* Whether two values of the list are the same; of long lists only the first MAX_LINT_PAIRS are looked at. */
bool list_repeats(struct slice list, struct slice *which);

bool time_take(struct slice *rest, struct lint_time *out);
/* RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime after. */
bool time_type_right(const struct lint_time *t);

/* Text of anybody as a finding's detail: what isn't visible ASCII becomes "?". */
void where_put(struct buf *where, struct slice text);

#define OID(...) SLICE_OF(((const uint8_t[]){ __VA_ARGS__ }))
#define OID_ANY_POLICY OID(0x55, 0x1d, 0x20, 0x00)

/* Each rule's place in the table. */
enum lint_rule_index {
#define RULE(name, ...) LINT_RULE_##name,
#include "policy/lint_rules.def"
#undef RULE
	LINT_RULES,
};

/* A rule: whether it holds; if not, where may say at what. */
#define HOLDS(name)                                                                                                    \
	bool lint_##name(__attribute__((unused)) const struct lint_view *v, __attribute__((unused)) struct buf *where)
#define RULE(name, ...) HOLDS(name);
#include "policy/lint_rules.def"
#undef RULE

#endif
