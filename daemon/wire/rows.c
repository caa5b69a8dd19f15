#include "wire/rows.h"

#include <string.h>

void crl_row_put(uint8_t at[CRL_ROW_SIZE], const struct crl_row *row)
{
	memcpy(at, row->serial, ROW_SERIAL_SIZE);
	at[20] = row->reason;
	set_u64(at + 21, (uint64_t)row->revoked);
	set_u64(at + 29, row->seq);
}

void crl_row_get(const uint8_t at[CRL_ROW_SIZE], struct crl_row *row)
{
	memcpy(row->serial, at, ROW_SERIAL_SIZE);
	row->reason = at[20];
	row->revoked = (int64_t)get_u64(at + 21);
	row->seq = get_u64(at + 29);
}

void ocsp_row_put(uint8_t at[OCSP_ROW_SIZE], const struct ocsp_row *row)
{
	at[0] = row->hash;
	memcpy(at + 1, row->serial, ROW_SERIAL_SIZE);
	set_u64(at + 21, (uint64_t)row->this_update);
	set_u64(at + 29, (uint64_t)row->next_update);
	set_u64(at + 37, (uint64_t)row->revoked);
	at[45] = row->reason;
	set_u64(at + 46, row->seq);
}

void ocsp_row_get(const uint8_t at[OCSP_ROW_SIZE], struct ocsp_row *row)
{
	row->hash = at[0];
	memcpy(row->serial, at + 1, ROW_SERIAL_SIZE);
	row->this_update = (int64_t)get_u64(at + 21);
	row->next_update = (int64_t)get_u64(at + 29);
	row->revoked = (int64_t)get_u64(at + 37);
	row->reason = at[45];
	row->seq = get_u64(at + 46);
}

bool row_serial(struct slice number, uint8_t serial[ROW_SERIAL_SIZE])
{
	while (number.len && number.at[0] == 0) {
		number.at++;
		number.len--;
	}
	if (number.len > ROW_SERIAL_SIZE)
		return false;
	memset(serial, 0, ROW_SERIAL_SIZE);
	memcpy(serial + ROW_SERIAL_SIZE - number.len, number.at, number.len);
	return true;
}
