__multicred_program={{ program }}
__multicred_style={{ style }}
__multicred_lists=({% for name in lists %} {{ name }}{% endfor %})
__multicred_ours=({% for name in ours %} {{ name }}{% endfor %})
__multicred_touched=({% for name in touched %} {{ name }}{% endfor %})
