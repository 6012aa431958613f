# Completion of segment, segconvert, seginspect and segtrain for bash. Options, and what kind of value each
# takes, are read from --help, so that there is no second list of them to grow old.

# Lines "LONG SHORT VALUE" of a program's options; "-" is none.
_segkit_options() { # PROGRAM
  local line pattern='^  (-[a-z], )?(--[a-z-]+)(=([A-Za-z]+))? '
  while IFS= read -r line; do
    [[ $line =~ $pattern ]] || continue
    local short=${BASH_REMATCH[1]%, }
    echo "${BASH_REMATCH[2]} ${short:--} ${BASH_REMATCH[4]:--}"
  done < <("$1" --help 2>/dev/null)
}

# What kind of value the word asks for; "-" is none.
_segkit_kind() { # PROGRAM WORD
  local long short kind found=-
  while read -r long short kind; do
    [[ $2 == "$long" || ($2 == "$short" && $2 != -) ]] && found=$kind
  done < <(_segkit_options "$1")
  echo "$found"
}

_segkit_models() { # PROGRAM
  "${1%seg*}segment" --list-models 2>/dev/null | sed -n 's/^\([^ :]*\): .*/\1/p'
}

# Of one kind, or all. Only the first of a kind has it before its name.
_segkit_features() { # PROGRAM [KIND]
  "${1%seg*}seginspect" 2>/dev/null | awk -v wanted="$2" '
    /^not loaded:/ { exit }
    /^  [a-z]+  / { kind = $1; if (!wanted || kind == wanted) print $2 }
    /^    / && (!wanted || kind == wanted) { print $1 }'
}

# Adds those lines of the input that begin with the word.
_segkit_offer() { # WORD
  local line
  while IFS= read -r line; do
    [[ $line == "$1"* ]] && COMPREPLY+=("$line")
  done
}

# Names, or a file; what can be both is best shown together.
_segkit_offer_names_and_files() { # WORD
  _segkit_offer "$1"
  mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$1")
  compopt -o filenames 2>/dev/null
}

# Where nothing is offered, bash completes a file's name itself, unless that is switched off.
_segkit() { # PROGRAM
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} kind

  # bash takes "--tile=8" for three words
  [[ $word == = ]] && word=
  [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD-2]}
  COMPREPLY=()
  kind=$(_segkit_kind "$1" "$before")
  case $before,$kind in
    *,-)
      if [[ $word == -* ]]; then
        _segkit_offer "$word" < <(_segkit_options "$1" | cut -d ' ' -f 1,2 | tr ' ' '\n' | grep -vx -e -)
      elif [[ $1 == *seginspect ]]; then
        _segkit_offer_names_and_files "$word" < <(_segkit_features "$1"; _segkit_models "$1")
      elif [[ $1 == *segtrain && $COMP_CWORD == 1 ]]; then
        _segkit_offer_names_and_files "$word" < <(printf '%s\n' check evaluate)
      elif [[ $1 == *segtrain && $before == evaluate ]]; then
        _segkit_offer_names_and_files "$word" < <(_segkit_models "$1")
      fi ;;
    *,FILE) ;;
    *,DIR) compopt +o default +o bashdefault -o dirnames 2>/dev/null ;;
    *,MODEL) _segkit_offer_names_and_files "$word" < <(_segkit_models "$1") ;;
    *,FORMAT) _segkit_offer "$word" < <(_segkit_features "$1" format) ;;
    --progress,*) _segkit_offer "$word" < <(printf '%s\n' line json none) ;;
    --split,*) _segkit_offer "$word" < <(printf '%s\n' train validation test all) ;;
    --tta,*) _segkit_offer "$word" < <(printf '%s\n' none flips d4) ;;
    --probability-bits,*) _segkit_offer "$word" < <(printf '%s\n' 8 16 32) ;;
    *) compopt +o default +o bashdefault 2>/dev/null ;;
  esac
}

complete -o bashdefault -o default -F _segkit segment segconvert seginspect segtrain
