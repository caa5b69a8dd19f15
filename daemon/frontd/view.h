/* Rows as clients see them: the JSON of DESIGN's API, and nothing that a caller may not read. */
#ifndef CHANCERY_FRONTD_VIEW_H
#define CHANCERY_FRONTD_VIEW_H

#include "frontd/call.h"
#include "names/constraints.h"
#include "store/store.h"

/* All answer a new reference, or NULL if out of memory. */
json_t *view_issuer(const struct issuer_row *row);
json_t *view_ca(const struct ca_row *row);
json_t *view_certificate(const struct certificate_row *row, bool with_pem);
/* [] or [{"permitted":[…],"excluded":[…]}]. */
json_t *view_constraints(const struct constraints *c);
json_t *view_path_len(uint16_t path_len);
json_t *view_hex(const void *bytes, size_t n);
json_t *view_time(int64_t t);
/* A distinguished name as text: "CN=Root, O=Example". items: packed items without their count. */
json_t *view_name(struct slice items);
json_t *view_pem(struct slice der);
json_t *view_text(struct slice s);
/* The count of a list whose items fill exactly raw. */
struct list view_list(struct slice raw);

#endif
