#!/usr/bin/env bash
# What `setup`, `refresh` and `unsetup` of 200 profiles take where each answer of AWS takes 100 ms, beside the AWS CLI in a
# loop over five. Sixteen at once, 200 answers take 1.25 s at best. Called by `make bench`, which builds what it needs.
set -euo pipefail

target=$(cd "${TARGET:?the target folder: run make bench}" && pwd)
work=$target/bench/refresh
profiles=200
latency=100
runs=${REFRESH_RUNS:-5}

rm -rf "$work"
mkdir -p "$work/home/run"
chmod 700 "$work/home/run"
"$target/release/examples/slow" "$work/home" "$profiles" "$latency" &
slow=$!
trap 'kill "$slow"' EXIT
until [[ -s $work/home/address ]]; do sleep 0.1; done
unset "${!AWS_@}" "${!MULTICRED_@}" "${!XDG_@}" "${!DBUS_@}"
AWS_ENDPOINT_URL=http://$(cat "$work/home/address")
export AWS_ENDPOINT_URL AWS_EC2_METADATA_DISABLED=true AWS_DEFAULT_REGION=us-east-1
export HOME=$work/home XDG_RUNTIME_DIR=$work/home/run MULTICRED_KEY=file
multicred=$target/release/multicred
cp "$HOME/.aws/credentials" "$work/own"

# Seconds and mebibytes of a command.
timed() {
    local figures
    figures=$(/usr/bin/time --format '%e %M' "${@:2}" 2>&1 >/dev/null | tail -n 1)
    awk -v what="$1" '{ printf "%-52s%9.2f s%9.1f MiB\n", what, $1, $2 / 1024 }' <<<"$figures"
}

timed "setup --temporary, $profiles profiles" "$multicred" -q setup --yes --temporary --no-shells
for _ in $(seq "$runs"); do
    timed "refresh, $profiles profiles" "$multicred" -q refresh
done
timed 'unsetup' "$multicred" -q unsetup --yes
cmp "$HOME/.aws/credentials" "$work/own"
timed "setup, $profiles profiles (known keys)" "$multicred" -q setup --yes --no-shells
timed 'unsetup' "$multicred" -q unsetup --yes

loop=$work/loop.sh
printf '%s\n' '#!/usr/bin/env bash' 'for number in 1 2 3 4 5; do' \
    "    '$target/venv/bin/aws' sts get-session-token --profile user\$number >/dev/null" 'done' >"$loop"
timed 'aws sts get-session-token, 5 profiles in a loop' bash "$loop"
