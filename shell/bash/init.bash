# shellcheck shell=bash
# What `multicred init bash` defines, after the settings of templates/settings.bash. Plain bash from 3.2 on; at the
# prompt nothing forks, and a switch forks for nothing but the call of multicred itself.
# shellcheck disable=SC2154

# `as`, `renew` and `deactivate` change this shell; everything else goes to the program as it is. The words before
# the verb are global flags, two of which take a value.
function multicred {
    local __multicred_global=() __multicred_word
    for __multicred_word; do
        case $__multicred_word in
            -h | --help | --shell | --shell=*)
                command "$__multicred_program" "$@"
                return
                ;;
        esac
    done
    while [[ ${1-} == -* ]]; do
        case $1 in
            --store | --color) __multicred_global+=("$1" ${2+"$2"}) && shift ;;
            *) __multicred_global+=("$1") ;;
        esac
        shift || break
    done
    case ${1-} in
        as | renew) __multicred_quietly "__multicred_$1" "${@:2}" ;;
        deactivate)
            case ${*:2} in
                '' | --keep-creds) __multicred_quietly __multicred_deactivate "${2-}" ;;
                *) command "$__multicred_program" "$@" ;;
            esac
            ;;
        *) command "$__multicred_program" ${__multicred_global[@]+"${__multicred_global[@]}"} "$@" ;;
    esac
}

# Runs a function that handles secrets: neither xtrace, nor -v, nor a DEBUG or ERR trap may see them (traps are not
# inherited by a function that is called while functrace and errtrace are off), and allexport must not export what is
# saved. `local -` gives the options back however the function ends, Ctrl-C included; bash before 4.4 has no such
# thing. The options that were set are $1: a local variable could not outlive deactivate.
function __multicred_quietly {
    set -- "${-//[!aeuvxET]/}" "$@"
    { local - || :; set +aeuvxET; } 2>/dev/null
    "${@:2}"
    set -- "$1" "$?"
    [[ -z $1 ]] || set "-$1"
    return "$2"
}

# `--back` stands for the words that asked for the identity before this one.
function __multicred_as {
    local __multicred_words=() __multicred_word
    for __multicred_word; do
        if [[ $__multicred_word == --back && ${#__multicred_back[@]} -gt 0 ]]; then
            __multicred_words+=("${__multicred_back[@]}")
        else
            __multicred_words+=("$__multicred_word")
        fi
    done
    __multicred_switch "${__multicred_words[@]}"
}

function __multicred_renew {
    __multicred_switch --renew "${__multicred_request[@]:-${MULTICRED_IDENTITY:--}}" "$@"
}

# In a shell that inherited its identity, the name is all that is known of what was asked for.
function __multicred_switch {
    local __multicred_code __multicred_was_live=${MULTICRED_LIVE-}
    local __multicred_before=("${__multicred_request[@]:-${MULTICRED_IDENTITY:--}}")
    __multicred_can_switch "$@" || return
    # What stands in $(…) and in eval is parsed when it runs, with the person's aliases.
    __multicred_code=$(
        builtin command "$__multicred_program" "${__multicred_global[@]}" as --shell bash --shell-pid "$$" "$@"
    ) || {
        __multicred_mend_terminal "$?"
        return
    }
    [[ -n $__multicred_code ]] || return 0
    __multicred_save
    if shopt -q expand_aliases; then __multicred_aliases=-s; else __multicred_aliases=-u; fi
    shopt -u expand_aliases
    eval "$__multicred_code"
    shopt "$__multicred_aliases" expand_aliases
    __multicred_marks
    [[ -n $MULTICRED_REGION ]] || __multicred_restore AWS_REGION AWS_DEFAULT_REGION
    [[ -z $__multicred_was_live || -n $MULTICRED_LIVE ]] || __multicred_restore "${__multicred_files[@]}"
    [[ ${__multicred_request[*]} == "${__multicred_before[*]}" ]] || __multicred_back=("${__multicred_before[@]}")
    __multicred_install || :
}

# A program that was killed while it asked for a code could not give the terminal back.
function __multicred_mend_terminal {
    if [[ $1 -gt 130 ]]; then
        command stty echo icanon isig iexten 2>/dev/null </dev/tty
        printf '\n' >&2
    fi
    return "$1"
}

# What would stop the code midway is found before it runs.
function __multicred_can_switch {
    local __multicred_name
    if [[ $BASH_SUBSHELL -gt $__multicred_level ]]; then
        printf '%s\n' 'multicred: this is a subshell or a pipeline, where a switch cannot last' \
            'multicred: run it as a command of its own' >&2
        return 2
    fi
    # Only a live session touches the variables of the AWS files.
    local __multicred_all=("${__multicred_sets[@]}" "${__multicred_unsets[@]}" "${__multicred_ours[@]}")
    [[ -z ${MULTICRED_LIVE-} && " $* " != *' --live '* ]] || __multicred_all+=("${__multicred_files[@]}")
    for __multicred_name in "${__multicred_all[@]}"; do
        if ! __multicred_is_writable "$__multicred_name"; then
            printf '%s\n' "multicred: $__multicred_name is readonly in this shell: nothing was changed" \
                'multicred: start a shell where it is not readonly' >&2
            return 1
        fi
    done
}

# A readonly variable refuses a local one of its name, which would have no effect outside.
function __multicred_is_writable {
    # shellcheck disable=SC2163
    local "$1" 2>/dev/null
}

# The person's own values, before somebody's replace them. What multicred set, here or in an outer shell, is never the
# person's own; what was changed by hand since is.
function __multicred_save {
    local __multicred_name
    for __multicred_name in "${__multicred_sets[@]}" "${__multicred_unsets[@]}" "${__multicred_files[@]}"; do
        case $__multicred_name in
            AWS_REGION | AWS_DEFAULT_REGION | AWS_CONFIG_FILE | AWS_SHARED_CREDENTIALS_FILE)
                __multicred_is_ours "$__multicred_name"
                ;;
            *) [[ -z ${!__multicred_name+set} ]] || __multicred_is_ours "$__multicred_name" ;;
        esac || __multicred_keep "$__multicred_name"
    done
}

# Length and first characters of the secrets just set: enough to see that somebody has changed them.
function __multicred_marks {
    __multicred_mark_AWS_SECRET_ACCESS_KEY=${#AWS_SECRET_ACCESS_KEY}:${AWS_SECRET_ACCESS_KEY:0:4}
    __multicred_mark_AWS_SESSION_TOKEN=${#AWS_SESSION_TOKEN}:${AWS_SESSION_TOKEN:0:4}
}

# Whether a variable holds what multicred set. Of secrets, only a mark is remembered; a shell that inherited them has
# none, and takes them for multicred's.
function __multicred_is_ours {
    local __multicred_mark=__multicred_mark_$1 __multicred_now=${!1-} __multicred_session=${MULTICRED_LIVE##*/}
    __multicred_now=${#__multicred_now}:${__multicred_now:0:4}
    case $1 in
        AWS_REGION | AWS_DEFAULT_REGION) [[ -n $MULTICRED_REGION && ${!1} == "$MULTICRED_REGION" ]] ;;
        AWS_ACCESS_KEY_ID) [[ -n $MULTICRED_IDENTITY && ${!1} == "$MULTICRED_ACCESS_KEY_ID" ]] ;;
        AWS_SECRET_ACCESS_KEY | AWS_SESSION_TOKEN)
            [[ -n $MULTICRED_IDENTITY && ${!__multicred_mark-$__multicred_now} == "$__multicred_now" ]]
            ;;
        AWS_CREDENTIAL_EXPIRATION) [[ -n $MULTICRED_IDENTITY ]] ;;
        AWS_CONFIG_FILE) [[ -n $MULTICRED_LIVE && ${!1} == "$MULTICRED_LIVE/config" ]] ;;
        AWS_SHARED_CREDENTIALS_FILE) [[ -n $MULTICRED_LIVE && ${!1} == "$MULTICRED_LIVE/credentials" ]] ;;
        AWS_CONTAINER_CREDENTIALS_FULL_URI)
            [[ -n $MULTICRED_LIVE && ${!1} == "http://127.0.0.1:${__multicred_session%%-*}" ]]
            ;;
        AWS_CONTAINER_AUTHORIZATION_TOKEN) [[ -n $MULTICRED_LIVE && ${!1} == "${__multicred_session#*-}".* ]] ;;
        *) false ;;
    esac
}

# Remembers a variable as `ATTRIBUTES=VALUE`, or that it is not set.
function __multicred_keep {
    local __multicred_attributes
    unset "__multicred_own_$1"
    [[ -n ${!1+set} ]] || return 0
    if [[ ${BASH_VERSINFO[0]} -ge 5 ]]; then
        __multicred_attributes=${!1@a}
    else
        __multicred_attributes=$(builtin declare -p "$1")
        __multicred_attributes=${__multicred_attributes%%"$1"*}
    fi
    printf -v "__multicred_own_$1" '%s=%s' "${__multicred_attributes//[!x]/}" "${!1}"
}

function __multicred_restore {
    local __multicred_name __multicred_own
    for __multicred_name; do
        __multicred_own=__multicred_own_$__multicred_name
        [[ -n ${!__multicred_own+set} ]] || continue
        unset "$__multicred_name"
        printf -v "$__multicred_name" %s "${!__multicred_own#*=}"
        # shellcheck disable=SC2163
        [[ ${!__multicred_own} != x* ]] || export "$__multicred_name"
    done
}

# Whether every program in this live shell asks its session: neither its endpoint, nor its token, nor what would be asked
# before it was changed by hand. The start of the token, which is no secret, is all that may be traced of it. What is
# expected is put together once.
function __multicred_is_live {
    if [[ ${__multicred_live_of-} != "$MULTICRED_LIVE" ]]; then
        __multicred_live_of=$MULTICRED_LIVE
        __multicred_expected=${MULTICRED_LIVE##*/}
        __multicred_expected="http://127.0.0.1:${__multicred_expected%%-*} ${__multicred_expected#*-}"
        __multicred_expected+=" $MULTICRED_LIVE/config $MULTICRED_LIVE/credentials "
    fi
    local __multicred_now="${AWS_CONTAINER_CREDENTIALS_FULL_URI-}"
    __multicred_now+=" ${AWS_CONTAINER_AUTHORIZATION_TOKEN:+${AWS_CONTAINER_AUTHORIZATION_TOKEN:0:12}}"
    __multicred_now+=" ${AWS_CONFIG_FILE-} ${AWS_SHARED_CREDENTIALS_FILE-} ${AWS_PROFILE-}${AWS_DEFAULT_PROFILE-}"
    __multicred_now+="${AWS_ROLE_ARN-}${AWS_WEB_IDENTITY_TOKEN_FILE-}${AWS_CONTAINER_CREDENTIALS_RELATIVE_URI-}"
    __multicred_now+="${AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE-}${AWS_ACCESS_KEY-}${AWS_SECRET_KEY:+set}"
    [[ $__multicred_now == "$__multicred_expected" ]]
}

# The text of the prompt. A live session's folder has an agent for as long as the session is there, and is marked while its
# credential has expired and there is no new one. The bytes 1 and 2 tell readline that colours take no room.
function __multicred_show {
    local __multicred_text=${MULTICRED_IDENTITY:--} __multicred_colour=''
    if [[ -n ${MULTICRED_LIVE-} ]]; then
        if [[ ! -e $MULTICRED_LIVE/agent ]]; then
            __multicred_text+=' ended'
        elif [[ -e $MULTICRED_LIVE/expired ]]; then
            __multicred_text+=' expired'
        fi
    fi
    if [[ ${AWS_ACCESS_KEY_ID-} != "${MULTICRED_ACCESS_KEY_ID-}" ]] ||
        { [[ -n ${MULTICRED_LIVE-} ]] && ! __multicred_is_live; }; then
        __multicred_text='?'
    elif [[ -n ${MULTICRED_COLOR-} && -z ${NO_COLOR-} && ${TERM-dumb} != dumb ]]; then
        case $MULTICRED_COLOR in
            red) __multicred_colour=31 ;;
            green) __multicred_colour=32 ;;
            yellow) __multicred_colour=33 ;;
            blue) __multicred_colour=34 ;;
            magenta) __multicred_colour=35 ;;
            cyan) __multicred_colour=36 ;;
        esac
    fi
    __multicred_prompt="(${__multicred_text//[[:cntrl:]]/?}) "
    [[ -z $__multicred_colour ]] ||
        __multicred_prompt=$'\001\e['$__multicred_colour$'m\002'"${__multicred_prompt% }"$'\001\e[0m\002 '
}

# Runs before each prompt, after whatever was in PROMPT_COMMAND. PS1 names the text where it expands variables, and has
# it as it is where it does not. `$?` stays what it was for whatever comes later; but with errexit a non-zero status
# here would end the shell.
function __multicred_before_prompt {
    # shellcheck disable=SC2016
    local __multicred_status=$? __multicred_segment='${__multicred_prompt-}'
    __multicred_show
    shopt -q promptvars || __multicred_segment=${__multicred_prompt//\\/\\\\}
    if [[ $__multicred_segment != "${__multicred_prefixed-}" ]]; then
        PS1=${PS1/"${__multicred_prefixed-}"/}
        __multicred_prefixed=$__multicred_segment
    fi
    [[ ${PS1-} == *"$__multicred_segment"* ]] || PS1=$__multicred_segment${PS1-}
    [[ $- != *e* ]] || return 0
    return "$__multicred_status"
}

# PROMPT_COMMAND calls the hook through a variable, so that a shell which inherits PROMPT_COMMAND, and nothing else,
# does not miss a command. Bash before 5.1 runs the first element of an array only.
function __multicred_install {
    if [[ $__multicred_style != prefix || $- != *i* ]]; then
        [[ -z ${__multicred_hook-} ]] || __multicred_uninstall
        return 0
    fi
    if ! __multicred_is_writable PROMPT_COMMAND || ! __multicred_is_writable PS1; then
        [[ -n ${__multicred_told-} ]] ||
            printf '%s\n' 'multicred: PROMPT_COMMAND or PS1 is readonly: the prompt cannot show the identity' >&2
        __multicred_told=1
        return 0
    fi
    __multicred_hook=__multicred_before_prompt
    if [[ ${PROMPT_COMMAND[*]-} == *"$__multicred_call"* ]]; then
        return 0
    elif [[ -z ${PROMPT_COMMAND[*]+set} ]]; then
        PROMPT_COMMAND=$__multicred_call
    elif [[ ${BASH_VERSINFO[0]}${BASH_VERSINFO[1]} -ge 51 && ${PROMPT_COMMAND@a} == *a* ]]; then
        PROMPT_COMMAND+=("$__multicred_call")
    else
        # shellcheck disable=SC2179
        PROMPT_COMMAND+=$'\n'$__multicred_call
    fi
}

# Others may have written before and after the call: what stays must still be a list of commands.
function __multicred_uninstall {
    local __multicred_index __multicred_entry
    for __multicred_index in "${!PROMPT_COMMAND[@]}"; do
        __multicred_entry=${PROMPT_COMMAND[__multicred_index]}
        if [[ $__multicred_entry == "$__multicred_call" ]]; then
            unset "PROMPT_COMMAND[$__multicred_index]"
        elif [[ $__multicred_entry == *"$__multicred_call"* ]]; then
            __multicred_entry=${__multicred_entry%$'\n'"$__multicred_call"}
            __multicred_entry=${__multicred_entry#"$__multicred_call"[;$'\n']}
            __multicred_entry=${__multicred_entry//"$__multicred_call"/:}
            # An index would make an array of a string.
            if [[ $__multicred_index -eq 0 ]]; then
                # shellcheck disable=SC2178
                PROMPT_COMMAND=$__multicred_entry
            else
                PROMPT_COMMAND[__multicred_index]=$__multicred_entry
            fi
        fi
    done
    if [[ -z ${PROMPT_COMMAND[*]+set} && $(builtin declare -p PROMPT_COMMAND 2>/dev/null) != 'declare -a'* ]]; then
        unset PROMPT_COMMAND
    fi
    PS1=${PS1/"${__multicred_prefixed-}"/}
    unset __multicred_hook __multicred_prefixed
}

function __multicred_deactivate {
    # The program says why not.
    if [[ $1 == --keep-creds && -n ${MULTICRED_LIVE-} ]]; then
        builtin command "$__multicred_program" deactivate --keep-creds
        return
    fi
    [[ -z ${__multicred_hook-} ]] || __multicred_uninstall
    if [[ $1 != --keep-creds ]]; then
        [[ -z ${MULTICRED_LIVE-} ]] || builtin command "$__multicred_program" deactivate --shell-pid "$$"
        __multicred_give_back
    fi
    unset "${__multicred_ours[@]}" "${!__multicred_@}"
    unset -f multicred __multicred_quietly __multicred_as __multicred_renew __multicred_switch __multicred_can_switch \
        __multicred_is_writable __multicred_save __multicred_is_ours __multicred_marks __multicred_mend_terminal __multicred_keep __multicred_restore \
        __multicred_is_live __multicred_show __multicred_before_prompt __multicred_install __multicred_uninstall \
        __multicred_deactivate __multicred_give_back
}

# What a switch set goes, and what it hid comes back; what the person has set since then stays.
function __multicred_give_back {
    local __multicred_name
    local __multicred_all=("${__multicred_sets[@]}" "${__multicred_unsets[@]}" "${__multicred_files[@]}")
    for __multicred_name in "${__multicred_all[@]}"; do
        ! __multicred_is_ours "$__multicred_name" || unset "$__multicred_name"
    done
    for __multicred_name in "${__multicred_all[@]}"; do
        [[ -n ${!__multicred_name+set} ]] || __multicred_restore "$__multicred_name"
    done
}

__multicred_level=$BASH_SUBSHELL
# shellcheck disable=SC2016
__multicred_call='"${__multicred_hook-:}"'
__multicred_install
# The settings put aliases off, so that none of the person's changes what is defined here.
builtin shopt "$__multicred_aliases" expand_aliases
