#include "signd/entries.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "wire/inner.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

uint16_t entries_open(struct entries *e, int fd, uint32_t count)
{
	struct stat st;
	e->in.hash = NULL;
	e->has = false;
	e->left = count;
	e->taken = 0;
	int seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size != (off_t)count * CRL_ROW_SIZE)
		return REFUSE_CRL_FILE;
	stream_in_open(&e->in, fd, st.st_size, false);
	return entries_next(e);
}

/* RFC 5280 5.3.1; 7 is not used. */
static bool reason_known(uint8_t reason)
{
	return reason <= REASON_LAST && reason != 7;
}

uint16_t entries_next(struct entries *e)
{
	struct crl_row before = e->row;
	bool first = !e->has;
	e->has = e->left != 0;
	if (!e->has)
		return 0;
	const uint8_t *at = stream_take(&e->in, CRL_ROW_SIZE);
	if (!at)
		return REFUSE_CRL_FILE;
	e->left--;
	e->taken++;
	crl_row_get(at, &e->row);
	if (!first && memcmp(before.serial, e->row.serial, ROW_SERIAL_SIZE) >= 0)
		return REFUSE_CRL_ORDER;
	if (!reason_known(e->row.reason))
		return REFUSE_CRL_REASON;
	return e->row.revoked < 0 ? REFUSE_CRL_DATE : 0;
}

void entries_close(struct entries *e)
{
	stream_in_close(&e->in);
}
