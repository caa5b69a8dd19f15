# A private stack for one test script: `. lib.sh`, `e2e_up`, then speak to it.
# All of it is under one folder from mktemp and goes with the script.
# shellcheck shell=bash
# shellcheck source=tests/tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tap.sh"

STACK_SOURCE=$CHANCERY_SOURCE
STACK_BIN=$CHANCERY_BUILD
STACK_DIR=$(mktemp -d /tmp/ch.XXXXXX)
STACK_ADMINS="uid:$(id -u)"
: "${STACK_CRL_HOURS:=0}" # what is counted and compared is not to grow by itself
# shellcheck source=scripts/stack.sh
. "$CHANCERY_SOURCE/scripts/stack.sh"
work=$STACK_DIR/work # what the test itself makes
mkdir "$work"

e2e_down() {
  local job
  for job in $(jobs -p); do kill "$job" 2>/dev/null; done
  stack_stop
  "$STACK_SOURCE/tests/tokens/down" "$STACK_DIR/token"
  if [ -n "${CHANCERY_KEEP:-}" ]; then
    diag "kept: $STACK_DIR"
  else
    rm -rf "$STACK_DIR"
  fi
}
trap e2e_down EXIT
trap 'exit 1' HUP INT TERM

# A script whose stack does not come up has failed, and shows why.
e2e_die() {
  diag "$*"
  stack_show_logs
  fail "$*"
  exit 1
}

e2e_up() {
  local program said
  for program in chancery chancery-driver-pkcs11 chancery-signd chancery-frontd; do
    [ -x "$STACK_BIN/$program" ] || e2e_die "$STACK_BIN/$program was not built"
  done
  stack_folders
  said=$(stack_token 2>&1)
  case $?,${STACK_TOKEN:-softhsm} in
  0,*) ;;
  69,opencryptoki | 69,tpm2) tap_skip_all "$said" ;;
  *) e2e_die "no token: $said" ;;
  esac
  stack_configure
  [ -z "${E2E_WITNESS:-}" ] || witness_between
  [ -z "${E2E_FRONTD:-}" ] || printf '%s\n' "$E2E_FRONTD" >>"$STACK_DIR/conf/frontd.conf"
  [ -z "${E2E_SIGND:-}" ] || printf '%s\n' "$E2E_SIGND" >>"$STACK_DIR/conf/signd.conf"
  stack_init || e2e_die "no ledger"
  stack_start || e2e_die "the stack is not ready"
  stack_until "${STACK_PATIENCE:-120}" token_ready || e2e_die "the token is not ready"
  token_algorithms=$(field '.signer.drivers[0].token.algorithms | join(" ")')
}
token_ready() {
  api GET /api/v1/status
  [ "$(field '.signer.drivers[0].state')" = ready ]
}

# What a token can't do is skipped by what it says of itself: its driver tells from the list of mechanisms. Some list
# what they then fail to do; of a token that isn't SoftHSM the driver finds out with a first key, and $token_lacks says so.
token_can() { # ALGORITHM...
  local one
  for one in "$@"; do
    case " $token_algorithms " in
    *" $one "*) ;;
    *)
      token_lacks="$one is not in the token's list of mechanisms"
      return 1
      ;;
    esac
    case ${STACK_TOKEN:-softhsm} in softhsm | faulty) continue ;; esac
    token_tried "$one" || return 1
  done
}
token_tried() { # ALGORITHM
  local status body id
  if [ ! -e "$work/tried.$1" ]; then
    id=$(issuer_make "tried-$1")
    api POST "/api/v1/issuers/$id/intermediates" \
      "{\"name\": \"tried\", \"subject\": {\"common_name\": \"Tried $1\"}, \"algorithm\": \"$1\"}"
    printf '%s %s\n' "$status" "$body" >"$work/tried.$1"
    [ "$status" = 201 ] || diag "$1 is in the token's list of mechanisms, but: $status $body"
  fi
  # shellcheck disable=SC2034 # for the script
  token_lacks="$1 is in the token's list of mechanisms, but then fails"
  grep -q '^201 ' "$work/tried.$1"
}
# The first of these that the token can do; CAs that any algorithm will do for are quick with the first.
token_first() { # [ALGORITHM...]
  local one
  [ $# -gt 0 ] || set -- ECDSA-P256 RSA-2048 RSA-3072
  for one in "$@"; do
    token_can "$one" || continue
    echo "$one"
    return
  done
}

# What the token that fails on demand is to do (tests/tokens/README), with STACK_TOKEN=faulty.
tell() { "$CHANCERY_BUILD/tests/tokens/tell" "$STACK_DIR/token/faulty" "$@"; }

# One request: the status in $status, the body in $body. $API_KEY goes along as its Idempotency-Key.
api() { # METHOD PATH [JSON]
  local arguments=(-s -S --max-time "${API_PATIENCE:-100}" -X "$1" -w '\n%{http_code}' --unix-socket "$STACK_DIR/api.sock")
  [ -z "${API_KEY:-}" ] || arguments+=(-H "Idempotency-Key: $API_KEY")
  [ $# -lt 3 ] || arguments+=(-H 'Content-Type: application/json' --data-binary "$3")
  body=$(curl "${arguments[@]}" "http://localhost$2" 2>"$work/curl.err") || true
  status=${body##*$'\n'}
  body=${body%$'\n'*}
}
field() { jq -r "$1 // empty" <<<"$body"; }

answers() { # STATUS WHAT [CODE]: of the last request
  if [ "$status" = "$1" ] && { [ -z "${3:-}" ] || [ "$(field .error.code)" = "$3" ]; }; then
    pass "$2"
  else
    fail "$2" "got $status $body$(cat "$work/curl.err")"$'\n'"wanted $1 ${3:-}"
  fi
}

issuer_make() { # NAME [ROTATION-JSON]: its id
  api POST /api/v1/issuers "$(jq -n --arg n "$1" --argjson r "${2:-null}" '{name: $n, hierarchy_mode: "tree", rotation: $r}')"
  field .id
}

# A CA: its id; its chain in $work/NAME.chain. Empty and a diagnosis if it was refused.
ca_make() { # ISSUER NAME ALGORITHM PATH-LEN [PARENT]
  api POST "/api/v1/issuers/$1/intermediates" "$(jq -n --arg n "$2" --arg a "$3" --argjson p "$4" --arg parent "${5:-}" \
    '{name: $n, subject: {common_name: ("CA " + $n), organization: ["Test"]}, algorithm: $a, path_len_constraint: $p}
     + if $parent == "" then {} else {parent_ca_id: $parent} end')"
  [ "$status" = 201 ] || diag "CA $2: $status $body"
  local id
  id=$(field .id)
  field .certificate_pem >"$work/$2.crt"
  if [ -n "$id" ]; then
    api GET "/api/v1/intermediates/$id/chain"
    printf '%s\n' "$body" >"$work/$2.chain"
  fi
  echo "$id"
}

# root -> policy -> issuing below one issuer; sets $issuer $root $policy $issuing.
# shellcheck disable=SC2034 # for the script
hierarchy_make() { # NAME ROOT-ALGORITHM POLICY-ALGORITHM ISSUING-ALGORITHM
  issuer=$(issuer_make "$1")
  root=$(ca_make "$issuer" "$1-root" "$2" 2)
  policy=$(ca_make "$issuer" "$1-policy" "$3" 1 "$root")
  issuing=$(ca_make "$issuer" "$1-issuing" "$4" 0 "$policy")
}

# A key and a PEM request for it, by openssl.
csr_make() { # FILE-STEM KEY(ec:CURVE|rsa:BITS|ed25519) NAMES [OPENSSL-OPTIONS...]
  local stem=$1 key names=()
  case $2 in
  ec:*) key=(-newkey ec -pkeyopt "ec_paramgen_curve:${2#ec:}") ;;
  rsa:*) key=(-newkey "rsa:${2#rsa:}") ;;
  ed25519) key=(-newkey ed25519) ;;
  esac
  [ -z "$3" ] || names=(-addext "subjectAltName=$3")
  shift 3
  openssl req -new "${key[@]}" -nodes -subj / ${names[@]+"${names[@]}"} "$@" -keyout "$stem.key" -out "$stem.csr" 2>"$stem.err" ||
    diag "$(cat "$stem.err")"
}

issue() { # CA CSR-FILE PROFILE: as api; a certificate also goes to CSR-FILE's stem .crt, .chain, .root
  api POST "/api/v1/intermediates/$1/certificates" \
    "$(jq -n --rawfile csr "$2" --arg p "$3" '{csr_pem: $csr, profile: $p}')"
  [ "$status" = 201 ] || return 0
  field .certificate_pem >"${2%.csr}.crt"
  field .chain_pem >"${2%.csr}.chain"
  field .root_pem >"${2%.csr}.root"
}

# Four readers that aren't ours, and our own linter: what we issue breaks no rule and earns no warning. The chain holds what is between certificate and root.
judge() { # WHAT CERTIFICATE CHAIN ROOT
  succeeds "$1: openssl x509 reads it" openssl x509 -in "$2" -noout -text
  succeeds "$1: certtool reads it" certtool -i --infile "$2"
  local untrusted=()
  [ ! -s "$3" ] || untrusted=(-untrusted "$3")
  succeeds "$1: openssl verify -x509_strict" openssl verify -x509_strict -CAfile "$4" ${untrusted[@]+"${untrusted[@]}"} "$2"
  cat "$2" "$3" >"$work/judged.pem"
  succeeds "$1: certtool --verify" certtool --verify --load-ca-certificate "$4" --infile "$work/judged.pem"
  succeeds "$1: chancery lint" "$CHANCERY_BUILD/chancery" lint "$work/judged.pem"
}

# The supervisor may be writing it just now.
pid_of() { # NAME
  local pid=''
  stack_until 60 pid_read "$1" && echo "$pid"
}
pid_read() {
  pid=$(cat "$STACK_DIR/pid/$1" 2>/dev/null)
  [ -n "$pid" ]
}
# How often the front-end has met a signer, and whether it has since then.
links() { grep -c ' signer_ready ' "$STACK_DIR/log/frontd.log"; }
linked_since() { [ "$(links)" -gt "$1" ]; }

# The token behind a module that notes in $work/witness whatever is to be signed (tests/e2e/witness.c), and the log
# that names the challenges among it. Between stack_configure and the first start.
witness_between() {
  local module
  module=$(sed -n 's/^module = "\(.*\)";$/\1/p' "$STACK_DIR/conf/driver-main.conf")
  : >"$work/witness"
  sed -i -e "s|^module = .*|module = \"$CHANCERY_BUILD/tests/e2e/witness.so\";|" \
    -e "s|^environment = {|&  WITNESS_MODULE = \"$module\"; WITNESS_FILE = \"$work/witness\";|" "$STACK_DIR/conf/driver-main.conf"
  printf 'log_level = "debug";\n' | tee -a "$STACK_DIR/conf/driver-main.conf" >>"$STACK_DIR/conf/signd.conf"
}
