#!/usr/bin/env bash
# What the commands cost that read everything: list, list --credentials, list --accounts, tree and stats, with few and
# with very many identities; time as multiples of an empty program's, then the most memory that each took. Called by
# `make bench`, which builds what it needs. Only ratios carry over.
set -euo pipefail

target=$(cd "${TARGET:?the target folder: run make bench}" && pwd)
work=$target/bench/reading
runs=${RUNS:-200}
many_runs=${PEER_RUNS:-10}
sizes=(10 10000 100000)
commands=('list' 'list --json' 'list --credentials' 'list --accounts' 'tree' 'stats')

# shellcheck source=benches/measure.sh
. "$(dirname "$0")/measure.sh"

rm -rf "$work"
mkdir -p "$work"
echo 'int main(void) { return 0; }' | cc -O2 -x c -o "$work/empty" -
for size in "${sizes[@]}"; do
    fill_home "$size" "$size"
done
unset "${!AWS_@}" "${!MULTICRED_@}" "${!XDG_@}"
export HOME=$work/home
export AWS_EC2_METADATA_DISABLED=true
multicred=$target/release/multicred

for size in "${sizes[@]}"; do
    ln -sfn "$work/$size" "$HOME"
    measured=()
    for command in "${commands[@]}"; do
        measured+=(--command-name "$command, $size identities" "$multicred $command")
    done
    measure "$size" "$( ((size > 1000)) && echo "$many_runs" || echo "$runs")" \
        --command-name 'empty program' "$work/empty" "${measured[@]}"
    echo
done

printf '%-52s%9s\n' 'most memory' 'MiB'
for size in "${sizes[@]}"; do
    ln -sfn "$work/$size" "$HOME"
    for command in "${commands[@]}"; do
        # shellcheck disable=SC2086
        /usr/bin/time --format %M --output "$work/memory" "$multicred" $command >/dev/null 2>&1
        printf '%-52s%9.1f\n' "$command, $size identities" "$(awk '{ print $1 / 1024 }' "$work/memory")"
    done
done
