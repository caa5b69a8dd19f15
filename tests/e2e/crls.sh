# What the tests of CRLs share: `. crls.sh` after lib.sh.
# shellcheck shell=bash
: "${work:=}" "${issuing:=}"
serial_of() { openssl x509 -in "$1" -noout -serial | sed 's/.*=//'; }
fresh() { # NAME [CA]: a leaf, its serial in $serial
  csr_make "$work/$1" ec:P-256 "DNS:$1.example.com"
  issue "${2:-$issuing}" "$work/$1.csr" server
  # shellcheck disable=SC2034 # for who asks
  serial=$(serial_of "$work/$1.crt")
}
revoke() { # CA SERIAL REASON
  api POST "/api/v1/intermediates/$1/certificates/$2/revoke" "{\"reason\": \"$3\"}"
}
release() { api POST "/api/v1/intermediates/$1/certificates/$2/release" '{}'; }
pki() { # PATH [CURL-OPTIONS]
  local path=$1
  shift
  curl -s -S --max-time 100 --unix-socket "$STACK_DIR/pki.sock" "$@" "http://localhost$path"
}
fetch() { # CA NAME [PATH]: what is behind /pki/CA/crl, as $work/NAME.der and in PEM as $work/NAME.crl, its text in $text
  pki "/pki/$1/crl${3:-}" -o "$work/$2.der" -D "$work/$2.head" || diag "no CRL of $2"
  openssl crl -inform DER -in "$work/$2.der" -out "$work/$2.crl" 2>/dev/null
  text=$(openssl crl -in "$work/$2.crl" -noout -text 2>&1)
}
count() { grep -c 'Serial Number:' <<<"$text"; }
number() { openssl crl -in "$work/$1.crl" -noout -crlnumber | sed 's/.*0x//'; }
judged() { # NAME CA-CERTIFICATE
  like "$(openssl crl -in "$work/$1.crl" -CAfile "$2" -noout -verify 2>&1)" 'verify OK' "$1: openssl verifies it"
  succeeds "$1: certtool verifies it" certtool --verify-crl --load-ca-certificate "$2" --infile "$work/$1.crl"
}
# A daemon dies by kill -9, and the next one is ready: not what the last one, or somebody who had not heard of its death
# yet, said of it.
killed() { # signd|frontd
  local links
  links=$(links)
  kill -9 "$(pid_of "$1")"
  stack_until 60 linked_since "$links" && stack_until 60 stack_ready || fail "$1 is not back"
}
# When a CRL was made and when it ends, in Unix time.
seconds() { # NAME lastupdate|nextupdate
  date -d "$(openssl crl -in "$work/$1.crl" -noout "-$2" | sed 's/.*=//')" +%s
}
base() { tr -d '\n' <<<"$1" | sed -n 's/.*Delta CRL Indicator: critical *\([0-9A-Fx]*\).*/\1/p'; } # TEXT
