# What `multicred init zsh` defines, after the settings of templates/settings.zsh. At the prompt nothing forks, and a
# switch forks for nothing but the call of multicred itself. All of it is defined inside `emulate zsh -o no_aliases`
# (templates/init.zsh): the functions run with zsh's own options, whatever the person's are, and give theirs back.

# `as`, `renew` and `deactivate` change this shell; everything else goes to the program as it is. The words before
# the verb are global flags, two of which take a value.
function multicred {
    local -a __multicred_global
    if (( ${argv[(I)(-h|--help|--shell|--shell=*)]} )); then
        command "$__multicred_program" "$@"
        return
    fi
    while [[ ${1-} == -* ]]; do
        case $1 in
            --store | --color) __multicred_global+=("$1" ${2+"$2"}) && shift ;;
            *) __multicred_global+=("$1") ;;
        esac
        (( $# )) && shift || break
    done
    case ${1-} in
        as | renew) __multicred_quietly "__multicred_$1" "${@:2}" ;;
        deactivate)
            case ${*:2} in
                '' | --keep-creds) __multicred_quietly __multicred_deactivate "${2-}" ;;
                *) command "$__multicred_program" "$@" ;;
            esac
            ;;
        *) command "$__multicred_program" "${__multicred_global[@]}" "$@" ;;
    esac
    # A failure inside a case does not count for the person's errexit; a return does.
    return
}

# Runs a function that handles secrets: neither xtrace, nor verbose, nor a DEBUG or ERR trap may see them. Options and
# traps are local to this function, and come back however it ends.
function __multicred_quietly {
    { setopt local_options local_traps no_xtrace no_verbose; trap - DEBUG ZERR } 2>/dev/null
    "$@"
}

# `--back` stands for the words that asked for the identity before this one.
function __multicred_as {
    local __multicred_word
    local -a __multicred_words
    for __multicred_word; do
        if [[ $__multicred_word == --back ]] && (( ${#__multicred_back} )); then
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
    local __multicred_code __multicred_was_live=$MULTICRED_LIVE
    local -a __multicred_before=("${__multicred_request[@]:-${MULTICRED_IDENTITY:--}}")
    __multicred_can_switch "$@" || return
    __multicred_code=$(
        command "$__multicred_program" "${__multicred_global[@]}" as --shell zsh --shell-pid $$ "$@"
    ) || {
        __multicred_mend_terminal $?
        return
    }
    [[ -n $__multicred_code ]] || return 0
    __multicred_save
    eval "$__multicred_code"
    __multicred_marks
    [[ -n $MULTICRED_REGION ]] || __multicred_restore AWS_REGION AWS_DEFAULT_REGION
    [[ -z $__multicred_was_live || -n $MULTICRED_LIVE ]] || __multicred_restore $__multicred_files
    [[ $__multicred_request == $__multicred_before ]] || __multicred_back=("${__multicred_before[@]}")
    __multicred_install
}

# A program that was killed while it asked for a code could not give the terminal back.
function __multicred_mend_terminal {
    if (( $1 > 130 )); then
        command stty echo icanon isig iexten 2>/dev/null </dev/tty
        print -u2
    fi
    return $1
}

# What would stop the code midway is found before it runs.
function __multicred_can_switch {
    local __multicred_name
    if (( ZSH_SUBSHELL > __multicred_level )); then
        print -ru2 -l -- 'multicred: this is a subshell or a pipeline, where a switch cannot last' \
            'multicred: run it as a command of its own'
        return 2
    fi
    local -a __multicred_all=($__multicred_sets $__multicred_unsets $__multicred_ours)
    # Only a live session touches the variables of the AWS files.
    [[ -z $MULTICRED_LIVE ]] && (( ! ${argv[(I)--live]} )) || __multicred_all+=($__multicred_files)
    for __multicred_name in $__multicred_all; do
        if [[ ${(tP)__multicred_name} == *readonly* ]]; then
            print -ru2 -l -- "multicred: $__multicred_name is readonly in this shell: nothing was changed" \
                'multicred: start a shell where it is not readonly'
            return 1
        fi
    done
}

# The person's own values, before somebody's replace them. What multicred set, here or in an outer shell, is never the
# person's own; what was changed by hand since is.
function __multicred_save {
    local __multicred_name
    for __multicred_name in $__multicred_sets $__multicred_unsets $__multicred_files; do
        case $__multicred_name in
            AWS_REGION | AWS_DEFAULT_REGION | AWS_CONFIG_FILE | AWS_SHARED_CREDENTIALS_FILE)
                __multicred_is_ours $__multicred_name
                ;;
            *) (( ! ${(P)+__multicred_name} )) || __multicred_is_ours $__multicred_name ;;
        esac || __multicred_keep $__multicred_name
    done
}

# Length and first characters of the secrets just set: enough to see that somebody has changed them.
function __multicred_marks {
    typeset -g __multicred_mark_AWS_SECRET_ACCESS_KEY=${#AWS_SECRET_ACCESS_KEY}:${AWS_SECRET_ACCESS_KEY[1,4]}
    typeset -g __multicred_mark_AWS_SESSION_TOKEN=${#AWS_SESSION_TOKEN}:${AWS_SESSION_TOKEN[1,4]}
}

# Whether a variable holds what multicred set. Of secrets, only a mark is remembered; a shell that inherited them has
# none, and takes them for multicred's.
function __multicred_is_ours {
    local __multicred_mark=__multicred_mark_$1 __multicred_now=${(P)1} __multicred_session=${MULTICRED_LIVE##*/}
    __multicred_now=${#__multicred_now}:${__multicred_now[1,4]}
    case $1 in
        AWS_REGION | AWS_DEFAULT_REGION) [[ -n $MULTICRED_REGION && ${(P)1} == "$MULTICRED_REGION" ]] ;;
        AWS_ACCESS_KEY_ID) [[ -n $MULTICRED_IDENTITY && ${(P)1} == "$MULTICRED_ACCESS_KEY_ID" ]] ;;
        AWS_SECRET_ACCESS_KEY | AWS_SESSION_TOKEN)
            [[ -n $MULTICRED_IDENTITY && ${${(P)__multicred_mark}:-$__multicred_now} == "$__multicred_now" ]]
            ;;
        AWS_CREDENTIAL_EXPIRATION) [[ -n $MULTICRED_IDENTITY ]] ;;
        AWS_CONFIG_FILE) [[ -n $MULTICRED_LIVE && ${(P)1} == "$MULTICRED_LIVE/config" ]] ;;
        AWS_SHARED_CREDENTIALS_FILE) [[ -n $MULTICRED_LIVE && ${(P)1} == "$MULTICRED_LIVE/credentials" ]] ;;
        AWS_CONTAINER_CREDENTIALS_FULL_URI)
            [[ -n $MULTICRED_LIVE && ${(P)1} == "http://127.0.0.1:${__multicred_session%%-*}" ]]
            ;;
        AWS_CONTAINER_AUTHORIZATION_TOKEN) [[ -n $MULTICRED_LIVE && ${(P)1} == "${__multicred_session#*-}".* ]] ;;
        *) false ;;
    esac
}

# Remembers a variable as `x=VALUE` (exported) or `=VALUE`, or that it is not set.
function __multicred_keep {
    local __multicred_type=${(tP)1}
    unset "__multicred_own_$1"
    (( ${(P)+1} )) || return 0
    typeset -g "__multicred_own_$1=${${(M)__multicred_type:#*export*}:+x}=${(P)1}"
}

function __multicred_restore {
    local __multicred_name __multicred_own
    for __multicred_name; do
        __multicred_own=__multicred_own_$__multicred_name
        (( ${(P)+__multicred_own} )) || continue
        __multicred_own=${(P)__multicred_own}
        unset $__multicred_name
        typeset -g "$__multicred_name=${__multicred_own#*=}"
        [[ $__multicred_own != x* ]] || typeset -gx $__multicred_name
    done
}

# Whether every program in this live shell asks its session: neither its endpoint, nor its token, nor what would be asked
# before it was changed by hand. The start of the token, which is no secret, is all that may be traced of it. What is
# expected is put together once.
function __multicred_is_live {
    if [[ $__multicred_live_of != "$MULTICRED_LIVE" ]]; then
        typeset -g __multicred_live_of=$MULTICRED_LIVE
        local __multicred_session=${MULTICRED_LIVE##*/}
        typeset -g __multicred_expected="http://127.0.0.1:${__multicred_session%%-*} ${__multicred_session#*-} \
$MULTICRED_LIVE/config $MULTICRED_LIVE/credentials "
    fi
    local __multicred_now="$AWS_CONTAINER_CREDENTIALS_FULL_URI ${AWS_CONTAINER_AUTHORIZATION_TOKEN[1,12]} \
$AWS_CONFIG_FILE $AWS_SHARED_CREDENTIALS_FILE $AWS_PROFILE$AWS_DEFAULT_PROFILE$AWS_ROLE_ARN\
$AWS_WEB_IDENTITY_TOKEN_FILE$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE\
$AWS_ACCESS_KEY${AWS_SECRET_KEY:+set}"
    [[ $__multicred_now == "$__multicred_expected" ]]
}

# Runs before each prompt, last of all, from the next prompt on also where something was added after it. The text goes
# through psvar: whatever it holds, nothing in it is expanded.
function __multicred_before_prompt {
    [[ $precmd_functions[-1] == __multicred_before_prompt ]] ||
        precmd_functions=(${precmd_functions:#__multicred_before_prompt} __multicred_before_prompt)
    local __multicred_text=${MULTICRED_IDENTITY:--} __multicred_segment='%73v '
    # A live session's folder has an agent for as long as the session is there, and is marked while its credential has
    # expired and there is no new one.
    if [[ -n ${MULTICRED_LIVE-} ]]; then
        if [[ ! -e $MULTICRED_LIVE/agent ]]; then
            __multicred_text+=' ended'
        elif [[ -e $MULTICRED_LIVE/expired ]]; then
            __multicred_text+=' expired'
        fi
    fi
    if [[ ${AWS_ACCESS_KEY_ID-} != ${MULTICRED_ACCESS_KEY_ID-} ]] ||
        { [[ -n ${MULTICRED_LIVE-} ]] && ! __multicred_is_live }; then
        __multicred_text='?'
    elif [[ ${MULTICRED_COLOR-} == (red|green|yellow|blue|magenta|cyan) && -z $NO_COLOR && $TERM != dumb ]]; then
        __multicred_segment="%F{$MULTICRED_COLOR}%73v%f "
    fi
    psvar[73]="(${__multicred_text//[[:cntrl:]]/?})"
    if [[ $__multicred_segment != $__multicred_prefixed ]]; then
        __multicred_unprefix
        __multicred_prefixed=$__multicred_segment
    fi
    [[ $PROMPT == *"$__multicred_segment"* ]] || PROMPT=$__multicred_segment$PROMPT
}

function __multicred_unprefix {
    [[ -z $__multicred_prefixed ]] || PROMPT=${PROMPT//"$__multicred_prefixed"/}
}

function __multicred_install {
    if [[ $__multicred_style != prefix || ! -o interactive ]]; then
        __multicred_uninstall
    elif (( ! ${precmd_functions[(I)__multicred_before_prompt]-0} )); then
        typeset -ga precmd_functions
        precmd_functions+=(__multicred_before_prompt)
    fi
}

function __multicred_uninstall {
    (( ${precmd_functions[(I)__multicred_before_prompt]-0} )) || return 0
    precmd_functions=(${precmd_functions:#__multicred_before_prompt})
    (( ${#precmd_functions} )) || unset precmd_functions
    __multicred_unprefix
    __multicred_prefixed=
    psvar[73]=
    while (( ${#psvar} )) && [[ -z $psvar[-1] ]]; do psvar[-1]=(); done
}

function __multicred_deactivate {
    # The program says why not.
    if [[ $1 == --keep-creds && -n $MULTICRED_LIVE ]]; then
        command "$__multicred_program" deactivate --keep-creds
        return
    fi
    __multicred_uninstall
    if [[ $1 != --keep-creds ]]; then
        [[ -z $MULTICRED_LIVE ]] || command "$__multicred_program" deactivate --shell-pid $$
        __multicred_give_back
    fi
    unset $__multicred_ours
    unset -m '__multicred_*'
    unfunction -m multicred '__multicred_*'
}

# What a switch set goes, and what it hid comes back; what the person has set since then stays.
function __multicred_give_back {
    local __multicred_name
    for __multicred_name in $__multicred_sets $__multicred_unsets $__multicred_files; do
        ! __multicred_is_ours $__multicred_name || unset $__multicred_name
    done
    for __multicred_name in $__multicred_sets $__multicred_unsets $__multicred_files; do
        (( ${(P)+__multicred_name} )) || __multicred_restore $__multicred_name
    done
}

typeset -g __multicred_level=$ZSH_SUBSHELL __multicred_prefixed
typeset -ga __multicred_request __multicred_back
__multicred_install
