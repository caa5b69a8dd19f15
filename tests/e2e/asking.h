/*
 * A front-end's half of the inner protocol for tests that ask the signer
 * directly, also for what a front-end may not have: one connection, one
 * question after the other, TAP on standard output. Single-threaded, and what
 * it makes lasts until the next one of its kind is made.
 */
#ifndef CHANCERY_TESTS_ASKING_H
#define CHANCERY_TESTS_ASKING_H

#include "wire/inner_ask.h"

#define HOUR 3600
#define DAY 86400

extern int fd;		     /* the connection; -1 */
extern int points, failures; /* of TAP */
extern struct buf out, in;   /* what is asked, and what came */
extern struct frame answer;  /* in there */
extern struct refusal_message refusal;
extern struct buf leaf_spki; /* a fresh P-256 key's SubjectPublicKeyInfo */

/* Once, before all else. */
void asking_make(void);
void ok(bool good, const char *what);
/* Sends what is in out, reads one answer. Its refusal's number; 0: a reply; -1: the connection was closed. */
int exchange(void);
/* Reads one answer of what was sent before: likewise. */
int answer_read(void);
void request_id(uint8_t id[16]);
/* A list of one item in raw. */
struct list one_item(struct buf *raw, uint8_t tag, struct slice item);
struct list subject_of(struct buf *raw, const char *cn);

/* Each answers as exchange() does, or with the number of a pack_refusal. */
int hello(const char *path, const char *ledger_id);
/* From a database that reflects so many records, in this epoch. */
int hello_knowing(const char *path, const char *ledger_id, uint64_t committed, uint32_t epoch);
int key_create(const char *token, uint8_t algorithm, uint8_t id[16]);
int ca_self(const struct ca_self_request *r, struct ca_self_reply *reply);
int cert_sign(const struct cert_sign_request *r, struct cert_sign_reply *reply);

/* What would be signed as it stands. root: ten years, path length 2. */
struct ca_self_request root_request(const uint8_t key[16]);
/* An issuing CA that may sign names below example.com. */
struct cert_sign_request ca_request(const uint8_t parent[16], const uint8_t *key);
/* www.example.com for thirty days. */
struct cert_sign_request leaf_request(const uint8_t ca[16]);

#endif
