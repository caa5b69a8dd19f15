#include "frontd/crl_flow.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

void flow_open(struct crl_flow *f, int fd, uint64_t from, uint64_t end, int out)
{
	f->fd = fd;
	f->out = out;
	f->next = from;
	f->end = end;
	f->failed = false;
	f->digest = NULL;
	f->at = f->len = 0;
}

static void digest_part(struct crl_flow *f, const uint8_t *bytes, size_t n, uint64_t at)
{
	uint64_t from = at > f->from ? at : f->from, to = at + n < f->to ? at + n : f->to;
	if (f->digest && from < to && EVP_DigestVerifyUpdate(f->digest, bytes + (from - at), to - from) != 1)
		f->failed = true;
}

void flow_digest(struct crl_flow *f, EVP_MD_CTX *digest, uint64_t from, uint64_t to)
{
	f->digest = digest;
	f->from = from;
	f->to = to;
	digest_part(f, f->window, f->len, f->next - f->len);
}

static void flow_fill(struct crl_flow *f)
{
	uint64_t left = f->end - f->next;
	f->len -= f->at;
	memmove(f->window, f->window + f->at, f->len);
	f->at = 0;
	size_t room = FLOW_WINDOW - f->len, want = left < room ? (size_t)left : room;
	uint8_t *to = f->window + f->len;
	if (f->failed || !want)
		return;
	ssize_t n;
	do
		n = pread(f->fd, to, want, (off_t)f->next);
	while (n < 0 && errno == EINTR);
	if (n <= 0 || (f->out >= 0 && fd_write_all(f->out, to, (size_t)n) != 0)) {
		log_error("crl_not_copied", "why=\"%s\"", n ? log_errno() : "it ends too soon");
		f->failed = true;
		return;
	}
	digest_part(f, to, (size_t)n, f->next);
	f->len += (size_t)n;
	f->next += (uint64_t)n;
}

const uint8_t *flow_look(struct crl_flow *f, size_t n)
{
	while (f->len - f->at < n && f->next < f->end && !f->failed)
		flow_fill(f);
	return f->failed || f->len - f->at < n ? NULL : f->window + f->at;
}

const uint8_t *flow_take(struct crl_flow *f, size_t n)
{
	const uint8_t *at = flow_look(f, n);
	if (at)
		f->at += n;
	return at;
}

bool flow_failed(const struct crl_flow *f)
{
	return f->failed;
}
