# shellcheck shell=bash
# What `multicred init bash` defines, after a few settings (__multicred_program, __multicred_style, and the lists of
# variables). Plain bash from 3.2 on; no command here forks but the call of multicred itself.
# shellcheck disable=SC2154

# The words before the verb are global flags; two of them take a value.
function __multicred_split {
    __multicred_before=()
    __multicred_verb=''
    while [[ $# -gt 0 ]]; do
        case $1 in
            --store | --color)
                __multicred_before+=("$1" ${2+"$2"})
                [[ $# -gt 1 ]] || return 0
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
    local __multicred_before __multicred_verb __multicred_after=() __multicred_word
    __multicred_split "$@"
    for __multicred_word in ${__multicred_before[@]+"${__multicred_before[@]}"} \
        ${__multicred_after[@]+"${__multicred_after[@]}"}; do
        case $__multicred_word in
            -h | --help | --shell | --shell=*) __multicred_verb='' ;;
        esac
    done
    case $__multicred_verb in
        as) __multicred_as ${__multicred_after[@]+"${__multicred_after[@]}"} ;;
        renew) __multicred_renew ${__multicred_after[@]+"${__multicred_after[@]}"} ;;
        deactivate)
            case ${__multicred_after[*]-} in
                '' | --keep-creds) __multicred_deactivate "${__multicred_after[@]-}" ;;
                *) command "$__multicred_program" "$@" ;;
            esac
            ;;
        *) command "$__multicred_program" "$@" ;;
    esac
}

function __multicred_as {
    if [[ $# -eq 1 && $1 == --back && -n ${__multicred_back[*]-} ]]; then
        __multicred_switch "${__multicred_back[@]}"
    else
        __multicred_switch "$@"
    fi
}

function __multicred_renew {
    if [[ -n ${MULTICRED_IDENTITY-} && -n ${__multicred_request[*]-} ]]; then
        __multicred_switch --renew "${__multicred_request[@]}" "$@"
    else
        __multicred_switch --renew ${MULTICRED_IDENTITY:+"$MULTICRED_IDENTITY"} "$@"
    fi
}

# Tracing stops here: neither xtrace, nor -v, nor a DEBUG or ERR trap may see what the code holds. The traps are not
# inherited by a function that is called while functrace and errtrace are off. `local -` gives the options back
# however the function ends, Ctrl-C included; bash before 4.4 has no such thing.
function __multicred_switch {
    if [[ ${BASH_VERSINFO[0]} -gt 4 || ${BASH_VERSINFO[0]} -eq 4 && ${BASH_VERSINFO[1]} -ge 4 ]]; then
        { local - && set +xvTE; } 2>/dev/null
        __multicred_untraced "$@"
        return
    fi
    local __multicred_options=$- __multicred_status=0
    { set +xvTE; } 2>/dev/null
    __multicred_untraced "$@" || __multicred_status=$?
    case $__multicred_options in *T*) set -T ;; esac
    case $__multicred_options in *E*) set -E ;; esac
    case $__multicred_options in *v*) set -v ;; esac
    case $__multicred_options in *x*) set -x ;; esac
    return "$__multicred_status"
}

function __multicred_untraced {
    local __multicred_code __multicred_was=(${__multicred_request[@]+"${__multicred_request[@]}"})
    __multicred_can_switch || return
    __multicred_code=$(
        command "$__multicred_program" ${__multicred_before[@]+"${__multicred_before[@]}"} as --shell bash "$@"
    ) || return
    [[ -n $__multicred_code ]] || return 0
    __multicred_save
    eval "$__multicred_code"
    [[ -n ${MULTICRED_REGION-} ]] || __multicred_restore AWS_REGION AWS_DEFAULT_REGION
    if [[ ${__multicred_request[*]-} != "${__multicred_was[*]-}" ]]; then
        __multicred_back=(${__multicred_was[@]+"${__multicred_was[@]}"})
        [[ -n ${__multicred_back[*]-} ]] || __multicred_back=(-)
    fi
    __multicred_show
}

# What would stop the code midway is found before it runs.
function __multicred_can_switch {
    local __multicred_name
    if [[ ${BASH_SUBSHELL-0} -gt ${__multicred_level-0} ]]; then
        printf '%s\n' 'multicred: this is a subshell or a pipeline, where a switch cannot last' \
            'multicred: run it as a command of its own' >&2
        return 2
    fi
    for __multicred_name in "${__multicred_touched[@]}"; do
        if ! __multicred_is_writable "$__multicred_name"; then
            printf '%s\n' "multicred: $__multicred_name is readonly in this shell: nothing was changed" \
                "multicred: start a shell where it is not readonly" >&2
            return 1
        fi
    done
}

# A readonly variable refuses a local of its name, and that has no effect outside.
function __multicred_is_writable {
    # shellcheck disable=SC2163
    local "$1" 2>/dev/null
}

# The person's own values, before somebody's replace them. Values that multicred set, here or in an outer shell, are
# never the person's own.
function __multicred_save {
    local __multicred_name
    if [[ -z ${MULTICRED_IDENTITY-} ]]; then
        for __multicred_name in "${__multicred_lists[@]}"; do
            [[ -z ${!__multicred_name+set} ]] || __multicred_keep "$__multicred_name"
        done
    else
        for __multicred_name in AWS_REGION AWS_DEFAULT_REGION; do
            if [[ ${!__multicred_name-} == "${MULTICRED_REGION-}" ]]; then
                continue
            elif [[ -n ${!__multicred_name+set} ]]; then
                __multicred_keep "$__multicred_name"
            else
                unset "__multicred_own_$__multicred_name" "__multicred_how_$__multicred_name"
            fi
        done
    fi
}

function __multicred_keep {
    printf -v "__multicred_own_$1" %s "${!1}"
    printf -v "__multicred_how_$1" %s exported
    if [[ ${BASH_VERSINFO[0]} -ge 5 ]]; then
        case ${!1@a} in
            *x*) ;;
            *) printf -v "__multicred_how_$1" %s shell ;;
        esac
    fi
}

function __multicred_restore {
    local __multicred_name __multicred_own __multicred_how
    for __multicred_name; do
        __multicred_own=__multicred_own_$__multicred_name
        __multicred_how=__multicred_how_$__multicred_name
        [[ -n ${!__multicred_own+set} ]] || continue
        unset "$__multicred_name"
        printf -v "$__multicred_name" %s "${!__multicred_own}"
        # shellcheck disable=SC2163
        [[ ${!__multicred_how} != exported ]] || export "$__multicred_name"
    done
}

# The text of the prompt, without a fork. The bytes 1 and 2 tell readline that colours take no room.
function __multicred_show {
    local __multicred_text __multicred_code=''
    if [[ ${AWS_ACCESS_KEY_ID-} != "${MULTICRED_ACCESS_KEY_ID-}" ]]; then
        __multicred_text='?'
    else
        __multicred_text=${MULTICRED_IDENTITY:--}
        __multicred_text=${__multicred_text//[[:cntrl:]]/?}
    fi
    if [[ -n ${MULTICRED_COLOR-} && -z ${NO_COLOR-} && ${TERM-dumb} != dumb ]]; then
        case $MULTICRED_COLOR in
            red) __multicred_code=31 ;;
            green) __multicred_code=32 ;;
            yellow) __multicred_code=33 ;;
            blue) __multicred_code=34 ;;
            magenta) __multicred_code=35 ;;
            cyan) __multicred_code=36 ;;
        esac
    fi
    __multicred_prompt="($__multicred_text) "
    [[ -z $__multicred_code ]] ||
        __multicred_prompt=$'\001\e['$__multicred_code$'m\002'"($__multicred_text)"$'\001\e[0m\002 '
}

# Runs before each prompt, after everything else in PROMPT_COMMAND. `$?` is what it was for whatever comes later; with
# errexit a non-zero status here would end the shell.
function __multicred_hook {
    local __multicred_status=$?
    __multicred_show
    case ${PS1-} in
        *"$__multicred_segment"*) ;;
        *) PS1=$__multicred_segment${PS1-} ;;
    esac
    case $- in *e*) return 0 ;; esac
    return "$__multicred_status"
}

function __multicred_install {
    __multicred_level=${BASH_SUBSHELL-0}
    __multicred_segment=''
    [[ $__multicred_style == prefix && $- == *i* ]] || return 0
    # shellcheck disable=SC2016
    __multicred_segment='${__multicred_prompt-}'
    case "${PROMPT_COMMAND[*]-}" in
        *__multicred_hook*) return 0 ;;
        '') PROMPT_COMMAND=__multicred_hook ;;
        *)
            if [[ ${#PROMPT_COMMAND[@]} -gt 1 || $(declare -p PROMPT_COMMAND) == 'declare -a'* ]]; then
                PROMPT_COMMAND+=(__multicred_hook)
            else
                # shellcheck disable=SC2178
                PROMPT_COMMAND+=$'\n__multicred_hook'
            fi
            ;;
    esac
}

function __multicred_uninstall {
    local __multicred_index __multicred_entry __multicred_cut
    for __multicred_index in "${!PROMPT_COMMAND[@]}"; do
        __multicred_entry=${PROMPT_COMMAND[__multicred_index]}
        if [[ $__multicred_entry == __multicred_hook ]]; then
            unset "PROMPT_COMMAND[$__multicred_index]"
            continue
        fi
        for __multicred_cut in $'\n__multicred_hook' '; __multicred_hook' ';__multicred_hook' '__multicred_hook; ' \
            '__multicred_hook;' $'__multicred_hook\n'; do
            __multicred_entry=${__multicred_entry//"$__multicred_cut"/}
        done
        PROMPT_COMMAND[__multicred_index]=${__multicred_entry//__multicred_hook/:}
    done
    [[ ${#PROMPT_COMMAND[@]} -gt 0 ]] || unset PROMPT_COMMAND
    # shellcheck disable=SC2016
    PS1=${PS1//'${__multicred_prompt-}'/}
}

function __multicred_deactivate {
    local __multicred_name
    if [[ -n ${__multicred_segment-} ]]; then
        __multicred_uninstall
    fi
    if [[ $1 != --keep-creds ]]; then
        if [[ -n ${MULTICRED_IDENTITY-} ]]; then
            for __multicred_name in "${__multicred_lists[@]}"; do
                case $__multicred_name in
                    AWS_REGION | AWS_DEFAULT_REGION)
                        [[ -n ${MULTICRED_REGION-} && ${!__multicred_name-} == "$MULTICRED_REGION" ]] || continue
                        ;;
                esac
                unset "$__multicred_name"
            done
        fi
        for __multicred_name in "${__multicred_lists[@]}"; do
            [[ -n ${!__multicred_name+set} ]] || __multicred_restore "$__multicred_name"
        done
    fi
    for __multicred_name in "${__multicred_lists[@]}"; do
        unset "__multicred_own_$__multicred_name" "__multicred_how_$__multicred_name"
    done
    unset "${__multicred_ours[@]}"
    unset __multicred_prompt __multicred_segment __multicred_level __multicred_request __multicred_back \
        __multicred_program __multicred_style __multicred_lists __multicred_ours __multicred_touched
    unset -f multicred __multicred_split __multicred_as __multicred_renew __multicred_switch __multicred_untraced \
        __multicred_can_switch __multicred_is_writable __multicred_save __multicred_keep __multicred_restore \
        __multicred_show __multicred_hook __multicred_install __multicred_uninstall __multicred_deactivate
}

__multicred_install
