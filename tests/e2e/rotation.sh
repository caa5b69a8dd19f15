# What the tests of rotation share: `. rotation.sh` after lib.sh and cases.sh. A stack whose daemons have one clock,
# which passes by days; the database against the ledger.
# shellcheck shell=bash disable=SC2034
: "${work:=}" "${status:=}" "${body:=}"
# shellcheck source=tests/shim/clock.sh
. "$CHANCERY_SOURCE/tests/shim/clock.sh"
day=86400
clock=$work/clock cases_clock=$work/clock

rotation_up() { # [ISSUER]
  local programs=$work/bin program
  mkdir "$programs"
  clock_make "$clock"
  for program in chancery-frontd chancery-signd chancery-driver-pkcs11 chancery; do
    clock_program "$clock" "$STACK_BIN/$program" "$programs/$program"
  done
  STACK_BIN=$programs
  e2e_up
  issuer=$(issuer_make "${1:-rotation}")
}
chancery() { "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" "$@" 2>&1; }
by_clock() { clocked "$@"; }
database() { sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" "$1"; }
state_of() { # CA
  local status body
  api GET "/api/v1/intermediates/$1"
  field .state
}

# The scheduler has looked at this time or later, and done what it could.
looked() { # UNIX-TIME
  local status body at
  api GET /api/v1/status
  at=$(field .rotation.looked_at)
  [ -n "$at" ] && [ "$(date -d "$at" +%s)" -ge "$1" ]
}
days_pass() { # DAYS
  clock_pass "$clock" $(($1 * 86400))
  stack_until 60 looked "$(clock_now "$clock")"
}

# What the ledger says of each CA's life is what the database says, and each step stands there once.
agree() { # WHAT
  local from=0 count
  : >"$work/ledger.json"
  while :; do
    api GET "/api/v1/audit?from=$from&limit=1000"
    count=$(jq '.data | length' <<<"$body")
    [ "$count" -gt 0 ] || break
    jq -c '.data[]' <<<"$body" >>"$work/ledger.json"
    from=$((from + count))
  done
  jq -r 'select(.type == "NOTE") | .context | select(.op == "move" or .op == "made") | "\(.ca) \(.to)"' "$work/ledger.json" |
    sort >"$work/ledger.steps"
  database "SELECT id || ' active' FROM ca UNION ALL SELECT id || ' retiring' FROM ca WHERE state IN ('retiring', 'retired')
    UNION ALL SELECT id || ' retired' FROM ca WHERE state = 'retired'" | sort >"$work/database.steps"
  if diff "$work/ledger.steps" "$work/database.steps" >"$work/steps.diff"; then
    pass "$1: each step is on the ledger once, and in the database"
  else
    fail "$1: each step is on the ledger once, and in the database" "$(cat "$work/steps.diff")"
  fi
}
