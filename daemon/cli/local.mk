# cli: the command line. Its arrows: ledger, letter, policy, names, base, libcurl, jansson, libcrypto.
bin_PROGRAMS += chancery
chancery_SOURCES = daemon/cli/main.c $(cli_sources)
nodist_chancery_SOURCES = $(cli_made)
cli_sources = \
	daemon/cli/audit.c daemon/cli/audit_charter.c daemon/cli/audit_charter.h daemon/cli/ca.c daemon/cli/cert.c daemon/cli/doctor.c \
	daemon/cli/issuer.c daemon/cli/lint.c daemon/cli/profile.c daemon/cli/status.c \
	daemon/cli/groups.h \
	daemon/cli/import.c daemon/cli/import.h daemon/cli/index.c \
	daemon/cli/approval.c daemon/cli/approval.h daemon/cli/proposal.c daemon/cli/proposal.h \
	daemon/cli/cli.h daemon/cli/problem.c \
	daemon/cli/backup.c daemon/cli/backup.h \
	daemon/cli/backup_copy.c daemon/cli/backup_verify.c \
	daemon/cli/assent.c daemon/cli/assent.h \
	daemon/cli/beside.c daemon/cli/beside.h \
	daemon/cli/body.c daemon/cli/body.h \
	daemon/cli/books.c daemon/cli/books.h \
	daemon/cli/client.c daemon/cli/client.h \
	daemon/cli/detail.c daemon/cli/detail.h \
	daemon/cli/export.c daemon/cli/export.h daemon/cli/istio.c \
	daemon/cli/letter_approve.c daemon/cli/letters.c daemon/cli/letters.h \
	daemon/cli/lookup.c daemon/cli/lookup.h \
	daemon/cli/member.c daemon/cli/member.h \
	daemon/cli/options.c daemon/cli/options.h \
	daemon/cli/outside.c daemon/cli/outside.h \
	daemon/cli/page.c daemon/cli/page.h \
	daemon/cli/pem.c daemon/cli/pem.h \
	daemon/cli/plain.c daemon/cli/plain.h \
	daemon/cli/prove.c daemon/cli/prove.h \
	daemon/cli/profile_check.c daemon/cli/profile_check.h \
	daemon/cli/reconcile.c daemon/cli/reconcile.h \
	daemon/cli/record.c daemon/cli/record.h \
	daemon/cli/revocation.c daemon/cli/revocation.h daemon/cli/revoke_many.c daemon/cli/rotation.c daemon/cli/rotation.h \
	daemon/cli/search.c daemon/cli/search.h \
	daemon/cli/table.c daemon/cli/table.h \
	daemon/cli/tally.c daemon/cli/tally.h \
	daemon/cli/tree.c daemon/cli/tree.h \
	daemon/cli/verify.c daemon/cli/verify.h \
	daemon/cli/view.c daemon/cli/view.h \
	daemon/cli/when.c daemon/cli/when.h
# The page is edited as HTML, CSS and JavaScript, and carried by the program as strings.
page_files = $(srcdir)/daemon/cli/page.html $(srcdir)/daemon/cli/page.css $(srcdir)/daemon/cli/page.js
cli_made = daemon/cli/page_text.c
$(cli_made): $(srcdir)/daemon/cli/page.awk $(page_files)
	$(AM_V_GEN)mkdir -p daemon/cli && LC_ALL=C $(AWK) -f $(srcdir)/daemon/cli/page.awk $(page_files) >$@.new && mv $@.new $@
EXTRA_DIST += daemon/cli/page.awk daemon/cli/page.html daemon/cli/page.css daemon/cli/page.js \
	daemon/cli/tree.png daemon/cli/tree-example.json
CLEANFILES += $(cli_made)
chancery_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CURL_CFLAGS) $(CRYPTO_CFLAGS)
chancery_LDADD = daemon/letter/libletter.a daemon/ledger/librecordjson.a daemon/ledger/libledger.a daemon/policy/libpolicy.a daemon/names/libnames.a daemon/base/libbase.a $(JANSSON_LIBS) $(CURL_LIBS) $(CRYPTO_LIBS) $(LIBCONFIG_LIBS)
dist_man_MANS += daemon/cli/chancery.1
# certmonger's helper: the part of the command line that asks, and no command.
sbin_PROGRAMS += chancery-submit
chancery_submit_SOURCES = daemon/cli/submit.c \
	daemon/cli/cli.h daemon/cli/problem.c \
	daemon/cli/client.c daemon/cli/client.h \
	daemon/cli/lookup.c daemon/cli/lookup.h \
	daemon/cli/member.c daemon/cli/member.h \
	daemon/cli/options.c daemon/cli/options.h \
	daemon/cli/pem.c daemon/cli/pem.h \
	daemon/cli/plain.c daemon/cli/plain.h \
	daemon/cli/table.c daemon/cli/table.h
chancery_submit_CFLAGS = $(chancery_CFLAGS)
chancery_submit_LDADD = daemon/base/libbase.a $(JANSSON_LIBS) $(CURL_LIBS) $(CRYPTO_LIBS)
dist_man_MANS += daemon/cli/chancery-submit.8
EXTRA_DIST += tests/e2e/certmonger.t
EXTRA_DIST += tests/e2e/openssl_ca.t
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = daemon/cli/chancery.bash
EXTRA_DIST += tests/e2e/backup.t tests/e2e/metrics.t tests/e2e/audit.t tests/e2e/note.py tests/e2e/reconcile.t tests/e2e/cli_offline.t tests/e2e/fake_frontd.py

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_table
tests_unit_test_table_SOURCES = tests/unit/test_table.c $(cli_sources)
nodist_tests_unit_test_table_SOURCES = $(cli_made)
tests_unit_test_table_CFLAGS = $(UNIT_CFLAGS) $(JANSSON_CFLAGS) $(CURL_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_table_LDADD = $(chancery_LDADD) $(CMOCKA_LIBS)
endif
