# What `multicred init zsh` defines, after a few settings (__multicred_program, __multicred_style, and the lists of
# variables). No command here forks but the call of multicred itself.

# The words before the verb are global flags; two of them take a value.
function __multicred_split {
    __multicred_before=()
    __multicred_verb=''
    while (( $# > 0 )); do
        case $1 in
            --store | --color)
                __multicred_before+=("$1" ${2+"$2"})
                (( $# > 1 )) || return 0
                shift 2
                ;;
            -*)
                __multicred_before+=("$1")
                shift
                ;;
            *)
                __multicred_verb=$1
                shift
                break
                ;;
        esac
    done
    __multicred_after=("$@")
}

function multicred {
    { emulate -L zsh } 2>/dev/null
    local __multicred_verb __multicred_word
    local -a __multicred_before __multicred_after
    __multicred_split "$@"
    for __multicred_word in "${__multicred_before[@]}" "${__multicred_after[@]}"; do
        case $__multicred_word in
            -h | --help | --shell | --shell=*) __multicred_verb='' ;;
        esac
    done
    case $__multicred_verb in
        as) __multicred_as "${__multicred_after[@]}" ;;
        renew) __multicred_renew "${__multicred_after[@]}" ;;
        deactivate)
            case ${__multicred_after[*]} in
                '' | --keep-creds) __multicred_deactivate "${__multicred_after[1]-}" ;;
                *) command "$__multicred_program" "$@" ;;
            esac
            ;;
        *) command "$__multicred_program" "$@" ;;
    esac
}

function __multicred_as {
    if (( $# == 1 && ${#__multicred_back} > 0 )) && [[ $1 == --back ]]; then
        __multicred_switch "${__multicred_back[@]}"
    else
        __multicred_switch "$@"
    fi
}

function __multicred_renew {
    if [[ -n ${MULTICRED_IDENTITY-} ]] && (( ${#__multicred_request} > 0 )); then
        __multicred_switch --renew "${__multicred_request[@]}" "$@"
    else
        __multicred_switch --renew ${MULTICRED_IDENTITY:+"$MULTICRED_IDENTITY"} "$@"
    fi
}

# Tracing stops here: neither xtrace, nor verbose, nor a DEBUG or ERR trap may see what the code holds. Options and
# traps are local to the function, and come back however it ends.
function __multicred_switch {
    { emulate -L zsh; setopt no_xtrace no_verbose local_traps; trap - DEBUG ZERR } 2>/dev/null
    __multicred_untraced "$@"
}

function __multicred_untraced {
    local __multicred_code
    local -a __multicred_was
    __multicred_was=("${__multicred_request[@]}")
    __multicred_can_switch || return
    __multicred_code=$(command "$__multicred_program" "${__multicred_before[@]}" as --shell zsh "$@") || return
    [[ -n $__multicred_code ]] || return 0
    __multicred_save
    eval "$__multicred_code"
    [[ -n ${MULTICRED_REGION-} ]] || __multicred_restore AWS_REGION AWS_DEFAULT_REGION
    if [[ ${__multicred_request[*]} != "${__multicred_was[*]}" ]]; then
        typeset -ga __multicred_back
        __multicred_back=("${__multicred_was[@]}")
        (( ${#__multicred_back} > 0 )) || __multicred_back=(-)
    fi
    __multicred_show
}

# What would stop the code midway is found before it runs.
function __multicred_can_switch {
    local __multicred_name
    if (( ZSH_SUBSHELL > ${__multicred_level-0} )); then
        print -ru2 -l -- 'multicred: this is a subshell or a pipeline, where a switch cannot last' \
            'multicred: run it as a command of its own'
        return 2
    fi
    for __multicred_name in "${__multicred_touched[@]}"; do
        if [[ ${(tP)__multicred_name} == *readonly* ]]; then
            print -ru2 -l -- "multicred: $__multicred_name is readonly in this shell: nothing was changed" \
                'multicred: start a shell where it is not readonly'
            return 1
        fi
    done
}

# The person's own values, before somebody's replace them. Values that multicred set, here or in an outer shell, are
# never the person's own.
function __multicred_save {
    local __multicred_name
    if [[ -z ${MULTICRED_IDENTITY-} ]]; then
        for __multicred_name in "${__multicred_lists[@]}"; do
            (( ${(P)+__multicred_name} )) && __multicred_keep "$__multicred_name"
        done
    else
        for __multicred_name in AWS_REGION AWS_DEFAULT_REGION; do
            if [[ ${(P)__multicred_name-} == "${MULTICRED_REGION-}" ]]; then
                continue
            elif (( ${(P)+__multicred_name} )); then
                __multicred_keep "$__multicred_name"
            else
                unset "__multicred_own_$__multicred_name" "__multicred_how_$__multicred_name"
            fi
        done
    fi
    return 0
}

function __multicred_keep {
    typeset -g "__multicred_own_$1=${(P)1}"
    if [[ ${(tP)1} == *export* ]]; then
        typeset -g "__multicred_how_$1=exported"
    else
        typeset -g "__multicred_how_$1=shell"
    fi
}

function __multicred_restore {
    local __multicred_name __multicred_own __multicred_how
    for __multicred_name; do
        __multicred_own=__multicred_own_$__multicred_name
        __multicred_how=__multicred_how_$__multicred_name
        (( ${(P)+__multicred_own} )) || continue
        unset "$__multicred_name"
        typeset -g "$__multicred_name=${(P)__multicred_own}"
        if [[ ${(P)__multicred_how} == exported ]]; then
            typeset -gx "$__multicred_name"
        fi
    done
}

# The text of the prompt, without a fork. It goes through psvar: whatever it holds, nothing in it is expanded.
function __multicred_show {
    local __multicred_text __multicred_was_segment=$__multicred_segment
    if [[ ${AWS_ACCESS_KEY_ID-} != "${MULTICRED_ACCESS_KEY_ID-}" ]]; then
        __multicred_text='?'
    else
        __multicred_text=${MULTICRED_IDENTITY:--}
        __multicred_text=${__multicred_text//[[:cntrl:]]/?}
    fi
    [[ $__multicred_style == prefix ]] || return 0
    psvar[73]="($__multicred_text)"
    case ${NO_COLOR:+plain}${MULTICRED_COLOR-} in
        red | green | yellow | blue | magenta | cyan) __multicred_segment="%F{$MULTICRED_COLOR}%73v%f " ;;
        *) __multicred_segment='%73v ' ;;
    esac
    if [[ $__multicred_segment != "$__multicred_was_segment" ]]; then
        PROMPT=${PROMPT#"$__multicred_was_segment"}
    fi
    [[ $PROMPT == *"$__multicred_segment"* ]] || PROMPT=$__multicred_segment$PROMPT
}

function __multicred_hook {
    { emulate -L zsh } 2>/dev/null
    __multicred_show
}

function __multicred_install {
    { emulate -L zsh } 2>/dev/null
    typeset -g __multicred_level=$ZSH_SUBSHELL
    typeset -ga __multicred_request __multicred_back
    (( ${+__multicred_segment} )) || typeset -g __multicred_segment=''
    [[ $__multicred_style == prefix && -o interactive ]] || return 0
    autoload -Uz add-zsh-hook
    add-zsh-hook precmd __multicred_hook
}

function __multicred_deactivate {
    local __multicred_name __multicred_keep_creds=${1-}
    if [[ -n $__multicred_segment ]]; then
        add-zsh-hook -d precmd __multicred_hook
        PROMPT=${PROMPT//"$__multicred_segment"/}
        psvar[73]=''
        while (( ${#psvar} > 0 )) && [[ -z ${psvar[-1]} ]]; do psvar[-1]=(); done
    fi
    if [[ $__multicred_keep_creds != --keep-creds ]]; then
        if [[ -n ${MULTICRED_IDENTITY-} ]]; then
            for __multicred_name in "${__multicred_lists[@]}"; do
                case $__multicred_name in
                    AWS_REGION | AWS_DEFAULT_REGION)
                        [[ -n ${MULTICRED_REGION-} && ${(P)__multicred_name-} == "$MULTICRED_REGION" ]] || continue
                        ;;
                esac
                unset "$__multicred_name"
            done
        fi
        for __multicred_name in "${__multicred_lists[@]}"; do
            (( ${(P)+__multicred_name} )) || __multicred_restore "$__multicred_name"
        done
    fi
    for __multicred_name in "${__multicred_lists[@]}"; do
        unset "__multicred_own_$__multicred_name" "__multicred_how_$__multicred_name"
    done
    unset "${__multicred_ours[@]}"
    unset __multicred_segment __multicred_level __multicred_request __multicred_back __multicred_program \
        __multicred_style __multicred_lists __multicred_ours __multicred_touched
    unset -f multicred __multicred_split __multicred_as __multicred_renew __multicred_switch __multicred_untraced \
        __multicred_can_switch __multicred_save __multicred_keep __multicred_restore __multicred_show \
        __multicred_hook __multicred_install __multicred_deactivate
}

__multicred_install
