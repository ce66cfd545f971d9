# shellcheck shell=bash
# What `multicred completions bash` defines, after the function that calls the program. Plain bash from 3.2 on, with
# bash-completion or without.

# The line goes to the program as it is: bash breaks words at the colons of an ARN, and keeps their quotes. What comes
# back is put into the line as it is.
function _multicred {
    local _multicred_answer
    COMPREPLY=()
    _multicred_answer=$(
        _multicred_program complete --shell bash -- "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null
    ) || return 0
    case ${_multicred_answer%%$'\n'*} in
        words) [[ $_multicred_answer == words ]] || _multicred_words "${_multicred_answer#words$'\n'}" ;;
        files) compopt -o default 2>/dev/null ;;
        program) _multicred_of_program ;;
    esac
    return 0
}

# A line is a word, whatever is in it.
function _multicred_words {
    local IFS=$'\n' _multicred_options=$-
    set -f
    # shellcheck disable=SC2206
    COMPREPLY=($1)
    [[ $_multicred_options == *f* ]] || set +f
}

# Behind `--` another program's command line is completed as that program's is. bash-completion has a function for it.
function _multicred_of_program {
    local _multicred_at=1
    while [[ $_multicred_at -lt $COMP_CWORD && ${COMP_WORDS[_multicred_at]} != -- ]]; do
        _multicred_at=$((_multicred_at + 1))
    done
    _multicred_at=$((_multicred_at + 1))
    if declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "$_multicred_at"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$_multicred_at"
    elif [[ $COMP_CWORD -le $_multicred_at ]]; then
        _multicred_words "$(compgen -c -- "${COMP_WORDS[COMP_CWORD]}")"
    else
        _multicred_by_itself "$_multicred_at"
    fi
}

# Calls what completes the program at this place of the line, as if the line began there.
function _multicred_by_itself {
    local _multicred_program=${COMP_WORDS[$1]} _multicred_how _multicred_before=0 _multicred_index
    for ((_multicred_index = 0; _multicred_index < $1; _multicred_index++)); do
        local _multicred_rest=${COMP_LINE:_multicred_before}
        local _multicred_skipped=${_multicred_rest%%"${COMP_WORDS[_multicred_index]}"*}
        _multicred_before=$((_multicred_before + ${#_multicred_skipped} + ${#COMP_WORDS[_multicred_index]}))
    done
    while [[ ${COMP_LINE:_multicred_before:1} == ' ' ]]; do
        _multicred_before=$((_multicred_before + 1))
    done
    COMP_LINE=${COMP_LINE:_multicred_before}
    COMP_POINT=$((COMP_POINT - _multicred_before))
    COMP_CWORD=$((COMP_CWORD - $1))
    COMP_WORDS=("${COMP_WORDS[@]:$1}")
    _multicred_how=$(complete -p -- "$_multicred_program" 2>/dev/null)
    set -- "$_multicred_program" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    case $_multicred_how in
        *' -F '*)
            _multicred_how=${_multicred_how#*' -F '}
            "${_multicred_how%% *}" "$@"
            ;;
        # What a program prints, such as aws_completer.
        *' -C '*)
            _multicred_how=${_multicred_how#*' -C '}
            _multicred_how=${_multicred_how%%' '*}
            _multicred_words "$(
                export COMP_LINE COMP_POINT
                "${_multicred_how//\'/}" "$@" 2>/dev/null
            )"
            ;;
        *) compopt -o default 2>/dev/null ;;
    esac
}

complete -F _multicred multicred
