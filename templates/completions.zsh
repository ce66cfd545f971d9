function _multicred_program { command {{ program }} "$@"; }
