# How sanitized programs run, and where they say what they found: `. options.sh`,
# then `sanitize_into FOLDER`, which is emptied. Each process that finds something
# writes one file there, under whatever user it runs. Bash.
# shellcheck shell=bash

sanitize_into() { # FOLDER
  rm -rf "$1"
  mkdir -p "$1"
  chmod 1777 "$1"
  local into=log_path=$1/report:log_exe_name=1
  # A program's own options stand beside this file. The driver's: its module and libcrypto have no frame pointers,
  # so only the slow way back through a stack tells whose an allocation is.
  export ASAN_OPTIONS=$into:detect_stack_use_after_return=1:include_if_exists=$CHANCERY_SOURCE/tests/sanitize/%b.options
  export UBSAN_OPTIONS=$into:print_stacktrace=1
  export LSAN_OPTIONS=print_suppressions=0:suppressions=$CHANCERY_SOURCE/tests/sanitize/leaks.supp
}

# A failed point a report.
sanitize_reports() { # FOLDER
  local report
  for report in "$1"/*; do
    [ ! -e "$report" ] || fail "${report##*/} is not there" "$(head -n 60 "$report")"
  done
}
