/*
 * Which of the signer's tokens a reference to a key means, by what their
 * drivers say of them (STATUS). The front-end configures no token of its own
 * but the one in which it makes keys.
 */
#ifndef CHANCERY_FRONTD_KEY_TOKEN_H
#define CHANCERY_FRONTD_KEY_TOKEN_H

#include "base/pack.h"
#include "frontd/call.h"
#include "policy/key_uri.h"

#define MAX_TOKEN_NAME 64

enum key_token_answer { TOKEN_ONE = 0, TOKEN_NONE, TOKEN_MANY, TOKEN_SILENT };

/*
 * The one that fits among the reports of STATUS, by the name that signd.conf gives it or by its label, serial,
 * manufacturer and model. SILENT: none does, but one that has never been there can't be told. Pure.
 */
enum key_token_answer key_token_match(const struct key_uri *uri, struct list drivers, char name[MAX_TOKEN_NAME + 1]);
/* 0 with the name that signd.conf gives the token, or positive after call_refuse(). */
int key_token_find(struct front *f, struct call *c, const struct key_uri *uri, char name[MAX_TOKEN_NAME + 1]);

#endif
