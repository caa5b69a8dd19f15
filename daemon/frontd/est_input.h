/*
 * What an EST client and the proxy before it send, decoded: a request in
 * base64, the client's certificate as the proxy escaped it, and whether both
 * are about the same subject. Pure; every byte is hostile.
 */
#ifndef CHANCERY_FRONTD_EST_INPUT_H
#define CHANCERY_FRONTD_EST_INPUT_H

#include "base/pack.h"

#define MAX_EST_REQUEST (44 * 1024)	/* bytes of DER: as PEM within what a request may have */
#define MAX_EST_CERTIFICATE (16 * 1024) /* bytes of DER; the headers' memory ends before */

/* Base64 as RFC 8951 3.1 takes it, with white space anywhere: appended to out, whose limit holds. False: it isn't. */
bool est_base64_decode(struct slice text, struct buf *out);
/* And as it is sent, in lines of 64. */
void est_base64_encode(struct slice bytes, struct buf *out);
/* One certificate in PEM, percent-encoded (nginx's $ssl_client_escaped_cert), as DER. False: it is anything else. */
bool est_certificate_decode(const char *text, struct buf *out);
/* Whether a PKCS#10 request has the subject of a certificate (RFC 7030 4.2.2), as X.500 compares names. */
bool est_subject_same(struct slice request, struct slice certificate);
/* Whether each of some names is one of all. */
bool est_names_within(struct list some, struct list all);
/* A degenerate CMS SignedData that holds these certificates (RFC 7030 4.1.3), as DER. 0, or -1. */
int est_certificates_put(const struct slice *certificates, size_t count, struct buf *out);

#endif
