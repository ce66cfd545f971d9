# What `multicred completions zsh` defines, after the function that calls the program. As a file of the name _multicred in
# a folder of fpath it is loaded when it is needed.

function _multicred {
    local _multicred_start=$PREFIX _multicred_kind
    local -a _multicred_answer
    [[ -n $compstate[quote] ]] || _multicred_start=${(Q)PREFIX}
    _multicred_answer=("${(@f)$(
        _multicred_program complete --shell zsh -- "${(@Q)words[1,CURRENT-1]}" "$IPREFIX$_multicred_start" 2>/dev/null
    )}")
    _multicred_kind=$_multicred_answer[1]
    shift _multicred_answer
    case $_multicred_kind in
        words) (( $#_multicred_answer )) && _describe -t multicred multicred _multicred_answer ;;
        files)
            compset -P '--[^=]##='
            _files
            ;;
        # Behind `--` another program's command line is completed as that program's is.
        program)
            local -i _multicred_at=${words[(i)--]}
            shift $_multicred_at words
            (( CURRENT -= _multicred_at ))
            _normal
            ;;
    esac
}

if [[ $funcstack[1] == _multicred ]]; then
    _multicred "$@"
elif (( $+functions[compdef] )); then
    compdef _multicred multicred
else
    print -u2 'multicred: run compinit before the completions of multicred'
fi
