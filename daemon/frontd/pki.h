/*
 * What stands on pki.sock, for relying parties, probes and Prometheus. Reads
 * only, asks nobody who he is, and has no route of the API.
 */
#ifndef CHANCERY_FRONTD_PKI_H
#define CHANCERY_FRONTD_PKI_H

#include "frontd/http.h"

void pki_serve(struct http_request *r);
enum http_begun pki_begin(struct http_request *r);
/* OCSP has error answers of its own. */
void pki_refused(struct http_request *r);
/* Whether the database takes a write now. */
bool pki_store_writable(struct front *f);

#endif
