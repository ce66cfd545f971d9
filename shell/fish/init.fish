# What `multicred init fish` defines, after a few settings (__multicred_program, __multicred_style, and the lists of
# variables). No command here forks but the call of multicred itself.

function multicred --description 'Be an AWS identity in this shell'
    set -l verb
    set -l before
    set -l after
    set -l rest $argv
    while set -q rest[1]
        switch $rest[1]
            case --store --color
                set -a before $rest[1..2]
                set -e rest[1..2]
            case '-*'
                set -a before $rest[1]
                set -e rest[1]
            case '*'
                set verb $rest[1]
                set after $rest[2..-1]
                break
        end
    end
    if string match -qr '^(-h|--help|--shell|--shell=.*)$' -- $before $after
        set verb
    end
    switch "$verb"
        case as
            if test "$after" = --back; and set -q __multicred_back[1]
                set after $__multicred_back
            end
            __multicred_switch $before as --shell fish $after
        case renew
            if set -q MULTICRED_IDENTITY[1]; and set -q __multicred_request[1]
                __multicred_switch $before as --shell fish --renew $__multicred_request $after
            else
                __multicred_switch $before as --shell fish --renew $MULTICRED_IDENTITY $after
            end
        case deactivate
            switch "$after"
                case '' --keep-creds
                    __multicred_deactivate $after
                case '*'
                    command $__multicred_program $argv
            end
        case '*'
            command $__multicred_program $argv
    end
end

# fish_trace is suspended around the code, so that no secret is traced.
function __multicred_switch
    __multicred_can_switch; or return
    set -l trace $fish_trace
    set -q fish_trace; and set -g fish_trace
    set -l code (command $__multicred_program $argv | string collect)
    set -l result $pipestatus[1]
    if test $result -eq 0; and test -n "$code"
        set -l was $__multicred_request
        __multicred_save
        eval $code
        set -q MULTICRED_REGION[1]; or __multicred_restore AWS_REGION AWS_DEFAULT_REGION
        if test "$__multicred_request" != "$was"
            set -g __multicred_back $was
            set -q __multicred_back[1]; or set -g __multicred_back -
        end
    end
    set -q trace[1]; and set -g fish_trace $trace
    return $result
end

# What would survive the code, or win over it, is found before it runs: a universal variable cannot be hidden from
# the commands of this shell without erasing it in every shell.
function __multicred_can_switch
    for name in $__multicred_touched
        if set -qU $name
            printf '%s\n' "multicred: $name is a universal variable, which would outlast the switch: nothing was changed" \
                "multicred: remove it with: set -eU $name" >&2
            return 1
        end
    end
end

# The person's own values, before somebody's replace them. Values that multicred set, here or in an outer shell, are
# never the person's own.
function __multicred_save
    if not set -q MULTICRED_IDENTITY[1]
        for name in $__multicred_lists
            set -qg $name; and __multicred_keep $name
        end
    else
        for name in AWS_REGION AWS_DEFAULT_REGION
            if test "$$name" = "$MULTICRED_REGION"
                continue
            else if set -qg $name
                __multicred_keep $name
            else
                set -e __multicred_own_$name
                set -e __multicred_how_$name
            end
        end
    end
end

function __multicred_keep
    set -g __multicred_own_$argv[1] $$argv[1]
    set -g __multicred_how_$argv[1] shell
    set -qgx $argv[1]; and set -g __multicred_how_$argv[1] exported
end

function __multicred_restore
    for name in $argv
        set -l own __multicred_own_$name
        set -l how __multicred_how_$name
        set -q $own; or continue
        if test "$$how" = exported
            set -gx $name $$own
        else
            set -gu $name $$own
        end
    end
end

# The text of the prompt, without a fork.
function __multicred_show
    set -l text '?'
    if test "$AWS_ACCESS_KEY_ID" = "$MULTICRED_ACCESS_KEY_ID"
        set text -
        test -n "$MULTICRED_IDENTITY"; and set text (string replace -ar '[[:cntrl:]]' '?' -- "$MULTICRED_IDENTITY")
    end
    if contains -- "$MULTICRED_COLOR" red green yellow blue magenta cyan; and test -z "$NO_COLOR"
        printf '%s(%s)%s ' (set_color $MULTICRED_COLOR) "$text" (set_color normal)
    else
        printf '(%s) ' "$text"
    end
end

# Wraps whatever fish_prompt is now, and again whenever something has replaced it since. The original runs first,
# while $status and $pipestatus are still those of the person's command.
function __multicred_wrap --on-event fish_prompt
    functions -q __multicred_is_ours; and __multicred_is_ours; and return
    functions -q fish_prompt; or return
    functions -q __multicred_original_prompt; and functions -e __multicred_original_prompt
    functions -c fish_prompt __multicred_original_prompt
    function fish_prompt --description 'The prompt, after the AWS identity'
        set -l __multicred_rest (__multicred_original_prompt | string collect --no-trim-newlines --allow-empty)
        __multicred_show
        printf '%s' "$__multicred_rest"
    end
end

function __multicred_is_ours
    string match -q '*__multicred_original_prompt*' -- (functions fish_prompt | string collect)
end

function __multicred_unwrap
    functions -q __multicred_original_prompt; or return
    if __multicred_is_ours
        functions -e fish_prompt
        functions -c __multicred_original_prompt fish_prompt
    end
    functions -e __multicred_original_prompt
end

function __multicred_deactivate
    __multicred_unwrap
    if test "$argv[1]" != --keep-creds
        if set -q MULTICRED_IDENTITY[1]
            for name in $__multicred_lists
                if contains $name AWS_REGION AWS_DEFAULT_REGION
                    set -q MULTICRED_REGION[1]; and test "$$name" = "$MULTICRED_REGION"; or continue
                end
                set -eg $name
            end
        end
        for name in $__multicred_lists
            set -qg $name; or __multicred_restore $name
        end
    end
    for name in $__multicred_lists
        set -eg __multicred_own_$name
        set -eg __multicred_how_$name
    end
    for name in $__multicred_ours
        set -eg $name
    end
    set -eg __multicred_request __multicred_back __multicred_program __multicred_style __multicred_lists \
        __multicred_ours __multicred_touched
    functions -e multicred __multicred_switch __multicred_can_switch __multicred_save __multicred_keep \
        __multicred_restore __multicred_show __multicred_wrap __multicred_is_ours __multicred_unwrap \
        __multicred_deactivate
end

if test "$__multicred_style" != prefix; or not status is-interactive
    functions -e __multicred_wrap
end
