# What `multicred completions fish` defines, after the function that calls the program.

function _multicred
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l answer (_multicred_program complete --shell fish -- $words "$current" 2>/dev/null)
    switch "$answer[1]"
        case words
            set -e answer[1]
            printf '%s\n' $answer
        case files
            # What stands before a path in its word: --policy=
            set -l lead (string match --regex '^--[^=]+=|' -- "$current")
            set -l path (string replace --regex '^--[^=]+=' '' -- "$current")
            for file in (__fish_complete_path "$path")
                echo "$lead$file"
            end
        case program
            # Behind `--` another program's command line is completed as that program's is.
            set -l at (contains --index -- -- $words)
            set -e words[1..$at]
            complete --do-complete (string join ' ' -- (string escape -- $words) "$current")
    end
end

complete --command multicred --no-files --arguments '(_multicred)'
