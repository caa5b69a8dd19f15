#include "signd/import.h"

#include "signd/request.h"
#include "signd/signer.h"
#include "wire/inner_answer.h"

int answer_ca_import(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct ca_import_request r;
	const char *where;
	if (answer_ca_import_get(f->body, &r, &where) != PACK_OK)
		return -1;
	struct op *op = request_begin(s, peer, f, r.request_id);
	if (op)
		request_refuse(s, op, REFUSE_UNLISTED_ROOT, "certificate");
	return 0;
}

int answer_cert_admit(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct cert_admit_request r;
	const char *where;
	if (answer_cert_admit_get(f->body, &r, &where) != PACK_OK)
		return -1;
	struct op *op = request_begin(s, peer, f, r.request_id);
	if (op)
		request_refuse(s, op, REFUSE_ADMIT, "certificate");
	return 0;
}
