# policy: profiles, templates of name constraints, references to keys, the linter; on names and base.
noinst_LIBRARIES += daemon/policy/libpolicy.a
daemon_policy_libpolicy_a_SOURCES = \
	daemon/policy/key_uri.c daemon/policy/key_uri.h \
	daemon/policy/lint.c daemon/policy/lint.h daemon/policy/lint_rules.def \
	daemon/policy/lint_asked.c daemon/policy/lint_crl.c daemon/policy/lint_extensions.c daemon/policy/lint_fields.c daemon/policy/lint_key.c \
	daemon/policy/lint_names.c daemon/policy/lint_syntax.c daemon/policy/lint_usage.c \
	daemon/policy/lint_view.c daemon/policy/lint_view.h \
	daemon/policy/oid.c daemon/policy/oid.h \
	daemon/policy/pattern.c daemon/policy/pattern.h \
	daemon/policy/profile.c daemon/policy/profile.h daemon/policy/profile_settings.def \
	daemon/policy/profile_load.c daemon/policy/profile_load.h daemon/policy/profile_rules.c \
	daemon/policy/spiffe.c daemon/policy/spiffe.h \
	daemon/policy/templates.c daemon/policy/templates.h \
	daemon/policy/tlv.c daemon/policy/tlv.h

profilesdir = $(sysconfdir)/chancery/profiles
dist_profiles_DATA = conf/profiles/client.conf conf/profiles/constraints.conf conf/profiles/peer.conf conf/profiles/server.conf \
	conf/profiles/workload.conf

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_profile tests/unit/test_key_uri tests/unit/test_lint tests/unit/test_lint_fields \
	tests/unit/test_templates
tests_unit_test_profile_SOURCES = tests/unit/test_profile.c
tests_unit_test_profile_CFLAGS = $(UNIT_CFLAGS) -DPROFILES_DIR='"$(abs_srcdir)/conf/profiles"'
tests_unit_test_profile_LDADD = daemon/policy/libpolicy.a daemon/names/libnames.a daemon/base/libbase.a \
	$(LIBCONFIG_LIBS) $(CMOCKA_LIBS)
tests_unit_test_lint_SOURCES = tests/unit/test_lint.c tests/unit/lint_bad.h
tests_unit_test_lint_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_lint_LDADD = daemon/policy/libpolicy.a daemon/names/libnames.a daemon/base/libbase.a $(CMOCKA_LIBS)
# What is asked for and what the signer's encoder makes of it.
tests_unit_test_lint_fields_SOURCES = tests/unit/test_lint_fields.c
tests_unit_test_lint_fields_CFLAGS = $(UNIT_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_lint_fields_LDADD = daemon/policy/libpolicy.a $(SIGND_TEST_LIBS)
tests_unit_test_templates_SOURCES = tests/unit/test_templates.c
tests_unit_test_templates_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_templates_LDADD = daemon/policy/libpolicy.a daemon/names/libnames.a daemon/base/libbase.a \
	$(LIBCONFIG_LIBS) $(CMOCKA_LIBS)
tests_unit_test_key_uri_SOURCES = tests/unit/test_key_uri.c
tests_unit_test_key_uri_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_key_uri_LDADD = daemon/policy/libpolicy.a daemon/base/libbase.a $(CMOCKA_LIBS)
endif
