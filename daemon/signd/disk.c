#include "signd/disk.h"

#include <sys/statvfs.h>

#include "base/log.h"
#include "signd/signer.h"

#define MIB (UINT64_C(1) << 20)

uint64_t disk_free(const struct signer *s)
{
	struct statvfs v;
	return statvfs(s->config.state_dir, &v) == 0 ? (uint64_t)v.f_bavail * v.f_frsize : 0;
}

void disk_tick(struct signer *s)
{
	struct disk was = s->disk;
	uint64_t left = disk_free(s);
	s->disk.little = left < s->config.disk_warn;
	s->disk.stop = left < s->config.disk_stop;
	if (s->disk.stop && !was.stop)
		log_error("disk_low", "state_dir=%s mib=%llu least=%llu why=\"nothing new is signed\"",
			  s->config.state_dir, (unsigned long long)(left / MIB),
			  (unsigned long long)(s->config.disk_stop / MIB));
	else if (s->disk.little && !was.little)
		log_warning("disk_low", "state_dir=%s mib=%llu signs_until=%llu", s->config.state_dir,
			    (unsigned long long)(left / MIB), (unsigned long long)(s->config.disk_stop / MIB));
	else if (!s->disk.stop && was.stop)
		log_info("disk_has_room", "state_dir=%s mib=%llu", s->config.state_dir,
			 (unsigned long long)(left / MIB));
}

bool disk_stops(const struct signer *s, uint16_t verb)
{
	switch (verb) {
	case INNER_NOTE:
	case INNER_CA_CLOSE:
	case INNER_KEY_GONE:
	case INNER_CRL_SIGN:
	case INNER_OCSP_SIGN:
		return false;
	}
	return s->disk.stop;
}
