# scripts: for the source tree, not installed.
EXTRA_DIST += scripts/check-arrows scripts/check-length scripts/compile-commands \
	scripts/format scripts/packages scripts/quickstart \
	scripts/packaging/build-deb scripts/packaging/chancery.spec \
	scripts/packaging/debian/changelog scripts/packaging/debian/chancery.postinst \
	scripts/packaging/debian/chancery.postrm scripts/packaging/debian/chancery.prerm \
	scripts/packaging/debian/chancery.lintian-overrides \
	scripts/packaging/debian/control scripts/packaging/debian/copyright scripts/packaging/debian/rules \
	scripts/packaging/debian/source/format \
	scripts/stack.sh scripts/supervise scripts/test .clang-format .clang-tidy .editorconfig .ci/run

# Two dists of one source are the same file, whenever and by whomever they are made: all in them has the date of the
# last release.
am__tar = tar --format=ustar --sort=name --owner=0 --group=0 --numeric-owner --mode=u+rw,go=rX,a-s \
	--mtime="@$${SOURCE_DATE_EPOCH:-$$(date -d "$$(sed -n 's/^ -- .*>  //p' '$(abs_srcdir)/scripts/packaging/debian/changelog' | head -n 1)" +%s)}" \
	-cf - "$$tardir"
