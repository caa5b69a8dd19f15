#!/usr/bin/env bash
# Every shell script of the tree under shellcheck.
set -u
. "$(dirname "$0")/../tap.sh"
cd "$CHANCERY_SOURCE" || exit 1

while IFS= read -r script; do
  succeeds "$script" shellcheck -x -S warning -P SCRIPTDIR -P "$CHANCERY_SOURCE" "$script"
done < <(grep -rlE '^#!.*\b(ba)?sh\b|^# shellcheck shell=' --include='*' autogen.sh scripts systemd tests .ci | sort)
tap_done
