/*
 * The inner protocol's words: verbs, message structs, refusals and limits,
 * made from inner.def. Both halves include this; it has no code.
 */
#ifndef CHANCERY_WIRE_INNER_H
#define CHANCERY_WIRE_INNER_H

#include "base/pack.h"

#define INNER_VERSION 1

#define KEY_ID_SIZE 16
#define REQUEST_ID_SIZE 16
#define LEDGER_ID_SIZE 16
#define PROPOSAL_ID_SIZE 16
#define PATH_LEN_NONE 0xffff
#define MAX_CONTEXT 1024
#define MAX_REPORT 1024

/* Who may send a verb. */
enum { FROM_FRONT = 1, FROM_AUDIT = 2 };

enum cert_kind { KIND_LEAF = 1, KIND_CA = 2, KIND_OCSP_RESPONDER = 3, KIND_SUBCA_FOREIGN = 4 };
enum key_form { KEY_LOCAL = 1, KEY_FOREIGN = 2 };
enum url_use { URL_CRL = 1, URL_OCSP = 2, URL_CA_ISSUERS = 3 };
/* Bits of CERT_SIGN's flags. */
enum { CERT_MUST_STAPLE = 1 };

/* RFC 5280 4.2.1.3; bit i of the DER BIT STRING is 1 << i here. */
enum key_usage {
	USAGE_DIGITAL_SIGNATURE = 1 << 0,
	USAGE_NON_REPUDIATION = 1 << 1,
	USAGE_KEY_ENCIPHERMENT = 1 << 2,
	USAGE_DATA_ENCIPHERMENT = 1 << 3,
	USAGE_KEY_AGREEMENT = 1 << 4,
	USAGE_KEY_CERT_SIGN = 1 << 5,
	USAGE_CRL_SIGN = 1 << 6,
	USAGE_ENCIPHER_ONLY = 1 << 7,
	USAGE_DECIPHER_ONLY = 1 << 8,
};

/* Whether the rows of CRL_SIGN are all of the CRL's, or only what is new since the last one of its scope. */
enum crl_form { CRL_WHOLE = 1, CRL_CHANGES = 2 };
/* RFC 5280 5.3.1; 7 is not used. */
enum crl_reason { REASON_UNSPECIFIED = 0, REASON_HOLD = 6, REASON_REMOVE = 8, REASON_LAST = 10 };
/* What OCSP says of a certificate, and by which hash of its issuer's name and key it is known. */
enum ocsp_status { OCSP_IS_GOOD = 1, OCSP_IS_REVOKED = 2, OCSP_IS_UNKNOWN = 3 };
enum cert_id_hash { CERT_ID_SHA1 = 1, CERT_ID_SHA256 = 2 };

/* What a NOTE is about. */
enum note_kind { NOTE_DENIAL = 1, NOTE_TRANSITION = 2, NOTE_REVOCATION = 3, NOTE_AUTHORIZATION = 4, NOTE_OTHER = 5 };

/* The state of a driver in STATUS, and of a key in KEY_LIST: the tag of its report. */
enum driver_state { DRIVER_READY = 1, DRIVER_AWAY = 2, DRIVER_LATCHED = 3 };
/* Why something isn't signed, the tag of a text in STATUS. */
enum stop_kind { STOP_PASSES = 0, STOP_LATCHED = 1, STOP_LOG_KEY = 2 };
enum key_report_state {
	KEY_REPORT_UNBOUND = 1,
	KEY_REPORT_BOUND = 2,
	KEY_REPORT_CLOSED = 3,
	KEY_REPORT_GONE = 4,
	KEY_REPORT_RESPONDER = 5
};

/* As what somebody signed a proposal: who signed as its requester is not counted as an approver. */
enum approval_role { ROLE_APPROVER = 0, ROLE_REQUESTER = 1 };

/* The class of a key in CHARTER_READ, by the facts of its certificate. */
enum key_class_number { KEY_CLASS_ROOT = 1, KEY_CLASS_SINGLE, KEY_CLASS_INTERMEDIATE, KEY_CLASS_ISSUING };

enum inner_verb {
#define VERB(number, NAME, name, who, most, request, reply) INNER_##NAME = number,
#include "wire/inner.def"
#undef VERB
};

enum inner_refusal {
#define REFUSAL(number, NAME, sentence) REFUSE_##NAME = number,
#include "wire/inner_refusals.def"
#undef REFUSAL
};

/* struct hello_request, struct hello_reply, and so on. */
#include "base/pack_struct.h"
#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	struct name##_request {                                                                                        \
		PACK_UNWRAP request                                                                                    \
	};                                                                                                             \
	struct name##_reply {                                                                                          \
		PACK_UNWRAP reply                                                                                      \
	};
#include "wire/inner.def"
#undef VERB
/* struct driver_report, struct key_report. */
#define REPORT(name, fields)                                                                                           \
	struct name##_report {                                                                                         \
		PACK_UNWRAP fields                                                                                     \
	};
#include "wire/reports.def"
#undef REPORT
#include "base/pack_done.h"

/* The stable sentence of a refusal; a general one for an unknown number. */
const char *inner_refusal_sentence(uint16_t code);
const char *inner_refusal_name(uint16_t code);

#endif
