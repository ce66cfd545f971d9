#!/usr/bin/env bash
# What a Tab costs: the name of one among few and among many identities, and the names of all. Called by `make bench`, which
# builds what it needs. Only ratios carry over.
set -euo pipefail

target=$(cd "${TARGET:?the target folder: run make bench}" && pwd)
work=$target/bench/completion
runs=${RUNS:-500}
few_runs=${PEER_RUNS:-50}
read -r -a sizes <<<"${SIZES:-10 10000 100000}"

# shellcheck source=benches/measure.sh
. "$(dirname "$0")/measure.sh"

rm -rf "$work"
mkdir -p "$work"
for size in "${sizes[@]}"; do
    fill_home "$size" "$size"
done
unset "${!AWS_@}" "${!MULTICRED_@}" "${!XDG_@}"
export HOME=$work/home
complete="$target/release/multicred complete --shell fish -- multicred"

one=()
all=()
for size in "${sizes[@]}"; do
    home="ln -sfn $work/$size $HOME"
    one+=(--prepare "$home" --command-name "a name among $size" "$complete as prod/Ad")
    all+=(--prepare "$home" --command-name "all names of $size" "$complete as ''")
done
measure one "$runs" --prepare "ln -sfn $work/${sizes[0]} $HOME" --command-name "a flag" "$complete as --fr" "${one[@]}"
echo
measure all "$few_runs" "${all[@]}"
