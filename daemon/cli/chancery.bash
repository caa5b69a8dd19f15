# Bash completion for chancery(1) and chancery-ceremony(8). What there is to choose from comes from the programs' own help,
# so that no command or option is missing here.

_chancery_words() { # the first words of the help's lines, from word $1 on
  chancery help 2>/dev/null | awk -v group="$1" '
    $1 == "chancery" && group == "" { print $2 }
    $1 == "chancery" && $2 == group && $3 ~ /^[a-z][a-z-]*$/ { print $3 }' | sort -u
}

_chancery_options() { # COMMAND...
  chancery help "$@" 2>/dev/null | grep -oE '^ +--[a-z-]+' | tr -d ' '
}

_chancery() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} i
  local -a said=()
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
    -*) ((i++)) ;; # and its value; of a flag in front of the command that is too much, which costs a suggestion
    *) said+=("${COMP_WORDS[i]}") ;;
    esac
  done
  case $before in
  --csr | --foreign-csr | --cert | --key | --public-key | --signature | --bytes | --out | --chain | --root | --head | --file | --socket)
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    return
    ;;
  --format)
    mapfile -t COMPREPLY < <(compgen -W "text html json" -- "$word")
    return
    ;;
  esac
  local choices
  if [[ $word == -* ]]; then
    choices=$(_chancery_options "${said[@]:0:2}")
    [ -n "$choices" ] || choices=$(_chancery_options "${said[@]:0:1}")
    choices+=' --help --json --socket --wait --version'
  elif [ "${#said[@]}" = 0 ]; then
    choices="$(_chancery_words '') help"
  elif [ "${said[0]}" = help ] && [ "${#said[@]}" -le 2 ]; then
    choices=$(_chancery_words "${said[1]:-}")
  elif [ "${#said[@]}" = 1 ]; then
    choices=$(_chancery_words "${said[0]}")
  fi
  mapfile -t COMPREPLY < <(compgen -W "${choices:-}" -- "$word" | sort -u)
  [ -n "${COMPREPLY[*]}" ] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
}
complete -o filenames -F _chancery chancery

_chancery_ceremony() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} said='' choices='' help i
  help=$(chancery-ceremony --help 2>/dev/null)
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
    --keypad) ;;
    -*) ((i++)) ;;
    *) [ -n "$said" ] || said=${COMP_WORDS[i]} ;;
    esac
  done
  if [[ $word == -* ]]; then
    choices=$(grep -oE -- '--[a-z][a-z-]*' <<<"$help")
  elif [[ $before != --* || $before == --keypad ]] && [ -z "$said" ]; then
    choices=$(sed -n 's/.*chancery-ceremony \[--state DIR\] \([a-z]*\).*/\1/p' <<<"$help")
  fi
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word" | sort -u)
  [ -n "${COMPREPLY[*]}" ] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
}
complete -o filenames -F _chancery_ceremony chancery-ceremony
