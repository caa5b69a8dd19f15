# systemd: units, sockets, users and folders. The units name the programs where they are installed.
SYSTEMD_UNITS_IN = systemd/chancery-driver@.service.in systemd/chancery-frontd.service.in \
	systemd/chancery-signd.service.in systemd/chancery-crl.service.in
systemdunitdir = $(prefix)/lib/systemd/system
dist_systemdunit_DATA = systemd/chancery-driver@.socket systemd/chancery-frontd.socket \
	systemd/chancery-frontd-pki.socket systemd/chancery-frontd-est.socket systemd/chancery-signd.socket systemd/chancery.target \
	systemd/chancery-crl.path systemd/chancery-crl.timer
nodist_systemdunit_DATA = $(SYSTEMD_UNITS_IN:.in=)
# What a unit runs that is no program of its own.
unitscriptdir = $(pkgdatadir)
dist_unitscript_SCRIPTS = systemd/collect-crls
EXTRA_DIST += tests/e2e/collect_crls.t
EXTRA_DIST += $(SYSTEMD_UNITS_IN) systemd/sysusers.conf systemd/tmpfiles.conf
CLEANFILES += $(nodist_systemdunit_DATA)

$(nodist_systemdunit_DATA): $(SYSTEMD_UNITS_IN) Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && \
	sed -e 's,@sbindir[@],$(sbindir),g' -e 's,@sysconfdir[@],$(sysconfdir),g' -e 's,@pkgdatadir[@],$(pkgdatadir),g' '$(srcdir)/$@.in' > '$@'

# Both are called chancery.conf where they go.
install-systemd:
	$(MKDIR_P) '$(DESTDIR)$(prefix)/lib/sysusers.d' '$(DESTDIR)$(prefix)/lib/tmpfiles.d'
	$(INSTALL_DATA) '$(srcdir)/systemd/sysusers.conf' '$(DESTDIR)$(prefix)/lib/sysusers.d/chancery.conf'
	$(INSTALL_DATA) '$(srcdir)/systemd/tmpfiles.conf' '$(DESTDIR)$(prefix)/lib/tmpfiles.d/chancery.conf'
.PHONY: install-systemd
