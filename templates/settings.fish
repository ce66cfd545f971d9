set -g __multicred_program {{ program }}
set -g __multicred_style {{ style }}
set -g __multicred_lists{% for name in lists %} {{ name }}{% endfor %}
set -g __multicred_ours{% for name in ours %} {{ name }}{% endfor %}
set -g __multicred_touched{% for name in touched %} {{ name }}{% endfor %}
