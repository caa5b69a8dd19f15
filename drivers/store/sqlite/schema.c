/*
 * The schema, and the steps from each older version to the next.
 *
 * Ten million certificates must not slow the next one down. What is inserted
 * per certificate goes to the end of a tree where that can be: rows by n,
 * (ca, serial) nearly so because serials begin with the day, request ids
 * begin with the time. mark, the first eight bytes of the fingerprint, falls
 * anywhere, so it is kept apart for each 65,536 rows: only the last of these
 * parts is written to, and it stays in memory; whoever looks for a fingerprint
 * looks into all. It needs no uniqueness of its own, as (ca, serial) stands
 * inside what the fingerprint is of. Names alone fall anywhere in all of theirs.
 */
#include <stdio.h>

#include "base/log.h"
#include "store/sqlite/session.h"

#define APPLICATION_ID 0x43684e63 /* "ChNc" */

/* steps[i] leads from version i to i + 1. */
static const char *const steps[] = {
	"CREATE TABLE issuer (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,"
	" hierarchy_mode TEXT NOT NULL CHECK (hierarchy_mode IN ('single', 'tree')), issuing_ca_id TEXT NOT NULL,"
	" created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) STRICT;"

	"CREATE TABLE key (n INTEGER PRIMARY KEY, key_id BLOB NOT NULL UNIQUE, token TEXT NOT NULL,"
	" algorithm INTEGER NOT NULL, public_key BLOB NOT NULL, ca_id TEXT NOT NULL, ledger_seq INTEGER NOT NULL,"
	" created_at INTEGER NOT NULL) STRICT;"
	"CREATE INDEX key_unbound ON key (token, algorithm) WHERE ca_id = '';"

	"CREATE TABLE ca (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
	" issuer_id TEXT NOT NULL REFERENCES issuer (id), parent_id TEXT NOT NULL, name TEXT NOT NULL,"
	" state TEXT NOT NULL CHECK (state IN ('created', 'active', 'retiring', 'retired', 'revoked', 'withheld')),"
	" held TEXT NOT NULL, subject BLOB NOT NULL, subject_fold BLOB NOT NULL UNIQUE, key_id BLOB NOT NULL,"
	" token TEXT NOT NULL, algorithm INTEGER NOT NULL, path_len INTEGER NOT NULL, constraints BLOB NOT NULL,"
	" effective BLOB NOT NULL, metadata TEXT NOT NULL, actor TEXT NOT NULL, request_id BLOB NOT NULL,"
	" fingerprint BLOB NOT NULL, serial BLOB NOT NULL, not_before INTEGER NOT NULL, not_after INTEGER NOT NULL,"
	" ledger_seq INTEGER NOT NULL, certificate BLOB NOT NULL, created_at INTEGER NOT NULL,"
	" updated_at INTEGER NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX ca_name ON ca (issuer_id, name) WHERE state NOT IN ('retired', 'revoked');"
	"CREATE INDEX ca_issuer ON ca (issuer_id);"
	"CREATE INDEX ca_parent ON ca (parent_id);"
	"CREATE INDEX ca_key ON ca (key_id);"
	"CREATE INDEX ca_request ON ca (request_id);"

	"CREATE TABLE certificate (n INTEGER PRIMARY KEY, fingerprint BLOB NOT NULL,"
	" mark INTEGER NOT NULL, ca INTEGER NOT NULL REFERENCES ca (n), serial BLOB NOT NULL,"
	" kind INTEGER NOT NULL, state TEXT NOT NULL CHECK (state IN ('active', 'revoked', 'withheld')),"
	" profile TEXT NOT NULL, subject BLOB NOT NULL, not_before INTEGER NOT NULL, not_after INTEGER NOT NULL,"
	" actor TEXT NOT NULL, request_id BLOB NOT NULL, ledger_seq INTEGER NOT NULL, created_at INTEGER NOT NULL,"
	" revoked_at INTEGER NOT NULL, revocation_reason INTEGER NOT NULL, why TEXT NOT NULL, der BLOB NOT NULL) "
	"STRICT;"
	"CREATE UNIQUE INDEX certificate_serial ON certificate (ca, serial);"
	"CREATE UNIQUE INDEX certificate_request ON certificate (request_id);"
	"CREATE INDEX certificate_mark ON certificate (mark);"
	"CREATE INDEX certificate_ca ON certificate (ca);"
	"CREATE INDEX certificate_state ON certificate (state) WHERE state <> 'active';"
	"CREATE TABLE certificate_name (name TEXT NOT NULL, certificate INTEGER NOT NULL REFERENCES certificate (n),"
	" PRIMARY KEY (name, certificate)) STRICT, WITHOUT ROWID;"

	"CREATE TABLE ledger (one INTEGER PRIMARY KEY CHECK (one = 1), ledger_id BLOB NOT NULL,"
	" committed INTEGER NOT NULL, checkpoint_size INTEGER NOT NULL, checkpoint_root BLOB NOT NULL) STRICT;"

	"CREATE TABLE reply (n INTEGER PRIMARY KEY, actor TEXT NOT NULL, idempotency_key TEXT NOT NULL,"
	" route TEXT NOT NULL, body_hash BLOB NOT NULL, request_id BLOB NOT NULL, status INTEGER NOT NULL,"
	" reply TEXT NOT NULL, created_at INTEGER NOT NULL, UNIQUE (actor, idempotency_key, route)) STRICT;"
	"CREATE INDEX reply_created ON reply (created_at);",

	("CREATE TABLE step (request_id BLOB PRIMARY KEY, ca_id TEXT NOT NULL, state TEXT NOT NULL,"
	 " ledger_seq INTEGER NOT NULL, created_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"),

	"ALTER TABLE ca ADD COLUMN key_uri TEXT NOT NULL DEFAULT '';",

	("DROP INDEX certificate_mark;"
	 "CREATE INDEX certificate_mark ON certificate (n >> 16, mark);"),

	"ALTER TABLE ca ADD COLUMN csr BLOB NOT NULL DEFAULT x'';",

	/* For a list of three SQLite makes a table at each insertion. A CHECK says nothing of what is stored. */
	("PRAGMA writable_schema = ON;"
	 "UPDATE sqlite_schema SET sql = replace(sql, 'state IN (''active'', ''revoked'', ''withheld'')',"
	 " 'state = ''active'' OR state = ''revoked'' OR state = ''withheld''') WHERE name = 'certificate';"
	 "PRAGMA writable_schema = RESET;"),

	("ALTER TABLE issuer ADD COLUMN rotation TEXT NOT NULL DEFAULT '';"
	 "ALTER TABLE ca ADD COLUMN rotation TEXT NOT NULL DEFAULT '';"
	 "ALTER TABLE ca ADD COLUMN predecessor_id TEXT NOT NULL DEFAULT '';"
	 "ALTER TABLE ca ADD COLUMN ttl INTEGER NOT NULL DEFAULT 0;"
	 "CREATE INDEX ca_predecessor ON ca (predecessor_id) WHERE predecessor_id <> '';"
	 "CREATE UNIQUE INDEX ca_successor ON ca (predecessor_id) WHERE predecessor_id <> ''"
	 " AND state IN ('created', 'active');"),

	("PRAGMA writable_schema = ON;"
	 "UPDATE sqlite_schema SET sql = replace(sql, 'OR state = ''withheld''',"
	 " 'OR state = ''withheld'' OR state = ''lost''') WHERE type = 'table' AND name = 'certificate';"
	 "PRAGMA writable_schema = RESET;"),

	("ALTER TABLE certificate ADD COLUMN noted INTEGER NOT NULL DEFAULT 0;"
	 "ALTER TABLE certificate ADD COLUMN unlisted INTEGER NOT NULL DEFAULT 0;"
	 "UPDATE certificate SET unlisted = 1 WHERE state <> 'active';"
	 "CREATE INDEX certificate_revoked ON certificate (ca, serial) WHERE state <> 'active';"
	 "CREATE INDEX certificate_unlisted ON certificate (ca, serial) WHERE unlisted = 1;"
	 "CREATE TABLE lastcrl (ca_id TEXT PRIMARY KEY, number INTEGER NOT NULL, this_update INTEGER NOT NULL,"
	 " next_update INTEGER NOT NULL, entries INTEGER NOT NULL, ledger_seq INTEGER NOT NULL,"
	 " whole INTEGER NOT NULL) STRICT, WITHOUT ROWID;"),

	("CREATE TABLE responder (ca_id TEXT PRIMARY KEY, key_id BLOB NOT NULL UNIQUE, not_before INTEGER NOT NULL,"
	 " not_after INTEGER NOT NULL, ledger_seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;"),

	/* All that a CRL says of them: a list of a million is read from front to back, and no row is looked up. */
	("DROP INDEX certificate_revoked;"
	 "CREATE INDEX certificate_revoked ON certificate (ca, serial, not_after, state, revoked_at, revocation_reason,"
	 " created_at, ledger_seq, noted, unlisted) WHERE state <> 'active';"),

	("CREATE TABLE proposal (n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, kind INTEGER NOT NULL,"
	 " state TEXT NOT NULL CHECK (state IN ('open', 'executed', 'rejected', 'expired', 'failed')),"
	 " ca_id TEXT NOT NULL, issuer_id TEXT NOT NULL, name TEXT NOT NULL, actor TEXT NOT NULL,"
	 " needed INTEGER NOT NULL, requester INTEGER NOT NULL, bytes BLOB NOT NULL, context BLOB NOT NULL,"
	 " why TEXT NOT NULL, request_id BLOB NOT NULL, ledger_seq INTEGER NOT NULL, executed INTEGER NOT NULL,"
	 " created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) STRICT;"
	 "CREATE INDEX proposal_open ON proposal (ca_id) WHERE state = 'open';"
	 "CREATE INDEX proposal_ca ON proposal (ca_id) WHERE ca_id <> '';"
	 "CREATE TABLE approval (n INTEGER PRIMARY KEY, proposal BLOB NOT NULL REFERENCES proposal (id),"
	 " key BLOB NOT NULL, role INTEGER NOT NULL, actor TEXT NOT NULL, signature BLOB NOT NULL,"
	 " ledger_seq INTEGER NOT NULL, created_at INTEGER NOT NULL, UNIQUE (proposal, key)) STRICT;"
	 "ALTER TABLE ca ADD COLUMN outsider INTEGER NOT NULL DEFAULT 0;"),
	("ALTER TABLE ledger ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;"
	 "ALTER TABLE ledger ADD COLUMN crl_floor INTEGER NOT NULL DEFAULT 0;"),
	("CREATE TABLE letter (nonce BLOB PRIMARY KEY, ca_id TEXT NOT NULL, kind INTEGER NOT NULL, hash BLOB NOT NULL,"
	 " answered INTEGER NOT NULL, created_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"),
};
#define SCHEMA_VERSION ((int)(sizeof(steps) / sizeof(steps[0])))

static int pragma_number(struct store_session *s, const char *sql, int *value)
{
	sqlite3_stmt *statement = NULL;
	if (sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW) {
		sqlite3_finalize(statement);
		return session_failed(s, sql);
	}
	*value = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return 0;
}

static int schema_step(struct store_session *s, int version)
{
	char pragma[96];
	snprintf(pragma, sizeof(pragma), "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", APPLICATION_ID,
		 version + 1);
	if (session_execute(s, "BEGIN IMMEDIATE") || session_execute(s, steps[version]) || session_execute(s, pragma))
		return -1;
	log_info("store_schema", "version=%d", version + 1);
	return 0;
}

int schema_prepare(struct store_session *s, const char *path)
{
	int application = 0, version = 0, tables = 0;
	if (pragma_number(s, "PRAGMA application_id", &application) ||
	    pragma_number(s, "PRAGMA user_version", &version) ||
	    pragma_number(s, "SELECT count(*) FROM sqlite_schema", &tables))
		return -1;
	if (tables != 0 && application != APPLICATION_ID) {
		log_error("store_open", "path=%s why=\"this is a database of some other program\"", path);
		return STORE_OTHER;
	}
	if (version > SCHEMA_VERSION) {
		log_error("store_open",
			  "path=%s why=\"its schema is version %d and this program knows up to %d: install the newer "
			  "chancery\"",
			  path, version, SCHEMA_VERSION);
		return STORE_OTHER;
	}
	for (; version < SCHEMA_VERSION; version++)
		if (schema_step(s, version))
			return -1;
	return 0;
}
