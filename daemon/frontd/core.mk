# The front-end's core: the link to the signer, the hierarchy's rules, issuing and looking up.
noinst_LIBRARIES += daemon/frontd/libfrontcore.a
daemon_frontd_libfrontcore_a_SOURCES = \
	daemon/frontd/admit.c \
	daemon/frontd/answer.c daemon/frontd/answer.h \
	daemon/frontd/arrival.c \
	daemon/frontd/catchup.c daemon/frontd/catchup.h \
	daemon/frontd/ceiling.c daemon/frontd/ceiling.h \
	daemon/frontd/chain.c daemon/frontd/chain.h \
	daemon/frontd/charter.c \
	daemon/frontd/check.c daemon/frontd/check.h \
	daemon/frontd/context.c daemon/frontd/context.h \
	daemon/frontd/crl.c daemon/frontd/crl.h daemon/frontd/crl_get.c \
	daemon/frontd/crl_number.c daemon/frontd/crl_number.h \
	daemon/frontd/crl_check.c daemon/frontd/crl_check.h \
	daemon/frontd/crl_flow.c daemon/frontd/crl_flow.h \
	daemon/frontd/crls.c daemon/frontd/crls.h \
	daemon/frontd/shard.c daemon/frontd/shard.h \
	daemon/frontd/create.c daemon/frontd/hierarchy.h \
	daemon/frontd/default_algorithm.c daemon/frontd/default_algorithm.h \
	daemon/frontd/ec_key.c daemon/frontd/ec_key.h \
	daemon/frontd/facts.c daemon/frontd/facts.h \
	daemon/frontd/generation.c daemon/frontd/generation.h \
	daemon/frontd/idempotency.c daemon/frontd/idempotency.h \
	daemon/frontd/input.c daemon/frontd/input.h \
	daemon/frontd/issuance.c daemon/frontd/issuance.h \
	daemon/frontd/issue.c daemon/frontd/issue.h \
	daemon/frontd/issuer.c \
	daemon/frontd/issuing.c daemon/frontd/issuing.h \
	daemon/frontd/item.c daemon/frontd/item.h \
	daemon/frontd/json_text.c daemon/frontd/json_text.h \
	daemon/frontd/letter_crl.c daemon/frontd/letter_in.c daemon/frontd/letter_out.c daemon/frontd/letters.h \
	daemon/frontd/lineage.c daemon/frontd/lineage.h \
	daemon/frontd/lookup.c daemon/frontd/lookup.h \
	daemon/frontd/made.c daemon/frontd/made.h \
	daemon/frontd/note.c daemon/frontd/note.h \
	daemon/frontd/ocsp.c daemon/frontd/ocsp.h \
	daemon/frontd/ocsp_cache.c daemon/frontd/ocsp_cache.h \
	daemon/frontd/ocsp_check.c daemon/frontd/ocsp_check.h \
	daemon/frontd/ocsp_request.c daemon/frontd/ocsp_request.h \
	daemon/frontd/outcome.c daemon/frontd/outcome.h \
	daemon/frontd/outside.c daemon/frontd/outside.h \
	daemon/frontd/plan.c daemon/frontd/plan.h daemon/frontd/plan_names.c \
	daemon/frontd/proposal.c daemon/frontd/proposal.h daemon/frontd/proposal_view.c \
	daemon/frontd/foreign.c daemon/frontd/draft.c daemon/frontd/draft.h \
	daemon/frontd/execute.c daemon/frontd/execute.h \
	daemon/frontd/profile_view.c daemon/frontd/profile_view.h \
	daemon/frontd/rebuild.c daemon/frontd/rebuild.h daemon/frontd/rebuild_request.c daemon/frontd/rebuild_proposal.c \
	daemon/frontd/gone.c daemon/frontd/gone.h \
	daemon/frontd/registration.c daemon/frontd/registration.h \
	daemon/frontd/renew.c \
	daemon/frontd/reason.c daemon/frontd/reason.h \
	daemon/frontd/revoke.c daemon/frontd/revoke.h \
	daemon/frontd/responder.c daemon/frontd/responder.h \
	daemon/frontd/retire.c daemon/frontd/retire.h \
	daemon/frontd/root.c daemon/frontd/root.h \
	daemon/frontd/rotate.c \
	daemon/frontd/rule.c daemon/frontd/rule.h \
	daemon/frontd/scheduler.c daemon/frontd/scheduler.h \
	daemon/frontd/rules.c daemon/frontd/rules.h \
	daemon/frontd/signed_ca.c daemon/frontd/signed_ca.h \
	daemon/frontd/signer.c daemon/frontd/signer.h daemon/frontd/signer_link.c daemon/frontd/signer_link.h \
	daemon/frontd/subject.c daemon/frontd/subject.h \
	daemon/frontd/succession.c daemon/frontd/succession.h \
	daemon/frontd/key_token.c daemon/frontd/key_token.h \
	daemon/frontd/transition.c daemon/frontd/transition.h \
	daemon/frontd/tree.c \
	daemon/frontd/view.c daemon/frontd/view.h
daemon_frontd_libfrontcore_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CRYPTO_CFLAGS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_signer tests/unit/test_check tests/unit/test_ocsp tests/unit/test_crl_check
tests_unit_test_crl_check_SOURCES = tests/unit/test_crl_check.c
tests_unit_test_crl_check_CFLAGS = $(UNIT_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_crl_check_LDADD = $(tests_unit_test_ocsp_LDADD)
tests_unit_test_ocsp_SOURCES = tests/unit/test_ocsp.c
tests_unit_test_ocsp_CFLAGS = $(UNIT_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_ocsp_LDADD = daemon/frontd/libfrontcore.a daemon/policy/libpolicy.a daemon/ledger/libledger.a daemon/wire/libinner_ask.a \
	daemon/wire/libframe.a daemon/base/libbase.a $(CRYPTO_LIBS) $(CMOCKA_LIBS)
tests_unit_test_signer_SOURCES = tests/unit/test_signer.c
tests_unit_test_signer_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_signer_LDADD = daemon/frontd/libfrontcore.a drivers/store/libstore.a daemon/wire/libinner_ask.a \
	daemon/wire/libinner_answer.a daemon/wire/libframe.a daemon/base/libbase.a $(SQLITE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_check_SOURCES = tests/unit/test_check.c
tests_unit_test_check_CFLAGS = $(UNIT_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_check_LDADD = daemon/frontd/libfrontcore.a daemon/ledger/libledger.a daemon/policy/libpolicy.a daemon/names/libnames.a daemon/base/libbase.a \
	$(CRYPTO_LIBS) $(CMOCKA_LIBS)
endif
