#include "key/server_settings.h"

#include <string.h>
#include <sys/un.h>

#include "base/conf.h"

#define MAX_SIGN_SECONDS 600	/* a module that waits for a network has been seen to take five minutes */
#define MAX_CREATE_SECONDS 3600 /* a TPM makes an RSA-4096 key in a minute */

static bool name_valid(const char *name)
{
	return strlen(name) <= MAX_DRIVER_NAME &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(name);
}

const char *server_settings_read(struct conf *c, struct server_settings *s)
{
	struct sockaddr_un address;
	const char *name = conf_text(c, "name", NULL);
	if (!name_valid(name))
		conf_reject(c, "name", "at most 32 of a-z, 0-9, - and _");
	s->socket = conf_text(c, "socket", NULL);
	if (strlen(s->socket) >= sizeof(address.sun_path))
		conf_reject(c, "socket", "a path of at most 107 bytes");
	s->socket_mode = conf_mode(c, "socket_mode", 0660);
	conf_peers(c, "peers", &s->peers);
	if (s->peers.count == 0)
		conf_reject(c, "peers", "a list of at least one of user:NAME, group:NAME, uid:N, gid:N");
	conf_log_level(c);
	conf_hex(c, "ledger_id", s->ledger_id, sizeof(s->ledger_id));
	s->sign_seconds = (unsigned)conf_int(c, "sign_seconds", 1, MAX_SIGN_SECONDS, 10);
	s->create_seconds = (unsigned)conf_int(c, "create_seconds", 1, MAX_CREATE_SECONDS, 120);
	return name;
}
