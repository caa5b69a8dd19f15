#include "signd/host.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "ledger/record.h"

#define MACHINE_ID 32 /* hex digits */

void host_read(const char *machine_id, const uint8_t ledger_id[16], struct host *out)
{
	static const char what[] = "chancery host";
	uint8_t id[MACHINE_ID / 2];
	scoped_buf text = { .max = 256 };
	*out = (struct host){ 0 };
	if (gethostname(out->name, sizeof(out->name)) != 0 || out->name[MAX_HOST_NAME] ||
	    !text_valid(slice_text(out->name)))
		snprintf(out->name, sizeof(out->name), "a host");
	if (fd_read_file(machine_id, 256, &text) != 0 || text.len < MACHINE_ID ||
	    !hex_decode((const char *)text.at, MACHINE_ID, id, sizeof(id))) {
		log_warning("machine_id_unknown", "file=%s why=\"a copy of the ledger on another host is not noticed\"",
			    machine_id);
		return;
	}
	hash_parts((struct slice[]){ SLICE_OF(what), SLICE_OF(id), { ledger_id, 16 } }, 3, out->id);
	out->known = true;
}

bool host_same(const struct host *a, const struct host *b)
{
	return !a->known || !b->known || memcmp(a->id, b->id, HASH_SIZE) == 0;
}

void host_put(const struct host *h, struct buf *out)
{
	struct host_record r = { .name = slice_text(h->name) };
	memcpy(r.host, h->id, HASH_SIZE);
	record_host_put(out, &r);
}

bool host_get(struct slice body, struct host *out)
{
	struct host_record r;
	if (record_host_get(body, &r) != PACK_OK)
		return false;
	out->known = true;
	memcpy(out->id, r.host, HASH_SIZE);
	return slice_to_text(r.name, out->name, sizeof(out->name));
}
