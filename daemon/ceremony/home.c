#include "ceremony/home.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/random.h"
#include "base/text.h"
#include "ceremony/dialogue.h"
#include "letter/letter.h"

#define MAX_CONF 16384
#define MAX_HOME 90 /* the socket below it must fit the 108 bytes of sockaddr_un */

const char *home_path(const struct home *h, const char *name, char out[PATH_MAX])
{
	if (snprintf(out, PATH_MAX, "%s/%s", h->folder, name) >= PATH_MAX)
		abort();
	return out;
}

static int folder_fits(const char *folder)
{
	size_t n = strlen(folder);
	bool plain = strspn(folder, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./+,@%=-") == n;
	if (folder[0] == '/' && n <= MAX_HOME && plain)
		return 0;
	return say_wrong(
		"The folder %s can't be the state of a ceremony: give an absolute path of at most %d bytes, of "
		"letters, digits and _ . / + , @ %% = -",
		folder, MAX_HOME);
}

static int folder_make(const char *folder)
{
	static const char *const below[] = { "transcripts", "anchors", "approvers", "driver", "run" };
	struct home h = { .people = 1 };
	char path[PATH_MAX];
	snprintf(h.folder, sizeof(h.folder), "%s", folder);
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return say_wrong("The folder %s can't be made: %s.", folder, strerror(errno));
	if (access(home_path(&h, "ceremony.conf", path), F_OK) == 0)
		return say_wrong("There is an offline root's folder at %s already.", folder);
	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++)
		if (mkdir(home_path(&h, below[i], path), 0700) != 0)
			return say_wrong("The folder %s can't be made: %s.", path, strerror(errno));
	return 0;
}

/* A text between quotes of a configuration. */
static bool quotable(const char *text)
{
	return strcspn(text, "\"\\\n") == strlen(text) && text_visible(slice_text(text));
}

static int file_put(const char *folder, const char *name, const struct buf *content)
{
	struct home h = { .people = 1 };
	char path[PATH_MAX];
	snprintf(h.folder, sizeof(h.folder), "%s", folder);
	if (buf_ok(content) && fd_replace_file(home_path(&h, name, path), buf_slice(content), 0600) == 0)
		return 0;
	return say_wrong("The file %s can't be written: %s.", path, strerror(errno));
}

/* Copies of their public keys, which signer.conf pins. */
static int put_approvers(const char *folder, const struct home_wish *w, struct buf *conf)
{
	for (size_t i = 0; i < w->approver_count; i++) {
		scoped_buf pem = { .max = MAX_CONF };
		char name[32];
		snprintf(name, sizeof(name), "approvers/%zu.pem", i + 1);
		if (fd_read_file(w->approvers[i].file, MAX_CONF, &pem) != 0)
			return say_wrong("The public key %s can't be read: %s.", w->approvers[i].file, strerror(errno));
		int r = file_put(folder, name, &pem);
		if (r)
			return r;
		buf_printf(conf, "%s{ name = \"%s\"; key = \"%s/%s\"; }", i ? ",\n\t" : "approvals = { approvers = (\n\t",
			   w->approvers[i].name, folder, name);
	}
	if (w->approver_count)
		buf_put_text(conf, " );\n};\n");
	return 0;
}

static int put_signer(const char *folder, const char *id, const struct home_wish *w)
{
	scoped_buf out = { .max = MAX_CONF };
	buf_printf(&out,
		   "# The signer of an offline root: see signd.conf(5). Nobody listens at its socket.\n"
		   "ledger_id = \"%s\";\n"
		   "state_dir = \"%s\";\n"
		   "socket = \"%s/run/none.sock\";\n"
		   "machine_id_file = \"%s/host\";\n"
		   "peers = { front = [ ]; };\n"
		   "tokens = ( { name = \"" TOKEN_NAME "\"; socket = \"%s/run/driver.sock\"; } );\n"
		   "log_token = \"" TOKEN_NAME "\";\n"
		   "allow_roots = true;\n"
		   "anchors_dir = \"%s/anchors\";\n"
		   "max_downtime_days = 0; # years may lie between two ceremonies\n"
		   "verifiers = 1;\n"
		   "checkpoint_seconds = 1;\n"
		   "disk_warn_mib = 64;\n"
		   "disk_stop_mib = 16;\n"
		   "classes = { root = { crl_days = 366; ca_per_day = 64; }; };\n",
		   id, folder, folder, folder, folder, folder);
	int r = put_approvers(folder, w, &out);
	return r ? r : file_put(folder, "signer.conf", &out);
}

static int put_driver(const char *folder, const char *id, const struct home_wish *w)
{
	scoped_buf out = { .max = MAX_CONF };
	buf_printf(&out,
		   "# The token of an offline root: see driver.conf(5).\n"
		   "name = \"" TOKEN_NAME "\";\n"
		   "socket = \"%s/run/driver.sock\";\n"
		   "peers = [ \"uid:%u\" ];\n"
		   "ledger_id = \"%s\";\n"
		   "module = \"%s\";\n",
		   folder, (unsigned)geteuid(), id, w->module);
	if (w->token)
		buf_printf(&out, "token = \"%s\";\n", w->token);
	if (w->serial)
		buf_printf(&out, "serial = \"%s\";\n", w->serial);
	if (!w->keypad)
		buf_put_text(&out, "pin_credential = \"pin\"; # asked for at each ceremony\n");
	buf_printf(&out, "login_tries = 1;\nworkers = 1;\nstate_dir = \"%s/driver\";\n", folder);
	return file_put(folder, "driver.conf", &out);
}

static int put_ceremony(const char *folder, const struct home_wish *w)
{
	scoped_buf out = { .max = MAX_CONF };
	buf_printf(&out,
		   "# An offline root: see chancery-ceremony(8).\n"
		   "people = %d; # who must agree before anything is signed\n"
		   "approvals = %d; # that a request must bring, of the approvers in signer.conf\n"
		   "pin = %s; # asked for; false: the token has a keypad\n"
		   "driver = \"%s\";\n",
		   (int)w->people, (int)(w->approvals < 0 ? (int64_t)w->approver_count : w->approvals), w->keypad ? "false" : "true", w->driver);
	return file_put(folder, "ceremony.conf", &out);
}

/* In place of a machine id: the folder itself is what goes from ceremony to ceremony, on whatever host. */
static int put_host(const char *folder)
{
	scoped_buf out = { .max = 64 };
	uint8_t id[16];
	char text[33];
	random_bytes(id, sizeof(id));
	hex_encode(id, sizeof(id), text);
	buf_printf(&out, "%s\n", text);
	return file_put(folder, "host", &out);
}

int home_make(const char *folder, const struct home_wish *w)
{
	uint8_t id[LEDGER_ID_SIZE];
	char text[2 * LEDGER_ID_SIZE + 1];
	const char *texts[] = { w->module, w->token, w->serial, w->driver };
	for (size_t i = 0; i < 4; i++)
		if (texts[i] && !quotable(texts[i]))
			return say_wrong("This can't stand in a configuration: %s", texts[i]);
	for (size_t i = 0; i < w->approver_count; i++)
		if (!quotable(w->approvers[i].name))
			return say_wrong("This can't stand in a configuration: %s", w->approvers[i].name);
	random_bytes(id, sizeof(id));
	hex_encode(id, sizeof(id), text);
	int r = folder_fits(folder);
	if (!r)
		r = folder_make(folder);
	if (!r)
		r = put_host(folder);
	if (!r)
		r = put_signer(folder, text, w);
	if (!r)
		r = put_driver(folder, text, w);
	return r ? r : put_ceremony(folder, w);
}

int home_open(const char *folder, struct home *out)
{
	char path[PATH_MAX];
	*out = (struct home){ .people = 1 };
	if (folder_fits(folder) != 0)
		return 1;
	snprintf(out->folder, sizeof(out->folder), "%s", folder);
	if (access(home_path(out, "ceremony.conf", path), R_OK) != 0)
		return say_wrong("%s is not the folder of an offline root: %s. `chancery-ceremony init` makes one.",
				 folder, strerror(errno));
	out->file = conf_open(path);
	if (!out->file)
		return say_wrong("%s can't be read; %s/log says why.", path, folder);
	out->people = (unsigned)conf_int(out->file, "people", 1, MAX_PEOPLE, 1);
	out->approvals = (unsigned)conf_int(out->file, "approvals", 0, MAX_APPROVALS, 0);
	out->driver = conf_text(out->file, "driver", NULL);
	out->pin = conf_bool(out->file, "pin", true);
	return conf_finish(out->file) == 0 ? 0 : say_wrong("%s has mistakes; %s/log says which.", path, folder);
}

void home_close(struct home *h)
{
	if (h->file)
		conf_close(h->file);
	h->file = NULL;
}
