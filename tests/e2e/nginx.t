#!/usr/bin/env bash
# A relying party as people run it: Debian's nginx with the configuration of conf/nginx, a certificate of ours, and
# clients that it knows by theirs. Who is let in, who isn't and by what; CRLs read anew; OCSP and CRLs by a TCP port.
set -u
# shellcheck disable=SC2034 # for the stack
STACK_CRL_HOURS=48
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
command -v nginx >/dev/null || tap_skip_all "nginx is not installed"

# Where it listens: below what the kernel gives to connections that go out. Two tests may choose the same; the second
# one finds its port taken and chooses anew, before certificates name it.
web=$STACK_DIR/nginx user=-
nginx_folders() {
  stack_folders # which others may go through
  mkdir -p "$web/conf" "$web/tmp" "$web/www"
  echo "the house" >"$web/www/index.html"
  # Without rights, if we have any to give up; 65534 is let in nowhere.
  [ "$(id -u)" != 0 ] || ! id www-data >/dev/null 2>&1 || user=www-data
  if [ "$user" != - ]; then chown -R "$user" "$web"; fi
}
# The configuration as it is documented, with this test's paths and ports.
recipe() { # FILE LISTEN
  sed -e "s|listen [0-9]*|listen 127.0.0.1:$2|" -e "s|/run/chancery/pki.sock|$STACK_DIR/front/pki.sock|" \
    -e "s|/etc/nginx/chancery|$web/conf|; s|/var/lib/chancery-crl|$web/conf|" -e "s|/var/www/html|$web/www|" -e 's|resolver 127.0.0.53|resolver 127.0.0.1|' \
    "$STACK_SOURCE/conf/nginx/$1"
}
nginx_configure() { # INCLUDED...
  cat >"$web/nginx.conf" <<-CONF
	worker_processes 1;
	daemon off;
	pid $web/nginx.pid;
	error_log $web/error.log info;
	events { worker_connections 128; }
	http {
	access_log $web/access.log;
	client_body_temp_path $web/tmp/body;
	proxy_temp_path $web/tmp/proxy;
	fastcgi_temp_path $web/tmp/fastcgi;
	uwsgi_temp_path $web/tmp/uwsgi;
	scgi_temp_path $web/tmp/scgi;
	$(printf 'include %s;\n' "$@")
	}
	CONF
}
nginx_as() { stack_exec "$user" nginx -p "$web" -e "$web/error.log" -c "$web/nginx.conf"; }
nginx_listens() { # PORT...
  local port
  for port in "$@"; do
    grep -qE "^ *[0-9]+: 0100007F:$(printf %04X "$port") 00000000:0000 0A " /proc/net/tcp || return 1
  done
}
nginx_up() { # false if one of the ports is taken, and then it isn't running
  (nginx_as) >>"$web/said" 2>&1 &
  nginx=$!
  stack_until 200 nginx_settled
  kill -0 "$nginx" 2>/dev/null
}
nginx_settled() { # it has given up, or says that it has begun
  ! kill -0 "$nginx" 2>/dev/null || grep -q 'start worker process ' "$web/error.log"
}
nginx_down() {
  kill -QUIT "$nginx" 2>/dev/null
  wait "$nginx" 2>/dev/null
}
# A reload is over when the workers from before are gone.
workers() { pgrep -P "$nginx" | sort | tr '\n' ' '; }
reloaded() { # WORKERS-BEFORE
  local one now
  now=$(workers)
  [ -n "$now" ] || return 1
  for one in $1; do [[ " $now" != *" $one "* ]] || return 1; done
}
in_folder() { # CA: its CRL as anybody gets it, with all that was revoked
  curl -s -S -o "$work/latest.crl" --unix-socket "$STACK_DIR/pki.sock" "http://localhost/pki/$1/crl"
  cmp -s "$work/latest.crl" "$STACK_DIR/db/crl/$1.crl"
}
reload() { # as the units do, when what was revoked is on the CRLs
  local before ca
  before=$(workers)
  for ca in "$root" "$policy" "$issuing" "$sibling"; do
    stack_until 200 in_folder "$ca" || diag "the CRL of $ca is not in its folder"
  done
  "$STACK_SOURCE/systemd/collect-crls" "$STACK_DIR/db/crl" "$web/conf/crls.pem" 2>"$work/reload.err" &&
    kill -HUP "$nginx" && stack_until 200 reloaded "$before"
}

nginx_folders
for _ in 1 2 3 4 5 6 7 8 9 10; do
  first=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
  pki_port=$first tls_port=$((first + 1)) crl_port=$((first + 2))
  recipe pki.conf "$pki_port" >"$web/pki.conf"
  printf 'server { listen 127.0.0.1:%s; listen 127.0.0.1:%s; }\n' "$tls_port" "$crl_port" >"$web/hold.conf"
  nginx_configure "$web/pki.conf" "$web/hold.conf"
  : >"$web/error.log"
  if [ "$user" != - ]; then chown "$user" "$web/error.log"; fi
  ! nginx_up || break
done
kill -0 "$nginx" 2>/dev/null || e2e_die "nginx is not up: $(tail -5 "$web/error.log")"
base=http://127.0.0.1:$pki_port/pki
# shellcheck disable=SC2034 # for e2e_up
E2E_FRONTD="pki_base_url = \"$base\";"
e2e_up
hierarchy_make web ECDSA-P384 ECDSA-P256 ECDSA-P256
sibling=$(ca_make "$issuer" web-sibling ECDSA-P256 0 "$policy")
leaf() { # NAME SUBJECT PROFILE NAMES [CA [MORE]]: NAME.key, NAME.crt, NAME.pem with what is between it and the root
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" -addext "subjectAltName=$4" \
    -keyout "$work/$1.key" -out "$work/$1.csr" 2>/dev/null
  api POST "/api/v1/intermediates/${5:-$issuing}/certificates" \
    "$(jq -n --rawfile csr "$work/$1.csr" --arg p "$3" --argjson m "${6:-{\}}" '{csr_pem: $csr, profile: $p} + $m')"
  [ "$status" = 201 ] || diag "$1: $status $body"
  field .certificate_pem >"$work/$1.crt"
  { field .certificate_pem && field .chain_pem; } >"$work/$1.pem"
}
serial_of() { openssl x509 -in "$1" -noout -serial | sed 's/.*=//' | tr A-F a-f; }
revoke() { # NAME REASON
  api POST "/api/v1/intermediates/$issuing/certificates/$(serial_of "$work/$1.crt")/revoke" "{\"reason\": \"$2\"}"
  [ "$status" = 200 ] || diag "revoking $1: $status $body"
}
release() { api POST "/api/v1/intermediates/$issuing/certificates/$(serial_of "$work/$1.crt")/release" '{}'; }
client() { leaf "$1" "/O=Example/CN=$2" client "DNS:$2" "${3:-}" "${4:-}"; }

leaf server /O=Example/CN=localhost server DNS:localhost,IP:127.0.0.1
client shop shop
client stranger somebody
client other shop "$sibling"
leaf till /O=Example/OU=Payments/CN=till-7 client DNS:till-7
client late shop '' '{"ttl_seconds": 1}'
client self shop
openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /O=Example/CN=shop -days 2 -keyout "$work/self.key" \
  -out "$work/self.pem" 2>/dev/null
cat "$work"/web-{root,policy,issuing,sibling}.crt >"$web/conf/cas.pem"
cp "$work/server.pem" "$work/server.key" "$web/conf/"
# Where a certificate says: openssl's words.
ocsp_openssl() { # CERTIFICATE ISSUER
  openssl ocsp -url "$(openssl x509 -in "$1" -noout -ocsp_uri)" -issuer "$2" -cert "$1" -CAfile "$work/web-root.crt" \
    -verify_other "$web/conf/cas.pem" 2>&1 | tr '\n' ' '
}
answering() { # CERTIFICATE ISSUER: a responder is made by itself, some time after its CA
  [[ $(ocsp_openssl "$1" "$2") == *"Response verify OK"* ]]
}
for pair in policy:root issuing:policy sibling:policy; do
  stack_until 200 answering "$work/web-${pair%:*}.crt" "$work/web-${pair#*:}.crt" || fail "${pair#*:} has a responder"
done
stack_until 200 answering "$work/shop.crt" "$work/web-issuing.crt" || fail "issuing has a responder"
stack_until 200 answering "$work/other.crt" "$work/web-sibling.crt" || fail "sibling has a responder"
pass "every certificate below the root names a responder, which answers"
is "$(openssl x509 -in "$work/web-root.crt" -noout -ocsp_uri)" "" "  the root none"

# The same once more without OCSP, so that it shows what CRLs alone do; and both with the names of this hierarchy.
recipe mtls.conf "$tls_port" | sed 's|CN=Example Issuing CA,O=Example|CN=CA web-issuing,O=Test|' >"$web/mtls.conf"
sed -e '/^map/,/^}/d' -e '/ssl_ocsp/d; /ssl_stapling/d' -e "s|127.0.0.1:$tls_port|127.0.0.1:$crl_port|" "$web/mtls.conf" >"$web/crl.conf"
nginx_configure "$web/pki.conf" "$web/mtls.conf" "$web/crl.conf"
if [ "$user" != - ]; then chown -R "$user" "$web/conf"; fi
succeeds "the CRLs of all CAs become one file, and nginx reads it and its configuration" reload
is "$(grep -c BEGIN "$web/conf/crls.pem")" 4 "  of each CA one"
nothing "  without a complaint" "$(grep -E '\[(warn|error|crit|alert|emerg)\]' "$web/error.log")"
stack_until 200 nginx_listens "$pki_port" "$tls_port" "$crl_port" || fail "it listens"
before=$(workers)
reload
is "$? $(workers)" "1 $before" "  and once more changes nothing"

ask() { # PORT NAME [CURL-ARGUMENT...]: $status, the page in $work/page; NAME may be -
  local port=$1 as=()
  [ "$2" = - ] || as=(--cert "$work/$2.pem" --key "$work/$2.key")
  shift 2
  : >"$work/page"
  : >"$work/head"
  status=$(curl -s -S --max-time 100 -o "$work/page" -D "$work/head" -w '%{http_code}' --cacert "$work/web-root.crt" ${as[@]+"${as[@]}"} "$@" \
    "https://localhost:$port/" --resolve "localhost:$port:127.0.0.1" 2>"$work/curl.err")
}
entered() { # PORT NAME WHAT
  ask "$1" "$2"
  is "$status $(cat "$work/page")" "200 the house" "$3"
}
# nginx says why in its log; $REASON is what it must say since the request began.
stopped() { # PORT NAME STATUS WHAT [REASON]
  local since
  since=$(wc -l <"$web/error.log")
  ask "$1" "$2"
  if [ "$status" = "$3" ] && stack_until 100 told "$since" "${5:-}"; then
    pass "$4"
  else
    fail "$4" "status $status, wanted $3 $(cat "$work/curl.err")"$'\n'"$(tail -n +$((since + 1)) "$web/error.log")"
  fi
}
told() { tail -n +$(($1 + 1)) "$web/error.log" | grep -q -- "$2"; }

by_crl='verify error: (23:certificate revoked)' by_ocsp='verify error: certificate revoked'

# Who is let in
entered "$tls_port" shop "a good client: 200"
like "$(cat "$work/head")" 'X-Client: shop' "  by its name"
ask "$tls_port" till
like "$status $(cat "$work/head")" '^200.*|X-Client: till-7' "another, whose name is within a pattern"
entered "$crl_port" shop "a good client, by CRLs alone"

# Who isn't
stopped "$tls_port" - 400 "without a certificate" "client sent no required SSL certificate"
stopped "$tls_port" self 400 "of its own making" "SSL certificate verify error"
stopped "$tls_port" stranger 403 "another name than those allowed"
stopped "$tls_port" other 403 "the right name, of a sibling CA"
leaf ounder /O=Example/OU=Payments/CN=Till client DNS:till
stopped "$tls_port" ounder 403 "a name that is almost within the pattern"
expired() { ! openssl x509 -in "$work/late.crt" -noout -checkend 0 >/dev/null; }
stack_until 200 expired
stopped "$tls_port" late 400 "expired" "10:certificate has expired"

# Revoked: at once by OCSP, and from the next reload on by CRL
entered "$tls_port" till "before it is revoked"
revoke till keyCompromise
stopped "$tls_port" till 400 "revoked: refused at once, by OCSP" "$by_ocsp"
entered "$crl_port" till "  while who goes by CRLs has one that doesn't say so yet"
succeeds "  until the path unit's job" reload
stopped "$crl_port" till 400 "  has run" "$by_crl"
revoke shop certificateHold
stopped "$tls_port" shop 400 "on hold" "$by_ocsp"
release shop
entered "$tls_port" shop "  and released"

# By TCP, as anybody asks
curl -s -S -D "$work/head" -o "$work/crl" "$base/$issuing/crl"
like "$(openssl crl -inform DER -in "$work/crl" -CAfile "$work/web-issuing.crt" -noout -verify 2>&1)" 'verify OK' "a CRL by TCP"
etag=$(sed -n 's/^ETag: //Ip' "$work/head" | tr -d '\r')
is "$(curl -s -o /dev/null -w '%{http_code} %{size_download}' -H "If-None-Match: $etag" "$base/$issuing/crl")" "304 0" "  which who has it isn't sent again"
curl -s -S -o "$work/ca.crt" "$base/$issuing/ca.crt"
succeeds "a CA's certificate by TCP" cmp <(openssl x509 -inform DER -in "$work/ca.crt") <(openssl x509 -in "$work/web-issuing.crt")
for path in /metrics /healthz /readyz /api/v1/issuers /; do
  is "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$pki_port$path")" 404 "nothing else: $path"
done
is "$(curl -s -o /dev/null -w '%{http_code}' -X DELETE "$base/$issuing/crl")" 403 "nor another method"
is "$(curl -s -o /dev/null -w '%{http_code}' --path-as-is "$base/../metrics")" 404 "nor up from there"
head -c 10000000 /dev/zero >"$work/big"
is "$(curl -s -o /dev/null -w '%{http_code}' -H 'Content-Type: application/ocsp-request' -H 'Expect:' --data-binary "@$work/big" "$base/$issuing/ocsp")" 413 \
  "a request of 10 MB"

# A GET whose base64 has two slashes in a row, as it is and escaped: the serial number is looked for until there is one.
for ((n = 0; n < 200000; n++)); do
  serial=$(printf '7fffff%04x%06xffffff' $((n % 65536)) "$n")
  openssl ocsp -no_nonce -issuer "$work/web-issuing.crt" -serial "0x$serial" -reqout "$work/q" >/dev/null 2>&1
  encoded=$(base64 -w 0 "$work/q")
  [[ $encoded != *//* ]] || break
done
like "$encoded" // "an OCSP request with two slashes in a row"
for path in "$encoded" "$(sed 's/+/%2B/g; s,/,%2F,g; s/=/%3D/g' <<<"$encoded")"; do
  curl -s -S --path-as-is -D "$work/head" -o "$work/answer" "$base/$issuing/ocsp/$path"
  like "$(openssl ocsp -no_nonce -respin "$work/answer" -issuer "$work/web-issuing.crt" -serial "0x$serial" -CAfile "$work/web-root.crt" \
    -verify_other "$web/conf/cas.pem" 2>&1 | tr '\n' ' ')" "Response verify OK.*: unknown" "  ${path:0:9}...: answered"
done
like "$(ocsp_openssl "$work/shop.crt" "$work/web-issuing.crt")" "Response verify OK.*: good" "openssl ocsp asks where the certificate says"
like "$(ocsp_openssl "$work/till.crt" "$work/web-issuing.crt")" "Response verify OK.*: revoked.*keyCompromise" "  and is told which one is revoked"
ocsp_gnutls() { # NAME
  ocsptool --ask --load-cert "$work/$1.crt" --load-issuer "$work/web-issuing.crt" --load-trust "$work/web-issuing.crt" 2>&1 | tr '\n' ' '
}
like "$(ocsp_gnutls shop)" "Certificate Status: good.*Verifying OCSP Response: Success" "ocsptool --ask, too"
like "$(ocsp_gnutls till)" "Certificate Status: revoked.*Verifying OCSP Response: Success" "  and is told"

# NSS: by OCSP alone, of each certificate in the chain, and what it can't judge is refused
nss=sql:$work/nss
mkdir "$work/nss"
certutil -N -d "$nss" --empty-password
certutil -A -d "$nss" -n root -t CT,C, -i "$work/web-root.crt"
for name in policy issuing shop till; do
  [ -e "$work/web-$name.crt" ] && file=$work/web-$name.crt || file=$work/$name.crt
  openssl x509 -in "$file" -outform DER -out "$work/$name.der"
done
ocsp_nss() { # NAME
  vfychain -d "$nss" -pp -u 0 -g leaf -h requireFreshInfo -m ocsp -s failIfNoInfo -g chain -h requireFreshInfo -m ocsp -s failIfNoInfo \
    "$work/$1.der" "$work/issuing.der" "$work/policy.der" 2>&1 | tr '\n' ' '
}
like "$(ocsp_nss shop)" "Chain is good" "NSS asks for the whole chain"
like "$(ocsp_nss till)" "Chain is bad.*revoked" "  and is told"

# Stapled
stapled() {
  openssl s_client -connect "127.0.0.1:$tls_port" -servername localhost -status -CAfile "$work/web-root.crt" -cert "$work/shop.crt" \
    -key "$work/shop.key" -cert_chain "$work/shop.pem" </dev/null >"$work/status" 2>&1
  grep -q 'OCSP Response Status: successful' "$work/status"
}
stack_until 200 stapled
like "$(tr '\n' ' ' <"$work/status")" "OCSP Response Status: successful.*Cert Status: good.*Verify return code: 0 " \
  "what the responder says of the server goes along with its certificate"

# What can't be judged is refused
stack_stop
refuses "no responder: NSS refuses" grep -q "Chain is good" <<<"$(ocsp_nss shop)"
stopped "$tls_port" shop 400 "  nginx refuses" "OCSP"
entered "$crl_port" shop "  while CRLs go on"
stack_start || fail "the stack is up again"
comes_in() {
  ask "$tls_port" shop
  [ "$status" = 200 ]
}
succeeds "  and let in again when it answers" stack_until 200 comes_in
api POST "/api/v1/intermediates/$issuing/revoke" '{"reason": "cACompromise"}'
answers 200 "its CA is revoked"
stopped "$tls_port" shop 400 "  by OCSP nobody of it is let in" "$by_ocsp"
reload
stopped "$crl_port" shop 400 "  nor by CRL" "$by_crl"
is "$(sed -n 's/.*\[\(alert\|emerg\|crit\)\].*/&/p' "$web/error.log" | wc -l)" 0 "nginx never complained of itself"
nginx_down
tap_done
