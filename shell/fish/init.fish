# What `multicred init fish` defines, after the settings of templates/settings.fish. At the prompt nothing forks, and a
# switch forks for nothing but the call of multicred itself.

# `as`, `renew` and `deactivate` change this shell; everything else goes to the program as it is. The words before
# the verb are global flags, two of which take a value.
function multicred --description 'Be an AWS identity in this shell'
    set -l global
    set -l rest $argv
    while string match -q -- '-*' "$rest[1]"
        if contains -- $rest[1] --store --color
            set -a global $rest[1]
            set -e rest[1]
        end
        set -a global $rest[1]
        set -e rest[1]
    end
    set -l verb $rest[1]
    set -e rest[1]
    string match -qr '^(-h|--help|--shell|--shell=.*)$' -- $argv; and set verb
    switch "$verb"
        case as
            # `--back` stands for the words that asked for the identity before this one.
            set -l words
            for word in $rest
                if test "$word" = --back; and set -q __multicred_back[1]
                    set -a words $__multicred_back
                else
                    set -a words $word
                end
            end
            __multicred_switch $global as --shell fish --shell-pid $fish_pid $words
        case renew
            set -l before
            __multicred_set_before
            __multicred_switch $global as --shell fish --shell-pid $fish_pid --renew $before $rest
        case deactivate
            switch "$rest"
                case '' --keep-creds
                    __multicred_deactivate $rest
                case '*'
                    command $__multicred_program $argv
            end
        case '*'
            command $__multicred_program $argv
    end
end

# An exported local fish_trace stops tracing here and in what is called from here, so that no secret is traced.
function __multicred_switch
    set -lx fish_trace
    __multicred_can_switch $argv; or return
    set -l was_live $MULTICRED_LIVE
    set -l before
    __multicred_set_before
    set -l code (command $__multicred_program $argv | string collect)
    set -l exit_code $pipestatus[1]
    # A program that was killed while it asked for a code could not give the terminal back.
    if test $exit_code -gt 130
        command stty echo icanon isig iexten 2>/dev/null </dev/tty
        echo >&2
    end
    test $exit_code -eq 0; and test -n "$code"; or return $exit_code
    __multicred_save
    eval $code
    for name in AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
        set -g __multicred_mark_$name (__multicred_mark $name)
    end
    set -q MULTICRED_REGION[1]; or __multicred_restore AWS_REGION AWS_DEFAULT_REGION
    set -q was_live[1]; and not set -q MULTICRED_LIVE[1]; and __multicred_restore $__multicred_files
    test "$__multicred_request" = "$before"; or set -g __multicred_back $before
    return 0
end

# Sets the caller's $before to the words that asked for the current identity. In a shell that inherited it, the name
# is all that is known of them.
function __multicred_set_before --no-scope-shadowing
    set before $__multicred_request
    set -q before[1]; or set before $MULTICRED_IDENTITY
    set -q before[1]; or set before -
end

# What would survive the code, or win over it, is found before it runs: a universal variable cannot be hidden from
# the commands of this shell without erasing it in every shell.
function __multicred_can_switch
    # Only a live session touches the variables of the AWS files.
    set -l files
    if set -q MULTICRED_LIVE[1]; or contains -- --live $argv
        set files $__multicred_files
    end
    for name in $__multicred_sets $__multicred_unsets $__multicred_ours $files
        if set -qU $name
            printf '%s\n' "multicred: $name is a universal variable, which would outlast the switch: nothing was changed" \
                "multicred: remove it with: set -eU $name" >&2
            return 1
        end
    end
end

# The person's own values, before somebody's replace them. What multicred set, here or in an outer shell, is never the
# person's own; what was changed by hand since is.
function __multicred_save
    for name in $__multicred_sets $__multicred_unsets $__multicred_files
        if contains $name AWS_REGION AWS_DEFAULT_REGION $__multicred_files; or set -qg $name
            __multicred_is_ours $name; or __multicred_keep $name
        end
    end
end

# Length and first characters of a secret: enough to see that somebody has changed it.
function __multicred_mark
    string length -- "$$argv[1]"
    string sub -l 4 -- "$$argv[1]"
end

# Whether a variable holds what multicred set. Of secrets, only a mark is remembered; a shell that inherited them has
# none, and takes them for multicred's.
function __multicred_is_ours
    set -l mark __multicred_mark_$argv[1]
    set -l session (string split -m 1 - -- (string replace -r '.*/' '' -- "$MULTICRED_LIVE"))
    switch $argv[1]
        case AWS_REGION AWS_DEFAULT_REGION
            set -q MULTICRED_REGION[1]; and test "$$argv[1]" = "$MULTICRED_REGION"
        case AWS_ACCESS_KEY_ID
            set -q MULTICRED_IDENTITY[1]; and test "$$argv[1]" = "$MULTICRED_ACCESS_KEY_ID"
        case AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
            set -l now (__multicred_mark $argv[1])
            set -q MULTICRED_IDENTITY[1]; and begin
                not set -q $mark; or test "$$mark" = "$now"
            end
        case AWS_CREDENTIAL_EXPIRATION
            set -q MULTICRED_IDENTITY[1]
        case AWS_CONFIG_FILE
            set -q MULTICRED_LIVE[1]; and test "$$argv[1]" = "$MULTICRED_LIVE/config"
        case AWS_SHARED_CREDENTIALS_FILE
            set -q MULTICRED_LIVE[1]; and test "$$argv[1]" = "$MULTICRED_LIVE/credentials"
        case AWS_CONTAINER_CREDENTIALS_FULL_URI
            set -q MULTICRED_LIVE[1]; and test "$$argv[1]" = "http://127.0.0.1:$session[1]"
        case AWS_CONTAINER_AUTHORIZATION_TOKEN
            set -q MULTICRED_LIVE[1]; and string match -q -- "$session[2].*" "$$argv[1]"
        case '*'
            false
    end
end

# Remembers a variable as a list, `-gx` or `-gu` and its value, or that it is not set.
function __multicred_keep
    set -eg __multicred_own_$argv[1]
    if set -qgx $argv[1]
        set -g __multicred_own_$argv[1] -gx $$argv[1]
    else if set -qg $argv[1]
        set -g __multicred_own_$argv[1] -gu $$argv[1]
    end
end

function __multicred_restore
    for name in $argv
        set -l own __multicred_own_$name
        set -q $own; or continue
        set -l own $$own
        set $own[1] $name $own[2..-1]
    end
end

# Whether every program in this live shell asks its session: neither its endpoint, nor its token, nor what would be asked
# before it was changed by hand. What is expected is put together once.
function __multicred_is_live
    if test "$__multicred_live_of" != "$MULTICRED_LIVE"
        set -g __multicred_live_of $MULTICRED_LIVE
        set -l session (string replace -r '.*/' '' -- $MULTICRED_LIVE | string split -m 1 -)
        set -g __multicred_expected "http://127.0.0.1:$session[1] $MULTICRED_LIVE/config $MULTICRED_LIVE/credentials "
        set -g __multicred_live_id $session[2]
    end
    set -l others "$AWS_PROFILE$AWS_DEFAULT_PROFILE$AWS_ROLE_ARN$AWS_WEB_IDENTITY_TOKEN_FILE$AWS_ACCESS_KEY$AWS_SECRET_KEY"
    set others "$others$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
    test "$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONFIG_FILE $AWS_SHARED_CREDENTIALS_FILE $others" = "$__multicred_expected"
    and string match -q -- "$__multicred_live_id.*" "$AWS_CONTAINER_AUTHORIZATION_TOKEN"
end

# Runs before each prompt: the text of the prompt. That fish_mode_prompt did not run since the last time means that it
# is not ours: this is the first prompt, or something has replaced it.
function __multicred_before_prompt --on-event fish_prompt
    set -l text '?'
    set -l colour
    if test "$AWS_ACCESS_KEY_ID" = "$MULTICRED_ACCESS_KEY_ID"; and begin
            not set -q MULTICRED_LIVE[1]; or __multicred_is_live
        end
        set text -
        set -q MULTICRED_IDENTITY[1]; and set text $MULTICRED_IDENTITY
        # A live session's folder has an agent for as long as the session is there, and is marked while its credential has
        # expired and there is no new one.
        if set -q MULTICRED_LIVE[1]
            if not test -e $MULTICRED_LIVE/agent
                set text "$text ended"
            else if test -e $MULTICRED_LIVE/expired
                set text "$text expired"
            end
        end
        string match -qr '[[:cntrl:]]' -- $text; and set text (string replace -ar '[[:cntrl:]]' '?' -- $text)
        if set -q MULTICRED_COLOR[1]; and test -z "$NO_COLOR"; and test "$TERM" != dumb
            switch $MULTICRED_COLOR
                case red
                    set colour \e'[31m' \e'[0m'
                case green
                    set colour \e'[32m' \e'[0m'
                case yellow
                    set colour \e'[33m' \e'[0m'
                case blue
                    set colour \e'[34m' \e'[0m'
                case magenta
                    set colour \e'[35m' \e'[0m'
                case cyan
                    set colour \e'[36m' \e'[0m'
            end
        end
    end
    set -g __multicred_prompt "$colour[1]($text)$colour[2] "
    set -q __multicred_shown; or __multicred_wrap
    set -eg __multicred_shown
end

# The prompt of a `read` inside a command is not the shell's.
function __multicred_after_prompt --on-event fish_preexec
    set -eg __multicred_prompt
end

# fish shows what fish_mode_prompt prints, then what fish_prompt prints: whatever a person's fish_prompt does, and
# whenever it is replaced, it stays as it is, and sees the $status and $pipestatus of the person's command.
function __multicred_wrap
    __multicred_is_wrapped; and return
    functions -q __multicred_mode_prompt; and functions -e __multicred_mode_prompt
    if functions -q fish_mode_prompt
        functions -c fish_mode_prompt __multicred_mode_prompt
    else
        function __multicred_mode_prompt
        end
    end
    function fish_mode_prompt --description 'The mode, then the AWS identity'
        __multicred_mode_prompt $argv
        printf %s $__multicred_prompt
        set -g __multicred_shown
    end
end

function __multicred_is_wrapped
    functions -q fish_mode_prompt; and string match -q '*__multicred*' -- (functions fish_mode_prompt)
end

function __multicred_unwrap
    __multicred_is_wrapped; or return
    functions -e fish_mode_prompt
    functions -c __multicred_mode_prompt fish_mode_prompt
end

function __multicred_deactivate
    set -lx fish_trace
    # The program says why not.
    if test "$argv[1]" = --keep-creds; and set -q MULTICRED_LIVE[1]
        command $__multicred_program deactivate --keep-creds
        return
    end
    __multicred_unwrap
    if test "$argv[1]" != --keep-creds
        set -q MULTICRED_LIVE[1]; and command $__multicred_program deactivate --shell-pid $fish_pid
        __multicred_give_back
    end
    set -eg $__multicred_ours
    set -eg (set --global --names | string match '__multicred_*')
    functions -e multicred (functions --all --names | string match '__multicred_*')
end

# What a switch set goes, and what it hid comes back; what the person has set since then stays.
function __multicred_give_back
    for name in $__multicred_sets $__multicred_unsets $__multicred_files
        __multicred_is_ours $name; and set -eg $name
    end
    for name in $__multicred_sets $__multicred_unsets $__multicred_files
        set -qg $name; or __multicred_restore $name
    end
end

# Whatever happened to the prompt since init was read before, it is looked at again.
set -eg __multicred_shown
if test "$__multicred_style" != prefix; or not status is-interactive
    __multicred_unwrap
    functions -e __multicred_before_prompt __multicred_after_prompt
end
