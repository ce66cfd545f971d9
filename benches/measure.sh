# shellcheck shell=bash
# To be sourced.

# fill_home SIZE ARGUMENTS...: a home in $work/SIZE, filled by the example; what it says only where that fails.
fill_home() {
    local work=${work:?the folder for results}
    "${target:?the target folder}/release/examples/crowd" "$work/$1" "${@:2}" >/dev/null 2>"$work/$1.log" || {
        cat "$work/$1.log" >&2
        exit 1
    }
}

# measure NAME RUNS HYPERFINE-ARGUMENTS...: times in $work/NAME.json, and as a table, as multiples of the
# first.
measure() {
    local work=${work:?the folder for results}
    hyperfine --shell=none --warmup 10 --runs "$2" --export-json "$work/$1.json" --style basic "${@:3}" \
        >"$work/$1.log" 2>&1 || { cat "$work/$1.log" >&2; exit 1; }
    python3 - "$work/$1.json" <<'PYTHON'
import json, sys

results = json.load(open(sys.argv[1]))["results"]
first = results[0]["median"]
print(f"{'median of ' + str(len(results[0]['times'])) + ' runs':52}{'ms':>9}{'× first':>10}")
for result in results:
    print(f"{result['command']:52}{result['median'] * 1000:9.3f}{result['median'] / first:10.2f}")
PYTHON
}
