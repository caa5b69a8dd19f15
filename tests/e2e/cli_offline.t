#!/bin/sh
# The command line without the real daemons: usage, exit codes, errors, files, and answers
# that a hostile or broken server might give. CHANCERY names the program under test.
set -u
here=$(cd "$(dirname "$0")" && pwd)
chancery=${CHANCERY:-$(command -v ./chancery || echo "${CHANCERY_BUILD:-$here/../../build/test}/chancery")}
dir=$(mktemp -d /tmp/ch.XXXXXX)
server=
trap '[ -n "$server" ] && kill "$server"; rm -rf "$dir"' EXIT
unset CHANCERY_SOCKET http_proxy
export LC_ALL=C.UTF-8 TERM=xterm
n=0 failed=0

ok() { # RESULT NAME
  n=$((n + 1))
  if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; failed=$((failed + 1)); fi
}

run() { # what it says to $dir/out and $dir/err, its exit code to $code
  "$chancery" "$@" >"$dir/out" 2>"$dir/err" </dev/null
  code=$?
}

exits() { # CODE NAME ARGUMENTS...
  want=$1 name=$2
  shift 2
  run "$@"
  [ "$code" -eq "$want" ]
  ok $? "$name: exits $want"
  [ "$code" -eq "$want" ] || { echo "# got $code"; sed 's/^/# /' "$dir/err"; }
}

says() { # FILE TEXT
  grep -qF -- "$2" "$dir/$1"
  ok $? "  says in $1: $2"
}

silent() { # FILE
  [ ! -s "$dir/$1" ]
  ok $? "  nothing in $1"
}

# --- usage ---
exits 0 version --version && says out "chancery "
exits 0 help help && says out "ca create"
silent err
exits 0 "help of a group" ca --help && says out "ca retire"
exits 0 "help of a command" help ca create && says out "--path-len N"
for command in "issuer create" "issuer list" "issuer show" "issuer set" "ca create" "ca register" "ca list" "ca tree" "ca show" \
  "ca chain" "ca retire" "cert issue" "cert list" "cert show" "profile list" "profile show" status whoami \
  "audit list" "audit checkpoint" lint; do
  # shellcheck disable=SC2086
  run $command --help
  [ "$code" -eq 0 ] && grep -q "^example:" "$dir/out" && grep -q "^  chancery $command" "$dir/out"
  ok $? "$command --help has an example"
done
exits 2 "no command" && silent out
says err "chancery help"
exits 2 "an unknown command" frobnicate && says err '"frobnicate"'
exits 2 "an unknown verb" ca frobnicate
exits 2 "an unknown option" ca list --frobnicate
exits 2 "a missing argument" ca show
exits 2 "an argument too many" ca show a b
exits 2 "a missing option" ca create --issuer x --name n
says err -- "--cn"
exits 2 "a number that is none" ca create --path-len 1.5
exits 2 "a time that is none" cert issue --ttl 1y
exits 2 "neither CA nor issuer" cert issue --profile server --csr -
exits 2 "half an address" cert show --serial 01
exits 2 "both addresses" cert show 00 --ca x --serial 01
exits 2 "a fingerprint that is not hex" cert show xyz
exits 2 "nothing to set" issuer set x
exits 2 "two starts" audit list --from 1 --last 1
exits 2 "help of nothing" help frobnicate
exits 2 "a usage error for programs" --json ca list --frobnicate
jq -e '.error.code == "usage"' "$dir/err" >/dev/null
ok $? "  is JSON"

# --- nobody there ---
exits 8 "no socket" --socket "$dir/none" status
says err "$dir/none"
says err CHANCERY_SOCKET
CHANCERY_SOCKET=$dir/other exits 8 "the socket from the environment" status && says err "$dir/other"
long=$dir/$(printf '%0120d' 0)
exits 2 "a socket path that is too long" --socket "$long" status
says err "at most 107"
exits 8 "no socket, for programs" --json --socket "$dir/none" ca list
jq -e '.error.code == "cannot_connect"' "$dir/err" >/dev/null
ok $? "  is JSON"

# --- a request that must not leave ---
exits 2 "no such request" cert issue --ca x --profile p --csr "$dir/none"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/key.pem" -subj /CN=www.example.com \
  -out "$dir/csr.pem" 2>/dev/null
cat "$dir/csr.pem" "$dir/key.pem" >"$dir/both.pem"
exits 2 "a request with its key" --socket "$dir/none" cert issue --ca x --profile p --csr "$dir/both.pem"
says err "private key"
head -c 300 /dev/zero >"$dir/zero"
exits 2 "a request that is none" --socket "$dir/none" cert issue --ca x --profile p --csr "$dir/zero"
head -c 1048577 /dev/zero >"$dir/zero"
exits 2 "a request over the limit" --socket "$dir/none" cert issue --ca x --profile p --csr "$dir/zero"
says err "too large"
exits 2 "a folder that is not there" --socket "$dir/none" cert issue --ca x --profile p --csr "$dir/csr.pem" --out "$dir/no/c.pem"
says err "nothing was asked"

# --- the linter, which needs no server ---
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=root -days 30 \
  -addext keyUsage=critical,keyCertSign,cRLSign -out "$dir/good.pem" 2>/dev/null
openssl req -x509 -key "$dir/key.pem" -subj /CN=www.example.com -days 30 -addext basicConstraints=critical,CA:FALSE \
  -addext extendedKeyUsage=serverAuth -set_serial 0 -out "$dir/bad.pem" 2>/dev/null
exits 0 "a good certificate" lint "$dir/good.pem" && says out "root, clean"
exits 10 "a bad one" lint "$dir/bad.pem" && says out rfc5280_4.1.2.2_serial_not_zero
says out rfc9525_2_server_auth_san
silent err
openssl x509 -in "$dir/good.pem" -outform DER -out "$dir/good.der"
exits 0 "DER" lint "$dir/good.der"
cat "$dir/key.pem" "$dir/good.pem" "$dir/bad.pem" >"$dir/many.pem"
exits 10 "many blocks, for programs" lint --json "$dir/many.pem" "$dir/good.der"
jq -e '[.results[].kind] == ["root", "leaf", "root"] and .errors == 2 and
  (.results[1].findings | map(.rule) | index("rfc5280_4.1.2.2_serial_not_zero")) >= 0' "$dir/out" >/dev/null
ok $? "  each is told of"
"$chancery" lint - <"$dir/good.pem" >"$dir/out" 2>&1
ok $? "  standard input is read"
exits 0 "all rules" lint --rules && says out "RFC 5280, 4.1.2.2"
exits 0 "all rules, for programs" lint --rules --json
jq -e '.data | length > 100 and (map(.rule) | unique | length) == length' "$dir/out" >/dev/null
ok $? "  no id is there twice"
exits 2 "nothing to lint" lint
exits 2 "a file that is not there" lint "$dir/none"
exits 2 "a request" lint "$dir/csr.pem" && says err "neither a certificate nor a CRL"
exits 2 "a file of zeros" lint "$dir/zero"
sed '$d' "$dir/good.pem" >"$dir/cut.pem"
exits 2 "a cut block" lint "$dir/cut.pem" && says err broken
printf '0\203\377\377\377x' >"$dir/odd.der"
exits 10 "DER that is no certificate" lint "$dir/odd.der" && says out rfc5280_4.1_readable

# --- a server that says what it is told to ---
python3 "$here/fake_frontd.py" "$dir/api.sock" "$dir/answers" "$dir/log" >"$dir/ready" &
server=$!
# A fifo would do as well; the file is polled so that a server that dies ends the test.
while ! grep -q ready "$dir/ready"; do kill -0 "$server" || { echo "Bail out! no fake server"; exit 1; }; done
CHANCERY_SOCKET=$dir/api.sock
export CHANCERY_SOCKET
answers() {
  cat >"$dir/answers"
  : >"$dir/log"
}
openssl x509 -req -in "$dir/csr.pem" -signkey "$dir/key.pem" -days 30 -out "$dir/leaf.pem" 2>/dev/null
leaf=$(jq -Rs . <"$dir/leaf.pem")
ca1=ica-11111111-1111-1111-1111-111111111111
ca2=ica-22222222-2222-2222-2222-222222222222
lists='"GET /api/v1/issuers": {"json": {"data": [{"id": "iss-1", "name": "web", "hierarchy_mode": "tree", "issuing_ca_id": null},
  {"id": "iss-2", "name": "lab", "hierarchy_mode": "single"}]}},
 "GET /api/v1/issuers/iss-1/intermediates": {"json": {"data": [
  {"id": "'$ca1'", "name": "root", "state": "active", "parent_ca_id": null, "owning_issuer_id": "iss-1", "path_len_constraint": 1,
   "not_after": "2100-01-01T00:00:00Z"},
  {"id": "'$ca2'", "name": "issuing", "state": "retiring", "parent_ca_id": "'$ca1'", "owning_issuer_id": "iss-1",
   "path_len_constraint": 0, "not_after": "2001-01-01T00:00:00Z"}]}},
 "GET /api/v1/issuers/iss-2/intermediates": {"json": {"data": [
  {"id": "ica-3", "name": "root", "owning_issuer_id": "iss-2"}]}}'

answers <<END
{$lists}
END
exits 0 "a list" issuer list && says out "NAME  MODE    ISSUING CA  ID"
exits 0 "a list for programs" issuer list --json
jq -e '.data[1].name == "lab"' "$dir/out" >/dev/null
ok $? "  is the server's JSON"
exits 0 "a tree" ca tree
says out "└─ issuing"
says out "(in "
says out "years ago)"
LC_ALL=C exits 0 "a tree in ASCII" ca tree && says out '`- issuing'
exits 2 "an ambiguous name" ca show root
says err "$ca1 (issuer iss-1), ica-3 (issuer iss-2)"
exits 5 "an unknown name" ca show nobody
exits 5 "an unknown id" ca show ica-99999999-9999-9999-9999-999999999999
exits 5 "an unknown issuer" issuer show nobody
: >"$dir/log"
exits 5 "an ambiguous name within an issuer" ca show root --issuer web
grep -q "\"GET /api/v1/intermediates/$ca1\"" "$dir/log"
ok $? "  asks for the right one"
: >"$dir/log"
exits 5 "an argument with slashes" cert list --ca "$ca1" --name '../?&x=1'
grep -q 'name=%2E%2E%2F%3F%26x%3D1"' "$dir/log"
ok $? "  is encoded"

answers <<END
{$lists, "POST /api/v1/issuers/iss-1/intermediates?dry_run=true": {"json": {"name": "new"}}}
END
exits 0 "a CA with everything" ca create --issuer web --parent root --name new --cn 'Ünsere CA' --o A --o B --ou U --c DE --l L \
  --st S --algorithm ECDSA-P256 --ttl-days 10 --path-len 0 --permit example.com --permit ip:10.0.0.0/8 --exclude bad.example.com \
  --metadata k=v=w --dry-run
tail -1 "$dir/log" | jq -e '.body == {"name": "new", "subject": {"common_name": "Ünsere CA", "organization": ["A", "B"],
  "organizational_unit": ["U"], "country": ["DE"], "locality": ["L"], "province": ["S"]}, "parent_ca_id": "'$ca1'",
  "algorithm": "ECDSA-P256", "ttl_days": 10, "path_len_constraint": 0, "name_constraints":
  [{"permitted": ["example.com", "ip:10.0.0.0/8"], "excluded": ["bad.example.com"]}], "metadata": {"k": "v=w"}}' >/dev/null
ok $? "  asks for all of it"
exits 2 "metadata that is no pair" ca create --issuer web --name n --cn c --metadata =v
exits 2 "text that is not UTF-8" ca create --issuer web --name "$(printf 'a\377')" --cn c

answers <<END
{"GET /api/v1/issuers": {"json": {"data": [{"id": "iss-1", "name": "web"}]}},
 "GET /api/v1/issuers/iss-1/intermediates": {"json": {"data": [{"id": "old", "name": "a", "state": "retired"},
  {"id": "new", "name": "a", "state": "active"}, {"id": "older", "name": "a", "state": "revoked"},
  {"id": "b1", "name": "b", "state": "retired"}, {"id": "b2", "name": "b", "state": "retired"}]}},
 "GET /api/v1/intermediates/new": {"json": {"id": "new"}}}
END
exits 0 "a name that was used before" ca show a && says out "new"
exits 2 "a name of the past twice" ca show b

# --- issuing, and where it goes ---
answers <<END
{$lists, "POST /api/v1/intermediates/$ca2/certificates": {"status": 201, "json":
 {"certificate_pem": $leaf, "chain_pem": $leaf, "root_pem": "-----BEGIN PRIVATE KEY-----", "serial": "0a", "fingerprint": "ff"}}}
END
exits 0 "a certificate to files" cert issue --ca issuing --profile server --csr "$dir/csr.pem" --ttl 2h --out "$dir/c.pem" --chain "$dir/ch.pem"
cmp -s "$dir/leaf.pem" "$dir/c.pem" && [ "$(stat -c %a "$dir/c.pem")" = 644 ] && cmp -s "$dir/leaf.pem" "$dir/ch.pem"
ok $? "  writes them, open to read"
says out "0a"
! grep -q BEGIN "$dir/out"
ok $? "  shows no PEM"
tail -1 "$dir/log" | jq -e --rawfile csr "$dir/csr.pem" '.body == {"csr_pem": $csr, "profile": "server", "ttl_seconds": 7200}' >/dev/null
ok $? "  asks for two hours"
"$chancery" cert issue --ca issuing --profile server --csr - <"$dir/csr.pem" >"$dir/out" 2>"$dir/err" && cmp -s "$dir/out" "$dir/leaf.pem"
ok $? "a pipe in and out carries the certificate alone"
exits 1 "a chain that is none" cert issue --ca issuing --profile server --csr "$dir/csr.pem" --out "$dir/c.pem" --root "$dir/r.pem"
says err "cert show ff --out FILE"
[ ! -e "$dir/r.pem" ]
ok $? "  is not written"
if [ -c /dev/full ]; then
  "$chancery" issuer list >/dev/full 2>"$dir/err"
  [ $? -eq 1 ]
  ok $? "a full disk under standard output exits 1"
fi

answers <<END
{"GET /api/v1/certificates/$(printf '%064d' 7)": {"json": {"state": "active", "certificate_pem": $leaf}}}
END
exits 0 "a certificate shown" cert show "$(printf '%064d' 7 | sed 's/../&:/g; s/:$//')"
says out "CN=www.example.com"
says out "ecdsa-with-SHA256"

# --- errors by class ---
class() { # STATUS EXIT
  answers <<END
{"GET /api/v1/status": {"status": $1, "json": {"error": {"code": "some_code", "message": "One sentence.", "field": "ttl_days"}}}}
END
  exits "$2" "HTTP $1" status
  says err "One sentence. (field ttl_days, some_code)"
}
class 400 3
class 403 4
says err "chancery whoami"
class 404 5
class 409 6
class 413 3
class 422 3
class 429 7
class 500 1
class 503 7
exits 7 "an error for programs" --json status
jq -e '.error == {"code": "some_code", "message": "One sentence.", "field": "ttl_days"}' "$dir/err" >/dev/null
ok $? "  is JSON"

# --- trying again ---
away='{"status": 503, "headers": {"Retry-After": "1"}, "json": {"error": {"code": "signer_away", "message": "Away."}}}'
answers <<END
{"POST /api/v1/issuers": [$away, {"drop": true}, {"status": 201, "json": {"name": "x"}}]}
END
exits 0 "a POST while the service is away" issuer create x --wait 120
jq -se 'length == 3 and (map(.key) | unique | length) == 1 and (.[0].key | length) == 32' "$dir/log" >/dev/null
ok $? "  is tried three times with one key"
answers <<END
{"POST /api/v1/issuers": $away}
END
exits 7 "a POST with no time left" issuer create x --wait 0
[ "$(wc -l <"$dir/log")" -eq 1 ]
ok $? "  is tried once"
answers <<END
{"POST /api/v1/issuers": {"status": 503, "headers": {"Retry-After": "999999999999999999999"}, "json": {}}}
END
exits 7 "a wait that is too long" issuer create x --wait 2
answers <<END
{"GET /api/v1/status": {"drop": true}}
END
exits 7 "a connection that is lost" status

# --- pages ---
answers <<END
{"GET /api/v1/certificates": {"json": {"data": [{"serial": "01"}], "next_cursor": "c/1"}},
 "GET /api/v1/certificates?cursor=c%2F1": {"json": {"data": [{"serial": "02"}, {"serial": "03"}], "next_cursor": "c2"}},
 "GET /api/v1/certificates?cursor=c2": {"json": {"data": [], "next_cursor": "c2"}}}
END
exits 0 "a list of pages" cert list --json
jq -e '[.data[].serial] == ["01", "02", "03"]' "$dir/out" >/dev/null
ok $? "  is whole"
exits 0 "a limited list of pages" cert list --json --limit 2
jq -e '[.data[].serial] == ["01", "02"]' "$dir/out" >/dev/null
ok $? "  is cut"

answers <<END
{"GET /api/v1/certificates?state=active&limit=1000":
  {"json": {"data": [{"serial": "01", "kind": "leaf", "subject": "CN=a"}, {"serial": "02", "kind": "leaf", "subject": "CN=b"}, null, 7], "next_cursor": "c/1"}},
 "GET /api/v1/certificates?state=active&limit=1000&cursor=c%2F1":
  {"json": {"data": [{"serial": "03", "kind": "ca", "subject": "CN=a"}, {"serial": "04", "kind": "leaf", "names": [4, "CN=a"]}], "next_cursor": "c2"}},
 "GET /api/v1/certificates?state=active&limit=1000&cursor=c2": {"json": {"data": [], "next_cursor": "c2"}}}
END
exits 0 "a filter" cert revoke-many --subject 'CN=a' --json
jq -e '.would_revoke == 2 and [.data[].serial] == ["01", "04"]' "$dir/out" >/dev/null
ok $? "  looks through all pages"

# --- answers that nobody should send ---
answers <<'END'
{"GET /api/v1/issuers": {"json": {"data": [{"id": 7, "name": "a\u001b]0;owned\u0007\u202eb"}, null, 3, [], {"name": {"x": []}}]}},
 "GET /api/v1/profiles": {"json": {"data": [{"name": "p", "deep": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": 1}}}}}}}}}}]}},
 "GET /api/v1/audit?last=20": {"json": {"data": [{"seq": "x", "what": {"k": "\u001b[31m"}}, {"seq": 3}, null, "s"]}},
 "GET /api/v1/whoami": {"text": "[1,2]"},
 "GET /api/v1/audit/checkpoint": {"text": "{\"a\":\u00ff"},
 "GET /api/v1/status": {"status": 403, "json": {"error": {"code": "\u001b[2J", "message": ["x"], "field": 9}}},
 "GET /api/v1/certificates": {"json": {"data": {"a": 1}, "next_cursor": 5}},
 "GET /api/v1/certificates?state=a": {"raw": "SSH-2.0-OpenSSH_9.2\r\n"},
 "GET /api/v1/certificates?state=b": {"raw": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"},
 "GET /api/v1/certificates?state=c": {"status": 302, "headers": {"Location": "http://example.com/"}},
 "GET /api/v1/certificates?state=d": {"status": 404, "text": "<html>"}}
END
exits 0 "odd rows" issuer list
says out '\x1b]0;owned\x07\xe2\x80\xaeb'
! grep -q "$(printf '\033')" "$dir/out"
ok $? "  no escape reaches the terminal"
exits 0 "a deep object" profile show p
exits 0 "odd records" audit list && says out '\u001B[31m'
exits 1 "an array" whoami
exits 1 "broken JSON" audit checkpoint
exits 4 "an odd error" status && says err '\x1b[2J'
! grep -q "$(printf '\033')" "$dir/err"
ok $? "  no escape reaches the terminal"
exits 1 "a list that is none" cert list
exits 1 "no HTTP" cert list --state a
exits 7 "half an answer" cert list --state b
exits 1 "a redirect" cert list --state c
exits 5 "an error page" cert list --state d
exits 1 "an id that is no text" issuer show "$(printf 'a\033]0;owned\007\342\200\256b')"

echo "1..$n"
[ "$failed" -eq 0 ]
