# conf: an example of each file goes to the data folder; a copy to be edited goes
# to /etc/chancery, and one that is there already stays as it is.
confexampledir = $(pkgdatadir)/conf
dist_confexample_DATA = conf/driver.conf conf/driver-file.conf conf/frontd.conf conf/signd.conf

# For Prometheus and Grafana: rules, their test, a dashboard.
prometheusdir = $(pkgdatadir)/prometheus
dist_prometheus_DATA = conf/prometheus/chancery.rules.yml conf/prometheus/chancery.test.yml conf/prometheus/chancery.dashboard.json

# For nginx: a door for relying parties, a server that is one, and the door before the socket of EST.
nginxdir = $(pkgdatadir)/nginx
dist_nginx_DATA = conf/nginx/pki.conf conf/nginx/mtls.conf conf/nginx/est.conf

install-data-local: install-systemd
	$(MKDIR_P) '$(DESTDIR)$(sysconfdir)/chancery'
	@for pair in signd.conf:signd.conf frontd.conf:frontd.conf driver.conf:driver-main.conf; do \
		to='$(DESTDIR)$(sysconfdir)/chancery/'"$${pair#*:}"; \
		test -e "$$to" || $(INSTALL) -m 0640 "$(srcdir)/conf/$${pair%:*}" "$$to" || exit 1; \
	done

uninstall-local:
	rm -f '$(DESTDIR)$(prefix)/lib/sysusers.d/chancery.conf' '$(DESTDIR)$(prefix)/lib/tmpfiles.d/chancery.conf'
	@for pair in signd.conf:signd.conf frontd.conf:frontd.conf driver.conf:driver-main.conf; do \
		to='$(DESTDIR)$(sysconfdir)/chancery/'"$${pair#*:}"; \
		if cmp -s "$(srcdir)/conf/$${pair%:*}" "$$to"; then rm -f "$$to"; fi; \
	done

# How it is watched, how a host that is lost comes back, and how relying parties get at it.
dist_man_MANS += conf/chancery-backup.7 conf/chancery-metrics.7 conf/chancery-nginx.7 \
	conf/chancery-istio.7 conf/chancery-assessment.7
