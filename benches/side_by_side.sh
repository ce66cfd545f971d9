#!/usr/bin/env bash
# What a cached switch costs, beside an empty program: one hyperfine run, then instructions and page faults; and what
# a cached credential costs a program, beside what prints one as well: another run.
# Only ratios carry over from one machine to another. Called by `make bench`, which builds what it needs.
set -euo pipefail

target=$(cd "${TARGET:?the target folder: run make bench}" && pwd)
work=$target/bench
runs=${RUNS:-500}
# The others take a hundred times as long.
peer_runs=${PEER_RUNS:-50}
crowd=${CROWD:-100000}

# shellcheck source=benches/measure.sh
. "$(dirname "$0")/measure.sh"

rm -rf "$work"
mkdir -p "$work"
echo 'fn main() {}' >"$work/empty.rs"
rustc --edition 2024 -C opt-level=3 -C panic=abort -C strip=symbols -o "$work/empty" "$work/empty.rs"
for size in 10 "$crowd"; do
    address=$(cat "$work/10/address" 2>/dev/null || echo 127.0.0.1:0)
    fill_home "$size" "$size" "$address"
done

# The environment of a shell that has done nothing yet. Which store it has is where the link leads.
export HOME=$work/home
unset "${!AWS_@}" "${!MULTICRED_@}" "${!XDG_@}"
TARGET=$target "$(dirname "$0")/peers.sh" "$work/peers"
empty=$work/empty
# Nobody answers there any more: who asks AWS for a cached credential after all, fails.
AWS_ENDPOINT_URL=http://$(cat "$work/10/address")
export AWS_ENDPOINT_URL AWS_EC2_METADATA_DISABLED=true
switch=("$target/release/multicred" as --shell bash prod/Admin)
process=("$target/release/multicred" credential-process prod/Admin)

home() { echo "ln -sfn $work/$1 $HOME"; }

# A first question in a home that was just filled is looked up, and keeps the parsed profiles in the store. From three
# seconds later on, when the store has settled, answers are kept.
ask() { "${switch[@]}" >/dev/null && "${process[@]}" >/dev/null; }
for size in 10 "$crowd"; do
    ln -sfn "$work/$size" "$HOME"
    ask
done
sleep 3

measure switch "$runs" \
    --prepare "$(home 10)" --command-name 'empty program' "$empty" \
    --prepare "$(home 10)" --command-name 'cached switch, 10 identities' "${switch[*]}" \
    --prepare "$(home "$crowd")" --command-name "cached switch, $crowd identities" "${switch[*]}" \
    --prepare "$(home 10)" --command-name 'bash --norc -c :' 'bash --norc -c :'

peer() { peers+=(--prepare "$(home peers)" --command-name "$1" "$2"); }

peers=()
peer 'aws-export-credentials, cached' \
    "$target/venv-bench/bin/aws-export-credentials --profile role --cache-file $work/peers/cache.json"
peer 'awsume, cached' "$target/venv-bench/bin/awsumepy user"
aws=$target/venv-long/bin/aws
if [ -e "$aws" ]; then
    peer 'aws configure export-credentials, cached' "$aws configure export-credentials --profile role"
fi
echo
measure process "$peer_runs" \
    --prepare "$(home 10)" --command-name 'empty program' "$empty" \
    --prepare "$(home 10)" --command-name 'cached credential-process, 10 identities' "${process[*]}" \
    "${peers[@]}"
[ -e "$aws" ] || echo 'aws configure export-credentials: make test-long installs that aws CLI'

instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 >/dev/null | sed -n 's/.*Collected : //p'
}

page_faults() {
    /usr/bin/time --format '%R' "$@" 2>&1 >/dev/null | tail -n 1
}

ln -sfn "$work/10" "$HOME"
ask
row() { printf '%-42s%14s%14s\n' "$@"; }
echo
row '' instructions 'page faults'
row 'empty program' "$(instructions "$empty")" "$(page_faults "$empty")"
row 'cached switch' "$(instructions "${switch[@]}")" "$(page_faults "${switch[@]}")"
row 'cached credential-process' "$(instructions "${process[@]}")" "$(page_faults "${process[@]}")"
