#!/usr/bin/env bash
# What opening the store costs: a cached switch with each kind of key slot and with the agent, beside an empty program.
# Called by `make bench`, which builds what it needs. Only ratios carry over.
set -euo pipefail

target=$(cd "${TARGET:?the target folder: run make bench}" && pwd)
work=$target/bench/keys
runs=${RUNS:-300}
few_runs=${PEER_RUNS:-30}

rm -rf "$work"
mkdir -p "$work"
"$target/release/examples/crowd" "$work/file" 10 127.0.0.1:0 3 >/dev/null 2>"$work/crowd.log" || {
    cat "$work/crowd.log" >&2
    exit 1
}
echo 'fn main() {}' >"$work/empty.rs"
rustc -C opt-level=3 -o "$work/empty" "$work/empty.rs"
unset "${!AWS_@}" "${!MULTICRED_@}" "${!XDG_@}" "${!DBUS_@}" "${!SSH_@}"
AWS_ENDPOINT_URL=http://$(cat "$work/file/address")
export AWS_ENDPOINT_URL AWS_EC2_METADATA_DISABLED=true
# Out of the way of the person's own.
export MULTICRED_AGENT_SOCK=$work/agent/agent.sock
mkdir -m 700 "$work/agent"
multicred=$target/release/multicred
echo 'correct horse battery staple' >"$work/typed"
openssl rand -hex 32 >"$work/secret"

eval "$(ssh-agent -s)" >/dev/null
trap '"$multicred" -q agent stop; kill "$SSH_AGENT_PID"' EXIT
ssh-keygen -q -t ed25519 -N '' -f "$work/ssh-key"
ssh-add -q "$work/ssh-key"

# A home for each kind, whose store has no other slot.
only() {
    cp -a "$work/file" "$work/$1"
    HOME=$work/$1 "$multicred" -q key add "${@:2}" >/dev/null
    # A key of its own: the agent is to hold that of one store alone.
    HOME=$work/$1 "$multicred" -q key rotate
    HOME=$work/$1 "$multicred" -q key remove --force 1
}
only passphrase passphrase --passphrase-file "$work/typed"
only command command "cat $work/secret"
only ssh-agent ssh-agent
only held passphrase --passphrase-file "$work/typed"
HOME=$work/held MULTICRED_PASSPHRASE_FILE=$work/typed "$multicred" -q unlock

export HOME=$work/home
home() { echo "ln -sfn $work/$1 $HOME"; }
kinds=(file held ssh-agent command passphrase)
kept="$multicred as --shell bash admin"
looked_up="$multicred as --shell bash --region eu-west-1 admin"

# What is parsed and answered is kept once the store has settled.
export MULTICRED_PASSPHRASE_FILE=$work/typed
for _ in 1 2; do
    sleep 3
    for kind in "${kinds[@]}"; do
        ln -sfn "$work/$kind" "$HOME"
        $kept >/dev/null
    done
done

# shellcheck source=benches/measure.sh
. "$(dirname "$0")/measure.sh"

quick=(--prepare "$(home file)" --command-name 'empty program' "$work/empty")
looking=(--prepare "$(home file)" --command-name 'empty program' "$work/empty")
for kind in file held ssh-agent command; do
    what="key slot: $kind"
    [[ $kind == held ]] && what='held by the agent'
    quick+=(--prepare "$(home "$kind")" --command-name "cached switch, $what" "$kept")
    looking+=(--prepare "$(home "$kind")" --command-name "looked up, $what" "$looked_up")
done
measure keys "$runs" "${quick[@]}"
echo
measure keys-looked-up "$runs" "${looking[@]}"
echo
measure keys-slow "$few_runs" --prepare "$(home file)" --command-name 'empty program' "$work/empty" \
    --prepare "$(home passphrase)" --command-name 'cached switch, passphrase of a file (Argon2id)' "$kept"
