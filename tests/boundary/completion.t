#!/usr/bin/env bash
# Bash completion, as a bash that completes would do it.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
PATH=$CHANCERY_BUILD:$PATH
cd "$CHANCERY_SOURCE" || exit 1
# shellcheck source=daemon/cli/chancery.bash
. daemon/cli/chancery.bash

offers() { # WORDS...: the last one is being typed
  COMP_WORDS=(chancery "$@")
  COMP_CWORD=$#
  COMPREPLY=()
  _chancery
  printf '%s\n' "${COMPREPLY[@]}" | sort | xargs
}
is "$(complete -p chancery)" "complete -o filenames -F _chancery chancery" "bash knows whom to ask"
is "$(offers iss)" issuer "a group"
is "$(offers ca re)" "register renew request retire revoke" "the verbs of a group"
is "$(offers audit ch)" "charter check-proof checkpoint" "of another one"
is "$(offers help ca cr)" "create cross" "after help too"
is "$(offers cert issue --pro)" --profile "a command's options"
is "$(offers status --js)" --json "the options of all commands"
is "$(offers ca create --issuer house --path)" --path-len "past an option and its value"
is "$(offers cert issue --csr READ)" README.md "a file where one is wanted"
ceremony_offers() {
  COMP_WORDS=(chancery-ceremony "$@")
  COMP_CWORD=$#
  COMPREPLY=()
  _chancery_ceremony
  printf '%s\n' "${COMPREPLY[@]}" | sort | xargs
}
is "$(complete -p chancery-ceremony)" "complete -o filenames -F _chancery_ceremony chancery-ceremony" "the ceremony's program as well"
is "$(ceremony_offers '')" "crl destroy init root show sign" "its commands"
is "$(ceremony_offers --state /x cr)" crl "behind its folder"
is "$(ceremony_offers init --approv)" "--approvals --approver" "its options"
is "$(ceremony_offers root --ex)" --exclude "all of them"
is "$(ceremony_offers sign READ)" README.md "a request is a file"
for group in $("$CHANCERY_BUILD/chancery" help | awk '$1 == "chancery" { print $2 }' | grep -v '^-' | sort -u); do
  like " $(offers '') " " $group " "$group is among the first words"
done
tap_done
