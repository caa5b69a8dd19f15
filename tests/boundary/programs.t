#!/usr/bin/env bash
# The walls over the finished programs: what each is linked with and which
# functions it can call at all, whatever its sources say.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

command -v readelf >/dev/null || tap_skip_all "readelf is missing: install binutils"
program() { # NAME: its path
  echo "$CHANCERY_BUILD/$1"
}
needed() { # NAME: the libraries of its dynamic section, without versions
  readelf -d "$(program "$1")" | sed -n 's/.*(NEEDED).*\[\(lib\|ld-\)\([^].]*\)\..*/\1\2/p' | sort | tr '\n' ' ' | sed 's/ $//'
}
imports() { # NAME: the functions that it takes from libraries
  readelf -W --dyn-syms "$(program "$1")" | awk '$7 == "UND" && NF >= 8 { sub(/@.*/, "", $8); print $8 }' | sort -u
}
has_none() { # NAME PATTERN WHAT
  nothing "$1 $3" "$(imports "$1" | grep -E "^($2)$" || true)"
}
mentions() { # NAME PATTERN: strings within the program
  grep -aoE -- "$2" "$(program "$1")" | sort -u
}

is "$(needed chancery-signd)" "libc libconfig libcrypto" "chancery-signd is linked with libc, libconfig and libcrypto only"
has_none chancery-signd 'dlopen|dlmopen|dlsym' "loads nothing at run time"
has_none chancery-signd 'fork|vfork|clone|clone3|system|popen|posix_spawnp?|exec[lv]p?e?|execveat|fexecve' "starts no program"
has_none chancery-signd 'getaddrinfo|gethostby.*|BIO_new_connect|BIO_new_accept|BIO_s_connect|SSL_.*' "knows no network"
has_none chancery-signd 'EVP_PKEY_sign.*|EVP_DigestSign.*|EVP_PKEY_Q_keygen|EVP_PKEY_generate|EVP_PKEY_keygen|PEM_read_.*PrivateKey|d2i_.*PrivateKey' \
  "can neither sign nor hold a private key"
has_none chancery-signd 'd2i_X509_REQ|PEM_read_.*|json_.*|MHD_.*|sqlite3_.*' "parses no CSR, PEM, JSON or HTTP"

for name in chancery-frontd chancery; do
  has_none "$name" 'dlopen|dlmopen|dlsym' "loads nothing at run time"
  has_none "$name" 'C_[A-Z].*|PKCS11_.*' "calls no PKCS#11 function"
  nothing "$name is not linked with libp11" "$(needed "$name" | grep -o 'libp11[^ ]*' || true)"
  nothing "$name names no PKCS#11 module" "$(mentions "$name" 'C_GetFunctionList|libsofthsm2')"
  nothing "$name never signs" "$(imports "$name" | grep -E '^(EVP_PKEY_sign|EVP_DigestSign).*' || true)"
done
nothing "chancery knows nothing of the signer's socket" "$(mentions chancery 'sign\.sock')"
nothing "chancery-frontd reads no signd.conf" "$(mentions chancery-frontd '/signd\.conf')"

# Of each protocol a program carries the half that it needs.
halves() { # NAME: the generated functions that are in it
  nm "$(program "$1")" 2>/dev/null | awk '$2 ~ /[tT]/ { print $3 }' | grep -E '^(ask|answer)_.*_(put|get)$' | sed 's/_.*//' | sort | uniq -c | awk '{print $2}' | tr '\n' ' '
}
if nm "$(program chancery-frontd)" 2>/dev/null | grep -q ' T main'; then
  is "$(halves chancery-frontd)" "ask " "chancery-frontd can only ask"
  is "$(halves chancery-driver-pkcs11)" "answer " "chancery-driver-pkcs11 can only answer"
  nothing "chancery-signd asks drivers and answers the front-end, and not the other way round" \
    "$(nm "$(program chancery-signd)" | awk '{ print $3 }' | grep -E '^(ask_(cert_sign|ca_self|hello)_put|answer_driver_.*_put)$' || true)"
else
  skip "which halves of the protocols are in which program" "the programs were stripped"
fi

# How they are built.
for name in chancery-signd chancery-frontd chancery chancery-driver-pkcs11; do
  header=$(readelf -hlW "$(program "$name")")
  dynamic=$(readelf -dW "$(program "$name")")
  like "$header" 'Type: +DYN' "$name is position independent"
  like "$header" 'GNU_RELRO' "$name has read-only relocations"
  like "$dynamic" 'BIND_NOW|NOW' "$name binds at its start"
  nothing "$name has no executable stack" "$(grep 'GNU_STACK.*RWE' <<<"$header" || true)"
done
tap_done
