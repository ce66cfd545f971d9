#!/usr/bin/env bash
# What live sessions cost: how many requests their endpoint answers, beside another tool's, what the agent then takes of
# memory, and how long it is until a program in one has its first answer of AWS. Called by `make bench`, which builds
# what it needs. Only ratios carry over.
set -euo pipefail

target=$(cd "${TARGET:?the target folder: run make bench}" && pwd)
work=$target/bench/live
runs=${PEER_RUNS:-30}
seconds=${SECONDS_OF_LOAD:-5}
clients=50

rm -rf "$work"
mkdir -p "$work"
unset "${!AWS_@}" "${!MULTICRED_@}" "${!XDG_@}"
export HOME=$work/home AWS_EC2_METADATA_DISABLED=true AWS_REGION=eu-central-1
export MULTICRED_AGENT_SOCK=$work/agent/agent.sock
mkdir -m 700 "$work/agent"
multicred=$target/release/multicred
knock=$target/release/examples/knock
python=$target/venv/bin/python

ended=()
end() {
    for pid in "${ended[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    "$multicred" -q agent stop
}
trap end EXIT

wait_for() {
    for _ in {1..200}; do
        if "$@" 2>/dev/null; then return; fi
        sleep 0.05
    done
    echo "waited for: $*" >&2
    exit 1
}

# A pretend STS that stays.
"$target/release/examples/crowd" "$HOME" 10 127.0.0.1:0 3 stay >/dev/null 2>"$work/crowd.log" &
ended+=($!)
wait_for test -s "$HOME/address"
AWS_ENDPOINT_URL=http://$(cat "$HOME/address")
export AWS_ENDPOINT_URL

# In kilobytes.
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status"; }

agent=$("$multicred" -q agent start)
sleep 1
idle=$(resident "$agent")

# shellcheck disable=SC2016 # the program's own variables
"$multicred" exec --live prod/Admin -- sh -c \
    'echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN"; exec sleep 1000' >"$work/door" &
ended+=($!)
wait_for test -s "$work/door"
read -r url token <"$work/door"

# The same credential, handed out by another tool, which closes every connection.
"$multicred" env --format ini prod/Admin >"$work/credentials"
theirs=http://127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
AWS_SHARED_CREDENTIALS_FILE=$work/credentials AWS_CONFIG_FILE=/dev/null "$target/venv-bench/bin/aws-export-credentials" \
    --profile "$(sed -n 's/^\[\(.*\)\]$/\1/p' "$work/credentials")" --container "${theirs#http://}" token >"$work/theirs.log" 2>&1 &
ended+=($!)
wait_for curl --silent --fail --output /dev/null --header 'Authorization: token' "$theirs/"

row() {
    local name=$1 figures
    read -r -a figures < <("$knock" "${@:2}")
    printf '%-52s%12s%10s%10s%12s\n' "$name" "${figures[@]}"
}
printf '%-52s%12s%10s%10s%12s\n' "$clients clients, $seconds s" 'answers/s' 'p50 ms' 'p99 ms' 'unanswered'
row 'multicred, connections kept' "$url" "$token" "$clients" "$seconds" keep
row 'multicred, a connection for each request' "$url" "$token" "$clients" "$seconds" each
row 'aws-export-credentials, one for each, one client' "$theirs" token 1 "$seconds" each
row 'multicred, one for each, one client' "$url" "$token" 1 "$seconds" each
# Its queue has room for few.
row 'aws-export-credentials, one for each' "$theirs" token "$clients" "$seconds" each
echo
printf '%-52s%12s\n' 'resident memory of the agent' 'kB'
printf '%-52s%12s\n' 'idle' "$idle" 'after this load' "$(resident "$agent")"
echo

# shellcheck source=benches/measure.sh
. "$(dirname "$0")/measure.sh"

cat >"$work/caller.py" <<'PYTHON'
import boto3
print(boto3.client("sts").get_caller_identity()["Arn"])
PYTHON
# shellcheck disable=SC2016 # the program's own variables
echo 'exec curl --silent --fail --header "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" \
    "$AWS_CONTAINER_CREDENTIALS_FULL_URI"' >"$work/ask.sh"
measure first-answer "$runs" \
    --command-name 'exec, a program that does nothing' "$multicred exec prod/Admin -- /bin/true" \
    --command-name 'exec --live, the same' "$multicred exec --live prod/Admin -- /bin/true" \
    --command-name 'exec, curl starts' "$multicred exec prod/Admin -- curl --version" \
    --command-name 'exec --live, curl asks for the credential' "$multicred exec --live prod/Admin -- sh $work/ask.sh" \
    --command-name 'exec, boto3 asks STS who it is' "$multicred exec prod/Admin -- $python $work/caller.py" \
    --command-name 'exec --live, the same' "$multicred exec --live prod/Admin -- $python $work/caller.py"
