#!/usr/bin/env bash
# The walls over the built programs: what each is linked with, and what it
# imports. The include lines are scripts/check-arrows' part.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
cd "$CHANCERY_BUILD" || exit 1
! sanitized || tap_skip_all "the sanitizers bring libraries and symbols of their own into each program"

needed() { readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort; }
imports() { nm -D --undefined-only "$1" | awk '{ print $NF }' | sed 's/@.*//' | sort -u; }

for program in chancery chancery-ceremony chancery-submit chancery-frontd chancery-signd chancery-driver-pkcs11 chancery-driver-file; do
  [ -x "$program" ] || {
    fail "$program was built"
    tap_done
  }
done

# libm and the loader are the toolchain's to add.
nothing "chancery-signd is linked with libc, libcrypto and libconfig, and nothing else" \
  "$(needed chancery-signd | grep -vE '^(libc\.so\.6|libcrypto\.so\.3|libconfig\.so\.[0-9]+|libm\.so\.6|ld-linux.*)$')"
like "$(needed chancery-signd)" '^libcrypto' "chancery-signd: the list was read"
nothing "chancery-frontd is linked with what it speaks and stores with" \
  "$(needed chancery-frontd | grep -vE '^(libc\.so\.6|libcrypto\.so\.3|libconfig\.so|libjansson\.so|libmicrohttpd\.so|libsqlite3\.so|libm\.so\.6|ld-linux.*)')"
nothing "chancery is linked with libcurl, libjansson and libcrypto" \
  "$(needed chancery | grep -vE '^(libc\.so\.6|libcrypto\.so\.3|libcurl\.so|libjansson\.so|libconfig\.so|libm\.so\.6|ld-linux.*)')"
for program in chancery chancery-ceremony chancery-submit chancery-frontd chancery-signd; do
  nothing "$program is not linked with a PKCS#11 library" "$(needed "$program" | grep -iE 'p11|pkcs11|softhsm')"
done
nothing "chancery-driver-pkcs11 has no HTTP, JSON or database" \
  "$(needed chancery-driver-pkcs11 | grep -iE 'microhttpd|curl|jansson|sqlite')"

loads='dlopen|dlmopen|dlsym|C_[A-Z][A-Za-z]*|PKCS11_.*|p11_kit_.*'
starts='system|popen|fork|vfork|_Fork|clone|exec[lv][pe]*|execvpe|execveat|fexecve|posix_spawnp?|wordexp'
network='getaddrinfo|gethostby.*|getnameinfo|inet_addr|res_.*|gai_.*|if_nametoindex|socketpair_inet'
for program in chancery chancery-ceremony chancery-submit chancery-frontd chancery-signd; do
  nothing "$program loads no code" "$(imports "$program" | grep -xE "$loads")"
  [ "$program" = chancery-ceremony ] || nothing "$program starts no program" "$(imports "$program" | grep -xE "$starts")"
done
for program in chancery-driver-pkcs11 chancery-driver-file; do
  nothing "$program never forks: a module's state doesn't bear it" "$(imports "$program" | grep -xE "$starts")"
done
nothing "chancery-ceremony is linked with what the signer is linked with" \
  "$(needed chancery-ceremony | grep -vE '^(libc\.so\.6|libcrypto\.so\.3|libconfig\.so\.[0-9]+|libm\.so\.6|ld-linux.*)$')"
nothing "chancery-ceremony accepts nobody" "$(imports chancery-ceremony | grep -xE 'accept4?')"
nothing "chancery-ceremony signs nothing itself" \
  "$(imports chancery-ceremony | grep -E '^(EVP_DigestSign|EVP_PKEY_sign|EVP_Sign|X509_sign|X509_CRL_sign|PEM_read.*Private|d2i_.*Private)')"
nothing "chancery-signd resolves no host names" "$(imports chancery-signd | grep -xE "$network")"
# Of PEM the signer reads the anchors' certificates, the approvers' public keys and nothing else.
nothing "chancery-signd decodes no CSR and no private key" \
  "$(imports chancery-signd | grep -E '^(d2i_X509_REQ|PEM_read|X509_REQ|PEM_bytes)' | grep -vxE 'PEM_read_bio_(X509|PUBKEY)')"
nothing "chancery-signd signs nothing itself" \
  "$(imports chancery-signd | grep -E '^(EVP_DigestSign|EVP_PKEY_sign|EVP_Sign|X509_sign|X509_CRL_sign|OCSP_basic_sign|PEM_read.*Private|d2i_.*Private)')"
nothing "chancery-frontd holds no key: it neither signs nor reads private keys" \
  "$(imports chancery-frontd | grep -E '^(EVP_DigestSign|EVP_PKEY_sign|EVP_Sign|X509_sign|X509_CRL_sign|OCSP_basic_sign|PEM_read.*PrivateKey|d2i_.*PrivateKey)')"
like "$(imports chancery-driver-pkcs11)" '^PKCS11_' "the driver does use libp11: the search finds such symbols"

# Sockets: a program that has the address families of the network only in libcurl or libmicrohttpd writes none itself.
families=$(grep -rnE 'AF_INET6?|PF_INET6?|AF_NETLINK|AF_PACKET|AF_VSOCK' "$CHANCERY_SOURCE/daemon/signd" \
  "$CHANCERY_SOURCE/daemon/base" "$CHANCERY_SOURCE/daemon/wire" "$CHANCERY_SOURCE/daemon/ledger" --include='*.[ch]' || true)
nothing "the signer's rooms know no address family but AF_UNIX" "$families"

for program in chancery chancery-ceremony chancery-submit chancery-frontd chancery-signd chancery-driver-pkcs11 chancery-driver-file; do
  like "$(readelf -hW "$program")" 'DYN \(' "$program is position-independent"
  like "$(readelf -dW "$program")" 'BIND_NOW|NOW' "$program binds at start"
  like "$(readelf -lW "$program")" 'GNU_RELRO' "$program has read-only relocations"
  nothing "$program has no executable stack" "$(readelf -lW "$program" | grep GNU_STACK | grep 'RWE')"
done

# Words that would give away a wall that isn't one.
mentions() { # PROGRAM PATTERN
  grep -aoE -- "$2" "$CHANCERY_BUILD/$1" | sort -u
}
nothing "chancery-signd asks no name service, which would load code" "$(imports chancery-signd | grep -xE 'getpw.*|getgr.*')"
nothing "chancery knows nothing of the signer's socket" "$(mentions chancery 'sign\.sock')"
nothing "chancery-frontd reads no signd.conf" "$(mentions chancery-frontd '/signd\.conf')"
nothing "chancery-frontd names no PKCS#11 function" "$(mentions chancery-frontd 'C_GetFunctionList')"

# Of each protocol a program carries the half that it needs.
generated() { # PROGRAM: the halves whose functions are in it
  nm "$CHANCERY_BUILD/$1" | awk '{ print $3 }' | grep -E '^(ask|answer)_.*_(put|get)$' | sed 's/_.*//' | sort -u | tr '\n' ' '
}
if nm "$CHANCERY_BUILD/chancery-frontd" 2>/dev/null | grep -q ' T main'; then
  is "$(generated chancery-frontd)" "ask " "chancery-frontd can only ask"
  is "$(generated chancery-driver-pkcs11)" "answer " "chancery-driver-pkcs11 can only answer"
  nothing "chancery-signd asks drivers and answers the front-end, never the other way round" \
    "$(nm "$CHANCERY_BUILD/chancery-signd" | awk '{ print $3 }' | grep -E '^(ask_(cert_sign|ca_self|hello)_put|answer_driver_.*_put)$' || true)"
else
  skip "which halves of the protocols are in which program" "the programs were stripped"
fi
tap_done
