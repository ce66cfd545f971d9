#!/usr/bin/env bash
# What profiles cost: a cached switch to one among few and among many, whose answer is kept and whose answer is looked up;
# then the commands that read them all. Called by `make bench`, which builds what it needs. Only ratios carry over.
set -euo pipefail

target=$(cd "${TARGET:?the target folder: run make bench}" && pwd)
work=$target/bench/profiles
runs=${RUNS:-500}
few_runs=${PEER_RUNS:-50}
sizes=(3 300 10000)
# A config of 7,000 lines.
long=1400

# shellcheck source=benches/measure.sh
. "$(dirname "$0")/measure.sh"

rm -rf "$work"
mkdir -p "$work"
for size in "${sizes[@]}" "$long"; do
    address=$(cat "$work/3/address" 2>/dev/null || echo 127.0.0.1:0)
    fill_home "$size" 10 "$address" "$size"
done
unset "${!AWS_@}" "${!MULTICRED_@}" "${!XDG_@}"
export HOME=$work/home
AWS_ENDPOINT_URL=http://$(cat "$work/3/address")
export AWS_ENDPOINT_URL AWS_EC2_METADATA_DISABLED=true
multicred=$target/release/multicred
kept="$multicred as --shell bash admin"
# A request that is not plain is never answered from a kept answer.
looked_up="$multicred as --shell bash --region eu-west-1 admin"

home() { echo "ln -sfn $work/$1 $HOME"; }

# The parsed form of the files is kept by the first switch after they have settled, and answers once the store has.
sleep 3
for size in "${sizes[@]}" "$long"; do
    ln -sfn "$work/$size" "$HOME"
    $kept >/dev/null
done
sleep 3
for size in "${sizes[@]}"; do
    ln -sfn "$work/$size" "$HOME"
    $kept >/dev/null
done

cached=()
looking=()
for size in "${sizes[@]}"; do
    cached+=(--prepare "$(home "$size")" --command-name "cached switch, $size profiles" "$kept")
    looking+=(--prepare "$(home "$size")" --command-name "cached switch that is looked up, $size profiles" "$looked_up")
done
measure kept "$runs" "${cached[@]}"
echo
measure looked-up "$runs" "${looking[@]}"
echo
measure whole "$few_runs" \
    --prepare "$(home 10000)" --command-name 'parsing 10000 profiles for the first time (why)' \
    "$multicred --store $work/none.db why admin" \
    --prepare "$(home "$long")" --command-name "list of $long profiles (7,000 lines)" "$multicred list" \
    --prepare "$(home 10000)" --command-name 'list of 10000 profiles' "$multicred list"
