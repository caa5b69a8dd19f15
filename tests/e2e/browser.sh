# A headless Chromium for a test script, spoken to over WebDriver (W3C): `. browser.sh`, `browser_up` or its reason.
# shellcheck shell=bash
: "${work:=}"

# Without a browser it answers 1, and browser_lacks says why.
# shellcheck disable=SC2034 # for the script
browser_up() {
  local program options said
  for program in chromium chromedriver; do
    command -v "$program" >/dev/null && continue
    browser_lacks="$program is not installed; scripts/test --browser installs it"
    return 1
  done
  mkdir -p "$work/browser"
  : >"$work/browser/driver.log"
  HOME=$work/browser chromedriver --port=0 >"$work/browser/driver.log" 2>&1 &
  browser_driver=$!
  stack_until 60 browser_listens || {
    browser_lacks="chromedriver does not start here: $(tail -n 1 "$work/browser/driver.log")"
    return 1
  }
  # Its sandbox wants namespaces that a container or root may not have; the page is ours.
  options=$(jq -n --arg dir "$work/browser/profile" '{capabilities: {alwaysMatch: {browserName: "chrome",
    "goog:loggingPrefs": {browser: "ALL"}, "goog:chromeOptions": {args: ["--headless=new", "--no-sandbox", "--disable-gpu",
    "--disable-dev-shm-usage", "--window-size=1500,1100", "--user-data-dir=\($dir)"]}}}}')
  said=$(browser_call POST "" "$options")
  browser_session=$(jq -r '.value.sessionId // empty' <<<"$said")
  [ -n "$browser_session" ] && return
  browser_lacks="chromium does not start here: $(jq -r '.value.message // .' <<<"$said" | head -n 1)"
  return 1
}
browser_listens() {
  browser_port=$(sed -n 's/.*successfully on port \([0-9]*\).*/\1/p' "$work/browser/driver.log")
  [ -n "$browser_port" ]
}
browser_down() {
  [ -z "${browser_session:-}" ] || browser_call DELETE "" >/dev/null
  [ -z "${browser_driver:-}" ] || kill "$browser_driver" 2>/dev/null
}

browser_call() { # METHOD PATH [JSON]: the answer
  curl -s --noproxy '*' --max-time 300 -X "$1" -H 'Content-Type: application/json' ${3:+--data-binary "$3"} \
    "http://127.0.0.1:$browser_port/session${browser_session:+/$browser_session}$2"
}
browser_open() { # URL; when it is answered the page is loaded and its scripts have run
  browser_call POST /url "$(jq -n --arg u "$1" '{url: $u}')" >/dev/null
}
browser_find() { # CSS: an element's handle
  browser_call POST /element "$(jq -n --arg c "$1" '{using: "css selector", value: $c}')" |
    jq -r '.value["element-6066-11e4-a52e-4f735466cecf"] // empty'
}
browser_click() { # CSS
  browser_call POST "/element/$(browser_find "$1")/click" '{}' >/dev/null
}
browser_type() { # CSS TEXT
  browser_call POST "/element/$(browser_find "$1")/value" "$(jq -n --arg t "$2" '{text: $t}')" >/dev/null
}
browser_text() { # CSS: what is seen of it
  browser_call GET "/element/$(browser_find "$1")/text" | jq -r '.value'
}
browser_run() { # JAVASCRIPT: what it returns
  browser_call POST /execute/sync "$(jq -n --arg s "$1" '{script: $s, args: []}')" | jq -r '.value'
}
# What the console was told since the last call, a line each.
browser_console() {
  browser_call POST /se/log '{"type": "browser"}' | jq -r '.value[] | "\(.level) \(.message)"'
}
