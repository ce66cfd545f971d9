#!/usr/bin/env bash
# What a cached switch costs, beside an empty program: one hyperfine run, then instructions and page faults.
# Only ratios carry over from one machine to another. Called by `make bench`, which builds what it needs.
set -euo pipefail

target=$(cd "${TARGET:?the target folder: run make bench}" && pwd)
work=$target/bench
runs=${RUNS:-500}
crowd=${CROWD:-100000}

rm -rf "$work"
mkdir -p "$work"
echo 'fn main() {}' >"$work/empty.rs"
rustc --edition 2024 -C opt-level=3 -C panic=abort -C strip=symbols -o "$work/empty" "$work/empty.rs"
for size in 10 "$crowd"; do
    "$target/release/examples/crowd" "$work/$size" "$size" >/dev/null 2>"$work/$size.log" || {
        cat "$work/$size.log" >&2
        exit 1
    }
done

# The environment of a shell that has done nothing yet. Which store it has is where the link leads.
export HOME=$work/home
unset "${!AWS_@}" "${!MULTICRED_@}" "${!XDG_@}"
empty=$work/empty
switch=("$target/release/multicred" as --shell bash prod/Admin)

home() { echo "ln -sfn $work/$1 $HOME"; }

hyperfine --shell=none --warmup 50 --runs "$runs" --export-json "$work/times.json" --style basic \
    --prepare "$(home 10)" --command-name 'empty program' "$empty" \
    --prepare "$(home 10)" --command-name 'cached switch, 10 identities' "${switch[*]}" \
    --prepare "$(home "$crowd")" --command-name "cached switch, $crowd identities" "${switch[*]}" \
    --prepare "$(home 10)" --command-name 'bash --norc -c :' 'bash --norc -c :' \
    >"$work/hyperfine.log" 2>&1 || { cat "$work/hyperfine.log" >&2; exit 1; }

python3 - "$work/times.json" <<'PYTHON'
import json, sys

results = json.load(open(sys.argv[1]))["results"]
empty = results[0]["median"]
print(f"{'median of ' + str(len(results[0]['times'])) + ' runs':42}{'ms':>8}{'× empty':>10}")
for result in results:
    print(f"{result['command']:42}{result['median'] * 1000:8.3f}{result['median'] / empty:10.2f}")
PYTHON

instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 >/dev/null | sed -n 's/.*Collected : //p'
}

page_faults() {
    /usr/bin/time --format '%R' "$@" 2>&1 >/dev/null | tail -n 1
}

ln -sfn "$work/10" "$HOME"
printf '\n%-42s%14s%14s\n' '' instructions 'page faults'
printf '%-42s%14s%14s\n' 'empty program' "$(instructions "$empty")" "$(page_faults "$empty")"
printf '%-42s%14s%14s\n' 'cached switch' "$(instructions "${switch[@]}")" "$(page_faults "${switch[@]}")"
