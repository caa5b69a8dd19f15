#!/usr/bin/env bash
# openapi.yaml is what the front-end serves: each route with its methods, parameters and roles, each code, and answers
# that have the members it says and no others.
# shellcheck disable=SC1083 # {id} is what openapi.yaml has
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
for python in python3 /usr/bin/python3 ''; do
  [ -z "$python" ] || ! "$python" -c 'import yaml' 2>/dev/null || break
done
[ -n "$python" ] || tap_skip_all "there is no python3 with its yaml module (Debian: python3-yaml)"
check() { "$python" "$CHANCERY_SOURCE/tests/e2e/openapi_check.py" "$CHANCERY_SOURCE" "$@" 2>&1; }

# The page and the tables.
nothing "it is YAML, and all of it hangs together" "$(check refs)"
nothing "each route is described, and each that is described is served" "$(check routes)"
nothing "each with its query parameters" "$(check queries)"
nothing "and its roles" "$(check roles)"
nothing "each code that is named exists, and each that exists is named" "$(check codes)"
# Debian has none; where there is one it is asked.
if "$python" -c 'import openapi_spec_validator' 2>/dev/null; then
  succeeds "a validator takes it" "$python" -m openapi_spec_validator "$CHANCERY_SOURCE/daemon/frontd/openapi.yaml"
fi

# The page and what is answered.
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/alice.key" 2>/dev/null
openssl pkey -in "$work/alice.key" -pubout -out "$work/alice.pub"
chmod 0755 "$work"
chmod 0644 "$work/alice.pub"
alice=$(openssl pkey -pubin -in "$work/alice.pub" -outform DER | sha256sum | cut -d' ' -f1)
E2E_SIGND="classes = { root = { kinds = [ \"ca\", \"subca-foreign\", \"ocsp-responder\" ]; }; };
approvals = { approvers = ( { name = \"alice\"; key = \"$work/alice.pub\"; } ); subca_foreign = 1; };"
e2e_up
conforms() { # METHOD ROUTE STATUS WHAT: the last answer
  is "$status" "$3" "$4: $1 $2"
  nothing "  it is as described" "$(check answer "$1" "$2" "$status" <<<"$body")"
}
get() { # PATH ROUTE WHAT [STATUS]
  api GET "/api/v1$1"
  conforms GET "/api/v1$2" "${4:-200}" "$3"
}
post() { # STATUS PATH ROUTE JSON WHAT
  api POST "/api/v1$2" "$4"
  conforms POST "/api/v1$3" "$1" "$5"
}
cas='/issuers/{id}/intermediates'
post 201 /issuers /issuers '{"name": "house"}' "an issuer"
issuer=$(field .id)
post 200 '/issuers?dry_run=true' /issuers '{"name": "other"}' "tried only"
post 409 /issuers /issuers '{"name": "house"}' "a refusal"
post 400 /issuers /issuers '{"nom": "house"}' "another"
ca() { # NAME JSON
  jq -nc --arg n "$1" --argjson m "$2" '{name: $n, subject: {common_name: ("CA " + $n)}, algorithm: "ECDSA-P256"} + $m'
}
post 201 "/issuers/$issuer/intermediates" "$cas" "$(ca root '{"path_len_constraint": 2}')" "a root"
root=$(field .id)
below() { jq -nc --arg p "$root" --argjson m "$1" '{parent_ca_id: $p, path_len_constraint: 0} + $m'; }
post 201 "/issuers/$issuer/intermediates" "$cas" \
  "$(ca issuing "$(below '{"name_constraints": [{"permitted": ["dns:example.com"]}], "metadata": {"for": "all"}}')")" "a CA"
issuing=$(field .id)
post 200 "/issuers/$issuer/intermediates?dry_run=true" "$cas" "$(ca more "$(below '{}')")" "tried only"
post 201 "/issuers/$issuer/intermediates" "$cas" "$(ca second '{"path_len_constraint": 1}')" "another root"
second=$(field .id)
api PATCH "/api/v1/issuers/$issuer" "{\"issuing_ca_id\": \"$issuing\", \"rotation\": {\"prepare_days\": 20, \"activate_days\": 5}}"
conforms PATCH /api/v1/issuers/{id} 200 "an issuing CA"
api PATCH "/api/v1/intermediates/$issuing" '{"rotation": "off"}'
conforms PATCH /api/v1/intermediates/{id} 200 "a rule"
csr_make "$work/leaf" ec:P-256 DNS:www.example.com
leaf=$(jq -n --rawfile c "$work/leaf.csr" '{csr_pem: $c, profile: "server"}')
post 201 "/issuers/$issuer/certificates" /issuers/{id}/certificates "$leaf" "a leaf"
fingerprint=$(field .fingerprint)
post 201 "/intermediates/$issuing/certificates" /intermediates/{id}/certificates "$leaf" "a leaf of this CA"
serial=$(field .serial)
post 200 "/intermediates/$issuing/certificates?dry_run=true" /intermediates/{id}/certificates "$leaf" "tried only"
post 422 "/intermediates/$issuing/certificates" /intermediates/{id}/certificates '{"csr_pem": "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "profile": "server"}' "no request"
one='/intermediates/{id}/certificates/{serial}'
post 200 "/intermediates/$issuing/certificates/$serial/revoke" "$one/revoke" '{"reason": "certificateHold"}' "on hold"
post 200 "/intermediates/$issuing/certificates/$serial/release" "$one/release" '{}' "released"
post 200 "/certificates/$fingerprint/revoke" /certificates/{sha256}/revoke '{"reason": "superseded"}' "revoked"

# A proposal, and what comes of it.
csr_make "$work/mesh" ec:P-256 '' -subj '/O=mesh/CN=istiod' 2>/dev/null
mesh=$(jq -n --rawfile csr "$work/mesh.csr" --arg p "$root" '{name: "mesh", parent_ca_id: $p, csr_pem: $csr, path_len_constraint: 0,
  name_constraints: [{permitted: ["uri:cluster.local", "dns:cluster.local", "email:invalid"], excluded: ["ip:0.0.0.0/0", "ip:::/0"]}]}')
post 202 "/issuers/$issuer/intermediates" "$cas" "$mesh" "a CA that waits for people"
proposal=$(field .proposal.id)
get /proposals /proposals "what waits"
get "/proposals/$proposal" /proposals/{id} "one of them"
curl -s --unix-socket "$STACK_DIR/api.sock" "http://localhost/api/v1/proposals/$proposal/bytes" >"$work/bytes"
openssl dgst -sha256 -sign "$work/alice.key" -out "$work/bytes.sig" "$work/bytes"
approval=$(jq -n --arg k "$alice" --arg s "$(base64 -w0 "$work/bytes.sig")" '{key: $k, signature: $s}')
post 403 "/proposals/$proposal/approvals" /proposals/{id}/approvals "$approval" "an approval of one's own"
post 200 "/proposals/$proposal/reject" /proposals/{id}/reject '{"note": "no"}' "rejected"
get "/proposals/$proposal" /proposals/{id} "it is closed"

# Steps of a CA.
post 201 "/intermediates/$issuing/rotate" /intermediates/{id}/rotate '{}' "a successor"
post 200 "/intermediates/$root/renew" /intermediates/{id}/renew '{"ttl_days": 9000}' "a renewal"
post 201 "/intermediates/$issuing/cross" /intermediates/{id}/cross "{\"issuer_ca_id\": \"$second\"}" "a cross-certificate"
post 200 "/intermediates/$second/retire" /intermediates/{id}/retire '{}' "retiring"
post 409 "/intermediates/$second/key-gone" /intermediates/{id}/key-gone '{}' "no key is gone"

# What can be read.
get /issuers /issuers "issuers"
get "/issuers/$issuer" /issuers/{id} "an issuer"
get "/issuers/$issuer/intermediates" "$cas" "CAs"
get "/issuers/$issuer/intermediates?format=tree" "$cas" "as a tree"
get "/intermediates/$issuing" /intermediates/{id} "a CA"
get "/intermediates/ica-none" /intermediates/{id} "none" 404
get "/intermediates/$issuing/charter" /intermediates/{id}/charter "a charter"
get "/intermediates/$issuing/certificates/$serial" "$one" "a certificate"
get /certificates /certificates "certificates"
get "/certificates/$fingerprint" /certificates/{sha256} "a revoked one"
get /profiles /profiles "profiles"
get /profiles/server /profiles/{name} "a profile"
get /constraint-templates /constraint-templates "templates"
get '/audit?limit=1000' /audit "the ledger"
get /audit/checkpoint /audit/checkpoint "its head"
get /status /status "the status"
get /doctor /doctor "what the doctor says"
get /whoami /whoami "the caller"
for path in healthz readyz; do
  body=$(curl -s -w '\n%{http_code}' --unix-socket "$STACK_DIR/front/pki.sock" "http://localhost/$path")
  status=${body##*$'\n'}
  body=${body%$'\n'*}
  conforms GET "/$path" 200 "pki.sock"
done
tap_done
