/*
 * Files that are read or written once, from front to back, through one window
 * of fixed size, with what is hashed on the way: lists of a million rows cost
 * no more memory than lists of ten. On a scribe's thread.
 */
#ifndef CHANCERY_SIGND_STREAM_H
#define CHANCERY_SIGND_STREAM_H

#include <openssl/evp.h>
#include <sys/types.h>

#include "ledger/hash.h"

#define STREAM_WINDOW 65536
#define STREAM_HASHES 2

struct stream_in {
	int fd; /* its owner's */
	off_t next, end;
	bool broken;
	EVP_MD_CTX *hash; /* NULL: not hashed */
	size_t at, len;
	uint8_t window[STREAM_WINDOW];
};
/* The file's bytes up to end, which it has; positions are the stream's own. */
void stream_in_open(struct stream_in *s, int fd, off_t end, bool hashed);
void stream_in_close(struct stream_in *s);
/* The next n bytes, n being small, valid until the next call; NULL at the end, or if the file can't be read: broken. */
const uint8_t *stream_take(struct stream_in *s, size_t n);
/* What comes next, as much as the window has of it; valid as long. */
struct slice stream_ahead(struct stream_in *s);
/* Of all bytes up to end, which have all been taken. False: they have not, or are broken. */
bool stream_in_hash(struct stream_in *s, uint8_t hash[HASH_SIZE]);

struct stream_out {
	int fd; /* its owner's */
	off_t at;
	bool broken, twice; /* the second digest is the first */
	EVP_MD_CTX *hashes[STREAM_HASHES];
	size_t len;
	uint8_t window[STREAM_WINDOW];
};
/* Writes from this place on. hash: SHA-256; other: an OpenSSL name of a second digest, or NULL. */
void stream_out_open(struct stream_out *s, int fd, off_t at, const char *other);
void stream_out_close(struct stream_out *s);
/* Room for n more bytes, n being small, of which stream_used() then says how many were used. */
uint8_t *stream_room(struct stream_out *s, size_t n);
static inline void stream_used(struct stream_out *s, size_t n)
{
	s->len += n;
}
void stream_put(struct stream_out *s, struct slice bytes);
/* All is written; 0 or -1. SHA-256 over it, and the other digest with its size, if asked for. */
int stream_out_end(struct stream_out *s, uint8_t hash[HASH_SIZE], uint8_t *other, size_t *other_size);

#endif
