#include "ceremony/telling.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "base/algorithm.h"
#include "base/text.h"
#include "base/time.h"
#include "ceremony/dialogue.h"
#include "letter/words.h"
#include "names/dn.h"
#include "signd/public_key.h"
#include "wire/inner.h"

#define DAY 86400
#define MAX_TOLD 65536

void tell_span(int64_t seconds, char out[48])
{
	int64_t days = seconds / DAY;
	if (days >= 730 && days % 365 < 12)
		snprintf(out, 48, "%lld years", (long long)(days / 365));
	else if (days >= 2)
		snprintf(out, 48, "%lld days", (long long)days);
	else
		snprintf(out, 48, "%lld hours", (long long)(seconds / 3600));
}

void tell_words(const char *of, const uint8_t hash[HASH_SIZE])
{
	char words[MAX_WORDS_TEXT];
	words_of(hash, words);
	say("Checksum of %s, to be read aloud:\n\n        %s\n", of, words);
}

static const char *text_of(struct buf *b)
{
	buf_put_u8(b, 0);
	return buf_ok(b) ? (const char *)b->at : "(too long to be shown)";
}

void tell_name(const char *label, struct list dn)
{
	scoped_buf text = { .max = MAX_TOLD };
	dn_print(dn, &text);
	say_row(label, "%s", text_of(&text));
}

void tell_der_name(const char *label, struct slice der)
{
	const unsigned char *at = der.at;
	X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)der.len);
	BIO *out = BIO_new(BIO_s_mem());
	char *text = NULL;
	long n = 0;
	if (name && out && X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)XN_FLAG_DN_REV) >= 0)
		n = BIO_get_mem_data(out, &text);
	say_row(label, "%.*s", (int)n, n ? text : "");
	BIO_free(out);
	X509_NAME_free(name);
}

void tell_key(const char *label, struct slice public_key)
{
	const struct algorithm *a = algorithm_by_number(public_key_read(public_key, NULL));
	uint8_t hash[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1];
	hash_of(public_key, hash);
	hex_encode(hash, HASH_SIZE, hex);
	say_row(label, "%s\nSHA-256 %.32s\n        %s", a ? a->name : "of an unknown kind", hex, hex + 32);
}

void tell_validity(int64_t not_before, int64_t not_after)
{
	char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE], span[48];
	time_text(not_before, from);
	time_text(not_after, until);
	tell_span(not_after + 1 - not_before, span);
	say_row("valid for", "%s\nfrom  %s\nuntil %s", span, from, until);
}

void tell_path_len(uint16_t path_len)
{
	if (path_len == PATH_LEN_NONE)
		say_row("CAs below it", "any number of levels");
	else if (path_len == 0)
		say_row("CAs below it", "none: it issues to servers and people only");
	else
		say_row("CAs below it", "%u level%s at most", path_len, path_len == 1 ? "" : "s");
}

static void put_subtrees(struct list l, struct buf *out)
{
	uint8_t type;
	struct slice item;
	for (bool first = true; list_next(&l, &type, &item); first = false) {
		if (!first)
			buf_put_u8(out, '\n');
		name_print(AS_SUBTREE, type, item, out);
	}
}

void tell_constraints(const struct constraints *c)
{
	scoped_buf permitted = { .max = MAX_TOLD }, excluded = { .max = MAX_TOLD };
	put_subtrees(c->permitted, &permitted);
	put_subtrees(c->excluded, &excluded);
	say_row("names it may certify", "%s", permitted.len ? text_of(&permitted) : "all");
	if (excluded.len)
		say_row("but none of", "%s", text_of(&excluded));
}

void tell_urls(struct list urls)
{
	static const char *const labels[] = { "", "its revocations are at", "it is asked for at", "its issuer is at" };
	uint8_t use;
	struct slice url;
	while (list_next(&urls, &use, &url))
		if (use <= URL_CA_ISSUERS && text_visible(url))
			say_row(labels[use], "%.*s", (int)url.len, (const char *)url.at);
}

int tell_clock(void)
{
	char now[TIME_TEXT_SIZE];
	time_text(time_now(), now);
	say("The clock of this machine says %s (UTC).", now);
	return ask_yes("Compare it with a watch. Is it right, to a few minutes? Type yes:");
}

const char *tell_reason(uint8_t reason)
{
	static const char *const reasons[] = { "no reason is given",
					       "its key was stolen",
					       "a CA's key was stolen",
					       "its owner belongs elsewhere now",
					       "another one has replaced it",
					       "it is not used any more",
					       "on hold",
					       "unknown",
					       "released",
					       "its owner may not have it any more",
					       "an attribute authority's key was stolen" };
	return reason < sizeof(reasons) / sizeof(reasons[0]) ? reasons[reason] : "unknown";
}
