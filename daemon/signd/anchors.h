/*
 * The anchors folder: the roots to which an imported certificate may lead,
 * *.pem, *.crt and *.der. It is read anew at each import. Folder and files
 * belong to root, or to whoever runs the signer, and nobody else can write them.
 */
#ifndef CHANCERY_SIGND_ANCHORS_H
#define CHANCERY_SIGND_ANCHORS_H

#include <openssl/x509.h>

#define MAX_ANCHORS 256
#define MAX_ANCHOR_FILE 65536

/* Adds every anchor; a file that can't be trusted or read is logged and left out. 0, or -1: the folder. */
int anchors_load(const char *folder, STACK_OF(X509) * anchors);

#endif
