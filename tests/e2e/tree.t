#!/usr/bin/env bash
# The tree to look at: in the terminal, as JSON, and as a page that a browser opens.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/browser.sh
. "$(dirname "$0")/browser.sh"
trap 'browser_down; e2e_down' EXIT
e2e_up
chancery=$STACK_BIN/chancery
export CHANCERY_SOCKET=$STACK_DIR/api.sock LC_ALL=C.UTF-8 COLUMNS=''
algorithm=$(token_first)

# --- CAs in several states ---
issuer=$(issuer_make agency)
make() { # NAME PARENT JSON: its id
  api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --arg n "$1" --arg p "$2" --arg a "$algorithm" --argjson m "$3" \
    '{name: $n, subject: {common_name: "Agency \($n) CA"}, algorithm: $a} + (if $p == "" then {} else {parent_ca_id: $p} end) + $m')"
  [ "$status" = 201 ] || diag "CA $1: $status $body"
  field .id
}
hostile='</script><script>hostile=1</script><img src=x onerror=hostile=1>'
root=$(make root "" '{"path_len_constraint": 2}')
policy=$(make policy "$root" '{"path_len_constraint": 1, "name_constraints": [{"permitted": ["dns:agency.example"], "excluded": ["dns:lab.agency.example"]}]}')
web=$(make web "$policy" '{"path_len_constraint": 0, "ttl_days": 20, "metadata": {"team": "platform"}}')
old=$(make old "$policy" '{"path_len_constraint": 0}')
past=$(make past "$policy" '{"path_len_constraint": 0}')
odd=$(make "$hostile" "$root" "$(jq -n --arg h "$hostile" '{path_len_constraint: 0, subject: {common_name: $h}, metadata: {"\($h)": "\($h)\u2028\u202e"}}')")
for ca in "$old" "$past"; do api POST "/api/v1/intermediates/$ca/retire" '{"confirm": false}'; done
api POST "/api/v1/intermediates/$past/retire" '{"confirm": true}'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=Vault Root" -days 4000 -keyout "$work/vault.key" \
  -addext keyUsage=critical,keyCertSign,cRLSign -out "$work/vault.pem" 2>"$work/err" || diag "$(cat "$work/err")"
cp "$work/vault.pem" "$STACK_DIR/anchors"
api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --rawfile p "$work/vault.pem" '{name: "vault", root_cert_pem: $p}')"
answers 201 "seven CAs: active, retiring, retired, and one whose key is offline"

# --- in the terminal ---
"$chancery" ca tree >"$work/text" || fail "chancery ca tree"
row() { grep -F -- "$1 " "$work/text"; }
like "$(head -n 1 "$work/text")" '^CA +STATE +EXPIRES +PATH LEN +KEY +CONSTRAINTS +ROTATION$' "the columns have heads"
like "$(row root | head -n 1)" "^root +active +[0-9-]{10} \(in [0-9]+ years\) +2 +$algorithm +[0-9-]{10} \(in [0-9]+ years\)\$" "a root"
like "$(row policy)" '^├─ policy +active +.* 1 +[A-Za-z0-9-]+ +only dns:agency\.example; not dns:lab\.agency\.example +[0-9-]{10} \(in [0-9]+ (years|months|days)\)$' "a policy CA with constraints"
like "$(row web)" '^│  ├─ web +active +[0-9-]{10} \(in (19|20) days\) +0 ' "one that expires soon"
like "$(row old)" '^│  ├─ old +retiring ' "one that is retiring"
like "$(row past)" '^│  └─ past +retired ' "one that is retired"
like "$(row vault)" '^vault +active .* none +ECDSA-P256, offline( .*)?$' "a root whose key is offline"
is "$(grep -c $'\033' "$work/text")" 0 "no colours where there is no terminal"
"$chancery" ca tree --color always >"$work/colours"
like "$(grep -F web "$work/colours")" $'\033\\[32mactive\033\\[0m.*\033\\[31m[0-9-]{10} ' "colours when they are asked for"
like "$(grep -F past "$work/colours")" $'^\033\\[2m.*past\033\\[0m' "what is retired is dim"
like "$(LC_ALL=C "$chancery" ca tree)" '^\|  `- past ' "ASCII where the locale is"
refuses "an unknown format is refused" "$chancery" ca tree --format svg
refuses "an unknown time for colours is refused" "$chancery" ca tree --color perhaps

# --- for programs ---
"$chancery" ca tree --format json >"$work/tree.json" || fail "chancery ca tree --format json"
api GET "/api/v1/issuers/$issuer/intermediates?format=tree"
is "$(jq -S . "$work/tree.json")" "$(jq -S . <<<"$body")" "the JSON is the API's tree"
is "$(jq -r '.data[0].children[] | select(.name == "policy").children | map(.name) | join(" ")' "$work/tree.json")" "web old past" \
  "CAs are below their parents"
is "$("$chancery" ca tree --from "$work/tree.json" --socket "$work/none")" "$(cat "$work/text")" "what was written is drawn without the service"
jq 'del(.data[].children[] | select(.name | startswith("<")))' "$work/tree.json" >"$work/short.json"
for columns in 110 70 30; do
  COLUMNS=$columns "$chancery" ca tree --from "$work/short.json" >"$work/narrow"
  nothing "no row is wider than $columns columns" "$(perl -CSD -nle "print if length > $columns" "$work/narrow")"
done
is "$(head -n 1 "$work/narrow")" "CA          STATE" "what has no room is left out"
refuses "a file without CAs is refused" "$chancery" ca tree --from "$STACK_SOURCE/tests/tap.sh"

# --- as a page ---
page=$work/tree.html
succeeds "chancery ca tree --format html" "$chancery" ca tree --format html
"$chancery" ca tree --format html >"$page"
nothing "the page names nothing to fetch" "$(grep -oE '(src|href|url|import)[=(]["'\'']?[a-z]*:?//[^ ]*' "$page" | head -n 3)"
is "$(grep -oi '<script' "$page" | wc -l)" 2 "the page has two scripts, its data and its own"
# A thousand CAs, eight levels deep.
jq -n 'reduce range(1000) as $i ([]; . + [{id: "n\($i)", name: "CA \($i)", state: (if $i % 7 == 0 then "retired" else "active" end),
    parent_ca_id: (if $i == 0 then null elif $i < 8 then "n\($i - 1)" else "n\(($i * 7919) % ($i / 4 | floor) % 150)" end),
    algorithm: "ECDSA-P384", key_driver_id: "pkcs11:token=main", subject: "CN=CA \($i)", path_len_constraint: 0,
    not_before: "2025-01-01T00:00:00Z", not_after: "\(2027 + $i % 20)-06-01T00:00:00Z", effective_name_constraints: []}]) | {data: .}' \
  >"$work/many.json"
"$chancery" ca tree --from "$work/many.json" >"$work/many.text"
is "$(wc -l <"$work/many.text")" 1001 "a thousand CAs in the terminal"
"$chancery" ca tree --from "$work/many.json" --format html >"$work/many.html"
# Cycles, ids that are there twice, and members of any type.
cat >"$work/odd.json" <<'JSON'
{"data": [null, 3, {"id": 4, "name": [], "parent_ca_id": {}}, {"id": "1", "parent_ca_id": "2"}, {"id": "2", "parent_ca_id": "1"},
  {"id": "x", "parent_ca_id": "x", "subject": {"a": 1}, "not_before": 7, "not_after": "never", "metadata": [1], "held": true,
   "path_len_constraint": "0", "name_constraints": "no", "effective_name_constraints": [null, {"permitted": {}, "excluded": [null]}]},
  {"id": "x", "name": "again"}, {"id": "__proto__", "parent_ca_id": "toString"}, {}]}
JSON
"$chancery" ca tree --from "$work/odd.json" --format html >"$work/odd.html"

in_browser() {
  node() { echo "#tree [data-id='$1']"; }
  # A row of the list of details: its value.
  value() { browser_run "const t = [...document.querySelectorAll('#details dt')].find((e) => e.textContent === '$1'); return t ? t.nextSibling.innerText : ''"; }
  # A stray error of the browser's own about a file's icon would be one as well.
  browser_open "file://$page"
  is "$(browser_run 'return document.querySelectorAll("#tree .node").length')" 7 "a node for each CA"
  is "$(browser_run 'return document.querySelectorAll("#tree .link").length')" 5 "a line from each to its parent"
  is "$(browser_run 'return document.querySelectorAll("#time .bar").length')" 7 "a bar for each CA"
  like "$(browser_text '#details')" 'Choose a CA' "no details yet"
  like "$(browser_text '#summary')" '^7 CAs in 2 trees, .* 1 expires within 90 days$' "the summary counts"
  browser_click "$(node "$web")"
  api GET "/api/v1/intermediates/$web"
  is "$(browser_text '#details h3')" web "a click shows the CA"
  is "$(value State)" active "its state"
  is "$(value Serial)" "$(field .serial)" "its serial"
  is "$(value SHA-256)" "$(field .fingerprint)" "its fingerprint"
  is "$(value Subject)" "$(field .subject)" "its subject"
  is "$(value Key)" "$(field .key_driver_id)" "its key"
  like "$(value 'Valid to')" "^$(field .not_after | cut -c 1-10) .*\(in (19|20) days\)\$" "its expiry"
  like "$(value 'Path length')" '^0' "its path length"
  is "$(value Constraints)" $'only dns:agency.example\nnot dns:lab.agency.example' "its constraints"
  is "$(value Chain)" $'root\npolicy\n└ web' "its chain"
  is "$(value team)" platform "its metadata"
  browser_click '#details .chain li:first-child button'
  is "$(browser_text '#details h3')" root "a click in the chain leads to the root"
  browser_click "#time [data-id='$past']"
  is "$(value State)" retired "a click on a bar does the same"
  browser_type "$(node "$past")" $'\ue013\ue013\ue007' # twice up, return
  is "$(browser_text '#details h3')" web "so do the keys"
  browser_type "$(node "$web")" $'\ue012\ue012' # left: to its parent, which it folds
  is "$(browser_run 'return document.querySelectorAll("#tree .node").length')" 4 "a folded CA hides those below it"
  browser_type '#search' "platform"
  is "$(browser_text '#found')" "1 of 7" "a search finds what is folded"
  is "$(browser_run 'return document.querySelectorAll("#tree .node:not(.unmatched)").length')" 1 "and shows it"
  browser_click "$(node "$odd")"
  is "$(browser_text '#details h3')" "$hostile" "a hostile name is text"
  like "$(browser_text '#details')" '\\u\{2028\}\\u\{202e\}$' "what can't be seen of it is written out"
  is "$(browser_run 'return [window.hostile === undefined, document.images.length, document.scripts.length].join()')" \
    "true,0,2" "and nothing of it ran"
  nothing "the console says nothing" "$(browser_console)"
  browser_run 'const s = document.createElement("script"); s.textContent = "window.hostile = 1"; document.body.append(s)' >/dev/null
  is "$(browser_run 'return window.hostile === undefined')" true "a script that is not the page's is not run"
  is "$(browser_run 'try { await fetch("http://127.0.0.1:1/"); return "sent"; } catch (e) { return e.name; }')" TypeError "nothing is sent"
  like "$(browser_console)" 'Content Security Policy' "the page's policy forbade both"
  browser_open about:blank
  browser_open "file://$page#$old"
  is "$(browser_text '#details h3')" old "an address with an id leads to that CA"

  browser_open "file://$work/odd.html"
  is "$(browser_run 'return document.querySelectorAll("#tree .node").length')" 7 "a list that no server would send shows each CA"
  for id in 1 2 x; do browser_click "$(node $id)"; done
  is "$(browser_text '#details h3') $(value Subject) $(value 'Valid to')" "x {\"a\":1} unknown" "and what each says"
  nothing "the console says nothing" "$(browser_console)"
  browser_open "file://$work/many.html"
  like "$(browser_text '#summary')" '^1000 CAs in 1 tree' "a thousand CAs"
  succeeds "are folded at first" [ "$(browser_run 'return document.querySelectorAll("#tree .node").length')" -lt 300 ]
  browser_click '#expand'
  is "$(browser_run 'return document.querySelectorAll("#tree .node").length')" 1000 "and are all drawn when asked for"
  is "$(browser_run 'return document.querySelectorAll("#tree [aria-level=\"8\"]").length > 0')" true "eight levels deep"
  diag "drawn anew in $(browser_run 'const t = performance.now(); document.getElementById("expand").click(); document.body.offsetHeight; return Math.round(performance.now() - t)') ms"
  browser_click "$(node n999)"
  is "$(browser_text '#details h3')" "CA 999" "one of them is found and read"
  nothing "the console says nothing" "$(browser_console)"
}
if browser_up; then
  in_browser
else
  skip "the page in a browser" "$browser_lacks"
fi
tap_done
