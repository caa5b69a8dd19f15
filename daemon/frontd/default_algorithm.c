#include "frontd/default_algorithm.h"

#include <string.h>

#include "frontd/signer.h"
#include "wire/inner_ask.h"

/* By strength and then by how many relying parties read it. */
static const uint8_t preferred[] = { ALGORITHM_ECDSA_P384, ALGORITHM_RSA_3072, ALGORITHM_ECDSA_P256,
				     ALGORITHM_RSA_4096,   ALGORITHM_ED25519,  ALGORITHM_ECDSA_P521,
				     ALGORITHM_RSA_2048 };

/* Bits 1 << number; 0 if the token was never there. */
static uint32_t token_algorithms(struct front *f)
{
	struct status_request request;
	struct status_reply reply;
	scoped_answer answer = { .body = { NULL, 0 } };
	memset(&request, 0, sizeof(request));
	if (signer_status(f->signer, &request, &reply, &answer) != SIGNER_DONE)
		return 0;
	uint8_t state;
	struct slice item;
	struct driver_report report;
	while (list_next(&reply.drivers, &state, &item))
		if (report_driver_get(item, &report) && slice_equal(report.name, slice_text(f->default_token)))
			return report.algorithms;
	return 0;
}

const struct algorithm *default_algorithm(struct front *f)
{
	if (*f->default_algorithm)
		return algorithm_by_name(f->default_algorithm);
	uint32_t can = token_algorithms(f);
	for (size_t i = 0; i < sizeof(preferred); i++)
		if (can >> preferred[i] & 1)
			return algorithm_by_number(preferred[i]);
	return algorithm_by_number(preferred[0]);
}
