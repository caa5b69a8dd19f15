/*
 * An approval: a detached signature over a proposal's bytes, made here with a
 * key in a file, or elsewhere (openssl, a card) and brought in a file. The key
 * never leaves this process, and its passphrase is asked for at the terminal.
 */
#ifndef CHANCERY_CLI_APPROVAL_H
#define CHANCERY_CLI_APPROVAL_H

#include <openssl/evp.h>

#include "cli/cli.h"

struct approval {
	EVP_PKEY *key; /* with --key: the private one; else the public one */
	char id[65];   /* SHA-256 of its SubjectPublicKeyInfo, in hex: what signd.conf's pinned keys are known by */
	struct buf signature;
};
void approval_free(struct approval *a);
#define scoped_approval __attribute__((cleanup(approval_free))) struct approval

/* The private key in a PEM file; the file of a key that others can read is refused. Told if it fails. */
int approval_read_key(const struct cli *c, const char *path, struct approval *out);
/* The public key in a PEM file, by itself or as a certificate's. */
int approval_read_public(const struct cli *c, const char *path, struct approval *out);
/* Signs bytes with the private key: SHA-256, or Ed25519's own way. */
int approval_sign(const struct cli *c, struct slice bytes, struct approval *a);
/* The signature in a file, which must be one over bytes by the public key, in a form that proposal_signed() takes. */
int approval_take(const struct cli *c, const char *path, struct slice bytes, struct approval *a);

#endif
