set -g __multicred_program {{ program }}
set -g __multicred_style {{ style }}
set -g __multicred_sets{% for name in sets %} {{ name }}{% endfor %}
set -g __multicred_unsets{% for name in unsets %} {{ name }}{% endfor %}
set -g __multicred_files{% for name in files %} {{ name }}{% endfor %}
set -g __multicred_ours{% for name in ours %} {{ name }}{% endfor %}
