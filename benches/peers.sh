#!/usr/bin/env bash
# Makes a home in which other programs have a cached credential: peers.sh HOME
# Called by side_by_side.sh, which measures how long each takes to print it. The credentials come from a moto that is
# gone when this ends.
set -euo pipefail

target=${TARGET:?the target folder: run make bench}
home=${1:?the home to make}

mkdir -p "$home/.aws"
cat >"$home/.aws/config" <<'CONFIG'
[profile role]
role_arn = arn:aws:iam::123456789012:role/Admin
source_profile = user
region = us-east-1
[profile user]
mfa_serial = arn:aws:iam::123456789012:mfa/alice
region = us-east-1
CONFIG
cat >"$home/.aws/credentials" <<'CREDENTIALS'
[user]
aws_access_key_id = AKIAEXAMPLE123456789
aws_secret_access_key = anything
CREDENTIALS

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$target/venv/bin/moto_server" -H 127.0.0.1 -p "$port" >"$home/moto.log" 2>&1 &
moto=$!
trap 'kill $moto' EXIT
until curl --silent --fail --output "$home/ready" "http://127.0.0.1:$port/moto-api/"; do
    kill -0 $moto || { cat "$home/moto.log" >&2; exit 1; }
    sleep 0.1
done

export HOME=$home AWS_ENDPOINT_URL=http://127.0.0.1:$port AWS_EC2_METADATA_DISABLED=true
"$target/venv-bench/bin/aws-export-credentials" --profile role --cache-file "$home/cache.json" >"$home/first.log"
# awsume keeps the session of a user with an MFA device, and asks AWS for every role anew.
"$target/venv-bench/bin/awsumepy" user --mfa-token 123456 >>"$home/first.log" 2>&1
if [ -e "$target/venv-long/bin/aws" ]; then
    "$target/venv-long/bin/aws" configure export-credentials --profile role >>"$home/first.log"
fi
