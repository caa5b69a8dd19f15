#include "key/pkcs11/audit.h"

#include "base/log.h"
#include "base/time.h"
#include "key/pkcs11/keys.h"

#define MAX_AUDIT_MS 10000 /* some modules take 30 ms for each attribute; the others are looked at in their turn */

struct findings {
	int64_t end;
	unsigned keys, refused, left;
};

static int audit_key(struct attempt *a, struct slice id, void *findings)
{
	struct findings *f = findings;
	struct key *k;
	if (time_boot_ms() > f->end) {
		f->left++;
		return 0;
	}
	int refused = keys_find(a, id, &k);
	f->keys++;
	f->refused += refused || !keys_trusted(a->token, k);
	return cryptoki_class(a->rv) == CRYPTOKI_ASKED || a->rv == CKR_OK ? 0 : refused;
}

int audit(struct token *t)
{
	struct findings f = { .end = time_boot_ms() + MAX_AUDIT_MS };
	struct attempt a = { .token = t, .session = t->sessions[0].handle, .rv = CKR_OK };
	if (!t->settings->require_local)
		log_warning("origin_not_required",
			    "token=%s why=\"require_local = false: keys need not say CKA_LOCAL\"", t->label);
	int refused = keys_each(&a, audit_key, &f);
	if (refused)
		return cryptoki_class(a.rv) == CRYPTOKI_AWAY ? EXIT_TOKEN_AWAY : EXIT_TOKEN_FAILED;
	if (f.refused)
		log_warning("keys_checked", "token=%s keys=%u refused=%u left=%u", t->label, f.keys, f.refused, f.left);
	else
		log_info("keys_checked", "token=%s keys=%u left=%u", t->label, f.keys, f.left);
	return 0;
}
