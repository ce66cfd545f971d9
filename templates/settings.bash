if builtin shopt -q expand_aliases; then __multicred_aliases=-s; else __multicred_aliases=-u; fi
builtin shopt -u expand_aliases
__multicred_program={{ program }}
__multicred_style={{ style }}
__multicred_sets=({% for name in sets %} {{ name }}{% endfor %})
__multicred_unsets=({% for name in unsets %} {{ name }}{% endfor %})
__multicred_files=({% for name in files %} {{ name }}{% endfor %})
__multicred_ours=({% for name in ours %} {{ name }}{% endfor %})
