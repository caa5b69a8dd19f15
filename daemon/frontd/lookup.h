/* Finding certificates: a list in pages, one by fingerprint, one by CA and serial number. */
#ifndef CHANCERY_FRONTD_LOOKUP_H
#define CHANCERY_FRONTD_LOOKUP_H

#include "frontd/call.h"
#include "store/store.h"

call_handler certificate_list; /* ?serial= &ca= &name= &state= &cursor= &limit= */
call_handler certificate_get;  /* {sha256}, or {CA id} {serial} */

/* The certificate that a route's {sha256}, or {CA id} and {serial}, names. 0, or refused. */
int certificate_named(struct front *f, struct call *c, struct certificate_row *out);

#endif
