# fuzz: one harness a decoder. With --enable-fuzzing (scripts/fuzz) each is linked with libFuzzer; without, with
# replay.c, and so `make check` feeds every one of them its corpus.
FUZZ_HARNESSES = tests/fuzz/fuzz_frame tests/fuzz/fuzz_inner_answer tests/fuzz/fuzz_inner_ask \
	tests/fuzz/fuzz_driver_answer tests/fuzz/fuzz_driver_ask tests/fuzz/fuzz_csr tests/fuzz/fuzz_est tests/fuzz/fuzz_index \
	tests/fuzz/fuzz_certificate tests/fuzz/fuzz_json tests/fuzz/fuzz_http tests/fuzz/fuzz_conf \
	tests/fuzz/fuzz_frontconf tests/fuzz/fuzz_record tests/fuzz/fuzz_note tests/fuzz/fuzz_proof tests/fuzz/fuzz_names \
	tests/fuzz/fuzz_charter tests/fuzz/fuzz_signer tests/fuzz/fuzz_ledger \
	tests/fuzz/fuzz_driverconf tests/fuzz/fuzz_encode tests/fuzz/fuzz_key_uri \
	tests/fuzz/fuzz_root tests/fuzz/fuzz_lint tests/fuzz/fuzz_crl tests/fuzz/fuzz_snapshot \
	tests/fuzz/fuzz_ocsp tests/fuzz/fuzz_letter tests/fuzz/fuzz_proposal tests/fuzz/fuzz_crl_check
if FUZZING
EXTRA_PROGRAMS += $(FUZZ_HARNESSES)
FUZZ_MAIN =
else
check_PROGRAMS += $(FUZZ_HARNESSES)
FUZZ_MAIN = tests/fuzz/replay.c
endif
FUZZ_COMPILE = $(AM_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS) $(MICROHTTPD_CFLAGS) -pthread \
	-DFUZZ_CORPUS='"$(abs_srcdir)/tests/fuzz/corpus"'
FUZZ_BEND = tests/fuzz/bend.c tests/fuzz/bend.h tests/fuzz/fuzz.h
FUZZ_FIELDS = tests/fuzz/fields.c tests/fuzz/fields.h
FUZZ_LINK = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

# The words of the tables, for libFuzzer's -dict; and messages of every kind, to begin with.
EXTRA_PROGRAMS += tests/fuzz/dictionary tests/fuzz/seeds
tests_fuzz_dictionary_SOURCES = tests/fuzz/dictionary.c
tests_fuzz_seeds_SOURCES = tests/fuzz/seeds.c tests/fuzz/seeds_letter.c tests/fuzz/seeds_letter.h \
	tests/fuzz/seeds_signer.c tests/fuzz/seeds_signer.h tests/fuzz/fuzz.h tests/fuzz/log_key.h
tests_fuzz_seeds_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_seeds_LDADD = daemon/letter/libletter.a daemon/wire/libinner_ask.a daemon/wire/libdriver_answer.a $(SIGND_LIBS) $(CRYPTO_LIBS) \
	$(LIBCONFIG_LIBS)
EXTRA_DIST += scripts/fuzz tests/fuzz/README tests/fuzz/make-seeds tests/fuzz/run.t tests/fuzz/corpus

tests_fuzz_fuzz_frame_SOURCES = tests/fuzz/frame.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_frame_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_frame_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_frame_LDADD = daemon/wire/libframe.a daemon/base/libbase.a

tests_fuzz_fuzz_inner_answer_SOURCES = tests/fuzz/inner_answer.c tests/fuzz/fuzz.h tests/fuzz/codec.h $(FUZZ_MAIN)
tests_fuzz_fuzz_inner_answer_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_inner_answer_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_inner_answer_LDADD = daemon/wire/libinner_answer.a daemon/wire/libinner_ask.a \
	daemon/wire/libframe.a daemon/base/libbase.a

tests_fuzz_fuzz_inner_ask_SOURCES = tests/fuzz/inner_ask.c tests/fuzz/fuzz.h tests/fuzz/codec.h $(FUZZ_MAIN)
tests_fuzz_fuzz_inner_ask_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_inner_ask_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_inner_ask_LDADD = daemon/wire/libinner_answer.a daemon/wire/libinner_ask.a daemon/wire/libframe.a \
	daemon/base/libbase.a

tests_fuzz_fuzz_driver_answer_SOURCES = tests/fuzz/driver_answer.c tests/fuzz/fuzz.h tests/fuzz/codec.h $(FUZZ_MAIN)
tests_fuzz_fuzz_driver_answer_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_driver_answer_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_driver_answer_LDADD = daemon/wire/libdriver_answer.a daemon/wire/libdriver_ask.a \
	daemon/wire/libframe.a daemon/base/libbase.a

tests_fuzz_fuzz_driver_ask_SOURCES = tests/fuzz/driver_ask.c tests/fuzz/fuzz.h tests/fuzz/codec.h $(FUZZ_MAIN)
tests_fuzz_fuzz_driver_ask_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_driver_ask_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_driver_ask_LDADD = daemon/wire/libdriver_answer.a daemon/wire/libdriver_ask.a \
	daemon/wire/libframe.a daemon/base/libbase.a

tests_fuzz_fuzz_index_SOURCES = tests/fuzz/index.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_index_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_index_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_index_LDADD = daemon/base/libbase.a $(CRYPTO_LIBS)

tests_fuzz_fuzz_est_SOURCES = tests/fuzz/est.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_est_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_est_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_est_LDADD = $(FRONT_ROOMS) $(FRONT_LIBS)

tests_fuzz_fuzz_csr_SOURCES = tests/fuzz/csr.c $(FUZZ_BEND) $(FUZZ_MAIN)
tests_fuzz_fuzz_csr_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_csr_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_csr_LDADD = $(FRONT_ROOMS) daemon/signd/libsignd.a $(FRONT_ROOMS) $(FRONT_LIBS)

tests_fuzz_fuzz_ocsp_SOURCES = tests/fuzz/ocsp.c $(FUZZ_BEND) $(FUZZ_MAIN)
tests_fuzz_fuzz_ocsp_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_ocsp_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_ocsp_LDADD = $(FRONT_ROOMS) daemon/signd/libsignd.a $(FRONT_ROOMS) $(FRONT_LIBS)

tests_fuzz_fuzz_crl_check_SOURCES = tests/fuzz/crl_check.c tests/fuzz/fuzz.h tests/fuzz/log_key.h $(FUZZ_MAIN)
tests_fuzz_fuzz_crl_check_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_crl_check_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_crl_check_LDADD = $(FRONT_ROOMS) daemon/signd/libsignd.a $(FRONT_ROOMS) $(FRONT_LIBS)

tests_fuzz_fuzz_certificate_SOURCES = tests/fuzz/certificate.c $(FUZZ_BEND) $(FUZZ_MAIN)
tests_fuzz_fuzz_certificate_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_certificate_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_certificate_LDADD = $(FRONT_ROOMS) daemon/signd/libsignd.a $(FRONT_ROOMS) $(FRONT_LIBS)

tests_fuzz_fuzz_json_SOURCES = tests/fuzz/json.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_json_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_json_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_json_LDADD = $(FRONT_ROOMS) $(FRONT_LIBS)

tests_fuzz_fuzz_http_SOURCES = tests/fuzz/http.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_http_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_http_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_http_LDADD = $(FRONT_ROOMS) $(FRONT_LIBS)

tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/conf.c tests/fuzz/conf_file.h tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_conf_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_conf_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_conf_LDADD = daemon/policy/libpolicy.a $(SIGND_LIBS) $(CRYPTO_LIBS) $(LIBCONFIG_LIBS)

tests_fuzz_fuzz_frontconf_SOURCES = tests/fuzz/frontconf.c tests/fuzz/conf_file.h tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_frontconf_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_frontconf_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_frontconf_LDADD = $(FRONT_ROOMS) $(FRONT_LIBS)

tests_fuzz_fuzz_record_SOURCES = tests/fuzz/record.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_record_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_record_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_record_LDADD = daemon/ledger/libledger.a daemon/base/libbase.a $(CRYPTO_LIBS)

tests_fuzz_fuzz_note_SOURCES = tests/fuzz/note.c tests/fuzz/fuzz.h tests/fuzz/log_key.h $(FUZZ_MAIN)
tests_fuzz_fuzz_note_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_note_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_note_LDADD = daemon/ledger/libledger.a daemon/base/libbase.a $(CRYPTO_LIBS)

tests_fuzz_fuzz_letter_SOURCES = tests/fuzz/letter.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_letter_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_letter_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_letter_LDADD = daemon/letter/libletter.a daemon/ledger/libledger.a daemon/names/libnames.a daemon/base/libbase.a $(CRYPTO_LIBS)

tests_fuzz_fuzz_proof_SOURCES = tests/fuzz/proof.c tests/fuzz/fuzz.h tests/fuzz/log_key.h $(FUZZ_MAIN)
tests_fuzz_fuzz_proof_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_proof_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_proof_LDADD = daemon/ledger/libledger.a daemon/base/libbase.a $(CRYPTO_LIBS)

tests_fuzz_fuzz_proposal_SOURCES = tests/fuzz/proposal.c tests/fuzz/log_key.h $(FUZZ_BEND) $(FUZZ_MAIN)
tests_fuzz_fuzz_proposal_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_proposal_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_proposal_LDADD = $(SIGND_LIBS) $(CRYPTO_LIBS) $(LIBCONFIG_LIBS)

tests_fuzz_fuzz_names_SOURCES = tests/fuzz/names.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_names_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_names_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_names_LDADD = daemon/names/libnames.a daemon/base/libbase.a

tests_fuzz_fuzz_charter_SOURCES = tests/fuzz/charter.c tests/fuzz/log_key.h $(FUZZ_BEND) $(FUZZ_FIELDS) $(FUZZ_MAIN)
tests_fuzz_fuzz_charter_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_charter_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_charter_LDADD = daemon/frontd/libfrontcore.a daemon/policy/libpolicy.a $(SIGND_LIBS) $(CRYPTO_LIBS) $(LIBCONFIG_LIBS)

# The signer without its threads and files: world.c stands in for them.
tests_fuzz_fuzz_signer_SOURCES = tests/fuzz/signer.c tests/fuzz/world.c tests/fuzz/world.h tests/fuzz/log_key.h \
	$(FUZZ_BEND) $(FUZZ_FIELDS) \
	$(FUZZ_MAIN)
tests_fuzz_fuzz_signer_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_signer_LDFLAGS = $(FUZZ_LINK) -Wl,--wrap=time_now -Wl,--wrap=time_now_ms -Wl,--wrap=time_boot_ms \
	-Wl,--wrap=random_bytes
tests_fuzz_fuzz_signer_LDADD = $(SIGND_LIBS) $(CRYPTO_LIBS) $(LIBCONFIG_LIBS)

# With a ledger of its own.
tests_fuzz_fuzz_crl_SOURCES = tests/fuzz/crl.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_crl_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_crl_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_crl_LDADD = $(SIGND_LIBS) $(CRYPTO_LIBS) $(LIBCONFIG_LIBS)

tests_fuzz_fuzz_ledger_SOURCES = tests/fuzz/ledger.c tests/fuzz/log_key.h $(FUZZ_BEND) $(FUZZ_MAIN)
tests_fuzz_fuzz_ledger_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_ledger_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_ledger_LDADD = daemon/signd/libsignd.a daemon/ledger/libledger.a daemon/base/libbase.a $(CRYPTO_LIBS)

tests_fuzz_fuzz_driverconf_SOURCES = tests/fuzz/driverconf.c drivers/key/pkcs11/uri.c tests/fuzz/conf_file.h \
	tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_driverconf_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_driverconf_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_driverconf_LDADD = drivers/key/libserver.a daemon/wire/libdriver_answer.a daemon/wire/libframe.a \
	daemon/base/libbase.a $(LIBCONFIG_LIBS) $(CRYPTO_LIBS)

tests_fuzz_fuzz_encode_SOURCES = tests/fuzz/encode.c $(FUZZ_BEND) $(FUZZ_FIELDS) $(FUZZ_MAIN)
tests_fuzz_fuzz_encode_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_encode_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_encode_LDADD = $(SIGND_LIBS) $(CRYPTO_LIBS) $(LIBCONFIG_LIBS)

tests_fuzz_fuzz_key_uri_SOURCES = tests/fuzz/key_uri.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_key_uri_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_key_uri_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_key_uri_LDADD = daemon/policy/libpolicy.a daemon/base/libbase.a

tests_fuzz_fuzz_root_SOURCES = tests/fuzz/root.c $(FUZZ_BEND) $(FUZZ_MAIN)
tests_fuzz_fuzz_root_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_root_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_root_LDADD = $(FRONT_ROOMS) daemon/signd/libsignd.a $(FRONT_ROOMS) $(FRONT_LIBS)

tests_fuzz_fuzz_lint_SOURCES = tests/fuzz/lint.c $(FUZZ_BEND) $(FUZZ_MAIN)
tests_fuzz_fuzz_lint_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_lint_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_lint_LDADD = daemon/policy/libpolicy.a daemon/names/libnames.a daemon/signd/libsignd.a daemon/base/libbase.a

tests_fuzz_fuzz_snapshot_SOURCES = tests/fuzz/snapshot.c tests/fuzz/fuzz.h tests/fuzz/log_key.h $(FUZZ_MAIN)
tests_fuzz_fuzz_snapshot_CFLAGS = $(FUZZ_COMPILE)
tests_fuzz_fuzz_snapshot_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_snapshot_LDADD = $(SIGND_LIBS) $(CRYPTO_LIBS) $(LIBCONFIG_LIBS)
