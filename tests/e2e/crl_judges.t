#!/usr/bin/env bash
# CRLs before three readers that aren't ours: OpenSSL, GnuTLS and NSS, over a tree of three levels and two generations of
# its issuing CA, with all CRLs or only some. Whoever has the CRL refuses what it lists, and nobody refuses what is good.
set -u
# shellcheck disable=SC2034 # for the stack
STACK_CRL_HOURS=48
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/crls.sh
. "$(dirname "$0")/crls.sh"
command -v vfychain >/dev/null && command -v crlutil >/dev/null && command -v certutil >/dev/null || tap_skip_all "vfychain, crlutil and certutil are not installed"
e2e_up
hierarchy_make judged ECDSA-P384 RSA-3072 ECDSA-P256
: "${issuer:=}" "${root:=}" "${policy:=}"
for ca in root policy issuing; do mv "$work/judged-$ca.crt" "$work/$ca.crt"; done
leaf() { # NAME CA
  fresh "$1" "$2"
  openssl x509 -in "$work/$1.crt" -outform DER -out "$work/$1.cer"
}
for name in good bad held; do leaf $name "$issuing"; done
api POST "/api/v1/intermediates/$issuing/rotate" '{"now": true}'
answers 201 "the issuing CA has a second generation"
second=$(field .id)
field .certificate_pem >"$work/second.crt"
is "$(field .name)" "judged-issuing, G2" "with a name of its own"
for name in good2 bad2; do leaf $name "$second"; done
gone=$(ca_make "$issuer" gone ECDSA-P256 0 "$policy")
leaf orphan "$gone"
revoke "$issuing" "$(serial_of "$work/bad.crt")" keyCompromise
revoke "$issuing" "$(serial_of "$work/held.crt")" certificateHold
revoke "$second" "$(serial_of "$work/bad2.crt")" superseded
api POST "/api/v1/intermediates/$gone/revoke" '{"reason": "cACompromise"}'
answers 200 "a CA beside them is revoked"

declare -A of=([root]=$root [policy]=$policy [issuing]=$issuing [second]=$second [gone]=$gone)
declare -A above=([good]=issuing [bad]=issuing [held]=issuing [good2]=second [bad2]=second [orphan]=gone)
every="root policy issuing second gone"
for ca in $every; do
  fetch "${of[$ca]}" "$ca"
  succeeds "openssl reads the CRL of $ca" openssl crl -in "$work/$ca.crl" -noout -text
  judged "$ca" "$work/$ca.crt"
  like "$(certtool --crl-info --infile "$work/$ca.crl" 2>&1)" 'CRL Number' "certtool tells of it"
  openssl x509 -in "$work/$ca.crt" -outform DER -out "$work/$ca.cer"
done

# Each judge answers yes, revoked or no, with the CRLs that are given.
crls_of() { for ca in $1; do cat "$work/$ca.crl"; done; } # CAS
by_openssl() { # LEAF CAS
  crls_of "$2" >"$work/some.pem"
  for ca in $every; do cat "$work/$ca.crt"; done >"$work/cas.pem"
  case $(openssl verify -CAfile "$work/cas.pem" -CRLfile "$work/some.pem" -crl_check_all -extended_crl "$work/$1.crt" 2>&1) in
  *": OK") echo yes ;;
  *"certificate revoked"*) echo revoked ;;
  *) echo no ;;
  esac
}
by_gnutls() {
  crls_of "$2" >"$work/some.pem"
  cat "$work/$1.crt" "$work/${above[$1]}.crt" "$work/policy.crt" >"$work/line.pem"
  case $(certtool --verify --load-ca-certificate "$work/root.crt" --load-crl "$work/some.pem" --infile "$work/line.pem" 2>&1) in
  *revoked*) echo revoked ;;
  *"is trusted"*) echo yes ;;
  *) echo no ;;
  esac
}
nss_make() { # CAS: a database with their CRLs, in $nss
  nss=$work/nss.${1// /-}
  [ ! -d "$nss" ] || return 0
  mkdir "$nss"
  certutil -N -d "$nss" --empty-password
  certutil -A -d "$nss" -n root -t C,C,C -i "$work/root.crt"
  for ca in policy issuing second gone; do certutil -A -d "$nss" -n $ca -t ,, -i "$work/$ca.crt"; done
  for ca in $1; do crlutil -I -d "$nss" -i "$work/$ca.der" -B >/dev/null 2>&1 || diag "NSS does not take the CRL of $ca"; done
}
by_nss() {
  nss_make "$2"
  case $(vfychain -d "$nss" -pp -u 1 -g leaf -m crl -s forbidFetching -g chain -m crl -s forbidFetching \
    "$work/$1.cer" "$work/${above[$1]}.cer" "$work/policy.cer" 2>&1) in
  *"Chain is good"*) echo yes ;;
  *[Rr]evoked* | *-8180*) echo revoked ;;
  *) echo no ;;
  esac
}
agree() { # LEAF WANTED CAS WHAT
  local judge
  for judge in openssl gnutls nss; do is "$("by_$judge" "$1" "$3")" "$2" "$judge: $4"; done
}
all="root policy issuing second gone"
for name in good good2; do agree $name yes "$all" "$name passes with all CRLs"; done
for name in bad bad2 held; do agree $name revoked "$all" "$name is revoked"; done
agree orphan revoked "$all" "what stands below a revoked CA is refused"
# The other order: the last CRL must not hide the first.
agree bad revoked "gone second issuing policy root" "bad is revoked whatever CRL comes first"
agree bad2 revoked "gone second issuing policy root" "bad2 is revoked whatever CRL comes first"
# One generation's CRL alone: it speaks of its own.
agree good yes "root policy issuing" "good passes with the CRL of its generation alone"
agree bad revoked "root policy issuing" "bad is revoked by it"
agree good2 yes "root policy second" "good2 passes with the CRL of its generation alone"
agree bad2 revoked "root policy second" "bad2 is revoked by it"
# The other generation's alone says nothing of it: OpenSSL, who wants one, refuses; the others don't take it for revoked.
for name in good bad; do
  is "$(by_openssl $name "root policy second")" no "openssl: of $name the second generation's CRL says nothing"
  is "$(by_gnutls $name "root policy second")" yes "gnutls: of $name the second generation's CRL says nothing"
  is "$(by_nss $name "root policy second")" yes "nss: of $name the second generation's CRL says nothing"
done
for name in good2 bad2; do
  is "$(by_openssl $name "root policy issuing")" no "openssl: of $name the first generation's CRL says nothing"
  is "$(by_gnutls $name "root policy issuing")" yes "gnutls: of $name the first generation's CRL says nothing"
  is "$(by_nss $name "root policy issuing")" yes "nss: of $name the first generation's CRL says nothing"
done

# The first generation retires and has its hold released: its CRL goes on.
before=$(number issuing)
release "$issuing" "$(serial_of "$work/held.crt")"
answers 200 "case 32: a hold under a retiring CA is released"
fetch "$issuing" issuing
[ $((16#$(number issuing))) -gt $((16#$before)) ] && pass "case 32: its CRL goes on" || fail "case 32: $(number issuing) after $before"
rm -rf "$work"/nss.*
agree held yes "$all" "what is released passes again"
agree bad revoked "$all" "and what is revoked does not"
api POST "/api/v1/intermediates/$issuing/retire" '{"confirm": true}'
answers 200 "case 32: it is retired"
revoke "$issuing" "$(serial_of "$work/good.crt")" superseded
answers 200 "case 32: what it issued can be revoked"
fetch "$issuing" issuing
rm -rf "$work"/nss.*
agree good revoked "$all" "case 32: and its CRL says so"
tap_done
