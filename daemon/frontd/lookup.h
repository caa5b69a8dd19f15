/* Finding certificates: a list in pages, one by fingerprint, one by CA and serial number. */
#ifndef CHANCERY_FRONTD_LOOKUP_H
#define CHANCERY_FRONTD_LOOKUP_H

#include "frontd/call.h"

call_handler certificate_list;	     /* ?serial= &ca= &name= &state= &cursor= &limit= */
call_handler certificate_get;	     /* {sha256} */
call_handler certificate_get_serial; /* {CA id} {serial} */

#endif
