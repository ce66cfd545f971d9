builtin emulate zsh -o no_aliases -c {{ code }}
