#include "signd/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static EVP_MD_CTX *hash_begin(const char *name)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);
	bool done = ctx && md && EVP_DigestInit_ex2(ctx, md, NULL) == 1;
	EVP_MD_free(md);
	if (done)
		return ctx;
	EVP_MD_CTX_free(ctx);
	return NULL;
}

void stream_in_open(struct stream_in *s, int fd, off_t end, bool hashed)
{
	s->fd = fd;
	s->next = 0;
	s->end = end;
	s->at = s->len = 0;
	s->hash = hashed ? hash_begin("SHA256") : NULL;
	s->broken = hashed && !s->hash;
}

void stream_in_close(struct stream_in *s)
{
	EVP_MD_CTX_free(s->hash);
	s->hash = NULL;
}

/* Moves what is left to the front and reads behind it. */
static void window_fill(struct stream_in *s)
{
	s->len -= s->at;
	memmove(s->window, s->window + s->at, s->len);
	s->at = 0;
	while (!s->broken && s->len < STREAM_WINDOW && s->next < s->end) {
		off_t left = s->end - s->next;
		size_t room = STREAM_WINDOW - s->len, want = (off_t)room < left ? room : (size_t)left;
		ssize_t n = pread(s->fd, s->window + s->len, want, s->next);
		if (n < 0 && errno == EINTR)
			continue;
		s->broken = n <= 0 || (s->hash && EVP_DigestUpdate(s->hash, s->window + s->len, (size_t)n) != 1);
		if (s->broken)
			return;
		s->len += (size_t)n;
		s->next += n;
	}
}

const uint8_t *stream_take(struct stream_in *s, size_t n)
{
	if (s->len - s->at < n)
		window_fill(s);
	if (s->broken || s->len - s->at < n)
		return NULL;
	const uint8_t *at = s->window + s->at;
	s->at += n;
	return at;
}

struct slice stream_ahead(struct stream_in *s)
{
	if (s->len - s->at < STREAM_WINDOW / 2)
		window_fill(s);
	return (struct slice){ s->window + s->at, s->broken ? 0 : s->len - s->at };
}

bool stream_in_hash(struct stream_in *s, uint8_t hash[HASH_SIZE])
{
	return !s->broken && s->hash && s->at == s->len && s->next == s->end &&
	       EVP_DigestFinal_ex(s->hash, hash, NULL) == 1;
}

void stream_out_open(struct stream_out *s, int fd, off_t at, const char *other)
{
	s->fd = fd;
	s->at = at;
	s->len = 0;
	s->hashes[0] = hash_begin("SHA256");
	s->twice = other && strcmp(other, "SHA256") == 0;
	s->hashes[1] = other && !s->twice ? hash_begin(other) : NULL;
	s->broken = !s->hashes[0] || (other && !s->twice && !s->hashes[1]);
}

void stream_out_close(struct stream_out *s)
{
	for (size_t i = 0; i < STREAM_HASHES; i++) {
		EVP_MD_CTX_free(s->hashes[i]);
		s->hashes[i] = NULL;
	}
}

static void window_write(struct stream_out *s)
{
	for (size_t i = 0; i < STREAM_HASHES && !s->broken; i++)
		s->broken = s->hashes[i] && EVP_DigestUpdate(s->hashes[i], s->window, s->len) != 1;
	for (size_t done = 0; done < s->len && !s->broken;) {
		ssize_t n = pwrite(s->fd, s->window + done, s->len - done, s->at);
		if (n < 0 && errno == EINTR)
			continue;
		s->broken = n <= 0;
		done += n > 0 ? (size_t)n : 0;
		s->at += n > 0 ? n : 0;
	}
	s->len = 0;
}

uint8_t *stream_room(struct stream_out *s, size_t n)
{
	if (STREAM_WINDOW - s->len < n)
		window_write(s);
	return s->window + s->len;
}

void stream_put(struct stream_out *s, struct slice bytes)
{
	while (bytes.len) {
		size_t n = bytes.len < 4096 ? bytes.len : 4096;
		memcpy(stream_room(s, n), bytes.at, n);
		stream_used(s, n);
		bytes.at += n;
		bytes.len -= n;
	}
}

int stream_out_end(struct stream_out *s, uint8_t hash[HASH_SIZE], uint8_t *other, size_t *other_size)
{
	unsigned size = 0;
	window_write(s);
	if (s->broken || EVP_DigestFinal_ex(s->hashes[0], hash, NULL) != 1)
		return -1;
	if (s->twice)
		memcpy(other, hash, size = HASH_SIZE);
	else if (s->hashes[1] && EVP_DigestFinal_ex(s->hashes[1], other, &size) != 1)
		return -1;
	if (other_size)
		*other_size = size;
	return 0;
}
