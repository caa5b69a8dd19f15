#!/usr/bin/env bash
# `chancery profile check`, which needs no daemon, and the page that describes each setting.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
dir=$(mktemp -d /tmp/ch.XXXXXX)
trap 'rm -rf "$dir"' EXIT
chancery=$CHANCERY_BUILD/chancery
page=$CHANCERY_SOURCE/conf/profile.conf.5

checks() { # STATUS WHAT ARGUMENTS...: what it said in $said
  local wanted=$1 what=$2 got
  shift 2
  said=$("$chancery" profile check "$@" 2>&1 </dev/null)
  got=$?
  is "$got" "$wanted" "$what"
}
good='keys = ( "ECDSA-P256" );
names = ( "dns" );
key_usage = ( "digitalSignature" );
longest_ttl = 3600;
default_ttl = 60;'
profile() { # NAME [LINES]
  printf '%s\n%s\n' "$good" "${2:-}" >"$dir/$1.conf"
}

checks 0 "what is shipped has no mistake" "$CHANCERY_SOURCE/conf/profiles"
is "$said" "5 looked at: 0 mistakes" "  and is counted"
checks 0 "each file by itself" "$CHANCERY_SOURCE"/conf/profiles/*.conf

# A file with a mistake of each sort: every one, with its line.
cat >"$dir/many.conf" <<'CONF'
keys = ( "RSA-1024" );
key_usage = ( "digitalSignature",
  "cRLSign" );
must_stapel = true;
extended_key_usage = ( "serverAuth" );
names = ( "email" );
longest_ttl = 10;
CONF
checks 10 "a file with many mistakes" "$dir/many.conf"
for line in ":1: keys.\[0\]: expected .*RSA-2048" ":3: key_usage.\[1\]: expected .*only CAs" \
  ":4: must_stapel: expected a setting that exists" ":6: names: expected dns, ip or uri" \
  ":7: longest_ttl: expected a whole number from 60" ": default_ttl: it is missing; expected" "^1 looked at: 6 mistakes"; do
  like "$said" "$line" "  $line"
done
checks 10 "the same for programs" --json "$dir/many.conf"
is "$(jq -c '[.mistakes, .unreadable, (.results[0].mistakes | map(.line))]' <<<"$said")" '[6,0,[1,3,7,null,6,4]]' "  with lines"

profile staple 'must_staple = true;'
checks 0 "a staple, with the front-end's URL" "$dir/staple.conf"
checks 10 "a staple, without it" --no-base-url "$dir/staple.conf"
like "$said" "staple.conf:6: must_staple: .*pki_base_url" "  says where the answer may come from"
profile staple 'must_staple = true; ocsp_urls = ( "http://ocsp.example.com/{ca}" );'
checks 0 "a staple with a URL of its own" --no-base-url "$dir/staple.conf"

printf 'keys = (\n  "RSA-2048"\nnames = ( "dns" );\n' >"$dir/syntax.conf"
checks 10 "a syntax error" "$dir/syntax.conf"
like "$said" "syntax.conf:3: syntax error" "  has its line"
printf '%s\nkeys = ( "RSA-2048" );\n' "$good" >"$dir/twice.conf"
checks 10 "a setting that stands there twice" "$dir/twice.conf"
like "$said" "twice.conf:6: duplicate setting" "  has its line"
profile Upper
checks 10 "a name that no profile has" "$dir/Upper.conf"
like "$said" "lower-case letters" "  says what a name is"
printf 'templates: {\n\tshop: {\n\t\tpermited = ( "dns:a.example" );\n\t};\n};\n' >"$dir/constraints.conf"
checks 10 "a template" "$dir/constraints.conf"
like "$said" "constraints.conf:3: templates.shop.permited" "  has its line"
checks 2 "a file that is not there" "$dir/none.conf"
like "$said" "none.conf: No such file" "  is named"
checks 2 "no file at all"
mkdir "$dir/empty"
checks 2 "a folder without a profile" "$dir/empty"
: >"$dir/nothing.conf"
checks 10 "an empty file" "$dir/nothing.conf"
is "$(grep -c 'it is missing' <<<"$said")" 5 "  lacks what must be there"
head -c 200000 /dev/urandom >"$dir/noise.conf"
checks 10 "noise" "$dir/noise.conf"
checks 10 "a folder: all files in it, whatever is wrong in one" --json "$dir"
is "$(jq '.results | length' <<<"$said")" "$(find "$dir" -maxdepth 1 -name '*.conf' | wc -l)" "  each once"

# The page says what the parser knows, and its examples are right.
settings=$("$chancery" profile check --settings --json | jq -r '.data[].setting')
is "$(wc -l <<<"$settings")" 19 "the settings are listed"
is "$(sed -n '/^\.Sh SETTINGS/,/^\.Sh FILES/s/^\.It Va //p' "$page")" "$settings" "profile.conf(5) has each of them, in their order"
defaults=$(awk '/^\.It Va / { name = $3 } /^No default\.$/ { print name }' "$page")
is "$defaults" "$("$chancery" profile check --settings --json | jq -r '.data[] | select(.default == null).setting')" \
  "it says of each whether it must be there"
while IFS= read -r setting; do
  example=$(awk -v s="$setting" '$1 == ".It" { on = $3 == s } on && $1 == ".Dl" { sub(/^\.Dl /, ""); print; exit }' "$page" |
    sed -e 's/\\(dq/"/g' -e 's/\\&//g')
  {
    grep -v "^$setting = " <<<"$good"
    echo "$example"
    case $setting in
    trust_domain) printf '%s\n' 'spiffe = true;' 'names = ( "uri" );' ;;
    spiffe) echo 'names = ( "uri" );' ;;
    name_patterns) echo 'names = ( "dns", "ip" );' ;;
    longest_ttl) echo 'default_ttl = 60;' ;;
    default_ttl) echo 'longest_ttl = 7776000;' ;;
    key_usage) echo 'keys = ( "RSA-2048" );' ;;
    esac
  } | awk -F' = ' '{ line[$1] = $0 } END { for (k in line) print line[k] }' >"$dir/example.conf"
  # of a setting given twice the later line counts
  if [ -n "$example" ] && "$chancery" profile check "$dir/example.conf" >"$dir/said"; then
    pass "  its example of $setting is taken"
  else
    fail "  its example of $setting is taken" "$example: $(cat "$dir/said")"
  fi
done <<<"$settings"
sed -n '/^\.Bd -literal/,/^\.Ed/{/^\./d;p}' "$page" | sed 's/\\(dq/"/g' >"$dir/shop.conf"
checks 0 "its whole example is a profile" "$dir/shop.conf"
if command -v mandoc >/dev/null; then
  # The pages that it refers to are found only where they are installed.
  nothing "mandoc finds nothing in it" "$(mandoc -T lint "$page" | grep -v 'referenced manual not found')"
else
  skip "mandoc finds nothing in it" "mandoc is not installed"
fi
tap_done
