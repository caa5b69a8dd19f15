#!/usr/bin/env bash
# CRLs and OCSP answers straight from the signer: what a front-end may have of
# them, before the eyes of other programs, and each way in which it may not.
set -u
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/e2e/signer_only.sh
. "$CHANCERY_SOURCE/tests/e2e/signer_only.sh"
signer_only_up
work=$STACK_DIR/out
mkdir -p "$work"
cd "$work" || exit 1

ask() { "$CHANCERY_BUILD/tests/e2e/crl_probe" "$STACK_DIR/sign/sign.sock" "$id" "$work" "$@" 2>>"$work/said"; }
done_() { # WHAT COMMAND...: the signer does it
  local what=$1 got
  shift
  got=$(ask "$@")
  is "$got" 0 "$what"
}
refused() { # CODE WHAT COMMAND...
  local code=$1 what=$2 got
  shift 2
  got=$(ask "$@")
  is "${got%% *}" "$code" "refused: $what"
}
pem() { openssl x509 -inform DER -in "$1.der" -out "$1.pem"; }
# What openssl reads of a CRL: its text, after its signature was verified under the CA's key.
crl_text() { # CA FILE
  openssl crl -inform DER -in "$2" -CAfile "$1.pem" -noout -text -verify 2>&1
}
serial_of() { openssl x509 -in "$1.pem" -noout -serial | sed 's/serial=//'; }
judged() { # WHAT CA FILE
  like "$(crl_text "$2" "$3")" 'verify OK' "$1: openssl verifies it"
  openssl crl -inform DER -in "$3" -out "$3.pem"
  succeeds "$1: certtool reads it" certtool --crl-info --infile "$3.pem"
  succeeds "$1: certtool verifies it" certtool --verify-crl --load-ca-certificate "$2.pem" --infile "$3.pem"
}

# A root over P-384, an issuing CA over P-256 and one over Ed25519, leaves.
ask key root main ECDSA-P384 >/dev/null
ask root root >/dev/null
for ca in one:ECDSA-P256 two:ECDSA-P256 rsa:RSA-2048 ed:Ed25519; do
  ask key "${ca%:*}" main "${ca#*:}" >/dev/null
  done_ "a CA over ${ca#*:}" ca "${ca%:*}" root
  pem "${ca%:*}"
done
pem root
for name in a b c d e; do
  done_ "a leaf" leaf "$name" one
  pem "$name"
done
done_ "a leaf of another CA" leaf x two

# The first CRLs: empty, with entries, of each algorithm.
done_ "an empty CRL" crl one one1 number=1
judged "an empty CRL" one one1.crl
like "$(crl_text one one1.crl)" 'No Revoked Certificates' "which openssl says"
done_ "a CRL with two entries" crl one one2 number=2 a:1:60 b:6:30
judged "a CRL with two entries" one one2.crl
text=$(crl_text one one2.crl)
like "$text" "Serial Number: $(serial_of a)" "a is listed"
like "$text" 'Key Compromise' "with its reason"
like "$text" 'Certificate Hold' "b is on hold"
like "$text" "Authority Key Identifier" "the AKI is there"
like "$(tr -d '\n' <<<"$text")" 'CRL Number: *2' "and the number"
for ca in root rsa ed; do
  done_ "an empty CRL of $ca" crl $ca $ca number=7
  judged "an empty CRL of $ca" $ca $ca.crl
done

# The next ones: numbers, what may change and what may not. `one` has a revoked and b on hold.
refused 441 "the same number again" crl one no number=2 a:1:60 b:6:30
refused 441 "a number that goes back" crl one no number=1 a:1:60 b:6:30
refused 441 "number 0" crl one no number=0
at=$(($(date +%s) - 600))
done_ "one more, revoked ten minutes ago" crl one one3 number=5 form=changes "c:4:at=$at"
like "$(crl_text one one3.crl)" "Serial Number: $(serial_of c)" "c is listed"
like "$(crl_text one one3.crl)" "Serial Number: $(serial_of a)" "and a still is"
is "$(crl_text one one3.crl | grep -c 'Serial Number')" 3 "three entries"
refused 450 "another date" crl one no number=6 form=changes "c:4:at=$((at + 1))"
refused 450 "another reason" crl one no number=6 form=changes "c:1:at=$at"
refused 451 "a release of what is no hold" crl one no number=6 form=changes "c:8:at=$at"
refused 451 "a release of what was never listed" crl one no number=6 form=changes d:8
refused 449 "an entry that is forgotten" crl one no number=6 "c:4:at=$at"
refused 449 "an empty list after a full one" crl one no number=6
refused 447 "a certificate of another CA" crl one no number=6 form=changes x:1
refused 447 "a serial that isn't the record's" crl one no number=6 form=changes "d:1:as=$(od -An -tu8 e.seq | tr -d ' ')"
refused 447 "a serial that was never issued" crl one no number=6 form=changes '#77:1:as=1'
refused 447 "a record past the ledger's end" crl one no number=6 form=changes d:1:as=99999999
refused 445 "reason 7" crl one no number=6 form=changes d:7
refused 445 "reason 11" crl one no number=6 form=changes d:11
refused 446 "a date in the future" crl one no number=6 form=changes d:1:-1000
refused 446 "a date before 1970" crl one no number=6 form=changes d:1:at=-5
descending=$(for name in d e; do echo "$(serial_of $name) $name:1"; done | sort -r | cut -d' ' -f2)
# shellcheck disable=SC2086 # words
refused 444 "rows that do not ascend" crl one no number=6 form=changes sorted=0 $descending
refused 444 "a serial twice" crl one no number=6 form=changes d:1 d:1
for how in unsealed short long plain pipe none without-1 without-2 without-4 without-8; do
  refused 443 "entries in a file that is $how" crl one no number=6 form=changes file=$how d:1
done
is "$(timeout 120 "$CHANCERY_BUILD/tests/e2e/crl_probe" "$STACK_DIR/sign/sign.sock" "$id" "$work" stray - </dev/null)" -1 \
  "a descriptor without a frame of its own closes the connection"
refused 443 "a count that the file hasn't got" crl one no number=6 form=changes count=2 d:1
refused 453 "more entries than a CRL may have" crl one no number=6 form=changes count=4000001 d:1
refused 459 "another form" crl one no number=6 form=other d:1
refused 459 "changes of nothing" crl two no number=1 form=changes x:1
refused 431 "thisUpdate long ago" crl two no number=1 this=-4000
refused 431 "thisUpdate ahead" crl one no number=6 form=changes this=100
refused 442 "thisUpdate before the last CRL's" crl one no number=6 form=changes this=-600
refused 430 "nextUpdate before thisUpdate" crl one no number=6 form=changes next=-1
refused 432 "nextUpdate past the ceiling" crl one no number=6 form=changes next=40000000
refused 440 "a URL without shards" crl one no number=6 form=changes url=http://pki.example/crl
refused 440 "shards that it hasn't got" crl one no number=6 form=changes shards=4 url=http://pki.example/crl
refused 418 "a URL that is none" crl one no number=6 form=changes delta_url=gopher://x
refused 454 "a base that is still to come" crl one no number=6 form=changes base=6
refused 454 "a base of nothing" crl two no number=6 base=1
refused 457 "the same request once more" crl one one6 number=6 form=changes repeat=2

# Full and delta. The base is number 5: since then d was revoked and b released, e put on hold.
done_ "full and delta" crl one one7 number=7 form=changes base=5 delta_url=http://pki.example/delta.crl d:5 b:8 e:6
judged "the full one" one one7.crl
like "$(crl_text one one7.delta)" 'verify OK' "openssl verifies the delta"
like "$(crl_text one one7.crl)" 'Freshest CRL' "the full one says where the delta is"
is "$(crl_text one one7.crl | grep -c 'Serial Number')" 4 "the full one lists a, c, d, e"
text=$(crl_text one one7.delta)
is "$(grep -c 'Serial Number' <<<"$text")" 3 "the delta lists b, d, e"
like "$text" 'Delta CRL Indicator: critical' "its base is named"
like "$text" 'Remove From CRL' "b is to be removed"
like "$(tr -d '\n' <<<"$text")" 'CRL Number: *7' "and it has the full one's number"
succeeds "certtool reads the delta" certtool --crl-info --inder --infile one7.delta
refused 469 "a delta that outlasts its CRL" crl one no number=8 base=7 form=changes next=7200 delta_next=7201
refused 469 "a delta that is over before it begins" crl one no number=8 base=7 form=changes delta_next=-1
refused 469 "the end of a delta that is not asked for" crl one no number=8 form=changes delta_next=3600
done_ "what was released may be revoked" crl one one8 number=8 base=7 form=changes delta_next=3600 b:1
is "$(crl_text one one8.delta | grep -c 'Serial Number')" 1 "and is all that has changed"
ends() { date -d "$(openssl crl -inform DER -in "$1" -noout -nextupdate | sed 's/.*=//')" +%s; }
[ $(($(ends one8.delta) - $(date +%s))) -le 3600 ] && [ $(($(ends one8.crl) - $(date +%s))) -gt 500000 ] &&
  pass "the delta ends before its CRL" || fail "the delta ends before its CRL"
done_ "a hold may become a revocation" crl one one9 number=9 form=changes e:1
refused 451 "which cannot be released" crl one no number=10 form=changes e:8
openssl crl -inform DER -in one9.crl -out one9.pem
cat root.pem one.pem >chain.pem
openssl crl -inform DER -in root.crl -out root.crl.pem
cat one9.pem root.crl.pem >crls.pem
for name in a b c d e; do
  like "$(openssl verify -CAfile chain.pem -CRLfile crls.pem -crl_check_all $name.pem 2>&1)" 'certificate revoked' \
    "openssl knows that $name is revoked"
done
done_ "one more leaf" leaf f one
pem f
succeeds "which openssl takes" openssl verify -CAfile chain.pem -CRLfile crls.pem -crl_check_all f.pem

# Shards: by serial number, each with its URL in the IDP. Which shard a serial is of is known here too.
shard_of() { echo $((16#$(serial_of "$1" | tail -c 9) % 2)); }
x=$(pem x && shard_of x)
done_ "the first CRL of a shard" crl two two-0 number=1 shards=2 shard=0 url=http://pki.example/two-0.crl
done_ "and of the other" crl two two-1 number=1 shards=2 shard=1 url=http://pki.example/two-1.crl
judged "a shard" two two-1.crl
text=$(crl_text two two-1.crl)
like "$text" 'Issuing Distribution Point: critical' "the IDP is critical"
like "$text" 'URI:http://pki.example/two-1.crl' "and names the shard's URL"
refused 440 "another number of shards" crl two no number=2 shards=3 shard=0 url=http://pki.example/two-0.crl
refused 440 "another URL" crl two no number=2 shards=2 shard=0 url=http://pki.example/two-1.crl
refused 440 "a shard past the last" crl two no number=2 shards=2 shard=2 url=http://pki.example/two-2.crl
refused 440 "a shard without a URL" crl two no number=2 shards=2 shard=1
refused 448 "a serial of the other shard" crl two no number=2 shards=2 shard=$((1 - x)) url=http://pki.example/two-$((1 - x)).crl x:1
done_ "an entry in its own shard" crl two two-x number=2 shards=2 shard="$x" url=http://pki.example/two-"$x".crl x:1
like "$(crl_text two two-x.crl)" "Serial Number: $(serial_of x)" "is listed"
for shard in 0 1; do
  for name in "s$shard" "t$shard" "u$shard"; do
    done_ "a leaf that names shard $shard" leaf "$name" two 9999 "http://pki.example/two-$shard.crl"
    pem "$name"
    is "$(shard_of "$name")" "$shard" "is of it"
  done
done
refused 463 "a leaf that names no shard" leaf no two
refused 463 "a leaf that names another URL" leaf no two 9999 http://pki.example/two.crl

# Expiry: a short leaf may leave one CRL after its end, and leaves by itself where only changes are named.
# The CRL must come before their end, also where nothing moves for some seconds.
done_ "a leaf of fifteen seconds" leaf short rsa 15
done_ "another" leaf short2 rsa 15
at=$(date +%s)
done_ "both are revoked" crl rsa rsa8 number=8 "short:1:at=$at" "short2:1:at=$at"
until [ "$(date +%s)" -gt $((at + 17)) ]; do read -rt 0.2 <> <(:) || :; done
refused 449 "one leaves before a CRL has listed it after its end" crl rsa no number=9 "short:1:at=$at"
done_ "that CRL" crl rsa rsa9 number=9 form=changes
is "$(openssl crl -inform DER -in rsa9.crl -noout -text | grep -c 'Serial Number')" 2 "lists both still"
done_ "the next, which need not name one" crl rsa rsa10 number=10 "short:1:at=$at"
is "$(openssl crl -inform DER -in rsa10.crl -noout -text | grep -c 'Serial Number')" 1 "lists the other"
done_ "the one after that, of changes alone" crl rsa rsa11 number=11 form=changes
is "$(openssl crl -inform DER -in rsa11.crl -noout -text | grep -c 'Serial Number')" 0 "lists none"

# A CA that its issuer's CRL lists is closed, and can't be put on hold.
refused 452 "a CA on hold" crl root no number=8 form=changes ed:6
done_ "a CA is revoked" crl root root8 number=8 form=changes ed:5
refused 308 "and signs no certificate more" leaf g ed
done_ "but a CRL" crl ed ed8 number=8
done_ "a CA is closed" close rsa
refused 308 "it signs no certificate" leaf g rsa
done_ "but a CRL" crl rsa rsa12 number=12 form=changes

# OCSP, by a responder under the CA.
ask key resp main ECDSA-P256 >/dev/null
refused 302 "a CRL of an unbound key" crl resp no number=1
refused 460 "a responder without a certificate" ocsp one resp no f:good
done_ "a responder's certificate" responder resp one
pem resp
like "$(openssl x509 -in resp.pem -noout -text)" 'OCSP Signing' "its extended key usage"
like "$(openssl x509 -in resp.pem -noout -text)" 'OCSP No Check' "and nocheck"
succeeds "openssl takes its chain" openssl verify -x509_strict -CAfile root.pem -untrusted one.pem -purpose ocsphelper resp.pem
refused 468 "its key for another CA" responder resp two
refused 301 "its key for a CA" ca resp root
refused 302 "a leaf under it" leaf g resp
first=$(serial_of resp)
done_ "another certificate for the same key" responder resp one
pem resp
refuses "is another one" test "$first" = "$(serial_of resp)"
ocsp_text() { # CERTIFICATE RESPONSE
  openssl ocsp -issuer one.pem -cert "$1.pem" -respin "$2.ocsp" -CAfile root.pem -verify_other one.pem -no_nonce 2>&1
}
done_ "a good answer" ocsp one resp f f:good
like "$(ocsp_text f f)" 'Response verify OK' "openssl verifies it"
like "$(ocsp_text f f)" 'f.pem: good' "and reads good"
done_ "an answer with SHA-256" ocsp one resp f256 f:good:hash=2
like "$(openssl ocsp -respin f256.ocsp -noverify -resp_text 2>&1)" 'Hash Algorithm: sha256' "says so"
like "$(openssl ocsp -sha256 -issuer one.pem -cert f.pem -respin f256.ocsp -CAfile root.pem -verify_other one.pem -no_nonce 2>&1)" \
  'f.pem: good' "and openssl finds its certificate by it"
when() { openssl crl -inform DER -in "$2" -noout -text | grep -A1 "$(serial_of "$1")" | sed -n 's/.*Date: //p'; }
at=$(date -d "$(when c one9.crl)" +%s)
done_ "revoked, as the CRL says" ocsp one resp c "c:4:at=$at"
like "$(ocsp_text c c)" 'c.pem: revoked' "openssl reads revoked"
like "$(ocsp_text c c)" 'Reason: superseded' "and why"
done_ "revoked before a CRL says so" ocsp one resp f2 f:1
done_ "several in one, with a nonce" ocsp one resp many nonce=0123456789abcdef0123456789abcdef f:good "c:4:at=$at" '#5:unknown'
text=$(openssl ocsp -respin many.ocsp -noverify -resp_text 2>&1)
like "$text" 'Cert Status: good' "the good one"
like "$text" 'Cert Status: revoked' "the revoked one"
like "$text" 'Cert Status: unknown' "the unknown one"
like "$text" 'OCSP Nonce' "and the nonce"
succeeds "ocsptool reads it" ocsptool --response-info --infile many.ocsp --load-signer resp.pem
like "$(ocsptool --verify-response --load-response f.ocsp --load-trust one.pem 2>&1)" 'Verifying OCSP Response: Success' "ocsptool verifies an answer"
refused 462 "good of what the CRL lists" ocsp one resp no c:good
refused 462 "unknown of what the CRL lists" ocsp one resp no c:unknown
refused 462 "revoked for another reason" ocsp one resp no "c:1:at=$at"
refused 462 "revoked at another time" ocsp one resp no "c:4:at=$((at - 1))"
refused 461 "good of a certificate of another CA" ocsp one resp no x:good
refused 461 "good of a serial that isn't the record's" ocsp one resp no f:good:as=1
refused 461 "good of what was never issued" ocsp one resp no '#5:good'
refused 464 "good, and since when revoked" ocsp one resp no f:good:at=5
refused 464 "a reason that is none" ocsp one resp no f:7
refused 464 "removed" ocsp one resp no f:8
refused 464 "a hash that is none" ocsp one resp no f:good:hash=3
refused 431 "thisUpdate long ago" ocsp one resp no this=-4000 f:good
refused 432 "nextUpdate past the ceiling" ocsp one resp no next=4000000 f:good
refused 430 "nextUpdate before thisUpdate" ocsp one resp no next=-1 f:good
refused 465 "nothing" ocsp one resp no
refused 460 "a responder of another CA" ocsp two resp no x:good
done_ "a closed CA's" close one
done_ "responder goes on" ocsp one resp f3 f:good
done_ "and gets another certificate" responder resp one

# Another life: numbers and lists are still there.
kill_signer
start_signer || stack_show_logs
refused 441 "after kill -9 a number that was used" crl one no number=9 form=changes
refused 449 "and a list that forgets" crl one no number=11
refused 462 "good of what the CRL lists, before any CRL in this life" ocsp one resp no c:good
done_ "a good answer" ocsp one resp f4 f:good
done_ "the next CRL" crl one one11 number=11 form=changes
is "$(crl_text one one11.crl | grep -c 'Serial Number')" 5 "it has all entries"
refused 308 "a CA that was closed by a CRL still is" leaf g ed

# A copy of the last CRL that is damaged, and one that is missing: refused until root says so.
kill_signer
key_of() { od -An -tx1 "$1.key" | tr -d ' \n'; }
copy_of() { echo "$STACK_DIR/signer/crl/$(key_of "$1").0000.$(printf %016x "$2")"; } # CA NUMBER
# Another byte in its first row's serial, whichever that is.
bend "$(copy_of one 11).last" 100
start_signer || stack_show_logs
refused 466 "good of anything where the copy is damaged" ocsp one resp no f:good
refused 456 "a CRL over a damaged copy" crl one no number=12 form=changes
refused 456 "and again" crl one no number=13 form=changes
like "$(cat "$STACK_DIR/log/signd.log")" 'last_crl_damaged' "the log says why"
kill_signer
start_signer || stack_show_logs
refused 456 "also in the next life" crl one no number=13 form=changes
succeeds "root lets it go on" "$STACK_BIN/chancery-signd" --config "$STACK_DIR/conf/signd.conf" --resume "the copy was damaged"
refused 459 "changes of what is lost" crl one no number=13 form=changes
refused 466 "good of anything meanwhile" ocsp one resp no f:good
done_ "a whole list begins anew" crl one one13 number=13 a:1:1000 b:1 "c:4:at=$at" d:5 e:1
is "$(crl_text one one13.crl | grep -c 'Serial Number')" 5 "it has all entries"
done_ "a good answer again" ocsp one resp f5 f:good
kill_signer
rm "$(copy_of one 13).base"
start_signer || stack_show_logs
refused 456 "a CRL over a missing copy" crl one no number=14 form=changes

# Killed while the token signs: the number is burnt, the list is that of before.
done_ "a CRL" crl rsa rsa13 number=13 form=changes
kill -STOP "$driver"
ask crl rsa rsa14 number=14 form=changes >/dev/null &
asker=$!
stack_until 60 grep -qa rsa14 "$STACK_DIR"/signer/ledger/*.seg # the request's context
refused 455 "another CRL of the scope meanwhile" crl rsa no number=15 form=changes
kill_signer
kill -CONT "$driver"
wait "$asker" 2>/dev/null
start_signer || stack_show_logs
like "$(cat "$STACK_DIR/log/signd.log")" 'intent_lost.*type=CRL_INTENT' "an intent without a result is lost"
refused 441 "its number is burnt" crl rsa no number=14 form=changes
done_ "the next one is signed" crl rsa rsa15 number=15 form=changes
judged "it" rsa rsa15.crl
refuses "what was written for the lost one is gone" test -e "$(copy_of rsa 14).last"
succeeds "an independent reader agrees with tree, records and checkpoint" \
  python3 "$CHANCERY_SOURCE/tests/e2e/ledger_check.py" "$STACK_DIR/signer/ledger"

kill -TERM "$signer"
wait "$signer"
is $? 0 "SIGTERM ends the signer cleanly"
tap_done
