#!/usr/bin/env bash
# Enrollment over Secure Transport behind Debian's nginx with the configuration of conf/nginx: CA certificates, enrolling,
# enrolling anew, by curl and judged by openssl; what is refused, and that headers of identity are the proxy's alone.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
command -v nginx >/dev/null || tap_skip_all "nginx is not installed"
curl --version | grep -q UnixSockets || tap_skip_all "curl knows no Unix sockets"

# Without rights, if there are any to give up; 65534 is let in nowhere.
user=-
[ "$(id -u)" != 0 ] || ! id www-data >/dev/null 2>&1 || user=www-data
e2e_up
hierarchy_make house "$(token_first)" "$(token_first)" "$(token_first)"
api GET "/api/v1/intermediates/$root"
field .certificate_pem >"$work/root.pem"

# --- off unless configured
refuses "without configuration there is no such socket" stack_listens "$STACK_DIR/front/est.sock"
frontd_anew() {
  local before
  before=$(pid_of frontd)
  kill -TERM "$before"
  stack_until 60 frontd_is_not "$before" && stack_until "$STACK_PATIENCE" stack_ready
}
frontd_is_not() { [ "$(pid_of frontd)" != "$1" ]; }
: "${STACK_PATIENCE:=60}"
sed -i "s|^  issuer = ( |&{ identities = [ \"dns:*.dev.example.com\" ]; cas = [ \"$issuing\" ]; profiles = [ \"client\", \"server\" ]; names = [ \"dns:*.dev.example.com\" ]; }, |" \
  "$STACK_DIR/conf/frontd.conf"
cat >>"$STACK_DIR/conf/frontd.conf" <<-CONF
	est = {
	  socket = "$STACK_DIR/front/est.sock";
	  proxy = [ "$(stack_rule "$user")" ];
	  services = (
	    { ca = "$issuing"; profile = "client"; own_names = true; },
	    { label = "servers"; ca = "$issuing"; profile = "server"; },
	    { label = "peers"; ca = "$issuing"; profile = "peer"; },
	    { label = "elsewhere"; ca = "ica-00000000-0000-8000-8000-000000000000"; profile = "server"; } );
	};
CONF
frontd_anew || e2e_die "the front-end does not come back"
if stack_until 60 stack_listens "$STACK_DIR/front/est.sock"; then pass "with it there is"; else fail "with it there is"; fi

# --- nginx, on a Unix socket with TLS: no port is needed
web=$STACK_DIR/nginx
mkdir -p "$web/conf" "$web/tmp"
csr_make "$work/est" ec:P-256 DNS:est.example.com
issue "$issuing" "$work/est.csr" server
cat "$work/est.crt" "$work/est.chain" >"$web/conf/est.pem"
cp "$work/est.key" "$web/conf/est.key"
cp "$work/root.pem" "$web/conf/clients.pem"
sed -e "s|listen 8443|listen unix:$web/est.sock|" -e "s|/run/chancery/est.sock|$STACK_DIR/front/est.sock|" \
  -e "s|/etc/nginx/chancery|$web/conf|" "$STACK_SOURCE/conf/nginx/est.conf" >"$web/est.conf"
cat >"$web/nginx.conf" <<-CONF
	worker_processes 1;
	daemon off;
	pid $web/nginx.pid;
	error_log $web/error.log info;
	events { worker_connections 64; }
	http {
	access_log off;
	client_body_temp_path $web/tmp/body;
	proxy_temp_path $web/tmp/proxy;
	fastcgi_temp_path $web/tmp/fastcgi;
	uwsgi_temp_path $web/tmp/uwsgi;
	scgi_temp_path $web/tmp/scgi;
	include $web/est.conf;
	}
CONF
if [ "$user" != - ]; then chown -R "$user" "$web"; fi
(stack_exec "$user" nginx -p "$web" -e "$web/error.log" -c "$web/nginx.conf") >>"$web/said" 2>&1 &
stack_until 60 stack_listens "$web/est.sock" || e2e_die "nginx does not listen: $(cat "$web/said")"

base=https://est.example.com/.well-known/est
est() { # PATH CLIENT(-: none) [CURL-OPTIONS...]: $status, what came in $work/answer
  local path=$1 client=$2 known=()
  shift 2
  [ "$client" = - ] || known=(--cert "$client.all" --key "$client.key")
  status=$(curl -s --max-time 100 --unix-socket "$web/est.sock" --cacert "$work/root.pem" ${known[@]+"${known[@]}"} \
    -o "$work/answer" -D "$work/headers" -w '%{http_code}' "$@" "$base$path" 2>"$work/curl.err")
}
post() { # PATH CLIENT FILE [CURL-OPTIONS...]: a request in base64
  local path=$1 client=$2 file=$3
  shift 3
  est "$path" "$client" -H 'Content-Type: application/pkcs10' --data-binary "@$file" "$@"
}
came() { # STATUS WHAT
  if [ "$status" = "$1" ]; then pass "$2"; else fail "$2" "got $status $(cat "$work/answer" "$work/curl.err"), wanted $1"; fi
}
type_came() { tr -d '\r' <"$work/headers" | sed -n 's/^[Cc]ontent-[Tt]ype: //p'; }
sentence() { # PATTERN WHAT: RFC 7030 4.2.3
  is "$(type_came)" "text/plain; charset=utf-8" "  in plain text"
  like "$(cat "$work/answer")" "$1" "  $2"
}
certificates() { # FILE: what came, as PEM
  base64 -d "$work/answer" >"$work/answer.p7" && openssl pkcs7 -inform DER -in "$work/answer.p7" -print_certs -out "$1" 2>"$work/pkcs7.err"
}
request() { # STEM SUBJECT NAMES [OPTIONS...]: key, request, and that in base64
  csr_make "$1" ec:P-256 "$3" -subj "$2" "${@:4}"
  openssl req -in "$1.csr" -outform DER | base64 >"$1.b64"
}
enrolled() { # STEM WHAT: the answer is a certificate for the key of STEM, which verifies
  is "$(type_came)" "application/pkcs7-mime; smime-type=certs-only" "$2: the type is as RFC 7030 has it"
  succeeds "$2: openssl reads it" certificates "$1.crt"
  is "$(grep -c BEGIN "$1.crt")" 1 "$2: one certificate"
  is "$(openssl x509 -in "$1.crt" -noout -pubkey)" "$(openssl pkey -in "$1.key" -pubout)" "$2: for its key"
  succeeds "$2: openssl verify" openssl verify -x509_strict -CAfile "$work/root.pem" -untrusted "$work/est.chain" "$1.crt"
  cat "$1.crt" "$work/est.chain" >"$1.all"
}

# --- cacerts: for everybody whom nginx lets in
est /cacerts -
came 200 "cacerts, without a certificate of one's own"
is "$(type_came)" "application/pkcs7-mime; smime-type=certs-only" "  of its type"
succeeds "  in base64, as PKCS#7" certificates "$work/cacerts.pem"
is "$(grep -c BEGIN "$work/cacerts.pem")" 3 "  the CA that signs, what is above it, and the root"
api GET "/api/v1/intermediates/$issuing/chain"
is "$(grep -v '^subject\|^issuer\|^$' "$work/cacerts.pem")" "$(printf '%s' "$body")" "  in this order"
is "$(openssl asn1parse -inform DER -in "$work/answer.p7" | grep -c 'pkcs7-signedData')" 1 "  a SignedData"
est /servers/cacerts -
came 200 "cacerts of a label"
est /elsewhere/cacerts -
came 404 "a CA that there is not has none"
est /nothing/cacerts -
came 404 "a label that there is not neither"
sentence 'no service with this label' "says so"
est /csrattrs -
came 204 "csrattrs: nothing that a request must have"
est /simpleenroll -
came 405 "a GET can't enroll"
est /fullcmc -
came 404 "what isn't done here"

# --- the first certificate: by another way, here a CA's own officer
request "$work/one" / DNS:one.dev.example.com
issue "$issuing" "$work/one.csr" client
cat "$work/one.crt" "$work/one.chain" >"$work/one.all"
request "$work/alien" / DNS:alien.example.org
issue "$issuing" "$work/alien.csr" client
cat "$work/alien.crt" "$work/alien.chain" >"$work/alien.all"

# --- simpleenroll
request "$work/two" / DNS:one.dev.example.com
post /simpleenroll "$work/one" "$work/two.b64"
came 200 "simpleenroll, for a name of its own"
enrolled "$work/two" simpleenroll
like "$(openssl x509 -in "$work/two.crt" -noout -ext extendedKeyUsage)" 'TLS Web Client Authentication' "  under the service's profile"
request "$work/web" / DNS:web.dev.example.com
post /servers/simpleenroll "$work/one" "$work/web.b64"
came 200 "of a label: for a name that the role allows"
enrolled "$work/web" "of a label"
like "$(openssl x509 -in "$work/web.crt" -noout -ext extendedKeyUsage)" 'TLS Web Server Authentication' "  under that one's profile"
tr -d '\n' <"$work/web.b64" >"$work/line.b64"
post /servers/simpleenroll "$work/one" "$work/line.b64" -H 'Content-Transfer-Encoding: base64'
came 200 "base64 in one line is taken too, and the header that RFC 8951 drops"

refused() { # STATUS PATH CLIENT FILE PATTERN WHAT [CURL-OPTIONS...]
  post "$2" "$3" "$4" "${@:7}"
  came "$1" "$6"
  sentence "$5" "says why"
}
refused 403 /simpleenroll - "$work/two.b64" 'certificate that the proxy has verified' "nobody enrolls without a certificate"
refused 403 /simpleenroll "$work/alien" "$work/two.b64" 'est:.*alien.example.org may not' "nor with one that no role names"
refused 403 /simpleenroll "$work/one" "$work/web.b64" 'no other names' "nor for another's name where the service is for own ones"
request "$work/far" / DNS:www.example.com
refused 403 /servers/simpleenroll "$work/one" "$work/far.b64" "outside the caller's patterns" "nor for a name outside of the role's"
refused 403 /peers/simpleenroll "$work/one" "$work/web.b64" 'profile' "nor under a profile outside of it"
printf 'not base64 at all!' >"$work/junk.b64"
refused 400 /simpleenroll "$work/one" "$work/junk.b64" 'base64' "what is no base64"
head -c 40000 /dev/urandom | base64 >"$work/noise.b64"
refused 400 /simpleenroll "$work/one" "$work/noise.b64" '.' "what is no request"
head -c 60000 /dev/zero | base64 >"$work/large.b64"
refused 400 /simpleenroll "$work/one" "$work/large.b64" '.' "what is longer than a request can be"
: >"$work/empty.b64"
refused 400 /simpleenroll "$work/one" "$work/empty.b64" 'base64' "what is empty"
openssl req -in "$work/two.csr" -outform DER | sed 's/dev/DEV/' | base64 >"$work/forged.b64"
refused 400 /simpleenroll "$work/one" "$work/forged.b64" 'signature' "a request whose signature isn't good"
est /simpleenroll "$work/one" -H 'Content-Type: text/plain' --data-binary "@$work/two.b64"
came 415 "another type of content"
sentence 'application/pkcs10' "says which"

# --- simplereenroll: the same subject and names, another key or the same
request "$work/three" / DNS:one.dev.example.com
post /simplereenroll "$work/two" "$work/three.b64"
came 200 "simplereenroll with a certificate that was enrolled here"
enrolled "$work/three" simplereenroll
openssl req -new -key "$work/three.key" -subj / -addext subjectAltName=DNS:one.dev.example.com -outform DER 2>"$work/err" | base64 >"$work/same.b64"
cp "$work/three.key" "$work/same.key"
post /simplereenroll "$work/three" "$work/same.b64"
came 200 "for the same key"
enrolled "$work/same" "the same key"
refused 400 /servers/simplereenroll "$work/two" "$work/web.b64" 'subject and the alternative names' "other names than the certificate's"
request "$work/more" / DNS:one.dev.example.com,DNS:web.dev.example.com
refused 400 /servers/simplereenroll "$work/two" "$work/more.b64" 'subject and the alternative names' "more names than the certificate's"
request "$work/subject" /O=Other DNS:one.dev.example.com
refused 400 /servers/simplereenroll "$work/two" "$work/subject.b64" 'subject and the alternative names' "another subject"
refused 403 /simplereenroll - "$work/three.b64" 'certificate that the proxy' "nobody reenrolls without a certificate"

# --- a certificate that was revoked opens nothing, whatever the proxy knows of it
api POST "/api/v1/certificates/$(openssl x509 -in "$work/two.crt" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f)/revoke" \
  '{"reason": "keyCompromise"}'
answers 200 "a certificate is revoked"
refused 403 /simplereenroll "$work/two" "$work/three.b64" 'not valid any more' "with it nobody enrolls"

# --- headers of identity are the proxy's
escaped=$(jq -sRr @uri <"$work/one.crt")
forged=(-H "X-SSL-Client-Verify: SUCCESS" -H "X-SSL-Client-Cert: $escaped")
refused 403 /simpleenroll - "$work/two.b64" 'certificate that the proxy' "a client's own headers are replaced" "${forged[@]}"
direct() { # [CURL-OPTIONS...]: past nginx
  status=$(curl -s --max-time 100 --unix-socket "$STACK_DIR/front/est.sock" -o "$work/answer" -D "$work/headers" -w '%{http_code}' \
    -H 'Content-Type: application/pkcs10' --data-binary "@$work/two.b64" "$@" http://localhost/.well-known/est/simpleenroll)
}
if [ "$user" != - ]; then
  direct "${forged[@]}"
  came 403 "past the proxy the headers count for nothing, not even root's"
  sentence 'is not the proxy' "says why"
  # From here on as the proxy's user, with what nginx would never send.
  curl() { setpriv --reuid="$user" --regid="$user" --init-groups curl "$@"; }
  chmod 711 "$STACK_DIR" "$work"
  touch "$work/answer" "$work/headers"
  chown "$user" "$work/answer" "$work/headers"
fi
direct "${forged[@]}"
came 200 "as the proxy they count"
direct "${forged[@]}" -H "X-SSL-Client-Cert: $escaped"
came 400 "twice they don't"
direct -H "X-SSL-Client-Verify: FAILED:expired" -H "X-SSL-Client-Cert: $escaped"
came 403 "nor if the certificate didn't verify"
for bent in "nothing" "%" "%zz" "${escaped%????}" "${escaped/A/-}" "$escaped$escaped" "$(printf '%4000s' '' | tr ' ' A)"; do
  direct -H "X-SSL-Client-Verify: SUCCESS" -H "X-SSL-Client-Cert: $bent"
  came 403 "nor if it can't be read: ${bent:0:12}…"
done
unset -f curl

# --- the API knows nothing of it
status=$(curl -s --max-time 100 --unix-socket "$STACK_DIR/api.sock" -o "$work/api.answer" -w '%{http_code}' http://localhost/.well-known/est/cacerts)
is "$status" 404 "the API's socket has no EST"
# --- and the ledger says who asked
succeeds "the ledger names the clients" grep -q 'est:.*one.dev.example.com' <("$CHANCERY_BUILD/chancery" --socket "$STACK_DIR/api.sock" audit list --last 200)
tap_done
