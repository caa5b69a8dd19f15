# What the tests of the hierarchy's rules share: `. cases.sh` after lib.sh. Each of their points begins with the number
# of the rule's case. A refusal is one point: status, code and field, and that nothing was made of it: no record on the
# ledger, so no key and no signature, and no row. Works on $issuer.
# shellcheck shell=bash
: "${issuer:=}" "${status:=}" "${body:=}" "${work:=}"

# Keys, what stands on the ledger last, rows. Refusals don't count: the signer sums them up and writes them when it has time.
made() {
  (
    api GET /api/v1/status
    state=$body
    for last in 20 1000; do
      api GET "/api/v1/audit?last=$last"
      said=$(jq -rs '[(.[0].signer | .bound_keys, .unbound_keys), ([.[1].data[]? | select(.type != "REFUSED") | .seq] | last)] | join(" ")' <<<"$state$body")
      case $said in *' ') ;; *) break ;; esac
    done
    echo "$said"
  )
  sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" \
    'SELECT (SELECT count(*) FROM issuer), (SELECT count(*) FROM ca), (SELECT count(*) FROM key), (SELECT count(*) FROM certificate)'
}
mark() { marked=$(made); }
nothing_made() { # WHAT: since the last mark
  is "$(made)" "$marked" "$1"
}
refused() { # STATUS CODE FIELD WHAT; FIELD may be empty
  local got now
  got="$status $(field .error.code) $(field .error.field)"
  now=$(made)
  if [ "$got" != "$1 $2 $3" ]; then
    fail "$4: $1 $2" "got $status $body"$'\n'"wanted $1 $2, field ${3:-none}"
  elif ! jq -e '.error.message | test("^[A-Z\"].*\\.$|^[a-z_]+.*\\.$")' <<<"$body" >/dev/null; then
    fail "$4: $1 $2" "no sentence: $body"
  elif [ "$now" != "$marked" ]; then
    fail "$4: $1 $2" "something was made: $now"$'\n'"before: $marked"
  else
    pass "$4: $1 $2"
  fi
  marked=$now
}
# A CA under $issuer, without a parent a root: $status, $body, $id.
ca() { # NAME PARENT [MORE-JSON [QUERY]]
  api POST "/api/v1/issuers/$issuer/intermediates${4:-}" "$(jq -nc --arg n "$1" --arg p "$2" --argjson m "${3:-{\}}" \
    '{name: $n, subject: {common_name: ("Case " + $n)}, algorithm: "ECDSA-P256"}
     + (if $p == "" then {} else {parent_ca_id: $p} end) + $m')"
  # shellcheck disable=SC2034 # for the script
  id=
  # shellcheck disable=SC2034
  [ "$status" != 201 ] || id=$(field .id)
}
created() { # WHAT [JQ WANTED]: of the last answer; its chain is good for two judges
  local got=201
  [ "$#" -lt 3 ] || got=$(jq -c "$2" <<<"$body")
  if [ "$status" != 201 ] || [ "$got" != "${3:-201}" ]; then
    fail "$1: created" "got $status $body"$'\n'"wanted 201 ${2:-} = ${3:-}"
  else
    succeeds "$1: created" chain_judge "$(field .id)"
  fi
  mark
}
# A program by the clock of the daemons, where that is another: $cases_clock (tests/shim/clock.sh).
clocked() { # likewise in a sanitized build: tests/shim/clock.sh says why
  if [ -z "${cases_clock:-}" ]; then "$@"; else
    CHANCERY_SHIM_CLOCK=$cases_clock LD_PRELOAD=$CHANCERY_BUILD/tests/shim/shim.so \
      ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0 "$@"
  fi
}
# Time passes for daemons that run, by that clock. A question that is just then on its way between signer and driver is
# late at once, and their connection is made anew: behind its first answer the signer looks by the new time, and the
# second one tells of a token that is there.
time_passes() { # SECONDS
  clock_pass "$cases_clock" "$1"
  { stack_until 120 token_ready && stack_until 120 token_ready; } || diag "no token after $1 seconds"
}
chain_judge() { # CA
  local body status one
  api GET "/api/v1/intermediates/$1/chain"
  rm -f "$work"/link.*
  csplit -s -z -f "$work/link." <(printf '%s\n' "$body") '/-----BEGIN/' '{*}'
  local links=("$work"/link.*)
  cat "${links[@]}" >"$work/links.pem"
  clocked openssl verify -x509_strict -CAfile "${links[-1]}" -untrusted "$work/links.pem" "${links[0]}" || return
  # GnuTLS takes the common name of whatever it verifies for a host's, also a CA's, and reads directory names by the byte.
  for one in "${links[@]}"; do
    openssl x509 -in "$one" -noout -ext nameConstraints 2>/dev/null | grep -qE 'DNS:|DirName:' && return
  done
  clocked certtool --verify --load-ca-certificate "${links[-1]}" --infile "$work/links.pem"
}
leaf() { # CA NAMES [PROFILE [MORE-JSON [QUERY]]]: with the key of the last csr_make, unless NAMES is a file
  local csr=$2
  if [ ! -f "$csr" ]; then
    csr=$work/case.csr
    csr_make "$work/case" ec:P-256 "$2"
  fi
  api POST "/api/v1/intermediates/$1/certificates${5:-}" "$(jq -n --rawfile csr "$csr" --arg p "${3:-server}" --argjson m "${4:-{\}}" \
    '{csr_pem: $csr, profile: $p} + $m')"
}
issued() { # WHAT: the last answer is a leaf whose chain is good for two judges
  if [ "$status" != 201 ]; then
    fail "$1: issued" "got $status $body"
  else
    field .certificate_pem >"$work/issued.crt"
    field .chain_pem >"$work/issued.chain"
    field .root_pem >"$work/issued.root"
    succeeds "$1: issued" leaf_judge
  fi
  mark
}
leaf_judge() {
  local untrusted=()
  ! grep -q BEGIN "$work/issued.chain" || untrusted=(-untrusted "$work/issued.chain")
  cat "$work/issued.crt" "$work/issued.chain" >"$work/issued.pem"
  clocked openssl verify -x509_strict -CAfile "$work/issued.root" ${untrusted[@]+"${untrusted[@]}"} "$work/issued.crt" &&
    clocked certtool --verify --load-ca-certificate "$work/issued.root" --infile "$work/issued.pem"
}
retire() { # CA [JSON]
  api POST "/api/v1/intermediates/$1/retire" "${2:-{\}}"
}
permits() { # [PERMITTED,... [EXCLUDED,...]]: name_constraints as JSON
  jq -nc --arg p "${1:-}" --arg e "${2:-}" \
    '{name_constraints: [{} + (if $p == "" then {} else {permitted: ($p / ";")} end)
                           + (if $e == "" then {} else {excluded: ($e / ";")} end)]}'
}
