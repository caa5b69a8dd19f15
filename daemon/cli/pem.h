/*
 * Certificates on their way to a file or the screen: nothing is written that
 * is not PEM certificates, and what is shown of one is decoded by libcrypto.
 */
#ifndef CHANCERY_CLI_PEM_H
#define CHANCERY_CLI_PEM_H

#include "cli/cli.h"
#include "cli/table.h"

#define MAX_PEM_FILE (1024 * 1024) /* bytes; a request is a few KiB, and the server has its own limit */

/* That a file can be made there: asked before something is signed that could then not be kept. path NULL is fine. */
int pem_target_check(const struct cli *c, const char *option, const char *path);
/* Writes certificates to a file, 0644, in one step; path NULL or "-": to standard output. what: for the refusal. */
int pem_write(const struct cli *c, const char *path, const char *what, const char *text);
/* The same for one request. */
int pem_write_csr(const struct cli *c, const char *path, const char *text);
/* The same for a letter to an offline root (letter/letter.h), already checked. */
int pem_write_letter(const struct cli *c, const char *path, const char *text);
/* A CSR from a file or, "-", standard input, appended to out. A private key in it is refused: it must not travel. */
int pem_read_csr(const struct cli *c, const char *path, struct buf *out);
/* The same for a certificate that an option names. */
int pem_read_certificate(const struct cli *c, const char *option, const char *path, struct buf *out);
/* A whole file of whatever kind or, "-", standard input, appended to out; 0, or -1: errno, EFBIG if out is full. */
int file_drain(const char *path, struct buf *out);
/* Rows on what the certificate says of itself; none if it can't be read. */
void pem_describe(struct table *t, const char *text);

#endif
