# names: typed names and the algebra of name constraints; on base alone.
noinst_LIBRARIES += daemon/names/libnames.a
daemon_names_libnames_a_SOURCES = \
	daemon/names/constraints.c daemon/names/constraints.h \
	daemon/names/dn.c daemon/names/dn.h \
	daemon/names/name.c daemon/names/name.h

