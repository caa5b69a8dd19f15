#include "policy/spiffe.h"

#include <string.h>

#define MAX_TRUST_DOMAIN 255

static const char scheme[] = "spiffe://";

static bool is_inner(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool spiffe_trust_domain_valid(struct slice domain)
{
	if (domain.len == 0 || domain.len > MAX_TRUST_DOMAIN)
		return false;
	for (size_t i = 0; i < domain.len; i++)
		if (!is_inner(domain.at[i]))
			return false;
	return true;
}

/* Neither empty, "." nor "..". */
static bool segment_valid(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_inner(s.at[i]) && (s.at[i] < 'A' || s.at[i] > 'Z'))
			return false;
	return s.len && !slice_equal(s, slice_text(".")) && !slice_equal(s, slice_text(".."));
}

bool spiffe_id_valid(struct slice id, struct slice *domain)
{
	size_t start = strlen(scheme);
	if (id.len <= start || memcmp(id.at, scheme, start) != 0)
		return false;
	struct slice rest = { id.at + start, id.len - start };
	const uint8_t *slash = memchr(rest.at, '/', rest.len);
	if (!slash)
		return false;
	*domain = (struct slice){ rest.at, (size_t)(slash - rest.at) };
	if (!spiffe_trust_domain_valid(*domain))
		return false;
	for (rest.len -= domain->len, rest.at = slash; rest.len;) {
		rest.at++;
		rest.len--;
		slash = rest.len ? memchr(rest.at, '/', rest.len) : NULL;
		size_t n = slash ? (size_t)(slash - rest.at) : rest.len;
		if (!segment_valid((struct slice){ rest.at, n }))
			return false;
		rest.at += n;
		rest.len -= n;
	}
	return true;
}
