#include "signd/provider.h"

#include <openssl/conf.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <stdbool.h>

#include "base/log.h"

static const char *why(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	return reason ? reason : "unknown";
}

static int refused(const char *path, const char *expected)
{
	log_error("fips_config", "file=%s why=\"%s\" expected=\"%s\"", path, why(), expected);
	return -1;
}

/* What each start of the signer goes on to need; a provider whose self test failed has none of it. */
static bool does_its_work(void)
{
	static const char *const digests[] = { "SHA256", "SHA384", "SHA512", "SHA1" };
	static const char *const signatures[] = { "ECDSA", "RSA" };
	bool all = true;
	for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
		EVP_MD *md = EVP_MD_fetch(NULL, digests[i], NULL);
		all = all && md;
		EVP_MD_free(md);
	}
	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
		EVP_SIGNATURE *s = EVP_SIGNATURE_fetch(NULL, signatures[i], NULL);
		all = all && s;
		EVP_SIGNATURE_free(s);
	}
	return all;
}

int provider_load(const char *path)
{
	/* Explicitly, and this file only: openssl.cnf stays unread. */
	if (CONF_modules_load_file_ex(NULL, path, NULL, 0) <= 0)
		return refused(path, "an OpenSSL configuration that loads");
	if (!OSSL_PROVIDER_available(NULL, "fips") || !OSSL_PROVIDER_available(NULL, "base"))
		return refused(path, "the providers fips and base, activated");
	if (EVP_set_default_properties(NULL, "fips=yes") != 1 || !does_its_work())
		return refused(path, "a provider that has SHA-1 and SHA-2, ECDSA and RSA");
	OSSL_PROVIDER *fips = OSSL_PROVIDER_load(NULL, "fips");
	const char *name = "", *version = "";
	OSSL_PARAM said[] = { OSSL_PARAM_construct_utf8_ptr(OSSL_PROV_PARAM_NAME, (char **)&name, 0),
			      OSSL_PARAM_construct_utf8_ptr(OSSL_PROV_PARAM_VERSION, (char **)&version, 0),
			      OSSL_PARAM_construct_end() };
	if (!fips || OSSL_PROVIDER_get_params(fips, said) != 1)
		return refused(path, "a provider that says its name and version");
	log_info("fips_provider", "name=\"%s\" version=%s file=%s", name, version, path);
	return 0;
}
