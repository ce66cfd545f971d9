typeset -g __multicred_program={{ program }}
typeset -g __multicred_style={{ style }}
typeset -ga __multicred_sets=({% for name in sets %} {{ name }}{% endfor %})
typeset -ga __multicred_unsets=({% for name in unsets %} {{ name }}{% endfor %})
typeset -ga __multicred_files=({% for name in files %} {{ name }}{% endfor %})
typeset -ga __multicred_ours=({% for name in ours %} {{ name }}{% endfor %})
