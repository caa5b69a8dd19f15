#include "signd/health.h"

#include "base/buf.h"
#include "base/time.h"

void health_hello(struct health *h, const struct driver_hello_reply *hello)
{
	slice_to_text(hello->label, h->label, sizeof(h->label));
	slice_to_text(hello->serial, h->serial, sizeof(h->serial));
	slice_to_text(hello->manufacturer, h->manufacturer, sizeof(h->manufacturer));
	slice_to_text(hello->model, h->model, sizeof(h->model));
	h->detail[0] = '\0';
	h->workers = hello->workers;
	/* Another process counts anew. */
	h->token_flags = 0;
	h->signatures = h->failures = h->recoveries = 0;
}

void health_status(struct health *h, const struct driver_status_reply *status)
{
	slice_to_text(status->detail, h->detail, sizeof(h->detail));
	h->token_flags = status->token_flags;
	h->signatures = status->signatures;
	h->failures = status->failures;
	h->recoveries = status->recoveries;
}

void health_state(struct health *h, uint8_t state)
{
	if (h->state == state)
		return;
	h->state = state;
	h->since = time_now();
}

void health_report(const struct health *h, struct driver_report *report)
{
	report->label = slice_text(h->label);
	report->serial = slice_text(h->serial);
	report->manufacturer = slice_text(h->manufacturer);
	report->model = slice_text(h->model);
	report->detail = slice_text(h->detail);
	report->workers = h->workers;
	report->token_flags = h->token_flags;
	report->signatures = h->signatures;
	report->failures = h->failures;
	report->recoveries = h->recoveries;
	report->since = h->since;
}
