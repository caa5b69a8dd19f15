/*
 * `chancery export istio`: the certificates of an intermediate over a mesh's own key, in the files that Istio's secret
 * "cacerts" has. The fourth one, the key, was made at the mesh and stays there.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/client.h"
#include "cli/groups.h"
#include "cli/lookup.h"
#include "cli/member.h"
#include "cli/pem.h"

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"

static const struct option_spec istio_options[] = {
	{ "issuer", OPTION_TEXT, "ISSUER", "only the CAs of this issuer" },
	{ "out", OPTION_TEXT, "DIR", "the folder for the files (needed)" },
	{ "with-root", OPTION_MANY, "FILE", "trust this root as well: for the time in which the mesh changes roots" },
	{ .name = NULL },
};

struct cacerts {
	struct buf ca, chain, roots; /* PEM: the intermediate; it and all above it; the roots */
};

static void cacerts_init(struct cacerts *f)
{
	buf_init(&f->ca, MAX_ANSWER);
	buf_init(&f->chain, MAX_ANSWER);
	buf_init(&f->roots, MAX_ANSWER);
}

static void cacerts_free(struct cacerts *f)
{
	buf_free(&f->ca);
	buf_free(&f->chain);
	buf_free(&f->roots);
}

/* Whoever holds the key can use the certificate; a key that Chancery holds can't be taken to a mesh. */
static int check_foreign(struct cli *c, const struct options *o)
{
	scoped_buf path;
	scoped_json *ca = NULL;
	int r = ca_path(c, o, "", &path);
	if (r == CLI_DONE)
		r = client_get(c, &path, &ca);
	if (r || json_is_true(json_object_get(ca, "outside_ledger")))
		return r;
	return problem_tell(c, CLI_CONFLICT,
			    (struct problem){ "key_stays", "CA",
					      "make an intermediate over the mesh's own key: chancery ca create "
					      "--foreign-csr FILE" },
			    "The key of this CA is in a token of this service and can't be given to istiod.");
}

/* The chain comes with the CA first and the root last. */
static int chain_read(struct cli *c, const struct options *o, struct cacerts *f)
{
	scoped_buf path;
	int r = ca_path(c, o, "/chain", &path);
	if (r == CLI_DONE)
		r = client_get_text(c, &path, &f->chain);
	if (r)
		return r;
	const char *text = buf_text(&f->chain), *second = strstr(text + 1, PEM_BEGIN), *last = second;
	if (strncmp(text, PEM_BEGIN, sizeof(PEM_BEGIN) - 1) != 0 || !second)
		return problem_tell(c, CLI_CONFLICT, (struct problem){ .code = "no_root", .field = "CA" },
				    "The chain of this CA does not lead to a root that the service knows.");
	for (const char *at = second; at; at = strstr(at + 1, PEM_BEGIN))
		last = at;
	buf_put(&f->ca, text, (size_t)(second - text));
	buf_put(&f->roots, last, strlen(last));
	return CLI_DONE;
}

static int roots_add(struct cli *c, const struct options *o, struct cacerts *f)
{
	const char *file;
	int r = CLI_DONE;
	for (size_t i = 0; !r && (file = option_many(o, "with-root", i)); i++) {
		scoped_buf pem;
		buf_init(&pem, MAX_PEM_FILE);
		r = pem_read_certificate(c, "with-root", file, &pem);
		if (!r && buf_ok(&pem) && !memmem(f->roots.at, f->roots.len, pem.at, pem.len))
			buf_put_slice(&f->roots, buf_slice(&pem));
	}
	return r;
}

static int file_write(const struct cli *c, const char *folder, const char *name, const struct buf *pem)
{
	char path[PATH_MAX];
	if (!buf_ok(pem) || snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return problem_tell(c, CLI_BROKEN, (struct problem){ "out_of_memory", NULL, NULL },
				    "Not enough memory, or too long a path.");
	return pem_write(c, path, name, (const char *)pem->at);
}

/* The key's name says what is missing, before someone looks for it. */
static int files_write(const struct cli *c, const char *folder, const struct cacerts *f)
{
	scoped_buf said;
	buf_init(&said, 4096);
	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		return problem_tell(c, CLI_BROKEN, (struct problem){ "out_unwritable", "out", NULL },
				    "The folder %s can't be made: %s.", folder, strerror(errno));
	int r = file_write(c, folder, "ca-cert.pem", &f->ca);
	if (!r)
		r = file_write(c, folder, "cert-chain.pem", &f->chain);
	if (!r)
		r = file_write(c, folder, "root-cert.pem", &f->roots);
	if (r || c->json)
		return r;
	buf_printf(&said,
		   "ca-key.pem is not among them: it was made at the mesh, Chancery never saw it, and there it stays. "
		   "Then:\n"
		   "  kubectl create secret generic cacerts -n istio-system --from-file=%s/ca-cert.pem \\\n"
		   "    --from-file=ca-key.pem --from-file=%s/root-cert.pem --from-file=%s/cert-chain.pem\n",
		   folder, folder, folder);
	return output_print(c, &said);
}

static int export_istio(struct cli *c, const struct options *o)
{
	__attribute__((cleanup(cacerts_free))) struct cacerts f;
	cacerts_init(&f);
	int r = option_need(c, o, "out");
	if (!r)
		r = check_foreign(c, o);
	if (!r)
		r = chain_read(c, o, &f);
	if (!r)
		r = roots_add(c, o, &f);
	if (r)
		return r;
	buf_put_u8(&f.ca, 0);
	buf_put_u8(&f.chain, 0);
	buf_put_u8(&f.roots, 0);
	return files_write(c, option_text(o, "out"), &f);
}

const struct command export_commands[] = {
	{ "export", "istio", 1, 1, "CA",
	  "Write an intermediate over a mesh's own key as the files of Istio's secret cacerts.",
	  "chancery export istio mesh --out cacerts", istio_options, export_istio },
	{ .group = NULL },
};
