#!/usr/bin/env bash
# What a program says of itself, and what its pages say: every program answers --help and --version and has a page, every
# page is clean, and every setting that a parser asks for stands in the page of its file and in the file's example.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
cd "$CHANCERY_SOURCE" || exit 1
version=$(sed -n 's/^AC_INIT(\[chancery\], \[\(.*\)\])/\1/p' configure.ac)

for program in chancery chancery-ceremony chancery-submit chancery-frontd chancery-signd chancery-driver-pkcs11 chancery-driver-file; do
  said=$("$CHANCERY_BUILD/$program" --version 2>/dev/null)
  is "$? $said" "0 $program $version" "$program --version"
  said=$("$CHANCERY_BUILD/$program" --help 2>/dev/null)
  is "$?" 0 "$program --help ends well"
  like "$said" '^[Uu]sage: ' "  and says how it is called"
  refuses "$program refuses an option that it hasn't" "$CHANCERY_BUILD/$program" --nonsense
  page=$(find daemon drivers -name "$program.[18]")
  like "${page:-none}" '\.[18]$' "$program has a page"
  for option in $(grep -oE -- '--[a-z][a-z-]+' <<<"$said" | sort -u); do
    if sed 's/\\-/-/g; s/Fl Fl /--/g; s/Fl -/--/g; s/ | -/ --/g' "$page" | grep -qF -- "$option"; then
      pass "  which has $option"
    else
      fail "  which has $option" "$page"
    fi
  done
done

pages() { find conf daemon drivers -name '*.[1578]'; find "$CHANCERY_BUILD/daemon/wire" -name '*.7'; }
if command -v mandoc >/dev/null; then
  while IFS= read -r page; do
    # Pages are found only where they are installed.
    nothing "mandoc finds nothing in ${page#"$CHANCERY_BUILD/"}" "$(mandoc -T lint "$page" |
      grep -v -e 'referenced manual not found' -e 'mandoc.db')"
    like "$(cat "$page")" '\.Dd ' "  which is written in mdoc"
  done < <(pages | sort)
else
  skip "mandoc finds nothing in the pages" "mandoc is not installed"
fi

# The settings that a parser asks for by a name that stands in its source; those of profiles have a test of their own.
keys() { # FILE...
  cat "$@" | tr -d '\n' | grep -oE '(conf_(text|int|int_required|bool|mode|hex|peers|count)|socket_read)\([a-z>-]+,[[:space:]]*"[a-z_]+"' |
    sed 's/.*"\(.*\)"/\1/' | sort -u
  # asked for by the one function that all share
  echo log_level
}
settings() { # PAGE EXAMPLE FILE...
  local page=$1 example=$2 key
  shift 2
  for key in $(keys "$@"); do
    if sed 's/\\-/-/g; s/\\f.//g' "$page" | grep -qE "^\.(It|Sy) .*\b$key\b"; then
      pass "$page has $key"
    else
      fail "$page has $key"
    fi
    # Commented out where the default does.
    if grep -qE "(^|[#[:space:]{(;])$key *[=:]" "$example"; then pass "  and $example shows it"; else fail "  and $example shows it"; fi
  done
}
settings conf/frontd.conf.5 conf/frontd.conf daemon/frontd/config.c daemon/frontd/authz.c
settings conf/signd.conf.5 conf/signd.conf daemon/signd/config.c daemon/signd/ceilings.c
settings conf/driver.conf.5 conf/driver.conf drivers/key/server_settings.c drivers/key/pkcs11/settings.c
settings drivers/key/file/chancery-driver-file.8 conf/driver-file.conf drivers/key/server_settings.c drivers/key/file/main.c

# The examples as they are installed: nothing in them that the parsers refuse, but for who calls.
for pair in chancery-signd:signd chancery-frontd:frontd; do
  said=$("$CHANCERY_BUILD/${pair%:*}" --config "conf/${pair#*:}.conf" --check 2>&1)
  nothing "every setting of conf/${pair#*:}.conf is known" "$(grep 'no such setting\|unknown' <<<"$said")"
done
tap_done
