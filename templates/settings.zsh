typeset -g __multicred_program={{ program }}
typeset -g __multicred_style={{ style }}
typeset -ga __multicred_lists=({% for name in lists %} {{ name }}{% endfor %})
typeset -ga __multicred_ours=({% for name in ours %} {{ name }}{% endfor %})
typeset -ga __multicred_touched=({% for name in touched %} {{ name }}{% endfor %})
