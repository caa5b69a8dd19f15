#include "signd/encode/csr.h"

#include "signd/encode/der.h"
#include "signd/encode/oid.h"

void csr_put_info(struct buf *out, const struct cert_fields *f)
{
	size_t info = der_begin(out, DER_SEQUENCE);
	der_put_small(out, DER_INTEGER, 0); /* v1 */
	buf_put_slice(out, f->subject);
	buf_put_slice(out, f->public_key);
	size_t attributes = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
	size_t attribute = der_begin(out, DER_SEQUENCE); /* RFC 2985 5.4.2 */
	der_put_oid(out, OID_SLICE(OID_EXTENSION_REQUEST));
	size_t values = der_begin(out, DER_SET);
	cert_put_asked(out, f);
	der_end(out, values);
	der_end(out, attribute);
	der_end(out, attributes);
	der_end(out, info);
}

void csr_put(struct buf *out, struct slice info, uint8_t algorithm, struct slice signature)
{
	size_t request = der_begin(out, DER_SEQUENCE);
	buf_put_slice(out, info);
	buf_put_slice(out, oid_signature_algorithm(algorithm));
	der_put_bits(out, DER_BIT_STRING, signature);
	der_end(out, request);
}
