#!/usr/bin/env bash
# Names over the API: what a CA below another may be permitted (cases 5 23 24 25
# 26), and what a leaf may be called (37 38 44). hierarchy.t says where the other
# cases are.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
profiles=$STACK_DIR/conf/profiles
mkdir -p "$profiles"
sed 's/^wildcards = .*/wildcards = true;/' "$CHANCERY_SOURCE/conf/profiles/server.conf" >"$profiles/wild.conf"
sed 's/^names = .*/names = ( "dns", "ip", "email", "uri", "dn" );/' "$CHANCERY_SOURCE/conf/profiles/server.conf" >"$profiles/every.conf"
cat >"$profiles/constraints.conf" <<'CONF'
templates: {
	shop: {
		description = "The shop";
		permitted = ( "dns:shop.example.com", "ip:10.20.0.0/16" );
		excluded = ( "dns:secret.example.com", "dns:pay.shop.example.com" );
	};
	far: { permitted = ( "dns:example.org" ); };
};
CONF
e2e_up
issuer=$(issuer_make names)
both='[.name_constraints[0].permitted, .name_constraints[0].excluded]'

# The example of all
ca root '' "$(permits dns:example.com dns:secret.example.com)"
created "case 5: a root that permits example.com" "$both" '[["dns:example.com"],["dns:secret.example.com"]]'
root=$id
ca evil "$root" "$(permits evil.com dns:secret.example.com)"
refused 400 name_constraint_exceeded name_constraints "case 5: evil.com below it"
like "$(field .error.message)" 'evil\.com' "case 5: by name"
ca internal "$root" "$(permits internal.example.com dns:secret.example.com)"
created "case 5: internal.example.com" "$both" '[["dns:internal.example.com"],["dns:secret.example.com"]]'
ca dropped "$root" "$(permits internal.example.com)"
refused 400 name_constraint_exceeded name_constraints "case 5: an excluded subtree is dropped"
ca narrowed "$root" "$(permits internal.example.com dns:a.secret.example.com)"
refused 400 name_constraint_exceeded name_constraints "case 5: an excluded subtree shrinks"
ca wider "$root" "$(permits internal.example.com 'dns:secret.example.com;dns:more.example.com')"
created "case 5: an excluded subtree more" '.name_constraints[0].excluded | length' 2
ca top "$root" "$(permits com dns:secret.example.com)"
refused 400 name_constraint_exceeded name_constraints "case 5: a wider permitted subtree"

# Nothing stated
ca heir "$root"
created "case 23: nothing is stated" "$both" '[["dns:example.com"],["dns:secret.example.com"]]'
heir=$id
text=$(field .certificate_pem | openssl x509 -noout -text)
like "$(tr -d '\n' <<<"$text")" 'Name Constraints: critical *Permitted: *DNS:example.com *Excluded: *DNS:secret.example.com' \
  "case 23: inherited, in its certificate"
ca disjoint "$heir" "$(permits example.org dns:secret.example.com)"
refused 400 name_constraint_exceeded name_constraints "case 23: a disjoint grandchild"
ca other "$heir" "$(permits ip:10.0.0.0/8 dns:secret.example.com)"
created "case 23: one that states another form keeps the inherited" "$both" '[["dns:example.com","ip:10.0.0.0/8"],["dns:secret.example.com"]]'
ca null "$heir" '{"name_constraints": null}'
created "case 23: null is nothing" .name_constraints[0].permitted '["dns:example.com"]'
ca empty "$heir" '{"name_constraints": [{"permitted": [], "excluded": []}]}'
created "case 23: so are empty lists" .name_constraints[0].permitted '["dns:example.com"]'

# Each form: a CA that permits, and below it subset, equal, superset, disjoint; then the same with what it excludes.
number=0
forms() { # FORM PERMITTED : INSIDE... : OUTSIDE...
  local form=$1 outer=$2 parent one inside=1
  ca "$form-$outer" '' "$(permits "$form:$outer")"
  created "case 24: $form:$outer"
  parent=$id
  shift 3
  for one; do
    if [ "$one" = : ]; then
      inside=
      continue
    fi
    number=$((number + 1))
    ca "below $number" "$parent" "$(permits "$form:$one" | jq -c --arg n "$number" \
      '. + {subject: {organization: ["Example"], organizational_unit: ["One"], common_name: ("Below " + $n)}}')"
    if [ -n "$inside" ]; then
      created "case 24: $form:$one below $form:$outer"
    else
      refused 400 name_constraint_exceeded name_constraints "case 24: $form:$one below $form:$outer"
    fi
  done
}
forms ip 10.0.0.0/8 : 10.0.0.0/8 10.1.0.0/16 10.255.255.255/32 : 11.0.0.0/8 0.0.0.0/0 8.0.0.0/6 2001:db8::/32
forms ip 2001:db8::/32 : 2001:db8::/32 2001:db8:1::/48 2001:0DB8:2::1/128 : 2001:db9::/32 2001::/16 ::/0 10.0.0.0/8
forms email example.com : example.com one@example.com : .example.com a.example.com example.org notexample.com
forms email .example.com : .example.com a.example.com .a.example.com one@a.example.com : example.com one@example.com .com
forms email one@example.com : one@example.com one@EXAMPLE.COM : One@example.com two@example.com example.com
forms uri example.com : example.com EXAMPLE.com : .example.com a.example.com example.org
forms uri .example.com : .example.com a.example.com .a.b.example.com : example.com notexample.com .com
forms dn 'O=Example' : 'O=Example' 'O=EXAMPLE' 'O=Example, OU=One' : 'O=Other' 'OU=Example' 'O=Example One'
ca dn '' "$(permits 'dn:O=Example' dn:O=Example,OU=Two)"
directory=$id
mark
ca outside "$directory" '{"subject": {"organization": ["Other"], "common_name": "Outside"}}'
refused 400 name_not_permitted subject "case 24: a CA whose own subject is outside"
ca excluded "$directory" '{"subject": {"organization": ["Example"], "organizational_unit": ["two"], "common_name": "Excluded"}}'
refused 400 name_not_permitted subject "case 24: a CA whose own subject is excluded"
ca inside "$directory" '{"subject": {"organization": ["EXAMPLE"], "common_name": "Inside"}}'
created "case 24: a CA whose own subject is inside" .name_constraints[0].permitted '["dn:O=Example"]'
ca folded '' "$(permits '' 'dn:O=Bücher')"
refused 400 bad_name_constraint name_constraints "case 24: an excluded directory name that is not ASCII"
ca folded '' "$(permits 'dn:O=Bücher')"
created "case 24: a permitted one" .name_constraints[0].permitted '["dn:O=Bücher"]'
ca odd-mask '' "$(permits 'ip:10.0.0.0/255.0.255.0')"
refused 400 bad_name_constraint name_constraints "case 24: a mask that is no prefix"
for bad in ip:10.0.0.0 ip:10.0.0.0/33 ip:2001:db8::/129 ip:10.0.0/8 ip:10.0.0.0/08 email:a@b@c email: uri:https://example.com uri:10.0.0.1 dn:O= dn:X=1 rid:1.2.3; do
  ca bad '' "$(permits "$bad")"
  refused 400 bad_name_constraint name_constraints "case 24: $bad"
done
for bad in '{}' '[{"permit": []}]' '["dns:a.example"]' '[{"permitted": "dns:a.example"}]' '[{"permitted": [1]}]'; do
  ca bad '' "{\"name_constraints\": $bad}"
  case $bad in
  *permit\"*) refused 400 unknown_field name_constraints "case 24: $bad" ;;
  *) refused 400 bad_name_constraint name_constraints "case 24: $bad" ;;
  esac
done

# What a leaf may then be called, form by form
admits() { # PERMITTED EXCLUDED : INSIDE... : OUTSIDE...: names in openssl's words
  local permitted=$1 excluded=$2 one inside=1 parent
  ca "leaves-$permitted-$excluded" '' "$(permits "$permitted" "$excluded" | jq -c '. + {path_len_constraint: 0}')"
  parent=$id
  mark
  shift 3
  for one; do
    if [ "$one" = : ]; then
      inside=
      continue
    fi
    leaf "$parent" "$one" every
    if [ -n "$inside" ]; then
      issued "case 38: $one, permitted $permitted, excluded $excluded"
    else
      refused 400 name_not_permitted csr_pem "case 38: $one, permitted $permitted, excluded $excluded"
    fi
  done
}
admits dns:example.com '' : DNS:example.com DNS:a.b.EXAMPLE.com DNS:xn--bcher-kva.example.com : DNS:notexample.com DNS:example.com.org DNS:com
admits '' dns:example.com : DNS:notexample.com DNS:example.org : DNS:example.com DNS:a.example.com DNS:A.Example.Com
admits ip:10.0.0.0/8 ip:10.1.0.0/16 : IP:10.0.0.1 IP:10.255.255.255 : IP:11.0.0.1 IP:10.1.2.3 IP:2001:db8::1
admits 'ip:2001:db8::/32' '' : IP:2001:db8::1 : IP:2001:db9::1 IP:10.0.0.1
admits email:example.com '' : email:one@example.com : email:one@a.example.com email:one@example.org
admits email:.example.com '' : email:one@a.example.com : email:one@example.com
admits email:one@example.com '' : email:one@example.com : email:two@example.com
admits uri:example.com '' : URI:https://example.com/x URI:https://EXAMPLE.com:8443/ : URI:https://a.example.com/ URI:https://10.0.0.1/ URI:urn:x
admits uri:.example.com '' : URI:https://a.example.com/ : URI:https://example.com/
ca two-forms '' "$(permits 'dns:example.com;ip:10.0.0.0/8' | jq -c '. + {path_len_constraint: 0}')" && two=$id
mark
leaf "$two" DNS:www.example.com,IP:10.0.0.1,email:one@example.org every
issued "case 38: a form without constraint is free"
leaf "$two" DNS:www.example.com,IP:11.0.0.1 every
refused 400 name_not_permitted csr_pem "case 38: one name of several is outside"

# Spelling
ca spelled "$root" "$(permits EXAMPLE.COM dns:SECRET.example.com)"
created "case 25: EXAMPLE.COM is example.com" "$both" '[["dns:example.com"],["dns:secret.example.com"]]'
ca dotted "$root" "$(permits .example.com dns:secret.example.com)"
created "case 25: so is .example.com" "$both" '[["dns:example.com"],["dns:secret.example.com"]]'
ca idn "$root" "$(permits xn--bcher-kva.example.com dns:secret.example.com)"
created "case 25: an A-label" .name_constraints[0].permitted '["dns:xn--bcher-kva.example.com"]'
ca prefix "$root" "$(permits notexample.com dns:secret.example.com)"
refused 400 name_constraint_exceeded name_constraints "case 25: notexample.com"
for bad in 'bad label' example.com. a..example.com -a.example.com a-.example.com bücher.example.com '*.example.com' ..example.com . '' 10.0.0.1 \
  "$(printf '%064d' 0 | tr 0 a).example.com"; do
  ca bad "$root" "$(jq -nc --arg n "dns:$bad" '{name_constraints: [{permitted: [$n], excluded: ["dns:secret.example.com"]}]}')"
  refused 400 bad_name_constraint name_constraints "case 25: '$bad'"
done

# Nothing left
for pair in dns:secret.example.com dns:a.secret.example.com; do
  ca left "$root" "$(permits "$pair" dns:secret.example.com)"
  refused 400 name_constraint_exceeded name_constraints "case 26: $pair is permitted, its parent excludes it"
done
ca left '' "$(permits dns:example.org dns:example.org)"
refused 400 name_constraint_exceeded name_constraints "case 26: a root that excludes what it permits"
ca left '' "$(permits ip:10.0.0.0/8 ip:0.0.0.0/0)"
refused 400 name_constraint_exceeded name_constraints "case 26: so for addresses"
ca some "$root" "$(permits 'dns:secret.example.com;dns:a.example.com' dns:secret.example.com)"
created "case 26: while something is left, it can be made"

# Templates
template() { # NAME PARENT TEMPLATE [JSON]
  ca "$1" "$2" "$(jq -nc --arg t "$3" --argjson m "${4:-{\}}" '{constraint_template: $t} + $m')"
}
api GET /api/v1/constraint-templates
is "$(jq -c '[.data[] | [.name, .description, .name_constraints[0].permitted[0]]]' <<<"$body")" \
  '[["shop","The shop","dns:shop.example.com"],["far","","dns:example.org"]]' "template: they are listed"
template shop "$root" shop
created "template: as it is, below a parent that is wider" "$both" \
  '[["dns:shop.example.com","ip:10.20.0.0/16"],["dns:secret.example.com","dns:pay.shop.example.com"]]'
shop=$id
template till "$root" shop "$(permits dns:till.shop.example.com dns:x.till.shop.example.com)"
created "template: tightened" "$both" \
  '[["dns:till.shop.example.com","ip:10.20.0.0/16"],["dns:secret.example.com","dns:pay.shop.example.com","dns:x.till.shop.example.com"]]'
template broader "$root" shop "$(permits dns:example.com)"
refused 400 name_constraint_exceeded name_constraints "template: widened"
like "$(field .error.message)" 'wider than the permitted names of the template' "template: which says whose"
template none "$root" shop "$(permits dns:pay.shop.example.com)"
refused 400 name_constraint_exceeded name_constraints "template: what it excludes"
template far "$root" far
refused 400 name_constraint_exceeded name_constraints "template: it widens nothing for its parent"
template far "$shop" shop
created "template: once more below itself" .path_len_constraint null
template nosuch "$root" nosuch
refused 400 unknown_template constraint_template "template: an unknown one"
template bad "$root" shop '{"constraint_template": 1}'
refused 400 bad_field constraint_template "template: no text"
ca tried '' '{"constraint_template": "far"}' '?dry_run=true'
is "$status $(jq -c .name_constraints[0].permitted <<<"$body")" '200 ["dns:example.org"]' "template: a root, tried"
chancery() { "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" "$@" 2>&1; }
like "$(chancery profile templates)" '^shop +The shop' "template: the command line lists them"
like "$(chancery ca create --issuer names --name console --cn Console --template far --dry-run)" 'example\.org' "template: and takes one"

# What a request wishes
asks() { # NAME EXTENSIONS: $work/NAME.csr
  csr_make "$work/$1" ec:P-256 '' -addext subjectAltName=DNS:www.example.com "${@:2}"
  leaf "$heir" "$work/$1.csr"
}
text_of() { field .certificate_pem | openssl x509 -noout -text; }
asks is-ca -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
issued "case 37: CA:TRUE and keyCertSign in the request"
text=$(openssl x509 -in "$work/issued.crt" -noout -text)
nothing "case 37: none of it in the certificate" "$(grep -E 'CA:TRUE|Certificate Sign|CRL Sign' <<<"$text")"
asks odd -addext 1.2.3.4.5=ASN1:UTF8String:mine -addext extendedKeyUsage=OCSPSigning,anyExtendedKeyUsage
issued "case 37: unknown extensions and usages in the request"
text=$(openssl x509 -in "$work/issued.crt" -noout -text)
nothing "case 37: none of them in the certificate" "$(grep -E '1\.2\.3\.4\.5|OCSP Signing|Any Extended' <<<"$text")"
like "$text" 'TLS Web Server Authentication' "case 37: the profile decides"

# What a leaf may not be called
leaf "$heir" DNS:www.example.org
refused 400 name_not_permitted csr_pem "case 38: a name outside"
leaf "$heir" DNS:x.secret.example.com
refused 400 name_not_permitted csr_pem "case 38: a name that is excluded"
leaf "$heir" 'DNS:*.www.example.com'
refused 400 wildcard_not_allowed csr_pem "case 38: a wildcard that the profile does not take"
leaf "$heir" ''
refused 400 name_missing csr_pem "case 38: no alternative name"
csr_make "$work/cn" ec:P-256 DNS:www.example.com -subj /CN=other.example.com
leaf "$heir" "$work/cn.csr"
refused 400 common_name_not_in_names csr_pem "case 38: a common name that is not among the names"
csr_make "$work/cn" ec:P-256 DNS:www.example.com -subj /CN=www.example.com
leaf "$heir" "$work/cn.csr"
issued "case 38: a common name that is"
leaf "$heir" 'DNS:*.example.com' wild
refused 400 name_not_permitted csr_pem "case 44: *.example.com over the excluded secret.example.com"
leaf "$heir" 'DNS:*.secret.example.com' wild
refused 400 name_not_permitted csr_pem "case 44: *.secret.example.com"
leaf "$heir" 'DNS:*.www.example.com' wild
issued "case 44: a wildcard that covers nothing excluded"
tap_done
