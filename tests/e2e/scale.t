#!/usr/bin/env bash
# A large tree and 64 clients at once, who create below all of it and list it
# meanwhile: no error, nothing lost, nothing twice. A thousand CAs; four thousand
# with CHANCERY_SLOW. Keys are files: a token's own cost per key is not ours.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
# shellcheck source=tests/e2e/files.sh
. "$(dirname "$0")/files.sh"
files_up
cas=1000
[ -z "${CHANCERY_SLOW:-}" ] || cas=4000
issuer=$(issuer_make scale)

# Readers go on until the tree is grown; each list they get is whole: every parent stands in it, before its children.
python3 - "$STACK_DIR/api.sock" "$issuer" "$work/stop" 8 >"$work/read" 2>&1 <<'PYTHON' &
import http.client, json, os, socket, sys, threading
path, issuer, stop, readers = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
lists = 0
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(300)
        self.sock.connect(path)
def read():
    global lists
    connection = Connection("localhost")
    longest = 0
    while not os.path.exists(stop):
        connection.request("GET", "/api/v1/issuers/%s/intermediates" % issuer)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            print("listing: %d %s" % (answer.status, said[:200]))
            return
        seen = {None}
        for ca in json.loads(said)["data"]:
            if ca["parent_ca_id"] not in seen:
                print("listed before its parent: %s" % ca["name"])
            seen.add(ca["id"])
        if len(seen) < longest:
            print("the list has become shorter")
        longest = len(seen)
        lists += 1
threads = [threading.Thread(target=read) for _ in range(readers)]
for t in threads: t.start()
for t in threads: t.join()
print("# %d lists" % lists)
PYTHON
readers=$!
grown=$(python3 "$CHANCERY_SOURCE/tests/bench/scale.py" "$STACK_DIR/api.sock" "$issuer" "$cas" 8 64 2>&1)
: >"$work/stop"
wait "$readers"
nothing "64 clients create $cas CAs without an error" "$grown"
nothing "8 list them meanwhile, and each list is whole" "$(grep -v '^#' "$work/read")"
diag "$(grep '^#' "$work/read")"

api GET "/api/v1/issuers/$issuer/intermediates?format=tree"
is "$(jq '[.. | objects | select(.id? and .children?)] | length' <<<"$body")" "$cas" "all of them are in the tree"
is "$(jq 'def depth: if .children | length > 0 then 1 + ([.children[] | depth] | max) else 1 end; [.data[] | depth] | max' <<<"$body")" \
  8 "which is 8 deep"
api GET "/api/v1/issuers/$issuer/intermediates"
is "$(jq '[.data[].name] | unique | length' <<<"$body")" "$cas" "each is there once"
is "$(jq -c '[.data[].state] | unique' <<<"$body")" '["active"]' "and active"
nothing "no two have one key" "$(jq -r '.data[].key_driver_id' <<<"$body" | sort | uniq -d)"
api GET /api/v1/status
is "$(field .signer.bound_keys)" "$cas" "the signer has as many keys"
deepest=$(api GET "/api/v1/issuers/$issuer/intermediates?format=tree" && jq -r '.data[0] | until(.children == []; .children[0]) | .id' <<<"$body")
succeeds "the chain of the deepest is good" chain_judge "$deepest"
leaf "$deepest" DNS:www.example.com
issued "and a leaf of it"

# The plan of what lists them: by an index, and no row but these is read.
plan=$(sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" \
  "EXPLAIN QUERY PLAN SELECT * FROM ca WHERE issuer_id = '$issuer' AND (state <> 'created' OR length(csr) > 0) ORDER BY ledger_seq")
like "$plan" 'SEARCH ca USING INDEX ca_issuer' "an index leads to an issuer's CAs"
succeeds "the front-end starts anew with all of it" stack_start
api GET "/api/v1/issuers/$issuer/intermediates"
is "$(field '.data | length')" "$cas" "and lists the same"
tap_done
