#include <openssl/asn1.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/import.h"

#define FIELDS 6 /* state, end, revocation, serial, file, subject */
#define MAX_TIME 15

/* YYMMDDHHMMSSZ, or with four digits of the year. */
static bool instant_read(const char *text, int64_t *out)
{
	struct tm tm;
	size_t n = strlen(text);
	if ((n != MAX_TIME && n != MAX_TIME - 2) || strspn(text, "0123456789") != n - 1 || text[n - 1] != 'Z')
		return false;
	ASN1_TIME *t = ASN1_TIME_new();
	bool good = t && ASN1_TIME_set_string(t, text) == 1 && ASN1_TIME_to_tm(t, &tm) == 1;
	ASN1_TIME_free(t);
	ERR_clear_error();
	*out = good ? (int64_t)timegm(&tm) : 0;
	return good;
}

static const struct reason {
	const char *theirs, *ours;
} reasons[] = {
	{ "unspecified", "unspecified" },	  { "keyCompromise", "keyCompromise" },
	{ "CACompromise", "cACompromise" },	  { "affiliationChanged", "affiliationChanged" },
	{ "superseded", "superseded" },		  { "cessationOfOperation", "cessationOfOperation" },
	{ "certificateHold", "certificateHold" }, { "holdInstruction", "certificateHold" },
	{ "keyTime", "keyCompromise" },		  { "CAkeyTime", "cACompromise" },
};

/* DATE[,REASON[,MORE]] */
static bool revocation_read(char *text, struct index_row *out)
{
	char *reason = strchr(text, ',');
	if (reason)
		*reason++ = '\0';
	if (!instant_read(text, &out->revoked))
		return false;
	if (!reason) {
		out->reason = reasons[0].ours;
		return true;
	}
	reason[strcspn(reason, ",")] = '\0';
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]) && !out->reason; i++)
		if (strcmp(reason, reasons[i].theirs) == 0)
			out->reason = reasons[i].ours;
	return out->reason != NULL;
}

static bool serial_read(const char *text, char out[41])
{
	size_t n = strlen(text);
	if (n == 0 || n > 40 || n % 2 || strspn(text, "0123456789ABCDEF") != n)
		return false;
	memcpy(out, text, n + 1);
	return true;
}

static bool fields_split(char *line, char *fields[FIELDS])
{
	size_t n = 0;
	for (char *at = line; at && n < FIELDS; n++) {
		fields[n] = at;
		at = n + 1 < FIELDS ? strchr(at, '\t') : NULL;
		if (at)
			*at++ = '\0';
	}
	return n == FIELDS && !strchr(fields[FIELDS - 1], '\t');
}

static bool refused(char why[INDEX_WHY], const char *what)
{
	snprintf(why, INDEX_WHY, "%s", what);
	return false;
}

bool index_row_read(char *line, struct index_row *out, char why[INDEX_WHY])
{
	char *fields[FIELDS];
	*out = (struct index_row){ .state = *line };
	if (!fields_split(line, fields))
		return refused(why, "has not the six fields of an index, with tabs between them");
	if (strlen(fields[0]) != 1 || !strchr("VRE", fields[0][0]))
		return refused(why, "has a state other than V, R and E");
	if (!instant_read(fields[1], &out->expires))
		return refused(why, "has an end that is no time such as 260131090000Z");
	if ((out->state == 'R') != (fields[2][0] != '\0'))
		return refused(why, "is revoked without a date, or has a date without being revoked");
	if (out->state == 'R' && !revocation_read(fields[2], out))
		return refused(why, "has a date or a reason of revocation that openssl doesn't write");
	if (!serial_read(fields[3], out->serial))
		return refused(why, "has a serial number that isn't an even number of at most 40 hex digits");
	out->file = strcmp(fields[4], "unknown") == 0 ? "" : fields[4];
	return true;
}
