# wire: frames, and the two protocols; each half is its own library, so that a program carries only the one it needs.
noinst_LIBRARIES += daemon/wire/libframe.a daemon/wire/libinner_ask.a daemon/wire/libinner_answer.a \
	daemon/wire/libdriver_ask.a daemon/wire/libdriver_answer.a
daemon_wire_libframe_a_SOURCES = daemon/wire/frame.c daemon/wire/frame.h daemon/wire/refusal.c daemon/wire/token.h \
	daemon/wire/passing.c daemon/wire/passing.h daemon/wire/rows.c daemon/wire/rows.h \
	daemon/wire/inner.def daemon/wire/inner.h daemon/wire/inner_refusals.def daemon/wire/reports.def \
	daemon/wire/driver.def daemon/wire/driver.h daemon/wire/driver_refusals.def
daemon_wire_libinner_ask_a_SOURCES = daemon/wire/inner_ask.c daemon/wire/inner_ask.h daemon/wire/half_ask.h \
	daemon/wire/half_fields.h
daemon_wire_libinner_answer_a_SOURCES = daemon/wire/inner_answer.c daemon/wire/inner_answer.h daemon/wire/half_answer.h
daemon_wire_libdriver_ask_a_SOURCES = daemon/wire/driver_ask.c daemon/wire/driver_ask.h
daemon_wire_libdriver_answer_a_SOURCES = daemon/wire/driver_answer.c daemon/wire/driver_answer.h
EXTRA_DIST += daemon/wire/PROTOCOL.md daemon/wire/page.awk

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_wire
tests_unit_test_wire_SOURCES = tests/unit/test_wire.c
tests_unit_test_wire_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_wire_LDADD = daemon/wire/libinner_ask.a daemon/wire/libinner_answer.a daemon/wire/libframe.a \
	daemon/base/libbase.a $(CMOCKA_LIBS)
endif

# Both protocols as manual pages, made of PROTOCOL.md: each has what holds for both, and its own verbs.
man7_MANS = daemon/wire/chancery-inner.7 daemon/wire/chancery-driver.7
CLEANFILES += $(man7_MANS)
PROTOCOL_PAGE = $(AM_V_GEN)$(MKDIR_P) daemon/wire && LC_ALL=C $(AWK) -f '$(srcdir)/daemon/wire/page.awk'
daemon/wire/chancery-inner.7: daemon/wire/PROTOCOL.md daemon/wire/page.awk
	$(PROTOCOL_PAGE) -v name=chancery-inner -v about="what Chancery's front-end asks of its signer" \
		-v skip="drivers' verbs" -v also=".Xr chancery-driver 7 , .Xr chancery-frontd 8 , .Xr chancery-signd 8" \
		'$(srcdir)/daemon/wire/PROTOCOL.md' >'$@.new' && mv '$@.new' '$@'
daemon/wire/chancery-driver.7: daemon/wire/PROTOCOL.md daemon/wire/page.awk
	$(PROTOCOL_PAGE) -v name=chancery-driver -v about="what Chancery's signer asks of a key driver" \
		-v skip="signer's verbs" -v also=".Xr chancery-inner 7 , .Xr chancery-driver-pkcs11 8 , .Xr chancery-signd 8" \
		'$(srcdir)/daemon/wire/PROTOCOL.md' >'$@.new' && mv '$@.new' '$@'
